"""What might be ignored, learned from what the displays showed: clocks of panels, and clocks of scenes.

:mod:`watcher.judge.volatile` finds them in the signatures of kept screens. What is proposed as a scene is looked at: of
a few pictures that should show it, most must be in it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from watcher.errors import WatcherError
from watcher.judge.scenes import read
from watcher.judge.signature import can_unpack
from watcher.judge.volatile import (
    Mask,
    Pixels,
    SceneClock,
    TileMaps,
    Visits,
    boxes,
    moved,
    panel_clock,
    scene_clocks,
    tile_maps,
)
from watcher.judge.writing import is_written
from watcher.ledger.ledger import Ledger
from watcher.ledger.sightings import sightings, twins_of
from watcher.ledger.stored_signatures import StoredSignature, stored_signatures
from watcher.model.entry import Entry
from watcher.model.period import Period
from watcher.model.preparation import Rectangle
from watcher.model.scene import Reference, Scene
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind, Policy
from watcher.progress import NO_PROGRESS, Progress
from watcher.settings.settings import Settings

_MOST, _FEW = 1_500, 300
"""Screens of a display that are looked at, the latest; and where it is only to be told that there is something."""
_BATCH = 64
_PAIRS = 24
"""Duplicates of a display and size that are opened, with what they are like."""
_FEWEST = 4
"""Of them from which on a clock of the panel is believed."""
_TRIED = 6
"""Pictures of a scene that are opened."""
_NEWS = 35
"""Pixels. Measured on labelled screens: carets, pointers and blinking things end at 32, words begin at 36."""
_WRITTEN = 0.5
"""Share of the pairs in which a clock of the panel must look like one."""
_FIT = 0.8
"""Share of them that must be in it."""


_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class PanelClock:
    """What changes wherever a display stands still."""

    display: int
    rectangles: tuple[Rectangle, ...]
    screens: int
    """In most of so many screens it was seen to change."""
    examples: tuple[Entry, ...]
    """Captures that show it, in the order of time."""


@dataclass(frozen=True, slots=True)
class LearnedScene:
    """A screen that keeps coming back, and what changes in it."""

    scene: Scene
    reference: Entry
    display: int
    captures: int
    """Kept screens that show it; with the scene one of them would do."""
    visits: int
    """How often it came back."""
    examples: tuple[Entry, ...]
    """Captures that show it, in the order of time."""


@dataclass(frozen=True, slots=True)
class Learned:
    """All that is proposed."""

    clocks: tuple[PanelClock, ...]
    scenes: tuple[LearnedScene, ...]
    news: int
    """What the setting ``news`` should be: with clocks out of the way it keeps a notice and a typed word."""
    looked_at: int
    """Kept screens."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is proposed."""
        return not self.clocks and not self.scenes


def learn(ledger: Ledger, settings: Settings, period: Period, progress: Progress = NO_PROGRESS) -> Learned:
    """Look for clocks in what the displays of a root showed in *period*.

    Raises:
        FaultError: the ledger cannot be used.
        SettingsError: the reference of a scene cannot be read.
    """
    policy = settings.policy
    shown = _shown(ledger, settings, period)
    groups = _groups(ledger, shown, policy, _MOST, progress)
    panels, scenes = [], []
    for group in groups:
        pairs = [_Pair.of(ledger, twin) for twin in _spread(twins_of(ledger, group.numbers), _PAIRS)]
        looked_at = progress.track(pairs, len(pairs), "duplicates looked at")
        moves = [moved(*frames) for pair in looked_at if (frames := pair.frames(policy)) is not None]
        panel = panel_clock(moves) if len(moves) >= _FEWEST else group.nothing
        if clock := _written(boxes(panel, policy.reduce), pairs, policy):
            examples = tuple(pair.entry for pair in _spread(pairs, _TRIED))
            panels.append(PanelClock(group.display, clock, len(moves), examples))
        scenes += [(group, clock) for clock in group.scene_clocks(panel, shown)]
    painted = _with(policy, panels)
    names = (f"scene {number}" for number in _numbers(policy))
    learned = (_scene(ledger, painted, group, clock, names) for group, clock in scenes)
    found = Learned(tuple(panels), tuple(filter(None, learned)), policy.news, sum(len(one.numbers) for one in groups))
    return replace(found, news=policy.news or (0 if found.is_empty or policy.guard else _NEWS))


def returning(ledger: Ledger, settings: Settings, period: Period) -> int:
    """How many of the last kept screens show what :func:`learn` would make one screen each; opens no picture.

    Raises:
        FaultError, SettingsError: as for :func:`learn`.
    """
    shown = _shown(ledger, settings, period)
    groups = _groups(ledger, shown, settings.policy, _FEW, NO_PROGRESS)
    return sum(len(clock.rows) - 1 for group in groups for clock in group.scene_clocks(group.nothing, shown))


def _shown(ledger: Ledger, settings: Settings, period: Period) -> list[Sighting]:
    return [one for one in sightings(ledger, settings.root, period) if one.kind is not Kind.UNREADABLE]


