"""Custody of the pictures: carry out verdicts so that after a crash at any point every picture is in one place.

The order is always: write the intent, move, confirm. What a crash in between leaves behind is a MOVING row, which
:meth:`Custody.recover` finishes or takes back.
"""

import itertools
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout

from watcher import disposal, files
from watcher.capture import Capture
from watcher.entry import Entry, Move, State
from watcher.errors import ConflictError, FaultError, GoneError, WatcherError
from watcher.kept import Kept
from watcher.ledger import Ledger
from watcher.mirror import MARKER_FOLDER, mark
from watcher.plugins import Hooks
from watcher.verdict import Kind, Verdict

_TRIES = 9
_CLAIM_SECONDS = 2.0
"""Longer than another process needs to look whether the lock is free."""


Result = TypeVar("Result")


class Patience(Protocol):
    """What to do while disk or ledger refuse."""

    def wait(self, fault: FaultError) -> None:
        """Return when it is time to try again, or raise *fault*."""

    def over(self) -> None:
        """The last try has succeeded."""


def insist(action: Callable[[], Result], patience: Patience) -> Result:
    """Do *action* again until disk and ledger allow it, or *patience* ends.

    Raises:
        FaultError: patience has ended.
    """
    while True:
        try:
            result = action()
        except FaultError as fault:
            patience.wait(fault)
        else:
            patience.over()
            return result


class Custody:
    """Moves the pictures of one root, and answers for them."""

    def __init__(self, ledger: Ledger, hooks: Hooks, root: Path, patience: Patience) -> None:
        self._ledger = ledger
        self._hooks = hooks
        self._root = root
        self._patience = patience

    def carry_out(self, verdict: Verdict, admitted: Kept | None) -> Entry:
        """Record the verdict, move the picture if a hook says so, confirm, and tell the listeners.

        Raises:
            FaultError: the disk or the ledger refuses, and there was no waiting for it. The picture is where it was,
                or a MOVING row knows of it.
        """
        target = None if verdict.kind is Kind.UNREADABLE else self._hooks.place(verdict)
        move = None if target is None else Move(_free(target), State.QUARANTINED)
        entry = self._insist(lambda: self._ledger.record(self._root, verdict, admitted, move))
        # Killed here: a MOVING row and the file at its old place, which recover() moves.
        return self._complete(entry)

    def note(self, lost: Iterable[Capture], renewed: Iterable[Kept]) -> None:
        """Write down which kept captures are gone, and which signatures had to be computed again.

        Raises:
            FaultError: the ledger refuses, and there was no waiting for it.
        """
        for capture in lost:
            self._insist(partial(self._ledger.lose, capture))
        for kept in renewed:
            self._insist(partial(self._ledger.renew, kept))

    def recover(self) -> list[Entry]:
        """Finish what a crash left half done, oldest first; returns the entries concerned."""
        return [self._complete(entry) for entry in self._insist(self._ledger.moving)]

    def _complete(self, entry: Entry) -> Entry:
        if entry.state is State.MOVING:
            entry = self._insist(lambda: self._finish(entry))
        self._hooks.recorded(entry)
        return entry

    def _finish(self, entry: Entry) -> Entry:
        return finish(self._ledger, entry)

    def _insist(self, action: Callable[[], Result]) -> Result:
        return insist(action, self._patience)


class Rehearsal(Custody):
    """Custody that asks the hooks and moves nothing: to be used with a ledger that is a copy in memory."""

    def _finish(self, entry: Entry) -> Entry:
        """Leave the entry MOVING, and its target to be read."""
        return entry


