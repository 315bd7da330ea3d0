"""Programs in which people read: a browser and a chat."""

from watcher.demo.scenes.canvas import WHITE, Box, Canvas, Colour, Font
from watcher.demo.scenes.pictures import landscape
from watcher.demo.scenes.scene import Scene
from watcher.demo.scenes.words import NICKNAMES, ROOMS, dice, headline, room, sentences

_INK: Colour = (36, 38, 46)
_GREY: Colour = (122, 126, 138)
_LINE: Colour = (224, 226, 232)
_BLUE: Colour = (44, 102, 204)


def browser_title(scene: Scene) -> str:
    """The site."""
    return f"{room(scene.topic).replace('-', ' ').capitalize()} almanac"


def browser(canvas: Canvas, scene: Scene) -> None:
    """A long illustrated page; each step scrolls it by most of a window."""
    page = canvas.window(Box(0, 42, canvas.width, canvas.height), WHITE)
    _page(page, scene, scene.step * page.height * 0.8)
    canvas.put(page, Box(0, 42, canvas.width, canvas.height))
    canvas.fill(Box(0, 0, canvas.width, 42), (244, 245, 248))
    canvas.rule((0, 41), (canvas.width, 41), _LINE)
    for index in (0, 1):
        x, turn = 28 + index * 30, 4 - 8 * index
        canvas.curve([(x + turn, 15), (x - turn, 21), (x + turn, 27)], _GREY, 1.8)
    field = Box(92, 8, canvas.width - 60, 34)
    canvas.fill(field, (228, 230, 236), 13)
    canvas.text((field.left + 16, 26), f"almanac.example/{room(scene.topic)}", Font(13, _INK))
    canvas.dot((canvas.width - 32, 21), 9, (130, 96, 200))


def _page(page: Canvas, scene: Scene, scrolled: float) -> None:
    choice = dice("page", scene.topic)
    width = min(720.0, page.width - 60)
    left = (page.width - width) / 2
    y = 54 - scrolled
    section = 0
    while y < page.height:
        size = 30 if section == 0 else 20
        page.text((left, y), headline(choice), Font(size, _INK, bold=True))
        page.text((left, y + 24), f"by {choice.choice(NICKNAMES)}, {choice.randrange(2, 12)} minutes", Font(13, _GREY))
        y += 58
        if section % 2 == 0:
            y = _illustration(page, Box(left, y - 14, left + width, y + width * 0.34), scene.topic + section)
        for _ in range(2):
            words = sentences(choice, choice.randrange(5, 9))
            y = page.paragraph((left, y), width, words, Font(15, _INK)) + 12
        y += 34
        section += 1


def _illustration(page: Canvas, box: Box, number: int) -> float:
    if box.bottom > 0 and box.top < page.height:
        picture = page.window(box, WHITE)
        picture.image.paste(landscape(number, picture.image.size))
        page.put(picture, box, 6)
    return box.bottom + 34


def chat_title(scene: Scene) -> str:
    """The room."""
    return f"# {room(scene.topic)}"


def chat(canvas: Canvas, scene: Scene) -> None:
    """A room in which each step adds messages; when the window is full, the oldest leave at the top."""
    left = 200.0 if canvas.width > 760 else 64.0  # noqa: PLR2004 - room for names
    _rooms(canvas, left, scene.topic)
    canvas.text((left + 24, 30), f"# {room(scene.topic)}", Font(17, _INK, bold=True))
    canvas.rule((left, 46), (canvas.width, 46), _LINE)
    bottom = canvas.height - 62
    fitting = int((bottom - 60) / _MESSAGE)
    count = max(1, fitting // 2) + scene.step * max(1, fitting // 9)
    choice = dice("chat", scene.topic)
    messages = [(choice.choice(NICKNAMES), sentences(choice, 2)) for _ in range(count)]
    for row, (name, words) in enumerate(messages[-fitting:]):
        _message(canvas, Box(left + 24, 60 + row * _MESSAGE, canvas.width - 24, 0), name, words)
    canvas.fill(Box(left + 20, bottom + 10, canvas.width - 20, canvas.height - 14), (240, 241, 245), 10)
    canvas.text((left + 36, bottom + 34), f"Write to # {room(scene.topic)}", Font(13.5, _GREY))


_MESSAGE = 68.0
_FACES: tuple[Colour, ...] = (
    (206, 92, 92),
    (224, 152, 60),
    (92, 160, 96),
    (70, 140, 190),
    (130, 96, 200),
    (180, 90, 150),
)


def _message(canvas: Canvas, box: Box, name: str, words: list[str]) -> None:
    centre = box.left + 17, box.top + 21
    canvas.dot(centre, 17, _FACES[NICKNAMES.index(name) % len(_FACES)])
    canvas.text((centre[0], centre[1] + 6), name[0], Font(16, WHITE, bold=True, align=0.5))
    canvas.text((box.left + 48, box.top + 16), name, Font(13.5, _INK, bold=True))
    canvas.paragraph((box.left + 48, box.top + 36), box.width - 48, words, Font(13.5, (66, 68, 78)))


def _rooms(canvas: Canvas, width: float, topic: int) -> None:
    canvas.fill(Box(0, 0, width, canvas.height), (58, 44, 88))
    named = width > 100  # noqa: PLR2004 - wide enough for names
    for row, name in enumerate(ROOMS):
        y = 40 + row * (30 if named else 48)
        here = name == room(topic)
        if named:
            if here:
                canvas.fill(Box(10, y - 19, width - 10, y + 8), (104, 82, 150), 6)
            canvas.text((24, y), f"# {name}", Font(13.5, WHITE if here else (196, 186, 220), bold=here))
        else:
            canvas.fill(Box(14, y - 20, 50, y + 16), (104, 82, 150) if here else (78, 62, 114), 10)
            canvas.text((32, y + 4), name[:2], Font(14, WHITE, align=0.5))
