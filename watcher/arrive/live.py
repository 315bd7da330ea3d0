"""Captures as they arrive. Events are hints; the folder is the truth."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from watcher.arrive.events import COALESCE_SECONDS, Events
from watcher.arrive.png import check_whole
from watcher.arrive.settling import Arrival, key_of
from watcher.arrive.tree import LATEST_SECONDS, Tree
from watcher.disk.listing import AND_MORE, ELSEWHERE, MOST_TOLD, disk_of, refused_line
from watcher.disk.mirror import is_marked
from watcher.errors import GoneError, NotWholeError
from watcher.health.heartbeat import SourceStatus
from watcher.model.capture import Capture, NamePattern, is_recordable

_IDLE_SECONDS = 1.0
"""How often the worker looks up when nothing happens: whether the root is still there, whether to stop."""


class Host(Protocol):
    """Whoever takes the captures, as the source calls it on the same thread."""

    def known(self, folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        """What to pass over: (name, size, mtime_ns) of files in *folder*, at least of those with *names*."""

    def found(self) -> None:
        """The root has come into sight: events are on, and the first look follows.

        Raises:
            OSError: it cannot be looked at, and is tried again.
        """

    def is_ours(self) -> bool:
        """Another disk is in the root's place: whether it is the one of the captures that were kept."""

    def idle(self) -> None:
        """Nothing is ready: called at least every second."""

    def rests(self) -> bool:
        """Whether nothing is to be handed out now: what comes is looked at, and is on its way until that ends."""


