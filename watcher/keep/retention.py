"""Retention: a watcher purges its quarantine by itself, if the user has switched that on.

Age is counted in days on which the watcher was seen running, so that a clock that jumps makes nothing old.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from watcher.keep.custody import Patience, insist
from watcher.keep.deletion import Candidate
from watcher.keep.purge import Limits, Purge, Tally
from watcher.ledger.ledger import Ledger
from watcher.settings.settings import Settings
from watcher.terminal.console import told

_DAY_SECONDS = 20 * 3600.0
"""What must have passed between two days at least; less than a day, for days begin when they are first seen."""
_OF_ROOT = "root_id = (SELECT id FROM root WHERE path = ?)"


def elapsed() -> float:
    """Seconds of a clock that nobody can set, and that runs on while the machine sleeps."""
    if not hasattr(time, "clock_gettime"):
        return time.monotonic()  # Windows, where it does so by itself
    # On Linux the monotonic clock sleeps as well; on macOS it is Python's own that does.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Days:
    """The days on which a watcher of *root* ran, and how old entries are in such days.

    A jump of the clock adds one day at most: a date counts once, and not before 20 hours have passed on a clock that
    cannot be set. An entry's age is the number of days that began after it was recorded, whatever time it bears.
    """

    def __init__(self, ledger: Ledger, root: Path) -> None:
        self._ledger = ledger
        self._root = os.fsencode(root)
        self._today: date | None = None
        self._began = -math.inf

    def see(self, today: date, now: float) -> bool:
        """Count *today* if it can be a new day; whether it is counted. *now* is in seconds of :func:`elapsed`.

        Raises:
            FaultError: the ledger refuses.
        """
        if today == self._today:
            return True
        if now - self._began < _DAY_SECONDS:
            return False
        with self._ledger.transaction() as db:
            db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [self._root])
            db.execute(
                "INSERT OR IGNORE INTO day (root_id, date, last_entry)"
                " SELECT id, ?, (SELECT coalesce(max(id), 0) FROM entry) FROM root WHERE path = ?",
                [today.isoformat(), self._root],
            )
        self._today, self._began = today, now
        return True

    def older_than(self, days: int) -> int:
        """The last entry that is older than *days* days, and with it all before; 0 if none is."""
        rows = self._ledger.rows(
            f"SELECT last_entry FROM day WHERE {_OF_ROOT} ORDER BY id DESC LIMIT 1 OFFSET ?", [self._root, days]
        )
        return int(rows[0][0]) if rows else 0

    def is_done(self, today: date) -> bool:
        """Whether retention has done its work on this day."""
        return bool(
            self._ledger.rows(f"SELECT 1 FROM day WHERE {_OF_ROOT} AND date = ? AND purged", [self._root, str(today)])
        )

    def done(self, today: date) -> None:
        """Write down that retention has done its work on this day."""
        with self._ledger.transaction() as db:
            db.execute(f"UPDATE day SET purged = 1 WHERE {_OF_ROOT} AND date = ?", [self._root, str(today)])


class Retention:
    """Purges a little whenever there is nothing else to do, until the day's work is done."""

    def __init__(self, ledger: Ledger, settings: Settings, patience: Patience, say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._settings = settings
        self._patience = patience
        self._say = say
        self._days = Days(ledger, settings.root)
        self._checked: date | None = None
        self._at_work: Iterator[None] = iter(())

    def idle(self) -> None:
        """Called when nothing else is to be done, at least every second."""
        self.look(date.today(), elapsed())

    def look(self, today: date, now: float) -> None:
        """As on *today*, *now* seconds on the clock of :func:`elapsed`: begin the day's work, or go on with it.

        Raises:
            FaultError: disk or ledger refuse, and there was no waiting for it.
        """
        counted = insist(partial(self._days.see, today, now), self._patience)
        if counted and self._checked != today:
            self._checked = today
            self._at_work = self._work(today)
        next(self._at_work, None)

    def _work(self, today: date) -> Iterator[None]:
        retention = self._settings.retention
        if not retention.is_on or insist(partial(self._days.is_done, today), self._patience):
            return
        purge = Purge(self._ledger, self._settings.root, self._settings.quarantine_dir, self._limits())
        tally = Tally()
        for outcomes in purge.carry_out(self._patience):
            tally.count(outcomes)
            yield  # captures come first
        insist(partial(self._days.done, today), self._patience)
        if tally.purged.files or tally.refused:
            self._say(f"retention: {told(tally.purged)} purged{tally.refusals and f'; {tally.refusals}'}")

    def _limits(self) -> Limits:
        retention = self._settings.retention
        last = insist(partial(self._days.older_than, retention.days), self._patience) if retention.days else 0

        def is_old(one: Candidate) -> bool:
            return one.number <= last

        return Limits(is_old, last, retention.max_bytes or math.inf)
