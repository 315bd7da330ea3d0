"""What the ledger changes when a root has moved, and its mirrors with it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Transaction
from watcher.model.entry import Entry, State

Home = tuple[Path, str]
"""A folder, and the disk on which it is."""
Lies = Callable[[Entry], bool]
"""Whether the picture of an entry lies where the ledger says."""

_DOUBLES = """
    SELECT old.id AS old, new.id AS new FROM picture AS old JOIN picture AS new USING (folder, name)
    WHERE old.root_id = :old AND new.root_id = :new AND CASE WHEN old.digest IS NULL OR new.digest IS NULL
        THEN old.size = new.size ELSE old.digest = new.digest END
    ORDER BY new.id DESC, old.id DESC
"""
_ASIDE = {State.QUARANTINED, State.MOVING}
_AT_HOME = {State.KEPT, State.RESTORED}


def follow(ledger: Ledger, old: Path, home: Home, mirrors: Mapping[Path, Home], lies: Lies) -> None:
    """Write down that the root *old* is at *home* now, and each of its *mirrors* at the one that belongs to it.

    What was judged there meanwhile, as a root of its own, is of the same root from now on.
    """
    new, disk = home

    def made(db: Transaction) -> None:
        number, other = _number(db, old), _number(db, new)
        if other not in (None, number):
            _join(db, ledger, {"old": number, "new": other}, lies)
        db.execute("UPDATE root SET path = ? WHERE id = ?", [os.fsencode(new), number])
        for before, (after, its_disk) in mirrors.items():
            _merge_mirrors(db, [number, os.fsencode(after)], [number, os.fsencode(before)])
            values = [os.fsencode(after), its_disk, number, os.fsencode(before)]
            db.execute("UPDATE mirror SET path = ?, disk = ? WHERE root_id = ? AND path = ?", values)

    ledger.write(made)
    heartbeat = ledger.heartbeat(new)
    quarantine, _ = mirrors.get(Path(heartbeat.quarantine), (heartbeat.quarantine, ""))
    ledger.write_heartbeat(new, replace(heartbeat, quarantine=os.fspath(quarantine), disk=disk))


def _number(db: Transaction, root: Path) -> int | None:
    row = db.execute("SELECT id FROM root WHERE path = ?", [os.fsencode(root)]).fetchone()
    return row and int(row[0])


def _merge_mirrors(db: Transaction, one: list[object], into: list[object]) -> None:
    """Let what lies in the mirror *one* lie in another, if both are known; each is a root's id, and a path."""
    found = [
        db.execute("SELECT id FROM mirror WHERE root_id = ? AND path = ?", mirror).fetchone() for mirror in (one, into)
    ]
    if None in found or found[0][0] == found[1][0]:
        return
    for column in ("mirror_id", "target_mirror_id"):
        db.execute(f"UPDATE picture SET {column} = ? WHERE {column} = ?", [found[1][0], found[0][0]])
    db.execute("DELETE FROM mirror WHERE id = ?", [found[0][0]])


def _join(db: Transaction, ledger: Ledger, ids: dict[str, Any], lies: Lies) -> None:
    """Let all that is known of the root *new* be known of the root *old*, of which it is the same folder."""
    # Its windows were used later than those of the old root, and its duplicates were put aside after theirs.
    (used,) = db.execute("SELECT coalesce(max(used), 0) FROM place WHERE root_id = :old", ids).fetchone()
    begun = "(SELECT coalesce(max(id), 0) FROM day WHERE root_id = :old)"
    db.execute(f"UPDATE picture SET aside_day = max(aside_day, {begun}) WHERE root_id = :new", ids)
    gone = set[int]()
    for row in db.execute(_DOUBLES, ids).fetchall():  # framesift 0.1 may have judged one file twice, by two times
        if not {row["old"], row["new"]} & gone:
            gone.add(_make_one(db, ledger.entry(row["old"]), ledger.entry(row["new"]), lies))
    db.execute("UPDATE picture SET root_id = :old WHERE root_id = :new", ids)
    db.execute("UPDATE place SET used = used + :used, root_id = :old WHERE root_id = :new", ids | {"used": used})
    for row in db.execute("SELECT path FROM mirror WHERE root_id = :new", ids).fetchall():
        _merge_mirrors(db, [ids["new"], row["path"]], [ids["old"], row["path"]])
    db.execute("UPDATE mirror SET root_id = :old WHERE root_id = :new", ids)
    db.execute("UPDATE round SET root_id = :old, done = 1 WHERE root_id = :new", ids)
    for table in ("day", "baseline"):
        db.execute(f"UPDATE OR IGNORE {table} SET root_id = :old WHERE root_id = :new", ids)
        db.execute(f"DELETE FROM {table} WHERE root_id = :new", ids)
    db.execute(
        "DELETE FROM baseline WHERE root_id = :old AND NOT settled AND EXISTS (SELECT 1 FROM picture"
        " WHERE picture.root_id = :old AND picture.folder = baseline.folder AND picture.name = baseline.name)",
        ids,
    )
    of_new = "(SELECT {} FROM root WHERE id = :new)"
    adopted, report = of_new.format("adopted"), of_new.format("report")
    db.execute(f"UPDATE root SET adopted = max(adopted, {adopted}), report = {report} WHERE id = :old", ids)
    db.execute("DELETE FROM root WHERE id = :new", ids)


def _make_one(db: Transaction, old: Entry, new: Entry, lies: Lies) -> int:
    """Leave one entry of two on a picture: the later one, unless the picture was set aside by the older and not by it.

    A copy that both have set aside lies in quarantine as one that no ledger knows.

    Returns:
        The id of the entry that is no more.
    """
    is_older_right = old.state in _ASIDE and (not lies(new) if new.state in _ASIDE else new.state not in _AT_HOME)
    stays, goes = (old, new) if is_older_right else (new, old)
    for table in ("frame", "place"):
        db.execute(f"UPDATE OR IGNORE {table} SET entry_id = ? WHERE entry_id = ?", [stays.id, goes.id])
        db.execute(f"DELETE FROM {table} WHERE entry_id = ?", [goes.id])
    if not stays.verdict.stays:
        for table in ("frame", "place"):
            db.execute(f"DELETE FROM {table} WHERE entry_id = ?", [stays.id])
    db.execute("UPDATE picture SET nearest_id = ? WHERE nearest_id = ?", [stays.id, goes.id])
    db.execute("DELETE FROM picture WHERE id = ?", [goes.id])
    if stays.state is State.KEPT and goes.state is State.RESTORED:  # what a person has brought back stays
        restored = "UPDATE picture SET state = 'restored', version = version + 1 WHERE id = ?"
        db.execute(restored, [stays.id])
    return goes.id
