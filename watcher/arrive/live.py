"""Captures as they arrive. Events are hints; the folder is the truth."""

import errno
import heapq
import os
import queue
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from watcher.arrive.events import Hearing
from watcher.arrive.png import check_whole
from watcher.arrive.settling import Arrival, key_of
from watcher.disk.listing import ELSEWHERE, Known, disk_of, list_folder
from watcher.errors import GoneError, NotWholeError
from watcher.health.heartbeat import SourceStatus
from watcher.model.capture import Capture, NamePattern, is_recordable

RESCAN_SECONDS = 60.0
FULL_RESCAN_SECONDS = 3600.0
POLL_SECONDS = 10.0
"""How often the folders with the latest changes are looked at while no events arrive."""
_POLLED = 20
_CALM_SECONDS = 10.0
"""Between two scans of everything at least, however many events are lost."""
_JUMP_SECONDS = 2.0
"""What the wall clock may gain or lose on the monotonic one between two looks; more means sleep, or a clock set."""
_IDLE_SECONDS = 1.0
"""How often the worker looks up when nothing happens: whether the root is still there, whether to stop."""
_COALESCE_SECONDS = 0.05
"""Events of one burst are taken together, so that a folder is listed once for them. Also the shortest wait."""
_COARSE_MTIME_NS = 3_000_000_000
"""A folder's mtime this fresh may hide another file of the same tick (FAT: 2 s)."""


class Host(Protocol):
    """Whoever takes the captures, as the source calls it on the same thread."""

    def known(self, folder: Path) -> set[tuple[bytes, int, int]]:
        """What to pass over: (name, size, mtime_ns) of files in *folder*."""

    def found(self) -> None:
        """The root has come into sight: events are on, and the first look follows."""

    def is_ours(self) -> bool:
        """Another disk is in the root's place: whether it is the one of the captures that were kept."""

    def idle(self) -> None:
        """Nothing is ready: called at least every second."""


