"""Events show a capture at once. If captures come without any event, twice in a row, events do not arrive."""

import contextlib
import math
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from watcher.arrive.observer import Change, TreeObserver
from watcher.arrive.watch_limit import shortage

PATIENCE_SECONDS = 5.0
"""An event takes half a second; macOS may hold it back for longer."""
RETRY_SECONDS = 300.0
"""How often a new observer is tried where no events arrive: it walks through the whole tree."""
_MISSES = 2
"""In a row. One is no alarm: what is written into a folder that was made an instant ago, any observer may miss."""
_MOST = 100_000
"""Events kept while nobody takes them, as when the ledger's disk is full; of more, a full scan tells."""
COALESCE_SECONDS = 0.05
"""Events of one burst are taken together, so that a file is looked at once for them."""
_ENDED = "no events arrive: the observer has ended"
_DEAF = "no events arrive"
_UNTOLD = "captures come of which no event tells, as on a network volume"


class Events:
    """The events of a root, and the evidence for and against it that they arrive.

    A capture that a look has found, and of which no event tells within some seconds either, is a miss: a new observer
    is built. After a second miss in a row no events arrive, until one tells of something that came.
    """

    def __init__(self, root: Path) -> None:
        """Prepare for events of everything below *root*."""
        self.works = False
        self.why = ""
        """Why they do not arrive."""
        self.unannounced = 0
        """How many captures came without an event."""
        self._root = root
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._observer = TreeObserver(root, self._hear_of)
        self._is_flooded = False
        self._finds: Counter[Path] = Counter()
        """By folder, how many captures a look has found before any event named the folder."""
        self._found = 0.0
        """When the first of them was found, in seconds of the monotonic clock."""
        self._is_first = True
        """Whether the first look is to come, which finds what was there before."""
        self._sees_since = math.inf
        """When the first look since the observer was built was done: what came before proves nothing."""
        self._misses = 0
        self._is_short = False
        """Whether the system lets only some of the folders be observed: that these are heard says little."""
        self._next_try = 0.0

    @property
    def last_event(self) -> float:
        """When the last event came, in seconds since the epoch; 0 for never."""
        return self._observer.last_event

    def has_lost(self) -> bool:
        """Whether events were lost since this was last asked: then only a full scan finds what has come."""
        is_flooded, self._is_flooded = self._is_flooded, False
        return self._observer.has_lost() or is_flooded

    def begin(self) -> None:
        """Observe from now on. Events count as arriving until something speaks against it."""
        self._finds.clear()
        self._is_first, self._is_short = True, False
        self._misses = 0
        self.works, self.why = True, ""
        self._build(time.monotonic())
        if self.works:
            self._next_try = 0.0  # the first miss need not wait

    def end(self) -> None:
        """Observe no more."""
        self._observer.stop()

    def mark(self, path: Path) -> None:
        """Have the file at *path* looked at soon, as if an event had named it."""
        self._changes.put(Change(path, is_folder=False, has_come=False))

    def wake(self) -> None:
        """End the wait. May be called from a signal handler."""
        self._changes.put(None)

    def wait(self, seconds: float) -> list[Change]:
        """Wait so long for an event at most; returns what has changed in the root."""
        changes = [change for change in dict.fromkeys(self._next_changes(seconds)) if self._is_visible(change.path)]
        for change in changes:
            if change.has_come:
                self._hear(change)
        return changes

    def looked(self, found: Iterable[Path], now: float) -> None:
        """A look is done, right after a wait, and has *found* captures: does an event tell of them as well?"""
        if not self._is_first:
            self._found = self._found if self._finds else now
            self._finds.update(path.parent for path in found)
        self._is_first = False
        self._sees_since = min(self._sees_since, now)

    def attend(self, folders: Callable[[], int], now: float) -> None:
        """Conclude whether events arrive, and see to a new observer if not; *folders* counts those there are."""
        self._conclude(folders, now)
        is_alive = self._observer.is_alive()
        if self.works and not is_alive:
            self.works, self.why = False, _ENDED
            self._next_try = now
        is_deaf = not self.works and self.why != _UNTOLD
        if (is_deaf or not is_alive) and now >= self._next_try:
            self._build(now)
            self._is_short = self._is_short and bool(shortage(folders()))

    def _hear_of(self, change: Change) -> None:
        """Called from the observer's threads."""
        if self._changes.qsize() < _MOST:
            self._changes.put(change)
        else:
            self._is_flooded = True

    def _next_changes(self, seconds: float) -> Iterator[Change]:
        with contextlib.suppress(queue.Empty):
            change = self._changes.get(timeout=seconds)
            time.sleep(COALESCE_SECONDS)
            while True:
                if change is not None:
                    yield change
                change = self._changes.get_nowait()

    def _is_visible(self, path: Path) -> bool:
        """Whether it is the root, or in the root and visible."""
        if not path.is_relative_to(self._root):
            return False
        return not any(part.startswith(".") for part in path.relative_to(self._root).parts)

    def _hear(self, change: Change) -> None:
        self._finds.pop(change.path if change.is_folder else change.path.parent, None)
        self._misses = 0
        if not self._is_short:
            self.works, self.why = True, ""

    def _conclude(self, folders: Callable[[], int], now: float) -> None:
        if not self._finds or now < self._found + PATIENCE_SECONDS:
            return
        self.unannounced += self._finds.total()
        self._finds.clear()
        if self.works and self._found > self._sees_since:
            self._miss(folders(), now)

    def _miss(self, folders: int, now: float) -> None:
        self._misses += 1
        if why := shortage(folders):
            self.works, self.why, self._is_short = False, why, True
        elif self._misses >= _MISSES:
            # An observer that has heard how we read the captures, or moved them, is not deaf.
            self.works, self.why = False, _UNTOLD if self._observer.heard >= self._found else _DEAF
        elif now >= self._next_try:
            self._build(now)

    def _build(self, now: float) -> None:
        """Exchange the observer for a new one."""
        self._next_try = now + RETRY_SECONDS
        self._sees_since = math.inf
        if problem := self._observer.start():
            self.works, self.why = False, problem
