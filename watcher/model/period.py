"""A period as people write it: a year, a month, a day, a moment, or a range of them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

_FORMATS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class Period:
    """Local wall-clock time from *begin* up to, and without, *end*."""

    begin: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``2020``, ``2020-05``, ``2020-05-04``, a moment, or ``FIRST..LAST``, both ends included.

        Raises:
            ValueError: it is none of these, or ends before it begins.
        """
        first, dots, last = text.partition("..")
        begin, end = _span(first)
        if dots:
            end = _span(last)[1]
        if end <= begin:
            raise ValueError(f"{text!r} ends before it begins")
        return cls(begin, end)

    @classmethod
    def of_day(cls, day: date) -> Self:
        """The whole of *day*."""
        midnight = datetime.combine(day, time.min)
        return cls(midnight, _after(midnight, "%Y-%m-%d"))

    @classmethod
    def last_days(cls, days: int) -> Self:
        """The last *days* days, today included."""
        midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(midnight - timedelta(days=days - 1), midnight + timedelta(days=1))

    def __contains__(self, moment: datetime) -> bool:
        """Whether *moment* lies in it."""
        return self.begin <= moment < self.end

    def __str__(self) -> str:
        """As people read it: with times only where these are not midnights, the last day included."""
        if self.begin.time() == self.end.time() == time.min:
            first, last = self.begin.date(), self.end.date() - timedelta(days=1)
            return f"{first}" if first == last else f"{first}..{last}"
        return f"{self.begin:%Y-%m-%d %H:%M}..{self.end:%Y-%m-%d %H:%M}"


def _span(text: str) -> tuple[datetime, datetime]:
    for time_format in _FORMATS:
        try:
            begin = datetime.strptime(text.strip(), time_format)
        except ValueError:
            continue
        return begin, _after(begin, time_format)
    raise ValueError(f"{text!r} is no period: write 2020, 2020-05, 2020-05-04 or 2020-05-01..2020-05-14")


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
