"""Captures as they arrive. Events are hints; the folder is the truth."""

import logging
import os
import queue
import stat
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.events import (
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from watcher.arrival import Arrival, check_whole, key_of
from watcher.capture import Capture, NamePattern, is_recordable
from watcher.errors import GoneError, NotWholeError
from watcher.listing import Known, list_folder

# What watchdog logs (an observer that ends with events in hand, an overflow) reaches nobody's terminal: scans find it.
logging.getLogger("watchdog").addHandler(logging.NullHandler())

RESCAN_SECONDS = 60.0
FULL_RESCAN_SECONDS = 3600.0
_IDLE_SECONDS = 1.0
"""How often the worker looks up when nothing happens: whether the root is still there, whether to stop."""
_COALESCE_SECONDS = 0.05
"""Events of one burst are taken together, so that a folder is listed once for them. Also the shortest wait."""
_COARSE_MTIME_NS = 3_000_000_000
"""A folder's mtime this fresh may hide another file of the same tick (FAT: 2 s)."""


@dataclass(slots=True)
class Sight:
    """What the source can say of itself; written by it alone, read by whoever reports."""

    root_there: bool = False
    events: bool = False
    why: str = "starting"
    last_scan: float = 0.0
    """Seconds since the epoch of the last look at the whole tree."""
    found_by_scan: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    """Files that are not whole, and why."""


class Live:
    """Captures as they arrive in a root, until told to stop.

    Any event marks its folder dirty; dirty folders are listed, and what the ledger does not know is on its way until
    it has settled and is whole. Rescans find what no event told of.
    """

    def __init__(self, root: Path, pattern: NamePattern, known: Known, say: Callable[[str], None]) -> None:
        """Watch *root*; *known* tells what to pass over, *say* takes lines about what it cannot see."""
        self.sight = Sight()
        self._root = root
        self._pattern = pattern
        self._known = known
        self._say = say
        self._dirty: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._arrivals: dict[Path, tuple[Capture, Arrival]] = {}
        self._handed_out = Arrival.seen((0, 0, 0), 0.0)
        self._folders: dict[Path, int] = {}
        self._stopped = False
        self._observer: BaseObserver | None = None
        self._identity: tuple[int, int] | None = None
        self._next_rescan = self._next_full = 0.0

    def stop(self) -> None:
        """End the iteration after the capture in hand. May be called from a signal handler."""
        self._stopped = True
        self._dirty.put(None)

    def captures(self, found: Callable[[], None], idle: Callable[[], None]) -> Iterator[Capture]:
        """Yield settled, whole captures, those of one display in the order of their time.

        *found* is called each time the root has come into sight, when events are on and before the first look;
        *idle* whenever nothing is ready, at least every second.
        """
        try:
            while not self._stopped:
                if self._look_at_root(found):
                    self._rescan_if_due()
                    yield from self._ready()
                idle()
                self._await_events()
        finally:
            self._unobserve()

    def postpone(self, capture: Capture, error: Exception) -> None:
        """Look again later at the capture handed out last: it could not be judged."""
        if isinstance(error, GoneError):
            self._dirty.put(capture.path.parent)  # it is noticed again if it is still there in another form
            return
        self._arrivals[capture.path] = (capture, self._handed_out)
        self._postpone(capture, self._handed_out, time.monotonic(), f"cannot be judged: {error}")

    # --- the root, and events from it ---

    def _look_at_root(self, found: Callable[[], None]) -> bool:
        """Whether the root is there; a new observer if it is not the folder that was observed."""
        try:
            status = self._root.stat()
        except OSError as error:
            self._blind(error)
            return False
        identity = (status.st_dev, status.st_ino)
        if identity != self._identity or self._observer is None or not self._observer.is_alive():
            self._unobserve()
            self._identity = identity
            self._observe()
            found()
            self._folders.clear()
            self._next_full = 0.0
        return True

    def _blind(self, error: OSError) -> None:
        why = f"waiting for {self._root}: {error.strerror or error}"
        if self.sight.why != why:
            self._say(why)
        self._unobserve()
        self._identity = None
        self.sight.root_there, self.sight.events, self.sight.why = False, False, why
        # Nothing is concluded about the files: the disk may only be absent.
        self._arrivals.clear()

    def _observe(self) -> None:
        was_blind = not self.sight.root_there and self.sight.why.startswith("waiting")
        self.sight.root_there, self.sight.why = True, ""
        observer = Observer(timeout=0.2)
        try:
            # Said later and from its own threads when folders are made quickly; what it misses then, scans find.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
            observer.schedule(_Handler(self._dirty), str(self._root), recursive=True)
            observer.start()
        except (OSError, RuntimeError) as error:
            self.sight.events, self.sight.why = False, f"no events, scanning every {RESCAN_SECONDS:.0f} s: {error}"
            self._say(self.sight.why)
            return
        self._observer = observer
        self.sight.events = True
        if was_blind:
            self._say(f"{self._root} is there")

    def _unobserve(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)
            self._observer = None

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
        if now >= self._next_full:
            self._next_full, self._next_rescan = now + FULL_RESCAN_SECONDS, now + RESCAN_SECONDS
            changed: Iterable[Path] = [self._root]
            self._folders.clear()
        elif now >= self._next_rescan:
            self._next_rescan = now + RESCAN_SECONDS
            changed = [folder for folder, mtime_ns in list(self._folders.items()) if _mtime_ns(folder) != mtime_ns]
        else:
            return
        found = sum(self._scan(folder) for folder in changed)
        self.sight.last_scan = time.time()
        if not first:
            self.sight.found_by_scan += found

    def _scan(self, folder: Path) -> int:
        """List *folder* and those below it that are new; returns how many captures were not noticed before."""
        found = 0
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            try:
                listing = list_folder(place, self._pattern, self._known)
            except OSError:
                self._folders.pop(place, None)
                continue
            fresh = time.time_ns() - listing.mtime_ns < _COARSE_MTIME_NS
            self._folders[place] = 0 if fresh else listing.mtime_ns
            waiting += [inner for inner in listing.folders if inner not in self._folders]
            found += self._notice(listing.captures)
        return found

    def _notice(self, captures: list[Capture]) -> int:
        now = time.monotonic()
        found = 0
        for capture in captures:
            before = self._arrivals.get(capture.path)
            key = (capture.size, capture.mtime_ns, capture.inode)
            if before is None or before[1].key != key:
                arrival = Arrival.seen(key, now) if before is None else before[1].changed(key, now)
                self._arrivals[capture.path] = (capture, arrival)
                found += before is None
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
                self.sight.waiting.pop(capture.path.name, None)
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
            self.sight.waiting.pop(capture.path.name, None)
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
            self.sight.waiting[capture.path.name] = why
            self._say(f"{capture.path.name} is left alone for now: {why}")


def _mtime_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -1


class _Handler(FileSystemEventHandler):
    """Puts the folder of every event into the queue, and does nothing else: an exception here would end all events."""

    def __init__(self, dirty: "queue.SimpleQueue[Path | None]") -> None:
        self._dirty = dirty

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in (EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE):
            return  # our own reading
        for raw in (event.src_path, event.dest_path):
            if raw:
                path = Path(os.fsdecode(raw))
                self._dirty.put(path.parent)
                if event.is_directory:
                    self._dirty.put(path)
