"""A capture: one screen of one display, as its file name tells it."""

import os
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

DEFAULT_NAME_PATTERN = (
    r"(?:(?P<taken_at>\d{4}-\d{2}-\d{2}_\d{2}\.\d{2}\.\d{2}(?:\.\d{1,6})?)|[^.].*)"
    r"_(?P<display>\d{1,2})\.png"
)
"""The capture job's names, and any other name that ends in ``_N.png``; hidden names are nobody's captures."""


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
    def order(self) -> tuple[datetime, int, bytes]:
        """Sorting key: the time in the name first, whatever the clock or the arrival said."""
        return self.taken_at, self.display, os.fsencode(self.path)


def is_recordable(stat: os.stat_result) -> bool:
    """Whether the mtime fits into the ledger's 64 bits; some file systems hold times beyond the year 2262."""
    return -(2**63) <= stat.st_mtime_ns < 2**63


class NamePattern:
    """Tells captures from other files by their name alone."""

    def __init__(self, pattern: str = DEFAULT_NAME_PATTERN) -> None:
        """Compile *pattern*, a regular expression with a group ``display`` and, if names hold it, ``taken_at``.

        Raises:
            ValueError: the expression is invalid or has no group ``display``.
        """
        try:
            self._regex = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if "display" not in self._regex.groupindex:
            raise ValueError("needs a group named 'display', such as _(?P<display>[0-9]+)[.]png")

    def matches(self, name: str) -> bool:
        """Whether *name* (no folder) is a capture's. Control characters in it do not matter."""
        match = self._regex.fullmatch(name)
        return match is not None and (match["display"] or "").isdecimal()

    def parse(self, path: Path, stat: os.stat_result) -> Capture:
        """The capture at *path*, whose name must match; a name without a valid time takes the mtime's."""
        match = self._regex.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name!r} is not a capture's name")
        taken_at = _time_in(match.groupdict().get("taken_at") or "")
        if taken_at is None:
            taken_at = datetime.fromtimestamp(stat.st_mtime)
        return Capture(path, int(match["display"]), taken_at, stat.st_size, stat.st_mtime_ns, stat.st_ino)


def _time_in(text: str) -> datetime | None:
    """The time in a name such as ``2020-05-04_09.10.01.596854``; None for a date that does not exist."""
    day, _, clock = text.partition("_")
    try:
        return datetime.fromisoformat(f"{day}T{clock.replace('.', ':', 2)}")
    except ValueError:
        return None
