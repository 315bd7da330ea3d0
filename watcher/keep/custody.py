"""Custody of the pictures: carry out verdicts so that after a crash at any point every picture is in one place.

The order is always: write the intent, move, confirm. What a crash in between leaves behind is a MOVING row, which
:meth:`Custody.recover` finishes or takes back. All of it is decided while this process holds the lock, by the rows as
they are then: nothing that was read before is believed.
"""

import contextlib
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watcher.disk import files
from watcher.disk.mirror import require_unmarked, unnumbered
from watcher.errors import ConflictError, FaultError, GoneError, KnownError, StaleError, WatcherError
from watcher.keep.deletion import end_interrupted_deletion
from watcher.keep.places import Places
from watcher.keep.plugins import Hooks
from watcher.keep.proof import find
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import Kind, Verdict

_TRIES = 9
_IN_ROOT = {State.KEPT, State.RESTORED, State.MOVING}
"""States of a picture that may lie where it was captured."""


@dataclass(frozen=True, slots=True)
class Met:
    """A picture that has come into its root, and that the ledger knows: it is not judged."""

    capture: Capture
    said: str = ""
    """What is worth a line about it."""


class Custody:
    """Moves the pictures of one root, and answers for them."""

    def __init__(self, ledger: Ledger, hooks: Hooks, timeline: Timeline) -> None:
        self._ledger = ledger
        self._hooks = hooks
        self._timeline = timeline
        self._places = Places(ledger, timeline.root)

    def carry_out(self, verdict: Verdict, admitted: KeptFrame | None) -> Entry:
        """Record the verdict, move the picture if a hook says so, confirm, and tell the listeners.

        Raises:
            FaultError: the disk or the ledger refuses, and there was no waiting for it. The picture is where it was,
                or a MOVING row knows of it.
            KnownError: another framesift has judged the capture meanwhile, or a person has dealt with it; nothing was
                changed.
            NearestGoneError: what it duplicates is no longer kept; nothing was changed.
        """
        target = None if verdict.kind is Kind.UNREADABLE else self._hooks.place(verdict)
        return self._complete(lambda: self._record(verdict, admitted, target))

    def _record(self, verdict: Verdict, admitted: KeptFrame | None, target: Path | None) -> Entry:
        before = self._judged_before(verdict.capture) if self._timeline.round else None
        _require_there(verdict.capture, before)
        if before is None and (touched := self._ledger.at_home(verdict.capture.path)):
            # A job never writes a name twice: what is there now is a person's work, whatever it shows.
            entry = self._ledger.record(self._timeline, verdict, admitted, None, touched[0])
            for replaced in touched:
                if replaced.state in (State.KEPT, State.RESTORED) and replaced.location == verdict.capture.path:
                    self._ledger.lose(replaced, "was changed by hand")
            return entry
        move = self._move(verdict, target, before)
        if move is not None:
            self._places.prepare(move.target)
        return self._ledger.record(self._timeline, verdict, admitted, move, before)

    def _judged_before(self, capture: Capture) -> Entry | None:
        """The entry that is judged anew; None if *capture* has none."""
        entry = self._ledger.on(capture)
        if entry is not None and entry.state not in (State.KEPT, State.QUARANTINED):
            raise KnownError(f"{capture.path.name} is {entry.state} now")
        return entry

    def _move(self, verdict: Verdict, target: Path | None, before: Entry | None) -> Move | None:
        """The move that brings the picture to *target*, or back to where it was captured; None if it is there."""
        home = verdict.capture.path
        now, wanted = before.location if before else home, target or home
        if wanted in (now, now.with_name(unnumbered(now.name))):
            return None
        # Back, if judged anew it is no duplicate: into its own place or, if that is taken now, nowhere.
        return Move(home, State.KEPT) if target is None else Move(_free(target), State.QUARANTINED)

    def meet(self, capture: Capture) -> Met | None:
        """Put right what the ledger knows of a picture that has come into its root; None if it is to be judged.

        What it is, its bytes say: a sync, a backup, another clock or a person with a file manager brings back what was
        seen before, and each is dealt with by what it was.

        Raises:
            FaultError: disk or ledger refuse, and there was no waiting for it.
        """
        if not self._may_be_known(capture):
            return None
        return self._ledger.exclusively(lambda: self._meet(capture))

    def _may_be_known(self, capture: Capture) -> bool:
        """Whether it is worth to ask for the lock."""
        ledger, path = self._ledger, capture.path
        return bool(
            ledger.at_home(path)
            or ledger.with_bytes(self._timeline.root, capture)
            or ledger.is_settled(path)
            or ledger.is_left_to_sweep(capture)
        )

    def _meet(self, capture: Capture) -> Met | None:
        if not files.is_still(capture.path, capture):
            return None  # judged anew where it lies, or gone meanwhile
        entry = self._ledger.on(capture) or self._undigested(capture)
        if entry is None:
            entry = self._moved_by_hand(capture)
        elif self._timeline.round and entry.state in (State.KEPT, State.QUARANTINED):
            return None  # it is judged anew
        if entry is not None:
            return Met(capture, self._put_right(entry, capture))
        if self._ledger.is_settled(capture.path):
            self._ledger.settle(self._timeline.root, capture)
            return Met(capture)
        if self._timeline.name == "watch" and self._ledger.is_left_to_sweep(capture):
            self._ledger.leave_to_sweep(self._timeline.root, [capture])
            return Met(capture)
        return None

    def _undigested(self, capture: Capture) -> Entry | None:
        """What an older framesift judged at this path, with this size: of its bytes no more is known."""
        older = [one for one in self._ledger.at_home(capture.path) if not one.verdict.capture.digest]
        return next((one for one in older if one.verdict.capture.size == capture.size), None)

    def _moved_by_hand(self, capture: Capture) -> Entry | None:
        """What is known of a picture with these bytes and times whose own place is empty now."""
        for entry in self._ledger.with_bytes(self._timeline.root, capture):
            if entry.state in (State.MOVING, State.PURGED) or os.path.lexists(entry.location):
                continue
            self._places.require(entry.location)
            return entry
        return None

    def _put_right(self, entry: Entry, capture: Capture) -> str:
        """Let *entry* be so as its picture, which lies in its root as *capture*, is now; returns what to say of it."""
        name = capture.path.name
        if entry.state in _IN_ROOT:
            if _facts(entry.verdict.capture) != _facts(capture) and entry.state is not State.MOVING:
                self._ledger.learn(entry, capture)
            return ""
        if entry.state is State.MISSING and entry.location == entry.verdict.capture.path:
            self._ledger.find(entry, capture)
            return f"{name} is back, and kept as before"
        if entry.state is State.QUARANTINED:
            self._places.require(entry.location)
            if not find(entry.location, capture).objection:
                files.move(capture.path, entry.location, capture)  # which compares both anew, and leaves one of them
                return f"{name} came back, and its picture is in quarantine: there it stays"
        self._ledger.bring_back(entry, capture)
        return f"{name} was brought back, and stays"

    def note(self, changes: Changes) -> None:
        """Write down which kept captures are gone, and which signatures had to be computed again.

        Raises:
            FaultError: the disk or the ledger refuses, and there was no waiting for it.
        """
        for capture in changes.lost:
            self._ledger.exclusively(lambda capture=capture: self._lose(capture))  # type: ignore[misc]
        for kept in changes.renewed:
            self._ledger.renew(kept)

    def _lose(self, capture: Capture) -> None:
        entry = self._ledger.on(capture)
        if entry is None or not entry.verdict.stays or entry.state in (State.MISSING, State.PURGED, State.MOVING):
            return  # judged anew by a sweep, or moved meanwhile, it is where that put it
        objection = find(entry.location, entry.verdict.capture).objection
        if objection:
            self._places.require(entry.location)
            self._ledger.lose(entry, f"its picture {objection}")

    def recover(self) -> list[Entry]:
        """Finish what a crash left half done, oldest first; returns the entries concerned."""
        # What moves now was left behind: whoever moves something lets nobody in until it has arrived.
        left = self._ledger.exclusively(lambda: self._ledger.moving(self._timeline.root))
        return [self._recover(entry) for entry in left]

    def _recover(self, entry: Entry) -> Entry:
        if entry.becomes in (State.RESTORED, State.PURGED):  # of what a person does by hand no hook hears
            return self._finish(entry)
        return self._complete(lambda: self._ledger.entry(entry.id))

    def _complete(self, write: Callable[[], Entry]) -> Entry:
        entry = self._ledger.exclusively(lambda: self._begin(write))
        if entry.state is State.MOVING:
            entry = self._finish(entry)  # waiting for the disk, and holding up nobody
        if entry.state not in (State.RESTORED, State.PURGED):  # it stays what a person has made it
            self._hooks.recorded(entry)
        return entry

    def _begin(self, write: Callable[[], Entry]) -> Entry:
        """Write the intent, and move at once unless the disk refuses; what was written is not written again."""
        entry = write()
        # Killed here: a MOVING row and the file at its old place, which recover() moves.
        with contextlib.suppress(FaultError):
            entry = self._finish(entry)
        return entry

    def _finish(self, entry: Entry) -> Entry:
        return finish_move(self._ledger, entry, self._places)


