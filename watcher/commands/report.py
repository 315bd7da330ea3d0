"""``framesift report``: one page to look back at a day, a week, a month."""

import os
import webbrowser
from pathlib import Path

import click

from watcher.commands.options import PATH, period_argument
from watcher.errors import WatcherError
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.program import Program
from watcher.review.activity import read_activity
from watcher.review.wording import file_name_of
from watcher.terminal.progress import bar_of_verb
from watcher.text import bytes_text, visible

_DAYS = 7


@click.command(name="report")
@period_argument
@click.option(
    "--html",
    "out",
    type=PATH,
    help="File to write; framesift-report-PERIOD.html in this folder if not given.",
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@click.pass_obj
def command(program: Program, asked: tuple[Period | None, Path | None], out: Path | None, show: bool) -> None:
    """Make one page to look back at a PERIOD.

    PERIOD is 2020, 2020-05, 2020-05-04, 2020-05-01..2020-05-14, today, yesterday, 7d, 1h, last week or last month;
    without one, the last seven days.

    The page is one HTML file that needs no network and no other file. Nobody but you may read the file. It holds the
    screens that framesift highlights finds (click one, or press Enter, then the arrow keys); a strip of time for each
    day and display, in which a bar is the higher the more was new; the screens that stood longest; what was saved; and
    the quarantined duplicates that changed most in one place, each with the command that brings it back.

    A file of that name is replaced only if it is a report.

    \b
    Examples:
      framesift report --open
      framesift report 2020-05 --html OUT.html
    """
    from watcher.report.publish import look_back  # noqa: PLC0415 - torch takes seconds

    period, root = asked
    wanted = period or Period.last_days(_DAYS)
    file = out or Path(f"framesift-report-{file_name_of(wanted)}.html")
    with program.existing_ledger() as ledger:
        settings = program.settings_of_root(root, ledger)
        if not os.path.isdir(settings.root):  # noqa: PTH112 - is_dir() may raise
            raise WatcherError(f"{settings.root} is not there")
        activity = read_activity(ledger, settings.root, wanted)
        with bar_of_verb("report", quiet=program.quiet) as progress:
            look_back(program, settings, ledger, Query(wanted), activity, progress=progress, file=file)
    click.echo(f"{visible(os.fspath(file))} ({bytes_text(file.stat().st_size)})")
    if show and not webbrowser.open(file.absolute().as_uri()):
        raise WatcherError(f"no browser could be started to show {file}")
