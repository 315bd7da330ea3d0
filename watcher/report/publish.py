"""A look back at a period: its review, and a report as a file, written for its owner alone."""

from datetime import datetime
from pathlib import Path

from watcher.disk.files import remove_written, write_new
from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.model.query import Query
from watcher.program import Program
from watcher.progress import Progress
from watcher.report.compose import compose
from watcher.report.context import ReportContext
from watcher.report.html import is_ours, render
from watcher.report.second_looks import second_looks
from watcher.review.activity import Activity
from watcher.review.highlights import review
from watcher.review.result import Review
from watcher.settings.settings import Settings

_HEAD = 200


def look_back(  # noqa: PLR0913 - what is looked at, and where it goes
    program: Program,
    settings: Settings,
    ledger: Ledger,
    query: Query,
    activity: Activity,
    *,
    progress: Progress,
    file: Path | None = None,
) -> Review:
    """Review a period, and write the page on it to *file* as well, if one is named; *progress* is told how far this is.

    Raises:
        WatcherError: *file* is there and no report, or cannot be written; or nothing of the period was judged.
        FaultError: the ledger cannot be read.
    """
    if file is not None:
        refuse_to_overwrite(file)
    found = review(ledger, settings, query, activity, progress)
    if file is not None:
        quarantine = program.quarantine(ledger, settings.root)
        context = ReportContext(ledger, settings.root, quarantine, query.period, datetime.now(), program.invocation)
        looks = second_looks(context, settings.device)
        write_page(file, render(compose(context, activity, found.highlights, looks, progress)))
    return found


def refuse_to_overwrite(file: Path) -> None:
    """Do nothing if *file* may be written: it is not there, or a report.

    Raises:
        WatcherError: it may not.
    """
    if file.is_symlink() and not file.exists():
        raise WatcherError(f"{file} is a link that leads nowhere: it is not overwritten")
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


def write_page(file: Path, content: bytes) -> None:
    """Write a new file for the owner alone, in the place of an older report.

    Raises:
        WatcherError: *file* is no report, or cannot be written.
    """
    refuse_to_overwrite(file)  # once more: it took its time to compose the page
    try:
        remove_written(file)
        write_new(file, content)
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
