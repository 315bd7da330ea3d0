"""A folder of 100,000 captures, watched: how soon the watcher is there, and what one more capture costs it."""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from watcher.model.capture import Capture

ARRIVALS = 10
PAUSE = 3.0
"""Seconds between two of them: a look at the latest folders, every ten, comes with every third."""

Watching = Callable[[Path], AbstractContextManager[psutil.Process]]


@dataclass(frozen=True, slots=True)
class Crowded:
    """What a watcher takes: seconds, of which those of settling are part, and bytes."""

    first: float
    """Seconds from its very first start to the verdict on a capture that arrives then."""
    second: float
    """The same of the start after it."""
    each: float
    """Processor seconds of a new capture: those of an idle watcher are not in it."""
    resident: int


def crowded(place: Path, watching: Watching, captures: Sequence[Capture], files: int) -> Crowded:
    """Watch *files* of one folder, hard links to *captures*, and let some more arrive among them."""
    folder = place / "ScreenRecord" / "day"
    folder.mkdir(parents=True)
    start = datetime(2020, 1, 1)
    for number in range(files):
        capture = captures[number % len(captures)]
        os.link(capture.path, folder / _name(start + timedelta(seconds=number), capture.display))
    content, display = captures[0].path.read_bytes(), captures[0].display
    new = iter(range(9 * 86_400, 10 * 86_400))

    def arrive(pause: float = 0.0) -> None:
        (folder / _name(start + timedelta(seconds=next(new)), display)).write_bytes(content)
        time.sleep(pause)

    begun = time.perf_counter()
    with watching(place):
        arrive()
        first = _judged(place, 1) - begun
    begun = time.perf_counter()
    with watching(place) as watcher:
        arrive()
        second = _judged(place, 2) - begun
        idle = _spent(watcher, lambda: time.sleep(ARRIVALS * PAUSE))
        busy = sum(_spent(watcher, lambda: arrive(PAUSE)) for _ in range(ARRIVALS))
        return Crowded(first, second, (busy - idle) / ARRIVALS, watcher.memory_info().rss)


def _judged(place: Path, count: int) -> float:
    """When so many captures are judged."""
    with closing(sqlite3.connect(f"file:{place}/state/ledger.sqlite?mode=ro", uri=True)) as db:
        while db.execute("SELECT count(*) FROM entry").fetchone()[0] < count:
            time.sleep(0.05)
    return time.perf_counter()


def _name(moment: datetime, display: int) -> str:
    return f"{moment:%Y-%m-%d_%H.%M.%S.%f}_{display}.png"


def _spent(watcher: psutil.Process, action: Callable[[], object]) -> float:
    before = watcher.cpu_times()
    action()
    after = watcher.cpu_times()
    return after.user + after.system - before.user - before.system
