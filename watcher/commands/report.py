"""``framesift report``: one page to look back at a day, a week, a month."""

import contextlib
import os
import webbrowser
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from watcher.errors import WatcherError
from watcher.folders import Folders
from watcher.period import Period, date
from watcher.program import Program
from watcher.text import quoted, visible

if TYPE_CHECKING:
    from watcher.ledger import Ledger
    from watcher.page import Page
    from watcher.subject import Subject

_DAYS = 7
_HEAD = 200


@click.command(name="report")
@click.argument("period", required=False, type=date)
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
    from watcher.console import size  # noqa: PLC0415 - asking for help must not load it
    from watcher.telling import file_name_of  # noqa: PLC0415
    from watcher.typeset import typeset  # noqa: PLC0415

    wanted = period or Period.last_days(_DAYS)
    file = out or Path(f"framesift-report-{file_name_of(wanted)}.html")
    _refuse_to_overwrite(file)
    with program.existing_ledger() as ledger:
        content = typeset(_page(program, ledger, wanted))
    _write(file, content)
    click.echo(f"{visible(os.fspath(file))} ({size(len(content))})")
    if show and not webbrowser.open(file.absolute().as_uri()):
        raise WatcherError(f"no browser could be started to show {file}")


def _page(program: Program, ledger: "Ledger", period: Period) -> "Page":
    from watcher.highlights import review  # noqa: PLC0415 - as above
    from watcher.report import compose  # noqa: PLC0415
    from watcher.second_looks import second_looks  # noqa: PLC0415
    from watcher.showings import Choice  # noqa: PLC0415

    subject = _subject(program, ledger, period)
    settings = program.settings(root=subject.root)
    found = review(ledger, settings, subject.root, Choice(period))
    return compose(subject, found.highlights, second_looks(subject, settings.device))


def _subject(program: Program, ledger: "Ledger", period: Period) -> "Subject":
    from watcher.subject import Calls, Subject  # noqa: PLC0415 - as above

    root = program.root(ledger, None)
    state_dir = program.folders.state_dir
    flags = "" if state_dir == Folders.choose().state_dir else f" --state-dir {quoted(state_dir)}"
    calls = Calls(f"framesift{flags}")
    return Subject(ledger, root, program.quarantine(ledger, root), period, datetime.now(), calls)


def _refuse_to_overwrite(file: Path) -> None:
    """Do nothing if *file* may be written: it is not there, or a report."""
    from watcher.typeset import is_ours  # noqa: PLC0415 - as above

    if file.exists() and not file.is_file():
        raise WatcherError(f"{file} is no file")  # and reading from a pipe would wait for ever
    try:
        with file.open("rb") as stream:
            ours = is_ours(stream.read(_HEAD))
    except FileNotFoundError:
        return
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
    if not ours:
        raise WatcherError(f"{file} exists and is no report of framesift's: it is not overwritten")


def _write(file: Path, content: bytes) -> None:
    """Write a new file for the owner alone, in the place of an older report."""
    from watcher.files import remove_written  # noqa: PLC0415 - as above

    try:
        remove_written(file)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
    except OSError as error:
        with contextlib.suppress(OSError):
            remove_written(file)
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
