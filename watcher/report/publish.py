"""A report as a file: composed, set, and written for its owner alone."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from watcher.disk.files import remove_written
from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.model.period import Period
from watcher.program import Program
from watcher.report.compose import compose
from watcher.report.context import Calls, Subject
from watcher.report.html import is_ours, typeset
from watcher.report.second_looks import second_looks
from watcher.review.appearances import Choice
from watcher.review.highlights import review
from watcher.settings.folders import Folders
from watcher.text import quoted

_HEAD = 200


def publish(program: Program, ledger: Ledger, choice: Choice, file: Path) -> int:
    """Write the page on a period, with the highlights of that *choice*, to *file*; returns its bytes.

    Raises:
        WatcherError: *file* is there and no report, or cannot be written; or nothing of the period was judged.
        FaultError: the ledger cannot be read.
    """
    _refuse_to_overwrite(file)
    subject = _subject(program, ledger, choice.period)
    settings = program.settings(root=subject.root)
    found = review(ledger, settings, subject.root, choice)
    content = typeset(compose(subject, found.highlights, second_looks(subject, settings.device)))
    _write(file, content)
    return len(content)


def _subject(program: Program, ledger: Ledger, period: Period) -> Subject:
    root = program.root(ledger, None)
    state_dir = program.folders.state_dir
    flags = "" if state_dir == Folders.choose().state_dir else f" --state-dir {quoted(state_dir)}"
    calls = Calls(f"framesift{flags}")
    return Subject(ledger, root, program.quarantine(ledger, root), period, datetime.now(), calls)


def _refuse_to_overwrite(file: Path) -> None:
    """Do nothing if *file* may be written: it is not there, or a report."""
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
