"""Health is concluded from evidence; silence of the capture job is noticed once, and its end too."""

from datetime import UTC, datetime, timedelta

import pytest

from watcher.health.heartbeat import Health, Heartbeat, diagnose

NOW = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)
FRESH = Heartbeat(at=NOW.isoformat(), pid=1, root_there=True, events=True)


def test_a_report_outlives_its_writer_a_lock_does_not() -> None:
    assert diagnose(FRESH, locked=False, now=NOW)[0] is Health.STOPPED
    assert diagnose(FRESH, locked=True, now=NOW) == (Health.WATCHING, [])


@pytest.mark.parametrize(
    ("heartbeat", "health", "reason"),
    [
        (Heartbeat(), Health.DEGRADED, "starting"),
        (Heartbeat(at=FRESH.at, why="waiting for /x: gone"), Health.BLIND, "waiting for /x"),
        (Heartbeat(at=FRESH.at, root_there=True, why="no events: limit"), Health.DEGRADED, "no events"),
        (
            Heartbeat(at=(NOW - timedelta(minutes=10)).isoformat(), root_there=True, events=True),
            Health.DEGRADED,
            "not reported for 600 s",
        ),
        (
            Heartbeat(at=(NOW + timedelta(hours=1)).isoformat(), root_there=True, events=True),
            Health.DEGRADED,
            "the clock was set back",
        ),
        (
            Heartbeat(at=FRESH.at, root_there=True, events=True, last_scan=NOW.timestamp() - 1000),
            Health.DEGRADED,
            "not looked through the folder for 1000 s",
        ),
        (
            Heartbeat(at=FRESH.at, root_there=True, events=True, unlisted={"/x/y": "Permission denied"}),
            Health.DEGRADED,
            "/x/y cannot be listed: Permission denied",
        ),
        (
            Heartbeat(at=FRESH.at, root_there=True, events=True, waiting={"a_1.png": "incomplete"}),
            Health.WATCHING,
            "a_1.png is left alone for now: incomplete",
        ),
    ],
)
def test_what_is_wrong_is_named(heartbeat: Heartbeat, health: Health, reason: str) -> None:
    found, reasons = diagnose(heartbeat, locked=True, now=NOW)
    assert found is health
    assert any(reason in line for line in reasons)


def test_a_report_is_read_back_as_it_was_written() -> None:
    assert Heartbeat.from_json(FRESH.as_json() | {"of_a_later_version": 1}) == FRESH
