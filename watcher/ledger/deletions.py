"""Quarantined duplicates that may be deleted, with what proves it; and what the ledger says of a deletion.

The order is that of every move: the intent, which makes a row MOVING to become PURGED, the deletion, the confirmation.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.errors import StaleError
from watcher.ledger.conditions import OF_ROOT
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Transaction
from watcher.ledger.transitions import change
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind

BATCH = 200
"""Read together: a ledger of years is never in memory as a whole."""
_SETTLED = {State.KEPT, State.QUARANTINED, State.RESTORED}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A quarantined picture that may be deleted."""

    entry: Entry
    aside_day: int
    """The last day of the clock of retention that had begun when it was quarantined."""
    proof: Entry | None
    """On the kept picture of its screen; None if what it duplicates has gone, or is no picture that stays."""

    @property
    def location(self) -> Path:
        """Where it lies."""
        return self.entry.location

    @property
    def size(self) -> int:
        """Bytes."""
        return self.entry.verdict.capture.size


def candidates(ledger: Ledger, root: Path) -> Iterator[list[Candidate]]:
    """The quarantined duplicates of *root*, those that were quarantined first before the others, some at a time."""
    last = (0, 0)
    while rows := ledger.rows(
        f"SELECT id, aside_day FROM picture WHERE {OF_ROOT} AND kind = 'duplicate' AND state = 'quarantined'"
        " AND (aside_day, id) > (?, ?) ORDER BY aside_day, id LIMIT ?",
        [os.fsencode(root), *last, BATCH],
    ):
        found = [(candidate(ledger, row["id"]), row) for row in rows]
        yield [one for one, _ in found if one is not None]
        last = (rows[-1]["aside_day"], rows[-1]["id"])


def candidate(ledger: Ledger, number: int) -> Candidate | None:
    """The entry *number* as a candidate, as it is now; None if it is none any more."""
    (row,) = ledger.rows("SELECT aside_day, nearest_id FROM picture WHERE id = ?", [number])
    entry = ledger.entry(number)
    if entry.state is not State.QUARANTINED or entry.verdict.kind is not Kind.DUPLICATE:
        return None
    near = ledger.entry(row["nearest_id"]) if row["nearest_id"] is not None else None
    is_kept = near is not None and near.verdict.stays and near.state in _SETTLED
    return Candidate(entry, row["aside_day"], near if is_kept else None)


def condemn(ledger: Ledger, entries: Iterable[Entry]) -> list[Entry]:
    """Write down that the pictures of *entries* are about to be deleted; returns those that are what was read."""

    def made(db: Transaction) -> list[Entry]:
        condemned = []
        for entry in entries:
            (row,) = db.execute("SELECT mirror_id, location FROM picture WHERE id = ?", [entry.id])
            target = {"target_mirror_id": row["mirror_id"], "target": row["location"]}
            with contextlib.suppress(StaleError):
                change(db, entry, "condemn", State.MOVING, State.PURGED, **target)
                condemned.append(ledger.entry(entry.id))
        return condemned

    return ledger.write(made)


def end_deletion(ledger: Ledger, condemned: Iterable[tuple[Entry, bool]], note: str) -> None:
    """Write down of each that was condemned whether it is deleted, with a *note*, or stays in quarantine.

    What another process has written down meanwhile, having found it interrupted, is as that has found it.
    """

    def made(db: Transaction) -> None:
        for entry, is_gone in condemned:
            with contextlib.suppress(StaleError):
                if is_gone:
                    change(db, entry, "purge", State.PURGED, note=note)
                else:
                    change(db, entry, "spare", State.QUARANTINED)

    ledger.write(made)
