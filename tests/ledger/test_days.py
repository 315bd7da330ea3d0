"""Days on which a watcher ran: a date counts once, and not before a day's time has passed."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from watcher.ledger.days import Days
from watcher.ledger.ledger import Ledger

ROOT, OTHER = Path("/screens"), Path("/others")
FIRST = date(2026, 3, 1)
SECOND = FIRST + timedelta(days=1)
HOURS = 3600.0


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.copy(Path("/nowhere")) as ledger:
        yield ledger


def counted(ledger: Ledger, root: Path = ROOT) -> list[str]:
    rows = ledger.rows(
        "SELECT date FROM day JOIN root ON root.id = root_id WHERE path = ? ORDER BY date", [bytes(root)]
    )
    return [row["date"] for row in rows]


def test_a_date_counts_once_and_the_next_one_not_before_twenty_hours(ledger: Ledger) -> None:
    days = Days(ledger, ROOT)
    assert days.see(FIRST, 0)
    assert days.see(FIRST, 1)
    assert not days.see(SECOND, 20 * HOURS - 1)
    assert counted(ledger) == [str(FIRST)]
    assert days.see(SECOND, 20 * HOURS)
    assert counted(ledger) == [str(FIRST), str(SECOND)]
    assert not days.see(SECOND + timedelta(days=1), 40 * HOURS - 1), "counted from the last one"


def test_after_a_restart_a_date_that_was_counted_is_counted_no_second_time(ledger: Ledger) -> None:
    for _ in range(2):
        assert Days(ledger, ROOT).see(FIRST, 0)
    assert counted(ledger) == [str(FIRST)]


def test_a_restart_makes_no_new_day_but_that_of_the_system_may(ledger: Ledger) -> None:
    assert Days(ledger, ROOT, "one").see(FIRST, 5 * HOURS)
    assert not Days(ledger, ROOT, "one").see(SECOND, 24 * HOURS)
    assert counted(ledger) == [str(FIRST)]
    assert Days(ledger, ROOT, "two").see(SECOND, 1.0)
    third = SECOND + timedelta(days=1)
    assert not Days(ledger, ROOT, "two").see(third, 2.0)
    assert Days(ledger, ROOT, "two").see(SECOND, 3.0), "it was counted"
    assert Days(ledger, ROOT, "two").see(third, 21 * HOURS)
    assert Days(ledger, ROOT, "").see(third + timedelta(days=1), 0), "where no boot is known from another"


def test_the_work_of_a_day_is_done_for_that_day_and_that_root(ledger: Ledger) -> None:
    ours, theirs = Days(ledger, ROOT), Days(ledger, OTHER)
    for number, day in enumerate((FIRST, SECOND)):
        assert ours.see(day, number * 24 * HOURS)
        assert theirs.see(day, number * 24 * HOURS)
    ours.done(SECOND)
    assert [days.is_done(day) for days in (ours, theirs) for day in (FIRST, SECOND)] == [False, True, False, False]
