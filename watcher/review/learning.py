"""What might be ignored, learned from what the displays showed: clocks of panels, and of screens that keep coming back.

The first are found where duplicates differ from what they are like; the others by :mod:`watcher.flow.recurring`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Self

from watcher.flow.recurring import TRIED, Recurring, Screens, recurring, screens_by_size, shown_in, spread
from watcher.judge.regions import widest_change
from watcher.judge.similarity import measure
from watcher.judge.volatile import Mask, Pixels, SceneClock, boxes, moved, panel_clock
from watcher.judge.writing import is_written
from watcher.ledger.ledger import Ledger
from watcher.ledger.sightings import twins_of
from watcher.model.entry import Entry
from watcher.model.period import Period
from watcher.model.preparation import Rectangle
from watcher.model.verdict import Policy
from watcher.progress import NO_PROGRESS, Progress
from watcher.settings.settings import Settings

_MOST = 1_500
"""Screens of a display that are looked at, the latest."""
_PAIRS = 24
"""Duplicates of a display and size that are opened, with what they are like."""
_OF_EACH = 3
"""Of them, of each screen at most."""
_FEWEST = 3
"""Screens from which on a clock of the panel is believed."""
_WRITTEN = 0.5
"""Share of the pairs in which a clock of the panel must look like one."""
_NEWS = 35
"""Pixels. Measured on labelled screens: carets, pointers and blinking things end at 32, words begin at 36."""
_RESTLESS = 0.5
"""Share of the duplicates that would be news, with the clocks ignored, above which something else moves there."""


@dataclass(frozen=True, slots=True)
class PanelClock:
    """What changes wherever a display stands still."""

    display: int
    rectangles: tuple[Rectangle, ...]
    screens: int
    """In most of so many screens it was seen to change."""
    examples: tuple[Entry, ...]
    """Captures that show it."""


@dataclass(frozen=True, slots=True)
class Learned:
    """All that is proposed."""

    clocks: tuple[PanelClock, ...]
    scenes: tuple[Recurring, ...]
    news: int
    """What the setting ``news`` should be: with clocks out of the way it keeps a notice and a typed word."""
    restless: tuple[int, ...]
    """Displays on which something else moves all the time, so that ``news`` would keep most duplicates."""
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
    shown = shown_in(ledger, settings, period)
    groups = screens_by_size(ledger, shown, policy, _MOST, progress)
    panels: list[PanelClock] = []
    scenes: list[tuple[Screens, SceneClock]] = []
    twins: dict[int, list[_Pair]] = defaultdict(list)
    for group in groups:
        pairs = _pairs(ledger, group)
        twins[group.display] += pairs
        panel, own = _panel(group, pairs, policy, progress)
        panels += own
        scenes += [(group, clock) for clock in group.clocks(panel, shown)]
    painted = _with(policy, panels)
    looked_at = progress.track(scenes, len(scenes), "scenes looked at")
    found = [one for group, clock in looked_at if (one := recurring(ledger, painted, group, clock, "?")) is not None]
    names = _names(policy)
    named = [replace(one, scene=replace(one.scene, name=next(names))) for one in found]
    after = replace(painted, news=_NEWS, scenes=(*painted.scenes, *(one.scene for one in named)))
    compared = progress.track(twins.items(), len(twins), "displays compared")
    restless = tuple(display for display, pairs in compared if _are_news(pairs, after))
    proposes = (panels or named) and not restless and not policy.guard
    news = policy.news or (_NEWS if proposes else 0)
    return Learned(tuple(panels), tuple(named), news, restless, sum(len(one.numbers) for one in groups))


def _pairs(ledger: Ledger, group: Screens) -> "list[_Pair]":
    """Duplicates and what they are like, some of each screen."""
    twins = twins_of(ledger, group.numbers)
    pairs = []
    for number, rows in enumerate(group.members):
        own = [twins[entry] for row in rows if (entry := group.numbers[row]) in twins]
        pairs += [(number, twin) for twin in own[-_OF_EACH:]]
    found = (_Pair.of(ledger, group, *pair) for pair in spread(pairs, _PAIRS))
    return [pair for pair in found if pair.entry.verdict.capture.display == group.display]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A duplicate and what it is like."""

    screens: Screens
    number: int
    """Which of the screens it shows."""
    entry: Entry
    nearest: Path

    @classmethod
    def of(cls, ledger: Ledger, screens: Screens, number: int, twin: int) -> Self:
        """That of the duplicate with the entry *twin*, which shows the one with *number* of *screens*."""
        entry = ledger.entry(twin)
        return cls(screens, number, entry, ledger.location(entry.verdict.score.nearest or entry.verdict.capture))

    def frames(self, policy: Policy) -> tuple[Pixels, Pixels] | None:
        """Both, if they are there and of that size."""
        one, other = (self.screens.frame_of(place, policy) for place in (self.entry.location, self.nearest))
        return None if one is None or other is None else (one, other)


def _panel(group: Screens, pairs: Sequence[_Pair], policy: Policy, progress: Progress) -> tuple[Mask, list[PanelClock]]:
    """What moves on most screens of *group*, told from *pairs*; and that as a clock, as far as it is one."""
    moves = defaultdict(list)
    for pair in progress.track(pairs, len(pairs), "duplicates looked at"):
        if (frames := pair.frames(policy)) is not None:
            moves[pair.number].append(moved(*frames))
    panel = panel_clock([*moves.values()]) if len(moves) >= _FEWEST else group.nothing
    parts = _written(boxes(panel, policy.reduce), pairs, policy)
    examples = tuple(pair.entry for pair in spread(pairs, TRIED))
    return panel, [PanelClock(group.display, parts, len(moves), examples)] if parts else []


def _written(parts: Iterable[Rectangle], pairs: Sequence[_Pair], policy: Policy) -> tuple[Rectangle, ...]:
    """Those of *parts* in which something is written anew between most of some *pairs*."""
    some = [frames for pair in spread(pairs, TRIED) if parts and (frames := pair.frames(policy)) is not None]
    votes = {part: [is_written(frames, [part], policy.reduce) for frames in some] for part in parts}
    return tuple(part for part, own in votes.items() if sum(own) >= _WRITTEN * len(own))


def _are_news(pairs: Sequence[_Pair], policy: Policy) -> bool:
    """Whether most of some *pairs* would be news by *policy*."""
    some = [frames for pair in spread(pairs, 2 * TRIED) if (frames := pair.frames(policy)) is not None]
    changes = (widest_change(*frames, measure(*frames, floor=0.0).units, policy.reduce) for frames in some)
    return sum(map(policy.is_news, changes)) > _RESTLESS * len(some)


def _with(policy: Policy, panels: Sequence[PanelClock]) -> Policy:
    """*policy* that ignores the clocks of *panels* as well."""
    ignored: dict[str, tuple[Rectangle, ...]] = dict(policy.ignore)
    for one in panels:
        ignored[f"{one.display}"] = (*ignored.get(f"{one.display}", ()), *one.rectangles)
    return replace(policy, ignore=tuple(sorted(ignored.items())))


def _names(policy: Policy) -> Iterator[str]:
    """For scenes, that are not taken."""
    taken = {scene.name for scene in policy.scenes}
    return (name for number in count(1) if (name := f"scene {number}") not in taken)
