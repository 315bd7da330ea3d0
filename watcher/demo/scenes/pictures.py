"""Photographs, and a program to look at them."""

import math
from functools import lru_cache

from PIL import Image, ImageChops, ImageOps

from watcher.demo.scenes.canvas import BLACK, WHITE, Box, Canvas, Colour, Font, blend, gradient
from watcher.demo.scenes.scene import Scene
from watcher.demo.scenes.words import dice, room

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
    """Mountains under clouds, mirrored in a lake; treat it as read-only."""
    choice = dice("landscape", number)
    sky, haze, ground = _LIGHTS[number % len(_LIGHTS)]
    shore = max(1, round(size[1] * choice.uniform(0.58, 0.7)))
    above = gradient((size[0], shore), sky, haze)
    clouds = _clouds(number, (size[0], shore))
    above.paste(blend(haze, WHITE, 0.7), (0, 0), clouds)
    canvas = Canvas(above, 1)
    for layer in range(4):
        ridge = _ridge(canvas.box, number, layer)
        canvas.shape([*ridge, (size[0], shore), (0, shore)], blend(haze, ground, 0.3 + layer * 0.23))
    grain = _clouds(number + 1, (size[0], shore)).point([128 + (level - 60) // 5 for level in range(256)])
    above = ImageChops.overlay(above, Image.merge("RGB", (grain,) * 3))
    picture = Image.new("RGB", size)
    picture.paste(above)
    below = ImageOps.flip(above).resize((size[0], max(1, size[1] - shore)), Image.Resampling.BILINEAR)
    picture.paste(Image.blend(below, Image.new("RGB", below.size, blend(sky, ground, 0.5)), 0.35), (0, shore))
    return picture


def _ridge(box: Box, number: int, layer: int) -> list[tuple[float, float]]:
    choice = dice("ridge", number, layer)
    waves = [(choice.uniform(2, 6) * 2.1**octave, choice.uniform(0, 6.3)) for octave in range(5)]
    points = []
    count = max(12, min(160, int(box.width / 6)))
    for index in range(count + 1):
        x = index / count
        height = sum(abs(math.sin(x * speed + phase)) / speed for speed, phase in waves)
        points.append((x * box.width, box.bottom * (0.62 + layer * 0.11 - height * 0.9 / (layer + 1.5))))
    return points


def _clouds(number: int, size: tuple[int, int]) -> Image.Image:
    """Noise at four scales, as a mask."""
    choice = dice("clouds", number)
    coarse = size[0] // 3 + 1, size[1] // 3 + 1  # clouds are soft: a third of the size is a ninth of the time
    clouds = Image.new("L", coarse)
    for octave in range(4):
        across, down = 5 * 3**octave, 4 * 3**octave
        noise = Image.frombytes("L", (across, down), choice.randbytes(across * down))
        layer = noise.resize(coarse, Image.Resampling.BICUBIC)
        clouds = ImageChops.add(clouds, layer.point([level // 2 ** (octave + 1) for level in range(256)]))
    return clouds.point([max(0, level - 110) for level in range(256)]).resize(size, Image.Resampling.BICUBIC)


_ALBUM = 6
"""Pictures in an album."""


def photo_title(scene: Scene) -> str:
    """The album."""
    return f"{room(scene.topic)}, picture {scene.step % _ALBUM + 1} of {_ALBUM}"


def photo(canvas: Canvas, scene: Scene) -> None:
    """One picture large, the album in a strip below; each step shows the next."""
    here = scene.step % _ALBUM
    strip = min(90.0, canvas.height * 0.14)
    _hang(canvas, Box(24, 26, canvas.width - 24, canvas.height - strip - 26), scene.topic * _ALBUM + here)
    side = min(strip * 1.5, (canvas.width - 48) / _ALBUM)
    for index in range(_ALBUM):
        left = canvas.width / 2 + (index - _ALBUM / 2) * side
        box = Box(left + 4, canvas.height - strip - 12, left + side - 4, canvas.height - 12)
        if index == here:
            canvas.fill(box.inset(-3, -3), (94, 178, 250), 5)
        _hang(canvas, box, scene.topic * _ALBUM + index)
    canvas.text((canvas.width - 24, 18), "Fit    100 %    Turn", Font(12, (170, 172, 178), align=1))


def _hang(canvas: Canvas, box: Box, number: int) -> None:
    window = canvas.window(box, BLACK)
    window.image.paste(landscape(number, window.image.size))
    canvas.put(window, box)
