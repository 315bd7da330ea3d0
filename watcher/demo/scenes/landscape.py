"""Photographs, for wallpapers, albums and pages."""

import math
import random
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageOps

from watcher.demo.scenes.canvas import SMOOTHING, Colour, Point
from watcher.demo.scenes.words import dice

_LIGHTS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((70, 126, 196), (214, 230, 240), (52, 84, 70)),
    ((92, 58, 110), (250, 176, 120), (44, 36, 62)),
    ((120, 150, 170), (236, 236, 226), (84, 96, 84)),
    ((24, 44, 92), (150, 190, 210), (20, 36, 52)),
    ((206, 140, 90), (252, 226, 170), (104, 62, 44)),
)
"""Sky, haze, ground."""


@lru_cache(maxsize=32)
def landscape(number: int, size: tuple[int, int]) -> Image.Image:
    """Mountains under clouds, mirrored in a lake; *size* in pixels. Treat it as read-only."""
    choice = dice("landscape", number)
    sky, haze, ground = _LIGHTS[number % len(_LIGHTS)]
    shore = max(1, round(size[1] * choice.uniform(0.58, 0.7)))
    above = ImageOps.colorize(Image.linear_gradient("L").resize((size[0], shore)), sky[:3], haze[:3])
    above.paste(_blend(haze, (255, 255, 255), 0.7), (0, 0), _clouds(choice, above.size))
    above = above.resize((size[0] * SMOOTHING, shore * SMOOTHING), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(above)
    for layer in range(4):
        mountains = [*_ridge(choice, above.size, layer), above.size, (0, above.height)]
        pen.polygon(mountains, _blend(haze, ground, 0.3 + layer * 0.23))
    above = above.reduce(SMOOTHING)
    grain = _clouds(choice, above.size).point([128 + (level - 60) // 5 for level in range(256)])
    above = ImageChops.overlay(above, Image.merge("RGB", (grain,) * 3))
    mirrored = ImageOps.flip(above).resize((size[0], max(1, size[1] - shore)), Image.Resampling.BILINEAR)
    water = Image.new("RGB", mirrored.size, _blend(sky, ground, 0.5))
    picture = above.crop((0, 0, *size))
    picture.paste(Image.blend(mirrored, water, 0.35), (0, shore))
    return picture


def _blend(colour: Colour, other: Colour, share: float) -> Colour:
    return tuple(round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))


def _ridge(choice: random.Random, size: tuple[int, int], layer: int) -> list[Point]:
    """The upper edge of mountains: waves of five lengths on each other."""
    waves = [(choice.uniform(2, 6) * 2.1**octave, choice.uniform(0, 6.3)) for octave in range(5)]
    points = []
    for x in range(161):
        height = sum(abs(math.sin(x / 160 * speed + phase)) / speed for speed, phase in waves)
        points.append((x / 160 * size[0], size[1] * (0.62 + layer * 0.11 - height * 0.9 / (layer + 1.5))))
    return points


def _clouds(choice: random.Random, size: tuple[int, int]) -> Image.Image:
    """Noise at four scales, as a mask."""
    coarse = size[0] // 6 + 1, size[1] // 6 + 1  # clouds are soft: a sixth of the size takes a fraction of the time
    clouds = Image.new("L", coarse)
    for octave in range(4):
        across, down = 5 * 3**octave, 4 * 3**octave
        noise = Image.frombytes("L", (across, down), choice.randbytes(across * down))
        layer = noise.resize(coarse, Image.Resampling.BICUBIC)
        clouds = ImageChops.add(clouds, layer.point([level // 2 ** (octave + 1) for level in range(256)]))
    return clouds.point([max(0, level - 110) for level in range(256)]).resize(size, Image.Resampling.BICUBIC)
