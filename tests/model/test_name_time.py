"""The time in a name: in the forms of jobs and systems, and never guessed where it could be another one."""

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from watcher.model.name_time import check_time_format, time_in

MOMENT = datetime(2024, 1, 2, 10, 11, 12)


@pytest.fixture(autouse=True)
def _local_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02_10.11.12",
        "2024-01-02T10:11:12",
        "2024-01-02 10:11:12",
        "20240102T101112",
        "20240102-101112",
        "20240102_101112",
        "20240102101112",
        "2024-01-02_10-11-12",
        "2024_01_02_10_11_12",
        "2024.01.02-10.11.12",
        "2024-01-02 at 10.11.12",
        "2024-01-02 at 10.11.12\u202fAM",
        "2024-01-02 um 10.11.12",
        "2024-01-02 a\u0300 10.11.12",
        "2024-01-02 kl. 10.11.12",
        "2024-01-02T01:11:12Z",
        "2024-01-02T03:11:12+0200",
        "1704157872",
        "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0660\u0662_\u0661\u0660.\u0661\u0661.\u0661\u0662",
    ],
)
def test_usual_forms_are_known(text: str) -> None:
    assert time_in(text) == MOMENT


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02 at 9.05.03 PM", datetime(2024, 1, 2, 21, 5, 3)),
        ("2024-01-02 at 12.05.03 am", datetime(2024, 1, 2, 0, 5, 3)),
        ("2024-01-02_10.11", datetime(2024, 1, 2, 10, 11)),
        ("2024-01-02_10.11.12.5", MOMENT.replace(microsecond=500_000)),
        ("20240102101112345", MOMENT.replace(microsecond=345_000)),
        ("2024-01-02_10-11-12-345678", MOMENT.replace(microsecond=345_678)),
        ("1704157872345", MOMENT.replace(microsecond=345_000)),
        ("1704157872.345", MOMENT.replace(microsecond=345_000)),
        ("2567-01-02_10.11.12", MOMENT.replace(year=2567)),
        ("1402-10-12_10.11.12", datetime(1402, 10, 12, 10, 11, 12)),
    ],
)
def test_parts_of_a_time(text: str, moment: datetime) -> None:
    assert time_in(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "02-01-2024_10.11.12",
        "02012024-101112",
        "240102-101112",
        "202401021011",
        "2401021011",
        "2024-01-02",
        "2024-01-02_0001",
        "2024-01-02 \uc624\ud6c4 10.11.12",
        "2024-01-02 at 13.11.12 PM",
        "2024-02-30_10.11.12",
        "2024-01-02_25.61.61",
        "0000-01-02_10.11.12",
        "9999-12-31T23:59:59-2300",
        "9" * 30,
        "",
        "caf\udce9",
    ],
)
def test_nothing_is_guessed(text: str) -> None:
    assert time_in(text) is None


@pytest.mark.parametrize(
    ("text", "time_format", "moment"),
    [
        ("02.01.24 10h11", "%d.%m.%y %Hh%M", MOMENT.replace(second=0)),
        ("2024-01-02T01:11:12+0000", "%Y-%m-%dT%H:%M:%S%z", MOMENT),
        ("1999999999", "%s", datetime(2033, 5, 18, 12, 33, 19)),
        ("2024-01-02_10.11.12", "%Y%m%d-%H%M%S", None),
        ("x", "%d %d", None),
    ],
)
def test_a_form_of_the_users_own_is_the_only_one(text: str, time_format: str, moment: datetime | None) -> None:
    assert time_in(text, time_format) == moment


@pytest.mark.parametrize(
    "time_format", ["", "%s", "%Y%m%d-%H%M%S", "%y%m%d%H%M", "%c", "%Y-%m-%d %I.%M %p", "%j %Y %H:%M"]
)
def test_formats_that_tell_a_minute(time_format: str) -> None:
    check_time_format(time_format)


@pytest.mark.parametrize("time_format", ["%Y", "%H.%M.%S", "%Y-%m-%d %I.%M", "%q", "%", "x%s", "%d %d %H:%M %Y", "\0"])
def test_formats_that_do_not(time_format: str) -> None:
    with pytest.raises(ValueError, match="must be a format of strptime"):
        check_time_format(time_format)
