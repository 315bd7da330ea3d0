"""A file that is still being written is waited for, and one that is never whole is looked at ever more rarely."""

import itertools

import pytest

from watcher.arrive.settling import HOLD_SECONDS, LONGEST_GAP_SECONDS, SETTLE_SECONDS, YOUNG_SECONDS, Arrival


def test_gaps_double_up_to_an_hour_and_a_person_hears_once() -> None:
    arrival, now, gaps, told = Arrival.seen((1, 2, 3), now=0.0), 0.0, [], 0
    for _ in range(30):
        now = arrival.due
        arrival.postpone(now)
        told += arrival.worth_telling(now)
        gaps.append(arrival.due - now)
    assert gaps[:3] == pytest.approx([0.2, 0.4, 0.8])
    assert all(early <= late + 1e-6 for early, late in itertools.pairwise(gaps))
    assert gaps[-1] == pytest.approx(LONGEST_GAP_SECONDS)
    assert told == 1


def test_a_file_is_young_until_it_has_rested_for_a_while_or_has_held_the_others_back_for_too_long() -> None:
    rests = Arrival.seen((1, 2, 3), now=10.0)
    assert rests.young(10.0)
    assert rests.young(10.0 + YOUNG_SECONDS - 0.01)
    assert not rests.young(10.0 + YOUNG_SECONDS)
    grows = rests.changed((2, 3, 3), now=10.0 + HOLD_SECONDS - 0.5)
    assert grows.young(10.0 + HOLD_SECONDS - 0.01)
    assert not grows.young(10.0 + HOLD_SECONDS), "it changed a moment ago, but was noticed long ago"


def test_a_file_that_changes_begins_anew_but_for_when_it_was_noticed() -> None:
    arrival = Arrival.seen((1, 2, 3), now=10.0)
    for now in (13.0, 14.0, 15.0):
        arrival.postpone(now)
    assert arrival.worth_telling(15.0)
    changed = arrival.changed((2, 3, 3), now=20.0)
    assert changed == Arrival((2, 3, 3), since=20.0, noticed=10.0, due=20.0 + SETTLE_SECONDS, tries=0, was_told=False)
    assert not changed.worth_telling(20.0), "it has not stayed unchanged"
    assert changed.worth_telling(23.0)
    assert changed.changed((3, 3, 3), now=21.0).noticed == 10.0
