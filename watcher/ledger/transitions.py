"""What may become of a picture, by whom and on what proof: the whole table, and the only code that changes a state.

Each row of the ledger has a version, which rises with every change. A decision names the version it was made on; if the
row has moved on, nothing is changed, and the decision is made anew from what is there now, or dropped.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from watcher.errors import StaleError
from watcher.ledger.rows import Transaction
from watcher.model.entry import Entry, State

KEPT, QUARANTINED, RESTORED = State.KEPT.value, State.QUARANTINED.value, State.RESTORED.value
PURGED, MISSING = State.PURGED.value, State.MISSING.value
TO_KEPT, TO_QUARANTINE, TO_RESTORED, TO_PURGED = (
    f"moving to {state}" for state in (KEPT, QUARANTINED, RESTORED, PURGED)
)


@dataclass(frozen=True, slots=True)
class Transition:
    """One way in which the state of a picture may change."""

    before: frozenset[str]
    after: frozenset[str]
    who: str
    proof: str
    """What must be so at that moment; whoever asks for the transition has made sure of it, holding the lock."""


def _way(before: set[str], after: set[str], who: str, proof: str) -> Transition:
    return Transition(frozenset(before), frozenset(after), who, proof)


TRANSITIONS = {
    "judge anew": _way(
        {KEPT, QUARANTINED},
        {KEPT, QUARANTINED, TO_KEPT, TO_QUARANTINE},
        "sweep --again",
        "its file was read, and has the digest of the row; what it duplicates stays",
    ),
    "arrive": _way(
        {TO_KEPT, TO_QUARANTINE, TO_RESTORED},
        {KEPT, QUARANTINED, RESTORED},
        "whoever began the move, or finds it begun",
        "the file lies at the target, and no longer at its place",
    ),
    "stay": _way(
        {TO_KEPT, TO_QUARANTINE, TO_RESTORED},
        {KEPT, QUARANTINED},
        "whoever began the move, or finds it begun",
        "the move cannot be made, and the file lies where it lay",
    ),
    "lose": _way(
        {KEPT, QUARANTINED, RESTORED, TO_KEPT, TO_QUARANTINE, TO_RESTORED},
        {MISSING},
        "watcher, sweep, whoever began a move",
        "the file is gone, changed or damaged, and its disk is there",
    ),
    "find": _way(
        {MISSING},
        {KEPT, RESTORED},
        "watcher, sweep",
        "a file with the digest of the row lies where the capture job wrote it",
    ),
    "find aside": _way(
        {MISSING, PURGED},
        {QUARANTINED},
        "watcher, sweep, restore",
        "a file with the digest of the row lies where it was set aside, as from a backup",
    ),
    "bring back": _way(
        {QUARANTINED, PURGED, MISSING},
        {RESTORED},
        "a person with a file manager, a backup",
        "a file with the digest of the row lies in ROOT, and none in quarantine, whose disk is there",
    ),
    "restore": _way(
        {QUARANTINED}, {TO_RESTORED}, "restore", "the file lies in quarantine, and its old place in ROOT is free"
    ),
    "release": _way({RESTORED}, {KEPT}, "sweep --again --restored", "a person asks for it"),
    "condemn": _way(
        {QUARANTINED},
        {TO_PURGED},
        "purge, retention",
        "it is a duplicate by the policy of its verdict, and the kept picture of its screen is whole, with its digest",
    ),
    "spare": _way({TO_PURGED}, {QUARANTINED}, "purge, whoever finds one interrupted", "the file is there still"),
    "purge": _way({TO_PURGED}, {PURGED}, "purge, whoever finds one interrupted", "the file has been deleted"),
}
"""Every transition there is. An entry that is new has no state before: it begins as kept, on its way or, where a person
has put it, as restored."""


def fate(state: str, becomes: str | None) -> str:
    """The state as the table names it: what is on its way is told by where it goes."""
    return f"moving to {becomes}" if state == State.MOVING else state


def change(db: Transaction, entry: Entry, name: str, state: State, becomes: State | None = None, **values: Any) -> None:
    """Make the transition *name* of *entry* to *state*, within a transaction; *values* are other columns of its row.

    Raises:
        StaleError: the row is no longer what it was when *entry* was read; nothing was changed.
        ValueError: the table does not know such a change.
    """
    way, after = TRANSITIONS[name], fate(state.value, becomes and becomes.value)
    if after not in way.after:
        raise ValueError(f"{name!r} does not lead to {after!r}")
    row = db.execute("SELECT state, becomes, version FROM picture WHERE id = ?", [entry.id]).fetchone()
    if row is None or row["version"] != entry.version or fate(row["state"], row["becomes"]) not in way.before:
        raise StaleError(f"{entry.verdict.capture.path.name} has been dealt with otherwise meanwhile")
    values |= {"state": state.value, "becomes": becomes and becomes.value, "version": entry.version + 1}
    if "note" in values:  # in which names may stand, and a name need be no UTF-8
        values["note"] = values["note"].encode(errors="backslashreplace").decode()
    if state is not State.MOVING:
        values |= {"target": None, "target_mirror_id": None}
    if state is State.QUARANTINED and name in ("arrive", "find aside"):
        values |= _aside_since(db, entry.id)
    columns = ", ".join(f"{column} = ?" for column in values)
    db.execute(f"UPDATE picture SET {columns} WHERE id = ?", [*values.values(), entry.id])


def _aside_since(db: Transaction, number: int) -> dict[str, Any]:
    """From when on retention counts: the moment, and the last day that has begun on the clock of retention."""
    day = db.execute(
        "SELECT coalesce(max(day.id), 0) FROM day JOIN picture USING (root_id) WHERE picture.id = ?",
        [number],
    ).fetchone()[0]
    return {"aside_at": datetime.now().astimezone().isoformat(), "aside_day": day}
