"""What each display showed as time passed, concluded from its captures: spans of time, and how long a screen stood."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from watcher.model.interval import SILENT_INTERVALS, usual_interval
from watcher.model.period import Period
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind

_RUNS_APART = 4
"""Captures nearer than this part of the usual interval are of one run, which writes a file for each display."""
_UNKNOWN_INTERVAL = timedelta(minutes=10)
"""What is taken for the usual interval while no display has two captures."""


class Look(StrEnum):
    """What a display did for a while."""

    NEW = "new"
    SIMILAR = "similar"
    BACK = "back"
    """It shows an earlier screen, and not the one that it showed right before."""
    UNREADABLE = "unreadable"
    UNCHANGED = "unchanged"
    OFF = "off"
    """Other displays were captured, and it was not."""
    SILENT = "silent"
    """Nothing was captured at all."""


_LIVELIEST = tuple(Look)
"""Of several looks in one short while, the first of these stands for all."""


@dataclass(frozen=True, slots=True)
class Span:
    """A while in which a display had one look."""

    display: int
    begin: datetime
    end: datetime
    look: Look
    captures: int = 0
    shows: int | None = None
    """The entry of the screen that stood; None where there was none, or several."""

    @property
    def lasted(self) -> timedelta:
        """How long it is."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class _Run:
    """The captures that the job made at one time, by display; and until when they say what was there."""

    begin: datetime
    end: datetime
    seen: Mapping[int, Sequence[Sighting]]


def spans(sightings: Sequence[Sighting], period: Period) -> list[Span]:
    """The spans of each display in *period*, which ends no later than now; each display's are in order, without gaps.

    *sightings* are in order of time. Those before and after the period are context: a screen may stand across midnight.
    """
    looks = dict(_looks(sightings))
    runs = _runs(sightings, period.end)
    found: list[Span] = []
    for display in sorted({sighting.display for sighting in sightings}):
        found += filter(None, (_cut(span, period) for span in _of_display(display, runs, looks, period)))
    return found


def _looks(sightings: Iterable[Sighting]) -> Iterator[tuple[Sighting, Look]]:
    shown: dict[int, int] = {}
    for sighting in sightings:
        if sighting.kind is Kind.DUPLICATE:
            yield sighting, Look.UNCHANGED if shown.get(sighting.display) == sighting.shows else Look.BACK
        else:
            yield sighting, Look(sighting.kind.value)
        if sighting.kind is not Kind.UNREADABLE:
            shown[sighting.display] = sighting.shows


def _runs(sightings: Sequence[Sighting], now: datetime) -> list[_Run]:
    interval = usual_interval((one.display, one.taken_at) for one in sightings) or _UNKNOWN_INTERVAL
    groups: list[list[Sighting]] = []
    for sighting in sightings:
        if groups and sighting.taken_at - groups[-1][0].taken_at < max(interval / _RUNS_APART, timedelta(seconds=1)):
            groups[-1].append(sighting)
        else:
            groups.append([sighting])
    begins = [group[0].taken_at for group in groups]
    ends = [*begins[1:], max(now, begins[-1])] if begins else []
    return [
        _Run(begin, end if end - begin <= SILENT_INTERVALS * interval else begin + interval, _by_display(group))
        for begin, end, group in zip(begins, ends, groups, strict=True)
    ]


def _by_display(group: Iterable[Sighting]) -> dict[int, list[Sighting]]:
    seen: dict[int, list[Sighting]] = {}
    for sighting in group:
        seen.setdefault(sighting.display, []).append(sighting)
    return seen


def _of_display(display: int, runs: Iterable[_Run], looks: Mapping[Sighting, Look], period: Period) -> Iterator[Span]:
    known_until = period.begin
    for run in runs:
        if run.begin > known_until:
            yield Span(display, known_until, run.begin, Look.SILENT)
        own = run.seen.get(display, ())
        look = min((looks[sighting] for sighting in own), key=_LIVELIEST.index, default=Look.OFF)
        yield Span(display, run.begin, run.end, look, len(own), own[-1].shows if own else None)
        known_until = max(known_until, run.end)
    yield Span(display, known_until, max(known_until, period.end), Look.SILENT)


def _cut(span: Span, period: Period) -> Span | None:
    """What of *span* lies in *period*; a span that begins before it has its capture there."""
    begin, end = max(span.begin, period.begin), min(span.end, period.end)
    if begin >= end:
        return None
    return replace(span, begin=begin, end=end, captures=span.captures if begin == span.begin else 0)


def by_day(found: Iterable[Span]) -> dict[date, dict[int, list[Span]]]:
    """Spans by day and display, cut at midnight."""
    days: dict[date, dict[int, list[Span]]] = {}
    for span in found:
        for number in range(span.begin.toordinal(), span.end.toordinal() + 1):
            day = date.fromordinal(number)
            if part := _cut(span, Period.of_day(day)):
                days.setdefault(day, {}).setdefault(span.display, []).append(part)
    return days


def stood(found: Iterable[Span]) -> dict[int, timedelta]:
    """For how long each screen stood, by the entry that shows it; two displays at once count twice."""
    times: defaultdict[int, timedelta] = defaultdict(timedelta)
    for span in found:
        if span.shows is not None and span.look is not Look.UNREADABLE:
            times[span.shows] += span.lasted
    return times


def drawn(found: Iterable[Span], slot: timedelta) -> list[Span]:
    """The spans of one display as a strip shows them: neighbours look different, and no two begin in one *slot*."""
    slots = itertools.groupby(found, lambda span: (span.begin - datetime.min) // slot)
    short = (_joined(list(group)) for _, group in slots)
    return [_joined(list(group)) for _, group in itertools.groupby(short, lambda span: span.look)]


def _joined(group: Sequence[Span]) -> Span:
    first = group[0]
    look = min((span.look for span in group), key=_LIVELIEST.index)
    captures = sum(span.captures for span in group if span.look is look)
    return replace(first, end=group[-1].end, look=look, captures=captures, shows=None)


def captured(found: Iterable[Span]) -> Counter[Look]:
    """How many captures had each look."""
    counts: Counter[Look] = Counter()
    for span in found:
        counts[span.look] += span.captures
    return counts


def lasted(found: Iterable[Span]) -> dict[Look, timedelta]:
    """For how long each look was there, in the order of looks; without those that never were."""
    total = dict.fromkeys(Look, timedelta())
    for span in found:
        total[span.look] += span.lasted
    return {look: time for look, time in total.items() if time}
