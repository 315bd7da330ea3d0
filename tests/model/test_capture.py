"""Names: what is a capture, of which display, and when it was taken."""

import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import NameRefusedError
from watcher.model.capture import DEFAULT_NAME_PATTERN, Capture, NamePattern

PATTERN = NamePattern()
OWN = "(?P<taken_at>.+)_(?P<display>[0-9])[.]png"
STATUS = os.stat_result((0o100644, 7, 0, 1, 0, 0, 123, 0, 1_588_575_600, 0))
MTIME = datetime.fromtimestamp(1_588_575_600)


def parse(name: str) -> Capture:
    return PATTERN.parse(Path("/screens") / name, STATUS)


@pytest.mark.parametrize(
    ("name", "display", "taken_at"),
    [
        ("2020-05-04_09.10.01.596854_1.png", 1, datetime(2020, 5, 4, 9, 10, 1, 596854)),
        ("2020-05-04_09.10.01_3.png", 3, datetime(2020, 5, 4, 9, 10, 1)),
        ("2020-05-04_09.10.01.596854_10.PNG", 10, datetime(2020, 5, 4, 9, 10, 1, 596854)),
        ("2020-05-04_09.10.01.596854_0.png", 0, datetime(2020, 5, 4, 9, 10, 1, 596854)),
        ("2020-05-04_09.10.01.596854_99.png", 99, datetime(2020, 5, 4, 9, 10, 1, 596854)),
        ("2020-02-31_09.10.01.596854_2.png", 2, MTIME),
        ("2020-05-04_29.61.01.596854_2.png", 2, MTIME),
        ("0000-01-01_00.00.00_2.png", 2, MTIME),
        ("2020-05-04_09.10.01_٣.png", 3, datetime(2020, 5, 4, 9, 10, 1)),
        (
            "\u0662\u0660\u0662\u0660-\u0660\u0665-\u0660\u0664_\u0660\u0669.\u0661\u0660.\u0660\u0661_1.png",
            1,
            datetime(2020, 5, 4, 9, 10, 1),
        ),
        ("2563-05-04_09.10.01_3.png", 3, datetime(2563, 5, 4, 9, 10, 1)),
        ("f_2.png", 2, MTIME),
        ("[red]a\nb\x1b[31m_2.png", 2, MTIME),
        ("caf\udce9_2.png", 2, MTIME),
    ],
)
def test_a_capture_is_what_its_name_says(name: str, display: int, taken_at: datetime) -> None:
    assert PATTERN.matches(name)
    capture = parse(name)
    assert (capture.display, capture.taken_at, capture.size) == (display, taken_at, 123)


@pytest.mark.parametrize(
    "name",
    [
        "2020-05-04_09.10.01.596854_1.png.tmp",
        ".2020-05-04_09.10.01.596854_1.png",
        ".2020-05-04_09.10.01.596854_1.png-Xy12",
        "2020-05-04_09.10.01.596854.png",
        "2020-05-04_09.10.01.596854_x.png",
        "2020-05-04_09.10.01.596854_1.jpg",
        "IMG_20200504.png",
        "_1.png",
        "notes.txt",
        "",
    ],
)
def test_other_names_are_none_of_our_business(name: str) -> None:
    assert not PATTERN.matches(name)


@pytest.mark.parametrize(
    ("pattern", "name", "why"),
    [
        (DEFAULT_NAME_PATTERN, "0001-01-01_00.00.00_1.png", "before the year 2"),
        (DEFAULT_NAME_PATTERN, "9999-12-31_23.59.59.999999_1.png", "after 9998"),
        (".*_(?P<display>[0-9]+)[.]png", f"x_{'9' * 30}.png", "at most 9 digits, not 30"),
        (
            OWN,
            "02.01.2024 10.11_1.png",
            "tells no time that can be read: '02.01.2024 10.11'; see the setting time_format",
        ),
        (OWN, "2024-02-30_10.11.12_1.png", "tells no time that can be read"),
    ],
)
def test_a_name_that_tells_what_cannot_be_is_refused(pattern: str, name: str, why: str) -> None:
    names = NamePattern(pattern)
    assert (names.fits(name), names.matches(name)) == (True, False)
    assert why in names.refusal(name)
    with pytest.raises(NameRefusedError, match=re.escape(names.refusal(name))):
        names.parse(Path("/s") / name, STATUS)


def test_the_largest_number_of_a_display_can_be_written_down() -> None:
    assert NamePattern(".*_(?P<display>[0-9]+)[.]png").parse(Path("/s/x_999999999.png"), STATUS).display == 999_999_999


@given(st.text(max_size=40))
def test_any_name_is_told_apart_without_a_crash(stem: str) -> None:
    for name in (stem, f"{stem}_1.png", f"2020-05-04_09.10.01{stem}_1.png"):
        if PATTERN.matches(name) and "/" not in name and "\0" not in name:
            assert 0 <= parse(name).display <= 99


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), st.integers(0, 99))
def test_a_time_written_by_the_job_is_read_back(moment: datetime, display: int) -> None:
    date = f"{moment.year:04}-{moment:%m-%d}"
    capture = parse(f"{date}_{moment:%H.%M.%S}.{moment.microsecond:06}_{display}.png")
    assert (capture.taken_at, capture.display) == (moment, display)


@pytest.mark.parametrize("wrong", ["(", "_1.png", "(?P<other>x)"])
def test_a_pattern_needs_to_be_one_and_to_name_the_display(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"regular expression|display"):
        NamePattern(wrong)


def test_a_pattern_of_the_users_own_is_followed() -> None:
    pattern = NamePattern(r"screen(?P<display>\d)-.*[.]png")
    assert pattern.matches("screen2-anything.png")
    assert not pattern.matches("2020-05-04_09.10.01.596854_1.png")
    assert pattern.parse(Path("/s/screen2-a.png"), STATUS).display == 2
    days_first = NamePattern(r"(?P<taken_at>[^_]+)_(?P<display>\d)[.]png", "%d.%m.%y %Hh%M")
    assert days_first.parse(Path("/s/04.05.20 9h10_2.png"), STATUS).taken_at == datetime(2020, 5, 4, 9, 10)
    assert "no time of the form '%d.%m.%y %Hh%M'" in days_first.refusal("2020-05-04_2.png")
