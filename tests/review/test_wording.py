"""Periods and strips in words."""

import pytest

from watcher.model.period import Period
from watcher.review.wording import file_name_of, title_of


@pytest.mark.parametrize(
    ("text", "title", "name"),
    [
        ("2020", "2020", "2020-01-01..2020-12-31"),
        ("2020-05", "May 2020", "2020-05-01..2020-05-31"),
        ("2020-05-04", "Monday, 4 May 2020", "2020-05-04"),
        ("2020-05-04..2020-05-10", "4 to 10 May 2020", "2020-05-04..2020-05-10"),
        ("2020-04-28..2020-05-04", "28 April to 4 May 2020", "2020-04-28..2020-05-04"),
        ("2019-12-30..2020-01-02", "30 December 2019 to 2 January 2020", "2019-12-30..2020-01-02"),
        ("2020-05..2020-06", "1 May to 30 June 2020", "2020-05-01..2020-06-30"),
        (
            "2020-05-04T09:00..2020-05-04T10:29",
            "Monday, 4 May 2020, 09:00 to 10:30",
            "2020-05-04_09.00..2020-05-04_10.29",
        ),
    ],
)
def test_a_period_has_a_title_and_a_file_name(text: str, title: str, name: str) -> None:
    assert title_of(Period.parse(text)) == title
    assert file_name_of(Period.parse(text)) == name
