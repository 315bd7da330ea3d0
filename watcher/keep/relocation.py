"""A root that has moved, and its quarantine with it: the ledger follows, once the pictures are seen to be there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watcher.disk.listing import disk_of
from watcher.disk.mirror import mark_anew, owner_of, require_unmarked
from watcher.errors import WatcherError
from watcher.keep.moves import without_links
from watcher.keep.proof import is_there
from watcher.ledger import moved_roots
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.capture import Capture
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

    asked: Path
    """Where the root was, as the user says."""
    old: Path
    """The same as the ledger has it: the new one, if only a quarantine follows."""
    new: Path
    in_root: Count = field(default_factory=Count)
    mirrors: dict[Path, Path] = field(default_factory=dict)
    """Where each quarantine of *old* is now."""
    missed: list[Path] = field(default_factory=list)
    """Those of which less than half is found anywhere: they stay where they are for the ledger."""
    in_mirrors: Count = field(default_factory=Count)


def plan(ledger: Ledger, old: Path, new: Path) -> Plan:
    """Find out whether *old*, a root that the ledger knows, has become *new*.

    Raises:
        WatcherError: it has not: nothing that the ledger expects is there, or *new* is something else already.
    """
    if not os.path.isdir(new):  # noqa: PTH112 - is_dir() may raise
        raise WatcherError(f"{new} is not there")
    require_unmarked(new)
    knows_old, knows_new = (Totals(ledger, root).is_there() for root in (old, new))
    is_left = os.path.isdir(old) and os.path.realpath(old) != os.fspath(new)  # noqa: PTH112 - as above
    if not knows_old and (is_left or not knows_new):
        raise WatcherError(f"the ledger knows no pictures of {old}")
    if knows_old and knows_new and is_left:
        raise WatcherError(f"{old} is there still, and the ledger knows {new} as a folder of its own")
    found = Plan(old, old if knows_old else new, new)  # else its quarantine follows, now
    latest = list(Totals(ledger, found.old).latest_pictures(_SAMPLE))
    # What is gone from its place has moved; what is there as well may have been copied.
    for mirror in sorted(ledger.mirrors(found.old), key=os.path.exists):
        own = [entry for entry in latest if entry.location.is_relative_to(mirror)]
        _find_mirror(found, mirror, own)
    for entry in latest:
        if not any(entry.location.is_relative_to(mirror) for mirror in (*found.mirrors, *found.missed)):
            _count(ledger, found, entry)
    if found.in_root.found * 2 < found.in_root.expected:
        raise WatcherError(f"only {found.in_root} of the latest pictures kept in {old} are in {new}")
    return found


def _find_mirror(found: Plan, mirror: Path, own: list[Entry]) -> None:
    """Find the place where most of its *own* pictures are now, and at least half of them."""
    here = {
        place: sum(_is_seen(place / entry.location.relative_to(mirror), entry.verdict.capture) for entry in own)
        for place in _places(mirror, found)
        if own or place not in found.mirrors.values()
    }
    best = max(here, key=lambda place: here[place], default=None)
    if best is not None and here[best] * 2 >= len(own):
        found.mirrors[mirror] = best
    elif own:
        found.missed.append(mirror)
    found.in_mirrors.expected += len(own)
    found.in_mirrors.found += here[best] if best in found.mirrors.values() and best is not None else 0


def _places(mirror: Path, found: Plan) -> Iterator[Path]:
    """Where *mirror* may be now: beside the new root, under its name or the old one; or where it was."""
    old, new = found.asked, found.new
    ending = mirror.name.removeprefix(old.name) if mirror.name.startswith(old.name) else ""
    named = [new.with_name(f"{new.name}{ending}")] if ending else []
    below = [new / mirror.relative_to(old)] if mirror.is_relative_to(old) else []
    places = dict.fromkeys((*named, *below, new.with_name(mirror.name), mirror))
    return (place for place in places if owner_of(place) in (old, new))


def _lies(entry: Entry) -> bool:
    return is_there(without_links(entry.location), entry.verdict.capture)


def _is_seen(place: Path, capture: Capture) -> bool:
    """Whether *capture* is at *place*; of what framesift 0.1 judged, and a clock has touched, by its size."""
    if is_there(place, capture):
        return True
    try:
        return not capture.digest and place.lstat().st_size == capture.size
    except OSError:
        return False


def _count(ledger: Ledger, found: Plan, entry: Entry) -> None:
    """Whether the picture of *entry*, which lies in no mirror, is where it would be."""
    is_ours = entry.location.is_relative_to(found.old)
    count = found.in_root if is_ours else found.in_mirrors
    place = found.new / entry.location.relative_to(found.old) if is_ours else entry.location
    count.expected += 1
    # As a root of its own the new one may have set it aside meanwhile.
    count.found += _is_seen(place, entry.verdict.capture) or any(
        one.verdict.capture.digest == entry.verdict.capture.digest and _lies(one) for one in ledger.at_home(place)
    )


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
        homes = {mirror: (place, disk_of(place)) for mirror, place in found.mirrors.items()}
        moved_roots.follow(ledger, found.old, (found.new, disk_of(found.new)), homes, _lies)

    ledger.exclusively(follow)
