"""The screen as a whole: wallpaper, menu bar, dock, a program's window, or the lock screen."""

import math
from datetime import datetime

from PIL import Image, ImageFilter

from watcher.demo.scenes.canvas import SMOOTHING, WHITE, Canvas, Colour, Font, unit_of
from watcher.demo.scenes.landscape import landscape
from watcher.demo.scenes.programs import PROGRAMS, Program
from watcher.demo.scenes.story import Scene, SceneKind
from watcher.demo.scenes.words import NAMES, dice, sentence, topic_name

_BAR = 24.0
_BAR_COLOUR: Colour = (238, 240, 244)
_INK: Colour = (20, 20, 24)
_ICON = 44.0
_CORNER = 10.0


def draw(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The screen as an RGB picture of *size*; equal arguments give equal pixels."""
    wallpaper = landscape(scene.wallpaper, size)
    if scene.kind is SceneKind.LOCK:
        blurred = wallpaper.reduce(8).filter(ImageFilter.GaussianBlur(3))
        wallpaper = blurred.resize(size, Image.Resampling.BICUBIC)
    large = wallpaper.resize((size[0] * SMOOTHING, size[1] * SMOOTHING), Image.Resampling.NEAREST)
    canvas = Canvas(large, unit_of(size))
    if scene.kind is SceneKind.LOCK:
        _lock_screen(canvas, scene.clock)
    else:
        _desk(canvas, scene)
    return canvas.image.reduce(SMOOTHING)


def _desk(canvas: Canvas, scene: Scene) -> None:
    program = PROGRAMS.get(scene.kind)
    _menu_bar(canvas, program.name if program else "Desk", scene.clock)
    _dock(canvas)
    if program:
        _open(canvas, program, scene)
    else:
        _notify(canvas, scene.step)


def _menu_bar(canvas: Canvas, program: str, clock: datetime) -> None:
    canvas.fill((0, 0, canvas.width, _BAR), _BAR_COLOUR)
    canvas.dot((20, _BAR / 2), 5.5, (40, 40, 44))
    canvas.dot((22.5, _BAR / 2 - 2), 3, _BAR_COLOUR)
    line = _BAR * 0.68
    x = 56 + canvas.text((38, line), program, Font(13, _INK, bold=True))
    for menu in ("File", "Edit", "View", "Go", "Window", "Help"):
        if x < canvas.width - 230:
            x += 16 + canvas.text((x, line), menu, Font(13, (40, 40, 44)))
    time = f"{clock:%a} {clock.day} {clock:%b}  {clock:%H:%M}"
    canvas.text((canvas.width - 14, line), time, Font(13, _INK, align="r"))


def _dock(canvas: Canvas) -> None:
    side, gap = _ICON, _ICON * 0.28
    width = len(PROGRAMS) * (side + gap) + gap
    left, bottom = (canvas.width - width) / 2, canvas.height - 8
    canvas.fill((left, bottom - side - 2 * gap, left + width, bottom), (*WHITE, 90), 16)
    for index, program in enumerate(PROGRAMS.values()):
        x = left + gap + index * (side + gap)
        canvas.fill((x, bottom - gap - side, x + side, bottom - gap), program.icon, side * 0.24)
        letter = Font(side * 0.5, WHITE, bold=True, align="m")
        canvas.text((x + side / 2, bottom - gap - side * 0.32), program.name[0], letter)


def _open(canvas: Canvas, program: Program, scene: Scene) -> None:
    """Draw *program* in a window."""
    margin, title = canvas.width * 0.035, 30.0
    left, top = margin, _BAR + margin * 0.6
    right, bottom = canvas.width - margin, canvas.height - _ICON * 1.56 - 16
    for reach in range(1, 15):
        shadow = left - reach, top - reach, right + reach, bottom + reach
        canvas.ring(shadow, (0, 0, 0, 75 - reach * 5), _CORNER + reach)
    dark = program.paper != WHITE
    bar, ink = ((48, 51, 60), (196, 200, 208)) if dark else ((232, 233, 237), (66, 68, 76))
    canvas.fill((left, top, right, top + title + _CORNER), bar, _CORNER)
    for index, colour in enumerate(((236, 106, 94), (244, 190, 79), (98, 197, 84))):
        canvas.dot((left + 20 + index * 20, top + title / 2), 6, colour)
    text = program.title.format(topic_name(scene.topic))
    canvas.text(((left + right) / 2, top + title * 0.66), text, Font(13, ink, bold=True, align="m"))
    inside = left, top + title, right, bottom
    content = canvas.window(inside, program.paper)
    program.paint(content, scene)
    canvas.put(content.image, inside, _CORNER)


def _notify(canvas: Canvas, count: int) -> None:
    """*count* messages have come in; they lie below the clock."""
    width, height = min(340.0, canvas.width - 28), 72.0
    left = canvas.width - 14 - width
    for number in range(count):
        top = _BAR + 14 + number * (height + 10)
        choice = dice("message", number)
        name = choice.choice(NAMES)
        canvas.fill((left, top, left + width, top + height), (246, 246, 248, 235), 14)
        canvas.dot((left + 36, top + height / 2), 20, (70, 140, 190))
        canvas.text((left + 36, top + height / 2 + 7), name[0], Font(20, WHITE, bold=True, align="m"))
        canvas.text((left + 70, top + 25), name, Font(13, _INK, bold=True))
        canvas.paragraph((left + 70, top + 43), width - 84, sentence(choice), Font(12.5, _INK))


def _lock_screen(canvas: Canvas, clock: datetime) -> None:
    """A large clock, and who may come in."""
    middle, low = canvas.width / 2, canvas.height * 0.74
    # A fifteenth of the side: larger digits would make every return of the lock screen another screen.
    large = math.sqrt(canvas.width * canvas.height) / 15
    canvas.text((middle, canvas.height * 0.28), f"{clock:%H:%M}", Font(large, WHITE, bold=True, align="m"))
    day = f"{clock:%A}, {clock.day} {clock:%B}"
    canvas.text((middle, canvas.height * 0.28 + 30), day, Font(18, WHITE, align="m"))
    canvas.dot((middle, low), 36, (240, 236, 226))
    canvas.text((middle, low + 9), "FS", Font(26, (70, 72, 110), bold=True, align="m"))
    canvas.fill((middle - 96, low + 54, middle + 96, low + 82), (*WHITE, 76), 14)
    canvas.text((middle - 80, low + 73), "Enter password", Font(13, WHITE))
