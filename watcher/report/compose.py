"""The report on a period, from the ledger and from the few pictures that are opened for it."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.disk.mirror import held
from watcher.errors import WatcherError
from watcher.ledger.totals import PeriodTotal, Savings, Totals
from watcher.model.period import Period
from watcher.progress import NO_PROGRESS, Progress
from watcher.report.cards import LARGE, SMALL, Cards
from watcher.report.context import ReportContext
from watcher.report.page import Card, Day, Page, Saving, SecondLook, Segment, Strip
from watcher.report.second_looks import SECOND_LOOKS
from watcher.report.thumbnails import Allowance
from watcher.review.activity import Activity
from watcher.review.result import Highlight
from watcher.review.strips import Look, Span, by_day, captured, drawn, stood
from watcher.review.wording import counted, day_title, days_title, segment_text, strip_sentence, title_of
from watcher.text import duration_text, visible

_STOOD_ENTRIES = 150
_STOOD_A_DAY = 6
_STOOD_BYTES = 2_600_000
_SEGMENTS = 26_000
"""In all strips together: what keeps a year of captures from making a page that no browser opens soon."""
_DAY = timedelta(days=1)

Spans = Mapping[int, Sequence[Span]]
"""Those of one day, by display."""


@dataclass(frozen=True, slots=True)
class _DaySpans:
    """What the displays showed on each day of a period."""

    days: Mapping[date, Spans]
    """Days without captures are there as well, without displays."""

    @property
    def slot(self) -> timedelta:
        """What is shorter may not be seen in the strips."""
        return _DAY * sum(map(len, self.days.values())) / _SEGMENTS

    def longest(self, day: date) -> list[tuple[int, timedelta]]:
        """The screens that stood longest on *day*, as (entry, how long)."""
        alive = sum(map(bool, self.days.values()))
        limit = max(1, min(_STOOD_A_DAY, _STOOD_ENTRIES // max(1, alive)))
        times = stood(itertools.chain.from_iterable(self.days[day].values()))
        return sorted(times.items(), key=lambda item: item[1], reverse=True)[:limit]


def compose(
    context: ReportContext,
    activity: Activity,
    highlights: Sequence[Highlight],
    looks: Iterable[SecondLook],
    progress: Progress = NO_PROGRESS,
) -> Page:
    """The page on a period, with the *highlights* and second *looks* that were chosen for it; *progress* is told.

    Raises:
        WatcherError: nothing that was captured in the period has been judged.
        FaultError: the ledger cannot be read.
    """
    left = Totals(context.ledger, context.root).left_alone()
    days = _day_spans(context, activity, left)
    longest = {day: days.longest(day) for day in days.days}
    cards = _cards(context, highlights, {number for found in longest.values() for number, _ in found})
    cards.load(progress)
    savings = tuple(_savings(context))
    return Page(
        title=title_of(context.period),
        lead=_lead(savings),
        root=visible(os.fspath(context.root)),
        made=f"{day_title(context.now)}, {context.now:%H:%M}",
        notes=tuple(_notes(left)),
        highlights=tuple(_highlight(cards, found) for found in highlights),
        days=tuple(_days(days, longest, cards)),
        looks=tuple(progress.track(looks, SECOND_LOOKS, "second looks drawn")),
        savings=savings,
        quarantine=f"{held(context.quarantine)}, in {visible(os.fspath(context.quarantine))}",
    )


def _day_spans(context: ReportContext, activity: Activity, left: int) -> _DaySpans:
    if activity.known is None:
        waiting = f"; {_left(left)} wait for framesift sweep" if left else ""
        raise WatcherError(f"nothing of {title_of(context.period)} was judged in {context.root}{waiting}")
    spans = by_day(activity.spans)
    return _DaySpans({day: _alive(spans.get(day, {})) for day in _dates(activity.known)})


def _dates(period: Period) -> Iterator[date]:
    last = period.end - timedelta(microseconds=1)
    return map(date.fromordinal, range(period.begin.toordinal(), last.toordinal() + 1))


def _alive(displays: Spans) -> Spans:
    silent = all(span.look is Look.SILENT for found in displays.values() for span in found)
    return {} if silent else displays


def _left(count: int) -> str:
    return f"{counted(count, 'capture')} from before the first start"


def _notes(left: int) -> Iterator[str]:
    if left:
        yield f"{_left(left)} are not in here: framesift sweep judges them."


def _lead(savings: Sequence[Saving]) -> str:
    total = savings[-1]
    displays = counted(max(1, len(savings) - 1), "display")
    return (
        f"{counted(total.captures, 'capture')} of {displays} show {counted(total.distinct, 'distinct screen')}."
        f" Duplicates that left: {total.in_period}."
    )


def _savings(context: ReportContext) -> Iterator[Saving]:
    """One for each display of the period, and one for all if there are several."""
    totals = Totals(context.ledger, context.root)
    found, ever = totals.of_period(context.period), totals.savings(context.now.date())
    for display, total in found.items():
        yield _saving(f"{display}", total, ever.get(display, Savings()))
    if len(found) != 1:
        yield _saving("All", sum(found.values(), PeriodTotal()), sum(ever.values(), Savings()))


def _saving(display: str, total: PeriodTotal, savings: Savings) -> Saving:
    return Saving(display, total.captures, total.distinct, str(total.saved), str(savings.ever))


def _cards(context: ReportContext, highlights: Iterable[Highlight], longest: set[int]) -> Cards:
    size = Allowance(SMALL.width, min(SMALL.bytes, _STOOD_BYTES // max(1, len(longest))))
    cards = Cards(context.ledger, context.invocation)
    cards.want({found.entry.id for found in highlights}, SMALL, LARGE)
    cards.want(longest, size)
    return cards


def _highlight(cards: Cards, found: Highlight) -> Card:
    alike = [f"{found.alike:,} more like it"] if found.alike else []
    return cards.card(found.entry.id, [_stood(found.appearance.stood), _like(found), *alike])


def _stood(time: timedelta) -> str:
    return f"stood {duration_text(time.total_seconds())}"


def _like(found: Highlight) -> str:
    if found.nearest is None:
        return "like no other"
    one, other = found.entry.verdict.capture, found.nearest.verdict.capture
    when = f"{other.taken_at:%H:%M}"
    if one.taken_at.date() != other.taken_at.date():
        when = f"{other.taken_at.day} {other.taken_at:%B}, {when}"
    return f"most like {when}" + (f", {found.ssim:.2f}" if found.ssim is not None else "")


def _days(found: _DaySpans, longest: Mapping[date, list[tuple[int, timedelta]]], cards: Cards) -> Iterator[Day]:
    for empty, group in itertools.groupby(found.days, lambda day: not found.days[day]):
        days = list(group)
        if empty:
            yield Day(days_title(days[0], days[-1]), f"{days[0]}", "No captures.")
            continue
        for day in days:
            strips = tuple(_strip(display, spans, found.slot) for display, spans in found.days[day].items())
            standing = tuple(cards.card(number, [_stood(time)]) for number, time in longest[day])
            yield Day(day_title(day), f"{day}", _summary(found.days[day]), strips, standing)


def _strip(display: int, spans: Sequence[Span], slot: timedelta) -> Strip:
    return Strip(display, tuple(map(_segment, drawn(spans, slot))), strip_sentence(spans))


def _segment(span: Span) -> Segment:
    midnight = datetime.combine(span.begin.date(), datetime.min.time())
    left, right = ((moment - midnight).total_seconds() / 60 for moment in (span.begin, span.end))
    return Segment(round(left, 1), round(right - left, 1), span.look, segment_text(span))


def _summary(displays: Spans) -> str:
    """How much was captured on a day."""
    counts = captured(itertools.chain.from_iterable(displays.values()))
    own = counts[Look.NEW] + counts[Look.SIMILAR]
    return f"{counted(counts.total(), 'capture')}, {counted(own, 'distinct screen') if own else 'nothing new'}"
