"""What each display shows as the hours pass: mostly what it showed before, as real displays do."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from watcher.demo.scenes.scene import Scene, SceneKind

_KINDS = {
    "L": SceneKind.LOCK,
    "D": SceneKind.DESKTOP,
    "E": SceneKind.EDITOR,
    "T": SceneKind.TERMINAL,
    "B": SceneKind.BROWSER,
    "C": SceneKind.CHAT,
    "S": SceneKind.SHEET,
    "G": SceneKind.CHARTS,
    "P": SceneKind.PHOTO,
}
_OFF = "--"

# A letter for what is open and a digit for how far its work has gone; a column is one tick.
_SHIFTS = (
    (
        "L0 E0 E0 E1 E1 B0 B0 L0 L0 B0 E1 E2 L0 E2 C0",
        "L0 T0 T0 T0 T1 G0 G0 L0 L0 G0 S0 S0 L0 S0 S1",
        "L0 C0 C0 C1 C1 C1 -- -- L0 P0 P0 P0 L0 C1 C1",
    ),
    (
        "L0 D0 D0 E0 E0 E1 E1 L0 P0 P0 P1 E1 L0 E1 E1",
        "L0 S0 S0 S1 S1 S1 B0 L0 L0 B0 B1 B1 L0 B1 B1",
        "-- -- L0 C0 C0 G0 G0 L0 L0 G0 G0 C0 L0 C0 C1",
    ),
)
TICKS_PER_SHIFT = 15
"""Ticks after which other files, pages and rooms come up; the lock screens and desktops stay the same."""


def scene_at(display: int, tick: int, clock: datetime, seed: int = 0) -> Scene | None:
    """What *display* shows at *tick*, counted from 0; None while it is off."""
    shift, column = divmod(tick, TICKS_PER_SHIFT)
    rows = _SHIFTS[shift % len(_SHIFTS)]
    row = (display - 1) % len(rows)
    cell = rows[row].split()[column]
    if cell == _OFF:
        return None
    kind = _KINDS[cell[0]]
    # Only what people work on changes from shift to shift.
    topic = 0 if kind in (SceneKind.LOCK, SceneKind.DESKTOP) else seed * 5 + shift * 2 + display * 3
    return Scene(kind, clock, topic, int(cell[1]), wallpaper=seed + display)


def story(display: int, clocks: Iterable[datetime], seed: int = 0) -> Iterator[Scene | None]:
    """What *display* shows at each of *clocks*; None while it is off. About two captures of three show nothing new."""
    return (scene_at(display, tick, clock, seed) for tick, clock in enumerate(clocks))
