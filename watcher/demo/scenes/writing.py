"""Programs in which lines get typed: an editor and a terminal."""

import re
from collections.abc import Iterator

from watcher.demo.scenes.canvas import WHITE, Box, Canvas, Colour, Font
from watcher.demo.scenes.scene import Scene
from watcher.demo.scenes.words import NICKNAMES, ROOMS, code, dice, room

_LEADING = 19.0
_TEXT: Colour = (214, 218, 228)
_FAINT: Colour = (98, 106, 124)
_TOKEN = re.compile(r"(?P<comment>#.*)|(?P<string>\"[^\"]*\"+)|(?P<word>\w+)|(?P<space>\s+)|(?P<mark>[^\w\s]+)")
_KEYWORDS = frozenset(
    ("def", "class", "return", "import", "from", "for", "in", "if", "not", "with", "as", "raise", "assert", "continue")
)
_COLOURS: dict[str, Colour] = {
    "comment": (122, 132, 152),
    "string": (166, 204, 128),
    "keyword": (208, 136, 232),
    "number": (240, 170, 110),
    "name": (116, 176, 250),
    "mark": (150, 196, 208),
    "plain": _TEXT,
}


def editor_title(scene: Scene) -> str:
    """The file that is open."""
    return f"{_module(scene.topic)}.py"


def _module(topic: int) -> str:
    return room(topic).replace("-", "_")


def editor(canvas: Canvas, scene: Scene) -> None:
    """A program being written; each step adds some lines."""
    sidebar = 190.0 if canvas.width > 700 else 0.0  # noqa: PLR2004 - room for it
    split = canvas.width * 0.62 if canvas.width > 1000 else canvas.width  # noqa: PLR2004 - room for a second file
    _files(canvas, Box(0, 0, sidebar, canvas.height), scene.topic)
    fitting = max(4, int((canvas.height - 70) / _LEADING))
    typed = _typed(fitting, scene.step)
    _file(canvas, Box(sidebar, 0, split, canvas.height), scene.topic, max(0, typed - fitting), typed)
    if split < canvas.width:
        beside = Box(split, 0, canvas.width, canvas.height)
        canvas.fill(beside, (30, 33, 41))
        _file(canvas, beside, scene.topic + 3, 0, fitting)
        canvas.rule((split, 0), (split, canvas.height), (52, 56, 68))
    _status(canvas, f"Line {typed}    Spaces: 4    UTF-8")


def _typed(fitting: int, step: int) -> int:
    """Lines there are after *step*: half a screen at first, then more; a fixed share keeps every size alike."""
    return fitting // 2 + step * max(1, fitting // 5)


def _file(canvas: Canvas, box: Box, topic: int, first: int, typed: int) -> None:
    _tabs(canvas, box, topic)
    for row, line in enumerate(code(topic, typed)[first:]):
        y = 56 + row * _LEADING
        last = first + row + 1 == typed
        if last:
            canvas.fill(Box(box.left, y - 14, box.right, y + 5), (40, 44, 55))
        canvas.text((box.left + 36, y), str(first + row + 1), Font(12, _FAINT, align=1))
        x = _code_line(canvas, box.left + 52, y, line)
        if last:
            canvas.fill(Box(x + 1, y - 12, x + 2.5, y + 3), (250, 214, 120))


def _files(canvas: Canvas, box: Box, topic: int) -> None:
    if box.width == 0:
        return
    canvas.fill(box, (24, 27, 34))
    canvas.text((16, 24), "SHELVES", Font(11, _FAINT, bold=True))
    names = ["shelves.py", *sorted(f"{name.replace('-', '_')}.py" for name in ROOMS), "README.md", "pyproject.toml"]
    for row, name in enumerate(names):
        y = 50 + row * 23
        if name == f"{_module(topic)}.py":
            canvas.fill(Box(8, y - 16, box.right - 8, y + 6), (46, 51, 64), 5)
        canvas.fill(Box(18, y - 10, 27, y + 1), (116, 176, 250) if name.endswith(".py") else (240, 170, 110), 2)
        canvas.text((36, y), name, Font(12.5, _TEXT))


