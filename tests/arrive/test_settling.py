"""A file that is still being written is waited for, and one that is never whole is looked at ever more rarely."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from tests.desk import START
from watcher.arrive.settling import (
    HOLD_SECONDS,
    LONGEST_GAP_SECONDS,
    SWEEP_SECONDS,
    TELL_SECONDS,
    YOUNG_SECONDS,
    Arrival,
    is_too_young,
)
from watcher.model.capture import Capture

KEY = (1, 2, 3)
SETTLES = [0.05, 0.2, 2.0, 60.0, 3600.0]
"""Seconds."""
MOMENT = 0.001


def test_gaps_double_up_to_an_hour_and_a_person_hears_once() -> None:
    arrival, now, gaps, told = Arrival.seen(KEY, 2.0, now=0.0), 0.0, [], 0
    for _ in range(30):
        now = arrival.due
        arrival.postpone(now)
        told += arrival.worth_telling(now)
        gaps.append(arrival.due - now)
    assert gaps[:3] == pytest.approx([0.2, 0.4, 0.8])
    assert all(early <= late + 1e-6 for early, late in itertools.pairwise(gaps))
    assert gaps[-1] == pytest.approx(LONGEST_GAP_SECONDS)
    assert told == 1


@pytest.mark.parametrize("settle", SETTLES)
def test_a_file_holds_later_ones_back_until_it_has_settled_and_a_while_longer(settle: float) -> None:
    rests = Arrival.seen(KEY, settle, now=10.0)
    assert rests.due == pytest.approx(10.0 + settle)
    assert rests.young(10.0)
    assert rests.young(rests.due + YOUNG_SECONDS - MOMENT)
    assert not rests.young(rests.due + YOUNG_SECONDS + MOMENT)


@pytest.mark.parametrize("settle", SETTLES)
def test_a_file_that_changes_once_more_just_before_it_has_settled_is_not_overtaken(settle: float) -> None:
    first = Arrival.seen(KEY, settle, now=10.0)
    changed = first.changed((2, 3, 3), now=first.due - MOMENT)
    assert changed.young(changed.due)
    assert changed.young(changed.due + YOUNG_SECONDS - MOMENT)


@pytest.mark.parametrize("settle", SETTLES)
def test_a_file_that_never_comes_to_rest_does_not_hold_the_others_back_for_ever(settle: float) -> None:
    last = 10.0 + 2 * settle + HOLD_SECONDS
    grows = Arrival.seen(KEY, settle, now=10.0).changed((2, 3, 3), now=last - MOMENT)
    assert grows.young(last - MOMENT)
    assert not grows.young(last), "it changed a moment ago, but was noticed long ago"


@pytest.mark.parametrize("settle", SETTLES)
def test_a_file_that_changes_begins_anew_but_for_when_it_was_noticed(settle: float) -> None:
    arrival = Arrival.seen(KEY, settle, now=10.0)
    told = arrival.due + TELL_SECONDS + MOMENT
    for now in (told, told + 1):
        arrival.postpone(now)
    assert not arrival.worth_telling(told - 1)
    assert arrival.worth_telling(told)
    changed = arrival.changed((2, 3, 3), now=told + 5)
    assert changed == replace(Arrival.seen((2, 3, 3), settle, told + 5), noticed=10.0)
    assert not changed.worth_telling(told + 5), "it has not stayed unchanged"
    assert changed.worth_telling(changed.due + TELL_SECONDS + MOMENT)
    assert changed.changed((3, 3, 3), now=told + 6).noticed == 10.0


@pytest.mark.parametrize(
    ("age", "settle", "too_young"),
    [(0, SWEEP_SECONDS, False), (0, 60, True), (57, 60, True), (58, 60, False), (-1000, 60, False), (1e9, 60, False)],
)
def test_a_sweep_waits_for_what_will_soon_have_settled_and_believes_no_time_of_the_future(
    age: float, settle: float, too_young: bool
) -> None:
    capture = Capture(Path("/f_1.png"), 1, START, 1, round((1e9 - age) * 1e9))
    assert is_too_young(capture, settle, 1e9) == too_young
