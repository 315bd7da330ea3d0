"""What stands on the page of a report, in words and small pictures, ready to be rendered."""

from dataclasses import dataclass

from watcher.report.thumbnails import Picture
from watcher.review.strips import Look


@dataclass(frozen=True, slots=True)
class Command:
    """A command line to copy."""

    does: str
    """What it does, in words."""
    line: str


@dataclass(frozen=True, slots=True)
class Card:
    """One capture with what is to be said of it."""

    title: str
    """When, and of which display: also what stands for the picture where it cannot be seen."""
    moment: str
    """When, ISO 8601."""
    clock: str
    place: str
    """The same in short: the time, and the display and day."""
    remarks: tuple[str, ...]
    picture: Picture | None
    """None if the file is gone."""
    large: Picture | None
    """For the large view; None if *picture* is the largest there is."""
    path: str
    address: str
    """The file's, as a link."""
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a strip."""

    left: float
    width: float
    """In minutes of the day."""
    look: Look
    text: str
    """From when to when, and what."""


@dataclass(frozen=True, slots=True)
class Strip:
    """What one display showed on one day."""

    display: int
    segments: tuple[Segment, ...]
    sentence: str
    """All of it in one sentence, for those who do not see it."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day with captures; or, without strips, one or more days without."""

    title: str
    name: str
    """The date, ISO 8601."""
    summary: str
    """How much was captured."""
    strips: tuple[Strip, ...] = ()
    cards: tuple[Card, ...] = ()
    """The screens that stood longest."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture of a second look."""

    picture: Picture
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A quarantined duplicate beside the screen it is a duplicate of."""

    title: str
    numbers: str
    panels: tuple[Panel, ...]
    """Kept, quarantined, and where they differ."""
    details: tuple[Panel, ...]
    """Kept and quarantined, around the worst tile."""
    path: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Saving:
    """What was saved of one display, or of all."""

    display: str
    """Its number, or "All"."""
    captures: int
    distinct: int
    in_period: str
    ever: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    lead: str
    root: str
    made: str
    notes: tuple[str, ...]
    highlights: tuple[Card, ...]
    days: tuple[Day, ...]
    looks: tuple[SecondLook, ...]
    savings: tuple[Saving, ...]
    quarantine: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A clock or a scene that was learned, and what speaks for it."""

    title: str
    evidence: str
    panels: tuple[Panel, ...]
    """The screen, with what would be ignored drawn in."""
    details: tuple[Panel, ...]
    """The place at several times."""


@dataclass(frozen=True, slots=True)
class LearnedPage:
    """All that was learned."""

    title: str
    lead: str
    root: str
    made: str
    proposals: tuple[Proposal, ...]
    changes: tuple[str, ...]
    """What it would do, in sentences."""
    commands: tuple[Command, ...]
