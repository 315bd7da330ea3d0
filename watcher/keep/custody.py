"""Custody of the pictures: carry out verdicts so that after a crash at any point every picture is in one place.

The order is always: write the intent, move, confirm. What a crash in between leaves behind is a MOVING row, which
:meth:`Custody.recover` finishes or takes back. All of it is decided while this process holds the lock, by the rows as
they are then: nothing that was read before is believed.
"""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from watcher.disk.mirror import unnumbered
from watcher.errors import FaultError, GoneError, KnownError, NearestGoneError
from watcher.keep.homecoming import Homecoming, Met, find_aside
from watcher.keep.moves import finish_move, free
from watcher.keep.places import Places
from watcher.keep.plugins import Hooks
from watcher.keep.proof import find, is_there
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import Kind, Verdict


class Custody:
    """Moves the pictures of one root, and answers for them."""

    def __init__(self, ledger: Ledger, hooks: Hooks, timeline: Timeline) -> None:
        self._ledger = ledger
        self._hooks = hooks
        self._timeline = timeline
        self._places = Places(ledger, timeline.root)
        self._homecoming = Homecoming(ledger, self._places, timeline)

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
            return self._ledger.record(self._timeline, verdict, admitted, None, touched[0])
        self._require_nearest(verdict)
        move = self._move(verdict, target, before)
        if move is not None:
            self._places.prepare(move.target)
        return self._ledger.record(self._timeline, verdict, admitted, move, before)

    def _require_nearest(self, verdict: Verdict) -> None:
        """What a duplicate shows again must lie where it is kept, now: it may be the last picture of its screen."""
        nearest = verdict.score.nearest
        if verdict.kind is not Kind.DUPLICATE or nearest is None:
            return
        try:
            is_kept = is_there(self._ledger.kept_location(nearest), nearest)
        except GoneError:
            is_kept = False
        if not is_kept:
            raise NearestGoneError(f"{nearest.path.name} is no longer kept")

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
        if wanted == now or (before and wanted == now.with_name(unnumbered(now.name))):
            return None
        if target is None:
            # Back, if judged anew it is no duplicate: into its own place or, if that is taken now, nowhere.
            return Move(home, State.KEPT)
        return Move(free(target, partial(self._is_copy, verdict.capture)), State.QUARANTINED)

    def _is_copy(self, capture: Capture, path: Path) -> bool:
        """Whether the very bytes of *capture* lie at *path*, of which no entry tells: one of the two will do."""
        same = bool(capture.digest) and find(path, capture).digest == capture.digest
        return same and not self._ledger.is_known(path)

    def meet(self, capture: Capture) -> Met | None:
        """Put right what the ledger knows of a picture that has come into its root; None if it is to be judged.

        Raises:
            FaultError: disk or ledger refuse, and there was no waiting for it.
            OSError: the picture, or its twin in quarantine, cannot be read or moved; it is worth another try later.
        """
        return self._homecoming.meet(capture)

    def rewritten(self, capture: Capture, describe: Callable[[], KeptFrame | None]) -> bool:
        """Whether *capture* is a kept picture that was written anew in its place with the same pixels.

        *describe* tells of its frame, if it can be read.
        """
        entry = None if self._timeline.round else self._homecoming.rewritten(capture)
        kept = None if entry is None else self._ledger.frame_of(entry)
        if entry is None or kept is None:
            return False
        if not kept.checksum and entry.verdict.capture.size != capture.size:
            return False  # of framesift 0.1: a signature alone proves nothing
        now = describe()
        if now is None or not now.may_show(kept):
            return False
        self._homecoming.is_the_same_screen(entry, capture)
        return True

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
        found = find(entry.location, entry.verdict.capture)
        if found.objection and not found.is_hidden:
            self._places.require(entry.location)
            self._ledger.lose(entry, f"its picture {found.objection}")

    def recover(self) -> list[Entry]:
        """Finish what a crash left half done, oldest first; returns the entries concerned."""
        for missed in self._ledger.missed_aside(self._timeline.root):
            self._ledger.exclusively(lambda missed=missed: find_aside(self._ledger, self._ledger.entry(missed.id)))  # type: ignore[misc]
        # What moves now was left behind: whoever moves something lets nobody in until it has arrived.
        left = self._ledger.exclusively(
            lambda: [entry for entry in self._ledger.moving(self._timeline.root) if not self._is_stuck(entry)]
        )
        return [self._recover(entry) for entry in left]

    def _is_stuck(self, entry: Entry) -> bool:
        """Whether a picture is not at its place, and the quarantine to which it was on its way cannot be asked.

        That holds up nothing: it is looked for again at the next start.
        """
        is_going = entry.becomes is State.QUARANTINED and entry.target is not None
        return is_going and not is_there(entry.location, entry.verdict.capture) and not self._places.takes(entry.target)

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
        known = self._homecoming.may_be_known(capture) and not self._timeline.round
        return Met(capture) if known and self._ledger.on(capture) else None


def _require_there(capture: Capture, before: Entry | None) -> None:
    """What was judged must be what lies there now, while nobody else moves anything."""
    if not is_there(before.location if before else capture.path, capture):
        raise KnownError(f"{capture.path.name} is no longer there, or was changed")
