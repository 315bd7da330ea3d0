"""The folders below a root as they were last listed, which of them are listed again when, and what events name."""

import heapq
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from watcher.arrive.observer import Change
from watcher.disk.listing import Known, Marks, Names, captures_named, list_folder
from watcher.health.heartbeat import SourceStatus
from watcher.model.capture import Capture, NamePattern

LATEST_SECONDS = 10.0
"""How often the folders with the latest changes are looked at."""
ALL_SECONDS = 60.0
"""How often all folders are looked at."""
ANEW_SECONDS = 3600.0
"""How often all folders are listed and all files looked at, whatever was seen before."""
CALM_SECONDS = 10.0
"""Between two scans of everything at least, however many events are lost."""
_LATEST = 20
_JUMP_SECONDS = 2.0
"""What the wall clock may gain or lose on the monotonic one between two looks; more means sleep, or a clock set."""
_COARSE_MTIME_NS = 3_000_000_000
"""A folder's mtime this fresh may hide another file of the same tick (FAT: 2 s)."""


class Tree:
    """The folders below a root, their mtimes, and what was seen in them.

    A look compares mtimes, lists the folders that have changed, and looks at the files in them that were not seen
    before. All times are of the monotonic clock.
    """

    def __init__(self, root: Path, pattern: NamePattern, status: SourceStatus) -> None:
        """Know nothing of *root* yet; *status* takes which folders cannot be listed, and when all were looked at."""
        self.known: Known = lambda *_: set()
        """What listings pass over."""
        self.names = Names()
        """What names came to in all listings so far, each as often as it was listed."""
        self._root, self._pattern, self._status = root, pattern, status
        self._mtimes: dict[Path, int] = {}
        """By folder, in ns; 0 where another file may have come at the same mtime."""
        self._seen: dict[Path, Marks] = {}
        """By folder, the files in it: a new one in a folder of 100,000 must not cost a look at each."""
        self._next_latest = self._next_all = self._next_anew = 0.0
        self._listed_anew = 0.0
        self._clock_offset = _clock_offset()

    def forget(self) -> None:
        """Look at everything at the next look, which is the first."""
        self._mtimes.clear()
        self._seen.clear()
        self._next_anew = 0.0

    def doubts(self) -> Iterator[str]:
        """What is odd in the names, a line each."""
        return self.names.doubts(self._root, self._pattern)

    def count(self) -> int:
        """How many of the folders are there now."""
        return sum(_mtime_ns(folder) >= 0 for folder in self._mtimes)

    def look(self, *, has_lost: bool) -> list[Capture] | None:
        """Look at what is due, everything if events were lost or a clock has jumped; returns captures, None if nothing.

        Raises:
            OSError: the root cannot be listed.
        """
        now = time.monotonic()
        self._hasten(now, has_lost=has_lost)
        is_whole = now >= min(self._next_all, self._next_anew)
        if not is_whole and now < self._next_latest:
            return None
        captures = [capture for folder in self._due(now) for capture in self.scan(folder)]
        if is_whole:
            self._status.last_scan = time.time()
        return captures

    def visit(self, changes: Sequence[Change]) -> list[Capture]:
        """See what *changes* name; returns the captures among it that are not known.

        Raises:
            OSError: the root cannot be listed.
        """
        captures: list[Capture] = []
        files = {change.path for change in changes if not change.is_folder and self._pattern.fits(change.path.name)}
        for folder, paths in groupby(sorted(files), key=lambda path: path.parent):
            try:
                captures += captures_named(folder, [path.name for path in paths], self._pattern, self.known, self.names)
            except OSError:
                captures += self.scan(folder)
        for change in changes:
            if change.is_folder and change.has_come:
                self._seen.pop(change.path, None)
                captures += self.scan(change.path)
            elif change.is_folder and not self._can_list(change.path):
                captures += self.scan(change.path)
        return captures

    def scan(self, folder: Path) -> list[Capture]:
        """List *folder* and those below it that are new; returns their captures that are not known, and were not seen.

        Raises:
            OSError: it is the root, and cannot be listed.
        """
        captures: list[Capture] = []
        waiting = [folder]
        while waiting:
            inner = waiting.pop()
            try:
                listing = list_folder(inner, self._pattern, self.known, self._seen.get(inner, ()))
            except OSError as error:
                self._cannot_list(inner, error)
                continue
            self._status.unlisted.pop(os.fspath(inner), None)
            is_fresh = time.time_ns() - listing.mtime_ns < _COARSE_MTIME_NS
            self._mtimes[inner], self._seen[inner] = 0 if is_fresh else listing.mtime_ns, listing.marks
            waiting += [new for new in listing.folders if new not in self._mtimes]
            captures += listing.captures
            self.names.add(listing.names)
        return captures

    def _can_list(self, folder: Path) -> bool:
        """Whether *folder* has been listed and still could be: then what has changed in it has events of its own."""
        if folder not in self._mtimes:
            return False
        try:
            os.scandir(folder).close()
        except OSError:
            return False
        return True

    def _hasten(self, now: float, *, has_lost: bool) -> None:
        """See to a scan of everything if events may be lost: too many came, the machine slept, or a clock was set."""
        offset = _clock_offset()
        if abs(offset - self._clock_offset) > _JUMP_SECONDS:
            self._next_anew = now
        elif has_lost:
            self._next_anew = min(self._next_anew, max(now, self._listed_anew + CALM_SECONDS))
        self._clock_offset = offset

    def _due(self, now: float) -> list[Path]:
        """The folders that are to be listed, when a look is due."""
        self._next_latest = now + LATEST_SECONDS
        if now >= self._next_anew:
            self._listed_anew, self._next_anew, self._next_all = now, now + ANEW_SECONDS, now + ALL_SECONDS
            self._mtimes.clear()
            self._seen.clear()
            self._status.unlisted.clear()
            return [self._root]
        if now >= self._next_all:
            self._next_all = now + ALL_SECONDS
            return self._changed(self._mtimes)
        return self._changed(self._latest())

    def _changed(self, folders: Iterable[Path]) -> list[Path]:
        """Those of *folders* that are not as they were listed, and those that cannot be; the root is always tried."""
        unlisted = [Path(folder) for folder in self._status.unlisted]
        changed = [folder for folder in folders if _mtime_ns(folder) != self._mtimes[folder]]
        return list(dict.fromkeys([self._root, *unlisted, *changed]))

    def _latest(self) -> set[Path]:
        """The folders that changed last, and those they lie in: where new captures and folders come."""
        latest = heapq.nlargest(_LATEST, self._mtimes, key=lambda folder: self._mtimes[folder] or float("inf"))
        return {above for folder in latest for above in (folder, *folder.parents) if above in self._mtimes}

    def _cannot_list(self, folder: Path, error: OSError) -> None:
        self._mtimes.pop(folder, None)
        self._seen.pop(folder, None)
        if folder == self._root:
            raise error
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            self._status.unlisted.pop(os.fspath(folder), None)
        else:
            self._status.unlisted[os.fspath(folder)] = error.strerror or str(error)


def _clock_offset() -> float:
    return time.time() - time.monotonic()


def _mtime_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1
