"""What each display showed in a period: its captures, read from the ledger once, and the spans of time between."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from watcher.ledger.ledger import Ledger
from watcher.ledger.sightings import sightings, was_seen_before
from watcher.model.period import Period
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind
from watcher.review.strips import Span, spans

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Activity:
    """What each display showed in a period."""

    captures: tuple[Sighting, ...] = ()
    """Those of the period, in order of time."""
    known: Period | None = None
    """The part of the period of which something is known; None without captures."""
    spans: tuple[Span, ...] = ()
    """Those of each display in that part, in order and without gaps."""

    def readable(self, display: int | None) -> list[Sighting]:
        """The readable captures of *display* (None: of all), by display and time."""
        own = [one for one in self.captures if one.kind is not Kind.UNREADABLE and display in (None, one.display)]
        return sorted(own, key=lambda one: one.display)

    def spans_of(self, display: int | None) -> list[Span]:
        """The spans of *display* (None: of all)."""
        return [span for span in self.spans if display in (None, span.display)]


def read_activity(ledger: Ledger, root: Path, period: Period) -> Activity:
    """What the displays showed in *period*, from the ledger alone.

    A day before and after the period are read as well: a screen may stand across midnight, and the usual interval of
    captures is learned from them.

    Raises:
        FaultError: the ledger cannot be read.
    """
    found = sightings(ledger, root, _around(period))
    inside = [one for one in found if one.taken_at in period]
    if not inside:
        return Activity()
    known = _known(ledger, root, period, inside)
    return Activity(tuple(inside), known, tuple(spans(found, known)))


def _around(period: Period) -> Period:
    """*period* with a day before and after it, as far as there are days."""
    begin = period.begin - _DAY if period.begin - datetime.min > _DAY else datetime.min
    return Period(begin, period.end + _DAY if datetime.max - period.end > _DAY else datetime.max)


def _known(ledger: Ledger, root: Path, period: Period, inside: Sequence[Sighting]) -> Period:
    """Without what is still to come, and without the days before the first capture that the ledger knows."""
    begin, end = period.begin, max(inside[-1].taken_at + _INSTANT, min(period.end, datetime.now()))
    if not was_seen_before(ledger, root, begin):
        begin = max(begin, datetime.combine(inside[0].taken_at.date(), datetime.min.time()))
    return Period(begin, end)
