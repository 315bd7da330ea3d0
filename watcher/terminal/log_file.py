"""The log as a file: for its owner alone, it rotates, and nothing but a log is ever written to."""

import codecs
import contextlib
import io
import logging
import os
import re
import stat
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from watcher.disk.files import make_private_folder
from watcher.errors import WatcherError

LOG_BYTES = 5_000_000
LOG_FILES = 5

_HEAD = 4096
_LINE = re.compile(rb'(?:\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\)*(?:\d{4}-)?\d\d-\d\d \d\d:\d\d|\{"event": ')
"""How a line of ours begins, as people read it or as JSON."""


class LogFile(RotatingFileHandler):
    """A log file of ours; a full disk loses lines of it, and nothing else."""

    def __init__(self, file: Path) -> None:
        """Open *file* to be written on, or make it.

        Raises:
            WatcherError: it is no log, or cannot be opened; nothing was changed.
        """
        try:
            make_private_folder(file.parent)
            super().__init__(file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        except OSError as error:
            raise WatcherError(f"the log file {file} cannot be written: {error.strerror or error}") from error

    def write_line(self, text: str) -> None:
        """Add a line; one that the disk refuses is lost. A file that was removed or renamed is made anew."""
        if not self._is_in_place():
            with contextlib.suppress(OSError):
                self.close()  # the next line opens it
        self.emit(logging.makeLogRecord({"msg": text}))

    def _is_in_place(self) -> bool:
        if self.stream is None:
            return False
        try:
            return os.path.samestat(Path(self.baseFilename).stat(), os.fstat(self.stream.fileno()))
        except OSError:
            return False

    def _open(self) -> io.TextIOWrapper:
        # Not blocking: a pipe would be waited for until somebody reads it.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        try:
            _require_log(self.baseFilename, descriptor)
            if sys.platform != "win32":
                os.set_blocking(descriptor, True)
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Forget *record*: what could not be written would pile up in the stream's buffer for months."""
        del record
        with contextlib.suppress(OSError):
            self.close()


def _require_log(path: str, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if stat.S_ISCHR(status.st_mode):
        return  # such as /dev/null, in which nothing can be lost
    if not stat.S_ISREG(status.st_mode):
        raise WatcherError(f"the log file {path} is no file")
    head = os.read(descriptor, _HEAD)
    if head and not (_LINE.match(head) or _is_text_log(Path(path).name, head)):
        raise WatcherError(f"the log file {path} exists and is no log of framesift's: nothing is written to it")


def _is_text_log(name: str, head: bytes) -> bool:
    """Whether a file that begins with *head* is a log by its name, and text; a power cut may leave zeros in one."""
    text = head.lstrip(b"\0")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return "log" in name.lower() and b"\0" not in text
