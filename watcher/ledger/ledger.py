"""What was decided and where each file is: the truth of framesift."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from watcher.errors import FaultError, KnownError
from watcher.health.heartbeat import Heartbeat
from watcher.ledger import stored_windows as windows
from watcher.ledger.conditions import AMONG
from watcher.ledger.entries import (
    insert_entry,
    judge_anew,
    number_of,
    settle_nothing,
)
from watcher.ledger.fates import Fates, lose
from watcher.ledger.places import entered, homes, relative
from watcher.ledger.rows import Transaction, kept_of, path_of
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Verdict

_FEW = 500
"""The most names that one statement asks for: an older SQLite takes no more than 999 values."""
_KEPT = f"""
    SELECT entry.id, root_path, folder, name, size, mtime_ns, digest, display, taken_at, height, width,
           signature, checksum
    FROM frame JOIN located AS entry ON entry.id = frame.entry_id WHERE frame.entry_id {AMONG}
"""


class Ledger(Fates):
    """The ledger of all roots of one state folder. Every public method is one transaction, durable when it returns."""

    # --- what is known of a root ---

    def knows_root(self, root: Path) -> bool:
        """Whether a watcher has started on *root* before."""
        return bool(self.rows("SELECT 1 FROM root WHERE path = ? AND adopted", [os.fsencode(root)]))

    def roots(self) -> list[Path]:
        """The roots that a watcher has seen, or of which pictures are known, by their names."""
        of_pictures = "EXISTS (SELECT 1 FROM picture WHERE root_id = root.id)"
        known = f"SELECT path FROM root WHERE adopted OR {of_pictures} ORDER BY path"
        return [path_of(row["path"]) for row in self.rows(known)]

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

    def take_over_windows(self, root: Path) -> bool:
        """If the windows of the watcher of *root* are empty, let them be those of its sweeps; whether that was done."""

        def change(db: Transaction) -> bool:
            own, others = Timeline(root), Timeline(root, "sweep")
            if not windows.are_empty(db, own) or windows.are_empty(db, others):
                return False
            windows.take_over(db, own, others)
            return True

        return self.write(change)

    def leave_to_sweep(self, root: Path, captures: Iterable[Capture]) -> None:
        """No watcher judges *captures*: a sweep does, now or when it goes on."""
        found = list(captures)
        self.write(lambda db: _leave_to_sweep(db, root, found))

    def settle(self, root: Path, capture: Capture, instead_of: Iterable[Path] = ()) -> None:
        """Never judge what is at the path of *capture*, in *root*: the user has brought it back, or put it there.

        So it is no longer with what comes to the places *instead_of* this one, from which it was taken.
        """

        def made(db: Transaction) -> None:
            for path in (capture.path, *instead_of):
                settle_nothing(db, path)
            values = [entered(db, root), *_listed(root, capture)]
            db.execute("INSERT INTO baseline VALUES (?, ?, ?, ?, ?, 1, ?)", [*values, capture.digest or None])

        self.write(made)

    def is_settled(self, path: Path) -> bool:
        """Whether the user has brought back what is at *path*, when no ledger knew it."""
        return self._in_baseline(path, "settled")

    def settled_with(self, root: Path, digest: bytes) -> list[Path]:
        """Where in *root* pictures with this digest were that the user brought back when no ledger knew them."""
        rows = self.rows(
            "SELECT folder, name FROM baseline JOIN root ON root.id = root_id"
            " WHERE path = ? AND settled AND digest = ?",
            [os.fsencode(root), digest],
        )
        return [root / path_of(row[0]) / os.fsdecode(row[1]) for row in rows]

    def is_left_to_sweep(self, capture: Capture) -> bool:
        """Whether *capture* was there before the first start, whatever its mtime was then."""
        return self._in_baseline(capture.path, "NOT settled AND size = ?", capture.size)

    def _in_baseline(self, path: Path, condition: str, *values: int) -> bool:
        sql = f"SELECT 1 FROM baseline WHERE root_id = ? AND folder = ? AND name = ? AND {condition}"
        name = os.fsencode(path.name)
        return any(self.rows(sql, [*home, name, *values]) for home in homes(self.rows, path.parent))

    def known(self, folder: Path, names: Sequence[bytes] = ()) -> set[tuple[bytes, int, int]]:
        """The (name, size, mtime_ns) of everything in *folder* that a watcher passes over; of a few *names* alone.

        Not of what the ledger believes to be elsewhere: if it lies here again, that is worth a look.
        """
        few = names if len(names) <= _FEW else ()
        at_home = "state IN ('kept', 'restored', 'moving')"
        return self._in_folder(folder, "picture", at_home, few) | self._in_folder(folder, "baseline", "TRUE", few)

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
            db.execute(
                "INSERT INTO mirror (root_id, path, disk) VALUES (?, ?, ?)"
                " ON CONFLICT (root_id, path) DO UPDATE SET disk = excluded.disk",
                [entered(db, root), os.fsencode(mirror), disk],
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
            before: the entry that is judged anew; or else what was at its path before, so that it is restored, and
                what lay there is lost.

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
            for entry in self.at_home(verdict.capture.path) if before else ():
                if entry.location == verdict.capture.path and entry.state in (State.KEPT, State.RESTORED):
                    lose(db, entry, "was changed by hand")
            return insert_entry(db, timeline, verdict, move, before)
        entry = before or self.entry(known)
        if entry.id != known or not self.is_to_judge(entry, timeline):
            raise KnownError(f"{verdict.capture.path.name} was judged already")
        judge_anew(db, timeline, verdict, move, entry)
        return known

    def is_to_judge(self, entry: Entry, timeline: Timeline) -> bool:
        """Whether the round of *timeline* has not judged *entry* yet."""
        return bool(self.rows("SELECT 1 FROM picture WHERE id = ? AND round < ?", [entry.id, timeline.round]))

    # --- windows ---

    def frames(self, timeline: Timeline, window: int) -> list[KeptFrame]:
        """The frames of all windows of *timeline*, most recently used first; at most *window* in each.

        With 0 these are all kept frames of the root, whichever timeline kept them.
        """
        values = [timeline.name, os.fsencode(timeline.root)]
        chosen = self.rows(windows.PLACED, [*values, window]) if window else self.rows(windows.KEPT, values)
        ids = [row["entry_id"] for row in chosen]
        # The signatures are fetched afterwards: sorting rows that carry them takes longer than all the rest.
        kept = {row["id"]: kept_of(row) for row in self.rows_among(_KEPT, ids)}
        return [kept[number] for number in ids]

    def frame_of(self, entry: Entry) -> KeptFrame | None:
        """What is kept of the frame of *entry*; None if nothing is."""
        rows = self.rows(_KEPT, [json.dumps([entry.id])])
        return kept_of(rows[0]) if rows else None

    def renew(self, kept: KeptFrame) -> None:
        """Put a signature that was computed again in the place of one that was of no use."""

        def made(db: Transaction) -> None:
            update = "UPDATE frame SET height = ?, width = ?, signature = ?, checksum = ? WHERE entry_id = ?"
            db.execute(update, [*kept.shows(), number_of(db, kept.capture)])

        self.write(made)

    # --- the running watcher, as evidence ---

    def write_heartbeat(self, root: Path, heartbeat: Heartbeat) -> None:
        """Write down what the watcher of *root* last found."""

        def change(db: Transaction) -> None:
            values = [json.dumps(heartbeat.as_json()), entered(db, root)]
            db.execute("UPDATE root SET report = ? WHERE id = ?", values)

        self.write(change)

    def heartbeat(self, root: Path) -> Heartbeat:
        """What the watcher of *root* last wrote about itself; empty if it never did.

        Raises:
            FaultError: it is damaged, in a way that SQLite does not see.
        """
        rows = self.rows("SELECT report FROM root WHERE path = ?", [os.fsencode(root)])
        try:
            return Heartbeat.from_json(json.loads(rows[0]["report"])) if rows else Heartbeat()
        except (ValueError, TypeError, AttributeError) as error:
            raise FaultError(f"the ledger is damaged: what it says of {root} cannot be ({error})") from error


def _leave_to_sweep(db: Transaction, root: Path, captures: Iterable[Capture]) -> None:
    number = entered(db, root)
    insert = "INSERT OR IGNORE INTO baseline VALUES (?, ?, ?, ?, ?, 0, NULL)"
    db.executemany(insert, ([number, *_listed(root, one)] for one in captures if number_of(db, one) is None))


def _listed(root: Path, capture: Capture) -> list[Any]:
    """Folder, name, size and mtime_ns of *capture*, as the baseline of *root* keeps them."""
    folder = relative(capture.path.parent, root)
    return [folder, os.fsencode(capture.path.name), capture.size, capture.mtime_ns]
