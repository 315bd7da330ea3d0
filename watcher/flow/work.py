"""What watcher and sweep have in common: how they begin, and how one capture is judged and kept."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher.disk.claims import WORKS, claim, claim_folder, is_claimed
from watcher.disk.files import FAULTS
from watcher.disk.mirror import MARKER_FOLDER, mark, root_of
from watcher.disk.rootlock import RootLock
from watcher.errors import BusyError, FaultError, GoneError, KnownError, WatcherError
from watcher.flow.waiting import Stop, Wait, WaitListener
from watcher.judge.device import DeviceBudget, Judge, Load
from watcher.judge.frame import choose_device, load
from watcher.judge.pipeline import Postponed
from watcher.judge.windows import Windows
from watcher.keep.custody import Custody, DryRunCustody
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Timeline
from watcher.patience import retry
from watcher.program import Program
from watcher.settings.settings import Settings
from watcher.terminal.console import Log


@dataclass(frozen=True, slots=True)
class Task:
    """What a run is to do."""

    program: Program
    settings: Settings
    log: Log
    dry_run: bool

    @property
    def root(self) -> Path:
        """The folder whose captures are judged."""
        return self.settings.root

    @property
    def claims(self) -> Path:
        """Where the claims of processes with this ledger on the root are."""
        return claim_folder(self.program.folders.state_dir, self.root)

    @property
    def is_watched(self) -> bool:
        """Whether a watcher with this ledger is at work on the root."""
        return is_claimed(self.claims)

    @property
    def root_lock(self) -> RootLock:
        """What keeps processes with other ledgers from the root; a dry run disturbs nobody."""
        own = self.claims
        return RootLock(None if self.dry_run else self.root, lambda: any(is_claimed(own, work) for work in WORKS))

    @contextlib.contextmanager
    def begun(self, work: str, listener: WaitListener) -> Iterator[Ledger]:
        """The ledger, while no other process does this *work* on the root; for a dry run a copy.

        A disk that is full is waited for, of which *listener* hears.

        Raises:
            BusyError: another one does, or one with another ledger works on the root.
            FaultError: the ledger or a lock cannot be used.
        """
        _refuse_quarantine(self.root)
        with contextlib.ExitStack() as stack:
            if self.dry_run:
                yield stack.enter_context(Ledger.copy(self.program.ledger_file))
                return
            own, quarantine = self.claims, self.settings.quarantine_dir
            for other in WORKS:
                if is_claimed(quarantine, other) and not is_claimed(own, other):
                    raise BusyError(f"another framesift {other} with another ledger is running on {self.root}")
            start = _Start(self.log, Stop(), listener)  # a signal ends this as it ends any start
            # Our own lock comes first: with it, ``status`` knows of one that waits for the quarantine's disk.
            for folder in (own, quarantine):
                stack.enter_context(retry(partial(claim, folder, self.root, work), start))
            if self.settings.on_similar == "set-aside":
                mark(self.settings.similar_dir, self.root)
            yield stack.enter_context(retry(self.program.ledger, start))


def _refuse_quarantine(root: Path) -> None:
    """Do nothing unless *root* lies in a quarantine: what was put aside there would be judged once more."""
    for folder in (root, *root.parents):
        if (folder / MARKER_FOLDER / "root").exists():
            raise WatcherError(f"{root} lies in {folder}, which is the quarantine of {root_of(folder)}")


class _Start(Wait):
    """Waits while the disk is full or fails; what else is wrong at a start, a person has to hear at once."""

    _is_sure = False

    def wait(self, fault: FaultError) -> None:
        cause = fault.__cause__
        error = getattr(cause, "sqlite_errorname", "")
        by_ledger = error.startswith(("SQLITE_FULL", "SQLITE_IOERR"))
        if error.startswith("SQLITE_CORRUPT") and not self._is_sure:
            # A read that failed looks like damage to SQLite as well; a second look tells them apart.
            self._is_sure = by_ledger = True
        if not by_ledger and getattr(cause, "errno", None) not in FAULTS:
            raise fault
        super().wait(fault)


def _budget(settings: Settings, lost: str) -> DeviceBudget:
    """The device of the settings; the CPU if the last run *lost* that one at once, or it would be lost for ever."""
    device = choose_device(settings.device)
    if not lost or device.type == "cpu":
        return DeviceBudget(device, settings.frame_memory)
    why = f"comparing on the CPU until the next start, since {device.type} failed at once in the last run: {lost}"
    return DeviceBudget(choose_device("cpu"), settings.frame_memory, why)


class Work:
    """Judges the captures of a root one by one, and has each verdict carried out and written down."""

    def __init__(self, task: Task, ledger: Ledger, timeline: Timeline) -> None:
        """Load the hooks, finish what a crash left half done, and take over the windows of *timeline*.

        Raises:
            WatcherError: the device or a hook cannot be used.
        """
        settings, log = task.settings, task.log
        self._ledger, self._timeline, self._policy = ledger, timeline, settings.policy
        self.budget = _budget(settings, ledger.heartbeat(task.root).lost)
        if self.budget.why:
            log.say(self.budget.why, "warning")
        # One thread alone talks to the device; those that read ahead do not.
        self.load = partial(load, device=choose_device("cpu"), policy=settings.policy)
        hooks = Hooks(settings, task.program.folders.hooks_dir, partial(log.say, tone="error"))
        self._custody = (DryRunCustody if task.dry_run else Custody)(ledger, hooks, timeline)
        for entry in self._custody.recover():
            name = entry.verdict.capture.path.name
            log.say(f"{name} was on its way when the last run ended; it is {entry.state} now")
        self._judge = Judge(self.budget, settings.policy, self._windows, partial(log.say, tone="warning"))

    def begin_anew(self) -> None:
        """Go on with the windows that the ledger knows now."""
        self._judge.begin_anew()

    def judge(self, capture: Capture, load: Load | None = None) -> Entry | Postponed:
        """Judge *capture*, read by *load* or from its file; carry out the verdict and write it down.

        Raises:
            LostError: only a new process can go on; the capture has not been touched.
        """
        judged = self._judge.judge(capture, load or self.load)
        self._custody.note(judged.changes)
        if isinstance(judged, Postponed):
            return judged
        try:
            return self._custody.carry_out(judged.verdict, judged.admitted)
        except KnownError as error:
            self._judge.windows.discard(capture)
            return Postponed(capture, GoneError(str(error)))

    def _windows(self, load: Load, frame_memory: int) -> Windows:
        """The windows that the ledger knows; *load* reads a kept frame again."""
        windows = Windows(self._policy, load, self._ledger.kept_location, frame_memory)
        windows.restore(self._ledger.frames(self._timeline, self._policy.window))
        return windows