def finish(ledger: Ledger, entry: Entry) -> Entry:
    """Make the move that a MOVING entry stands for, or give it up because of the file itself.

    Raises:
        FaultError: the system refuses moves altogether; the entry stays MOVING, to be finished later.
    """
    if entry.target is None:
        raise ValueError(f"entry {entry.id} is not moving")
    if entry.becomes is State.PURGED:
        return disposal.finish(ledger, entry)
    try:
        _move(entry, entry.target)
    except GoneError as error:
        gone = not os.path.lexists(entry.location)
        return ledger.give_up(entry, State.MISSING if gone else _before(entry), str(error))
    except ConflictError as error:
        return ledger.give_up(entry, _before(entry), str(error))
    except OSError as error:
        if error.errno in files.FAULTS:
            raise FaultError(f"{entry.location.name} cannot be moved: {error.strerror}") from error
        return ledger.give_up(entry, _before(entry), f"cannot be moved: {error.strerror or error}")
    return ledger.confirm(entry)  # killed before this line: recover() finds the file at its target


def _move(entry: Entry, target: Path) -> None:
    """Move the picture; again if a purge in another process tidies the folder, empty as yet, away in that instant."""
    for tries_left in reversed(range(_TRIES)):
        try:
            _make_folder(target.parent, private=entry.becomes is not State.RESTORED)
            files.move(entry.location, target, entry.verdict.capture)
        except FileNotFoundError:
            if not tries_left:
                raise
        else:
            return


def restore(ledger: Ledger, entry: Entry) -> Entry:
    """Bring a picture back to where the capture job wrote it.

    Raises:
        ConflictError: another file is there now, or the picture itself is gone; nothing was changed.
        FaultError: the disk or the ledger refuses.
    """
    if not files.is_still(entry.location, entry.verdict.capture):
        raise ConflictError(f"{entry.location} is gone or was changed")
    target = entry.verdict.capture.path
    if os.path.lexists(target):
        raise ConflictError(f"{entry.location} stays there: {target} exists and was not overwritten")
    done = finish(ledger, ledger.intend(entry, Move(target, State.RESTORED)))
    if done.state is not State.RESTORED:
        raise ConflictError(f"{entry.location}: {done.note}")
    return done


def _before(entry: Entry) -> State:
    return State.QUARANTINED if entry.becomes is State.RESTORED else State.KEPT


def _make_folder(folder: Path, *, private: bool) -> None:
    if private:
        files.make_private_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)  # the user's own tree, with the user's umask


def _free(target: Path) -> Path:
    """*target*, or a numbered name beside it if an earlier picture of the same name lies there."""
    names = itertools.chain([target], (target.with_name(f"{target.name}.~{n}~") for n in itertools.count(1)))
    return next(path for path in names if not os.path.lexists(path))


def claim(folder: Path, root: Path) -> FileLock:
    """Lock *folder* (made if need be) for one watcher of *root*, and leave the root's name there.

    Raises:
        WatcherError: another watcher holds it.
        FaultError: it cannot be made or written.
    """
    place = folder / MARKER_FOLDER
    lock = FileLock(place / "lock", mode=0o600)
    try:
        files.make_private_folder(place)
        lock.acquire(timeout=_CLAIM_SECONDS)
        mark(folder, root)
    except Timeout:
        raise WatcherError(f"another framesift is watching already ({folder} is locked)") from None
    except OSError as error:
        raise FaultError(f"{folder} cannot be used: {error.strerror or error}") from error
    return lock


def is_claimed(folder: Path) -> bool:
    """Whether a watcher holds the lock of *folder* now: evidence of life, whatever a report says."""
    path = folder / MARKER_FOLDER / "lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, mode=0o600, blocking=False):
            return False
    except Timeout:
        return True


def restore_unrecorded(path: Path, target: Path, adopt: Callable[[Capture], object]) -> None:
    """Bring back a picture that no ledger knows; *adopt* remembers it first, so that it is never judged again.

    Raises:
        ConflictError: another file is at *target*; nothing was changed.
        OSError: the system refuses.
    """
    status = path.lstat()
    taken_at = datetime.fromtimestamp(status.st_mtime)
    capture = Capture(target, 0, taken_at, status.st_size, status.st_mtime_ns)
    adopt(capture)
    _make_folder(target.parent, private=False)
    files.move(path, target, capture)
