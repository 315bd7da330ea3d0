"""The report on a period, from the ledger and from the few pictures that are opened for it."""

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.disk.mirror import Amount, held
from watcher.errors import WatcherError
from watcher.ledger.totals import Savings, Totals
from watcher.model.period import Period
from watcher.report.cards import LARGE, SMALL, Album
from watcher.report.context import Subject
from watcher.report.page import Day, Page, Saving, SecondLook, Segment, Shot, Strip
from watcher.report.thumbnails import Allowance
from watcher.review.highlights import Highlight
from watcher.review.strips import Look, Span, by_day, drawn, spans, stood
from watcher.review.wording import counted, day_title, days_title, long, segment_told, strip_told, title_of
from watcher.text import visible

_STOOD_ENTRIES = 150
_STOOD_A_DAY = 6
_STOOD_BYTES = 2_600_000
_SEGMENTS = 26_000
"""In all strips together: what keeps a year of captures from making a page that no browser opens soon."""
_DAY = timedelta(days=1)

_OF_ROOT = "root_id = (SELECT id FROM root WHERE path = ?)"
_SAVED = f"""
    SELECT display, count(*) AS captures, sum(kind IN ('new', 'similar')) AS distinct_ones,
           sum(kind = 'duplicate' AND state IN ('quarantined', 'purged')) AS files,
           total(CASE WHEN kind = 'duplicate' AND state IN ('quarantined', 'purged') THEN size END) AS bytes
    FROM entry WHERE {_OF_ROOT} AND taken_at >= ? AND taken_at < ? GROUP BY display ORDER BY display
"""
_BEFORE = f"SELECT 1 FROM entry WHERE {_OF_ROOT} AND taken_at >= ? AND taken_at < ? LIMIT 1"