class Live:
    """Captures as they arrive in a root, until it is stopped.

    A file that an event names is looked at, and a folder that looks at the tree find changed is listed; what the host
    does not know is on its way until it has settled and is whole.
    """

    def __init__(self, root: Path, pattern: NamePattern, settle: float, say: Callable[[str], None]) -> None:
        """Watch *root* for files that have rested for *settle* seconds; *say* takes lines about what it cannot see."""
        self.status = SourceStatus()
        self._root = root
        self._pattern = pattern
        self._settle = settle
        self._say = say
        self._arrivals: dict[Path, tuple[Capture, Arrival]] = {}
        self._handed_out = Arrival.seen((0, 0, 0), settle, 0.0)
        self._stopped = False
        self._tree = Tree(root, pattern, self.status)
        self._events = Events(root)
        self._identity: tuple[int, int] | None = None
        self._told: set[str] = set()

    def stop(self) -> None:
        """End the iteration after the capture in hand. May be called from a signal handler."""
        self._stopped = True
        self._events.wake()

    def captures(self, host: Host) -> Iterator[Capture]:
        """Yield settled, whole captures, those of one display in the order of their time; calls *host* meanwhile."""
        self._tree.known = host.known
        try:
            while not self._stopped:
                if self._look_at_root(host):
                    self._look_at_tree()
                    if not host.rests():
                        yield from self._ready()
                host.idle()
                self._await_events()
        finally:
            self._events.end()

    def postpone(self, capture: Capture, error: Exception) -> None:
        """Look again later at the capture handed out last: it could not be judged."""
        if isinstance(error, GoneError):
            self._events.mark(capture.path)  # it is noticed again if it is still there in another form
            return
        self._arrivals[capture.path] = (capture, self._handed_out)
        self._postpone(capture, self._handed_out, time.monotonic(), f"cannot be judged: {error}")

    # --- the root, and events from it ---

    def _look_at_root(self, host: Host) -> bool:
        """Whether the root is there and can be listed; it is observed anew if it is not the folder it was."""
        try:
            identity, disk = _identity(self._root), disk_of(self._root)
            if identity != self._identity:
                # The empty folder under a disk that was unmounted looks like a root from which all was deleted.
                if self.status.disk != disk and not host.is_ours():
                    self._blind(OSError(errno.ENODEV, ELSEWHERE))
                    return False
                with os.scandir(self._root) as items:
                    next(items, None)
                self._identity, self.status.disk = identity, disk
                self._begin_events()
                host.found()
                self._tree.forget()
        except OSError as error:
            self._blind(error)
            return False
        return True

    def _blind(self, error: OSError) -> None:
        why = f"waiting for {self._root}: {error.strerror or error}"
        if self.status.why != why:
            self._say(why)
        self._events.end()
        self._identity = None
        self.status.root_there, self.status.events, self.status.why = False, False, why
        # Nothing is concluded about the files: the disk may only be absent.
        self._arrivals.clear()
        self.status.waiting.clear()
        self.status.unlisted.clear()

    def _begin_events(self) -> None:
        was_blind = not self.status.root_there and self.status.why.startswith("waiting")
        self._events.begin()
        self.status.root_there, self.status.events, self.status.why = True, True, ""
        if was_blind:
            self._say(f"{self._root} is there")
        self._tell_events()

    def _tell_events(self) -> None:
        """Say when no events arrive any more, and when they come back."""
        status, works = self.status, self._events.works
        why = "" if works else f"{self._events.why}; looking every {LATEST_SECONDS:.0f} s"
        if works and not status.events:
            self._say("events arrive again")
        elif why and why != status.why:
            self._say(why)
        status.events, status.why, status.last_event = works, why, self._events.last_event
        status.found_by_scan = self._events.unannounced

    # --- the folders ---

    def _look_at_tree(self) -> None:
        """Look at the folders that are due, and conclude from what is found whether events arrive."""
        try:
            captures = self._tree.look(has_lost=self._events.has_lost())
        except OSError as error:
            self._blind(error)
            return
        if captures is not None:
            for line in self._tree.doubts():
                self._tell_once(line)
            self._events.looked(self._notice(captures), time.monotonic())
        self._events.attend(self._tree.count, time.monotonic())
        self._tell_events()

    def _await_events(self) -> None:
        """Wait for an event or for the next thing that is due, then look at what events named."""
        now = time.monotonic()
        due = min((arrival.due for _, arrival in self._arrivals.values()), default=now + _IDLE_SECONDS)
        try:
            changes = self._events.wait(min(max(due - now, COALESCE_SECONDS), _IDLE_SECONDS))
            self._notice(self._tree.visit(changes))
        except OSError as error:
            self._blind(error)

    def _notice(self, captures: list[Capture]) -> list[Path]:
        """Take *captures* for being on their way, changed ones anew; returns those that were not noticed before."""
        self._tell_refused()
        now = time.monotonic()
        found = []
        for capture in captures:
            before = self._arrivals.get(capture.path)
            key = (capture.size, capture.mtime_ns, capture.inode)
            if before is None:
                self._arrivals[capture.path] = (capture, Arrival.seen(key, self._settle, now))
                found.append(capture.path)
            elif before[1].key != key:
                self._arrivals[capture.path] = (capture, before[1].changed(key, now))
        return found

    def _tell_refused(self) -> None:
        """Say of each name that is refused, once and up to so many, that its file is no capture."""
        refused = self._tree.names.refused
        for path, why in refused.items():
            line = refused_line(path, why)
            if line not in self._told:
                self._tell_once(line if len(self._told) < MOST_TOLD else f"more {AND_MORE}")
        refused.clear()

    def _tell_once(self, line: str) -> None:
        if line and line not in self._told:
            self._told.add(line)
            self._say(line)

    # --- arrivals ---

    def _ready(self) -> Iterator[Capture]:
        """The captures that have arrived, in order; one that is still being written holds back its display."""
        held: set[int] = set()
        until = time.monotonic() + _IDLE_SECONDS  # then the host and the tree have their turn, and the rest goes on
        for capture, arrival in sorted(self._arrivals.values(), key=lambda pair: pair[0].order):
            now = time.monotonic()
            if self._stopped or now > until:
                return
            if capture.display in held:
                continue
            if arrival.due <= now and (digest := self._arrived(capture, arrival, now)):
                self._handed_out = self._arrivals.pop(capture.path)[1]
                self.status.waiting.pop(self._name(capture), None)
                yield replace(capture, digest=digest)
            elif arrival.young(now):
                held.add(capture.display)

    def _arrived(self, capture: Capture, arrival: Arrival, now: float) -> bytes:
        """The digest of the file if it is unchanged since it was noticed, and whole; else empty: look again later."""
        try:
            status = capture.path.lstat()
            if stat.S_ISREG(status.st_mode) and is_recordable(status) and key_of(status) != arrival.key:
                changed = self._pattern.parse(capture.path, status)
                self._arrivals[capture.path] = (changed, arrival.changed(key_of(status), now))
                return b""
            return check_whole(capture.path, arrival.key)
        except (FileNotFoundError, NotADirectoryError, GoneError):
            self._arrivals.pop(capture.path, None)  # it is noticed again if it is still there in another form
            self.status.waiting.pop(self._name(capture), None)
            self._events.mark(capture.path)
            return b""
        except NotWholeError as error:
            self._postpone(capture, arrival, now, str(error))
            return b""
        except OSError as error:
            self._postpone(capture, arrival, now, f"cannot be read: {error.strerror or error}")
            return b""

    def _postpone(self, capture: Capture, arrival: Arrival, now: float, why: str) -> None:
        arrival.postpone(now)
        if arrival.worth_telling(now):
            self.status.waiting[self._name(capture)] = why
            self._say(f"{self._name(capture)} is left alone for now: {why}")

    def _name(self, capture: Capture) -> str:
        """Its path below the root: folders may hold the same names."""
        return os.fspath(capture.path.relative_to(self._root))


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
    if is_marked(os.fspath(root)):
        raise OSError(errno.EBUSY, "a quarantine is in its place; put the folder back")
    return status.st_dev, status.st_ino
