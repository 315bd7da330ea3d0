"""A watcher at work: what arrives in the root is judged at once, and told on the console."""

import contextlib
import signal
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from watcher.arrive.live import Live
from watcher.disk.listing import archive, disk_of
from watcher.errors import FaultError, LostError
from watcher.flow.journal import Chronicle
from watcher.flow.waiting import Stop, Voice, Wait
from watcher.flow.work import Task, Work
from watcher.health.heartbeat import Report
from watcher.health.sd_notify import Lifeline
from watcher.health.wait_reason import tell_halt
from watcher.judge.pipeline import Postponed
from watcher.keep.custody import insist
from watcher.keep.retention import Retention
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Census
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Timeline


def watch(task: Task, *, new_disk: bool = False) -> signal.Signals:
    """Judge and carry out each capture that arrives in the root, until a signal says stop.

    *new_disk* takes the disk that is in the root's place now for the one that is meant.

    Returns:
        The signal that ended it.

    Raises:
        WatcherError: it cannot start, for instance because another watcher holds the folder.
    """
    root, log, pattern = task.root, task.log, NamePattern(task.settings.name_pattern)
    with contextlib.ExitStack() as stack:
        root_lock = stack.enter_context(task.root_lock)
        root_lock.take()

        def known(folder: Path) -> set[tuple[bytes, int, int]]:
            return insist(partial(ledger.known, folder), patience)

        live = Live(root, pattern, known, partial(log.say, tone="warning"))
        lifeline = Lifeline(root, live.sight)
        voice = _Voice(lifeline, task.lock_folder)
        ledger = stack.enter_context(task.begun("watch", voice))
        voice.waits("")
        stop = stack.enter_context(Stop())
        stop.then(live.stop)
        stack.enter_context(lifeline)
        patience = Wait(log, stop, voice)
        last = Report.from_json(insist(partial(ledger.report, root), patience))
        live.sight.disk = disk_of(root) if new_disk and root.is_dir() else last.disk
        loss = stack.enter_context(_Loss(ledger, root))
        work = Work(task, ledger, Timeline(root), patience)
        chronicle = Chronicle(log, ledger, task.settings, live.sight, work.place)
        stack.callback(chronicle.end)
        retention = Retention(ledger, task.settings, patience, partial(log.say, tone="good"))
        clock = _Clock()

        def found() -> None:
            root_lock.take()
            if insist(partial(_adopt, ledger, root, pattern, task.program.started), patience):
                work.begin_anew()
            insist(chronicle.begin, patience)

        def is_ours() -> bool:
            return insist(Census(ledger, root).has_some_in_place, patience)

        def idle() -> None:
            root_lock.let_go()
            lifeline.pulse()
            chronicle.idle()
            if not task.dry_run:
                retention.idle()

        for outcome in work.outcomes(clock.started(live.captures(found, idle, is_ours))):
            lifeline.pulse()
            loss.at_once = False
            if isinstance(outcome, Postponed):
                live.postpone(outcome.capture, outcome.error)
            else:
                chronicle.entry(outcome, clock.seconds)
    return stop.signal


def _adopt(ledger: Ledger, root: Path, pattern: NamePattern, started: float) -> bool:
    """On the first start leave to ``sweep`` what was in the root before it, whatever its mtime says.

    Returns:
        Whether it was the first: the ledger has taken the sweeps' windows over.
    """
    if ledger.knows_root(root):
        return False
    ledger.adopt(root, [capture for capture in archive(root, pattern) if _changed(capture.path) < started])
    return True


def _changed(path: Path) -> float:
    """When the file came, in seconds since the epoch: no copying or moving can set a POSIX ctime back."""
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return float("inf")


class _Voice(Voice):
    """Tells the service manager and ``status`` of a wait: no restart mends a full disk."""

    def __init__(self, lifeline: Lifeline, folder: Path | None) -> None:
        """Speak by *lifeline*, and in *folder* if there is one."""
        self._lifeline, self._folder = lifeline, folder

    def waits(self, why: str) -> None:
        if self._folder is not None:
            tell_halt(self._folder, why)
        self._lifeline.waits(why)

    def pulse(self) -> None:
        self._lifeline.pulse()


class _Loss(contextlib.AbstractContextManager["_Loss"]):
    """Remembers for the next run that the device was lost at once: what is broken would be started anew for ever."""

    def __init__(self, ledger: Ledger, root: Path) -> None:
        self.at_once = True
        self._ledger, self._root = ledger, root

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, LostError) and self.at_once:
            with contextlib.suppress(FaultError):
                self._ledger.beat(self._root, self._ledger.report(self._root) | {"lost": str(error)})


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