class DryRunCustody(Custody):
    """Custody that asks where pictures should go, and moves and tells nothing: for a ledger that is a copy."""

    def recover(self) -> list[Entry]:
        """Leave to the next real run what a crash left half done."""
        return []

    def _record(self, verdict: Verdict, admitted: KeptFrame | None, target: Path | None) -> Entry:
        before = self._judged_before(verdict.capture) if self._timeline.round else None
        touched = self._ledger.at_home(verdict.capture.path) if before is None else []
        move = None if touched else self._move(verdict, target, before)
        return self._ledger.record(self._timeline, verdict, admitted, move, touched[0] if touched else before)

    def _complete(self, write: Callable[[], Entry]) -> Entry:
        """Write down the verdict; the entry stays MOVING, and its target can be read."""
        return write()

    def meet(self, capture: Capture) -> Met | None:
        """Leave as it is what is known."""
        known = self._may_be_known(capture) and not self._timeline.round
        return Met(capture) if known and self._ledger.on(capture) else None


def finish_move(ledger: Ledger, entry: Entry, places: Places) -> Entry:
    """Make the move that a MOVING entry stands for, or give it up because of the file itself.

    What is no longer MOVING, because another process has finished it, is left as it is.

    Raises:
        FaultError: the system refuses moves altogether, and there was no waiting for it; the entry stays MOVING.
    """
    return ledger.exclusively(lambda: _finish_move(ledger, ledger.entry(entry.id), places))


