"""Pictures brought back to where the capture job wrote them."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from watcher.disk import files
from watcher.disk.mirror import require_unmarked
from watcher.errors import ConflictError, StaleError, WatcherError
from watcher.keep.homecoming import find_aside
from watcher.keep.moves import finish_now, make_folder, without_links
from watcher.keep.places import Places
from watcher.keep.proof import find, is_there
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State
from watcher.text import quoted


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
    if obstacle := _gone(entry.location, entry.root):
        raise ConflictError(obstacle)
    places.require(entry.verdict.capture.path)
    entry = find_aside(ledger, finish_now(ledger, entry, places))
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
        return f"{entry.location} is gone or was changed"
    return obstacle


def _gone(location: Path, root: Path) -> str:
    if os.path.isdir(root):  # noqa: PTH112 - what may not be looked at is not there
        return ""
    command = f"framesift relocate {quoted(root)} NEW"
    return f"{location} stays there: {root} is not there any more; if it has moved, {command}"


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
    capture = replace(capture, digest=find(path, capture).digest)
    settle(root, capture)
    make_folder(target.parent, private=False)
    files.move(path, target, capture)
