"""``framesift highlights``: the most unusual screens of a period."""

import json
import os
from pathlib import Path

import click

from watcher.commands.options import COUNT, DISPLAY, PATH, json_option, period_argument
from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.ledger.unjudged import unjudged
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.program import Program
from watcher.review.activity import read_activity
from watcher.review.table import review_lines
from watcher.settings.settings import Settings
from watcher.terminal.console import print_lines, terminal_width
from watcher.terminal.progress import bar_of_verb
from watcher.text import quoted

_DAYS = 7


@click.command(name="highlights")
@period_argument
@click.option("-n", "--count", type=COUNT, default=20, show_default=True, help="Show at most so many.")
@click.option("--display", type=DISPLAY, help="Only this display.")
@click.option(
    "--html",
    "out",
    type=PATH,
    help="Also write the page of framesift report with them into this file.",
)
@json_option
@click.pass_obj
def command(
    program: Program,
    asked: tuple[Period | None, Path | None],
    count: int,
    display: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Show the most unusual screens of PERIOD.

    PERIOD is 2020, 2020-05, 2020-05-04, 2020-05-01..2020-05-14, today, yesterday, 7d, 1h, last week or last month;
    without one, the last seven days.

    Each is shown with how long it stood, how often, how many others are like it, and the screen that it is most like
    with their exact SSIM. Screens that are usual are left out, and of those that are alike one is shown.

    It knows how screens look, and not what they say: other text in the same layout is not unusual to it. So it ends
    with the duplicates in quarantine in which one small square has changed strongly, such as a notification in a
    corner, each with the command that restores it. It moves nothing. What was not judged is not seen: it says so, and
    that framesift sweep comes first.

    \b
    Examples:
      framesift highlights 2020
      framesift highlights 2020-05-01..2020-05-14 -n 50 --display 2

    With --json: an object of root, begin, end, captures, screens, highlights, second_looks and opened. A highlight has
    entry (as in framesift history --json), first, last, times, visits, stood_seconds, most_like, ssim, alike and score.

    How they are chosen: framesift help judging.
    """
    period, given = asked
    query = Query(period or Period.last_days(_DAYS), count, display)
    # The copy of a ledger that is not there is empty, and leaves nothing behind.
    is_there = program.ledger_file.exists()
    with program.ledger() if is_there else Ledger.copy(program.ledger_file) as ledger:
        settings = program.settings_of_root(given, ledger)
        root = settings.root
        if not os.path.isdir(root):  # noqa: PTH112 - is_dir() may raise
            raise WatcherError(f"{root} is not there")
        activity = read_activity(ledger, root, query.period)
        if not activity.readable(display):
            _require_no_backlog(program, ledger, settings, query)
        from watcher.report.publish import look_back  # noqa: PLC0415 - torch takes seconds

        with bar_of_verb("highlights", quiet=program.quiet) as progress:
            found = look_back(program, settings, ledger, query, activity, progress=progress, file=out)
        left = Totals(ledger, root).left_alone()
    if as_json:
        head = {"root": os.fspath(root), "begin": query.period.begin.isoformat(), "end": query.period.end.isoformat()}
        click.echo(json.dumps(head | found.as_json(program.invocation)))
    elif found.captures:
        print_lines(review_lines(found, query, root, program.invocation, terminal_width()))
    else:
        on_display = "" if display is None else f" on display {display}"
        click.echo(f"nothing was captured in {query.period}{on_display}")
    if left:
        click.echo(
            f"{left} capture{'s' * (left != 1)} from before the watcher's first start are left to framesift sweep",
            err=True,
        )


def _require_no_backlog(program: Program, ledger: Ledger, settings: Settings, query: Query) -> None:
    """Nothing was judged in the period: refuse if that is only because nobody has looked yet."""
    period, display, root, pattern = query.period, query.display, settings.root, settings.names
    count = sum(
        capture.taken_at in period and display in (None, capture.display)
        for capture, _ in unjudged(ledger, root, pattern)
    )
    if count:
        raise WatcherError(
            f"{count} capture{'s' * (count != 1)} of {period} not judged yet;"
            f" run {program.invocation} sweep {quoted(root)} first (with --dry-run, it only tells what it would do)"
        )
