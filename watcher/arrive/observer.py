"""The system's events of everything below a folder. Only here is watchdog."""

import logging
import math
import os
import threading
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

from watcher.arrive.watch_limit import refusal

_READING = {EVENT_TYPE_OPENED, EVENT_TYPE_CLOSED_NO_WRITE}
_COMING = {EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_MODIFIED}


@dataclass(frozen=True, slots=True)
class Change:
    """What an event tells: something has changed at *path*."""

    path: Path
    is_folder: bool
    has_come: bool
    """Whether something has come there. That something went, even a network volume tells, if we moved it."""


class TreeObserver(FileSystemEventHandler):
    """Tells of every event below a root, and can be started anew."""

    def __init__(self, root: Path, tell: Callable[[Change], object]) -> None:
        """Prepare for events of everything below *root*; *tell* is called from other threads."""
        self.heard = -math.inf
        """When there was any event, even of our own reading, in seconds of the monotonic clock."""
        self.last_event = 0.0
        """When something last changed, in seconds since the epoch; 0 for never."""
        self._root, self._tell = root, tell
        self._warnings = _Warnings()
        self._observer: BaseObserver | None = None

    def has_lost(self) -> bool:
        """Whether events were lost since this was last asked: then only a full scan finds what has come."""
        lost, self._warnings.lost = self._warnings.lost, False
        return lost

    def is_alive(self) -> bool:
        """Whether its threads run. It may be deaf all the same."""
        observer = self._observer
        if observer is None:
            return False
        # On Linux watchdog reads the system's queue in a thread that no attribute of its interface names.
        reader = getattr(observer, "_inotify_fd", None)
        threads = (observer, *observer.emitters, *([reader] if isinstance(reader, threading.Thread) else []))
        return all(thread.is_alive() for thread in threads)

    def start(self) -> str:
        """Observe from now on, with a new observer, which walks through the tree; returns why that is impossible."""
        self.stop()
        logging.getLogger("watchdog").addHandler(self._warnings)
        try:
            observer = Observer(timeout=0.2)
        except OSError as error:
            return refusal(error)
        try:
            # Said later and from its own threads when folders are made quickly; what it misses then, looks find.
            warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
            observer.schedule(self, str(self._root), recursive=True)
            observer.start()
        except (OSError, RuntimeError) as error:
            _stop(observer)
            return refusal(error)
        self._observer = observer
        return ""

    def stop(self) -> None:
        """Observe no more."""
        # An observer that ends with events in hand complains, which is no loss.
        logging.getLogger("watchdog").removeHandler(self._warnings)
        if self._observer is not None:
            _stop(self._observer)
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Tell what *event* names, and note when it came; an exception here would end all events."""
        self.heard = time.monotonic()
        if event.event_type in _READING:
            return  # our own
        self.last_event = time.time()
        # A folder counts as modified whatever happens in it, even if something goes.
        comes = event.event_type in _COMING and not (event.is_directory and event.event_type == EVENT_TYPE_MODIFIED)
        self._tell_of(event.src_path, event, has_come=comes)
        self._tell_of(event.dest_path, event, has_come=event.event_type == EVENT_TYPE_MOVED)

    def _tell_of(self, raw: str | bytes, event: FileSystemEvent, *, has_come: bool) -> None:
        if raw:
            self._tell(Change(Path(os.fsdecode(raw)), event.is_directory, has_come))


class _Warnings(logging.Handler):
    """Takes watchdog's warnings, of an overflow above all; nobody's terminal shows them, for scans mend the loss."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lost = False

    def emit(self, _: logging.LogRecord) -> None:
        self.lost = True


def _stop(observer: BaseObserver) -> None:
    observer.stop()
    if observer.ident is not None:
        observer.join(timeout=5)


logging.getLogger("watchdog").addHandler(logging.NullHandler())
