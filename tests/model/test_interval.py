from datetime import datetime, timedelta

import pytest

from watcher.model.interval import usual_interval

NOW = datetime(2020, 5, 4, 12)


def captured(*minutes: float, displays: int = 3) -> list[tuple[int, datetime]]:
    """Captures of so many displays, some tenths of a second apart."""
    return [
        (display, NOW + timedelta(minutes=minute, milliseconds=300 * display))
        for minute in minutes
        for display in range(displays)
    ]


def test_the_usual_interval_is_between_runs_and_unmoved_by_nights() -> None:
    assert usual_interval(captured(0, 5, 10, 15, 20, 25, 720)) == timedelta(minutes=5)


def test_a_display_that_is_off_for_a_while_counts_by_its_own_captures() -> None:
    assert usual_interval([*captured(0, 5, 10, 15, displays=1), *captured(20, 25)]) == timedelta(minutes=5)


@pytest.mark.parametrize(("seconds", "known"), [(0.9, False), (1, False), (1.1, True)])
def test_two_captures_of_a_display_in_one_run_are_no_interval(seconds: float, known: bool) -> None:
    assert (usual_interval([(1, NOW), (1, NOW + timedelta(seconds=seconds))]) is not None) is known


@pytest.mark.parametrize(("runs", "fewest", "known"), [(1, 1, False), (2, 1, True), (4, 4, False), (5, 4, True)])
def test_nothing_is_usual_before_enough_has_come(runs: int, fewest: int, known: bool) -> None:
    assert (usual_interval(captured(*range(0, 5 * runs, 5)), fewest) is not None) is known


def test_nothing_is_usual_of_nothing() -> None:
    assert usual_interval([]) is None
