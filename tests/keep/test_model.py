"""No picture is lost, whoever does what, in any order: watcher, sweeps, restore, purge, a person with a file manager.

``MODEL=50 bash tests/run tests/keep/test_model.py`` goes 100,000 steps instead of 2,000.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.keep.model import LAX, LEGAL, STRICT, Actor, World, books_balance, doors, nothing_is_lost

TIMES = int(os.environ.get("MODEL", "1"))
_MOST_AT_WORK = 3
ORDER = st.integers(0, 5)
SCREENS = st.integers(0, 3)


class Fates(RuleBasedStateMachine):
    """Everybody at work on one root."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="framesift-model-")
        self._patches = pytest.MonkeyPatch()
        self.world = World(Path(self._folder.name))
        self.actors: list[Actor] = []
        doors(self._patches, self.world)

    def teardown(self) -> None:
        for actor in self.actors:
            if not actor.is_done:
                actor.kill()
        self._patches.undo()
        self._folder.cleanup()

    @initialize(numbers=st.lists(SCREENS, min_size=2, max_size=5))
    def first_pictures(self, numbers: list[int]) -> None:
        for number in numbers:
            self.world.arrive(number)
        self.world.watch()

    # --- who is at work ---

    @rule(number=SCREENS)
    def a_picture_arrives(self, number: int) -> None:
        self.world.arrive(number)

    @precondition(lambda self: len(self.actors) < _MOST_AT_WORK)
    @rule(who=st.sampled_from(["watch", "sweep", "again strict", "again lax", "restore", "purge", "purge asks"]))
    def somebody_begins(self, who: str) -> None:
        world = self.world
        works = {
            "watch": world.watch,
            "sweep": lambda: world.watch("sweep"),
            "again strict": lambda: world.again(STRICT),
            "again lax": lambda: world.again(LAX),
            "restore": world.restore,
            "purge": world.purge,
            "purge asks": lambda: world.purge(asks=True),
        }
        one_at_once = [actor for actor in self.actors if actor.name.split()[0] == who.split(maxsplit=1)[0]]
        if one_at_once and who not in ("restore", "purge"):
            return  # one watcher, one sweep: claims see to that
        actor = Actor(who, works[who])
        actor.begin()
        self.actors.append(actor)
        self._ended()

    @precondition(lambda self: self.actors)
    @rule(which=ORDER, doors=st.integers(1, 40))
    def somebody_goes_on(self, which: int, doors: int) -> None:
        actor = self.actors[which % len(self.actors)]
        for _ in range(doors):
            if self.world.is_waiting(actor):
                break
            actor.step()
        self._ended()

    @precondition(lambda self: self.actors)
    @rule(which=ORDER)
    def somebody_is_killed(self, which: int) -> None:
        self.actors[which % len(self.actors)].kill()
        self._ended()

    @rule()
    def all_come_to_their_end(self) -> None:
        for _ in range(20_000):
            if not self.actors:
                break
            for actor in self.actors:
                if not self.world.is_waiting(actor):
                    actor.step()
            self._ended()
        assert not self.actors
        self.world.watch()
        self.world.watch()
        books_balance(self.world)

    def _ended(self) -> None:
        for actor in self.actors:
            if actor.is_done and actor.failure is not None:
                raise actor.failure
        self.actors = [actor for actor in self.actors if not actor.is_done]

    # --- a person, and the world ---

    @rule(
        what=st.sampled_from(["edit", "rot", "delete", "rename", "touch", "drag_back", "sync_back"]),
        which=ORDER,
        number=SCREENS,
    )
    def a_person_does_something(self, what: str, which: int, number: int) -> None:
        world = self.world
        top = world.quarantine if what in ("drag_back", "sync_back") else world.root
        pictures = sorted(top.rglob("*.png"))
        if not pictures:
            return
        path = pictures[which % len(pictures)]
        if what == "edit":
            world.edit(path, number)
        else:
            getattr(world, what)(path)

    @rule()
    def somebody_reads(self) -> None:
        self.world.remember()

    @precondition(lambda self: self.world.read and not self.actors)
    @rule(which=st.integers(0, 50), name=st.sampled_from(sorted(LEGAL)))
    def a_decision_comes_late(self, which: int, name: str) -> None:
        self.world.decide_late(which, name)

    @invariant()
    def no_picture_is_lost(self) -> None:
        nothing_is_lost(self.world)


def _steps(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        report_multiple_bugs=False,
        derandomize=TIMES == 1,  # the same steps each time; other ones are for whoever goes further
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(3600)
def test_no_picture_is_lost_whoever_does_what_in_any_order() -> None:
    run_state_machine_as_test(Fates, settings=_steps(40 * TIMES))
