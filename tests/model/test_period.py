"""Periods at the end of what a calendar holds."""

from datetime import date, datetime

import pytest

from watcher.model.period import Period


@pytest.mark.parametrize("text", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59", "9999-12-31T23:59:59"])
def test_the_last_period_ends_with_time(text: str) -> None:
    assert Period.parse(text).end == datetime.max
    assert str(Period.parse(text))


def test_a_day_is_from_midnight_to_midnight() -> None:
    assert Period.of_day(date(2020, 5, 4)) == Period.parse("2020-05-04")
    assert Period.of_day(date.max) == Period.parse("9999-12-31")
