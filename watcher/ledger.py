"""What was decided and where each file is: one SQLite file, which is the truth of framesift."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from watcher.capture import Capture
from watcher.entry import Entry, Move, State
from watcher.errors import FaultError, WatcherError
from watcher.files import make_private_folder
from watcher.kept import Kept
from watcher.rows import entry_of, kept_of, key, path_of, place
from watcher.schema import MIGRATIONS
from watcher.verdict import Kind, Policy, Verdict

_BUSY_SECONDS = 30.0
_BATCH = 500
"""Entries read at a time: a ledger of years is never in memory as a whole."""
_ENTRY = """
    SELECT entry.*, policy.json AS policy,
           near.folder AS near_folder, near.name AS near_name, near.display AS near_display,
           near.taken_at AS near_taken_at, near.size AS near_size, near.mtime_ns AS near_mtime_ns
    FROM entry JOIN policy ON policy.id = entry.policy_id LEFT JOIN entry AS near ON near.id = entry.nearest_id
"""
_KEPT = """
    SELECT entry.*, frame.height, frame.width, frame.signature
    FROM frame JOIN entry ON entry.id = frame.entry_id WHERE frame.entry_id = ?
"""


class Ledger:
    """The ledger of all roots of one state folder. Every public method is one transaction, durable when it returns."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        """Take over an open connection, making or migrating what is in it as needed."""
        self._path = path
        self._db = db
        with _faults(path):
            self._migrate()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the ledger at *path*, or make it.

        Raises:
            FaultError: it cannot be opened, read or written at the moment.
            WatcherError: it was written by a newer framesift.
        """
        with _faults(path):
            make_private_folder(path.parent)
            # Made here so that SQLite's own files inherit the mode, whatever the umask.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            db = _connect(path)
            db.execute("PRAGMA journal_mode=WAL")
            # NORMAL forgot moved files in a power cut (measured); a few rows every few minutes can afford FULL.
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA foreign_keys=ON")
        return cls(path, db)

    @classmethod
    def copy_in_memory(cls, path: Path) -> Self:
        """A copy of the ledger at *path* (empty if there is none) that is never written back: for dry runs."""
        with _faults(path):
            copy = _connect(":memory:")
            if path.exists():
                with contextlib.closing(_connect(path)) as original:
                    original.backup(copy)
        return cls(path, copy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _migrate(self) -> None:
        # One transaction, and the version read inside it: a kill leaves the old version, two starts do not collide.
        with self._transaction() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise WatcherError(f"{self._path} was written by a newer framesift; update this one")
            if version == len(MIGRATIONS):
                return  # nothing is written: questions can be asked while the disk is full
            for statement in ";".join(MIGRATIONS[version:]).split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _faults(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            try:
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """A transaction for statements that stand elsewhere: all or nothing, and durable when it ends."""
        return self._transaction()

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """The rows of a reading statement.

        Raises:
            FaultError: the ledger cannot be read at the moment.
        """
        with _faults(self._path):
            return self._db.execute(sql, tuple(values)).fetchall()

    # --- what is known of a root ---

    def knows_root(self, root: Path) -> bool:
        """Whether a watcher has started on *root* before."""
        return bool(self.rows("SELECT 1 FROM root WHERE path = ? AND adopted", [os.fsencode(root)]))

    def latest_root(self) -> Path | None:
        """The root whose watcher reported last, or None if none ever did."""
        rows = self.rows("SELECT path FROM root ORDER BY json_extract(report, '$.at') DESC LIMIT 1")
        return path_of(rows[0]["path"]) if rows else None

    def adopt(self, root: Path, captures: Iterable[Capture]) -> None:
        """Begin with *root*: its *captures* were there before, and are left to ``sweep``."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO root (path, adopted) VALUES (?, 1) ON CONFLICT (path) DO UPDATE SET adopted = 1",
                [os.fsencode(root)],
            )
            _remember(db, captures)

    def remember(self, captures: Iterable[Capture]) -> None:
        """Never judge *captures*."""
        with self._transaction() as db:
            _remember(db, captures)

    def known(self, folder: Path) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that needs no judgement any more."""
        place = os.fsencode(folder)
        rows = self.rows(
            "SELECT name, size, mtime_ns FROM entry WHERE folder = ?"
            " UNION ALL SELECT name, size, mtime_ns FROM baseline WHERE folder = ?",
            [place, place],
        )
        return {(row[0], row[1], row[2]) for row in rows}

    # --- decisions ---

    def record(self, root: Path, verdict: Verdict, admitted: Kept | None, move: Move | None) -> Entry:
        """Write down a verdict, what it changes in its window, and the move it leads to, all or nothing.

        A kill right after this leaves a MOVING row, which the next start finishes; a kill before it leaves nothing,
        and the capture is judged again from the same window.
        """
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO entry (root_id, folder, name, size, mtime_ns, display, taken_at, kind, ssim, exact,"
                " worst_tile, nearest_id, reason, policy_id, state, location, target, becomes, recorded_at)"
                " VALUES ((SELECT id FROM root WHERE path = ?), ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [os.fsencode(root), *_verdict_values(db, verdict), *_move_values(verdict.capture.path, move), _now()],
            )
            number = int(cursor.lastrowid or 0)
            if admitted is not None:
                _admit(db, number, admitted, verdict.policy.window)
            elif verdict.kind is Kind.DUPLICATE:
                db.execute(
                    "UPDATE frame SET used = ? WHERE entry_id = (SELECT nearest_id FROM entry WHERE id = ?)",
                    [number, number],
                )
        return self.entry(number)

    def intend(self, entry: Entry, move: Move) -> Entry:
        """Write down that the picture of *entry* is about to move."""
        self._update(entry, state=State.MOVING, target=os.fsencode(move.target), becomes=move.becomes.value)
        return self.entry(entry.id)

    def confirm(self, entry: Entry) -> Entry:
        """Write down that the move of *entry* is done."""
        if entry.target is None or entry.becomes is None:
            raise ValueError(f"entry {entry.id} is not moving")
        self._update(entry, state=entry.becomes, location=os.fsencode(entry.target), target=None, becomes=None)
        return self.entry(entry.id)

    def give_up(self, entry: Entry, state: State, note: str) -> Entry:
        """Write down that the move of *entry* does not take place, and why."""
        self._update(entry, state=state, target=None, becomes=None, note=note)
        return self.entry(entry.id)

    def _update(self, entry: Entry, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._transaction() as db:
            db.execute(f"UPDATE entry SET {columns} WHERE id = ?", [*values.values(), entry.id])

    # --- windows ---

    def frames(self, root: Path, window: int) -> list[Kept]:
        """The frames of all windows of *root*, most recently used first; at most *window* (0: all) in each."""
        chosen = self.rows(
            """
            SELECT entry_id FROM (
                SELECT entry_id, used,
                       row_number() OVER (PARTITION BY display, height, width ORDER BY used DESC) AS place
                FROM frame WHERE in_window AND root_id = (SELECT id FROM root WHERE path = ?))
            WHERE place <= ? ORDER BY used DESC
            """,
            [os.fsencode(root), window or 1 << 62],
        )
        # The signatures are fetched afterwards: sorting rows that carry them takes longer than all the rest.
        return [kept_of(self.rows(_KEPT, [row["entry_id"]])[0]) for row in chosen]

    def lose(self, capture: Capture) -> None:
        """Write down that the file of a window's frame is gone, so that nothing can be a duplicate of it any more."""
        with self._transaction() as db:
            own = key(capture)
            number = "(SELECT id FROM entry WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?)"
            db.execute(f"UPDATE frame SET in_window = 0 WHERE entry_id = {number}", own)
            db.execute(f"UPDATE entry SET state = ? WHERE id = {number}", [State.MISSING.value, *own])

    def renew(self, kept: Kept) -> None:
        """Put a signature that was computed again in the place of one that was of no use."""
        with self._transaction() as db:
            db.execute(
                "UPDATE frame SET height = ?, width = ?, signature = ? WHERE entry_id ="
                " (SELECT id FROM entry WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?)",
                [kept.height, kept.width, kept.signature, *key(kept.capture)],
            )

    def location(self, capture: Capture) -> Path:
        """Where the file of *capture* is now: its own path, or the place a hook gave it."""
        rows = self.rows(
            "SELECT location FROM entry WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?",
            key(capture),
        )
        return path_of(rows[0]["location"]) if rows else capture.path

    # --- questions ---

    def entry(self, number: int) -> Entry:
        """The entry with this id.

        Raises:
            KeyError: there is none.
        """
        rows = self.rows(f"{_ENTRY} WHERE entry.id = ?", [number])
        if not rows:
            raise KeyError(number)
        return entry_of(rows[0])

    def moving(self) -> list[Entry]:
        """The entries whose move was begun and not confirmed."""
        return [entry_of(row) for row in self.rows(f"{_ENTRY} WHERE entry.state = 'moving' ORDER BY entry.id")]

    def about(self, path: Path) -> list[Entry]:
        """All entries on the file that was at *path* when it was captured, or is there now, oldest first."""
        rows = self.rows(
            f"{_ENTRY} WHERE (entry.folder = ? AND entry.name = ?) OR entry.location = ? ORDER BY entry.id",
            [*place(path), os.fsencode(path)],
        )
        return [entry_of(row) for row in rows]

    def entries(self, where: str = "TRUE", values: Iterable[Any] = (), limit: int = -1) -> Iterator[Entry]:
        """The last *limit* entries (-1: all) for which the SQL condition *where* on ``entry`` holds, oldest first."""
        inner = f"SELECT id FROM entry WHERE {where} ORDER BY id DESC LIMIT ?"
        ids = [row[0] for row in reversed(self.rows(inner, [*values, limit]))]
        for first in range(0, len(ids), _BATCH):
            numbers = ",".join(map(str, ids[first : first + _BATCH]))
            yield from map(entry_of, self.rows(f"{_ENTRY} WHERE entry.id IN ({numbers}) ORDER BY entry.id"))

    # --- the running watcher, as evidence ---

    def beat(self, root: Path, report: dict[str, Any]) -> None:
        """Write down what the watcher of *root* last found; the report is JSON."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
            db.execute("UPDATE root SET report = ? WHERE path = ?", [json.dumps(report), os.fsencode(root)])

    def report(self, root: Path) -> dict[str, Any]:
        """The last report on *root*; empty if there never was one."""
        rows = self.rows("SELECT report FROM root WHERE path = ?", [os.fsencode(root)])
        return dict(json.loads(rows[0]["report"])) if rows else {}


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # ours to mend, not the disk's
    except (sqlite3.DatabaseError, OSError) as error:
        raise FaultError(f"the ledger {path} cannot be used: {error}") from error


def _remember(db: sqlite3.Connection, captures: Iterable[Capture]) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO baseline (folder, name, size, mtime_ns) VALUES (?, ?, ?, ?)",
        ((*place(capture.path), capture.size, capture.mtime_ns) for capture in captures),
    )


def _admit(db: sqlite3.Connection, number: int, frame: Kept, window: int) -> None:
    db.execute(
        "INSERT INTO frame (entry_id, root_id, display, height, width, signature, used, in_window)"
        " SELECT id, root_id, display, ?, ?, ?, id, 1 FROM entry WHERE id = ?",
        [frame.height, frame.width, frame.signature, number],
    )
    if window:
        # What falls out here never comes back, so that a restart finds the very window of an unbroken run.
        db.execute(
            """
            UPDATE frame SET in_window = 0 WHERE entry_id IN (
                SELECT entry_id FROM frame
                WHERE in_window AND (root_id, display, height, width) =
                    (SELECT root_id, display, height, width FROM frame WHERE entry_id = ?)
                ORDER BY used DESC LIMIT -1 OFFSET ?)
            """,
            [number, window],
        )


def _verdict_values(db: sqlite3.Connection, verdict: Verdict) -> list[Any]:
    capture, score = verdict.capture, verdict.score
    return [
        *place(capture.path),
        capture.size,
        capture.mtime_ns,
        capture.display,
        capture.taken_at.isoformat(),
        verdict.kind.value,
        score.ssim,
        score.exact,
        score.worst_tile,
        _number_of(db, score.nearest),
        verdict.reason,
        _policy_number(db, verdict.policy),
    ]


def _move_values(path: Path, move: Move | None) -> list[Any]:
    if move is None:
        return [State.KEPT.value, os.fsencode(path), None, None]
    return [State.MOVING.value, os.fsencode(path), os.fsencode(move.target), move.becomes.value]


def _number_of(db: sqlite3.Connection, capture: Capture | None) -> int | None:
    if capture is None:
        return None
    row = db.execute(
        "SELECT id FROM entry WHERE folder = ? AND name = ? AND size = ? AND mtime_ns = ?",
        key(capture),
    ).fetchone()
    return int(row[0])


def _policy_number(db: sqlite3.Connection, policy: Policy) -> int:
    text = json.dumps(policy.as_json(), sort_keys=True)
    db.execute("INSERT OR IGNORE INTO policy (json) VALUES (?)", [text])
    return int(db.execute("SELECT id FROM policy WHERE json = ?", [text]).fetchone()[0])


def _now() -> str:
    return datetime.now().astimezone().isoformat()
