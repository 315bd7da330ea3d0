"""Pictures that come into their root and that the ledger knows: by a sync, a backup, a person with a file manager."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from watcher.disk import files
from watcher.errors import ConflictError, FaultError, GoneError
from watcher.keep.moves import without_links
from watcher.keep.places import Places
from watcher.keep.proof import find, is_there
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State, Timeline

_IN_ROOT = {State.KEPT, State.RESTORED, State.MOVING}
"""States of a picture that may lie where it was captured."""
_NOWHERE = {State.MISSING, State.PURGED}
"""States of a picture of which nobody knows where it lies, if anywhere."""


@dataclass(frozen=True, slots=True)
class Met:
    """A picture that has come into its root, and that the ledger knows: it is not judged."""

    capture: Capture
    said: str = ""
    """What is worth a line about it."""


def find_aside(ledger: Ledger, entry: Entry) -> Entry:
    """Put right, within the lock, what is said to be missing or purged, and lies where it was set aside.

    What lies there may have come since, and have an entry of its own.
    """
    is_aside = entry.location != entry.verdict.capture.path
    if entry.state not in _NOWHERE or not is_aside:
        return entry
    if any(other.id != entry.id and other.state not in _NOWHERE for other in ledger.about(entry.location)):
        return entry
    try:
        lies = not find(without_links(entry.location), entry.verdict.capture).objection
    except FaultError:  # one that cannot be read holds up nobody
        return entry
    return ledger.find_aside(entry) if lies else entry


class Homecoming:
    """Puts right what the ledger says of pictures that come back, each by what it was."""

    def __init__(self, ledger: Ledger, places: Places, timeline: Timeline) -> None:
        self._ledger, self._places, self._timeline = ledger, places, timeline

    def meet(self, capture: Capture) -> Met | None:
        """Put right what the ledger knows of a picture that has come into its root; None if it is to be judged.

        What it is, its bytes say: a sync, a backup, another clock or a person with a file manager brings back what was
        seen before, and each is dealt with by what it was.

        Raises:
            FaultError: disk or ledger refuse, and there was no waiting for it.
            OSError: the picture, or its twin in quarantine, cannot be read or moved; it is worth another try later.
        """
        if not self.may_be_known(capture):
            return None
        return self._ledger.exclusively(lambda: self._meet_or_fault(capture))

    def _meet_or_fault(self, capture: Capture) -> Met | None:
        try:
            return self._meet(capture)
        except OSError as error:
            if error.errno in files.FAULTS:
                raise FaultError(f"{capture.path.name} cannot be put right: {error.strerror}") from error
            raise

    def _put_aside_again(self, entry: Entry, capture: Capture) -> str:
        try:
            # Compares both anew, and leaves one of them.
            files.move(capture.path, without_links(entry.location), capture)
        except (GoneError, ConflictError) as error:
            return f"{capture.path.name} came back, though its picture is in quarantine, and cannot be moved: {error}"
        return f"{capture.path.name} came back, and its picture is in quarantine: there it stays"

    def rewritten(self, capture: Capture) -> Entry | None:
        """The kept picture in whose place *capture* lies with other bytes, as an optimiser leaves them; or None."""
        before = self._ledger.at_home(capture.path)[:1]
        return next((one for one in before if one.state is State.KEPT and one.location == capture.path), None)

    def is_the_same_screen(self, entry: Entry, capture: Capture) -> None:
        """*capture*, which lies in the place of *entry*, has its very pixels: it is that picture.

        Raises:
            FaultError: the ledger refuses, and there was no waiting for it.
        """

        def learn() -> None:
            now = self._ledger.entry(entry.id)
            if now.version == entry.version and is_there(capture.path, capture):
                self._ledger.learn(now, capture)

        self._ledger.exclusively(learn)

    def may_be_known(self, capture: Capture) -> bool:
        """Whether it is worth to ask for the lock."""
        ledger, path = self._ledger, capture.path
        return bool(
            ledger.at_home(path)
            or ledger.with_bytes(self._timeline.root, capture)
            or ledger.is_settled(path)
            or ledger.settled_with(self._timeline.root, capture.digest)
            or ledger.is_left_to_sweep(capture)
        )

    def _meet(self, capture: Capture) -> Met | None:
        if not is_there(capture.path, capture):
            return None  # judged anew where it lies, or gone meanwhile
        entry = self._ledger.on(capture) or self._undigested(capture)
        if entry is None:
            entry = self._moved_by_hand(capture)
        elif self._timeline.round and entry.state in (State.KEPT, State.QUARANTINED):
            return None if self._ledger.is_to_judge(entry, self._timeline) else Met(capture)
        if entry is not None:
            said = self._put_right(entry, capture)
            is_judged_anew = self._timeline.round and self._ledger.entry(entry.id).state is State.KEPT
            return None if is_judged_anew else Met(capture, said)
        before = self._settled_before(capture)
        if before or self._ledger.is_settled(capture.path):
            self._ledger.settle(self._timeline.root, capture, instead_of=before)
            return Met(capture)
        if self._timeline.name == "watch" and self._ledger.is_left_to_sweep(capture):
            self._ledger.leave_to_sweep(self._timeline.root, [capture])
            return Met(capture)
        return None

    def _settled_before(self, capture: Capture) -> list[Path]:
        """Where these bytes were brought back when no ledger knew them, if they have another name now."""
        places = self._ledger.settled_with(self._timeline.root, capture.digest)
        return [place for place in places if not os.path.lexists(place)][:1]

    def _undigested(self, capture: Capture) -> Entry | None:
        """What an older framesift judged at this path, of whose bytes no more is known than size and time."""
        older = [one for one in self._ledger.at_home(capture.path) if not one.verdict.capture.digest]
        return next((one for one in older if self._may_be(one, capture)), None)

    def _may_be(self, older: Entry, capture: Capture) -> bool:
        known, location = older.verdict.capture, without_links(older.location)
        if older.state is State.RESTORED:
            return known.size == capture.size  # a person's for good, whatever its times are
        if older.state is State.QUARANTINED and is_there(location, known):
            return find(location, known).digest == capture.digest
        return (known.size, known.mtime_ns) == (capture.size, capture.mtime_ns)

    def _moved_by_hand(self, capture: Capture) -> Entry | None:
        """What is known of a picture with these bytes, and times if they count, that is no longer in its own place."""
        for entry in self._ledger.with_bytes(self._timeline.root, capture):
            is_elsewhere = entry.state not in (State.MOVING, State.PURGED)
            if not is_elsewhere or is_there(entry.location, entry.verdict.capture):
                continue
            self._require(entry)
            return entry
        return None

    def _require(self, entry: Entry) -> None:
        """Make sure that the disk is there on which the picture of *entry* should be, which may be of another root."""
        is_ours = entry.root == self._timeline.root
        (self._places if is_ours else Places(self._ledger, entry.root)).require(entry.location)

    def _put_right(self, entry: Entry, capture: Capture) -> str:
        """Let *entry* be so as its picture, which lies in its root as *capture*, is now; returns what to say of it."""
        name = capture.path.name
        if entry.state in _IN_ROOT:
            if _facts(entry.verdict.capture) != _facts(capture) and entry.state is not State.MOVING:
                self._ledger.learn(entry, capture)
            return ""
        if entry.state is State.MISSING and entry.location == entry.verdict.capture.path:
            self._ledger.find(entry, capture)
            return f"{name} is back, and what it was"
        if entry.state is State.QUARANTINED:
            self._require(entry)
            copy = find(without_links(entry.location), capture)
            if copy.is_hidden:
                raise PermissionError(errno.EACCES, f"its picture in quarantine {copy.objection}")
            if not copy.objection:
                return self._put_aside_again(entry, capture)
        self._ledger.bring_back(entry, capture)
        return f"{name} was brought back, and stays"


def _facts(capture: Capture) -> tuple[object, ...]:
    return capture.path, capture.size, capture.mtime_ns, capture.digest
