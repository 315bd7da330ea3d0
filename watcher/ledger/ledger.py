"""What was decided and where each file is: the truth of framesift."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.errors import GoneError, KnownError, StaleError
from watcher.health.heartbeat import Heartbeat
from watcher.ledger import stored_windows as windows
from watcher.ledger.conditions import AMONG, HAS_PICTURE, STAYS
from watcher.ledger.database import Database
from watcher.ledger.entries import (
    content_columns,
    insert_entry,
    judge_anew,
    number_of,
    settle_nothing,
    target_columns,
)
from watcher.ledger.places import NO_ROOT, homes, numbers_of, placed, relative, root_number
from watcher.ledger.rows import NEAR_CAPTURE, Transaction, entry_of, kept_of, location_of, path_of
from watcher.ledger.transitions import change
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Verdict

_BATCH = 500
"""Entries read at a time: a ledger of years is never in memory as a whole."""
_ENTRY = f"""
    SELECT entry.*, policy.json AS policy, {NEAR_CAPTURE}
    FROM located AS entry JOIN policy ON policy.id = entry.policy_id
    LEFT JOIN entry AS near ON near.id = entry.nearest_id
"""
_KEPT = f"""
    SELECT entry.id, root_path, folder, name, size, mtime_ns, digest, display, taken_at, height, width, signature
    FROM frame JOIN located AS entry ON entry.id = frame.entry_id WHERE frame.entry_id {AMONG}
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

    def settle(self, root: Path, capture: Capture) -> None:
        """Never judge what is at the path of *capture*, in *root*: the user has brought it back, or put it there."""

        def made(db: Transaction) -> None:
            db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
            settle_nothing(db, capture.path)
            values = [root_number(db.execute, root), *_listed(root, capture)]
            db.execute("INSERT INTO baseline VALUES (?, ?, ?, ?, ?, 1)", values)

        self.write(made)

    def is_settled(self, path: Path) -> bool:
        """Whether the user has brought back what is at *path*, when no ledger knew it."""
        return any(
            self.rows(
                "SELECT 1 FROM baseline WHERE root_id = ? AND folder = ? AND name = ? AND settled",
                [root_id, folder, os.fsencode(path.name)],
            )
            for root_id, folder in homes(self.rows, path.parent)
        )

    def is_left_to_sweep(self, capture: Capture) -> bool:
        """Whether *capture* was there before the first start, whatever its mtime was then."""
        return any(
            self.rows(
                "SELECT 1 FROM baseline WHERE root_id = ? AND folder = ? AND name = ? AND size = ? AND NOT settled",
                [root_id, folder, os.fsencode(capture.path.name), capture.size],
            )
            for root_id, folder in homes(self.rows, capture.path.parent)
        )

    def known(self, folder: Path, names: Sequence[bytes] = ()) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that a watcher passes over; of a few *names* alone.

        Not of what the ledger believes to be elsewhere: if it lies here again, that is worth a look.
        """
        few = names if len(names) <= _BATCH else ()
        at_home = "state IN ('kept', 'restored', 'moving')"
        return self._in_folder(folder, "entry", at_home, few) | self._in_folder(folder, "baseline", "TRUE", few)

    def left_to_sweep(self, folder: Path) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that a sweep is to judge."""
        return self._in_folder(folder, "baseline", "NOT settled")

    def _in_folder(
        self, folder: Path, table: str, condition: str, names: Sequence[bytes] = ()
    ) -> set[tuple[bytes, int, int]]:
        sql = f"SELECT name, size, mtime_ns FROM {table} WHERE root_id = ? AND folder = ? AND {condition}"
        if names:
            sql += f" AND name IN ({', '.join('?' * len(names))})"
        found = (self.rows(sql, [*home, *names]) for home in homes(self.rows, folder))
        return {(row[0], row[1], row[2]) for rows in found for row in rows}

    # --- the folders that take pictures of a root ---

    def mirrors(self, root: Path) -> dict[Path, str]:
        """The quarantine of *root* and the like, each with the disk on which it was seen last; empty for none yet."""
        rows = self.rows(
            "SELECT mirror.path, disk FROM mirror JOIN root ON root.id = root_id WHERE root.path = ?",
            [os.fsencode(root)],
        )
        return {path_of(row[0]): row[1] for row in rows}

    def see_mirror(self, root: Path, mirror: Path, disk: str) -> None:
        """Write down that *mirror* takes pictures of *root*, and on which *disk* it is."""

        def made(db: Transaction) -> None:
            db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
            db.execute(
                "INSERT INTO mirror (root_id, path, disk) VALUES (?, ?, ?)"
                " ON CONFLICT (root_id, path) DO UPDATE SET disk = excluded.disk",
                [root_number(db.execute, root), os.fsencode(mirror), disk],
            )

        self.write(made)

    # --- decisions ---

    def record(
        self,
        timeline: Timeline,
        verdict: Verdict,
        admitted: KeptFrame | None,
        move: Move | None,
        before: Entry | None = None,
    ) -> Entry:
        """Write down a verdict, what it changes in its window, and the move it leads to, all or nothing.

        A kill right after this leaves a MOVING row, which the next start finishes; a kill before it leaves nothing,
        and the capture is judged again from the same window.

        Args:
            timeline: whose windows are changed.
            verdict: on a capture that has no entry or, if *timeline* judges anew, an older one.
            admitted: what is kept of its frame if it stays.
            move: where its file goes.
            before: the entry that is judged anew; or else what was at its path before, so that it is restored.

        Raises:
            KnownError: the capture has an entry, and it is not *before*, or no longer.
            NearestGoneError: what it duplicates is no longer kept.
        """

        def made(db: Transaction) -> Entry:
            number = self._written(db, timeline, verdict, move, before)
            if admitted is not None:
                windows.admit(db, timeline, number, admitted, verdict.policy.window)
            else:
                windows.forget(db, number)
            nearest = verdict.score.nearest
            if verdict.kind is Kind.DUPLICATE and nearest and (shown := number_of(db, nearest)):
                windows.touch(db, timeline, shown)
            # Inside the transaction: after the commit, a read that fails would have all of it done once more.
            return self.entry(number)

        return self.write(made)

    def _written(
        self, db: Transaction, timeline: Timeline, verdict: Verdict, move: Move | None, before: Entry | None
    ) -> int:
        known = number_of(db, verdict.capture)
        if known is None:
            return insert_entry(db, timeline, verdict, move, before)
        entry = before or self.entry(known)
        if entry.id != known or not self._is_judged_anew(known, timeline):
            raise KnownError(f"{verdict.capture.path.name} was judged already")
        judge_anew(db, timeline, verdict, move, entry)
        return known

    def _is_judged_anew(self, number: int, timeline: Timeline) -> bool:
        return bool(self.rows("SELECT 1 FROM entry WHERE id = ? AND round < ?", [number, timeline.round]))

    def intend(self, entry: Entry, move: Move) -> Entry:
        """Write down that the picture of *entry*, which is in quarantine, is about to be restored.

        Raises:
            StaleError: the row is no longer what it was when *entry* was read. So it is for all that follow.
        """

        def made(db: Transaction) -> Entry:
            (row,) = db.execute("SELECT root_id FROM entry WHERE id = ?", [entry.id])
            change(db, entry, "restore", State.MOVING, move.becomes, **target_columns(db, row[0], move))
            return self.entry(entry.id)

        return self.write(made)

    def confirm(self, entry: Entry) -> Entry:
        """Write down that the move of *entry* is done."""
        if entry.target is None or entry.becomes is None:
            raise ValueError(f"entry {entry.id} is not moving")
        state, target = entry.becomes, entry.target

        def made(db: Transaction) -> Entry:
            (row,) = db.execute("SELECT root_id FROM entry WHERE id = ?", [entry.id])
            mirror, location = placed(db.execute, row[0], target)
            change(db, entry, "arrive", state, mirror_id=mirror, location=location)
            return self.entry(entry.id)

        return self.write(made)

    def give_up(self, entry: Entry, state: State, note: str) -> Entry:
        """Write down that the move of *entry* does not take place, and why."""
        return self._changed(entry, "lose" if state is State.MISSING else "stay", state, note=note)

    def find(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that the picture of *entry*, which was missing, lies where the capture job wrote it."""
        return self._at_home(entry, "find", entry.becomes or State.KEPT, capture)

    def bring_back(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that a person has brought the picture of *entry* back into its root, as *capture*."""
        return self._at_home(entry, "bring back", State.RESTORED, capture)

    def release(self, entry: Entry) -> Entry:
        """Write down that the picture of *entry*, which was restored, may be judged again."""
        return self._changed(entry, "release", State.KEPT)

    def learn(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that the picture of *entry* has times and bytes of *capture* and, if it is at home, its path."""

        def made(db: Transaction) -> Entry:
            bump = "UPDATE entry SET version = version + 1 WHERE id = ? AND version = ?"
            if not db.execute(bump, [entry.id, entry.version]).rowcount:
                raise StaleError(f"{entry.verdict.capture.path.name} has been dealt with otherwise meanwhile")
            self._set_content(db, entry, capture, is_home=entry.location == entry.verdict.capture.path)
            return self.entry(entry.id)

        return self.write(made)

    def _at_home(self, entry: Entry, name: str, state: State, capture: Capture) -> Entry:
        def made(db: Transaction) -> Entry:
            change(db, entry, name, state, note="")
            self._set_content(db, entry, capture, is_home=True)
            return self.entry(entry.id)

        return self.write(made)

    def _set_content(self, db: Transaction, entry: Entry, capture: Capture, *, is_home: bool) -> None:
        columns = content_columns(capture)
        if is_home:
            home = {"folder": relative(capture.path.parent, entry.root), "name": os.fsencode(capture.path.name)}
            columns |= home | {"location": relative(capture.path, entry.root), "mirror_id": None}
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE entry SET {names} WHERE id = ?", [*columns.values(), entry.id])

    def _changed(self, entry: Entry, name: str, state: State, **values: Any) -> Entry:
        def made(db: Transaction) -> Entry:
            change(db, entry, name, state, **values)
            if state is State.MISSING:
                windows.leave(db, entry.id)
            return self.entry(entry.id)

        return self.write(made)

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

    def lose(self, entry: Entry, note: str = "") -> Entry:
        """Write down that the file of *entry* is gone, so that nothing can be a duplicate of it any more."""
        found = State.RESTORED if entry.state is State.RESTORED else None
        return self._changed(entry, "lose", State.MISSING, becomes=found, note=note)

    def renew(self, kept: KeptFrame) -> None:
        """Put a signature that was computed again in the place of one that was of no use."""

        def made(db: Transaction) -> None:
            update = "UPDATE frame SET height = ?, width = ?, signature = ? WHERE entry_id = ?"
            db.execute(update, [kept.height, kept.width, kept.signature, number_of(db, kept.capture)])

        self.write(made)

    def location(self, capture: Capture) -> Path:
        """Where the file of *capture* is now: its own path, or the place a hook gave it."""
        entry = self.on(capture)
        return entry.location if entry else capture.path

    def kept_location(self, capture: Capture) -> Path:
        """Where the file of *capture* is now, while its screen is a distinct one.

        Raises:
            GoneError: it is not, or no longer.
        """
        numbers = json.dumps(numbers_of(self.rows, capture))
        rows = self.rows(f"SELECT * FROM located WHERE id {AMONG} AND {STAYS}", [numbers])
        if not rows:  # a person may have given it another name
            same = f"root_id IN (SELECT id FROM root) AND digest = ? AND {STAYS} AND {HAS_PICTURE}"
            rows = self.rows(f"SELECT * FROM located WHERE {same}", [capture.digest])
        if not rows:
            raise GoneError(f"{capture.path.name} is no distinct screen any more")
        return location_of(rows[0])

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

    def on(self, capture: Capture) -> Entry | None:
        """The entry on what is, or was, at the path of *capture*, with its bytes if they are known, or None."""
        numbers = numbers_of(self.rows, capture)
        return self.entry(numbers[0]) if numbers else None

    def at_home(self, path: Path) -> list[Entry]:
        """The entries on whatever was captured at *path*, or brought back there, latest first."""
        return [
            self.entry(row[0])
            for root_id, folder in homes(self.rows, path.parent)
            for row in self.rows(
                "SELECT id FROM entry WHERE root_id = ? AND folder = ? AND name = ? ORDER BY id DESC",
                [root_id, folder, os.fsencode(path.name)],
            )
        ]

    def with_bytes(self, root: Path, capture: Capture) -> list[Entry]:
        """The entries of *root* on files with the bytes, the size and the mtime of *capture*, wherever they are."""
        rows = self.rows(
            "SELECT entry.id FROM entry JOIN root ON root.id = root_id"
            " WHERE root.path = ? AND digest = ? AND size = ? AND mtime_ns = ? ORDER BY entry.id DESC",
            [os.fsencode(root), capture.digest, capture.size, capture.mtime_ns],
        )
        return [self.entry(row[0]) for row in rows]

    def moving(self, root: Path | None = None) -> list[Entry]:
        """The entries of *root*, or of all roots, whose move was begun and not confirmed."""
        of_root, values = ("", []) if root is None else ("AND entry.root_path = ?", [os.fsencode(root)])
        rows = self.rows(f"{_ENTRY} WHERE entry.state = 'moving' {of_root} ORDER BY entry.id", values)
        return [entry_of(row) for row in rows]

    def about(self, path: Path) -> list[Entry]:
        """All entries on the file that was at *path* when it was captured, or is there now, oldest first."""
        numbers = {entry.id for entry in self.at_home(path)} | set(self._lying_at(path))
        return [self.entry(number) for number in sorted(numbers)]

    def _lying_at(self, path: Path) -> list[int]:
        """The ids of the entries whose file is at *path* now, or on its way there."""
        bases = self.rows("SELECT id, NULL, path FROM root UNION ALL SELECT root_id, id, path FROM mirror")
        places = [
            (row[0], row[1], relative(path, path_of(row[2]))) for row in bases if path.is_relative_to(path_of(row[2]))
        ]
        sql = (
            "SELECT id FROM entry WHERE location = ?3 AND (?1 = 0 OR (root_id = ?1 AND mirror_id IS ?2)) UNION"
            " SELECT id FROM entry WHERE state = 'moving' AND target = ?3"
            " AND (?1 = 0 OR (root_id = ?1 AND target_mirror_id IS ?2))"
        )
        return [row[0] for place in [*places, (NO_ROOT, None, os.fsencode(path))] for row in self.rows(sql, place)]

    def is_known(self, path: Path) -> bool:
        """Whether a picture that lies at *path*, or is on its way there, is in the ledger."""
        return bool(self._lying_at(path))

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
        return self._entries(ids)

    def _entries(self, numbers: list[int]) -> Iterator[Entry]:
        """The entries with these ids, in ascending order, read some at a time."""
        for first in range(0, len(numbers), _BATCH):
            some = json.dumps(numbers[first : first + _BATCH])
            yield from map(entry_of, self.rows(f"{_ENTRY} WHERE entry.id {AMONG} ORDER BY entry.id", [some]))

    def restorable(self) -> Iterator[Entry]:
        """The entries whose picture is in quarantine or on its way, oldest first."""
        numbers = [
            row[0] for row in self.rows("SELECT id FROM entry WHERE state IN ('quarantined', 'moving') ORDER BY id")
        ]
        return self._entries(numbers)

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
    number = root_number(db.execute, root)
    insert = "INSERT OR IGNORE INTO baseline VALUES (?, ?, ?, ?, ?, 0)"
    db.executemany(insert, ([number, *_listed(root, one)] for one in captures if number_of(db, one) is None))


def _listed(root: Path, capture: Capture) -> list[Any]:
    """Folder, name, size and mtime_ns of *capture*, as the baseline of *root* keeps them."""
    folder = relative(capture.path.parent, root)
    return [folder, os.fsencode(capture.path.name), capture.size, capture.mtime_ns]
