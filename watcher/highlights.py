"""The screens of a period that are most worth a look, so that a year can be reviewed in minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from watcher.entry import Entry
from watcher.ledger import Ledger
from watcher.period import Period
from watcher.settings import Settings


@dataclass(frozen=True, slots=True)
class Choice:
    """Which screens are asked for."""

    period: Period
    count: int = 20
    display: int | None = None
    """Only this display; None for all."""


@dataclass(frozen=True, slots=True)
class Showing:
    """When a screen was shown in a period."""

    first: datetime
    last: datetime
    """Times of the first and the last capture that show it."""
    times: int
    """Captures that show it: its own, and duplicates of it."""
    visits: int
    """Runs of consecutive captures of a display that show it."""
    stood: timedelta
    """For how long, over all visits; while nothing was captured nothing counts."""


@dataclass(frozen=True, slots=True)
class Highlight:
    """One unusual screen."""

    entry: Entry
    """Its kept capture; the picture is at ``entry.location``."""
    showing: Showing
    nearest: Entry | None
    """The kept screen shown in the period that it is most like; None if there is no other of its display and size."""
    ssim: float | None
    """With *nearest*; None if there is none, or its picture is gone."""
    alike: int
    """How many other kept screens of the period are of its family, and left out."""
    score: float
    """How unusual it is: rarity times distance; falls from one highlight to the next."""

    def as_json(self) -> dict[str, Any]:
        """The highlight as JSON values."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Review:
    """What there is to see of a period."""

    screens: int
    """Kept screens that were shown in it."""
    captures: int
    """Readable captures that were taken in it."""
    highlights: tuple[Highlight, ...]
    """Most unusual first; fewer than asked for if all others are like these, or usual."""
    second_looks: tuple[Entry, ...]
    """Quarantined duplicates in which one tile changed strongly, the strongest first, one for each screen."""


def review(ledger: Ledger, settings: Settings, root: Path, choice: Choice) -> Review:
    """Look through a period of the captures in *root*; opens the pictures it chooses and those nearest to them alone.

    Raises:
        FaultError: the ledger cannot be read.
    """
    raise NotImplementedError
