"""The screens of a period that are most worth a look, so that a year can be reviewed in minutes.

Which these are :mod:`watcher.review.unusual` tells; here they are found in the ledger, and looked at.
"""

import os
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from watcher.judge.device import choose_device
from watcher.judge.similarity import measure
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.review.appearances import Choice, Habit, Showing, Shown, doubtful, habits, showings, shown
from watcher.review.kept_screens import Hall, Reader, by_signature, halls
from watcher.review.unusual import Contest, Entrant, Family, Pick, families, is_usual, picks, rarity
from watcher.settings.settings import Settings

SECOND_LOOKS = 5
"""Doubtful duplicates that are told of, at most."""
_DOUBT = 0.75
"""A tile of a duplicate below this has changed more than by a clock: those of real ones have 0.78 or more."""
_MOST, _LONG = 2, timedelta(days=14)
"""Highlights of one display and hour; of one day where the period is long."""
_SHORTLIST = 8
"""Screens of which the one that is most like another is chosen by whole signatures."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """One unusual screen."""

    entry: Entry
    """Its kept capture; the picture is at ``entry.location``."""
    showing: Showing
    nearest: Entry | None
    """The kept screen shown in the period that it is most like, by their signatures; None if there is none to compare
    with, of its display and size."""
    ssim: float | None
    """With *nearest*; None if there is none, or its picture cannot be read."""
    alike: int
    """How many other kept screens of the period are of its family, and left out."""
    score: float
    """How unusual it is: rarity times distance; falls from one highlight to the next."""

    def as_json(self) -> dict[str, Any]:
        """The highlight as JSON values."""
        return {
            "entry": self.entry.as_json(),
            "first": self.showing.first.isoformat(),
            "last": self.showing.last.isoformat(),
            "times": self.showing.times,
            "visits": self.showing.visits,
            "stood_seconds": self.showing.stood.total_seconds(),
            "most_like": os.fspath(self.nearest.location) if self.nearest else None,
            "ssim": self.ssim,
            "alike": self.alike,
            "score": self.score,
        }


@dataclass(frozen=True, slots=True)
class Review:
    """What there is to see of a period."""

    captures: int
    """Readable captures that were taken in it."""
    screens: int
    """KeptFrame screens that were shown in it."""
    highlights: tuple[Highlight, ...]
    """Most unusual first; fewer than asked for if all others are like these, or usual."""
    second_looks: tuple[Entry, ...]
    """Quarantined duplicates in which one tile changed strongly, the strongest first, one for each screen."""
    opened: int
    """Pictures that were read."""

    def as_json(self) -> dict[str, Any]:
        """The review as JSON values."""
        looks = [entry.as_json() | {"restore": restore_command(entry)} for entry in self.second_looks]
        return {
            "captures": self.captures,
            "screens": self.screens,
            "highlights": [highlight.as_json() for highlight in self.highlights],
            "second_looks": looks,
            "opened": self.opened,
        }


def restore_command(entry: Entry) -> str:
    """What a person types to have the picture of a quarantined *entry* back."""
    return f"framesift restore {shlex.quote(os.fspath(entry.verdict.capture.path))}"


def review(ledger: Ledger, settings: Settings, root: Path, choice: Choice) -> Review:
    """Look through a period of the captures in *root*; opens the pictures it chooses and those nearest to them alone.

    Signatures of an older format are computed again from their pictures, and written down.

    Raises:
        FaultError: the ledger cannot be used.
        WatcherError: this machine has no such device as the settings say.
    """
    captures = shown(ledger, root, choice)
    reader = Reader(choose_device(settings.device), settings.policy)
    standing = showings(captures)
    found = halls(ledger, sorted(standing), reader)
    look = _Look(ledger, reader, choice, standing)
    chosen = islice(picks(_contests(found, captures, look), look.at), choice.count)
    highlights = tuple(look.highlight(pick, seen) for pick, seen in chosen)
    looks = doubtful(ledger, root, choice, _DOUBT, SECOND_LOOKS)
    return Review(len(captures), sum(len(hall.ids) for hall in found), highlights, tuple(looks), reader.opened)


def _contests(found: Sequence[Hall], captures: Sequence[Shown], look: "_Look") -> list[Contest]:
    """The families of all halls, with how much of a habit each is."""
    cut = [look.families(hall) for hall in found]
    of_screens = {
        hall.ids[row]: (number, place)
        for number, (hall, own) in enumerate(zip(found, cut, strict=True))
        for place, family in enumerate(own)
        for row in family.rows
    }
    known = habits(captures, lambda one: of_screens.get(one.screen))
    displays = habits(captures, lambda one: one.display)
    nothing = Habit(len(captures), 0, 0)  # of a display that shows what this period's displays showed as well
    contests = []
    for number, (hall, own) in enumerate(zip(found, cut, strict=True)):
        mine = [known[number, place] for place in range(len(own))]
        display = displays.get(hall.display, nothing)
        entrants = [
            Entrant(family, rarity(habit, len(captures)), is_usual(habit, display))
            for family, habit in zip(own, mine, strict=True)
        ]
        contests.append(Contest(hall, entrants))
    return contests


@dataclass(frozen=True, slots=True)
class _Seen:
    """A screen that was looked at."""

    row: int
    pixels: Tensor


class _Look:
    """Looks at the screens of one review."""

    def __init__(self, ledger: Ledger, reader: Reader, choice: Choice, standing: Mapping[int, Showing]) -> None:
        self._ledger, self._reader, self._choice, self._standing = ledger, reader, choice, standing
        self._shown = Counter[tuple[int, datetime]]()

    def families(self, hall: Hall) -> list[Family]:
        """The families of *hall*; those screens may stand for them that were captured in the period."""
        own = [self._is_own(hall, row) for row in range(len(hall.ids))]
        return families(hall.screens, [self._standing[number].times for number in hall.ids], own)

    def at(self, hall: Hall, family: Family) -> _Seen | None:
        """The screen nearest to the family's centre that may be shown and can be seen; None if there is none."""
        for row in family.rows:
            stretch = hall.display, self._stretch(hall.taken_at[row])
            if self._is_own(hall, row) and self._shown[stretch] < _MOST:
                pixels = self._reader.pixels(self._ledger.entry(hall.ids[row]))
                if pixels is not None:
                    self._shown[stretch] += 1
                    return _Seen(row, pixels)
        return None

    def highlight(self, pick: Pick, seen: _Seen) -> Highlight:
        """All there is to say of what was picked."""
        number = pick.hall.ids[seen.row]
        nearest, ssim = self._nearest(pick.hall, seen)
        alike = sum(self._is_own(pick.hall, row) for row in pick.family.rows) - 1
        return Highlight(self._ledger.entry(number), self._standing[number], nearest, ssim, alike, pick.score)

    def _stretch(self, moment: datetime) -> datetime:
        """When the hour or, in a long period, the day of *moment* began."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        period = self._choice.period
        return hour if period.end - period.begin <= _LONG else hour.replace(hour=0)

    def _is_own(self, hall: Hall, row: int) -> bool:
        period, display = self._choice.period, self._choice.display
        return period.begin <= hall.taken_at[row] < period.end and display in (None, hall.display)

    def _nearest(self, hall: Hall, seen: _Seen) -> tuple[Entry | None, float | None]:
        """The screen that is most like the one *seen* by the bounds of their signatures, and their exact SSIM."""
        distances = hall.screens.distances(seen.row, torch.arange(len(hall.ids)))
        near = [row for row in distances.sort(stable=True).indices.tolist() if row != seen.row][:_SHORTLIST]
        if not near:
            return None, None
        for number in by_signature(self._ledger, hall.ids[seen.row], [hall.ids[row] for row in near]):
            entry = self._ledger.entry(number)
            pixels = self._reader.pixels(entry)
            if pixels is not None and pixels.shape == seen.pixels.shape:
                return entry, measure(seen.pixels, pixels, floor=-1).ssim
        return None, None
