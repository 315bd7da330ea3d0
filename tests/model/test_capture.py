"""Names: what is a capture, of which display, and when it was taken."""

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.model.capture import Capture, NamePattern

PATTERN = NamePattern()
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


@given(st.text(max_size=40))
def test_any_name_is_told_apart_without_a_crash(stem: str) -> None:
    for name in (stem, f"{stem}_1.png", f"2020-05-04_09.10.01{stem}_1.png"):
        if PATTERN.matches(name) and "/" not in name and "\0" not in name:
            assert 0 <= parse(name).display <= 99


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.integers(0, 99))
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
