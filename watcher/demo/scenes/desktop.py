"""What surrounds the programs: wallpaper, menu bar, dock, window frames, and the lock screen."""

import math
from functools import lru_cache

from PIL import Image, ImageFilter

from watcher.demo.scenes.canvas import BLACK, WHITE, Box, Canvas, Colour, Font, blend, gradient, unit_of
from watcher.demo.scenes.scene import Scene
from watcher.demo.scenes.words import dice

MENU_BAR = 24.0
_TITLE_BAR = 30.0
CORNER = 10.0

_PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((38, 52, 104), (246, 160, 120), (44, 30, 66)),
    ((86, 160, 211), (226, 240, 238), (22, 84, 78)),
    ((58, 26, 82), (240, 120, 132), (28, 16, 54)),
    ((232, 190, 130), (252, 236, 206), (140, 66, 44)),
    ((16, 34, 60), (64, 140, 150), (8, 20, 36)),
)
"""Top of the sky, horizon, nearest hill."""
_LAYERS = 5


@lru_cache(maxsize=6)
def wallpaper(number: int, size: tuple[int, int]) -> Image.Image:
    """Hills before a sky; treat it as read-only."""
    top, horizon, near = _PALETTES[number % len(_PALETTES)]
    sky = gradient(size, top, horizon)
    canvas = Canvas(sky, unit_of(size))
    choice = dice("hills", number)
    sun = canvas.width * choice.uniform(0.2, 0.8), canvas.height * 0.42
    canvas.dot(sun, canvas.height * 0.07, blend(horizon, WHITE, 0.6))
    for layer in range(_LAYERS):
        share = (layer + 1) / _LAYERS
        waves = [(choice.uniform(2, 9) / (layer + 1) ** 0.3, choice.uniform(0, 6.3)) for _ in range(3)]
        ridge = canvas.height * (0.4 + 0.5 * share)
        outline = [(x, ridge + _height(x / canvas.width, waves) * canvas.height) for x in _steps(canvas.width)]
        canvas.shape([*outline, (canvas.width, canvas.height), (0, canvas.height)], blend(horizon, near, share))
    return canvas.image


def _steps(width: float) -> list[float]:
    return [width * index / 120 for index in range(121)]


def _height(x: float, waves: list[tuple[float, float]]) -> float:
    return sum(math.sin(x * speed + phase) * 0.11 / speed for speed, phase in waves)


def menu_bar(canvas: Canvas, program: str, clock: str) -> None:
    """The bar at the top, with the clock at its right end."""
    canvas.fill(Box(0, 0, canvas.width, MENU_BAR), (246, 246, 248), opacity=0.9)
    line = MENU_BAR * 0.68
    canvas.dot((20, MENU_BAR / 2), 5.5, (40, 40, 44))
    canvas.dot((22.5, MENU_BAR / 2 - 2), 3, (246, 246, 248))
    x = canvas.text((38, line), program, Font(13, (20, 20, 24), bold=True)) + 18
    for menu in ("File", "Edit", "View", "Go", "Window", "Help"):
        if x < canvas.width - 230:
            x = canvas.text((x, line), menu, Font(13, (40, 40, 44))) + 16
    write_clock(canvas, clock)
    battery = Box(canvas.width - 158, 7.5, canvas.width - 136, 17)
    canvas.fill(battery, (60, 60, 66), 2.5)
    canvas.fill(battery.inset(1.2, 1.2), (246, 246, 248), 1.8)
    canvas.fill(Box(battery.left + 2.4, battery.top + 2.4, battery.right - 7, battery.bottom - 2.4), (60, 60, 66), 1)


def write_clock(canvas: Canvas, clock: str) -> None:
    """The time at the right end of the menu bar."""
    canvas.text((canvas.width - 14, MENU_BAR * 0.68), clock, Font(13, (20, 20, 24), align=1))


_ICONS: tuple[tuple[str, Colour], ...] = (
    ("W", (58, 134, 230)),
    ("Q", (240, 150, 60)),
    (">_", (44, 48, 60)),
    ("P", (130, 96, 200)),
    ("C", (33, 140, 94)),
    ("G", (206, 76, 108)),
    ("A", (60, 160, 176)),
)
"""Initial and colour of the programs."""


