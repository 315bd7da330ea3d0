"""The days on which a watcher ran: the clock of retention, which no jump of the system's clock sets."""

import math
import os
from datetime import date
from pathlib import Path

from watcher.ledger.conditions import OF_ROOT
from watcher.ledger.ledger import Ledger
from watcher.ledger.places import entered
from watcher.ledger.rows import Transaction, path_of

_DAY_SECONDS = 20 * 3600.0
"""What must have passed between two days at least; less than a day, for days begin when they are first seen."""


class Days:
    """The days on which a watcher of *root* ran.

    A jump of the clock adds one day at most: a date counts once, and not before 20 hours have passed on a clock that
    cannot be set; across starts of the watcher too, where the system tells one boot from another. A picture's age is
    the number of days that began after it was quarantined, whatever time it bears.
    """

    def __init__(self, ledger: Ledger, root: Path, boot: str = "") -> None:
        """The days of *root* in the *ledger*; *boot* names the run of the system, empty if that is not known."""
        self._ledger = ledger
        self._root = os.fsencode(root)
        self._boot = boot
        self._today: date | None = None
        self._began = -math.inf

    def see(self, today: date, now: float) -> bool:
        """Count *today* if it can be a new day; whether it is counted.

        *now* is in seconds since the system was started, on a clock that nobody can set.

        Raises:
            FaultError: the ledger refuses.
        """
        if today == self._today:
            return True
        if now - self._began < _DAY_SECONDS:
            return False
        if self._boot and self._today is None and self._is_too_soon(today, now):
            return False

        def change(db: Transaction) -> None:
            db.execute(
                "INSERT OR IGNORE INTO day (root_id, date, boot, began, last_entry)"
                " SELECT ?, ?, ?, ?, coalesce(max(id), 0) FROM picture",
                [entered(db, path_of(self._root)), today.isoformat(), self._boot, now],
            )

        self._ledger.write(change)
        self._today, self._began = today, now
        return True

    def _is_too_soon(self, today: date, now: float) -> bool:
        """Whether an earlier process has seen another day begin in this boot, less than 20 hours ago."""
        last = self._ledger.rows(f"SELECT * FROM day WHERE {OF_ROOT} ORDER BY id DESC LIMIT 1", [self._root])
        if not last or last[0]["boot"] != self._boot or last[0]["date"] == today.isoformat():
            return False
        return now - float(last[0]["began"]) < _DAY_SECONDS

    def begun(self, days: int) -> int:
        """The number of the day that began *days* days ago; 0 if the watcher has not run for so long.

        What was quarantined on an earlier one is older than that.
        """
        rows = self._ledger.rows(
            f"SELECT id FROM day WHERE {OF_ROOT} ORDER BY id DESC LIMIT 1 OFFSET ?", [self._root, days]
        )
        return int(rows[0][0]) if rows else 0

    def is_done(self, today: date) -> bool:
        """Whether retention has done its work on this day."""
        return bool(
            self._ledger.rows(f"SELECT 1 FROM day WHERE {OF_ROOT} AND date = ? AND purged", [self._root, str(today)])
        )

    def done(self, today: date) -> None:
        """Write down that retention has done its work on this day."""
        update = f"UPDATE day SET purged = 1 WHERE {OF_ROOT} AND date = ?"
        self._ledger.write(lambda db: db.execute(update, [self._root, str(today)]))
