"""What a clock looks like, against what only moves as one does."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import torch
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont
from torch import Tensor

from watcher.demo.scenes.landscape import landscape
from watcher.judge.writing import is_written

SIZE = (480, 300)
WHOLE = [(0, 0, *SIZE)]
MOMENTS = [datetime(2020, 5, 4, 9, 41) + timedelta(minutes=137 * number, seconds=11 * number) for number in range(6)]
GROUND = landscape(1, SIZE).filter(ImageFilter.GaussianBlur(6))
Draw = Callable[[datetime], Image.Image]


def written(text: str, size: int, ink: str = "white", ground: Image.Image = GROUND) -> Image.Image:
    image = ground.copy()
    ImageDraw.Draw(image).text((SIZE[0] / 2, 150), text, ink, ImageFont.load_default(size), anchor="mm")
    return image


def glass(moment: datetime) -> Image.Image:
    """Digits that lighten their ground, as of glass."""
    return ImageChops.add(GROUND, written(f"{moment:%H:%M}", 120, "#404040", Image.new("RGB", SIZE)))


def with_date(moment: datetime) -> Image.Image:
    image = written(f"{moment:%H:%M}", 110)
    ImageDraw.Draw(image).text(
        (240, 230), f"{moment:%A}, {moment.day}", "white", ImageFont.load_default(26), anchor="mm"
    )
    return image


def film(moment: datetime) -> Image.Image:
    return landscape(moment.toordinal() * 1440 + moment.hour * 60 + moment.minute, SIZE)


def face(moment: datetime) -> Image.Image:
    """Somebody who moves a little before a ground that stays."""
    chance = random.Random(moment.isoformat())
    image = GROUND.copy()
    x, y = 200 + chance.randrange(60), 90 + chance.randrange(40)
    head = landscape(7, (120, 150))
    shape = Image.new("L", head.size)
    ImageDraw.Draw(shape).ellipse((0, 0, 119, 149), 255)
    image.paste(head, (x, y), shape)
    return image


def log(moment: datetime) -> Image.Image:
    """A small window in which lines follow each other."""
    image = Image.new("RGB", SIZE, "black")
    for row in range(8):
        text = f"{moment + timedelta(seconds=row)} job {row * moment.minute % 97} of {moment.hour} is done"
        ImageDraw.Draw(image).text((10, 20 + 34 * row), text, "#80ff80", ImageFont.load_default(18))
    return image


def stack(draw: Draw) -> list[Tensor]:
    images = map(draw, MOMENTS)
    return [
        torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8)
        .view(SIZE[1], SIZE[0], 3)
        .permute(2, 0, 1)
        for image in images
    ]


@pytest.mark.parametrize(
    "draw",
    [
        lambda moment: written(f"{moment:%H:%M}", 150),
        lambda moment: written(f"{moment:%H:%M:%S}", 90),
        lambda moment: written(f"{moment.hour}:{moment:%M}", 120, "black", Image.new("RGB", SIZE, "#e8e0d0")),
        lambda moment: written(f"{moment:%a %d %b  %H:%M:%S}", 15),
        with_date,
        glass,
        lambda _: GROUND,
    ],
    ids=["large", "seconds", "dark ink", "small", "with its date", "of glass", "nothing varies"],
)
def test_what_looks_like_a_clock(draw: Draw) -> None:
    frames = stack(draw)
    assert is_written(frames, WHOLE, 1)
    assert is_written(frames[:2], WHOLE, 1)


@pytest.mark.parametrize("draw", [film, face, log], ids=["a film", "a face", "a log"])
def test_what_only_moves_does_not(draw: Draw) -> None:
    frames = stack(draw)
    assert not is_written(frames, WHOLE, 1)


def test_only_the_places_count_and_all_of_them_together() -> None:
    clock, lines = stack(with_date), stack(log)
    mixed = [torch.cat([one, other], 2) for one, other in zip(clock, lines, strict=True)]
    left, right = (0, 0, 480, 300), (480, 0, 480, 300)
    assert is_written(mixed, [left], 1)
    assert not is_written(mixed, [right], 1)
    assert not is_written(mixed, [left, right], 1)
    assert is_written(mixed, [(0, 0, 960, 600)], 2) == is_written(mixed, [left], 1)  # in pixels of the captures
