"""Events of a tree: hints where to look, and whether they arrive at all. Only here is watchdog."""

import contextlib
import errno
import logging
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CLOSED_NO_WRITE,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    EVENT_TYPE_OPENED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from watcher.disk.files import leave_cookie

PROOF_SECONDS = 300.0
"""Without any event for so long, a cookie asks for one."""
PATIENCE_SECONDS = 5.0
"""An event takes milliseconds; macOS may hold it back for longer."""
RETRY_SECONDS = 300.0
"""How often a new observer is tried where no events arrive: it walks through the whole tree."""
_MISSES = 2
"""Scans in a row that find captures of which nobody told, though our own cookie was told of: a network volume."""
_REMEMBERED = 256
_COOKIE = ".framesift-cookie-"
_COMING = {EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_MODIFIED, EVENT_TYPE_MOVED}
"""What tells that something has come; that it goes may be our own doing, of which even a network volume tells."""
_INSTANCES = "fs.inotify.max_user_instances"

Dirty = Callable[[Path], object]
"""Takes a folder in which something has changed."""


@dataclass(frozen=True, slots=True)
class _Question:
    """Do events of *folder* arrive?"""

    folder: Path
    asked: float
    since: float
    """Events after this, and of anything but a cookie, say that they do. All times are monotonic seconds."""
    missed: bool
    """Whether it is asked because a capture came there of which no event had told."""
    cookie: bool
    """Whether a cookie could be left; on a read-only disk nothing can be proven."""


class Hearing:
    """Events of everything below a root, and the evidence that they arrive.

    Events of real files prove it. When there is none for a while, or a capture came without, a hidden file that is
    made and removed at once must be told of; if it is not, a new observer is built, and tried again now and then.
    """

    def __init__(self, root: Path, dirty: Dirty) -> None:
        """Hear of *root*; *dirty* is called from other threads."""
        self.works = False
        self.why = ""
        """Why it does not work."""
        self._root = root
        self._ear = _Ear(dirty)
        self._log = _Losses()
        self._observer: BaseObserver | None = None
        self._question: _Question | None = None
        self._misses = 0
        self._failed = 0.0
        self._next_try = 0.0
        self._next_proof = 0.0

    @property
    def last_event(self) -> float:
        """When something was last heard, in seconds since the epoch; 0 for never."""
        return self._ear.heard_at

    def has_lost(self) -> bool:
        """Whether events were lost since this was last asked: only a full scan finds what they told of."""
        lost, self._log.lost = self._log.lost, False
        return lost

    def begin(self) -> None:
        """Hear from now on. It counts as working until something speaks against that."""
        self.end()
        self._misses, self._next_proof = 0, 0.0
        self.works, self.why = True, ""
        if problem := self._observe():
            self._fail(problem, time.monotonic())

    def end(self) -> None:
        """Hear no more."""
        self._question = None
        self._close()

    def doubt(self) -> None:
        """Ask for a proof soon: the machine may have slept."""
        self._next_proof = 0.0

    def missed(self, folder: Path, since: float, now: float) -> None:
        """A scan has found a capture in *folder* that came after *since*: was there an event of it?"""
        self._ask(folder, since, now, missed=True)

    def attend(self, newest: Callable[[], Path], folders: int, now: float) -> None:
        """Look at the evidence, and see to it that there is some: *newest* tells the folder with the latest change.

        *folders* is how many there are: the system may refuse to observe so many.
        """
        if self._question is not None:
            self._answer(self._question, folders, now)
        elif not self._is_alive():
            if self.works:
                self._fail("no events arrive: the observer has ended", now)
            self._try_again(newest(), now)
        elif not self.works:
            self._try_again(newest(), now)
        elif now >= max(self._next_proof, self._ear.heard + PROOF_SECONDS if self._next_proof else 0.0):
            self._ask(newest(), now, now, missed=False)

    def _ask(self, folder: Path, since: float, now: float, *, missed: bool) -> None:
        try:
            leave_cookie(folder, f"{_COOKIE}{os.getpid()}")
            cookie = True
        except OSError:
            cookie = False
        self._next_proof = now + PROOF_SECONDS
        self._question = _Question(folder, now, since, missed, cookie)

    def _answer(self, question: _Question, folders: int, now: float) -> None:
        if self._ear.real.get(question.folder, -math.inf) >= question.since:
            self._succeed()
        elif question.cookie and self._ear.signs.get(question.folder, -math.inf) >= question.asked:
            self._misses += question.missed
            if self._misses < _MISSES:
                self._succeed(self._misses)
            else:
                self._question = None
                self._fail("captures come of which no event tells, as on a network volume", now)
        elif now >= question.asked + PATIENCE_SECONDS:
            self._question = None
            if question.cookie or question.missed:
                self._fail(self._cause(folders), now)

    def _succeed(self, misses: int = 0) -> None:
        self._question = None
        self._misses = misses
        self.works, self.why = True, ""

    def _fail(self, why: str, now: float) -> None:
        if self.works:
            self._next_try = now  # a new observer, at once
            self._failed = now
        self.works, self.why = False, why

    def _try_again(self, newest: Path, now: float) -> None:
        """Build a new observer now and then; what it hears decides."""
        told = self._ear.real.get(newest, -math.inf) >= self._failed
        if now < self._next_try and not (told and self._is_alive()):
            return
        if now >= self._next_try:
            self._next_try = now + RETRY_SECONDS
            hears_us = self._misses >= _MISSES and self._is_alive()
            if problem := "" if hears_us else self._observe():
                self.why = problem
                return
        self._ask(newest, self._failed, now, missed=False)

    def _observe(self) -> str:
        """Exchange the observer for a new one; returns why that is impossible."""
        self._close()
        logging.getLogger("watchdog").addHandler(self._log)
        try:
            observer = Observer(timeout=0.2)
        except OSError as error:
            return _refusal(error)
        try:
            # Said later and from its own threads when folders are made quickly; what it misses then, scans find.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
            observer.schedule(self._ear, str(self._root), recursive=True)
            observer.start()
        except (OSError, RuntimeError) as error:
            _close(observer)
            return _refusal(error)
        self._observer = observer
        return ""

    def _close(self) -> None:
        # An observer that ends with events in hand complains, which is no loss.
        logging.getLogger("watchdog").removeHandler(self._log)
        if self._observer is not None:
            _close(self._observer)
            self._observer = None

    def _is_alive(self) -> bool:
        observer = self._observer
        return observer is not None and all(thread.is_alive() for thread in (observer, *observer.emitters))

    def _cause(self, folders: int) -> str:
        watches = _watches()
        if watches and watches < folders and (found := watch_limit()):
            name, limit = found
            return f"no events arrive: {watches} of {folders} folders are watched; raise {name}, which is {limit}"
        return "no events arrive"


