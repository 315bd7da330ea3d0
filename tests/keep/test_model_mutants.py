"""The model sees what it is there for: without any one of these conditions, versions and proofs it finds a fault."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.keep.model import LEGAL, World
from tests.keep.test_model import Fates
from watcher.disk import files
from watcher.keep import moves, proof, purge
from watcher.keep.deletion import Deletion, Superfluous
from watcher.keep.homecoming import Homecoming
from watcher.keep.proof import Found, Proofs
from watcher.ledger import deletions, transitions
from watcher.ledger.ledger import Ledger
from watcher.ledger.transitions import TRANSITIONS, fate
from watcher.model.capture import Capture
from watcher.model.entry import Entry

pytestmark = pytest.mark.slow

EXAMPLES = 300
"""At most; each mutant is found within a few dozen as a rule."""

Mutate = Callable[[pytest.MonkeyPatch], None]


def on_any_version(patch: pytest.MonkeyPatch) -> None:
    """A decision holds for whatever the row has become."""

    def loose(db: Any, entry: Entry, name: str, *arguments: Any, **values: Any) -> None:
        (row,) = db.execute("SELECT version FROM picture WHERE id = ?", [entry.id])
        transitions.change(db, replace(entry, version=row["version"]), name, *arguments, **values)

    patch.setattr("tests.keep.model.change", loose)


def without_proof(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Proofs, "missing", lambda *_: "")


def without_a_look_at_the_bytes(patch: pytest.MonkeyPatch) -> None:
    def believed(path: Path, capture: Capture) -> Found:
        return Found() if files.is_still(path, capture) else Found(objection="is gone")

    patch.setattr(proof, "find", believed)


def by_what_was_read_before(patch: pytest.MonkeyPatch) -> None:
    def unchanged(_: Deletion, one: Superfluous) -> Superfluous:
        return one

    patch.setattr(Deletion, "_as_it_is", unchanged)


def deleting_what_a_killed_purge_had_condemned(patch: pytest.MonkeyPatch) -> None:
    def finish(ledger: Ledger, entry: Entry) -> Entry:
        with files.emptying(entry.location.parent) as emptied:
            if emptied.has(entry.location.name):
                emptied.delete(entry.location.name, entry.verdict.capture)
        deletions.end_deletion(ledger, [(entry, True)], "")
        return ledger.entry(entry.id)

    for module in (moves, purge):
        patch.setattr(module, "end_interrupted_deletion", finish)


def without_a_look_at_what_comes_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Homecoming, "meet", lambda *_: None)


MUTANTS: dict[str, Mutate] = {
    "on any version": on_any_version,
    "without proof": without_proof,
    "without a look at the bytes": without_a_look_at_the_bytes,
    "by what was read before": by_what_was_read_before,
    "deleting what a killed purge had condemned": deleting_what_a_killed_purge_had_condemned,
    "without a look at what comes back": without_a_look_at_what_comes_back,
}


def test_the_table_is_that_of_the_model() -> None:
    assert set(LEGAL) == set(TRANSITIONS)
    for name, (before, (state, becomes)) in LEGAL.items():
        way = TRANSITIONS[name]
        assert way.before == {fate(one.value, other and other.value) for one, other in before}
        assert fate(state.value, becomes and becomes.value) in way.after


@pytest.mark.parametrize("name", LEGAL)
def test_the_model_finds_a_transition_that_asks_no_longer_from_where(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide_all() -> None:
        for which in range(len(world.read)):
            world.decide_late(which, name)

    world = World(tmp_path)
    for numbers, then in (((0, 0, 1), world.purge), ((0, 0), world.restore), ((0, 2), world.remember)):
        for number in numbers:
            world.arrive(number)
        world.watch()
        then()
    decide_all()
    anywhere = frozenset[str]().union(*(way.before | way.after for way in TRANSITIONS.values()))
    monkeypatch.setitem(TRANSITIONS, name, replace(TRANSITIONS[name], before=anywhere))
    with pytest.raises(AssertionError, match=f"{name} of an entry"):
        decide_all()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutate", MUTANTS.values(), ids=MUTANTS)
def test_the_model_finds(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    hasty = settings(
        max_examples=EXAMPLES,
        stateful_step_count=50,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever goes wrong in this world
        run_state_machine_as_test(seed(7)(Fates), settings=hasty)
