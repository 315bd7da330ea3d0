"""``framesift sweep``: the same judgement over what is there already."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from watcher.commands.options import judging, since_option, until_option
from watcher.errors import EXIT_INTERRUPTED
from watcher.flow.task import Task
from watcher.model.entry import Entry
from watcher.model.period import Period
from watcher.model.tally import Tally
from watcher.model.verdict import Kind
from watcher.program import Program
from watcher.terminal.progress import bar
from watcher.text import bytes_text

LOG_NAME = "sweep.log"


@click.command(name="sweep")
@judging
@since_option
@until_option
@click.option("--again", is_flag=True, help="Judge anew what was judged before, because the policy has changed.")
@click.option("--restored", is_flag=True, help="With --again: also what framesift restore has brought back.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for each capture, as framesift history --json does."
)
@click.pass_obj
def command(
    program: Program,
    flags: dict[str, Any],
    dry_run: bool,
    log_file: Path | None,
    since: Period | None,
    until: Period | None,
    again: bool,
    restored: bool,
    as_json: bool,
) -> int:
    """Judge the captures that are in ROOT already.

    Oldest first, and as the watcher would: distinct screens stay, duplicates move to the quarantine. Stop it whenever
    you like; the next sweep goes on where this one was. A watcher may be at work on ROOT meanwhile: what has arrived
    since the first start of the watcher is left to the watcher.

    It never deletes or overwrites a picture, and never judges what you restored, not even with --again; only --again
    --restored, which takes a restore back, does. A file that is not whole stays where it is, and the next sweep looks
    at it again.

    DATE is 2020, 2020-05, 2020-05-04, a moment such as 2020-05-04T09:10, or today, yesterday, 7d, 1h, last week.

    \b
    Examples:
      framesift sweep ROOT --dry-run
      framesift sweep --since 2020-05-01 --until 2020-05
      framesift sweep --window 0                  compare with all that was kept
      framesift sweep --again --duplicate 0.995   pictures leave, and come back

    Stopped before its end, it ends with 130.
    """
    if restored and not again:
        raise click.UsageError("--restored goes with --again")
    settings, tally = program.settings_of_root(**flags), Tally()
    file, terminal = log_file or program.folders.log_dir / LOG_NAME, not (program.quiet or as_json)
    with program.log(settings, file, terminal=terminal) as log:
        span = since.begin if since else datetime.min, until.end if until else datetime.max
        for entry in sweep_shown(Task(program, settings, log, dry_run), (*span, again, restored), tally):
            if as_json:
                click.echo(json.dumps(entry.as_json()))
    return EXIT_INTERRUPTED if tally.stopped else 0


def sweep_shown(task: Task, scope: tuple[datetime, datetime, bool, bool], tally: Tally) -> Iterator[Entry]:
    """A sweep of *scope*, as :class:`watcher.flow.sweep.Scope` has it, with its bar and its lines in the log."""
    task.log.say(f"framesift sweeps {task.root}")
    from watcher.flow.sweep import Scope, sweep  # noqa: PLC0415 - torch takes seconds

    with bar(task.log) as shown:
        for entry in sweep(task, Scope(*scope), tally):
            if entry is not None:
                task.log.entry(entry, shown=task.program.verbose)
                yield entry
            shown.show(tally.done, tally.total, _found(tally))
    task.log.say(_summary(tally, dry_run=task.dry_run), "good")


def _found(tally: Tally) -> str:
    kinds = tally.kinds
    kept = f"[green]{kinds[Kind.NEW]} new[/] [yellow]{kinds[Kind.SIMILAR]} similar[/]"
    return f"{kept} [bright_blue]{kinds[Kind.DUPLICATE]} duplicate[/] {bytes_text(tally.moved_bytes)}"


def _summary(tally: Tally, *, dry_run: bool) -> str:
    if not tally.total:
        return "stopped before it began" if tally.stopped else "nothing is left to judge"
    counts = ", ".join(f"{tally.kinds[kind]} {kind}" for kind in Kind if tally.kinds[kind]) or "nothing"
    share = f" ({tally.moved / tally.done:.0%} of them)" if tally.moved else ""
    saved = f"{bytes_text(tally.moved_bytes)} {'would be ' if dry_run else ''}quarantined{share}"
    left = f"; {tally.left} left alone" if tally.left else ""
    stopped = f"; stopped with {tally.total - tally.done} to go: run it again to go on" if tally.stopped else ""
    return f"judged {counts}; {saved}{left}{stopped}"
