"""Quarantined duplicates that may be deleted, with what proves it; and what the ledger says of a deletion.

The order is that of every move: the intent, which makes a row MOVING to become PURGED, the deletion, the confirmation.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.ledger.conditions import AMONG, OF_ROOT
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import NEAR_CAPTURE, Transaction, capture_of, path_of
from watcher.model.capture import Capture
from watcher.model.entry import State
from watcher.model.verdict import Kind

BATCH = 200
"""Written down, deleted and confirmed together: enough to wait seldom for the disk, few enough to go on soon."""
_CANDIDATE = f"""
    SELECT entry.*, near.kind AS near_kind, near.state AS near_state, near.location AS near_location,
           {NEAR_CAPTURE}
    FROM entry LEFT JOIN entry AS near ON near.id = entry.nearest_id
"""
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


def candidates(ledger: Ledger, root: Path) -> Iterator[list[Candidate]]:
    """The quarantined duplicates of *root* in the order of their verdicts, some at a time."""
    last = 0
    while rows := ledger.rows(
        f"{_CANDIDATE} WHERE entry.{OF_ROOT} AND entry.kind = 'duplicate'"
        " AND entry.state = 'quarantined' AND entry.id > ? ORDER BY entry.id LIMIT ?",
        [os.fsencode(root), last, BATCH],
    ):
        yield [_candidate(row) for row in rows]
        last = rows[-1]["id"]


def mark_for_deletion(ledger: Ledger, wanted: Iterable[Candidate]) -> list[Candidate]:
    """Write down that the pictures of *wanted* are about to be deleted.

    Returns:
        Those that are still what they were when they were read, as they are known now: what has been moved since, or
        judged anew, is left as it is.
    """
    read = {one.number: one.recorded_at for one in wanted}
    still = "entry.state = 'quarantined' AND entry.kind = 'duplicate'"

    def change(db: Transaction) -> list[Candidate]:
        rows = db.execute(f"{_CANDIDATE} WHERE entry.id {AMONG} AND {still}", [json.dumps(list(read))])
        marked = [one for one in map(_candidate, rows) if one.recorded_at == read[one.number]]
        intent = "state = 'moving', becomes = 'purged', target = location"
        numbers = json.dumps([one.number for one in marked])
        db.execute(f"UPDATE entry SET {intent} WHERE id {AMONG}", [numbers])
        return marked

    return ledger.write(change)


def still_marked(ledger: Ledger, marked: Sequence[Candidate]) -> list[Candidate]:
    """Those of *marked* that no other process has finished or taken back, and those that no ledger knows."""
    numbers = json.dumps([one.number for one in marked])
    rows = ledger.rows(f"SELECT id FROM entry WHERE id {AMONG} AND {_OURS}", [numbers])
    ours = {0, *(row["id"] for row in rows)}
    return [one for one in marked if one.number in ours]


def end_deletion(ledger: Ledger, purged: Iterable[int], stayed: Iterable[int], note: str) -> None:
    """Write down which of the marked pictures are deleted, with a *note*, and which stay in quarantine."""
    gone, left = [(note, number) for number in purged], [(number,) for number in stayed]
    end = f"target = NULL, becomes = NULL WHERE id = ? AND {_OURS}"

    def change(db: Transaction) -> None:
        db.executemany(f"UPDATE entry SET state = 'purged', note = ?, {end}", gone)
        db.executemany(f"UPDATE entry SET state = 'quarantined', {end}", left)

    ledger.write(change)


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
    if row["near_kind"] and Kind(row["near_kind"]).stays and row["near_state"] in _SETTLED:
        proof = Proof(path_of(row["near_location"]), capture_of(row, "near_"))
    recorded_at = datetime.fromisoformat(row["recorded_at"])
    return Candidate(row["id"], path_of(row["location"]), capture_of(row), recorded_at, proof)