class _Ear(FileSystemEventHandler):
    """Tells of the folder of every event, and notes when; an exception here would end all events."""

    def __init__(self, dirty: Dirty) -> None:
        self.heard = -math.inf
        self.heard_at = 0.0
        self.real: dict[Path, float] = {}
        """By folder, when something was last told to have come there, monotonic."""
        self.signs: dict[Path, float] = {}
        """By folder, when a cookie was told of, or anything that may be a cookie's trace or our own doing."""
        self._dirty = dirty

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in (EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE):
            return  # our own reading
        self.heard, self.heard_at = time.monotonic(), time.time()
        for raw in (event.src_path, event.dest_path):
            if raw:
                self._note(Path(os.fsdecode(raw)), event)

    def _note(self, path: Path, event: FileSystemEvent) -> None:
        if path.name.startswith(_COOKIE):
            _remember(self.signs, path.parent, self.heard)
            return
        if event.is_directory and event.event_type == EVENT_TYPE_MODIFIED:
            _remember(self.signs, path, self.heard)  # follows every change in it, a cookie's as well
        else:
            _remember(self.real if event.event_type in _COMING else self.signs, path.parent, self.heard)
        self._dirty(path.parent)
        if event.is_directory:
            self._dirty(path)


class _Losses(logging.Handler):
    """Hears watchdog complain, of an overflow above all; that reaches nobody's terminal, for scans mend it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lost = False

    def emit(self, _: logging.LogRecord) -> None:
        self.lost = True


def _remember(times: dict[Path, float], folder: Path, now: float) -> None:
    if len(times) >= _REMEMBERED:
        times.clear()  # what is forgotten is asked for
    times[folder] = now


def _close(observer: BaseObserver) -> None:
    observer.stop()
    if observer.ident is not None:
        observer.join(timeout=5)


def _refusal(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOSPC and (limit := watch_limit()):
        return f"no events: no folder more can be watched; raise {limit[0]}, which is {limit[1]}"
    if number == errno.EMFILE:
        return f"no events: too many programs watch folders; raise {_INSTANCES}, which is {_number(_INSTANCES)}"
    return f"no events: {error}"


def watch_limit() -> tuple[str, int] | None:
    """The name and value of the sysctl that limits how many folders can be observed; None where none does."""
    limits = [(value, name) for name in ("fs.inotify.max_user_watches", "user.max_inotify_watches")
              if (value := _number(name)) is not None]  # fmt: skip
    return (min(limits)[1], min(limits)[0]) if limits else None


def _number(sysctl: str) -> int | None:
    try:
        return int(Path("/proc/sys", *sysctl.split(".")).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _watches() -> int | None:
    """How many folders the system watches for this process; None where it does not tell."""
    own = Path("/proc/self/fdinfo")
    if not own.is_dir():
        return None
    watches = 0
    for file in sorted(own.iterdir()):
        with contextlib.suppress(OSError):  # another thread has closed it
            watches += file.read_text(encoding="ascii").count("inotify wd:")
    return watches


logging.getLogger("watchdog").addHandler(logging.NullHandler())