class Live:
    """Captures as they arrive in a root, until told to stop.

    Any event marks its folder dirty; dirty folders are listed, and what the ledger does not know is on its way until
    it has settled and is whole. Rescans find what no event told of.
    """

    def __init__(self, root: Path, pattern: NamePattern, say: Callable[[str], None]) -> None:
        """Watch *root*; *say* takes lines about what it cannot see."""
        self.status = SourceStatus()
        self._root = root
        self._pattern = pattern
        self._say = say
        self._known: Known = lambda _: set()
        self._dirty: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._arrivals: dict[Path, tuple[Capture, Arrival]] = {}
        self._handed_out = Arrival.seen((0, 0, 0), 0.0)
        self._folders: dict[Path, int] = {}
        self._stopped = False
        self._hearing = Hearing(root, self._dirty.put)
        self._identity: tuple[int, int] | None = None
        self._next_rescan = self._next_full = self._next_poll = 0.0
        self._coming: Path | None = None
        """Where the last capture came."""
        self._scanned = 0.0
        """When every folder was last looked at, monotonic."""
        self._offset = time.time() - time.monotonic()

    def stop(self) -> None:
        """End the iteration after the capture in hand. May be called from a signal handler."""
        self._stopped = True
        self._dirty.put(None)

    def captures(self, host: Host) -> Iterator[Capture]:
        """Yield settled, whole captures, those of one display in the order of their time; calls *host* meanwhile."""
        self._known = host.known
        try:
            while not self._stopped:
                if self._look_at_root(host):
                    self._rescan_if_due()
                    self._attend()
                    yield from self._ready()
                host.idle()
                self._await_events()
        finally:
            self._hearing.end()

    def postpone(self, capture: Capture, error: Exception) -> None:
        """Look again later at the capture handed out last: it could not be judged."""
        if isinstance(error, GoneError):
            self._dirty.put(capture.path.parent)  # it is noticed again if it is still there in another form
            return
        self._arrivals[capture.path] = (capture, self._handed_out)
        self._postpone(capture, self._handed_out, time.monotonic(), f"cannot be judged: {error}")

    # --- the root, and events from it ---

    def _look_at_root(self, host: Host) -> bool:
        """Whether the root is there and can be listed; it is heard anew if it is not the folder it was."""
        try:
            identity, disk = _identity(self._root), disk_of(self._root)
            if identity != self._identity:
                # The empty folder under a disk that was unmounted looks like a root from which all was deleted.
                if self.status.disk != disk and not host.is_ours():
                    self._blind(OSError(errno.ENODEV, ELSEWHERE))
                    return False
                with os.scandir(self._root) as items:
                    next(items, None)
        except OSError as error:
            self._blind(error)
            return False
        if identity != self._identity:
            self._identity, self.status.disk = identity, disk
            self._hear()
            host.found()
            self._folders.clear()
            self._next_full = 0.0
        return True

    def _blind(self, error: OSError) -> None:
        why = f"waiting for {self._root}: {error.strerror or error}"
        if self.status.why != why:
            self._say(why)
        self._hearing.end()
        self._identity = None
        self.status.root_there, self.status.events, self.status.why = False, False, why
        # Nothing is concluded about the files: the disk may only be absent.
        self._arrivals.clear()
        self.status.waiting.clear()
        self.status.unlisted.clear()

    def _hear(self) -> None:
        was_blind = not self.status.root_there and self.status.why.startswith("waiting")
        self._hearing.begin()
        self.status.root_there, self.status.events, self.status.why = True, True, ""
        if was_blind:
            self._say(f"{self._root} is there")
        self._tell_hearing()

    def _attend(self) -> None:
        """Look after the events, and say when they stop and when they come back."""
        if self.status.root_there:
            self._hearing.attend(self._newest, len(self._folders), time.monotonic())
            self._tell_hearing()

    def _newest(self) -> Path:
        """The folder in which captures came last, or seem to have; a cookie there makes it no newer than it is."""
        if self._coming in self._folders:
            return self._coming
        return max(self._folders, key=lambda folder: (self._recency(folder), len(folder.parts)), default=self._root)

    def _tell_hearing(self) -> None:
        status, heard = self.status, self._hearing.works
        why = "" if heard else f"{self._hearing.why}; looking every {POLL_SECONDS:.0f} s"
        if heard and not status.events:
            self._say("events arrive again")
        elif why and why != status.why:
            self._say(why)
        status.events, status.why, status.last_event = heard, why, self._hearing.last_event

    def _await_events(self) -> None:
        """Wait for an event or for the next thing that is due, then list the folders that events named."""
        now = time.monotonic()
        due = min((arrival.due for _, arrival in self._arrivals.values()), default=now + _IDLE_SECONDS)
        dirty: dict[Path, None] = {}
        try:
            folder = self._dirty.get(timeout=min(max(due - now, _COALESCE_SECONDS), _IDLE_SECONDS))
            time.sleep(_COALESCE_SECONDS)
            while True:
                if folder is not None:
                    dirty[folder] = None
                folder = self._dirty.get_nowait()
        except queue.Empty:
            pass
        for changed in filter(self._is_watched, dirty):
            self._scan(changed)

    def _is_watched(self, folder: Path) -> bool:
        """Whether it is the root or a visible folder below it: events of the root itself name its parent, too."""
        if not folder.is_relative_to(self._root):
            return False
        return not any(part.startswith(".") for part in folder.relative_to(self._root).parts)

    # --- scans ---

    def _rescan_if_due(self) -> None:
        now = time.monotonic()
        first = not self._folders
        self._look_for_losses(now)
        if now >= self._next_full:
            self._next_full, self._next_rescan = now + FULL_RESCAN_SECONDS, now + RESCAN_SECONDS
            changed: Iterable[Path] = [self._root]
            self._folders.clear()
            self.status.unlisted.clear()
        elif now >= self._next_rescan:
            self._next_rescan = now + RESCAN_SECONDS
            changed = self._changed(self._folders)
        elif not self.status.events and now >= self._next_poll:
            changed = self._changed(self._latest())
        else:
            return
        self._next_poll = now + POLL_SECONDS
        found = [path for folder in changed for path in self._scan(folder)]
        if not self.status.root_there:
            return
        self.status.last_scan = time.time()
        if found and not first:
            self.status.found_by_scan += len(found)
            self._hearing.missed(found[-1].parent, self._scanned, time.monotonic())
        self._scanned = now

    def _look_for_losses(self, now: float) -> None:
        """See to a scan of everything if events may be lost: too many came, the machine slept, or a clock was set."""
        offset = time.time() - time.monotonic()
        if abs(offset - self._offset) > _JUMP_SECONDS:
            self._next_full = now
            self._hearing.doubt()
        elif self._hearing.has_lost():
            self._next_full = min(self._next_full, max(now, self._scanned + _CALM_SECONDS))
        self._offset = offset

    def _changed(self, folders: Iterable[Path]) -> list[Path]:
        """Those of *folders* that are not as they were listed, and those that cannot be; the root is always tried."""
        unlisted = [Path(folder) for folder in self.status.unlisted]
        changed = [folder for folder in folders if _mtime_ns(folder) != self._folders[folder]]
        return list(dict.fromkeys([self._root, *unlisted, *changed]))

    def _latest(self) -> set[Path]:
        """The folders that changed last, and those they lie in: where new captures and folders come."""
        latest = heapq.nlargest(_POLLED, self._folders, key=self._recency)
        return {above for folder in latest for above in (folder, *folder.parents) if above in self._folders}

    def _recency(self, folder: Path) -> float:
        return self._folders[folder] or float("inf")

    def _scan(self, folder: Path) -> list[Path]:
        """List *folder* and those below it that are new; returns the captures that were not noticed before."""
        found: list[Path] = []
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            try:
                listing = list_folder(place, self._pattern, self._known)
            except OSError as error:
                self._cannot_list(place, error)
                continue
            self.status.unlisted.pop(os.fspath(place), None)
            fresh = time.time_ns() - listing.mtime_ns < _COARSE_MTIME_NS
            self._folders[place] = 0 if fresh else listing.mtime_ns
            waiting += [inner for inner in listing.folders if inner not in self._folders]
            found += self._notice(listing.captures)
        return found

    def _cannot_list(self, folder: Path, error: OSError) -> None:
        self._folders.pop(folder, None)
        if folder == self._root:
            self._blind(error)
        elif isinstance(error, (FileNotFoundError, NotADirectoryError)):
            self.status.unlisted.pop(os.fspath(folder), None)
        else:
            self.status.unlisted[os.fspath(folder)] = error.strerror or str(error)

    def _notice(self, captures: list[Capture]) -> list[Path]:
        now = time.monotonic()
        found = []
        for capture in captures:
            before = self._arrivals.get(capture.path)
            key = (capture.size, capture.mtime_ns, capture.inode)
            if before is None or before[1].key != key:
                arrival = Arrival.seen(key, now) if before is None else before[1].changed(key, now)
                self._arrivals[capture.path] = (capture, arrival)
                if before is None:
                    found.append(capture.path)
                    self._coming = capture.path.parent
        return found

    # --- arrivals ---

    def _ready(self) -> Iterator[Capture]:
        """The captures that have arrived, in order; one that is still being written holds back its display."""
        held: set[int] = set()
        for capture, arrival in sorted(self._arrivals.values(), key=lambda pair: pair[0].order):
            now = time.monotonic()
            if self._stopped:
                return
            if capture.display in held:
                continue
            if arrival.due <= now and self._has_arrived(capture, arrival, now):
                self._handed_out = self._arrivals.pop(capture.path)[1]
                self.status.waiting.pop(capture.path.name, None)
                yield capture
            elif arrival.young(now):
                held.add(capture.display)

    def _has_arrived(self, capture: Capture, arrival: Arrival, now: float) -> bool:
        """Whether the file is unchanged since it was noticed, and whole; otherwise look again later."""
        try:
            status = capture.path.lstat()
            if stat.S_ISREG(status.st_mode) and is_recordable(status) and key_of(status) != arrival.key:
                changed = self._pattern.parse(capture.path, status)
                self._arrivals[capture.path] = (changed, arrival.changed(key_of(status), now))
                return False
            check_whole(capture.path, arrival.key)
        except (FileNotFoundError, NotADirectoryError, GoneError):
            self._arrivals.pop(capture.path, None)  # it is noticed again if it is still there in another form
            self.status.waiting.pop(capture.path.name, None)
            self._dirty.put(capture.path.parent)
            return False
        except NotWholeError as error:
            self._postpone(capture, arrival, now, str(error))
            return False
        except OSError as error:
            self._postpone(capture, arrival, now, f"cannot be read: {error.strerror or error}")
            return False
        return True

    def _postpone(self, capture: Capture, arrival: Arrival, now: float, why: str) -> None:
        arrival.postpone(now)
        if arrival.worth_telling(now):
            self.status.waiting[capture.path.name] = why
            self._say(f"{capture.path.name} is left alone for now: {why}")


def _mtime_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1


def _identity(root: Path) -> tuple[int, int]:
    """What makes the folder at *root* the one it is.

    Raises:
        OSError: there is none, or the path has come to lead to another place, where nothing can be moved safely.
    """
    status = root.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
    if (real := os.path.realpath(root)) != os.fspath(root):
        raise OSError(errno.ELOOP, f"it leads to {real} by a link; watch that one, or put the folder back")
    return status.st_dev, status.st_ino
