"""Totals and last things of one root, read from its ledger."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from watcher.disk.listing import disk_of
from watcher.disk.mirror import Amount
from watcher.errors import FaultError
from watcher.ledger.arrivals import Arrivals
from watcher.ledger.conditions import HAS_PICTURE, LEFT_ROOT, OF_ROOT, STAYS
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import location_of, target_of
from watcher.model.entry import Entry, State
from watcher.model.period import Period
from watcher.model.verdict import Kind

_LATEST = 100
"""So many of the last captures are looked for. If none is in its place, another disk is mounted there."""
_READABLE = "kind != 'unreadable'"


@dataclass(frozen=True, slots=True)
class Savings:
    """The duplicates that left the root: on one day, in its month, and ever."""

    today: Amount = field(default_factory=Amount)
    month: Amount = field(default_factory=Amount)
    ever: Amount = field(default_factory=Amount)

    def __add__(self, other: "Savings") -> "Savings":
        return Savings(self.today + other.today, self.month + other.month, self.ever + other.ever)


@dataclass(frozen=True, slots=True)
class PeriodTotal:
    """What the captures of a period came to."""

    captures: int = 0
    distinct: int = 0
    """Captures that show a distinct screen."""
    saved: Amount = field(default_factory=Amount)
    """Duplicates that left the root."""

    def __add__(self, other: "PeriodTotal") -> "PeriodTotal":
        return PeriodTotal(self.captures + other.captures, self.distinct + other.distinct, self.saved + other.saved)


def is_elsewhere(ledger: Ledger, root: Path) -> bool:
    """Whether *root* is on another disk than a watcher saw it on, and nothing that was kept lies there.

    Raises:
        OSError: it is not there.
    """
    seen = ledger.heartbeat(root).disk
    return seen not in ("", disk_of(root)) and not Totals(ledger, root).has_some_in_place()


class Totals:
    """Questions about one root; every answer is read anew."""

    def __init__(self, ledger: Ledger, root: Path) -> None:
        self._ledger = ledger
        self._root = os.fsencode(root)

    def counts(self) -> dict[Kind, int]:
        """How many captures got which verdict."""
        rows = self._rows(f"SELECT kind, count(*) FROM picture WHERE {OF_ROOT} GROUP BY kind")
        try:
            return dict.fromkeys(Kind, 0) | {Kind(kind): count for kind, count in rows}
        except ValueError as error:
            raise FaultError(f"the ledger is damaged: {error}") from error

    def has_some_in_place(self) -> bool:
        """Whether any of the captures that were kept last is on disk, where the ledger says; also if none ever was.

        If none is, the root's disk may be absent, and the folder another one of that name.
        """
        rows = self._rows(
            f"SELECT * FROM located WHERE {OF_ROOT} AND state = 'kept' ORDER BY id DESC LIMIT ?", [_LATEST]
        )
        return not rows or any(os.path.lexists(location_of(row)) for row in rows)

    def is_there(self) -> bool:
        """Whether the ledger knows any picture of the root."""
        return bool(self._rows(f"SELECT 1 FROM picture WHERE {OF_ROOT} LIMIT 1"))

    def latest_pictures(self, count: int) -> Iterator[Entry]:
        """The last *count* entries whose picture should be in the root, and as many of those in its mirrors."""
        for where in ("mirror_id IS NULL AND state IN ('kept', 'restored')", "state = 'quarantined'"):
            rows = self._rows(f"SELECT id FROM picture WHERE {OF_ROOT} AND {where} ORDER BY id DESC LIMIT ?", [count])
            yield from (self._ledger.entry(row[0]) for row in rows)

    def left_alone(self) -> int:
        """How many captures were there before the first start and are left to ``sweep``."""
        return int(self._rows(f"SELECT count(*) FROM baseline WHERE NOT settled AND {OF_ROOT}")[0][0])

    def saved_bytes(self) -> int:
        """Bytes of the duplicates that have left the root."""
        return sum(savings.ever.bytes for savings in self.savings(date.min).values())

    def savings(self, day: date) -> dict[int, Savings]:
        """The duplicates of each display that have left the root, by when that was decided."""
        spans = [("substr(recorded_at, 1, 10) = ?", str(day)), ("substr(recorded_at, 1, 7) = ?", str(day)[:7])]
        sums = [f"count(CASE WHEN {span} THEN 1 END), total(CASE WHEN {span} THEN size END)" for span, _ in spans]
        rows = self._ledger.rows(
            f"SELECT display, {', '.join(sums)}, count(*), total(size) FROM picture WHERE {OF_ROOT}"
            f" AND {LEFT_ROOT} GROUP BY display",
            [*(value for _, value in spans for _ in range(2)), self._root],
        )
        return {row[0]: Savings(*(Amount(row[n], int(row[n + 1])) for n in (1, 3, 5))) for row in rows}

    def last_of_displays(self) -> list[Entry]:
        """The entry of the last capture of every display, whenever it was judged."""
        arrivals = self._arrivals()
        last = [arrivals.latest(1, "display = ?", display)[0] for display in self._displays()]
        return [self._ledger.entry(row["id"]) for row in last]

    def unchanged(self, display: int) -> tuple[datetime | None, int]:
        """Since when a display shows the same screen, and how many captures ago that was; (None, 0) if it changed."""
        since, count = self._arrivals().run(f"display = ? AND {_READABLE}", display)
        return (datetime.fromisoformat(since), count - 1) if count > 1 else (None, 0)

    def last_news(self) -> tuple[datetime | None, datetime | None]:
        """When the last readable capture was taken, and the last one that showed a distinct screen."""
        arrivals = self._arrivals()
        found = (arrivals.latest(1, condition) for condition in (_READABLE, STAYS))
        last, distinct = (datetime.fromisoformat(rows[0]["taken_at"]) if rows else None for rows in found)
        return last, distinct

    def last_shown(self, count: int) -> dict[int, list[Path]]:
        """By display, the kept pictures of the screens that its last *count* readable captures show, newest first."""
        arrivals = self._arrivals()
        shown = {
            display: arrivals.latest(count, f"display = ? AND {_READABLE}", display) for display in self._displays()
        }
        return {display: [self._ledger.entry(row["shows"]).location for row in rows] for display, rows in shown.items()}

    def set_aside(self) -> dict[Path, State]:
        """The pictures that are in quarantine or on their way, at each place where they may lie."""
        rows = self._rows(f"SELECT * FROM located WHERE {OF_ROOT} AND state IN ('quarantined', 'moving')")
        return {path: State(row["state"]) for row in rows for path in (location_of(row), target_of(row)) if path}

    def orphaned(self) -> dict[Path, Path]:
        """By the place of a kept picture that is gone, the place of a duplicate of it that is in quarantine."""
        rows = self._rows(
            "SELECT near.root_path, near.mirror_path, near.location, max(entry.id) AS id"
            " FROM picture AS entry JOIN located AS near ON near.id = entry.nearest_id"
            f" WHERE entry.{OF_ROOT} AND entry.kind = 'duplicate' AND entry.state = 'quarantined' GROUP BY near.id"
        )
        gone = ((location_of(row), row["id"]) for row in rows if not os.path.lexists(location_of(row)))
        return {place: self._ledger.entry(number).location for place, number in gone}

    def windows(self, window: int) -> dict[int, int]:
        """How many frames the watcher's windows of each display hold, if they are that long (0: without end)."""
        placed = f"SELECT display, count(*) FROM place WHERE {OF_ROOT} AND timeline = 'watch' GROUP BY display"
        kept = (
            f"SELECT display, count(*) FROM picture AS entry JOIN frame ON frame.entry_id = entry.id WHERE {OF_ROOT}"
            f" AND {HAS_PICTURE} GROUP BY display"
        )
        rows = self._rows(placed if window else kept)
        return {row[0]: row[1] for row in rows}

    def of_period(self, period: Period) -> dict[int, PeriodTotal]:
        """What the captures of *period* came to, by display."""
        rows = self._rows(
            f"SELECT display, count(*), sum({STAYS}), sum({LEFT_ROOT}), total(CASE WHEN {LEFT_ROOT} THEN size END)"
            f" FROM picture WHERE {OF_ROOT} AND taken_at >= ? AND taken_at < ? GROUP BY display ORDER BY display",
            [period.begin.isoformat(), period.end.isoformat()],
        )
        return {row[0]: PeriodTotal(row[1], row[2], Amount(row[3], int(row[4]))) for row in rows}

    def recent_times(self, count: int, told: Sequence[int] | None = None) -> list[tuple[int, datetime]]:
        """Display and time of the last *count* captures, oldest first, by what a watcher has *told*."""
        rows = Arrivals(self._ledger, self._root, told).latest(count)
        return [(row["display"], datetime.fromisoformat(row["taken_at"])) for row in reversed(rows)]

    def _arrivals(self) -> Arrivals:
        return Arrivals(self._ledger, self._root)

    def _displays(self) -> list[int]:
        rows = self._rows(f"SELECT DISTINCT display FROM picture WHERE {OF_ROOT} ORDER BY display")
        return [row[0] for row in rows]

    def _rows(self, sql: str, values: Iterable[Any] = ()) -> list[Any]:
        return self._ledger.rows(sql, [self._root, *values])
