"""``framesift report``: one page to look back at a day, a week, a month."""

import os
import webbrowser
from pathlib import Path

import click

from watcher.commands.options import as_period
from watcher.errors import WatcherError
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.program import Program
from watcher.review.activity import read_activity
from watcher.review.wording import file_name_of
from watcher.terminal.console import bytes_text
from watcher.text import visible

_DAYS = 7


@click.command(name="report")
@click.argument("period", required=False, type=as_period)
@click.option(
    "--html", "out", type=click.Path(path_type=Path), help="The file; default: framesift-report-PERIOD.html, here."
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@click.pass_obj
def command(program: Program, period: Period | None, out: Path | None, show: bool) -> None:
    """Make one page to look back at a PERIOD: its highlights, its days, what was saved, and what to check.

    PERIOD is 2020, 2020-05, 2020-05-04 or 2020-05-01..2020-05-14; without it, the last seven days. The page is one
    file that needs no network. It shows your screens, so that nobody else may read it.
    """
    from watcher.report.publish import look_back  # noqa: PLC0415 - torch takes seconds

    wanted = period or Period.last_days(_DAYS)
    file = out or Path(f"framesift-report-{file_name_of(wanted)}.html")
    with program.existing_ledger() as ledger:
        activity = read_activity(ledger, program.root(ledger, None), wanted)
        look_back(program, ledger, Query(wanted), activity, file)
    click.echo(f"{visible(os.fspath(file))} ({bytes_text(file.stat().st_size)})")
    if show and not webbrowser.open(file.absolute().as_uri()):
        raise WatcherError(f"no browser could be started to show {file}")
