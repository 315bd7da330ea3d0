"""The table of transitions: each changes what it says, from where it says, and on the version it was decided on."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.desk import START, on_its_way
from watcher.errors import StaleError
from watcher.ledger.days import Days
from watcher.ledger.ledger import Ledger
from watcher.ledger.transitions import TRANSITIONS, change, fate
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State, Timeline
from watcher.model.verdict import NOTHING_TO_COMPARE, Policy, decide

ROOT, ASIDE = Path("/screens"), Path("/quarantine/a_1.png")
WAYS = [*((state, None) for state in State if state is not State.MOVING)] + [
    (State.MOVING, becomes) for becomes in (State.KEPT, State.QUARANTINED, State.RESTORED, State.PURGED)
]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.copy(Path("/nowhere")) as ledger:
        ledger.adopt(ROOT, [])
        yield ledger


def recorded(ledger: Ledger) -> Entry:
    capture = Capture(ROOT / "a_1.png", 1, START, 100, 1)
    return ledger.record(Timeline(ROOT), decide(capture, NOTHING_TO_COMPARE, Policy()), None, None)


def at(ledger: Ledger, entry: Entry, state: State, becomes: State | None) -> Entry:
    """*entry* as if it had come to that state."""
    if becomes is not None:
        return on_its_way(ledger, entry, ASIDE, becomes)
    ledger.rows("UPDATE picture SET state = ?, becomes = NULL, target = NULL WHERE id = ?", [state.value, entry.id])
    return ledger.entry(entry.id)


def changed(ledger: Ledger, entry: Entry, name: str, state: State, becomes: State | None) -> Entry:
    target = {} if becomes is None else {"target": b"/quarantine/a_1.png"}
    ledger.write(lambda db: change(db, entry, name, state, becomes, **target))
    return ledger.entry(entry.id)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_leads_from_where_the_table_says_to_where_it_says_and_nowhere_else(
    ledger: Ledger, name: str
) -> None:
    way, first = TRANSITIONS[name], recorded(ledger)
    for (before, before_becomes), (after, after_becomes) in itertools.product(WAYS, WAYS):
        entry = at(ledger, ledger.entry(first.id), before, before_becomes)
        if fate(after, after_becomes) not in way.after:
            with pytest.raises(ValueError, match="does not lead to"):
                changed(ledger, entry, name, after, after_becomes)
        elif fate(before, before_becomes) not in way.before:
            with pytest.raises(StaleError):
                changed(ledger, entry, name, after, after_becomes)
        else:
            done = changed(ledger, entry, name, after, after_becomes)
            assert (done.state, done.becomes, done.version) == (after, after_becomes, entry.version + 1)
            assert (done.target is None) == (after is not State.MOVING)
            continue
        assert ledger.entry(first.id) == entry


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_decision_holds_for_the_version_it_was_made_on_and_for_no_other(ledger: Ledger, name: str) -> None:
    way = TRANSITIONS[name]
    before, after = (
        next(pair for pair in WAYS if fate(*pair) in way.before),
        next(pair for pair in WAYS if fate(*pair) in way.after),
    )
    entry = at(ledger, recorded(ledger), *before)
    for version in (entry.version - 1, entry.version + 1):
        with pytest.raises(StaleError, match="dealt with otherwise"):
            changed(ledger, replace(entry, version=version), name, *after)
    with pytest.raises(StaleError):
        changed(ledger, replace(entry, id=99), name, *after)
    changed(ledger, entry, name, *after)
    with pytest.raises(StaleError):
        changed(ledger, entry, name, *after)


def test_nothing_but_purge_ends_as_purged_and_nothing_restored_is_moved_without_a_person() -> None:
    assert [name for name, way in TRANSITIONS.items() if State.PURGED in way.after] == ["purge"]
    assert TRANSITIONS["purge"].before == {fate(State.MOVING, State.PURGED)}
    assert [name for name, way in TRANSITIONS.items() if State.RESTORED in way.before] == ["lose", "release"]
    assert all(way.who and way.proof for way in TRANSITIONS.values())


def test_from_when_it_is_quarantined_is_written_down_and_nothing_but_another_arrival_changes_that(
    ledger: Ledger,
) -> None:
    def aside(entry: Entry) -> tuple[object, int]:
        (row,) = ledger.rows("SELECT aside_at, aside_day FROM picture WHERE id = ?", [entry.id])
        return row["aside_at"], row["aside_day"]

    days, entry = Days(ledger, ROOT), recorded(ledger)
    assert aside(entry) == (None, 0)
    days.see(date(2026, 1, 1), 0.0)
    entry = changed(ledger, on_its_way(ledger, entry, ASIDE, State.QUARANTINED), "arrive", State.QUARANTINED, None)
    first = aside(entry)
    assert first == (entry.aside_at.isoformat() if entry.aside_at else "", days.begun(0))
    days.see(date(2026, 1, 2), 1e6)
    entry = changed(ledger, entry, "condemn", State.MOVING, State.PURGED)
    entry = changed(ledger, entry, "spare", State.QUARANTINED, None)
    assert aside(entry) == first
    entry = changed(ledger, entry, "judge anew", State.QUARANTINED, None)
    assert aside(entry) == first
    entry = changed(ledger, on_its_way(ledger, entry, ASIDE, State.QUARANTINED), "arrive", State.QUARANTINED, None)
    assert aside(entry)[1] == days.begun(0) > first[1]
