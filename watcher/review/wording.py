"""Times, periods and spans in the words of a report."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from watcher.model.period import Period
from watcher.review.strips import Look, Span, captured, lasted
from watcher.text import duration_text

_MIDNIGHT = datetime.min.time()

_ONE_OR_MORE = {
    Look.NEW: ("a new screen", "new screens"),
    Look.SIMILAR: ("a similar screen", "similar screens"),
    Look.BACK: ("an earlier screen", "times an earlier screen"),
    Look.UNREADABLE: ("an unreadable picture", "unreadable pictures"),
}
_MEANWHILE = {
    Look.UNCHANGED: "unchanged",
    Look.OFF: "off, or not captured with the others",
    Look.SILENT: "no captures",
}


_CHARACTERS = {
    Look.NEW: "█",
    Look.SIMILAR: "▓",
    Look.BACK: "▒",
    Look.UNREADABLE: "!",
    Look.UNCHANGED: "░",
    Look.OFF: "·",
    Look.SILENT: " ",
}
STRIP_LEGEND = " ".join(f"{_CHARACTERS[look]} {look}" for look in Look if look is not Look.SILENT)
"""What the characters of :func:`strip_text` mean."""
_HALF_HOUR = timedelta(minutes=30)


def strip_text(found: Sequence[Span], day: date) -> str:
    """What one display showed on *day* as 48 characters, one for each half hour: the liveliest look in it."""
    midnight = datetime.combine(day, _MIDNIGHT)
    parts = [(span.begin - midnight, span.end - midnight, span.look) for span in found]
    strip = []
    for number in range(48):
        looks = {look for begin, end, look in parts if begin < (number + 1) * _HALF_HOUR and end > number * _HALF_HOUR}
        strip.append(next((_CHARACTERS[look] for look in Look if look in looks), " "))
    return "".join(strip)


def title_of(period: Period) -> str:
    """A period as a heading: a year, a month, a day, or from when to when."""
    begin, end = period.begin, period.end
    if begin.time() != _MIDNIGHT or end.time() != _MIDNIGHT:
        other = "" if end.date() == begin.date() else f"{day_title(end)}, "
        return f"{day_title(begin)}, {begin:%H:%M} to {other}{end:%H:%M}"
    last = end - timedelta(days=1)
    if begin == last:
        return day_title(begin)
    if begin.day == end.day == 1 and (end - begin).days <= 31:  # noqa: PLR2004 - a month
        return f"{begin:%B %Y}"
    if (begin.month, begin.day, end.month, end.day, end.year - begin.year) == (1, 1, 1, 1, 1):
        return f"{begin:%Y}"
    same = begin.year == last.year, begin.month == last.month
    first = f"{begin.day}" if all(same) else f"{begin.day} {begin:%B}" if same[0] else f"{begin.day} {begin:%B %Y}"
    return f"{first} to {last.day} {last:%B %Y}"


def file_name_of(period: Period) -> str:
    """A period as part of a file name."""
    last = period.end - timedelta(microseconds=1)
    whole = period.begin.time() == _MIDNIGHT and period.end.time() == _MIDNIGHT
    form = "%Y-%m-%d" if whole else "%Y-%m-%d_%H.%M"
    names = [f"{moment:{form}}" for moment in (period.begin, last)]
    return "..".join(dict.fromkeys(names))


def day_title(day: date) -> str:
    """A day as people say it."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def days_title(first: date, last: date) -> str:
    """One day or more in a row."""
    return day_title(first) if first == last else f"{day_title(first)} to {day_title(last)}"


def counted(count: int, word: str) -> str:
    """*count* things: "1 screen", "2,000 screens"."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def clock(moment: datetime, day: date) -> str:
    """The time of a moment of *day*, whose end is 24:00."""
    return f"{moment:%H:%M}" if moment.date() == day else "24:00"


def segment_text(span: Span) -> str:
    """A span of one day: from when to when, and what."""
    day = span.begin.date()
    return f"{clock(span.begin, day)} to {clock(span.end, day)}: {_look_text(span.look, span.captures)}"


def _look_text(look: Look, captures: int) -> str:
    if look in _MEANWHILE:
        return _MEANWHILE[look]
    one, many = _ONE_OR_MORE[look]
    return one if captures <= 1 else f"{captures} {many}"


def strip_sentence(found: Sequence[Span]) -> str:
    """The spans of one display on one day in one sentence."""
    captures = captured(found)
    counts = [_look_text(look, captures[look]) for look in _ONE_OR_MORE if captures[look]]
    times = [
        f"{_MEANWHILE[look]} for {duration_text(time.total_seconds())}"
        for look, time in lasted(found).items()
        if look in _MEANWHILE
    ]
    return "; ".join([*counts, *times])
