"""What each display shows as the hours pass: mostly what it showed before, as real displays do. No pixels."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SceneKind(StrEnum):
    """What fills the screen."""

    LOCK = "lock"
    DESKTOP = "desktop"
    EDITOR = "editor"
    BROWSER = "browser"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of one screen; equal scenes are drawn as equal pixels."""

    kind: SceneKind
    clock: datetime
    topic: int = 0
    """Which file, page or album is open; another topic is another screen."""
    step: int = 0
    """How far the work on it has gone: lines typed, pages scrolled, pictures seen, messages received."""
    wallpaper: int = 0


@dataclass(frozen=True, slots=True)
class Display:
    """A monitor."""

    number: int
    size: tuple[int, int]
    """Width and height in pixels."""
    alpha: bool = False
    """Whether its captures are saved with an (opaque) alpha channel, as built-in panels' often are."""


DEMO_DISPLAYS = (
    Display(1, (1440, 900), alpha=True),
    Display(2, (1280, 720)),
    Display(3, (540, 960)),
)
"""A laptop's panel, a monitor beside it, and a small one on its side: real shapes at an affordable size."""

# The initial of what is open and a digit for how far its work has gone; a column is one tick.
_SHIFTS = (
    (
        "L0 E0 E0 E1 E1 B0 B0 L0 L0 B0 E1 E2 L0 E2 P0",
        "L0 B0 B0 B0 B1 P0 P0 L0 L0 P0 E0 E0 L0 E0 E1",
        "L0 D0 D0 D1 D1 D1 -- -- L0 P0 P0 P0 L0 D1 D1",
    ),
    (
        "L0 D0 D0 E0 E0 E1 E1 L0 P0 P0 P1 E1 L0 E1 E1",
        "L0 B0 B0 E0 E1 E1 E1 L0 L0 E1 B0 B0 L0 B1 B1",
        "-- -- L0 B0 B0 P0 P0 L0 L0 P0 P0 D0 L0 D0 D2",
    ),
)
TICKS_PER_SHIFT = 15
"""Ticks after which other files, pages and albums come up; the lock screens and desktops stay the same."""


def scene_at(display: int, tick: int, clock: datetime, seed: int = 0) -> Scene | None:
    """What *display* shows at *tick*, counted from 0; None while it is off. About two of three show nothing new."""
    shift, column = divmod(tick, TICKS_PER_SHIFT)
    rows = _SHIFTS[shift % len(_SHIFTS)]
    cell = rows[(display - 1) % len(rows)].split()[column]
    if cell == "--":
        return None
    kind = next(kind for kind in SceneKind if kind.name.startswith(cell[0]))
    # Only what people work on changes from shift to shift.
    topic = 0 if kind in (SceneKind.LOCK, SceneKind.DESKTOP) else seed * 5 + shift * 2 + display * 3
    return Scene(kind, clock, topic, int(cell[1]), wallpaper=seed + display)
