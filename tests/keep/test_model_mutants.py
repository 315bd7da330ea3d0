"""The model sees what it is there for: its invariants find each condition, version and proof that is taken out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.keep.model import LEGAL, Actor, World, books_balance, doors, nothing_is_lost
from watcher.disk import files
from watcher.keep import moves, proof, purge
from watcher.keep.homecoming import Homecoming
from watcher.keep.proof import Found, Proofs
from watcher.ledger import deletions, transitions
from watcher.ledger.ledger import Ledger
from watcher.ledger.transitions import TRANSITIONS, fate
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path)
    doors(monkeypatch, world)
    yield world
    nothing_is_lost(world)


def kept_and_twins(world: World, twins: int = 2) -> tuple[Path, list[Path]]:
    """A kept picture, and duplicates of it in quarantine."""
    first, *_ = [world.arrive(0) for _ in range(1 + twins)]
    world.watch()
    aside = sorted(world.quarantine.rglob("*.png"))
    assert len(aside) == twins
    return first, aside


def to_the_end(actor: Actor) -> None:
    actor.begin()
    while not actor.is_done:
        actor.step()
    if actor.failure is not None:
        raise actor.failure


def read_again_and_again(world: World) -> None:
    """Entries in every state, read at different times."""
    for numbers, then in (((0, 0, 1), world.purge), ((0, 0), world.restore), ((0, 2), world.remember)):
        for number in numbers:
            world.arrive(number)
        world.watch()
        world.remember()
        if then == world.purge:
            to_the_end(Actor("purge", then))
        else:
            then()
    for path in sorted(world.root.rglob("*.png")):
        world.touch(path)
    world.watch()
    world.remember()


def decide_all(world: World, name: str) -> None:
    for which in range(len(world.read)):
        world.decide_late(which, name)


def test_the_table_is_that_of_the_model() -> None:
    assert set(LEGAL) == set(TRANSITIONS)
    for name, (before, (state, becomes)) in LEGAL.items():
        way = TRANSITIONS[name]
        assert way.before == {fate(one.value, other and other.value) for one, other in before}
        assert fate(state.value, becomes and becomes.value) in way.after


@pytest.mark.parametrize("name", LEGAL)
def test_it_finds_a_transition_that_asks_no_longer_from_where(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_again_and_again(world)
    decide_all(world, name)
    anywhere = frozenset[str]().union(*(way.before | way.after for way in TRANSITIONS.values()))
    monkeypatch.setitem(TRANSITIONS, name, replace(TRANSITIONS[name], before=anywhere))
    with pytest.raises(AssertionError, match=f"{name} of an entry"):
        decide_all(world, name)


def test_it_finds_a_decision_that_holds_for_any_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def loose(db: Any, entry: Entry, name: str, *arguments: Any, **values: Any) -> None:
        (row,) = db.execute("SELECT version FROM picture WHERE id = ?", [entry.id])
        transitions.change(db, replace(entry, version=row["version"]), name, *arguments, **values)

    read_again_and_again(world)
    decide_all(world, "judge anew")
    monkeypatch.setattr("tests.keep.model.change", loose)
    with pytest.raises(AssertionError, match="judge anew of an entry"):
        decide_all(world, "judge anew")


Harm = Callable[[World, Path], None]


def _believe_the_file(path: Path, capture: Capture) -> Found:
    return Found() if files.is_still(path, capture) else Found(objection="is gone")


@pytest.mark.parametrize("harm", [World.delete, World.rot], ids=["deleted", "rotten"])
def test_it_finds_a_deletion_without_a_proof(world: World, harm: Harm, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, aside = kept_and_twins(world)
    harm(world, kept)
    to_the_end(Actor("purge", world.purge))
    assert sorted(world.quarantine.rglob("*.png")) == aside
    with monkeypatch.context() as mutant:
        if harm is World.delete:
            mutant.setattr(Proofs, "missing", lambda *_: "")
        else:
            mutant.setattr(proof, "find", _believe_the_file)
        with pytest.raises(AssertionError, match="is the last picture of its screen"):
            to_the_end(Actor("purge", world.purge))


def test_it_finds_a_start_that_deletes_what_a_killed_purge_had_condemned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(ledger: Ledger, entry: Entry) -> Entry:
        with files.emptying(entry.location.parent) as emptied:
            if emptied.has(entry.location.name):
                emptied.delete(entry.location.name, entry.verdict.capture)
        deletions.end_deletion(ledger, [(entry, True)], "")
        return ledger.entry(entry.id)

    def condemned() -> bool:
        with world.ledger() as ledger:
            return any(entry.state is State.MOVING for entry in ledger.entries())

    kept_and_twins(world)
    killed = Actor("purge", world.purge)
    killed.begin()
    while not condemned():
        killed.step()
    killed.kill()
    for module in (moves, purge):
        monkeypatch.setattr(module, "end_interrupted_deletion", finish)
    with pytest.raises(AssertionError, match="nothing is deleted after a kill"):
        world.watch()


def test_it_finds_that_nobody_looks_at_what_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (twin, *_) = kept_and_twins(world)
    world.sync_back(twin)
    with monkeypatch.context() as mutant:
        mutant.setattr(Homecoming, "meet", lambda *_: None)
        world.watch()
        with pytest.raises(AssertionError):
            books_balance(world)
    world.watch()
    books_balance(world)
