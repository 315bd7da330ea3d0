"""What the windows hold: an editor, a browser, and an album of photographs."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from watcher.demo.scenes.canvas import SMOOTHING, WHITE, Box, Canvas, Colour, Font
from watcher.demo.scenes.landscape import landscape
from watcher.demo.scenes.story import Scene, SceneKind
from watcher.demo.scenes.words import NAMES, TOPICS, code, dice, headline, sentence, topic_name

_INK: Colour = (36, 38, 46)
_GREY: Colour = (122, 126, 138)


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and how its window looks."""

    name: str
    icon: Colour
    title: str
    """Of the window; `{}` stands for what is open."""
    paint: Callable[[Canvas, Scene], None]
    """Fills the window's content."""
    paper: Colour = WHITE


_LEADING = 19.0
_CODE_INK: Colour = (214, 218, 228)
_TOKENS: dict[str, tuple[str, Colour]] = {
    "comment": (r"#.*", (122, 132, 152)),
    "string": (r"\"[^\"]*\"+", (166, 204, 128)),
    "keyword": (r"\b(?:def|class|return|import|from|for|in|if|not|raise|assert|continue)\b", (208, 136, 232)),
    "number": (r"\b\d+", (240, 170, 110)),
    "call": (r"\w+(?=\()", (116, 176, 250)),
    "word": (r"\w+", _CODE_INK),
    "space": (r"\s+", _CODE_INK),
    "mark": (r"[^\w\s]", (150, 196, 208)),
}
_TOKEN = re.compile("|".join(f"(?P<{style}>{pattern})" for style, (pattern, _) in _TOKENS.items()))


def _editor(canvas: Canvas, scene: Scene) -> None:
    """A program being written; each step adds some lines."""
    left, middle = 0.0, canvas.width
    fitting = max(4, int((canvas.height - 70) / _LEADING))
    if canvas.width > 700:  # noqa: PLR2004 - points: room for a sidebar and a second file
        left, middle = 190.0, canvas.width * 0.62
        _files(canvas, left, scene.topic)
        _file(canvas, middle, canvas.width, scene.topic + 1, range(fitting))
    # A share of what fits, so that a step is as large on every screen.
    typed = fitting // 2 + scene.step * max(1, fitting // 5)
    _file(canvas, left, middle, scene.topic, range(max(0, typed - fitting), typed))
    canvas.fill((0, canvas.height - 24, canvas.width, canvas.height), (52, 96, 170))
    canvas.text((16, canvas.height - 8), "main", Font(12, WHITE, bold=True))
    canvas.text((canvas.width - 16, canvas.height - 8), f"Line {typed}    UTF-8", Font(12, WHITE, align="r"))


def _files(canvas: Canvas, width: float, topic: int) -> None:
    canvas.fill((0, 0, width, canvas.height), (24, 27, 34))
    for row, name in enumerate(("shelves", *sorted(TOPICS))):
        y = 30 + row * 23
        if name == topic_name(topic):
            canvas.fill((8, y - 16, width - 8, y + 6), (46, 51, 64), 5)
        canvas.fill((18, y - 10, 27, y + 1), (116, 176, 250), 2)
        canvas.text((36, y), f"{name}.py", Font(12.5, _CODE_INK))


def _file(canvas: Canvas, left: float, right: float, topic: int, lines: range) -> None:
    canvas.fill((left, 0, right, 32), (24, 27, 34))
    canvas.fill((left, 0, left + 150, 32), (30, 33, 41))
    canvas.fill((left, 0, left + 150, 2), (116, 176, 250))
    canvas.text((left + 18, 21), f"{topic_name(topic)}.py", Font(12.5, _CODE_INK))
    canvas.fill((left, 0, left + 1, canvas.height), (52, 56, 68))
    x, y = left, 37 + len(lines) * _LEADING
    canvas.fill((left, y - 14, right, y + 5), (40, 44, 55))
    text = code(topic, lines.stop)
    for row, number in enumerate(lines):
        y = 56 + row * _LEADING
        canvas.text((left + 36, y), str(number + 1), Font(12, (98, 106, 124), align="r"))
        x = left + 52
        for match in _TOKEN.finditer(text[number]):
            style, token = match.lastgroup or "word", match.group()
            width = canvas.text((x, y), token, Font(13.5, _TOKENS[style][1]))
            x += len(token) * 5.5 if style == "space" else width
    canvas.fill((x + 1, y - 12, x + 2.5, y + 3), (250, 214, 120))


def _browser(canvas: Canvas, scene: Scene) -> None:
    """A long illustrated page; each step scrolls it by most of a window."""
    bar = 42.0
    choice = dice("page", scene.topic)
    width = min(720.0, canvas.width - 60)
    left = (canvas.width - width) / 2
    y = bar + 54 - scene.step * (canvas.height - bar) * 0.8
    section = 0
    while y < canvas.height:
        canvas.text((left, y), headline(choice), Font(20 if section else 30, _INK, bold=True))
        canvas.text((left, y + 24), f"by {choice.choice(NAMES)}, {choice.randrange(2, 12)} minutes", Font(13, _GREY))
        y += 44
        if section % 2 == 0:
            _picture(canvas, (left, y, left + width, y + width * 0.36), scene.topic + section)
            y += width * 0.36 + 16
        for _ in range(2):
            text = " ".join(sentence(choice) for _ in range(7))
            y = 12 + canvas.paragraph((left, y + 12), width, text, Font(15, _INK))
        y += 36
        section += 1
    canvas.fill((0, 0, canvas.width, bar), (244, 245, 248))
    canvas.fill((0, bar - 1, canvas.width, bar), (224, 226, 232))
    canvas.text((24, 27), "<     >", Font(15, _GREY, bold=True))
    canvas.fill((92, 8, canvas.width - 60, 34), (228, 230, 236), 13)
    canvas.text((108, 26), f"almanac.example/{topic_name(scene.topic)}", Font(13, _INK))
    canvas.dot((canvas.width - 32, 21), 9, (130, 96, 200))


def _picture(canvas: Canvas, box: Box, number: int) -> None:
    left, top, right, bottom = canvas.pixels(box)
    size = right - left, bottom - top
    if min(*size, bottom) > 0:
        small = landscape(number, (-(-size[0] // SMOOTHING), -(-size[1] // SMOOTHING)))
        canvas.put(small.resize(size, Image.Resampling.NEAREST), box)


_ALBUM = 6
"""Pictures in an album."""


def _photo(canvas: Canvas, scene: Scene) -> None:
    """One picture large, the album in a strip below; each step shows the next."""
    here, first = scene.step % _ALBUM, scene.topic * _ALBUM
    strip = min(90.0, canvas.height * 0.14)
    _picture(canvas, (24, 24, canvas.width - 24, canvas.height - strip - 26), first + here)
    side = min(strip * 1.5, (canvas.width - 48) / _ALBUM)
    for index in range(_ALBUM):
        left = canvas.width / 2 + (index - _ALBUM / 2) * side + 4
        box = left, canvas.height - strip - 12, left + side - 8, canvas.height - 12
        if index == here:
            canvas.fill((box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3), (94, 178, 250), 5)
        _picture(canvas, box, first + index)


PROGRAMS = {
    SceneKind.EDITOR: Program("Quill", (240, 150, 60), "{}.py", _editor, (30, 33, 41)),
    SceneKind.BROWSER: Program("Wayfarer", (58, 134, 230), "The almanac of {}", _browser),
    SceneKind.PHOTO: Program("Album", (60, 160, 176), "A week of {}", _photo, (24, 24, 26)),
}
