"""What a review found."""

import os
from dataclasses import dataclass
from typing import Any

from watcher.model.entry import Entry
from watcher.review.appearances import Appearance
from watcher.text import quoted


@dataclass(frozen=True, slots=True)
class Highlight:
    """One unusual screen."""

    entry: Entry
    """Its kept capture; the picture is at ``entry.location``."""
    appearance: Appearance
    nearest: Entry | None
    """The kept screen shown in the period that it is most like, by their signatures; None if there is none to compare
    with, of its display and size."""
    ssim: float | None
    """With *nearest*; None if there is none, or its picture cannot be read."""
    alike: int
    """How many other kept screens of the period are of its cluster, and left out."""
    score: float
    """How unusual it is: rarity times distance; falls from one highlight to the next."""

    def as_json(self) -> dict[str, Any]:
        """The highlight as JSON values."""
        return {
            "entry": self.entry.as_json(),
            "first": self.appearance.first.isoformat(),
            "last": self.appearance.last.isoformat(),
            "times": self.appearance.times,
            "visits": self.appearance.visits,
            "stood_seconds": self.appearance.stood.total_seconds(),
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
    """Kept screens that were shown in it."""
    highlights: tuple[Highlight, ...]
    """Most unusual first; fewer than asked for if all others are like these, or usual."""
    second_looks: tuple[Entry, ...]
    """Quarantined duplicates in which one tile changed strongly, the strongest first, one for each screen."""
    opened: int
    """Pictures that were read."""

    def as_json(self, invocation: str) -> dict[str, Any]:
        """The review as JSON values; commands in it begin with *invocation*."""
        looks = [entry.as_json() | {"restore": restore_command(entry, invocation)} for entry in self.second_looks]
        return {
            "captures": self.captures,
            "screens": self.screens,
            "highlights": [highlight.as_json() for highlight in self.highlights],
            "second_looks": looks,
            "opened": self.opened,
        }


def restore_command(entry: Entry, invocation: str) -> str:
    """What a person types to have the picture of a quarantined *entry* back, if framesift is called by *invocation*."""
    return f"{invocation} restore {quoted(entry.verdict.capture.path)}"
