"""The one flow: captures through the pipeline into custody. ``watch`` and ``sweep`` differ in where they come from."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher.capture import Capture
from watcher.console import Log
from watcher.custody import Custody, Patience, Rehearsal, claim, is_claimed
from watcher.entry import Entry, Timeline
from watcher.errors import GoneError, KnownError, WatcherError
from watcher.frame import Frame, choose_device, load
from watcher.ledger import Ledger
from watcher.mirror import mark
from watcher.pipeline import Postponed, verdicts
from watcher.plugins import Hooks
from watcher.program import Program
from watcher.rootlock import RootLock
from watcher.settings import Settings
from watcher.vitals import lock_folder
from watcher.windows import Windows

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

    @contextlib.contextmanager
    def begun(self, work: str) -> Iterator[Ledger]:
        """The ledger, while no other process does this *work* on the root; for a dry run a copy.

        Raises:
            WatcherError: another one does, or one with another ledger works on the root.
            FaultError: the ledger or a lock cannot be used.
        """
        with contextlib.ExitStack() as stack:
            if self.dry_run:
                yield stack.enter_context(Ledger.copy(self.program.ledger_file))
                return
            own, quarantine = lock_folder(self.program.folders.state_dir, self.root), self.settings.quarantine_dir
            for other in _WORKS:
                if is_claimed(quarantine, other) and not is_claimed(own, other):
                    raise WatcherError(f"another framesift {other} with another ledger is running on {self.root}")
            stack.enter_context(claim(quarantine, self.root, work))
            stack.enter_context(claim(own, self.root, work))
            if self.settings.on_similar == "set-aside":
                mark(self.settings.similar_dir, self.root)
            yield stack.enter_context(self.program.ledger())


class Work:
    """Everything that judging the captures of a root takes."""

    def __init__(self, task: Task, ledger: Ledger, timeline: Timeline, patience: Patience) -> None:
        """Load the hooks, finish what a crash left half done, and take over the windows of *timeline*.

        Raises:
            WatcherError: the device or a hook cannot be used.
        """
        settings, log = task.settings, task.log
        self.device = choose_device(settings.device)
        self.load = partial(load, device=self.device, policy=settings.policy)
        hooks = Hooks(settings, task.program.folders.hooks_dir, partial(log.say, tone="error"))
        self._policy = settings.policy
        self._custody = (Rehearsal if task.dry_run else Custody)(ledger, hooks, timeline, patience)
        for entry in self._custody.recover():
            name = entry.verdict.capture.path.name
            log.say(f"{name} was on its way when the last run ended; it is {entry.state} now")
        self._windows = Windows(settings.policy, self.load, ledger.kept_location, settings.frame_memory)
        self._windows.restore(ledger.frames(timeline, settings.window))

    def outcomes(
        self, captures: Iterable[Capture], load: Callable[[Capture], Frame] | None = None
    ) -> Iterator[Entry | Postponed]:
        """Judge *captures*, read by *load* or from their files, one by one; carry out and write down each verdict."""
        for judged in verdicts(captures, self._windows, self._policy, load or self.load):
            self._custody.note(judged.lost, judged.renewed)
            if isinstance(judged, Postponed):
                yield judged
                continue
            try:
                yield self._custody.carry_out(judged.verdict, judged.admitted)
            except KnownError as error:
                self._windows.discard(judged.capture)
                yield Postponed(judged.capture, GoneError(str(error)), (), ())
