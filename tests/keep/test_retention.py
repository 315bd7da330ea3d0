"""Retention: the same purge by itself, once a day, by days on which the watcher ran and not by what a clock says."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk import SIZE, Shelf, wait_for
from watcher.disk.mirror import Amount, root_of
from watcher.keep.deletion import AT_ONCE
from watcher.keep.retention import Retention, elapsed
from watcher.ledger.days import Days
from watcher.ledger.ledger import Ledger
from watcher.ledger.schema import MIGRATIONS
from watcher.model.entry import Entry, State
from watcher.text import bytes_text

ROOT = Path("/screens")
FIRST = date(2026, 3, 1)
HOUR = 3600.0
DAY = 24 * HOUR


class Run:
    """One run of a watcher, as far as its retention goes."""

    def __init__(self, shelf: Shelf, ledger: Ledger) -> None:
        self.said: list[str] = []
        self._retention = Retention(ledger, shelf.settings(), self.said.append)

    def look(self, day: int, seconds: float, times: int = 5) -> None:
        """Be idle a few times on this day after the first, *seconds* after the start."""
        for _ in range(times):
            self._retention.look(FIRST + timedelta(days=day), seconds)


@pytest.fixture
def ledger(shelf: Shelf) -> Iterator[Ledger]:
    with shelf.desk.ledger() as ledger:
        yield ledger


def there(shelf: Shelf, *entries: Entry) -> list[bool]:
    return [shelf.state(entry) is State.QUARANTINED for entry in entries]


def test_a_duplicate_is_kept_for_whole_days_and_then_goes(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set("[retention]\ndays = 3\n")
    kept = shelf.keep(0)
    run = Run(shelf, ledger)
    run.look(0, 0.0)
    (first,) = shelf.twins(range(1, 2), kept)
    run.look(1, DAY)
    (second,) = shelf.twins(range(2, 3), kept)
    for day in (2, 3):
        run.look(day, day * DAY)
        assert there(shelf, first, second) == [True, True]
    assert run.said == []
    run.look(4, 4 * DAY)
    assert there(shelf, first, second) == [False, True]
    assert run.said == [f"retention: {Amount(1, SIZE)} purged"]
    run.look(5, 5 * DAY)
    assert there(shelf, first, second) == [False, False]
    assert kept.location.exists()


def test_without_retention_nothing_goes_and_the_days_count_all_the_same(shelf: Shelf, ledger: Ledger) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    run = Run(shelf, ledger)
    for day in range(9):
        run.look(day, day * DAY)
    assert (there(shelf, twin), run.said) == ([True], [])
    shelf.set("[retention]\ndays = 7\n")
    Run(shelf, ledger).look(8, 8 * DAY)
    assert there(shelf, twin) == [False]


def test_a_clock_that_jumps_ahead_purges_nothing(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set("[retention]\ndays = 3\n")
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    run = Run(shelf, ledger)
    run.look(0, 0.0)
    for hour in range(1, 20):
        run.look(365 + hour, hour * HOUR)  # another year, and another day every hour
    Run(shelf, ledger).look(800, 20 * HOUR)  # and another one after a restart
    run.look(0, 21 * HOUR)
    run.look(1, DAY)
    assert (there(shelf, twin), run.said) == ([True], [])


def test_many_starts_on_as_many_dates_purge_nothing(shelf: Shelf, ledger: Ledger) -> None:
    """As of a watcher that a service manager starts again and again, while its machine's clock is wrong."""
    shelf.set("[retention]\ndays = 3\n")
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    for start in range(40):
        Run(shelf, ledger).look(start, start * 1.0)
    assert there(shelf, twin) == [True]


