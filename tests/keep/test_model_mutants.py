"""The model sees what it is there for: without any one of these conditions, versions and proofs it finds a loss."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.keep.test_model import Fates
from watcher.errors import WatcherError
from watcher.ledger import entries, fates, transitions
from watcher.ledger.transitions import TRANSITIONS
from watcher.model.entry import Entry

pytestmark = pytest.mark.slow

ANY = frozenset().union(*(way.before | way.after for way in TRANSITIONS.values()))
EXAMPLES = 400
"""At most: each mutant below is found within a few dozen."""

Mutate = Callable[[pytest.MonkeyPatch], None]


def from_any_state(name: str) -> Mutate:
    """The transition *name* asks no longer from where."""
    return lambda patch: patch.setitem(TRANSITIONS, name, replace(TRANSITIONS[name], before=ANY))


def on_any_version(patch: pytest.MonkeyPatch) -> None:
    """No decision is dropped because the row has moved on."""
    real = transitions.change

    def loose(db: Any, entry: Entry, name: str, *arguments: Any, **values: Any) -> None:
        (row,) = db.execute("SELECT version FROM picture WHERE id = ?", [entry.id])
        real(db, replace(entry, version=row["version"]), name, *arguments, **values)

    for module in (fates, entries, transitions):
        patch.setattr(module, "change", loose, raising=False)
    from watcher.ledger import deletions  # noqa: PLC0415

    patch.setattr(deletions, "change", loose)


MUTANTS: dict[str, Mutate] = {
    "judge anew whatever the state": from_any_state("judge anew"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutate", MUTANTS.values(), ids=MUTANTS)
def test_the_model_finds(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    generous = settings(
        max_examples=EXAMPLES,
        stateful_step_count=50,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((AssertionError, WatcherError, ValueError, KeyError)):
        run_state_machine_as_test(Fates, settings=generous)
