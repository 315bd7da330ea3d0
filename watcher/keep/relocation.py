"""A root that has moved, and its quarantine with it: the ledger follows, once the pictures are seen to be there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watcher.disk.mirror import mark_anew, owner_of, require_unmarked
from watcher.errors import WatcherError
from watcher.keep.proof import is_there
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.entry import Entry

_SAMPLE = 1000
"""So many of the latest pictures in a root, and in each of its mirrors, are looked for."""


@dataclass(slots=True)
class Count:
    """How many of the pictures that were looked for are there."""

    found: int = 0
    expected: int = 0

    def __str__(self) -> str:
        return f"{self.found} of {self.expected}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What has moved where, and how much of it is there."""

    old: Path
    new: Path
    in_root: Count = field(default_factory=Count)
    mirrors: dict[Path, Path] = field(default_factory=dict)
    """Where each quarantine of *old* is now."""
    in_mirrors: Count = field(default_factory=Count)


def plan(ledger: Ledger, old: Path, new: Path) -> Plan:
    """Find out whether *old*, a root that the ledger knows, has become *new*.

    Raises:
        WatcherError: it has not: nothing that the ledger expects is there, or *new* is something else already.
    """
    if not new.is_dir():
        raise WatcherError(f"{new} is not there")
    require_unmarked(new)
    knows_old, knows_new = (Totals(ledger, root).is_there() for root in (old, new))
    if not knows_old and not (knows_new and not old.is_dir()):
        raise WatcherError(f"the ledger knows no pictures of {old}")
    if knows_old and knows_new:
        raise WatcherError(f"the ledger knows {new} already, as a folder of its own")
    found = Plan(old if knows_old else new, new)  # else its quarantine follows, now
    # What is gone from its place has moved; what is there as well may have been copied.
    for mirror in sorted(ledger.mirrors(found.old), key=os.path.exists):
        place = next((one for one in _places(mirror, old, new) if one not in found.mirrors.values()), None)
        if place is not None:
            found.mirrors[mirror] = place
    for entry in Totals(ledger, found.old).latest_pictures(_SAMPLE):
        _count(found, entry)
    if found.in_root.found * 2 < found.in_root.expected:
        raise WatcherError(f"only {found.in_root} of the latest pictures kept in {old} are in {new}")
    return found


def _places(mirror: Path, old: Path, new: Path) -> Iterator[Path]:
    """Where *mirror* may be now: beside the *new* root, under its name or the old one; or where it was."""
    ending = mirror.name.removeprefix(old.name) if mirror.name.startswith(old.name) else ""
    named = [new.with_name(f"{new.name}{ending}")] if ending else []
    below = [new / mirror.relative_to(old)] if mirror.is_relative_to(old) else []
    places = (*named, *below, new.with_name(mirror.name), mirror)
    return (place for place in places if owner_of(place) in (old, new))


def _count(found: Plan, entry: Entry) -> None:
    """Whether the picture of *entry* is where it would be."""
    mirror = next((one for one in found.mirrors if entry.location.is_relative_to(one)), None)
    if mirror is not None:
        count, place = found.in_mirrors, found.mirrors[mirror] / entry.location.relative_to(mirror)
    elif entry.location.is_relative_to(found.old):
        count, place = found.in_root, found.new / entry.location.relative_to(found.old)
    else:
        count, place = found.in_mirrors, entry.location
    count.expected += 1
    count.found += is_there(place, entry.verdict.capture)


def carry_out(ledger: Ledger, found: Plan) -> None:
    """Let the quarantines say whose they are now, and the ledger where all is. Can be repeated after a crash.

    Raises:
        FaultError: the ledger refuses.
        OSError: a mark cannot be written.
    """

    def follow() -> None:
        for place in found.mirrors.values():
            mark_anew(place, found.new)
        # Killed here: marks that say NEW, which plan() takes for those of OLD as well.
        ledger.relocate(found.old, found.new, {old: new for old, new in found.mirrors.items() if old != new})

    ledger.exclusively(follow)
