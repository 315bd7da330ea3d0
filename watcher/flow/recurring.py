"""Screens that keep coming back with only their clock moved on, among those that were kept.

:mod:`watcher.judge.volatile` finds them in signatures. Then a few pictures are looked at: most of them must be in the
scene that it would be, and what varies among them must be written.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from watcher.errors import WatcherError
from watcher.judge.scenes import fitting_in, read
from watcher.judge.signature import can_unpack
from watcher.judge.volatile import Mask, Pixels, SceneClock, TileMaps, Visits, alike, boxes, scene_clocks, tile_maps
from watcher.judge.writing import is_written
from watcher.ledger.ledger import Ledger
from watcher.ledger.sightings import sightings
from watcher.ledger.stored_signatures import StoredSignature, stored_signatures
from watcher.model.entry import Entry
from watcher.model.notice import RETURNING_DAYS
from watcher.model.period import Period
from watcher.model.scene import Reference, Scene
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind, Policy
from watcher.progress import NO_PROGRESS, Progress
from watcher.settings.settings import Settings

TRIED = 6
"""Pictures of a screen that are opened."""
_FEW = 300
"""Screens of a display that are looked at where it is only to be told that there is something."""
_BATCH = 64
_FIT = 0.8
"""Share of them that must be in the scene."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Recurring:
    """A screen that keeps coming back, and what changes in it."""

    scene: Scene
    """What would make it one screen."""
    reference: Entry
    display: int
    captures: int
    """Kept screens that show it; with the scene one of them would do."""
    visits: int
    """How often it came back."""
    examples: tuple[Entry, ...]
    """Captures that show it, in the order of time."""


def returning(ledger: Ledger, settings: Settings) -> int:
    """How many of the latest kept screens of ``RETURNING_DAYS`` show what another one shows, but for the time.

    Raises:
        FaultError: the ledger cannot be used.
        SettingsError: the reference of a scene cannot be read.
    """
    shown, policy = shown_in(ledger, settings, Period.last_days(RETURNING_DAYS)), settings.policy
    found = (
        recurring(ledger, policy, screens, clock, "?")
        for screens in screens_by_size(ledger, shown, policy, _FEW, NO_PROGRESS)
        for clock in screens.clocks(screens.nothing, shown)
    )
    return sum(one.captures - 1 for one in found if one is not None)


def shown_in(ledger: Ledger, settings: Settings, period: Period) -> list[Sighting]:
    """What was captured in *period*, and could be read."""
    return [one for one in sightings(ledger, settings.root, period) if one.kind is not Kind.UNREADABLE]


@dataclass(frozen=True, slots=True)
class Screens:
    """Kept screens of one display and size, in the order of time."""

    display: int
    numbers: tuple[int, ...]
    """Their entries."""
    stored: tuple[StoredSignature, ...]
    tiles: TileMaps
    members: list[list[int]]
    """Which of them show one screen."""

    @classmethod
    def of(cls, display: int, stored: Sequence[StoredSignature], digest: int) -> Self:
        """Those with the *stored* signatures, all of one size and *digest*."""
        tiles = tile_maps(_batches(stored), digest)
        return cls(display, tuple(one.number for one in stored), tuple(stored), tiles, alike(tiles))

    @property
    def nothing(self) -> Mask:
        """(rows, columns) bool: no tile."""
        return self.tiles[0] != self.tiles[0]

    def clocks(self, panel: Mask, shown: Sequence[Sighting]) -> list[SceneClock]:
        """What moves in screens that keep coming back, beside what is of the *panel*."""
        dates = [one.taken_at.date() for one in self.stored]
        return scene_clocks(self.tiles, self.members, panel, dates, Visits(self._rows(shown)))

    def frame_of(self, place: Path, policy: Policy) -> Pixels | None:
        """The frame of the picture at *place*, of this display; None if it cannot be read, or is of another size."""
        try:
            frame = read(place, self.display, policy)[0]
        except (WatcherError, OSError):
            return None
        return frame if frame.shape[1:] == (self.stored[0].height, self.stored[0].width) else None

    def _rows(self, shown: Sequence[Sighting]) -> list[int]:
        """Which of them each capture of the display shows; -1 for another."""
        rows = {number: row for row, number in enumerate(self.numbers)}
        return [rows.get(one.shows, -1) for one in shown if one.display == self.display]


def screens_by_size(
    ledger: Ledger, shown: Sequence[Sighting], policy: Policy, most: int, progress: Progress
) -> list[Screens]:
    """The last *most* screens that each display has *shown*; *progress* is told."""
    by_display: dict[int, dict[int, None]] = defaultdict(dict)
    for one in reversed(shown):
        if len(by_display[one.display]) < most:
            by_display[one.display].setdefault(one.shows)
    groups: dict[tuple[int, int, int], list[StoredSignature]] = defaultdict(list)
    # What one display showed may have been kept of another.
    numbers = list(dict.fromkeys(number for own in by_display.values() for number in own))
    waiting, digest = progress.track(numbers, len(numbers), "screens read"), cache(policy.digest)
    while some := list(islice(waiting, _BATCH)):
        for stored in stored_signatures(ledger, some):
            if can_unpack(stored.data, digest(stored.display)):
                groups[stored.display, stored.height, stored.width].append(stored)
    return [
        Screens.of(display, sorted(found, key=lambda one: (one.taken_at, one.number)), digest(display))
        for (display, _, _), found in sorted(groups.items())
    ]


def _batches(stored: Sequence[StoredSignature]) -> Iterator[list[bytes]]:
    for first in range(0, len(stored), _BATCH):
        yield [one.data for one in stored[first : first + _BATCH]]


def recurring(ledger: Ledger, policy: Policy, screens: Screens, clock: SceneClock, name: str) -> Recurring | None:
    """The screen of which *clock* is the clock, as a scene called *name*; None if its pictures do not bear that out.

    Args:
        ledger: knows where they are.
        policy: by which they are read.
        screens: among which the clock was found.
        clock: what moves.
        name: the scene's.
    """
    entries = [ledger.entry(screens.numbers[row]) for row in spread(clock.rows, TRIED)]
    pictures = {entry.id: screens.frame_of(entry.location, policy) for entry in entries}
    frames = [frame for entry in entries if (frame := pictures[entry.id]) is not None]
    reference = next((entry for entry in reversed(entries) if pictures[entry.id] is not None), None)
    if reference is None or (digest := _digest(reference.location)) is None:
        return None
    parts = boxes(clock.mask, policy.reduce)
    scene = Scene.of(name, [f"{screens.display}"], [Reference(digest, reference.location)], parts)
    fitting = fitting_in(frames, frames[-1], parts, policy)
    if fitting < _FIT * len(frames) or not is_written(frames, parts, policy.reduce):
        return None
    return Recurring(scene, reference, screens.display, len(clock.rows), clock.visits, tuple(entries))


def _digest(place: Path) -> str | None:
    try:
        return hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return None


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most *count* of *items*, the last among them, evenly."""
    step = max(1, -(-len(items) // count))
    return list(items[::-1][::step][::-1])
