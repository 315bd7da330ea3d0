"""A capture: one screen of one display, as its file name tells it."""

import os
import re
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from watcher.errors import NameRefusedError
from watcher.model.name_time import time_in

DEFAULT_NAME_PATTERN = (
    r"(?:(?P<taken_at>\d{4}-\d{2}-\d{2}_\d{2}\.\d{2}\.\d{2}(?:\.\d{1,6})?)|[^.].*)"
    r"_(?P<display>\d{1,2})\.png"
)
"""The capture job's names, and any other name that ends in ``_N.png``; hidden names are nobody's captures."""


_MOST_DIGITS = 9
"""Of the number of a display, as in the table ``ignore`` of the settings: SQLite holds no more than 18."""
MOST_DISPLAYS = 10**_MOST_DIGITS - 1
"""The greatest number of a display."""
_YEARS = range(2, 9999)
"""Of a capture: there is a day before and after each of its days."""

Identity = tuple[Path, int, int]
"""Path, size and mtime_ns."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A settled picture file. What it is, its bytes say; (path, size, mtime_ns) are the fast way to believe that."""

    path: Path
    display: int
    taken_at: datetime
    """Local wall-clock time without a zone, as the capture job writes it into the name."""
    size: int
    """Bytes."""
    mtime_ns: int
    inode: int = 0
    """0 where it is not known, as for captures read back from the ledger."""
    digest: bytes = field(default=b"", compare=False)
    """Of the bytes of its file (:mod:`watcher.disk.content`); empty where they have not been read."""

    @property
    def identity(self) -> Identity:
        """What makes two captures the same. Not the inode: captures read back from the ledger have none."""
        return self.path, self.size, self.mtime_ns

    @property
    def order(self) -> tuple[datetime, int, bool, bytes]:
        """Sorting key: the time in the name first, whatever the clock or the arrival said.

        Of equal times the one in the folder of its day, so that a copy of that folder never displaces the original.
        """
        is_elsewhere = self.path.parent.name != f"{self.taken_at:%Y-%m-%d}"
        return self.taken_at, self.display, is_elsewhere, os.fsencode(self.path)


def is_recordable(stat: os.stat_result) -> bool:
    """Whether the mtime fits into the ledger's 64 bits; some file systems hold times beyond the year 2262."""
    return -(2**63) <= stat.st_mtime_ns < 2**63


class NamePattern:
    """Tells captures from other files by their name alone."""

    def __init__(self, pattern: str = DEFAULT_NAME_PATTERN, time_format: str = "") -> None:
        """Compile *pattern*, a regular expression with a group ``display`` and, if names hold it, ``taken_at``.

        Args:
            pattern: it must fit the whole of a name.
            time_format: how ``taken_at`` is written, as ``time_in`` has it.

        Raises:
            ValueError: the expression is invalid or has no group ``display``.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # about sets that Python may come to read otherwise
                self._regex = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if "display" not in self._regex.groupindex:
            raise ValueError("needs a group named 'display', such as _(?P<display>[0-9]+)[.]png")
        self._time_format = time_format
        self._is_default = pattern == DEFAULT_NAME_PATTERN

    @property
    def has_time(self) -> bool:
        """Whether it looks for a time in names."""
        return "taken_at" in self._regex.groupindex

    def fits(self, name: str) -> bool:
        """Whether *name* (no folder) has the form of a capture's; it may be refused all the same."""
        match = self._regex.fullmatch(name)
        return match is not None and (match["display"] or "").isdecimal()

    def matches(self, name: str) -> bool:
        """Whether *name* (no folder) is a capture's. Control characters in it do not matter."""
        return self.fits(name) and not self.refusal(name)

    def refusal(self, name: str) -> str:
        """Why *name*, which fits, is no capture's all the same; empty if it is one."""
        try:
            self._read(name)
        except NameRefusedError as error:
            return str(error)
        return ""

    def tells_time(self, name: str) -> bool:
        """Whether *name*, which is a capture's, tells a time."""
        return self._read(name)[1] is not None

    def parse(self, path: Path, stat: os.stat_result) -> Capture:
        """The capture at *path*, whose name must fit; one without a time takes the mtime's.

        Raises:
            NameRefusedError: the name tells what cannot be written down, or a time that cannot be read.
        """
        display, taken_at = self._read(path.name)
        moment = taken_at or datetime.fromtimestamp(stat.st_mtime)
        return Capture(path, display, moment, stat.st_size, stat.st_mtime_ns, stat.st_ino)

    def _read(self, name: str) -> tuple[int, datetime | None]:
        """The display and the time that *name* tells, if it tells any."""
        match = self._regex.fullmatch(name)
        if match is None:
            raise ValueError(f"{name!r} is not a capture's name")
        digits, text = match["display"], match.groupdict().get("taken_at")
        if len(digits) > _MOST_DIGITS:
            raise NameRefusedError(f"the number of a display has at most {_MOST_DIGITS} digits, not {len(digits)}")
        if not text:
            return int(digits), None
        taken_at = time_in(text, self._time_format)
        if taken_at is None and self._is_default:
            return int(digits), None  # any other name that ends in _N.png is a capture's as well
        if taken_at is None:
            form = f" of the form {self._time_format!r}" if self._time_format else " that can be read"
            raise NameRefusedError(f"its name tells no time{form}: {text!r}; see the setting time_format")
        if taken_at.year not in _YEARS:
            raise NameRefusedError(f"its name tells a time before the year {_YEARS[0]} or after {_YEARS[-1]}: {text!r}")
        return int(digits), taken_at
