"""When each screen was shown in a period, and for how long it stood, read from the ledger."""

import os
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import TypeVar

from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.model.period import Period

_OF_ROOT = "root_id = (SELECT id FROM root WHERE path = ?)"
_SHOWS = "CASE kind WHEN 'duplicate' THEN nearest_id ELSE id END"
_SHOWN = f"""
    SELECT display, taken_at, {_SHOWS} AS screen FROM entry
    WHERE {_OF_ROOT} AND taken_at >= ? AND taken_at < ? AND kind != 'unreadable' AND (? IS NULL OR display = ?)
    ORDER BY display, taken_at, id
"""
_DOUBTFUL = f"""
    SELECT id FROM (
        SELECT id, taken_at, worst_tile,
               row_number() OVER (PARTITION BY nearest_id ORDER BY worst_tile, taken_at, id) AS place
        FROM entry WHERE {_OF_ROOT} AND taken_at >= ? AND taken_at < ? AND (? IS NULL OR display = ?)
        AND kind = 'duplicate' AND state = 'quarantined' AND exact AND worst_tile < ?)
    WHERE place = 1 ORDER BY worst_tile, taken_at, id LIMIT ?
"""
_OFF = 2
"""Between captures that are so many usual gaps apart nothing was captured: only one gap of that counts."""

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which screens are asked for."""

    period: Period
    count: int = 20
    display: int | None = None
    """Only this display; None for all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One capture, and the screen it shows."""

    display: int
    taken_at: datetime
    screen: int
    """Id of the kept entry: the capture's own, or that of the screen it is a duplicate of."""


@dataclass(frozen=True, slots=True)
class Showing:
    """When a screen was shown in a period."""

    first: datetime
    last: datetime
    """Times of the first and the last capture that show it."""
    times: int
    """Captures that show it: its own, and duplicates of it."""
    visits: int
    """Runs of consecutive captures of a display that show it."""
    stood: timedelta
    """For how long, over all visits; while nothing was captured nothing counts."""


def shown(ledger: Ledger, root: Path, choice: Choice) -> list[Shown]:
    """The readable captures of the period, by display and time."""
    rows = ledger.rows(_SHOWN, _values(root, choice))
    return [Shown(row[0], datetime.fromisoformat(row[1]), row[2]) for row in rows]


def doubtful(ledger: Ledger, root: Path, choice: Choice, below: float, limit: int) -> list[Entry]:
    """Quarantined duplicates of the period whose worst tile is *below*, the lowest first; one for each screen."""
    return [ledger.entry(row[0]) for row in ledger.rows(_DOUBTFUL, [*_values(root, choice), below, limit])]


def _values(root: Path, choice: Choice) -> list[object]:
    period, display = choice.period, choice.display
    return [os.fsencode(root), period.begin.isoformat(), period.end.isoformat(), display, display]


def showings(captures: Sequence[Shown]) -> dict[int, Showing]:
    """By screen, when the *captures*, sorted by display and time, show it.

    A capture stands until the next one of its display. Where that is more than twice the display's usual gap away,
    the machine was off or asleep, and one usual gap counts, as it does for the last capture.
    """
    times, visits = Counter[int](), Counter[int]()
    stood: dict[int, timedelta] = defaultdict(timedelta)
    moments: dict[int, list[datetime]] = defaultdict(list)
    for _, own in groupby(captures, key=lambda one: one.display):
        series = list(own)
        for one, lasted in zip(series, _durations([one.taken_at for one in series]), strict=True):
            times[one.screen] += 1
            stood[one.screen] += lasted
            moments[one.screen].append(one.taken_at)
        visits.update(screen for screen, _ in groupby(one.screen for one in series))
    return {
        screen: Showing(min(moments[screen]), max(moments[screen]), times[screen], visits[screen], stood[screen])
        for screen in times
    }


def _durations(moments: Sequence[datetime]) -> Iterator[timedelta]:
    """How long each capture, of one display, stands for."""
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    usual = timedelta(seconds=statistics.median(gap.total_seconds() for gap in gaps) if gaps else 0)
    for gap in gaps:
        yield gap if gap <= _OFF * usual else usual
    yield from [usual] * bool(moments)


@dataclass(frozen=True, slots=True)
class Habit:
    """How often any screen of a group was seen."""

    captures: int
    visits: int
    days: int


def habits(captures: Sequence[Shown], group: Callable[[Shown], Group | None]) -> dict[Group, Habit]:
    """How often each group was seen on *captures*, sorted by display and time; what is in no group is none's."""
    times, visits = Counter[Group](), Counter[Group]()
    days: dict[Group, set[date]] = defaultdict(set)
    for _, own in groupby(captures, key=lambda one: one.display):
        for name, run in groupby(own, key=group):
            if name is not None:
                dates = [one.taken_at.date() for one in run]
                times[name] += len(dates)
                visits[name] += 1
                days[name].update(dates)
    return {name: Habit(times[name], visits[name], len(days[name])) for name in times}