def test_what_was_recorded_while_the_clock_was_wrong_ages_like_all_else(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set("[retention]\ndays = 2\n")
    kept = shelf.keep(0)
    Run(shelf, ledger).look(4000, 0.0)
    future, past = shelf.twins(range(1, 3), kept)
    shelf.recorded(future, -4000)
    shelf.recorded(past, 4000)
    run = Run(shelf, ledger)
    for day in range(2):
        run.look(day, (day + 1) * DAY)
    assert there(shelf, future, past) == [True, True]
    run.look(2, 3 * DAY)
    assert there(shelf, future, past) == [False, False]


def test_it_works_once_a_day(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set(f'[retention]\nmax_bytes = "{SIZE + 1} B"\n')
    kept = shelf.keep(0)
    twins = shelf.twins(range(1, 4), kept)
    run = Run(shelf, ledger)
    run.look(0, 0.0)
    assert there(shelf, *twins) == [False, False, True]
    assert run.said == [f"retention: {Amount(2, 2 * SIZE)} purged"]
    late = shelf.twins(range(4, 5), kept)
    run.look(0, HOUR)
    again = Run(shelf, ledger)
    again.look(0, 2 * HOUR)
    assert there(shelf, twins[2], *late) == [True, True]
    again.look(1, DAY)
    assert there(shelf, twins[2], *late) == [False, True]


def test_what_cannot_be_proven_stays_and_is_told(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set('[retention]\nmax_bytes = "1 B"\n')
    kept, gone = shelf.keep(0), shelf.keep(1)
    (twin,), (orphan,) = shelf.twins(range(2, 3), kept), shelf.twins(range(3, 4), gone)
    gone.location.unlink()
    run = Run(shelf, ledger)
    run.look(0, 0.0)
    assert there(shelf, twin, orphan) == [False, True]
    refused = "1 refused: 1 the picture it duplicates is gone or was changed"
    assert run.said == [f"retention: {Amount(1, SIZE)} purged; {refused}"]


def test_captures_come_between(shelf: Shelf, ledger: Ledger) -> None:
    """Each look purges a part, so that no capture waits until thousands of files are deleted."""
    shelf.set('[retention]\nmax_bytes = "1 B"\n')
    twins = shelf.twins(range(1, 451), shelf.keep(0))
    run = Run(shelf, ledger)
    left = []
    for _ in range(10):
        run.look(0, 0.0, times=1)
        left.append(sum(twin.location.exists() for twin in twins))
    assert left == [*range(450 - AT_ONCE, -1, -AT_ONCE), 0]
    assert len(run.said) == 1


def test_what_is_young_costs_nothing(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set("[retention]\ndays = 3\n")
    shelf.twins(range(1, 451), shelf.keep(0))
    Run(shelf, ledger).look(0, 0.0, times=2)
    assert Days(ledger, shelf.desk.root).is_done(FIRST)


def test_killed_in_the_middle_of_the_work_it_goes_on_the_same_day(shelf: Shelf, ledger: Ledger) -> None:
    shelf.set('[retention]\nmax_bytes = "1 B"\n')
    twins = shelf.twins(range(1, 301), shelf.keep(0))
    Run(shelf, ledger).look(0, 0.0, times=1)
    Run(shelf, ledger).look(0, HOUR)
    assert not any(twin.location.exists() for twin in twins)


def test_a_ledger_from_before_begins_to_count_now(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("INSERT INTO root (path, adopted) VALUES (?, 1)", [bytes(ROOT)])
        db.execute("PRAGMA user_version = 1")
        db.commit()
    with Ledger.open(file) as ledger:
        days = Days(ledger, ROOT)
        assert days.begun(0) == 0
        assert days.see(FIRST, 0.0)
        assert not days.is_done(FIRST)
        days.done(FIRST)
        assert days.is_done(FIRST)
        assert ledger.knows_root(ROOT)


def days_of(ledger: Ledger) -> int:
    return len(ledger.rows("SELECT 1 FROM day"))


def test_a_watcher_that_runs_on_counts_every_day(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        days = Days(ledger, ROOT)
        for hour in range(10, 40 * 24):  # started at ten in the morning
            days.see(FIRST + timedelta(days=hour // 24), hour * HOUR)
        assert days_of(ledger) == 40


def test_one_that_is_started_every_day_does_too_and_other_roots_have_their_own_days(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        for day in range(10):
            for _ in range(3):
                assert Days(ledger, ROOT).see(FIRST + timedelta(days=day), 5.0)
        assert days_of(ledger) == 10
        Days(ledger, Path("/other")).see(FIRST, 0.0)
        assert Days(ledger, Path("/other")).begun(1) == Days(ledger, Path("/nobody")).begun(0) == 0
        assert days_of(ledger) == 11


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "jump", "restart"]),
        st.floats(0.0, 3 * DAY),
        st.integers(-4000, 4000),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_whatever_the_clock_does_it_adds_no_more_than_a_day_a_start_and_a_day_in_twenty_hours(
    steps: list[tuple[str, float, int]],
) -> None:
    with Ledger.copy(Path("/nowhere")) as ledger:
        days, now, wrong, starts = Days(ledger, ROOT), 0.0, 0, 1
        days.see(FIRST, now)
        for what, seconds, offset in steps:
            if what == "jump":
                wrong = offset
            elif what == "restart":
                days, starts = Days(ledger, ROOT), starts + 1
            else:
                now += seconds
            days.see(FIRST + timedelta(days=int(now // DAY) + wrong), now)
        assert days_of(ledger) <= starts + now // (20 * HOUR)


def test_the_clock_that_nobody_sets_goes_on() -> None:
    first = elapsed()
    assert elapsed() >= first > 0


@pytest.mark.slow
def test_the_watcher_does_it_by_itself_and_a_dry_run_does_not(shelf: Shelf) -> None:
    shelf.set('[retention]\nmax_bytes = "1 B"\n')
    twins = shelf.twins(range(1, 3), shelf.keep(0))
    shelf.desk.config.write_text('on_similar = "set-aside"\n' + shelf.desk.config.read_text())
    shelf.desk.start("--dry-run")
    wait_for(lambda: " watches " in shelf.desk.output())
    assert shelf.desk.stop() == 0
    assert there(shelf, *twins) == [True, True]
    assert "up to 1 byte" in shelf.run("status", code=4)
    shelf.desk.start()
    wait_for(lambda: f"retention: {Amount(2, 2 * SIZE)} purged" in shelf.desk.output())
    assert shelf.desk.stop() == 0
    assert there(shelf, *twins) == [False, False]
    assert root_of(shelf.desk.root.with_name("ScreenRecord-similar")) == shelf.desk.root
    assert f"{bytes_text(2 * SIZE)} ever" in shelf.run("status", code=4)
