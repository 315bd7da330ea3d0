"""Rounds: what has been judged is judged anew, from the oldest on, because the policy has changed."""

import os
from datetime import datetime
from pathlib import Path

from watcher.ledger import stored_windows as windows
from watcher.ledger.entries import policy_number
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Transaction, capture_of
from watcher.ledger.transitions import change as change_fate
from watcher.model.capture import Capture
from watcher.model.entry import State, Timeline
from watcher.model.verdict import Policy


def begin_round(ledger: Ledger, root: Path, policy: Policy, begin: datetime, end: datetime) -> Timeline:
    """The timeline of a round over what was captured from *begin* up to, without, *end*; the ledger knows *root*.

    The last round goes on if it was left off with the same policy and times; otherwise one begins with empty windows.
    """

    def change(db: Transaction) -> Timeline:
        same = [policy_number(db, policy), begin.isoformat(), end.isoformat(), os.fsencode(root)]
        old = db.execute(
            "SELECT id FROM (SELECT round.*, max(round.id) FROM round JOIN root ON root.id = root_id WHERE path = ?4)"
            " WHERE policy_id = ?1 AND begin = ?2 AND end = ?3 AND NOT done",
            same,
        ).fetchone()
        if old:
            return Timeline(root, "again", old[0])
        windows.clear(db, Timeline(root, "again"))
        number = db.execute(
            "INSERT INTO round (root_id, policy_id, begin, end, last_entry_id)"
            " SELECT root.id, ?1, ?2, ?3, (SELECT coalesce(max(id), 0) FROM picture) FROM root WHERE path = ?4",
            same,
        ).lastrowid
        return Timeline(root, "again", number)

    return ledger.write(change)


def release_restored(ledger: Ledger, root: Path, begin: datetime, end: datetime) -> int:
    """Let what a person brought back, of what was captured from *begin* up to *end*, be judged again; returns how many.

    What a person has changed is not among it: it is theirs for good.
    """
    asked = (
        "SELECT entry.id FROM picture AS entry JOIN root ON root.id = entry.root_id AND root.path = ?"
        " WHERE state = 'restored' AND taken_at >= ? AND taken_at < ? AND NOT EXISTS (SELECT 1 FROM picture AS other"
        " WHERE other.root_id = entry.root_id AND other.folder = entry.folder AND other.name = entry.name"
        " AND other.id != entry.id)"
    )

    def release(db: Transaction) -> int:
        rows = db.execute(asked, [os.fsencode(root), begin.isoformat(), end.isoformat()]).fetchall()
        for row in rows:
            change_fate(db, ledger.entry(row[0]), "release", State.KEPT)
        return len(rows)

    return ledger.exclusively(lambda: ledger.write(release))


def still_to_judge(ledger: Ledger, timeline: Timeline) -> list[Capture]:
    """What the round of *timeline* has to judge anew; not what the user brought back, nor what is gone."""
    rows = ledger.rows(
        "SELECT entry.* FROM located AS entry JOIN round ON round.id = ? AND round.root_id = entry.root_id"
        " WHERE entry.round < round.id AND entry.id <= last_entry_id AND state IN ('kept', 'quarantined')"
        " AND taken_at >= begin AND taken_at < end",
        [timeline.round],
    )
    return [capture_of(row) for row in rows]


def finish_round(ledger: Ledger, timeline: Timeline, *, everything: bool) -> None:
    """The round of *timeline* is over; if it went over *everything*, later sweeps begin with its windows."""

    def change(db: Transaction) -> None:
        db.execute("UPDATE round SET done = 1 WHERE id = ?", [timeline.round])
        if everything:
            windows.take_over(db, Timeline(timeline.root, "sweep"), timeline)
        windows.clear(db, timeline)

    ledger.write(change)
