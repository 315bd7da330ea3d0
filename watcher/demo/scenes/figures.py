"""Programs full of numbers: a spreadsheet and a wall of charts."""

import math

from watcher.demo.scenes.canvas import WHITE, Box, Canvas, Colour, Font
from watcher.demo.scenes.scene import Scene
from watcher.demo.scenes.words import dice, room

_INK: Colour = (40, 43, 52)
_GREY: Colour = (120, 125, 138)
_LINE: Colour = (222, 225, 231)
_ROW, _COLUMN, _HEAD = 23.0, 96.0, 44.0
_SERIES: tuple[Colour, ...] = ((94, 178, 250), (250, 180, 84), (124, 208, 146), (226, 122, 158))


def sheet_title(scene: Scene) -> str:
    """The table."""
    return f"{room(scene.topic)} costs"


def sheet(canvas: Canvas, scene: Scene) -> None:
    """A table of numbers; each step fills in more rows."""
    canvas.fill(Box(0, 0, canvas.width, 42), (33, 115, 84))
    for index, word in enumerate(("Table", "Insert", "Format", "Formulas", "Review")):
        canvas.text((22 + index * 84, 27), word, Font(13.5, WHITE, bold=index == 0))
    grid = Box(_HEAD, 42 + _ROW, canvas.width, canvas.height - 26)
    rows, columns = int(grid.height / _ROW), int(grid.width / _COLUMN) + 1
    _grid(canvas, grid, rows, columns)
    filled = min(rows, rows // 2 + scene.step * max(1, rows // 8))
    choice = dice("sheet", scene.topic)
    for row in range(filled):
        y = grid.top + row * _ROW + 16
        canvas.text((grid.left + 8, y), f"week {row + 1}" if row else "Period", Font(13, _INK, bold=row == 0))
        for column in range(1, columns):
            _cell(canvas, (grid.left + (column + 1) * _COLUMN - 8, y), row, choice.randrange(-4000, 90000))
    here = Box(grid.left, grid.top + filled * _ROW, grid.left + _COLUMN, grid.top + (filled + 1) * _ROW)
    canvas.fill(here, (33, 115, 84))
    canvas.fill(here.inset(2, 2), WHITE)
    canvas.fill(Box(0, canvas.height - 26, canvas.width, canvas.height), (240, 242, 245))
    canvas.text((_HEAD + 8, canvas.height - 9), "Costs    Stock    Notes", Font(13, _GREY))


def _cell(canvas: Canvas, corner: tuple[float, float], row: int, value: int) -> None:
    if row == 0:
        canvas.text(corner, f"shelf {value % 40}", Font(13, _INK, bold=True, align=1))
    else:
        canvas.figures(corner, f"{value / 100:,.2f}", Font(13, _INK if value >= 0 else (196, 60, 52)))


def _grid(canvas: Canvas, grid: Box, rows: int, columns: int) -> None:
    canvas.fill(Box(0, 42, canvas.width, grid.top), (240, 242, 245))
    canvas.fill(Box(0, 42, grid.left, canvas.height), (240, 242, 245))
    for row in range(rows + 1):
        y = grid.top + row * _ROW
        canvas.rule((0, y), (canvas.width, y), _LINE)
        canvas.text((grid.left / 2, y + 16), str(row + 1), Font(12, _GREY, align=0.5))
    for column in range(columns):
        x = grid.left + column * _COLUMN
        canvas.rule((x, 42), (x, canvas.height), _LINE)
        canvas.text((x + _COLUMN / 2, grid.top - 7), chr(ord("A") + column), Font(12, _GREY, align=0.5))


def charts_title(scene: Scene) -> str:
    """What is measured."""
    return f"{room(scene.topic)} now"


def charts(canvas: Canvas, scene: Scene) -> None:
    """Four large numbers above four charts; each step moves all of them on."""
    gap = 14.0
    columns = 2 if canvas.width > 600 else 1  # noqa: PLR2004 - room for two
    width = (canvas.width - gap) / columns - gap
    top = _tiles(canvas, gap, scene)
    rows = 4 // columns
    height = (canvas.height - top) / rows - gap
    for index in range(4):
        left = gap + index % columns * (width + gap)
        upper = top + index // columns * (height + gap)
        _chart(canvas, Box(left, upper, left + width, upper + height), scene, index)


def _tiles(canvas: Canvas, gap: float, scene: Scene) -> float:
    choice = dice("tiles", scene.topic, scene.step)
    width = (canvas.width - gap) / 4 - gap
    for index, (name, unit) in enumerate((("Visits", ""), ("Wait", " ms"), ("Load", " %"), ("Stock", " kg"))):
        tile = Box(gap + index * (width + gap), gap, gap + index * (width + gap) + width, gap + 86)
        canvas.fill(tile, (33, 37, 48), 8)
        canvas.text((tile.left + 14, tile.top + 24), name, Font(13, (150, 156, 172)))
        size = min(30.0, width / 5)
        number = f"{choice.randrange(12, 990)}{unit}"
        canvas.text((tile.left + 14, tile.bottom - 18), number, Font(size, _SERIES[index], bold=True))
    return gap * 2 + 86


def _chart(canvas: Canvas, box: Box, scene: Scene, index: int) -> None:
    canvas.fill(box, (33, 37, 48), 8)
    names = ("Arrivals by hour", "Water level", "Lamps lit", "Queue at the ferry")
    canvas.text((box.left + 16, box.top + 26), names[index], Font(14, (214, 218, 228), bold=True))
    plot = Box(box.left + 44, box.top + 44, box.right - 18, box.bottom - 28)
    for line in range(5):
        y = plot.bottom - plot.height * line / 4
        canvas.rule((plot.left, y), (plot.right, y), (52, 57, 71))
        canvas.text((plot.left - 8, y + 4), str(line * 25), Font(11, (122, 128, 146), align=1))
    for number in range(2 if index % 2 else 1):
        points = _series(plot, scene, index + number)
        colour = _SERIES[(index + number) % len(_SERIES)]
        if index % 2 == 0:
            canvas.shape([*points, (plot.right, plot.bottom), (plot.left, plot.bottom)], colour, 0.25)
        canvas.curve(points, colour, 1.8)


def _series(plot: Box, scene: Scene, index: int) -> list[tuple[float, float]]:
    """A wandering line; later steps show later times of the same one."""
    choice = dice("series", scene.topic, index)
    waves = [(choice.uniform(4, 60), choice.uniform(0, 6.3)) for _ in range(6)]
    steps = [number / 100 for number in range(101)]
    swings = [
        sum(math.sin((x + scene.step * 0.35) * speed + phase) / speed**0.7 for speed, phase in waves) for x in steps
    ]
    low, high = min(swings), max(swings)
    levels = [0.06 + 0.86 * (swing - low) / (high - low) for swing in swings]
    return [
        (plot.left + x * plot.width, plot.bottom - level * plot.height) for x, level in zip(steps, levels, strict=True)
    ]
