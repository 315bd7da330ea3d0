"""Deleting quarantined duplicates for good, with the proof for each that the screen it shows is kept.

The order is that of custody: write the intent, delete, confirm. What a crash in between leaves behind is a MOVING row
that becomes PURGED, which :func:`finish` brings to an end.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from watcher.disk import files
from watcher.errors import FaultError, GoneError
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import capture_of, path_of
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind

BATCH = 200
"""Written down, deleted and confirmed together: enough to wait seldom for the disk, few enough to go on soon."""
_CANDIDATE = """
    SELECT entry.*, near.kind AS near_kind, near.state AS near_state, near.location AS near_location,
           near.folder AS near_folder, near.name AS near_name, near.display AS near_display,
           near.taken_at AS near_taken_at, near.size AS near_size, near.mtime_ns AS near_mtime_ns
    FROM entry LEFT JOIN entry AS near ON near.id = entry.nearest_id
"""
_STAYS = {Kind.NEW, Kind.SIMILAR}
_SETTLED = {State.KEPT, State.QUARANTINED, State.RESTORED}
_OURS = "state = 'moving' AND becomes = 'purged'"
"""Another process may have finished or taken back what was intended here."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The kept picture of a duplicate's screen, and where it must be found."""

    location: Path
    capture: Capture


@dataclass(frozen=True, slots=True)
class Candidate:
    """A quarantined picture that may be deleted."""

    number: int
    """The id of its entry; 0 for a picture that no ledger knows."""
    location: Path
    capture: Capture
    recorded_at: datetime
    proof: Proof | None
    """None if what it duplicates has gone, or is no picture that stays."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a candidate."""

    candidate: Candidate
    refusal: str = ""
    """Why it is not deleted; empty if it is."""


def candidates(ledger: Ledger, root: Path) -> Iterator[list[Candidate]]:
    """The quarantined duplicates of *root* in the order in which they were judged, some at a time."""
    last = 0
    while rows := ledger.rows(
        f"{_CANDIDATE} WHERE entry.root_id = (SELECT id FROM root WHERE path = ?) AND entry.kind = 'duplicate'"
        " AND entry.state = 'quarantined' AND entry.id > ? ORDER BY entry.id LIMIT ?",
        [os.fsencode(root), last, BATCH],
    ):
        yield [_candidate(row) for row in rows]
        last = rows[-1]["id"]


def objection(one: Candidate, *, force: bool) -> str:
    """Why *one* may not be deleted; empty if it is what it was, and is proven (or *force*) to be superfluous."""
    try:
        if not files.is_still(one.location, one.capture):
            return "changed since it was judged" if os.path.lexists(one.location) else "no longer there"
        return "" if force else _unproven(one)
    except OSError as error:
        return f"cannot be looked at: {error.strerror or error}"


def claim(ledger: Ledger, wanted: Sequence[Candidate]) -> list[Candidate]:
    """Write down that *wanted* are about to be deleted; returns those that nobody else has moved meanwhile."""
    numbers = [json.dumps([one.number for one in wanted])]
    condition = "state = 'quarantined' AND id IN (SELECT value FROM json_each(?))"
    with ledger.transaction() as db:
        free = {row[0] for row in db.execute(f"SELECT id FROM entry WHERE {condition}", numbers)}
        db.execute(
            f"UPDATE entry SET state = 'moving', becomes = 'purged', target = location WHERE {condition}", numbers
        )
    return [one for one in wanted if one.number in free or not one.number]


def dispose(ledger: Ledger, claimed: Sequence[Candidate], *, force: bool) -> list[Outcome]:
    """Delete the pictures of what was claimed, and write down what became of each. Can be repeated.

    Raises:
        FaultError: the disk or the ledger refuses; what was not written down is still claimed.
    """
    ordered = sorted(claimed, key=lambda one: one.location)
    outcomes: list[Outcome] = []
    for folder, group in groupby(ordered, key=lambda one: one.location.parent):
        outcomes += _delete_in(folder, list(group), force=force)
    _settle(ledger, outcomes)
    return outcomes


def finish(ledger: Ledger, entry: Entry) -> Entry:
    """Bring to an end what a crash interrupted: gone is purged; what is still there must be proven anew, or stays.

    Raises:
        FaultError: the disk or the ledger refuses.
    """
    dispose(ledger, [_candidate(ledger.rows(f"{_CANDIDATE} WHERE entry.id = ?", [entry.id])[0])], force=False)
    return ledger.entry(entry.id)


def is_known(ledger: Ledger, path: Path) -> bool:
    """Whether a picture that lies at *path*, or is on its way there, is in the ledger."""
    place = os.fsencode(path)
    return bool(
        ledger.rows(
            "SELECT 1 FROM entry WHERE location = ? UNION ALL"
            " SELECT 1 FROM entry WHERE state = 'moving' AND target = ? LIMIT 1",
            [place, place],
        )
    )


def _candidate(row: Any) -> Candidate:
    proof = None
    if row["near_kind"] in _STAYS and row["near_state"] in _SETTLED:
        proof = Proof(path_of(row["near_location"]), capture_of(row, "near_"))
    recorded_at = datetime.fromisoformat(row["recorded_at"])
    return Candidate(row["id"], path_of(row["location"]), capture_of(row), recorded_at, proof)


def _unproven(one: Candidate) -> str:
    if one.proof is None:
        return "what it duplicates is not kept"
    found = files.is_still(one.proof.location, one.proof.capture)
    return "" if found else "the picture it duplicates is gone or was changed"


def _delete_in(folder: Path, group: Sequence[Candidate], *, force: bool) -> list[Outcome]:
    """Delete what lies in one folder; a folder that is not there may be on an absent disk, so nothing is concluded."""
    try:
        with files.emptying(folder) as emptied:
            return [Outcome(one, _delete(emptied, one, force=force)) for one in group]
    except OSError as error:
        return [Outcome(one, _refusal(error)) for one in group]


def _delete(emptied: files.Emptied, one: Candidate, *, force: bool) -> str:
    """Delete one picture; returns why not."""
    name = one.location.name
    try:
        if not emptied.has(name):
            return ""  # killed after deleting and before confirming, or another process was faster
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


def _settle(ledger: Ledger, outcomes: Sequence[Outcome]) -> None:
    note = f"was purged on {datetime.now():%Y-%m-%d at %H:%M}"
    purged = [(note, outcome.candidate.number) for outcome in outcomes if not outcome.refusal]
    stayed = [(outcome.candidate.number,) for outcome in outcomes if outcome.refusal]
    end = f"target = NULL, becomes = NULL WHERE id = ? AND {_OURS}"
    with ledger.transaction() as db:
        db.executemany(f"UPDATE entry SET state = 'purged', note = ?, {end}", purged)
        db.executemany(f"UPDATE entry SET state = 'quarantined', {end}", stayed)
