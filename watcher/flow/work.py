"""The one flow: captures through the pipeline into custody. ``watch`` and ``sweep`` differ in where they come from."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher.disk import files
from watcher.disk.mirror import MARKER_FOLDER, mark, root_of
from watcher.disk.rootlock import RootLock
from watcher.errors import BusyError, FaultError, GoneError, KnownError, WatcherError
from watcher.flow.waiting import Stop, Voice, Wait
from watcher.health.heartbeat import Report, lock_folder
from watcher.judge.device import Engine, Load, Place
from watcher.judge.frame import choose_device, load
from watcher.judge.pipeline import Postponed
from watcher.judge.windows import Windows
from watcher.keep.custody import Custody, Patience, Rehearsal, claim, insist, is_claimed
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Timeline
from watcher.program import Program
from watcher.settings.settings import Settings
from watcher.terminal.console import Log

_WORKS = ("watch", "sweep")


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
    def is_watched(self) -> bool:
        """Whether a watcher with this ledger is at work on the root."""
        return is_claimed(lock_folder(self.program.folders.state_dir, self.root))

    @property
    def root_lock(self) -> RootLock:
        """What keeps processes with other ledgers from the root; a dry run disturbs nobody."""
        own = lock_folder(self.program.folders.state_dir, self.root)
        return RootLock(None if self.dry_run else self.root, lambda: any(is_claimed(own, work) for work in _WORKS))

    @property
    def lock_folder(self) -> Path | None:
        """Where the lock of the root's watcher is; a dry run holds none."""
        return None if self.dry_run else lock_folder(self.program.folders.state_dir, self.root)

    @contextlib.contextmanager
    def begun(self, work: str, voice: Voice) -> Iterator[Ledger]:
        """The ledger, while no other process does this *work* on the root; for a dry run a copy.

        A disk that is full is waited for, of which *voice* tells.

        Raises:
            BusyError: another one does, or one with another ledger works on the root.
            FaultError: the ledger or a lock cannot be used.
        """
        _refuse_quarantine(self.root)
        with contextlib.ExitStack() as stack:
            if self.dry_run:
                yield stack.enter_context(Ledger.copy(self.program.ledger_file))
                return
            own, quarantine = lock_folder(self.program.folders.state_dir, self.root), self.settings.quarantine_dir
            for other in _WORKS:
                if is_claimed(quarantine, other) and not is_claimed(own, other):
                    raise BusyError(f"another framesift {other} with another ledger is running on {self.root}")
            start = _Start(self.log, Stop(), voice)  # a signal ends this as it ends any start
            # Our own lock comes first: with it, ``status`` knows of one that waits for the quarantine's disk.
            stack.enter_context(insist(lambda: claim(own, self.root, work), start))
            stack.enter_context(insist(lambda: claim(quarantine, self.root, work), start))
            if self.settings.on_similar == "set-aside":
                mark(self.settings.similar_dir, self.root)
            yield stack.enter_context(insist(self.program.ledger, start))


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
        if not by_ledger and getattr(cause, "errno", None) not in files.FAULTS:
            raise fault
        super().wait(fault)


def _place(settings: Settings, lost: str) -> Place:
    """The device of the settings; the CPU if the last run *lost* that one at once, or it would be lost for ever."""
    device = choose_device(settings.device)
    if not lost or device.type == "cpu":
        return Place(device, settings.frame_memory)
    why = f"comparing on the CPU until the next start, since {device.type} failed at once in the last run: {lost}"
    return Place(choose_device("cpu"), settings.frame_memory, why)


class Work:
    """Everything that judging the captures of a root takes."""

    def __init__(self, task: Task, ledger: Ledger, timeline: Timeline, patience: Patience) -> None:
        """Load the hooks, finish what a crash left half done, and take over the windows of *timeline*.

        Raises:
            WatcherError: the device or a hook cannot be used.
        """
        settings, log = task.settings, task.log
        last = Report.from_json(insist(partial(ledger.report, task.root), patience))
        self.place = _place(settings, last.lost)
        if self.place.why:
            log.say(self.place.why, "warning")
        # One thread alone talks to the device; those that read ahead do not.
        self.load = partial(load, device=choose_device("cpu"), policy=settings.policy)
        hooks = Hooks(settings, task.program.folders.hooks_dir, partial(log.say, tone="error"))
        self._custody = (Rehearsal if task.dry_run else Custody)(ledger, hooks, timeline, patience)
        for entry in self._custody.recover():
            name = entry.verdict.capture.path.name
            log.say(f"{name} was on its way when the last run ended; it is {entry.state} now")

        def located(capture: Capture) -> Path:
            return insist(partial(ledger.kept_location, capture), patience)

        def filled(kept_load: Load, frame_memory: int) -> Windows:
            windows = Windows(settings.policy, kept_load, located, frame_memory)
            windows.restore(insist(lambda: list(ledger.frames(timeline, settings.window)), patience))
            return windows

        self._engine = Engine(self.place, settings.policy, filled, partial(log.say, tone="warning"))

    def begin_anew(self) -> None:
        """Go on with the windows that the ledger knows now."""
        self._engine.begin_anew()

    def outcomes(self, captures: Iterable[Capture], load: Load | None = None) -> Iterator[Entry | Postponed]:
        """Judge *captures*, read by *load* or from their files, one by one; carry out and write down each verdict.

        Raises:
            LostError: only a new process can go on; the capture in hand has not been touched.
        """
        for capture in captures:
            judged = self._engine.judge(capture, load or self.load)
            self._custody.note(judged.lost, judged.renewed)
            if isinstance(judged, Postponed):
                yield judged
                continue
            try:
                yield self._custody.carry_out(judged.verdict, judged.admitted)
            except KnownError as error:
                self._engine.windows.discard(judged.capture)
                yield Postponed(judged.capture, GoneError(str(error)), (), ())
