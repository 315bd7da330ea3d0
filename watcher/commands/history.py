"""``framesift history``: the ledger as lines."""

import json
from pathlib import Path

import click

from watcher.commands.options import COUNT, DISPLAY, period_argument, since_option, until_option
from watcher.errors import WatcherError
from watcher.model.period import Period
from watcher.model.verdict import Kind
from watcher.program import Program
from watcher.terminal.console import print_line
from watcher.terminal.streams import is_left


@click.command(name="history")
@period_argument
@since_option
@until_option
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only this verdict.")
@click.option("--display", type=DISPLAY, help="Only this display.")
@click.option("--limit", type=COUNT, help="Only so many, the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in each line.")
@click.pass_obj
def command(
    program: Program,
    asked: tuple[Period | None, Path | None],
    since: Period | None,
    until: Period | None,
    kind: str | None,
    display: int | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print what was decided, newest last.

    One line for each capture, as in the log: time, display, verdict, SSIM, the screen it is most like, and size.

    PERIOD is 2020, 2020-05, 2020-05-04, a moment such as 2020-05-04T09:10, 2020-05-01..2020-05-14, today, yesterday,
    7d, 1h, last week or last month. DATE is one of these as well.

    \b
    Examples:
      framesift history today
      framesift history --kind duplicate --since 2020-05-04
      framesift history --json --limit 100

    With --json each has id, path (where the capture job wrote it), location (where it is now), display, taken_at,
    recorded_at, kind (new, similar, duplicate or unreadable), ssim (exact, or null), ssim_at_most (where only an upper
    bound is known), nearest, worst_tile, change (the widest, if news are looked for), scene, reason, state (kept,
    moving, quarantined, restored, purged or missing), bytes and policy.
    """
    period, root = asked
    if period and (since or until):
        raise click.UsageError("either PERIOD, or --since and --until")
    since, until = since or period, until or period
    with program.existing_ledger() as ledger:
        place = program.settings_of_root(root, ledger).root
        if root is not None and place not in ledger.roots():
            raise WatcherError(f"nothing was judged in {place} yet")
        for entry in ledger.entries(
            place,
            since=since.begin if since else None,
            until=until.end if until else None,
            kind=Kind(kind) if kind else None,
            display=display,
            limit=limit or -1,
        ):
            if as_json:
                click.echo(json.dumps(entry.as_json()))
            else:
                print_line(entry)
            if is_left():
                return  # as with head: the rest is for nobody
