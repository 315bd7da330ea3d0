"""What the ledger changes when a root has moved, and its mirrors with it."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Transaction

Home = tuple[Path, str]
"""A folder, and the disk on which it is."""

_HERE = "state IN ('kept', 'restored', 'missing', 'purged')"
"""The picture lies in its root, or nowhere: the same one lies nowhere else."""
_DOUBLES = f"""
    SELECT old.id AS old, new.id AS new, new.{_HERE} AS is_one, old.state || new.state AS states
    FROM picture AS old JOIN picture AS new USING (folder, name)
    WHERE old.root_id = :old AND new.root_id = :new AND CASE WHEN old.digest IS NULL OR new.digest IS NULL
        THEN (old.size, old.mtime_ns) = (new.size, new.mtime_ns) ELSE old.digest = new.digest END
"""


def follow(ledger: Ledger, old: Path, home: Home, mirrors: Mapping[Path, Home]) -> None:
    """Write down that the root *old* is at *home* now, and each of its *mirrors* at the one that belongs to it.

    What was judged there meanwhile, as a root of its own, is of the same root from now on.
    """
    new, disk = home

    def made(db: Transaction) -> None:
        number, other = _number(db, old), _number(db, new)
        if other not in (None, number):
            _join(db, {"old": number, "new": other})
        db.execute("UPDATE root SET path = ? WHERE id = ?", [os.fsencode(new), number])
        for before, (after, its_disk) in mirrors.items():
            _move_mirror(db, number, before, after)
            db.execute(
                "UPDATE mirror SET disk = ? WHERE root_id = ? AND path = ?", [its_disk, number, os.fsencode(after)]
            )

    ledger.write(made)
    heartbeat = ledger.heartbeat(new)
    quarantine, _ = mirrors.get(Path(heartbeat.quarantine), (heartbeat.quarantine, ""))
    ledger.write_heartbeat(new, replace(heartbeat, quarantine=os.fspath(quarantine), disk=disk))


def _number(db: Transaction, root: Path) -> int | None:
    row = db.execute("SELECT id FROM root WHERE path = ?", [os.fsencode(root)]).fetchone()
    return row and int(row[0])


def _move_mirror(db: Transaction, number: int | None, before: Path, after: Path) -> None:
    """The mirror *before* of the root *number* is *after* now, which may be one of its mirrors already."""
    _merge_mirrors(db, [number, os.fsencode(after)], [number, os.fsencode(before)])
    update = "UPDATE mirror SET path = ? WHERE root_id = ? AND path = ?"
    db.execute(update, [os.fsencode(after), number, os.fsencode(before)])


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


def _join(db: Transaction, ids: dict[str, int | None]) -> None:
    """Let all that is known of the root *new* be known of the root *old*, of which it is the same folder."""
    for pair in db.execute(_DOUBLES, ids).fetchall():
        if pair["is_one"]:
            _drop(db, pair["new"], pair["old"], same_place=pair["states"] in _SAME_PLACE)
        else:  # set aside under both names: two files, of which one is known by its times from now on
            db.execute("UPDATE picture SET digest = NULL WHERE id = ?", [pair["new"]])
    db.execute("UPDATE picture SET root_id = :old WHERE root_id = :new", ids)
    for row in db.execute("SELECT path FROM mirror WHERE root_id = :new", ids).fetchall():
        _merge_mirrors(db, [ids["new"], row["path"]], [ids["old"], row["path"]])
    db.execute("UPDATE mirror SET root_id = :old WHERE root_id = :new", ids)
    later = "(SELECT coalesce(max(used), 0) FROM place WHERE root_id = :old)"
    db.execute(f"UPDATE place SET used = used + {later}, root_id = :old WHERE root_id = :new", ids)
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


_SAME_PLACE = {f"{old}{new}" for old in ("kept", "restored") for new in ("kept", "restored")}


def _drop(db: Transaction, one: int, other: int, *, same_place: bool) -> None:
    """Drop the entry *one* on a picture that *other* tells of as well."""
    if same_place:
        for column in ("size", "mtime_ns"):
            learnt = f"(SELECT {column} FROM picture WHERE id = ?)"
            db.execute(f"UPDATE picture SET {column} = {learnt}, version = version + 1 WHERE id = ?", [one, other])
    db.execute("UPDATE picture SET nearest_id = ? WHERE nearest_id = ?", [other, one])
    for table in ("frame", "place"):
        db.execute(f"DELETE FROM {table} WHERE entry_id = ?", [one])
    db.execute("DELETE FROM picture WHERE id = ?", [one])
