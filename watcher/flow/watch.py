"""A watcher at work: what arrives in the root is judged and kept at once, and each capture gives a line of the log."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from watcher.arrive.live import Live
from watcher.disk.files import FAULTS
from watcher.disk.listing import archive, disk_of
from watcher.disk.rootlock import RootLock
from watcher.errors import FaultError, LostError
from watcher.flow.journal import Journal
from watcher.flow.task import Task
from watcher.flow.waiting import Stop, Wait, WaitListener
from watcher.flow.work import Work
from watcher.health.pause import Pause, read_pause
from watcher.health.sd_notify import SdNotifier
from watcher.health.wait_reason import write_wait_reason
from watcher.judge.pipeline import Postponed
from watcher.keep.homecoming import Met
from watcher.keep.retention import Retention
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.capture import Capture
from watcher.model.entry import Timeline
from watcher.model.notice import Notice
from watcher.patience import NoPatience


def watch(task: Task, *, new_disk: bool = False) -> signal.Signals:
    """Judge and carry out each capture that arrives in the root, until a signal says stop.

    *new_disk* takes the disk that is in the root's place now for the one that is meant.

    Returns:
        The signal that ended it.

    Raises:
        WatcherError: it cannot start, for instance because another watcher holds the folder.
    """
    root, log = task.root, task.log
    is_there = os.path.isdir(root)  # noqa: PTH112 - is_dir() may raise
    with contextlib.ExitStack() as stack:
        root_lock = stack.enter_context(task.root_lock)
        root_lock.take()
        settle = task.settings.settle.total_seconds()
        live = Live(root, task.settings.names, settle, partial(log.say, tone="warning"))
        notifier = SdNotifier(root, live.status)
        listener = _Listener(notifier, None if task.dry_run else task.claims)
        ledger = stack.enter_context(task.begun("watch", listener, is_there=is_there))
        listener.waits("")
        stop = stack.enter_context(Stop())
        stop.then(live.stop)
        stack.enter_context(notifier)
        ledger.patience = Wait(log, stop, listener)
        live.status.disk = ledger.heartbeat(root).disk
        if new_disk:
            with contextlib.suppress(OSError):  # a root that is not there yet is waited for
                live.status.disk = disk_of(root)
        secure = None if is_there else partial(stack.enter_context, task.secured(ledger, "watch"))
        watcher = stack.enter_context(Watcher(task, ledger, live, notifier, root_lock, secure))
        for capture in live.captures(watcher):
            watcher.take(capture)
    return stop.signal


class Watcher(contextlib.AbstractContextManager["Watcher"]):
    """The watcher of one root, as its source of captures calls it; at its end it says so."""

    def __init__(  # noqa: PLR0913, PLR0917 - what was opened for it
        self,
        task: Task,
        ledger: Ledger,
        live: Live,
        notifier: SdNotifier,
        root_lock: RootLock,
        secure: Callable[[], object] | None,
    ) -> None:
        """Begin with all that was opened for it; *secure*, if it is given, makes and claims its quarantine.

        Raises:
            WatcherError: the device or a hook cannot be used.
        """
        self._task, self._ledger, self._live = task, ledger, live
        self._notifier, self._root_lock, self._secure = notifier, root_lock, secure
        self._has_judged = False
        self._pause: Pause | None = None
        self._work = Work(task, ledger, Timeline(task.root))
        tell = _unheard if task.dry_run else self._work.hooks.noticed
        self._journal = Journal(task.log, ledger, task.settings, live.status, self._work.budget, tell)
        self._retention = Retention(ledger, task.settings, partial(task.log.say, tone="good"))

    def take(self, capture: Capture) -> None:
        """Judge *capture*, have the verdict carried out, and tell it."""
        begun = time.perf_counter()
        if not self._has_judged and self._ledger.take_over_windows(self._task.root):
            self._work.begin_anew()  # a sweep was here before anything came
        outcome = self._work.judge_and_keep(capture)
        self._notifier.pulse()
        self._has_judged = True
        if isinstance(outcome, Postponed):
            self._live.postpone(outcome.capture, outcome.error)
        elif isinstance(outcome, Met):
            if outcome.said:
                self._task.log.say(outcome.said)
        else:
            self._journal.entry(outcome, time.perf_counter() - begun)

    def known(self, folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of what in *folder* has one of *names* and needs no judgement any more."""
        return self._ledger.known(folder, names)

    def found(self) -> None:
        """The root has come into sight: what is there at the very first start is left to sweeps."""
        self._root_lock.take()
        if self._secure is not None:
            self._secure()
            self._secure = None
        root, pattern = self._task.root, self._task.settings.names
        if not self._ledger.knows_root(root):
            there = archive(root, pattern, self._closed)
            self._ledger.adopt(root, (one for one in there if _changed(one.path) < self._task.program.started))
            self._work.begin_anew()  # with the sweeps' windows, which the ledger has taken over
        self._journal.begin()

    def _closed(self, folder: Path, error: OSError) -> None:
        """At the very first start a *folder* cannot be listed; raises *error* if that is the fault of a disk."""
        if error.errno in FAULTS:
            raise error
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            why = f"{folder} cannot be listed: {error.strerror}; what is in it will count as new once it can"
            self._task.log.say(why, "warning")

    def is_ours(self) -> bool:
        """Whether the root is the folder of the captures that were kept, though on another disk."""
        return Totals(self._ledger, self._task.root).has_some_in_place()

    def rests(self) -> bool:
        """Whether a person has told it to rest."""
        pause = read_pause(self._task.claims, time.time())
        if pause != self._pause:
            self._task.log.say(str(pause) if pause else "the pause is over; going on", "warning" if pause else "good")
            self._pause = pause
            self._journal.rest()  # silence while it rests is none
        return pause is not None

    def idle(self) -> None:
        """Nothing is to be judged: called at least every second."""
        self._root_lock.let_go()
        self._notifier.pulse()
        self._journal.idle(alarms=self._pause is None)
        if not self._task.dry_run:
            self._retention.idle()

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._ledger.patience = NoPatience()  # what ends waits for nothing
        try:
            self._journal.end()
            if isinstance(error, LostError) and not self._has_judged:
                # Remembered for the next run: a device that is broken would be tried, and lost, for ever.
                last = self._ledger.heartbeat(self._task.root)
                self._ledger.write_heartbeat(self._task.root, replace(last, lost=str(error)))
        except FaultError as fault:
            self._task.log.say(str(fault), "error")  # and what ended it is what counts


def _unheard(_: Notice) -> None:
    """A dry run tells nobody."""


def _changed(path: Path) -> float:
    """When the file came, in seconds since the epoch: no copying or moving can set a POSIX ctime back."""
    try:
        return path.lstat().st_ctime
    except (FileNotFoundError, NotADirectoryError):
        return float("inf")


class _Listener(WaitListener):
    """Tells the service manager and ``status`` of a wait: no restart mends a full disk."""

    def __init__(self, notifier: SdNotifier, folder: Path | None) -> None:
        """Speak by *notifier*, and in *folder* if there is one."""
        self._notifier, self._folder = notifier, folder

    def waits(self, why: str) -> None:
        if self._folder is not None:
            write_wait_reason(self._folder, why)
        self._notifier.waits(why)

    def pulse(self) -> None:
        self._notifier.pulse()
