"""A period as people write it: a year, a month, a day, a moment, a word such as yesterday, or a range of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

HOW = "2020, 2020-05, 2020-05-04, 2020-05-01..2020-05-14, today, yesterday, 7d, 1h, last week or last month"
"""Every form in which a period may be written, for people."""
_FORMATS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Period:
    """Local wall-clock time from *begin* up to, and without, *end*."""

    begin: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2020``, ``2020-05``, ``2020-05-04``, a moment, what :func:`_named` knows, or ``FIRST..LAST``.

        Of a range both ends are included.

        Raises:
            ValueError: it is none of these, or ends before it begins.
        """
        now = datetime.now()
        first, dots, last = text.partition("..")
        begin, end = _span(first, now)
        if dots:
            end = _span(last, now)[1]
        if end <= begin:
            raise ValueError(f"{text!r} ends before it begins")
        return cls(begin, end)

    @classmethod
    def of_day(cls, day: date) -> Self:
        """The whole of *day*."""
        return cls(*_day(datetime.combine(day, time.min)))

    @classmethod
    def last_days(cls, days: int) -> Self:
        """The last *days* days, today included."""
        return cls(*_last_days(days, datetime.now()))

    def __contains__(self, moment: datetime) -> bool:
        """Whether *moment* lies in it."""
        return self.begin <= moment < self.end

    def __str__(self) -> str:
        """As people read it: with times only where these are not midnights, the last day included."""
        if self.begin.time() == self.end.time() == time.min:
            first, last = self.begin.date(), self.end.date() - timedelta(days=1)
            return f"{first}" if first == last else f"{first}..{last}"
        return f"{self.begin:%Y-%m-%d %H:%M}..{self.end:%Y-%m-%d %H:%M}"


_Span = tuple[datetime, datetime]
"""Begin and end of what was named, without the end."""


def _span(text: str, now: datetime) -> _Span:
    if (named := _named(" ".join(text.lower().replace("-", " ").split()), now)) is not None:
        return named
    for time_format in _FORMATS:
        try:
            begin = datetime.strptime(text.strip(), time_format)
        except ValueError:
            continue
        return begin, _after(begin, time_format)
    raise ValueError(f"{text!r} is no period: write {HOW}")


def _named(words: str, now: datetime) -> _Span | None:
    """What *words* name as seen from *now*: today, yesterday, the last 7d or 1h, this or last week, month or year."""
    if words in ("today", "yesterday"):
        return _day(now - timedelta(days=words == "yesterday"))
    if count := re.fullmatch(r"([1-9][0-9]{0,4}) ?([mhdw])", words, re.ASCII):
        number, unit = int(count[1]), count[2]
        if unit in "dw":
            return _last_days(number * (7 if unit == "w" else 1), now)
        return now - timedelta(**{_LASTS[unit]: number}), now + timedelta(minutes=1)
    if which := re.fullmatch(r"(this|last) (week|month|year)", words):
        begin = _BEGINS[which[2]](_day(now)[0])
        before = _BEGINS[which[2]](begin - timedelta(days=1))
        return (before, begin) if which[1] == "last" else (begin, _day(now)[1])
    return None


_LASTS = {"m": "minutes", "h": "hours"}
_BEGINS: dict[str, Callable[[datetime], datetime]] = {
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
"""The first day of the week (a Monday), month or year in which a day lies."""


def _day(moment: datetime) -> _Span:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, _after(midnight, "%Y-%m-%d")


def _last_days(days: int, now: datetime) -> _Span:
    begin, end = _day(now)
    return begin - timedelta(days=days - 1), end


def _after(begin: datetime, time_format: str) -> datetime:
    """What follows on the span that *begin* and its *time_format* name; the end of all time after the last."""
    try:
        return _next(begin, time_format)
    except (OverflowError, ValueError):
        return datetime.max


def _next(begin: datetime, time_format: str) -> datetime:
    match time_format:
        case "%Y":
            return begin.replace(year=begin.year + 1)
        case "%Y-%m":
            return (begin + timedelta(days=31)).replace(day=1)
        case "%Y-%m-%d":
            return begin + timedelta(days=1)
        case _:
            return begin + (timedelta(seconds=1) if time_format.endswith("%S") else timedelta(minutes=1))
