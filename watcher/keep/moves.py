"""The move that a MOVING entry stands for: made, or given up because of the file itself; as often as need be."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

from watcher.disk import files
from watcher.errors import AwayError, ConflictError, FaultError, GoneError, WatcherError
from watcher.keep.deletion import end_interrupted_deletion
from watcher.keep.places import Places
from watcher.keep.proof import is_there
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State

_TRIES = 9


def finish_move(ledger: Ledger, entry: Entry, places: Places) -> Entry:
    """Make the move that a MOVING entry stands for, or give it up because of the file itself.

    What is no longer MOVING, because another process has finished it, is left as it is.

    Raises:
        FaultError: the system refuses moves altogether, and there was no waiting for it; the entry stays MOVING.
        WatcherError: the target lies in the quarantine of another root, and the picture is not at its place either.
    """
    return ledger.exclusively(lambda: finish_now(ledger, ledger.entry(entry.id), places))


def finish_now(ledger: Ledger, entry: Entry, places: Places) -> Entry:
    """The same for *entry* as it is now, within the lock."""
    if entry.target is None:
        return entry
    if entry.becomes is State.PURGED:
        return end_interrupted_deletion(ledger, entry)
    try:
        places.prepare(entry.target)
        _bring(entry, entry.target)
    except OSError as error:
        if error.errno in files.FAULTS:
            raise FaultError(f"{entry.location.name} cannot be moved: {error.strerror}") from error
        return ledger.give_up(entry, _before(entry), f"cannot be moved: {error.strerror or error}")
    except WatcherError as error:
        return _give_up(ledger, entry, places, error)
    return ledger.confirm(entry)  # killed before this line: recover() finds the file at its target


def _give_up(ledger: Ledger, entry: Entry, places: Places, error: WatcherError) -> Entry:
    """Give up a move because of *error*; raises that if waiting mends it, or nothing else is known of the picture."""
    if isinstance(error, GoneError) and not os.path.lexists(entry.location):
        places.require(entry.location)
        return ledger.give_up(entry, State.MISSING, str(error))
    if not isinstance(error, (GoneError, ConflictError)):
        # A quarantine that is away, or has become another root's: the picture may lie there as well as at its place.
        is_mended = isinstance(error, FaultError) and not isinstance(error, AwayError)
        at_its_place = entry.becomes is State.QUARANTINED and is_there(entry.location, entry.verdict.capture)
        if is_mended or not at_its_place:
            raise error
    return ledger.give_up(entry, _before(entry), str(error))


def _bring(entry: Entry, target: Path) -> None:
    """Move the picture; again if a purge in another process tidies the folder, empty as yet, away in that instant."""
    for tries_left in reversed(range(_TRIES)):
        try:
            make_folder(target.parent, private=entry.becomes is State.QUARANTINED)
            files.move(_source(entry), target, entry.verdict.capture)
        except FileNotFoundError:
            if not tries_left:
                raise
        else:
            return


def _source(entry: Entry) -> Path:
    """Where the picture is: its own folder may not have become a link, a quarantine may."""
    return entry.location if entry.becomes is State.QUARANTINED else without_links(entry.location)


def without_links(path: Path) -> Path:
    """*path* by way of the folders that it leads to now: a quarantine may have moved, and left a link behind."""
    return Path(os.path.realpath(path.parent)) / path.name


def _before(entry: Entry) -> State:
    return State.KEPT if entry.location == entry.verdict.capture.path else State.QUARANTINED


def make_folder(folder: Path, *, private: bool) -> None:
    """Make *folder*, if need be: for the owner alone if it is *private*."""
    if private:
        files.make_private_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)  # the user's own tree, with the user's umask


def free(target: Path, is_copy: Callable[[Path], bool]) -> Path:
    """*target*, or a numbered name beside it if something lies there that is no copy of the picture."""
    names = itertools.chain([target], (target.with_name(f"{target.name}.~{n}~") for n in itertools.count(1)))
    return next(path for path in names if not os.path.lexists(path) or is_copy(path))