def _tabs(canvas: Canvas, box: Box, topic: int) -> None:
    canvas.fill(Box(box.left, 0, box.right, 32), (24, 27, 34))
    for index, name in enumerate((_module(topic), "shelves")):
        x = box.left + index * 150
        if index == 0:
            canvas.fill(Box(x, 0, x + 150, 32), (30, 33, 41))
            canvas.fill(Box(x, 0, x + 150, 2), (116, 176, 250))
        canvas.text((x + 18, 21), f"{name}.py", Font(12.5, _TEXT if index == 0 else _FAINT))


def _status(canvas: Canvas, text: str) -> None:
    canvas.fill(Box(0, canvas.height - 24, canvas.width, canvas.height), (52, 96, 170))
    canvas.text((16, canvas.height - 8), "main", Font(12, WHITE, bold=True))
    canvas.text((canvas.width - 16, canvas.height - 8), text, Font(12, WHITE, align=1))


def _code_line(canvas: Canvas, x: float, y: float, line: str) -> float:
    text = line.lstrip()
    x += (len(line) - len(text)) * 6.5
    for style, token in _tokens(text):
        if token.isspace():
            x += len(token) * 4
        else:
            x = canvas.text((x, y), token, Font(13.5, _COLOURS[style])) + 0.6
    return x


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    named = False
    for match in _TOKEN.finditer(line):
        token = match.group()
        style = match.lastgroup or "plain"
        if style == "word":
            style = "keyword" if token in _KEYWORDS else "name" if named else "number" if token.isdigit() else "plain"
            named = token in {"def", "class"}
        yield style if style in _COLOURS else "plain", token


def terminal_title(scene: Scene) -> str:
    """The folder the shell is in."""
    return f"~/shelves/{room(scene.topic)}"


def terminal(canvas: Canvas, scene: Scene) -> None:
    """A shell; each step adds the output of another command or two."""
    fitting = max(4, int((canvas.height - 20) / _LEADING))
    shown = _typed(fitting, scene.step)
    lines = _session(scene.topic, shown)[max(0, shown - fitting) :]
    for row, (text, colour) in enumerate(lines):
        x, y = 16.0, 26 + row * _LEADING
        if colour == WHITE:
            x = canvas.text((x, y), f"{room(scene.topic)} $", Font(13.5, (110, 206, 140), bold=True)) + 8
        for index, column in enumerate(text.split("\t")):
            canvas.text((x + index * max(110, canvas.width / 5), y), column, Font(13.5, colour))
    y = 26 + len(lines) * _LEADING
    x = canvas.text((16, y), f"{room(scene.topic)} $", Font(13.5, (110, 206, 140), bold=True)) + 8
    canvas.fill(Box(x, y - 12, x + 8, y + 3), _TEXT)


def _session(topic: int, count: int) -> list[tuple[str, Colour]]:
    """*count* lines of commands (white) and what they print."""
    choice = dice("session", topic)
    lines: list[tuple[str, Colour]] = []
    while len(lines) < count:
        if choice.random() < 0.5:  # noqa: PLR2004 - either of two commands
            lines.append((f"weigh --all {choice.choice(ROOMS)}", WHITE))
            for _ in range(choice.randrange(3, 8)):
                weight, shelf = choice.randrange(2, 990), choice.randrange(1, 40)
                row = (f"{weight} g", choice.choice(ROOMS), f"shelf {shelf}", choice.choice(NICKNAMES))
                lines.append(("\t".join(row), _TEXT))
        else:
            lines.append(("run checks", WHITE))
            for _ in range(choice.randrange(3, 8)):
                good = choice.random() < 0.85  # noqa: PLR2004 - most checks pass
                mark = "passed" if good else "slow"
                colour: Colour = (128, 196, 140) if good else (240, 190, 96)
                lines.append((f"{mark}\t{choice.choice(ROOMS)}\t{choice.randrange(1, 900)} ms", colour))
    return lines[:count]