def dock(canvas: Canvas) -> None:
    """The row of program icons at the bottom."""
    side = min(44.0, canvas.width / 12)
    gap = side * 0.28
    width = len(_ICONS) * (side + gap) + gap
    left, bottom = (canvas.width - width) / 2, canvas.height - 8
    canvas.fill(Box(left, bottom - side - 2 * gap, left + width, bottom), WHITE, 16, opacity=0.35)
    for index, (initial, colour) in enumerate(_ICONS):
        x = left + gap + index * (side + gap)
        icon = Box(x, bottom - gap - side, x + side, bottom - gap)
        canvas.fill(icon, colour, side * 0.24)
        letter = Font(side * 0.5, WHITE, bold=True, align=0.5)
        canvas.text((icon.centre[0], icon.centre[1] + side * 0.18), initial, letter)


def _dock_height(canvas: Canvas) -> float:
    """How much of the bottom belongs to the dock."""
    return min(44.0, canvas.width / 12) * 1.56 + 16


def open_window(canvas: Canvas, title: str, paper: Colour, *, dark: bool) -> tuple[Canvas, Box]:
    """Draw a program window's frame; returns a canvas for its content, and where that goes."""
    margin = canvas.width * 0.035
    place = Box(margin, MENU_BAR + margin * 0.6, canvas.width - margin, canvas.height - _dock_height(canvas))
    canvas.image.paste(BLACK, (0, 0), _shadow(canvas.image.size, canvas.unit, place))
    bar, ink = ((48, 51, 60), (196, 200, 208)) if dark else ((232, 233, 237), (66, 68, 76))
    canvas.fill(Box(place.left, place.top, place.right, place.top + _TITLE_BAR + CORNER), bar, CORNER)
    for index, colour in enumerate(((236, 106, 94), (244, 190, 79), (98, 197, 84))):
        canvas.dot((place.left + 20 + index * 20, place.top + _TITLE_BAR / 2), 6, colour)
    canvas.text((place.centre[0], place.top + _TITLE_BAR * 0.66), title, Font(13, ink, bold=True, align=0.5))
    content = Box(place.left, place.top + _TITLE_BAR, place.right, place.bottom)
    return canvas.window(content, paper), content


@lru_cache(maxsize=6)
def _shadow(size: tuple[int, int], unit: float, place: Box) -> Image.Image:
    """A mask of a window's soft shadow, blurred at an eighth of the size: that is 60 times as fast."""
    small = Canvas.blank((size[0] // 8 + 1, size[1] // 8 + 1), unit / 8, BLACK)
    small.fill(Box(place.left, place.top + 8, place.right, place.bottom + 8), (120, 120, 120))
    mask = small.image.getchannel(0).filter(ImageFilter.GaussianBlur(max(1, 2 * unit)))
    return mask.resize(size, Image.Resampling.BILINEAR)


def lock_screen(canvas: Canvas, scene: Scene) -> None:
    """The wallpaper out of focus with a large clock."""
    size = canvas.image.size
    small = wallpaper(scene.wallpaper, size).reduce(8).filter(ImageFilter.GaussianBlur(3 * canvas.unit))
    canvas.image.paste(small.resize(size, Image.Resampling.BICUBIC))
    middle = canvas.width / 2
    # A fifteenth of the side: larger digits would make every return of the lock screen another screen.
    large = math.sqrt(canvas.width * canvas.height) / 15
    clock = Font(large, WHITE, bold=True, align=0.5)
    canvas.text((middle, canvas.height * 0.28), f"{scene.clock:%H:%M}", clock)
    day = f"{scene.clock:%A}, {scene.clock.day} {scene.clock:%B}"
    canvas.text((middle, canvas.height * 0.28 + 30), day, Font(18, WHITE, align=0.5))
    person = middle, canvas.height * 0.74
    canvas.dot(person, 36, (240, 236, 226))
    canvas.text((middle, person[1] + 9), "FS", Font(26, (70, 72, 110), bold=True, align=0.5))
    field = Box(middle - 96, person[1] + 54, middle + 96, person[1] + 82)
    canvas.fill(field, WHITE, 14, opacity=0.3)
    canvas.text((field.left + 16, field.bottom - 9), "Enter password", Font(13, WHITE))
