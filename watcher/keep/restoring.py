"""Pictures brought back to where the capture job wrote them."""

import contextlib
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from watcher.disk import files
from watcher.disk.claims import exclusive
from watcher.disk.mirror import MARKER_FOLDER, require_unmarked
from watcher.errors import AwayError, ConflictError, FaultError, StaleError, WatcherError
from watcher.keep.homecoming import find_aside
from watcher.keep.moves import finish_now, make_folder, without_links
from watcher.keep.places import Places
from watcher.keep.proof import find, is_there
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, is_recordable
from watcher.model.entry import Entry, Move, State
from watcher.text import quoted


def restore(ledger: Ledger, entry: Entry) -> Entry:
    """Bring a picture back to where the capture job wrote it; one that another process has brought back stays there.

    What is on its way, because a process was killed or waits for a disk, is taken over.

    Raises:
        ConflictError: another file is there now, or the picture itself is gone, or has been dealt with otherwise since
            *entry* was read; nothing was changed.
        FaultError: the disk or the ledger refuses.
        WatcherError: it was on its way to the quarantine of another root, and lies at neither place.
    """
    # Decided by the row as it is under the lock: *entry* may be as old as the list of all that is to be restored.
    return ledger.exclusively(lambda: _restore(ledger, ledger.entry(entry.id)))


def _restore(ledger: Ledger, entry: Entry) -> Entry:
    places = Places(ledger, entry.root)
    if obstacle := _gone(entry.location, entry.root):
        raise ConflictError(obstacle)
    places.require(entry.verdict.capture.path)
    try:
        entry = find_aside(ledger, finish_now(ledger, entry, places))
    except AwayError as error:  # the root is there: it is the quarantine of this one picture that is away
        raise ConflictError(str(error)) from error
    if entry.state is State.RESTORED:
        return entry
    if obstacle := obstacle_to_restore(entry):
        raise ConflictError(obstacle)
    try:
        move = Move(entry.verdict.capture.path, State.RESTORED)
        done = finish_now(ledger, ledger.intend(entry, move), places)
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
    # A file where a missing or purged picture was set aside may be from a backup.
    if not entry.aside and not os.path.lexists(without_links(entry.location)):
        return f"{target.name} is not in quarantine any more: it is {entry.state} now"
    obstacle = obstacle_at(entry.location, entry.root, target, entry.verdict.capture)
    if not obstacle and not is_there(without_links(entry.location), entry.verdict.capture):
        objection = find(without_links(entry.location), entry.verdict.capture).objection
        return f"{entry.location} {objection}{_AS_IT_IS * os.path.lexists(without_links(entry.location))}"
    return obstacle


_AS_IT_IS = "; restore with --quarantine takes what lies there as it is"


def _gone(location: Path, root: Path) -> str:
    if not os.path.isdir(root):  # noqa: PTH112 - what may not be looked at is not there
        command = f"framesift relocate {quoted(root)} NEW"
        return f"{location} stays there: {root} is not there any more; if it has moved, {command}"
    if (real := os.path.realpath(root)) != os.fspath(root):
        command = f"framesift relocate {quoted(root)} {quoted(Path(real))}"
        return f"{location} stays there: {root} leads to {real} by a link; {command}"
    return ""


def obstacle_at(location: Path, root: Path, target: Path, capture: Capture | None = None) -> str:
    """Why nothing can be brought back from *location* to *target* in *root*; empty if something can.

    A copy of *capture* that is there already is no obstacle: of the two, one stays.
    """
    if obstacle := _gone(location, root):
        return obstacle
    try:
        require_unmarked(target.parent)
    except WatcherError as error:
        return f"{location} stays there: {error}"
    if os.path.lexists(target) and not (capture and is_there(target, capture)):
        return f"{location} stays there: {target} exists and was not overwritten"
    return ""


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A picture in a quarantine of which no ledger tells, or not as it is now."""

    path: Path
    target: Path
    """Where the capture job wrote it."""
    root: Path
    quarantine: Path

    def obstacle(self) -> str:
        """Why it cannot be brought back now; empty if it can."""
        try:
            return obstacle_at(self.path, self.root, self.target, self._capture())
        except FileNotFoundError:
            return f"{self.path} is gone"

    def restore(self, ledger: Ledger | None, entry: Entry | None = None) -> None:
        """Bring it back; *ledger*, if one can be used, remembers it first, so that it is never judged again.

        What it was before it was changed in quarantine *entry* tells, if there is one.

        Raises:
            ConflictError: another file is at its old place, or the root is not there; nothing was changed.
            GoneError: it was replaced while it was moved.
            FaultError: another process is restoring, or the disk of the root is away.
            OSError: the system refuses.
        """
        # Other processes may know no ledger either, or another one.
        with exclusive(self.quarantine / MARKER_FOLDER / "restore.lock"):
            if ledger is None:
                self._bring(None)
            else:
                ledger.exclusively(lambda: self._bring(ledger))
                if entry is not None and entry.state is State.QUARANTINED:
                    with contextlib.suppress(StaleError):
                        ledger.lose(entry, "was changed in quarantine, and brought back as it was there")

    def _bring(self, ledger: Ledger | None) -> None:
        if obstacle := self.obstacle():
            raise ConflictError(obstacle)
        capture = self._capture()
        if ledger is not None:
            Places(ledger, self.root).require(self.target)
            if is_recordable(self.path.lstat()):  # else no watcher looks at it
                ledger.settle(self.root, capture)
        make_folder(self.target.parent, private=False)
        files.move(self.path, self.target, capture)

    def _capture(self) -> Capture:
        status = self.path.lstat()
        capture = Capture(self.target, 0, datetime.min, status.st_size, status.st_mtime_ns)
        with contextlib.suppress(FaultError):  # what cannot be read may be moved all the same
            return replace(capture, digest=find(self.path, capture).digest)
        return capture


def was_changed(entry: Entry, path: Path) -> bool:
    """Whether the file at *path*, where the picture of *entry* is in quarantine, is no longer what it was."""
    try:
        return os.path.lexists(path) and not is_there(path, entry.verdict.capture)
    except FaultError:
        return True