@dataclass(frozen=True, slots=True)
class Course:
    """What the displays showed in a period."""

    days: Mapping[date, Mapping[int, Sequence[Span]]]
    """By day and display; days of which nothing can be told are there as well, without displays."""

    @property
    def awake(self) -> int:
        """On how many days there was anything."""
        return sum(map(bool, self.days.values()))

    @property
    def slot(self) -> timedelta:
        """What is shorter may not be seen in the strips."""
        return _DAY * sum(map(len, self.days.values())) / _SEGMENTS

    def longest(self, day: date) -> list[tuple[int, int]]:
        """The screens that stood longest on *day*, as (entry, seconds)."""
        seconds = stood(itertools.chain.from_iterable(self.days[day].values()))
        limit = max(1, min(_STOOD_A_DAY, _STOOD_ENTRIES // max(1, self.awake)))
        return seconds.most_common(limit)


def compose(subject: Subject, highlights: Sequence[Highlight], looks: Iterable[SecondLook]) -> Page:
    """The page on *subject*, with the *highlights* and second *looks* that were chosen for it.

    Raises:
        WatcherError: nothing that was captured in the period has been judged.
        FaultError: the ledger cannot be read.
    """
    course = follow(subject)
    savings = list(_savings(subject))
    longest = {day: course.longest(day) for day in course.days}
    album = _album(subject, highlights, {number for found in longest.values() for number, _ in found})
    made = f"{day_title(subject.now)}, {subject.now:%H:%M}"
    return Page(
        title=title_of(subject.period),
        lead=_lead(savings),
        root=visible(os.fspath(subject.root)),
        made=made,
        notes=tuple(_notes(subject)),
        highlights=tuple(_highlight(album, found) for found in highlights),
        days=tuple(_days(course, longest, album)),
        looks=tuple(looks),
        savings=tuple(savings),
        quarantine=f"{held(subject.quarantine)}, in {visible(os.fspath(subject.quarantine))}",
    )


def follow(subject: Subject) -> Course:
    """What the displays showed, from the ledger alone.

    Raises:
        WatcherError: nothing that was captured in the period has been judged.
    """
    period = subject.period
    sightings = Totals(subject.ledger, subject.root).sightings(_around(period))
    inside = [one.taken_at for one in sightings if period.begin <= one.taken_at < period.end]
    if not inside:
        raise WatcherError(_nothing(subject))
    last = max(inside[-1] + timedelta(microseconds=1), min(period.end, subject.now))
    begin = period.begin
    if not subject.rows(_BEFORE, datetime.min, begin):
        begin = datetime.combine(inside[0].date(), datetime.min.time())  # the ledger knows nothing of what was before
    found = spans(sightings, Period(max(begin, period.begin), last))
    cut = by_day(found)
    return Course({day: _awake(cut.get(day, {})) for day in _dates(begin, last)})


def _around(period: Period) -> Period:
    """*period* with a day before and after it, as far as there are days."""
    begin = period.begin - _DAY if period.begin - datetime.min > _DAY else datetime.min
    return Period(begin, period.end + _DAY if datetime.max - period.end > _DAY else datetime.max)


def _nothing(subject: Subject) -> str:
    left = Totals(subject.ledger, subject.root).left_alone()
    waiting = f"; {counted(left, 'capture')} from before the first start wait for framesift sweep" if left else ""
    return f"nothing of {title_of(subject.period)} was judged in {subject.root}{waiting}"


def _dates(begin: datetime, end: datetime) -> Iterator[date]:
    day = begin.date()
    while day <= (end - timedelta(microseconds=1)).date():
        yield day
        day += _DAY


def _awake(displays: Mapping[int, Sequence[Span]]) -> Mapping[int, Sequence[Span]]:
    silent = all(span.look is Look.SILENT for found in displays.values() for span in found)
    return {} if silent else displays


def _lead(savings: Sequence[Saving]) -> str:
    total = savings[-1]
    displays = counted(max(1, len(savings) - 1), "display")
    return (
        f"{counted(total.captures, 'capture')} of {displays} show {counted(total.distinct, 'distinct screen')}."
        f" Duplicates that left: {total.in_period}."
    )


def _notes(subject: Subject) -> Iterator[str]:
    left = Totals(subject.ledger, subject.root).left_alone()
    if left:
        yield f"{counted(left, 'capture')} from before the first start are not in here: framesift sweep judges them."


def _savings(subject: Subject) -> Iterator[Saving]:
    """One for each display of the period, and one for all if there are several."""
    ever = Totals(subject.ledger, subject.root).savings(subject.now.date())
    rows = subject.rows(_SAVED, subject.period.begin, subject.period.end)
    for row in rows:
        amounts = Amount(row["files"], int(row["bytes"])), ever.get(row["display"], Savings()).ever
        yield Saving(f"{row['display']}", row["captures"], row["distinct_ones"], *map(str, amounts))
    if len(rows) != 1:
        saved = Amount(sum(row["files"] for row in rows), int(sum(row["bytes"] for row in rows)))
        total = sum(ever.values(), Savings()).ever
        captures, distinct = (sum(row[name] for row in rows) for name in ("captures", "distinct_ones"))
        yield Saving("All", captures, distinct, str(saved), str(total))


def _album(subject: Subject, highlights: Iterable[Highlight], longest: set[int]) -> Album:
    size = Allowance(SMALL.width, min(SMALL.bytes, _STOOD_BYTES // max(1, len(longest))))
    album = Album(subject.ledger, subject.calls)
    album.want({found.entry.id for found in highlights}, SMALL, LARGE)
    album.want(longest, size)
    album.load()
    return album


def _highlight(album: Album, found: Highlight) -> Shot:
    alike = [f"{found.alike:,} more like it"] if found.alike else []
    return album.shot(found.entry.id, [f"stood {long(found.showing.stood)}", _like(found), *alike])


def _like(found: Highlight) -> str:
    if found.nearest is None:
        return "like no other"
    one, other = found.entry.verdict.capture, found.nearest.verdict.capture
    when = f"{other.taken_at:%H:%M}"
    if one.taken_at.date() != other.taken_at.date():
        when = f"{other.taken_at.day} {other.taken_at:%B}, {when}"
    return f"most like {when}" + (f", {found.ssim:.2f}" if found.ssim is not None else "")


def _days(course: Course, longest: Mapping[date, list[tuple[int, int]]], album: Album) -> Iterator[Day]:
    for empty, group in itertools.groupby(course.days, lambda day: not course.days[day]):
        days = list(group)
        if empty:
            yield Day(days_title(days[0], days[-1]), f"{days[0]}", "No captures.")
            continue
        for day in days:
            strips = tuple(_strip(display, found, course.slot) for display, found in course.days[day].items())
            shots = [album.shot(number, [f"stood {long(timedelta(seconds=time))}"]) for number, time in longest[day]]
            yield Day(day_title(day), f"{day}", _told(course.days[day]), strips, tuple(shots))


def _strip(display: int, found: Sequence[Span], slot: timedelta) -> Strip:
    segments = tuple(map(_segment, drawn(found, slot)))
    return Strip(display, segments, strip_told(found))


def _segment(span: Span) -> Segment:
    midnight = datetime.combine(span.begin.date(), datetime.min.time())
    left, right = ((moment - midnight).total_seconds() / 60 for moment in (span.begin, span.end))
    return Segment(round(left, 1), round(right - left, 1), span.look, segment_told(span))


def _told(displays: Mapping[int, Sequence[Span]]) -> str:
    """How much was captured on a day."""
    counts: Counter[Look] = Counter()
    for span in itertools.chain.from_iterable(displays.values()):
        counts[span.look] += span.captures
    own = counts[Look.NEW] + counts[Look.SIMILAR]
    return f"{counted(counts.total(), 'capture')}, {counted(own, 'distinct screen') if own else 'nothing new'}"
