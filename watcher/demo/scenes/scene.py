"""What a screen shows, as a value. No pixels."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SceneKind(StrEnum):
    """What fills the screen."""

    LOCK = "lock"
    DESKTOP = "desktop"
    EDITOR = "editor"
    TERMINAL = "terminal"
    BROWSER = "browser"
    CHAT = "chat"
    SHEET = "sheet"
    CHARTS = "charts"
    PHOTO = "photo"


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment of one screen; equal scenes are drawn as equal pixels."""

    kind: SceneKind
    clock: datetime
    topic: int = 0
    """Which file, page, room or album is open; another topic is another screen."""
    step: int = 0
    """How far the work on it has gone: lines typed, pages scrolled, rows filled in, pictures seen."""
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
