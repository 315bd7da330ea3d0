"""What the ledger says of pictures: their entries, by what they are and where they lie."""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from sqlite3 import Row

from watcher.errors import GoneError
from watcher.ledger.conditions import AMONG, HAS_PICTURE, OF_ROOT, STAYS
from watcher.ledger.database import Database
from watcher.ledger.places import NO_ROOT, homes, numbers_of, relative
from watcher.ledger.rows import NEAR_CAPTURE, entry_of, location_of, path_of
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind

_BATCH = 500
"""Rows read at a time: a ledger of years is never in memory as a whole."""
_MISSED = "(state = 'missing' AND mirror_id IS NOT NULL)"
"""The picture had been set aside, and is not there."""
_ENTRY = f"""
    SELECT entry.*, policy.json AS policy, {NEAR_CAPTURE}
    FROM located AS entry JOIN policy ON policy.id = entry.policy_id
    LEFT JOIN picture AS near ON near.id = entry.nearest_id
"""


class Questions(Database):
    """A ledger that can be asked about its entries."""

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
                "SELECT id FROM picture WHERE root_id = ? AND folder = ? AND name = ? ORDER BY id DESC",
                [root_id, folder, os.fsencode(path.name)],
            )
        ]

    def with_bytes(self, root: Path, capture: Capture) -> list[Entry]:
        """The entries of *root* on pictures with the bytes of *capture*, and its mtime or a person's wish to keep them.

        Bytes alone would not do: a screen on which nothing moves is captured with the same bytes again and again.
        """
        rows = self.rows(
            "SELECT entry.id FROM picture AS entry JOIN root ON root.id = root_id WHERE root.path = ? AND digest = ?"
            " AND (mtime_ns = ? OR 'restored' IN (state, becomes)) ORDER BY mtime_ns = ? DESC, entry.id DESC",
            [os.fsencode(root), capture.digest, capture.mtime_ns, capture.mtime_ns],
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
            "SELECT id FROM picture WHERE location = ?3 AND (?1 = 0 OR (root_id = ?1 AND mirror_id IS ?2)) UNION"
            " SELECT id FROM picture WHERE state = 'moving' AND target = ?3"
            " AND (?1 = 0 OR (root_id = ?1 AND target_mirror_id IS ?2))"
        )
        return [row[0] for place in [*places, (NO_ROOT, None, os.fsencode(path))] for row in self.rows(sql, place)]

    def is_known(self, path: Path) -> bool:
        """Whether a picture that lies at *path*, or is on its way there, is in the ledger."""
        return bool(self._lying_at(path))

    def entries(  # noqa: PLR0913 - one for each condition that people ask for
        self,
        root: Path | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kind: Kind | None = None,
        display: int | None = None,
        state: State | None = None,
        limit: int = -1,
    ) -> Iterator[Entry]:
        """The last *limit* entries (-1: all) that match all that is given, of *root* or of all roots, oldest first.

        *since* is the first time of capture that matches, *until* the first one after it that does not.
        """
        conditions = {
            OF_ROOT: root and os.fsencode(root),
            "taken_at >= ?": since and since.isoformat(),
            "taken_at < ?": until and until.isoformat(),
            "kind = ?": kind,
            "display = ?": display,
            "state = ?": state,
        }
        given = {sql: value for sql, value in conditions.items() if value is not None}
        inner = f"SELECT id FROM picture WHERE {' AND '.join(given) or 'TRUE'} ORDER BY id DESC LIMIT ?"
        ids = [row[0] for row in reversed(self.rows(inner, [*given.values(), limit]))]
        return self._entries(ids)

    def restorable(self) -> Iterator[Entry]:
        """The entries whose picture is in quarantine or on its way, or was missed there, oldest first."""
        rows = self.rows(f"SELECT id FROM picture WHERE state IN ('quarantined', 'moving') OR {_MISSED} ORDER BY id")
        return self._entries([row[0] for row in rows])

    def _entries(self, numbers: list[int]) -> Iterator[Entry]:
        """The entries with these ids, in ascending order."""
        return map(entry_of, self.rows_among(f"{_ENTRY} WHERE entry.id {AMONG} ORDER BY entry.id", numbers))

    def rows_among(self, sql: str, numbers: Sequence[int]) -> Iterator[Row]:
        """The rows of a statement that asks for those :data:`~watcher.ledger.conditions.AMONG` *numbers*, in batches.

        Raises:
            FaultError: the ledger cannot be read, and patience has ended.
        """
        for first in range(0, len(numbers), _BATCH):
            yield from self.rows(sql, [json.dumps(numbers[first : first + _BATCH])])

    def missed_aside(self, root: Path) -> list[Entry]:
        """The entries of *root* whose picture was set aside, and is missing."""
        rows = self.rows(f"SELECT id FROM located WHERE root_path = ? AND {_MISSED}", [os.fsencode(root)])
        return [self.entry(row[0]) for row in rows]

    def count(self) -> int:
        """How many entries there are."""
        return int(self.rows("SELECT count(*) FROM picture")[0][0])

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
