"""A watcher at work: what arrives in the root is judged at once, and told on the console."""

import contextlib
import signal
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from watcher.capture import Capture, NamePattern
from watcher.chronicle import Chronicle
from watcher.custody import insist
from watcher.entry import Timeline
from watcher.ledger import Ledger
from watcher.lifeline import Lifeline
from watcher.listing import archive
from watcher.pipeline import Postponed
from watcher.retention import Retention
from watcher.running import Stop, Wait
from watcher.sources import Live
from watcher.work import Task, Work


def watch(task: Task) -> signal.Signals:
    """Judge and carry out each capture that arrives in the root, until a signal says stop.

    Returns:
        The signal that ended it.

    Raises:
        WatcherError: it cannot start, for instance because another watcher holds the folder.
    """
    root, log, pattern = task.root, task.log, NamePattern(task.settings.name_pattern)
    with contextlib.ExitStack() as stack:
        root_lock = stack.enter_context(task.root_lock)
        root_lock.take()
        ledger = stack.enter_context(task.begun("watch"))
        stop = stack.enter_context(Stop())

        def known(folder: Path) -> set[tuple[bytes, int, int]]:
            return insist(partial(ledger.known, folder), patience)

        live = Live(root, pattern, known, partial(log.say, tone="warning"))
        stop.then(live.stop)
        lifeline = stack.enter_context(Lifeline(root, live.sight))
        patience = Wait(log, stop, lifeline.pulse)  # no restart mends a full disk
        work = Work(task, ledger, Timeline(root), patience)
        chronicle = Chronicle(log, ledger, task.settings, live.sight, work.place)
        stack.callback(chronicle.end)
        retention = Retention(ledger, task.settings, patience, partial(log.say, tone="good"))
        clock = _Clock()

        def found() -> None:
            root_lock.take()
            _adopt(ledger, root, pattern, task.program.started)
            chronicle.begin()

        def idle() -> None:
            lifeline.pulse()
            chronicle.idle()
            if not task.dry_run:
                retention.idle()

        for outcome in work.outcomes(clock.started(live.captures(found, idle))):
            lifeline.pulse()
            if isinstance(outcome, Postponed):
                live.postpone(outcome.capture, outcome.error)
            else:
                chronicle.entry(outcome, clock.seconds)
    return stop.signal


def _adopt(ledger: Ledger, root: Path, pattern: NamePattern, started: float) -> None:
    """On the first start leave to ``sweep`` what was in the root before it, whatever its mtime says."""
    if ledger.knows_root(root):
        return
    ledger.adopt(root, [capture for capture in archive(root, pattern) if _changed(capture.path) < started])


def _changed(path: Path) -> float:
    """When the file came, in seconds since the epoch: no copying or moving can set a POSIX ctime back."""
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return float("inf")


class _Clock:
    """Times each capture from the moment it is handed to the pipeline."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def started(self, captures: Iterable[Capture]) -> Iterator[Capture]:
        for capture in captures:
            self._begun = time.perf_counter()
            yield capture

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun
