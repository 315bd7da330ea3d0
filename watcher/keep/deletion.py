"""Deleting quarantined duplicates for good, with the proof for each that the screen it shows is kept.

The order is that of custody: write the intent, delete, confirm. What a crash in between leaves behind is a MOVING row.
The wish to delete has died with its process, so :func:`end_interrupted_deletion` deletes nothing.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

from watcher.disk import files
from watcher.errors import FaultError, GoneError
from watcher.keep.proof import Proofs
from watcher.ledger.deletions import Candidate, candidate, condemn, end_deletion
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry

AT_ONCE = 50
"""Written down, deleted and confirmed together: enough to wait seldom for the disk, few enough for others to wait."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A picture in the quarantine that no ledger knows."""

    location: Path
    capture: Capture
    changed: datetime
    """When it came to its place."""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.capture.size


Superfluous: TypeAlias = Candidate | Stray
"""A picture that may be deleted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a picture that may be deleted."""

    one: Superfluous
    refusal: str = ""
    """Why it is not deleted; empty if it is."""


class Deletion:
    """Deletes what was found to be superfluous, and is still."""

    def __init__(self, ledger: Ledger, *, force: bool) -> None:
        """*force* asks for no proof."""
        self._ledger = ledger
        self._force = force
        self._proofs = Proofs(ledger)
        self._ended: list[tuple[Entry, bool]] = []
        """What was condemned, and whether it is gone, until that is written down."""

    def objection(self, one: Superfluous) -> str:
        """Why *one* may not be deleted; empty if it is what it was, and is proven (or forced) to be superfluous."""
        try:
            if not files.is_still(one.location, _capture(one)):
                return "changed since it was judged" if os.path.lexists(one.location) else "no longer there"
            return "" if self._force or isinstance(one, Stray) else self._proofs.missing(one)
        except OSError as error:
            return f"cannot be looked at: {error.strerror or error}"

    def carry_out(self, wanted: Sequence[Superfluous]) -> list[Outcome]:
        """Delete the pictures of *wanted*, at most :data:`AT_ONCE`, and write down what became of each.

        Each is looked at once more under the lock: what has been judged anew or moved since it was read stays, and so
        does what is no longer proven.

        Raises:
            FaultError: the disk or the ledger refuses, and there was no waiting for it. What is not written down is a
                MOVING row, as after a crash.
        """
        outcomes: list[Outcome] = []
        left = {one.location: one for one in wanted}
        self._ledger.exclusively(lambda: self._attempt(left, outcomes))
        return outcomes

    def _attempt(self, left: dict[Path, Superfluous], outcomes: list[Outcome]) -> None:
        """Delete what is *left*, and take out what has been dealt with. Can be repeated."""
        self._write_down(left)
        for location, one in [*left.items()]:
            now = self._as_it_is(one)
            objection = self.objection(now) if now else ""
            if now is None or objection:
                del left[location]
            if objection:
                outcomes.append(Outcome(one, objection))
        condemned = condemn(self._ledger, [one.entry for one in left.values() if isinstance(one, Candidate)])
        # Killed from here on: MOVING rows, of which whoever finds them takes back what is still there.
        ended: dict[Path, Outcome] = {}
        try:
            marked = {entry.location for entry in condemned}
            _delete([one for one in left.values() if isinstance(one, Stray) or one.location in marked], ended)
        finally:
            outcomes += ended.values()
            for location in ended:
                del left[location]
            gone = {location for location, outcome in ended.items() if not outcome.refusal}
            self._ended = [(entry, entry.location in gone) for entry in condemned]
            self._write_down(left)

    def _as_it_is(self, one: Superfluous) -> Superfluous | None:
        """*one* as it is now, its proof too; None if it is no longer what it was."""
        if isinstance(one, Stray):
            return None if self._ledger.is_known(one.location) else one
        now = candidate(self._ledger, one.entry.id)
        return now if now and now.entry.version == one.entry.version else None

    def _write_down(self, left: dict[Path, Superfluous]) -> None:
        """What became of all that was condemned; what is spared, and *left*, is a candidate for another try."""
        end_deletion(self._ledger, self._ended, _note())
        for entry, is_gone in self._ended:
            if not is_gone and entry.location in left and (now := candidate(self._ledger, entry.id)):
                left[entry.location] = now
        self._ended = []


def _capture(one: Superfluous) -> Capture:
    return one.capture if isinstance(one, Stray) else one.entry.verdict.capture


def end_interrupted_deletion(ledger: Ledger, entry: Entry) -> Entry:
    """Bring to an end what a crash interrupted, deleting nothing: gone is purged, what is still there is quarantined.

    Raises:
        FaultError: the disk or the ledger refuses.
    """
    end_deletion(ledger, [(entry, _has_gone(entry.location))], _note())
    return ledger.entry(entry.id)


def _has_gone(location: Path) -> bool:
    """Whether a picture has gone; if its folder has too, that may be on an absent disk, so nothing is concluded."""
    try:
        with files.emptying(location.parent) as emptied:
            return not emptied.has(location.name)
    except OSError as error:
        _refusal(error)
        return False


def _delete(wanted: Sequence[Superfluous], ended: dict[Path, Outcome]) -> None:
    """Delete the files of *wanted*, folder by folder; *ended* takes the outcome of each, whatever comes after."""
    ordered = sorted(wanted, key=lambda one: one.location)
    for folder, group in groupby(ordered, key=lambda one: one.location.parent):
        some = list(group)
        try:
            with files.emptying(folder) as emptied:
                for one in some:
                    ended[one.location] = Outcome(one, _delete_one(emptied, one))
        except OSError as error:
            refusal = _refusal(error)  # a folder that is not there may be on an absent disk: nothing is concluded
            ended.update((one.location, Outcome(one, refusal)) for one in some if one.location not in ended)


def _delete_one(emptied: files.Emptied, one: Superfluous) -> str:
    """Delete one picture; returns why not."""
    try:
        emptied.delete(one.location.name, _capture(one))
    except GoneError:
        return "changed since it was judged"
    except OSError as error:
        return _refusal(error)
    return ""


def _note() -> str:
    return f"was purged on {datetime.now():%Y-%m-%d at %H:%M}"


def _refusal(error: OSError) -> str:
    if error.errno in files.FAULTS:
        raise FaultError(f"the quarantine cannot be purged: {error.strerror}") from error
    return f"cannot be deleted: {error.strerror or error}"