@dataclass(frozen=True, slots=True)
class _Group:
    """Kept screens of one display and size, in the order of time."""

    display: int
    numbers: tuple[int, ...]
    stored: tuple[StoredSignature, ...]
    tiles: TileMaps

    @property
    def nothing(self) -> Mask:
        """(rows, columns) bool: no tile."""
        return self.tiles[0] != self.tiles[0]

    def scene_clocks(self, panel: Mask, shown: Sequence[Sighting]) -> list[SceneClock]:
        """What moves in screens that keep coming back, beside what is of the *panel*."""
        return scene_clocks(self.tiles, panel, [one.taken_at.date() for one in self.stored], Visits(self.rows(shown)))

    def rows(self, shown: Sequence[Sighting]) -> list[int]:
        """Which of them each capture of the display shows; -1 for another."""
        rows = {number: row for row, number in enumerate(self.numbers)}
        return [rows.get(one.shows, -1) for one in shown if one.display == self.display]


def _groups(ledger: Ledger, shown: Sequence[Sighting], policy: Policy, most: int, progress: Progress) -> list[_Group]:
    """The last *most* kept screens of each display."""
    by_display: dict[int, dict[int, None]] = defaultdict(dict)
    for one in reversed(shown):
        if len(by_display[one.display]) < most:
            by_display[one.display].setdefault(one.shows)
    groups: dict[tuple[int, int, int], list[StoredSignature]] = defaultdict(list)
    numbers = [number for own in by_display.values() for number in own]
    waiting = progress.track(numbers, len(numbers), "screens read")
    digests = {display: policy.digest(display) for display in by_display}
    while some := list(islice(waiting, _BATCH)):
        for stored in stored_signatures(ledger, some):
            if can_unpack(stored.data, digests[stored.display]):
                groups[stored.display, stored.height, stored.width].append(stored)
    return [
        _Group(display, tuple(one.number for one in own), tuple(own), tile_maps(_batches(own), digests[display]))
        for (display, _, _), found in sorted(groups.items())
        for own in [sorted(found, key=lambda one: (one.taken_at, one.number))]
    ]


def _batches(stored: Sequence[StoredSignature]) -> Iterator[list[bytes]]:
    for first in range(0, len(stored), _BATCH):
        yield [one.data for one in stored[first : first + _BATCH]]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A duplicate and what it is like."""

    entry: Entry
    nearest: Path

    @classmethod
    def of(cls, ledger: Ledger, twin: int) -> Self:
        """That of the duplicate with the number *twin*."""
        entry = ledger.entry(twin)
        return cls(entry, ledger.location(entry.verdict.score.nearest or entry.verdict.capture))

    def frames(self, policy: Policy) -> tuple[Pixels, Pixels] | None:
        """Both, if they are there and of one size."""
        display = self.entry.verdict.capture.display
        one, other = (_frame(place, display, policy) for place in (self.entry.location, self.nearest))
        return (one, other) if one is not None and other is not None and one.shape == other.shape else None


def _written(parts: Iterable[Rectangle], pairs: Sequence[_Pair], policy: Policy) -> tuple[Rectangle, ...]:
    """Those of *parts* in which something is written anew between most of some *pairs*."""
    some = [frames for pair in _spread(pairs, _TRIED) if parts and (frames := pair.frames(policy)) is not None]
    votes = {part: [is_written(frames, [part], policy.reduce) for frames in some] for part in parts}
    return tuple(part for part, own in votes.items() if sum(own) >= _WRITTEN * len(own))


def _frame(place: Path, display: int, policy: Policy) -> Pixels | None:
    try:
        return read(place, display, policy)[0]
    except (WatcherError, OSError):
        return None


def _with(policy: Policy, panels: Sequence[PanelClock]) -> Policy:
    """*policy* that ignores the clocks of *panels* as well."""
    ignored: dict[str, tuple[Rectangle, ...]] = dict(policy.ignore)
    for one in panels:
        ignored[f"{one.display}"] = (*ignored.get(f"{one.display}", ()), *one.rectangles)
    return replace(policy, ignore=tuple(sorted(ignored.items())))


def _numbers(policy: Policy) -> Iterator[int]:
    """Of scenes whose names are not taken."""
    taken = {scene.name for scene in policy.scenes}
    return (number for number in range(1, 10**6) if f"scene {number}" not in taken)


def _scene(
    ledger: Ledger, policy: Policy, group: _Group, clock: SceneClock, names: Iterator[str]
) -> LearnedScene | None:
    """The scene of *clock*, if its pictures are in it."""
    entries = [ledger.entry(group.numbers[row]) for row in _spread(clock.rows, _TRIED)]
    reference = next(filter(_is_there, reversed(entries)), None)
    if reference is None:
        return None
    digest = hashlib.sha256(reference.location.read_bytes()).hexdigest()
    parts = boxes(clock.mask, policy.reduce)
    scene = Scene.of("?", [f"{group.display}"], [Reference(digest, reference.location)], parts)
    fitting = sum(_shows(entry, replace(policy, scenes=(scene,))) for entry in entries)
    if fitting < _FIT * sum(map(_is_there, entries)):
        return None
    frames = [_frame(entry.location, group.display, policy) for entry in entries]
    if not is_written([one for one in frames if one is not None], parts, policy.reduce):
        return None
    named = replace(scene, name=next(names))
    return LearnedScene(named, reference, group.display, len(clock.rows), clock.visits, tuple(entries))


def _is_there(entry: Entry) -> bool:
    return entry.location.is_file()


def _spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most *count* of *items*, the last among them, evenly."""
    step = max(1, -(-len(items) // count))
    return list(items[::-1][::step][::-1])


def _shows(entry: Entry, policy: Policy) -> bool:
    try:
        return bool(read(entry.location, entry.verdict.capture.display, policy)[1])
    except (WatcherError, OSError):
        return False
