"""The move that a MOVING entry stands for: made, or given up because of the file itself; as often as need be."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

from watcher.disk import files
from watcher.errors import ConflictError, FaultError, GoneError
from watcher.keep.deletion import end_interrupted_deletion
from watcher.keep.places import Places
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State

_TRIES = 9


def finish_move(ledger: Ledger, entry: Entry, places: Places) -> Entry:
    """Make the move that a MOVING entry stands for, or give it up because of the file itself.

    What is no longer MOVING, because another process has finished it, is left as it is.

    Raises:
        FaultError: the system refuses moves altogether, and there was no waiting for it; the entry stays MOVING.
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
