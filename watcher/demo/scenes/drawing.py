"""From a scene to a picture."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from PIL import Image

from watcher.demo.scenes import desktop, figures, pictures, reading, writing
from watcher.demo.scenes.canvas import Canvas, Colour, unit_of
from watcher.demo.scenes.scene import Scene, SceneKind

_MIDNIGHT = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    paint: Callable[[Canvas, Scene], None]
    """Fills the window's content."""
    title: Callable[[Scene], str]
    paper: Colour
    dark: bool = False


_PROGRAMS = {
    SceneKind.EDITOR: _Program("Quill", writing.editor, writing.editor_title, (30, 33, 41), dark=True),
    SceneKind.TERMINAL: _Program("Console", writing.terminal, writing.terminal_title, (18, 21, 27), dark=True),
    SceneKind.BROWSER: _Program("Wayfarer", reading.browser, reading.browser_title, (255, 255, 255)),
    SceneKind.CHAT: _Program("Parlour", reading.chat, reading.chat_title, (255, 255, 255)),
    SceneKind.SHEET: _Program("Columns", figures.sheet, figures.sheet_title, (255, 255, 255)),
    SceneKind.CHARTS: _Program("Gauges", figures.charts, figures.charts_title, (22, 25, 33), dark=True),
    SceneKind.PHOTO: _Program("Album", pictures.photo, pictures.photo_title, (24, 24, 26), dark=True),
}


def draw(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The screen as an RGB picture of *size*; equal arguments give equal pixels."""
    if scene.kind is SceneKind.LOCK:
        canvas = Canvas.blank(size, unit_of(size), (0, 0, 0))
        desktop.lock_screen(canvas, scene)
        return canvas.image
    canvas = Canvas(_without_clock(replace(scene, clock=_MIDNIGHT), size).copy(), unit_of(size))
    clock = f"{scene.clock:%a} {scene.clock.day} {scene.clock:%b}  {scene.clock:%H:%M}"
    desktop.write_clock(canvas, clock)
    return canvas.image


# Most screens differ from the one before in their clock only.
@lru_cache(maxsize=6)
def _without_clock(scene: Scene, size: tuple[int, int]) -> Image.Image:
    canvas = Canvas(desktop.wallpaper(scene.wallpaper, size).copy(), unit_of(size))
    program = _PROGRAMS.get(scene.kind)
    desktop.menu_bar(canvas, program.name if program else "Desk", "")
    desktop.dock(canvas)
    if program:
        _open(canvas, program, scene)
    return canvas.image


def _open(canvas: Canvas, program: _Program, scene: Scene) -> None:
    window, place = desktop.open_window(canvas, program.title(scene), program.paper, dark=program.dark)
    program.paint(window, scene)
    canvas.put(window, place, desktop.CORNER)
