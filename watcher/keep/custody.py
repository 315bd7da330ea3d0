"""Custody of the pictures: carry out verdicts so that after a crash at any point every picture is in one place.

The order is always: write the intent, move, confirm. What a crash in between leaves behind is a MOVING row, which
:meth:`Custody.recover` finishes or takes back.
"""

import contextlib
import itertools
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from watcher.disk import files
from watcher.disk.mirror import unnumbered
from watcher.errors import ConflictError, FaultError, GoneError
from watcher.keep.deletion import end_interrupted_deletion
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import Kind, Verdict

_TRIES = 9


class Custody:
    """Moves the pictures of one root, and answers for them."""

    def __init__(self, ledger: Ledger, hooks: Hooks, timeline: Timeline) -> None:
        self._ledger = ledger
        self._hooks = hooks
        self._timeline = timeline

    def carry_out(self, verdict: Verdict, admitted: KeptFrame | None) -> Entry:
        """Record the verdict, move the picture if a hook says so, confirm, and tell the listeners.

        Raises:
            FaultError: the disk or the ledger refuses, and there was no waiting for it. The picture is where it was,
                or a MOVING row knows of it.
            KnownError: another framesift has judged the capture meanwhile; nothing was changed.
        """
        target = None if verdict.kind is Kind.UNREADABLE else self._hooks.place(verdict)
        move = self._move(verdict, target)
        return self._complete(lambda: self._ledger.record(self._timeline, verdict, admitted, move))

    def _move(self, verdict: Verdict, target: Path | None) -> Move | None:
        """The move that brings the picture to *target*, or back to where it was captured; None if it is there."""
        home = verdict.capture.path
        wanted = target or home
        if self._timeline.round:  # judged anew, the picture may have been moved before
            now = self._ledger.location(verdict.capture)
            if wanted in (now, now.with_name(unnumbered(now.name))):
                return None
        elif wanted == home:
            return None
        # Back, if judged anew it is no duplicate: into its own place or, if that is taken now, nowhere.
        return Move(home, State.KEPT) if target is None else Move(_free(target), State.QUARANTINED)

    def note(self, changes: Changes) -> None:
        """Write down which kept captures are gone, and which signatures had to be computed again.

        Raises:
            FaultError: the ledger refuses, and there was no waiting for it.
        """
        for capture in changes.lost:
            self._ledger.lose(capture)
        for kept in changes.renewed:
            self._ledger.renew(kept)

    def recover(self) -> list[Entry]:
        """Finish what a crash left half done, oldest first; returns the entries concerned."""
        # What moves now was left behind: whoever moves something lets nobody in until it has arrived.
        left = self._ledger.exclusively(self._ledger.moving)
        return [self._recover(entry) for entry in left]

    def _recover(self, entry: Entry) -> Entry:
        if entry.becomes in (State.RESTORED, State.PURGED):  # of what a person does by hand no hook hears
            return finish_move(self._ledger, entry)
        return self._complete(lambda: self._ledger.entry(entry.id))

    def _complete(self, write: Callable[[], Entry]) -> Entry:
        entry = self._ledger.exclusively(lambda: self._begin(write))
        if entry.state is State.MOVING:
            entry = finish_move(self._ledger, entry)  # waiting for the disk, and holding up nobody
        if entry.state not in (State.RESTORED, State.PURGED):  # it stays what a person has made it
            self._hooks.recorded(entry)
        return entry

    def _begin(self, write: Callable[[], Entry]) -> Entry:
        """Write the intent, and move at once unless the disk refuses; what was written is not written again."""
        entry = write()
        # Killed here: a MOVING row and the file at its old place, which recover() moves.
        with contextlib.suppress(FaultError):
            entry = finish_move(self._ledger, entry)
        return entry


class DryRunCustody(Custody):
    """Custody that asks where pictures should go, and moves and tells nothing: for a ledger that is a copy."""

    def recover(self) -> list[Entry]:
        """Leave to the next real run what a crash left half done."""
        return []

    def _complete(self, write: Callable[[], Entry]) -> Entry:
        """Write down the verdict; the entry stays MOVING, and its target can be read."""
        return write()


def finish_move(ledger: Ledger, entry: Entry) -> Entry:
    """Make the move that a MOVING entry stands for, or give it up because of the file itself.

    What is no longer MOVING, because another process has finished it, is left as it is.

    Raises:
        FaultError: the system refuses moves altogether, and there was no waiting for it; the entry stays MOVING.
    """
    return ledger.exclusively(lambda: _finish_move(ledger, ledger.entry(entry.id)))


def _finish_move(ledger: Ledger, entry: Entry) -> Entry:
    if entry.target is None:
        return entry
    if entry.becomes is State.PURGED:
        return end_interrupted_deletion(ledger, entry)
    try:
        _bring(entry, entry.target)
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


def _bring(entry: Entry, target: Path) -> None:
    """Move the picture; again if a purge in another process tidies the folder, empty as yet, away in that instant."""
    for tries_left in reversed(range(_TRIES)):
        try:
            _make_folder(target.parent, private=entry.becomes is State.QUARANTINED)
            files.move(entry.location, target, entry.verdict.capture)
        except FileNotFoundError:
            if not tries_left:
                raise
        else:
            return


def restore(ledger: Ledger, entry: Entry) -> Entry:
    """Bring a picture back to where the capture job wrote it; one that another process has brought back stays there.

    Raises:
        ConflictError: another file is there now, or the picture itself is gone, or has been dealt with otherwise since
            *entry* was read; nothing was changed.
        FaultError: the disk or the ledger refuses.
    """
    # Decided by the row as it is under the lock: *entry* may be as old as the list of all that is to be restored.
    return ledger.exclusively(lambda: _restore(ledger, ledger.entry(entry.id)))


def _restore(ledger: Ledger, entry: Entry) -> Entry:
    if entry.state is State.RESTORED:
        return entry
    target = entry.verdict.capture.path
    if not entry.aside:
        raise ConflictError(f"{target.name} is not in quarantine any more: it is {entry.state} now")
    if not files.is_still(entry.location, entry.verdict.capture):
        raise ConflictError(f"{entry.location} is gone or was changed")
    if os.path.lexists(target):
        raise ConflictError(f"{entry.location} stays there: {target} exists and was not overwritten")
    done = finish_move(ledger, ledger.intend(entry, Move(target, State.RESTORED)))
    if done.state is not State.RESTORED:
        raise ConflictError(f"{entry.location}: {done.note}")
    return done


def _before(entry: Entry) -> State:
    return State.KEPT if entry.location == entry.verdict.capture.path else State.QUARANTINED


def _make_folder(folder: Path, *, private: bool) -> None:
    if private:
        files.make_private_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)  # the user's own tree, with the user's umask


def _free(target: Path) -> Path:
    """*target*, or a numbered name beside it if an earlier picture of the same name lies there."""
    names = itertools.chain([target], (target.with_name(f"{target.name}.~{n}~") for n in itertools.count(1)))
    return next(path for path in names if not os.path.lexists(path))


def restore_unrecorded(path: Path, target: Path, settle: Callable[[Capture], object]) -> None:
    """Bring back a picture that no ledger knows; *settle* remembers it first, so that it is never judged again.

    Raises:
        ConflictError: another file is at *target*; nothing was changed.
        OSError: the system refuses.
    """
    status = path.lstat()
    taken_at = datetime.fromtimestamp(status.st_mtime)
    capture = Capture(target, 0, taken_at, status.st_size, status.st_mtime_ns)
    settle(capture)
    _make_folder(target.parent, private=False)
    files.move(path, target, capture)
