"""The walk of one capture, from the event to the line of the log: the tour of the house tells it, and here it is taken.

A step of the walk is a module that another room calls with the capture in hand: with its path, its name, or a value
that holds it. Before that stand those that bring it forth: the listing, the source, and the watcher that takes it
from there. Each module of the flow counts as a room in this, and all hooks together as one. What a room does within
its own walls is no step, nor are the values and words that all rooms share.
"""

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType

from tests.conftest import Watch
from tests.desk import Desk
from tests.pictures import screen
from watcher.model.entry import State

MOST_STEPS = 12
BRING_IT_FORTH = {"disk/listing", "arrive/live", "flow/watch"}
SHARED = {"model", "text", "errors", "patience", "settings", "__init__"}
TOUR = (Path(__file__).parents[1] / "watcher" / "README.md").read_text(encoding="utf-8")


def step_of(frame: FrameType) -> str:
    """The module of framesift that *frame* runs in, as the tour writes it; empty for what is others' or shared."""
    name = str(frame.f_globals.get("__name__", ""))
    room, _, module = name.removeprefix("watcher.").partition(".")
    if not name.startswith("watcher.") or room in SHARED:
        return ""
    if room == "ledger":
        return "ledger/ledger"  # one object, whose class has more than one module
    return "hooks" if room == "hooks" else f"{room}/{module}"


def room_of(step: str) -> str:
    return step if step.startswith("flow/") else step.split("/", maxsplit=1)[0]


def holds(value: object, name: str, depth: int = 5) -> bool:
    """Whether *value* is the capture called *name*, or holds it."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return name in os.fsdecode(value)
    if not depth:
        return False
    if is_dataclass(value) and not isinstance(value, type):
        return any(holds(getattr(value, field.name), name, depth - 1) for field in fields(value))
    return name in str(getattr(value, "src_path", ""))  # an event


class Walk:
    """Every step of the capture called *name*, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: dict[str, None] = {}

    def see(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or not (step := step_of(frame)) or step in self.steps:
            return
        outer = frame.f_back
        while outer is not None and not step_of(outer):
            outer = outer.f_back
        if outer is not None and room_of(step_of(outer)) == room_of(step):
            return
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(holds(frame.f_locals.get(one), self.name) for one in names if one != "self"):
            self.steps[step] = None


@contextmanager
def followed(name: str) -> Iterator[Walk]:
    walk = Walk(name)
    threading.setprofile(walk.see)
    sys.setprofile(walk.see)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_a_capture_walks_as_the_tour_tells(desk: Desk, watch_here: Watch) -> None:
    kept, capture = desk.path(1), desk.path(2)
    with followed(capture.name) as walk:
        watch_here((kept, screen(1)), (capture, screen(1)))
    with desk.ledger() as ledger:
        assert ledger.about(capture)[0].state is State.QUARANTINED
    told = re.findall(r"^\d+\. `([\w/]+)`", TOUR, re.MULTILINE)
    assert set(told) - set(walk.steps) == BRING_IT_FORTH
    assert set(walk.steps) <= set(told)
    assert len(told) <= MOST_STEPS
