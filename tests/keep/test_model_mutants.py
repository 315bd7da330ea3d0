"""The model sees what it is there for: without any one of these conditions, versions and proofs it finds a fault."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.keep.model import LEGAL
from tests.keep.test_model import Fates
from watcher.disk import files
from watcher.keep import moves, proof, purge
from watcher.keep.deletion import Deletion, Superfluous
from watcher.keep.homecoming import Homecoming
from watcher.keep.proof import Found, Proofs
from watcher.ledger import deletions, transitions
from watcher.ledger.ledger import Ledger
from watcher.ledger.transitions import TRANSITIONS
from watcher.model.capture import Capture
from watcher.model.entry import Entry

pytestmark = pytest.mark.slow

ANY = frozenset[str]().union(*(way.before | way.after for way in TRANSITIONS.values()))
EXAMPLES = 500
"""At most; each mutant is found within a few dozen as a rule."""

Mutate = Callable[[pytest.MonkeyPatch], None]


def from_any_state(name: str) -> Mutate:
    """The transition *name* asks no longer from where."""
    return lambda patch: patch.setitem(TRANSITIONS, name, replace(TRANSITIONS[name], before=ANY))


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
    **{f"{name} from any state": from_any_state(name) for name in LEGAL},
    "on any version": on_any_version,
    "without proof": without_proof,
    "without a look at the bytes": without_a_look_at_the_bytes,
    "by what was read before": by_what_was_read_before,
    "deleting what a killed purge had condemned": deleting_what_a_killed_purge_had_condemned,
    "without a look at what comes back": without_a_look_at_what_comes_back,
}


def test_every_transition_is_in_the_model() -> None:
    assert set(LEGAL) == set(TRANSITIONS)


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
