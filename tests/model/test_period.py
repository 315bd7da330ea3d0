"""Periods at the end of what a calendar holds."""

from datetime import date, datetime, tzinfo
from typing import Self

import pytest

from watcher.model import period
from watcher.model.period import Period


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59", "9999-12-31T23:59:59"])
def test_the_last_period_ends_with_time(text: str) -> None:
    assert Period.parse(text).end == datetime.max
    assert str(Period.parse(text))


def test_a_day_is_from_midnight_to_midnight() -> None:
    assert Period.of_day(date(2020, 5, 4)) == Period.parse("2020-05-04")
    assert Period.of_day(date.max) == Period.parse("9999-12-31")


NOW = datetime(2026, 11, 27, 14, 30, 20)  # a Friday


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("today", "2026-11-27"),
        ("Yesterday", "2026-11-26"),
        ("7d", "2026-11-21..2026-11-27"),
        ("2w", "2026-11-14..2026-11-27"),
        ("1h", "2026-11-27 13:30..2026-11-27 14:31"),
        ("90m", "2026-11-27 13:00..2026-11-27 14:31"),
        ("last week", "2026-11-16..2026-11-22"),
        ("last-month", "2026-10-01..2026-10-31"),
        ("this month", "2026-11-01..2026-11-27"),
        ("last year", "2025-01-01..2025-12-31"),
        ("2026-11..yesterday", "2026-11-01..2026-11-26"),
    ],
)
def test_people_say_when(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            assert tz is None
            return cls.fromisoformat(NOW.isoformat())

    monkeypatch.setattr(period, "datetime", Then)
    assert str(Period.parse(text)) == shown


@pytest.mark.parametrize("text", ["", "0d", "last", "last day", "1y", "day", "yesterday..2020"])
def test_what_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no period|ends before"):
        Period.parse(text)
