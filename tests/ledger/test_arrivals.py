"""What came last: by the order in which captures came as far as a watcher told it, else by their names."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.ledger.test_ledger import POLICY, ROOT, capture, duplicate, kept, new
from watcher.health.heartbeat import Heartbeat
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.entry import Timeline
from watcher.model.verdict import NOTHING_TO_COMPARE, decide


def told(ledger: Ledger, *entries: int) -> Totals:
    """What the ledger says when a watcher has made these *entries*, in this order."""
    ledger.write_heartbeat(ROOT, Heartbeat(arrivals=list(entries)))
    return Totals(ledger, ROOT)


def swept(ledger: Ledger, number: int) -> None:
    frame = kept(number)
    ledger.record(Timeline(ROOT, "sweep"), decide(frame.capture, NOTHING_TO_COMPARE, POLICY), frame, None)


def at(number: int) -> datetime:
    return capture(number).taken_at


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Entries 1 and 2 of the evening, then 3 to 5 of the noon of another zone: the screen of 3 stands since."""
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    ledger.adopt(ROOT, [])
    new(ledger, kept(1000))
    new(ledger, kept(1005))
    new(ledger, kept(10))
    duplicate(ledger, capture(15), capture(10))
    duplicate(ledger, capture(20), capture(10))
    return ledger


def last(totals: Totals) -> list[datetime]:
    return [entry.verdict.capture.taken_at for entry in totals.last_of_displays()]


def test_names_that_go_back_are_no_reason_to_speak_of_an_older_capture(ledger: Ledger) -> None:
    with ledger:
        assert last(told(ledger)) == [at(1005)]
        totals = told(ledger, 1, 2, 3, 4, 5)
        assert last(totals) == [at(20)]
        assert totals.unchanged(1) == (at(10), 2)
        assert totals.last_news() == (at(20), at(10))
        assert totals.last_shown(4) == {1: [capture(number).path for number in (10, 10, 10, 1005)]}
        assert totals.recent_times(3) == [(1, at(10)), (1, at(15)), (1, at(20))]


def test_before_what_was_told_names_count(ledger: Ledger) -> None:
    with ledger:
        totals = told(ledger, 4, 5)
        assert last(totals) == [at(20)]
        assert totals.unchanged(1) == (at(15), 1), "of what nobody told, that of the greatest time shows another screen"
        assert [moment for _, moment in totals.recent_times(9)] == [at(10), at(1000), at(1005), at(15), at(20)]


def test_a_screen_that_stands_since_before_anything_was_told(ledger: Ledger) -> None:
    with ledger:
        duplicate(ledger, capture(1010), capture(1005))
        duplicate(ledger, capture(1015), capture(1005))
        assert told(ledger, 7).unchanged(1) == (at(1005), 2)


def test_what_a_sweep_judges_of_the_past_does_not_come_last(ledger: Ledger) -> None:
    with ledger:
        swept(ledger, 1)
        swept(ledger, 2)
        assert last(told(ledger, 1, 2, 3, 4, 5)) == [at(20)]


def test_what_a_sweep_judges_of_later_times_does(ledger: Ledger) -> None:
    with ledger:
        swept(ledger, 2000)
        assert last(told(ledger, 1, 2, 3, 4, 5)) == [at(2000)]


def test_each_display_has_its_own_last(ledger: Ledger) -> None:
    with ledger:
        new(ledger, kept(2, display=2))
        assert last(told(ledger, 1, 2, 3, 4, 5, 6)) == [at(20), at(2)]
        assert last(told(ledger, 5, 6)) == [at(20), at(2)]
