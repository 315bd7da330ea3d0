"""What was decided and where each file is: the truth of framesift."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.errors import GoneError
from watcher.health.heartbeat import Heartbeat
from watcher.ledger import stored_windows as windows
from watcher.ledger.conditions import AMONG, STAYS
from watcher.ledger.database import Database
from watcher.ledger.entries import number_of, write_entry
from watcher.ledger.rows import (
    IS_CAPTURE,
    NEAR_CAPTURE,
    Transaction,
    capture_columns,
    entry_of,
    kept_of,
    path_columns,
    path_of,
)
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Verdict

_BATCH = 500
"""Entries read at a time: a ledger of years is never in memory as a whole."""
_ENTRY = f"""
    SELECT entry.*, policy.json AS policy, {NEAR_CAPTURE}
    FROM entry JOIN policy ON policy.id = entry.policy_id LEFT JOIN entry AS near ON near.id = entry.nearest_id
"""
_KEPT = f"""
    SELECT entry.id, folder, name, size, mtime_ns, display, taken_at, height, width, signature
    FROM frame JOIN entry ON entry.id = frame.entry_id WHERE frame.entry_id {AMONG}
"""


class Ledger(Database):
    """The ledger of all roots of one state folder. Every public method is one transaction, durable when it returns."""

    # --- what is known of a root ---

    def knows_root(self, root: Path) -> bool:
        """Whether a watcher has started on *root* before."""
        return bool(self.rows("SELECT 1 FROM root WHERE path = ? AND adopted", [os.fsencode(root)]))

    def latest_root(self) -> Path | None:
        """The root whose watcher reported last, or None if none ever did."""
        rows = self.rows("SELECT path FROM root ORDER BY json_extract(report, '$.at') DESC LIMIT 1")
        return path_of(rows[0]["path"]) if rows else None

    def adopt(self, root: Path, captures: Iterable[Capture]) -> None:
        """A watcher begins with *root*: its *captures* were there before, and are left to ``sweep``.

        What sweeps have put into their windows before is where the watcher's begin.
        """
        found = list(captures)

        def change(db: Transaction) -> None:
            _leave_to_sweep(db, root, found)
            db.execute("UPDATE root SET adopted = 1 WHERE path = ?", [os.fsencode(root)])
            windows.take_over(db, Timeline(root), Timeline(root, "sweep"))

        self.write(change)

    def leave_to_sweep(self, root: Path, captures: Iterable[Capture]) -> None:
        """No watcher judges *captures*: a sweep does, now or when it goes on."""
        found = list(captures)
        self.write(lambda db: _leave_to_sweep(db, root, found))

    def settle(self, capture: Capture) -> None:
        """Never judge *capture*: the user has brought it back."""
        insert = "INSERT OR REPLACE INTO baseline (folder, name, size, mtime_ns, settled) VALUES (?, ?, ?, ?, 1)"
        self.write(lambda db: db.execute(insert, capture_columns(capture)))

    def known(self, folder: Path, names: Sequence[bytes] = ()) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that a watcher passes over; of a few *names* alone."""
        few = names if len(names) <= _BATCH else ()
        return self._in_folder(folder, "entry", "TRUE", few) | self._in_folder(folder, "baseline", "TRUE", few)

    def left_to_sweep(self, folder: Path) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that a sweep is to judge."""
        return self._in_folder(folder, "baseline", "NOT settled")

    def _in_folder(
        self, folder: Path, table: str, condition: str, names: Sequence[bytes] = ()
    ) -> set[tuple[bytes, int, int]]:
        sql = f"SELECT name, size, mtime_ns FROM {table} WHERE folder = ? AND {condition}"
        if names:
            sql += f" AND name IN ({', '.join('?' * len(names))})"
        return {(row[0], row[1], row[2]) for row in self.rows(sql, [os.fsencode(folder), *names])}

    # --- decisions ---

    def record(self, timeline: Timeline, verdict: Verdict, admitted: KeptFrame | None, move: Move | None) -> Entry:
        """Write down a verdict, what it changes in its window, and the move it leads to, all or nothing.

        A kill right after this leaves a MOVING row, which the next start finishes; a kill before it leaves nothing,
        and the capture is judged again from the same window.

        Raises:
            KnownError: the capture has an entry, and *timeline* judges nothing anew.
        """

        def change(db: Transaction) -> Entry:
            number = write_entry(db, timeline, verdict, move)
            if admitted is not None:
                windows.admit(db, timeline, number, admitted, verdict.policy.window)
            else:
                windows.forget(db, number)
            if verdict.kind is Kind.DUPLICATE and verdict.score.nearest is not None:
                windows.touch(db, timeline, number_of(db, verdict.score.nearest))
            # Inside the transaction: after the commit, a read that fails would have all of it done once more.
            return self.entry(number)

        return self.write(change)

    def intend(self, entry: Entry, move: Move) -> Entry:
        """Write down that the picture of *entry* is about to move."""
        return self._update(entry, state=State.MOVING, target=os.fsencode(move.target), becomes=move.becomes.value)

    def confirm(self, entry: Entry) -> Entry:
        """Write down that the move of *entry* is done."""
        if entry.target is None or entry.becomes is None:
            raise ValueError(f"entry {entry.id} is not moving")
        return self._update(entry, state=entry.becomes, location=os.fsencode(entry.target), target=None, becomes=None)

    def give_up(self, entry: Entry, state: State, note: str) -> Entry:
        """Write down that the move of *entry* does not take place, and why."""
        return self._update(entry, state=state, target=None, becomes=None, note=note)

    def _update(self, entry: Entry, **values: Any) -> Entry:
        columns = ", ".join(f"{name} = ?" for name in values)

        def change(db: Transaction) -> Entry:
            db.execute(f"UPDATE entry SET {columns} WHERE id = ?", [*values.values(), entry.id])
            return self.entry(entry.id)

        return self.write(change)

    # --- windows ---

    def frames(self, timeline: Timeline, window: int) -> list[KeptFrame]:
        """The frames of all windows of *timeline*, most recently used first; at most *window* in each.

        With 0 these are all kept frames of the root, whichever timeline kept them.
        """
        values = [timeline.name, os.fsencode(timeline.root)]
        chosen = self.rows(windows.PLACED, [*values, window]) if window else self.rows(windows.KEPT, values)
        ids = [row["entry_id"] for row in chosen]
        kept: dict[int, KeptFrame] = {}
        # The signatures are fetched afterwards: sorting rows that carry them takes longer than all the rest.
        for first in range(0, len(ids), _BATCH):
            rows = self.rows(_KEPT, [json.dumps(ids[first : first + _BATCH])])
            kept.update((row["id"], kept_of(row)) for row in rows)
        return [kept[number] for number in ids]

    def lose(self, capture: Capture) -> None:
        """Write down that the file of a window's frame is gone, so that nothing can be a duplicate of it any more."""

        def change(db: Transaction) -> None:
            windows.leave(db, number_of(db, capture))
            # Judged anew by a sweep, and a duplicate now, it is where that put it.
            db.execute(
                f"UPDATE entry SET state = ? WHERE {IS_CAPTURE} AND {STAYS}",
                [State.MISSING.value, *capture_columns(capture)],
            )

        self.write(change)

    def renew(self, kept: KeptFrame) -> None:
        """Put a signature that was computed again in the place of one that was of no use."""
        update = (
            "UPDATE frame SET height = ?, width = ?, signature = ? WHERE entry_id ="
            f" (SELECT id FROM entry WHERE {IS_CAPTURE})"
        )
        self.write(
            lambda db: db.execute(update, [kept.height, kept.width, kept.signature, *capture_columns(kept.capture)])
        )

    def location(self, capture: Capture) -> Path:
        """Where the file of *capture* is now: its own path, or the place a hook gave it."""
        rows = self.rows(f"SELECT location FROM entry WHERE {IS_CAPTURE}", capture_columns(capture))
        return path_of(rows[0]["location"]) if rows else capture.path

    def kept_location(self, capture: Capture) -> Path:
        """Where the file of *capture* is now, while its screen is a distinct one.

        Raises:
            GoneError: it is not, or no longer.
        """
        rows = self.rows(f"SELECT location FROM entry WHERE {IS_CAPTURE} AND {STAYS}", capture_columns(capture))
        if not rows:
            raise GoneError(f"{capture.path.name} is no distinct screen any more")
        return path_of(rows[0]["location"])

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
            [*path_columns(path), os.fsencode(path)],
        )
        return [entry_of(row) for row in rows]

    def entries(  # noqa: PLR0913 - one for each condition that people ask for
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: Kind | None = None,
        display: int | None = None,
        state: State | None = None,
        limit: int = -1,
    ) -> Iterator[Entry]:
        """The last *limit* entries (-1: all) that match all that is given, oldest first.

        *since* is the first time of capture that matches, *until* the first one after it that does not.
        """
        conditions = {
            "taken_at >= ?": since and since.isoformat(),
            "taken_at < ?": until and until.isoformat(),
            "kind = ?": kind,
            "display = ?": display,
            "state = ?": state,
        }
        given = {sql: value for sql, value in conditions.items() if value is not None}
        inner = f"SELECT id FROM entry WHERE {' AND '.join(given) or 'TRUE'} ORDER BY id DESC LIMIT ?"
        ids = [row[0] for row in reversed(self.rows(inner, [*given.values(), limit]))]
        for first in range(0, len(ids), _BATCH):
            numbers = ",".join(map(str, ids[first : first + _BATCH]))
            yield from map(entry_of, self.rows(f"{_ENTRY} WHERE entry.id IN ({numbers}) ORDER BY entry.id"))

    def count(self) -> int:
        """How many entries there are."""
        return int(self.rows("SELECT count(*) FROM entry")[0][0])

    # --- the running watcher, as evidence ---

    def write_heartbeat(self, root: Path, heartbeat: Heartbeat) -> None:
        """Write down what the watcher of *root* last found."""

        def change(db: Transaction) -> None:
            db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
            db.execute(
                "UPDATE root SET report = ? WHERE path = ?", [json.dumps(heartbeat.as_json()), os.fsencode(root)]
            )

        self.write(change)

    def heartbeat(self, root: Path) -> Heartbeat:
        """What the watcher of *root* last wrote about itself; empty if it never did."""
        rows = self.rows("SELECT report FROM root WHERE path = ?", [os.fsencode(root)])
        return Heartbeat.from_json(json.loads(rows[0]["report"])) if rows else Heartbeat()


def _leave_to_sweep(db: Transaction, root: Path, captures: Iterable[Capture]) -> None:
    db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
    db.executemany(
        "INSERT OR IGNORE INTO baseline (folder, name, size, mtime_ns) SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS"
        " (SELECT 1 FROM entry WHERE folder = ?1 AND name = ?2 AND size = ?3 AND mtime_ns = ?4)",
        map(capture_columns, captures),
    )