def _finish_move(ledger: Ledger, entry: Entry, places: Places) -> Entry:
    if entry.target is None:
        return entry
    if entry.becomes is State.PURGED:
        return end_interrupted_deletion(ledger, entry)
    try:
        places.prepare(entry.target)
        _bring(entry, entry.target)
    except GoneError as error:
        gone = not os.path.lexists(entry.location)
        if gone:
            places.require(entry.location)
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
            files.move(_source(entry), target, entry.verdict.capture)
        except FileNotFoundError:
            if not tries_left:
                raise
        else:
            return


def _source(entry: Entry) -> Path:
    """Where the picture is: its own folder may not have become a link, a quarantine may."""
    return entry.location if entry.becomes is State.QUARANTINED else _without_links(entry.location)


def _without_links(path: Path) -> Path:
    """*path* by way of the folders that it leads to now: a quarantine may have moved, and left a link behind."""
    return Path(os.path.realpath(path.parent)) / path.name


def restore(ledger: Ledger, entry: Entry) -> Entry:
    """Bring a picture back to where the capture job wrote it; one that another process has brought back stays there.

    What is on its way, because a process was killed or waits for a disk, is taken over.

    Raises:
        ConflictError: another file is there now, or the picture itself is gone, or has been dealt with otherwise since
            *entry* was read; nothing was changed.
        FaultError: the disk or the ledger refuses.
    """
    # Decided by the row as it is under the lock: *entry* may be as old as the list of all that is to be restored.
    return ledger.exclusively(lambda: _restore(ledger, ledger.entry(entry.id)))


