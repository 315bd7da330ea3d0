"""When each screen appeared in a period, for how long it stood, and how often groups of screens were seen."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from watcher.model.sighting import Sighting
from watcher.review.strips import Span, stood

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Appearance:
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


def appearances(captures: Sequence[Sighting], spans: Iterable[Span]) -> dict[int, Appearance]:
    """By screen, when the *captures*, sorted by display and time, show it, and for how long by their *spans*."""
    visits = Counter(screen for (_, screen), _ in groupby(captures, key=lambda one: (one.display, one.shows)))
    moments: dict[int, list[datetime]] = defaultdict(list)
    for one in captures:
        moments[one.shows].append(one.taken_at)
    times = stood(spans)
    return {
        screen: Appearance(min(own), max(own), len(own), visits[screen], times.get(screen, timedelta()))
        for screen, own in moments.items()
    }


@dataclass(frozen=True, slots=True)
class Habit:
    """How often any screen of a group was seen."""

    captures: int
    visits: int
    days: int


def habits(captures: Sequence[Sighting], group: Callable[[Sighting], Group | None]) -> dict[Group, Habit]:
    """How often each group was seen on *captures*, sorted by display and time; what is in no group is none's."""
    times, visits = Counter[Group](), Counter[Group]()
    days: dict[Group, set[date]] = defaultdict(set)
    for (_, name), run in groupby(captures, key=lambda one: (one.display, group(one))):
        if name is not None:
            dates = [one.taken_at.date() for one in run]
            times[name] += len(dates)
            visits[name] += 1
            days[name].update(dates)
    return {name: Habit(times[name], visits[name], len(days[name])) for name in times}
