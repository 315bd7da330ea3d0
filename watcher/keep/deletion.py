"""Deleting quarantined duplicates for good, with the proof for each that the screen it shows is kept.

The order is that of custody: write the intent, delete, confirm. What a crash in between leaves behind is a MOVING row
that becomes PURGED. The wish to delete has died with its process, so :func:`end_interrupted_deletion` deletes nothing.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from watcher.disk import files
from watcher.errors import FaultError, GoneError
from watcher.ledger.deletions import Candidate, end_deletion, mark_for_deletion, still_marked
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a candidate."""

    candidate: Candidate
    refusal: str = ""
    """Why it is not deleted; empty if it is."""


def objection(one: Candidate, *, force: bool) -> str:
    """Why *one* may not be deleted; empty if it is what it was, and is proven (or *force*) to be superfluous."""
    try:
        if not files.is_still(one.location, one.capture):
            return "changed since it was judged" if os.path.lexists(one.location) else "no longer there"
        return "" if force else _unproven(one)
    except OSError as error:
        return f"cannot be looked at: {error.strerror or error}"


def delete(ledger: Ledger, wanted: Sequence[Candidate], *, force: bool) -> list[Outcome]:
    """Delete the pictures of *wanted* that are still what they were, and write down what became of each.

    Raises:
        FaultError: the disk or the ledger refuses; what was not written down is a MOVING row, as after a crash.
    """
    marked = ledger.exclusively(lambda: mark_for_deletion(ledger, wanted))
    # Killed from here on: MOVING rows, of which the next start or the next purge takes back what is still there.
    marked += [one for one in wanted if not one.number]
    return ledger.exclusively(lambda: _delete_marked(ledger, marked, force=force))


def end_interrupted_deletion(ledger: Ledger, entry: Entry) -> Entry:
    """Bring to an end what a crash interrupted, deleting nothing: gone is purged, what is still there is quarantined.

    Raises:
        FaultError: the disk or the ledger refuses.
    """

    def end() -> None:
        gone = _has_gone(entry.location)
        end_deletion(ledger, [entry.id] if gone else [], [] if gone else [entry.id], _note())

    ledger.exclusively(end)
    return ledger.entry(entry.id)


def _has_gone(location: Path) -> bool:
    """Whether a picture has gone; if its folder has too, that may be on an absent disk, so nothing is concluded."""
    try:
        with files.emptying(location.parent) as emptied:
            return not emptied.has(location.name)
    except OSError as error:
        _refusal(error)
        return False


def _delete_marked(ledger: Ledger, marked: Sequence[Candidate], *, force: bool) -> list[Outcome]:
    """Delete what is marked, folder by folder, and write down what became of each. Can be repeated.

    Between two tries, and before the first, another process may have taken a mark back: that picture is left alone.
    """
    ordered = sorted(still_marked(ledger, marked), key=lambda one: one.location)
    outcomes: list[Outcome] = []
    for folder, group in groupby(ordered, key=lambda one: one.location.parent):
        outcomes += _delete_in(folder, list(group), force=force)
    end_deletion(
        ledger,
        [outcome.candidate.number for outcome in outcomes if not outcome.refusal],
        [outcome.candidate.number for outcome in outcomes if outcome.refusal],
        _note(),
    )
    return outcomes


def _note() -> str:
    return f"was purged on {datetime.now():%Y-%m-%d at %H:%M}"


def _unproven(one: Candidate) -> str:
    if one.proof is None:
        return "what it duplicates is not kept"
    found = files.is_still(one.proof.location, one.proof.capture)
    return "" if found else "the picture it duplicates is gone or was changed"


def _delete_in(folder: Path, group: Sequence[Candidate], *, force: bool) -> list[Outcome]:
    """Delete what lies in one folder; a folder that is not there may be on an absent disk, so nothing is concluded."""
    try:
        with files.emptying(folder) as emptied:
            return [Outcome(one, _delete_one(emptied, one, force=force)) for one in group]
    except OSError as error:
        return [Outcome(one, _refusal(error)) for one in group]


def _delete_one(emptied: files.Emptied, one: Candidate, *, force: bool) -> str:
    """Delete one picture; returns why not."""
    name = one.location.name
    try:
        if not emptied.has(name):
            return ""  # the disk or the ledger failed after deleting it and before confirming, or a person deleted it
        if not force and (refusal := _unproven(one)):
            return refusal
        emptied.delete(name, one.capture)
    except GoneError:
        return "changed since it was judged"
    except OSError as error:
        return _refusal(error)
    return ""


def _refusal(error: OSError) -> str:
    if error.errno in files.FAULTS:
        raise FaultError(f"the quarantine cannot be purged: {error.strerror}") from error
    return f"cannot be deleted: {error.strerror or error}"
