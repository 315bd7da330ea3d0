"""What a run is to do, and how it begins: locks, claims, and the ledger."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher.disk.claims import WORKS, claim, claim_folder, is_claimed
from watcher.disk.files import FAULTS
from watcher.disk.mirror import require_own, require_unmarked
from watcher.disk.rootlock import RootLock
from watcher.errors import BusyError, FaultError, HeldError
from watcher.flow.waiting import Stop, Wait, WaitListener
from watcher.keep.places import Places
from watcher.ledger.ledger import Ledger
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
    def begun(self, work: str, listener: WaitListener, *, is_there: bool = True) -> Iterator[Ledger]:
        """The ledger, while no other process does this *work* on the root; for a dry run a copy.

        If a disk is full this waits, and tells *listener*. If the root *is_there*, its quarantine is made and claimed.

        Raises:
            BusyError: another one does, or one with another ledger works on the root.
            WatcherError: the root lies in a quarantine, or the quarantine is that of another root.
            FaultError: the ledger or a lock cannot be used.
        """
        require_unmarked(self.root)
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
            stack.enter_context(retry(partial(claim, own, self.root, work), start))
            ledger = stack.enter_context(retry(self.program.ledger, start))
            if is_there:
                retry(partial(self._prepare, ledger), start)
                stack.enter_context(retry(partial(claim, quarantine, self.root, work), start))
            yield ledger

    @contextlib.contextmanager
    def secured(self, ledger: Ledger, work: str) -> Iterator[None]:
        """The same for a root that was not there when this began: a folder that never comes leaves nothing behind.

        Raises:
            BusyError, WatcherError, FaultError: as :meth:`begun`.
        """
        if self.dry_run:
            yield
            return
        self._prepare(ledger)
        with claim(self.settings.quarantine_dir, self.root, work):
            yield

    def _prepare(self, ledger: Ledger) -> None:
        """Let the folders that take pictures of the root be there, and known to be its own."""
        aside = [self.settings.similar_dir] if self.settings.on_similar == "set-aside" else []
        places = Places(ledger, self.root)
        for mirror in (self.settings.quarantine_dir, *aside):
            require_own(mirror, self.root)
            if mirror not in ledger.mirrors(self.root):
                ledger.see_mirror(self.root, mirror, "")
            places.prepare_mirror(mirror)


class _Start(Wait):
    """Waits while the disk is full or fails. Anything else that is wrong at a start is raised at once."""

    _is_sure = False

    def wait(self, fault: FaultError) -> None:
        cause = fault.__cause__
        error = getattr(cause, "sqlite_errorname", "")
        by_ledger = error.startswith(("SQLITE_FULL", "SQLITE_IOERR"))
        if error.startswith("SQLITE_CORRUPT") and not self._is_sure:
            # SQLite takes a read that failed for damage, too; a second look tells them apart.
            self._is_sure = by_ledger = True
        is_held = isinstance(fault, HeldError)
        if not (by_ledger or is_held or getattr(cause, "errno", None) in FAULTS):
            raise fault
        super().wait(fault)
