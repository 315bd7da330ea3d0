"""A month of a display, drawn, with what a person sees on each capture: how it is judged before and after learning."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.conftest import Framesift
from tests.desk import Desk
from tests.pictures import png
from watcher.demo.scenes.landscape import landscape

SIZE = (1280, 800)
DAYS, TICKS = 20, 24
PHOTO = landscape(3, SIZE)


@dataclass(frozen=True)
class Shown:
    """One capture."""

    moment: datetime
    state: str
    """What a person sees, whatever the time, a caret and the pointer."""
    image: Image.Image


def text(image: Image.Image, at: tuple[float, float], words: str, size: int = 15, ink: str = "black") -> None:
    ImageDraw.Draw(image).text(at, words, ink, ImageFont.load_default(size), anchor="mm")


def desktop(moment: datetime, chance: random.Random, battery: int) -> Image.Image:
    """The panel with its clock; in the evening it is dark."""
    dark = moment.hour >= 16
    image = Image.new("RGB", SIZE, "#20242c" if dark else "#d8dde4")
    ImageDraw.Draw(image).rectangle((0, 0, SIZE[0], 23), "#101010" if dark else "#f4f4f4")
    ink = "#e0e0e0" if dark else "#202020"
    text(image, (1190, 12), f"{moment:%a} {moment.day}  {moment:%H:%M:%S}", 14, ink)
    text(image, (1060, 12), f"{battery} %", 13, ink)
    if chance.random() < 0.3:  # a pointer
        x, y = chance.randrange(1200), chance.randrange(40, 760)
        ImageDraw.Draw(image).polygon([(x, y), (x, y + 18), (x + 12, y + 13)], "black", "white")
    return image


def window(image: Image.Image, number: int, scroll: int) -> None:
    """A page of text, or a part of it."""
    chance = random.Random(number)
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 1220, 760), "white")
    for row in range(34):
        line = random.Random(number * 1000 + row + scroll)
        x = 80
        while x < 1100:
            wide = line.randrange(12, 60)
            draw.rectangle((x, 80 + 20 * row, x + wide, 88 + 20 * row), (40, 40, 40 + chance.randrange(60)))
            x += wide + 8


def document(image: Image.Image, words: int, *, caret: bool) -> None:
    """What somebody types, a word after another."""
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 1220, 760), "white")
    for number in range(words):
        row, column = divmod(number, 16)
        text(image, (110 + 70 * column, 90 + 22 * row), random.Random(number).choice(["screen", "garden", "window"]))
    row, column = divmod(words, 16)
    if caret:
        draw.rectangle((80 + 70 * column, 82 + 22 * row, 81 + 70 * column, 98 + 22 * row), "black")


def locked(moment: datetime) -> Image.Image:
    image = PHOTO.copy()
    text(image, (640, 180), f"{moment:%H:%M}", 190, "white")
    text(image, (640, 300), f"{moment:%A}, {moment.day} May", 36, "white")
    ImageDraw.Draw(image).ellipse((590, 560, 690, 660), "#d0d8e0")
    return image


def month(seed: int) -> Iterator[Shown]:
    """Working days: pages read and scrolled, a document written, notices, locked for lunch and at both ends."""
    chance = random.Random(seed)
    words = 0
    for day in range(DAYS):
        page, scroll = 0, 0
        for tick in range(TICKS):
            moment = datetime(2020, 5, 1, 8, 30) + timedelta(days=day, minutes=25 * tick, seconds=chance.randrange(50))
            if tick < 2 or 10 <= tick < 13 or tick >= TICKS - 2:
                dialog = chance.random() < 0.03
                image = locked(moment)
                if dialog:
                    ImageDraw.Draw(image).rectangle((440, 400, 840, 520), "#f0f0f0")
                    text(image, (640, 460), f"Update {day} is ready")
                yield Shown(moment, f"locked {f'dialog {day}' if dialog else ''}", image)
                continue
            image = desktop(moment, chance, 100 - 3 * tick)
            night = "dark " if moment.hour >= 16 else ""
            if chance.random() < 0.35:
                page, scroll = chance.randrange(12), chance.randrange(2)
            if page < 4:
                words += chance.choice([0, 0, 1, 2])
                document(image, words % 400, caret=chance.random() < 0.5)
                state = f"document {words}"
            else:
                window(image, page, scroll)
                state = f"page {page} {scroll}"
            if chance.random() < 0.06:
                ImageDraw.Draw(image).rectangle((960, 36, 1260, 96), "#fffbe6", "#808080")
                text(image, (1110, 66), f"Mail {day} {tick}: are you there?")
                state += f" notice {day} {tick}"
            yield Shown(moment, night + state, image)


def misjudged(framesift: Framesift, shown: list[Shown]) -> Counter[str]:
    """New states that left, and states seen before that stayed."""
    lines = map(json.loads, framesift("history", "--json")[1].splitlines())
    kinds = {Path(entry["path"]).name: entry["kind"] for entry in lines}
    assert len(kinds) == len(shown)
    seen, found = set[str](), Counter[str]()
    for one in shown:
        left = kinds[name_of(one)] == "duplicate"
        found["new quarantined"] += left and one.state not in seen
        found["seen left"] += not left and one.state in seen
        seen.add(one.state)
    return found


def name_of(shown: Shown) -> str:
    return f"{shown.moment:%Y-%m-%d_%H.%M.%S}_1.png"


@pytest.mark.slow
def test_with_what_is_learned_a_month_is_judged_as_a_person_would(desk: Desk, framesift: Framesift) -> None:
    shown = list(month(5))
    for one in shown:
        folder = desk.root / f"{one.moment:%Y-%m}" / f"{one.moment:%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath(name_of(one)).write_bytes(png(one.image))
    assert framesift("sweep")[0] == 0
    before = misjudged(framesift, shown)
    assert before["new quarantined"] > 0.02 * len(shown)
    assert before["seen left"] > 0.05 * len(shown)

    code, out, err = framesift("learn", "2020-05", "--apply")
    assert code == 0, err
    assert out.count("scene ") == 1
    assert framesift("sweep", "--again")[0] == 0
    after = misjudged(framesift, shown)
    assert after["new quarantined"] <= 0.005 * len(shown), (before, after)
    assert after["seen left"] <= 0.01 * len(shown), (before, after)

    assert framesift("learn", "--revert")[0] == 0
    assert framesift("sweep", "--again")[0] == 0
    assert misjudged(framesift, shown) == before