def _restore(ledger: Ledger, entry: Entry) -> Entry:
    places = Places(ledger, entry.root)
    entry = _finish_move(ledger, entry, places)
    if entry.state is State.RESTORED:
        return entry
    if obstacle := obstacle_to_restore(entry):
        raise ConflictError(obstacle)
    try:
        move = Move(entry.verdict.capture.path, State.RESTORED)
        done = _finish_move(ledger, ledger.intend(entry, move), places)
    except StaleError as error:
        raise ConflictError(str(error)) from error
    if done.state is not State.RESTORED:
        raise ConflictError(f"{entry.location}: {done.note}")
    return done


def obstacle_to_restore(entry: Entry) -> str:
    """Why the picture of *entry* cannot be brought back now; empty if it can."""
    target = entry.verdict.capture.path
    if entry.state is State.MOVING:
        return ""  # where it is then is found out under the lock
    if not entry.aside:
        return f"{target.name} is not in quarantine any more: it is {entry.state} now"
    if not files.is_still(_without_links(entry.location), entry.verdict.capture):
        return f"{entry.location} is gone or was changed"
    return obstacle_at(entry.location, entry.root, target)


def obstacle_at(location: Path, root: Path, target: Path) -> str:
    """Why nothing can be brought back from *location* to *target* in *root*; empty if something can."""
    if not root.is_dir():
        return f"{location} stays there: {root} is not there any more; if it has moved, framesift relocate OLD NEW"
    try:
        require_unmarked(target.parent)
    except WatcherError as error:
        return f"{location} stays there: {error}"
    if os.path.lexists(target):
        return f"{location} stays there: {target} exists and was not overwritten"
    return ""


def _require_there(capture: Capture, before: Entry | None) -> None:
    """What was judged must be what lies there now, while nobody else moves anything."""
    if not files.is_still(before.location if before else capture.path, capture):
        raise KnownError(f"{capture.path.name} is no longer there, or was changed")


def _before(entry: Entry) -> State:
    return State.KEPT if entry.location == entry.verdict.capture.path else State.QUARANTINED


def _facts(capture: Capture) -> tuple[object, ...]:
    return capture.path, capture.size, capture.mtime_ns, capture.digest


def _make_folder(folder: Path, *, private: bool) -> None:
    if private:
        files.make_private_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)  # the user's own tree, with the user's umask


def _free(target: Path) -> Path:
    """*target*, or a numbered name beside it if an earlier picture of the same name lies there."""
    names = itertools.chain([target], (target.with_name(f"{target.name}.~{n}~") for n in itertools.count(1)))
    return next(path for path in names if not os.path.lexists(path))


def restore_unrecorded(path: Path, root: Path, target: Path, settle: Callable[[Path, Capture], object]) -> None:
    """Bring back a picture that no ledger knows; *settle* remembers it first, so that it is never judged again.

    Raises:
        ConflictError: another file is at *target*, or *root* is not there; nothing was changed.
        OSError: the system refuses.
    """
    if obstacle := obstacle_at(path, root, target):
        raise ConflictError(obstacle)
    status = path.lstat()
    taken_at = datetime.fromtimestamp(status.st_mtime)
    capture = Capture(target, 0, taken_at, status.st_size, status.st_mtime_ns)
    settle(root, capture)
    _make_folder(target.parent, private=False)
    files.move(path, target, capture)
