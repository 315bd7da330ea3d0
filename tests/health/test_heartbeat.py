"""Health is concluded from evidence; silence of the capture job is noticed once, and its end too."""

from datetime import UTC, datetime, timedelta

import pytest

from watcher.health.heartbeat import Health, Report, Vigil, diagnose, usual_gap

NOW = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)
FRESH = Report(at=NOW.isoformat(), pid=1, root_there=True, events=True)


def test_a_report_outlives_its_writer_a_lock_does_not() -> None:
    assert diagnose(FRESH, locked=False, now=NOW)[0] is Health.STOPPED
    assert diagnose(FRESH, locked=True, now=NOW) == (Health.WATCHING, [])


@pytest.mark.parametrize(
    ("report", "health", "reason"),
    [
        (Report(), Health.DEGRADED, "starting"),
        (Report(at=FRESH.at, why="waiting for /x: gone"), Health.BLIND, "waiting for /x"),
        (Report(at=FRESH.at, root_there=True, why="no events: limit"), Health.DEGRADED, "no events"),
        (
            Report(at=(NOW - timedelta(minutes=10)).isoformat(), root_there=True, events=True),
            Health.DEGRADED,
            "not reported for 600 s",
        ),
        (
            Report(at=(NOW + timedelta(hours=1)).isoformat(), root_there=True, events=True),
            Health.DEGRADED,
            "the clock was set back",
        ),
        (
            Report(at=FRESH.at, root_there=True, events=True, last_scan=NOW.timestamp() - 1000),
            Health.DEGRADED,
            "not looked through the folder for 1000 s",
        ),
        (
            Report(at=FRESH.at, root_there=True, events=True, unlisted={"/x/y": "Permission denied"}),
            Health.DEGRADED,
            "/x/y cannot be listed: Permission denied",
        ),
        (
            Report(at=FRESH.at, root_there=True, events=True, waiting={"a_1.png": "incomplete"}),
            Health.WATCHING,
            "a_1.png is not whole: incomplete",
        ),
    ],
)
def test_what_is_wrong_is_named(report: Report, health: Health, reason: str) -> None:
    found, reasons = diagnose(report, locked=True, now=NOW)
    assert found is health
    assert any(reason in line for line in reasons)


def test_a_report_is_read_back_as_it_was_written() -> None:
    assert Report.from_json(FRESH.as_json() | {"of_a_later_version": 1}) == FRESH


def test_the_usual_gap_is_between_runs_and_unmoved_by_nights() -> None:
    runs = [NOW + timedelta(minutes=5 * n) for n in range(6)] + [NOW + timedelta(hours=12)]
    times = [moment + timedelta(milliseconds=300 * display) for moment in runs for display in range(3)]
    assert usual_gap(times) == pytest.approx(300, abs=2)
    assert usual_gap(times[:3]) is None
    assert usual_gap([]) is None


def test_silence_is_told_once_and_so_is_its_end() -> None:
    vigil = Vigil(gap=300.0, alarm_after=timedelta(days=1), now=0.0)
    assert vigil.alarm(899) == ""
    assert vigil.alarm(901) == "no new capture for 15 min; usually there is one every 5 min"
    assert vigil.alarm(2000) == ""
    assert vigil.seen(distinct=False, gap=300.0, now=3000) == "captures are coming again after 50 min"
    assert vigil.seen(distinct=False, gap=300.0, now=3300) == ""
    assert vigil.alarm(4300) != ""


def test_nothing_is_called_silent_before_the_usual_is_known() -> None:
    assert Vigil(gap=None, alarm_after=timedelta(days=9), now=0.0).alarm(100_000) == ""


def test_nothing_new_for_long_is_told_once_until_something_new_comes() -> None:
    vigil = Vigil(gap=None, alarm_after=timedelta(hours=24), now=0.0)
    day = 24 * 3600.0
    vigil.seen(distinct=False, gap=None, now=day)
    assert "nothing new on any display for 24 h" in vigil.alarm(day + 1)
    assert vigil.alarm(day + 2) == ""
    vigil.seen(distinct=True, gap=None, now=day + 3)
    assert vigil.alarm(2 * day) == ""
    assert vigil.alarm(2 * day + 5) != ""
