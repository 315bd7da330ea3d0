"""A picture to draw on, measured in points, with smooth text, corners and curves."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from PIL import Image, ImageDraw, ImageFont, ImageOps

Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

_FULL_SIZE = math.sqrt(1440 * 900)
"""Side of the square as large as the screen on which one point is one pixel."""
_SMOOTHING = 3
"""Corners and curves are drawn this many times too large and averaged: Pillow's own have stairs."""


def unit_of(size: tuple[int, int]) -> float:
    """Pixels per point on a screen of *size*: large screens scale, small ones show less instead of unreadable text."""
    scale = math.sqrt(size[0] * size[1]) / _FULL_SIZE
    return scale if scale > 1 else scale**0.6


def blend(colour: Colour, other: Colour, share: float) -> Colour:
    """*colour* with *share* of *other* mixed in."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A picture whose colour changes from *top* to *bottom*."""
    column = ImageOps.colorize(Image.linear_gradient("L").resize((1, size[1])), top, bottom)
    return column.resize(size)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in points."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Extent from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Extent from top to bottom."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """The middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def inset(self, across: float, down: float) -> "Box":
        """The box without a margin of *across* at both sides and of *down* at top and bottom."""
        return Box(self.left + across, self.top + down, self.right - across, self.bottom - down)


@dataclass(frozen=True, slots=True)
class Font:
    """How a text looks."""

    size: float
    colour: Colour
    bold: bool = False
    align: float = 0.0
    """Which part of the text stands at its x: 0 its start, 0.5 its middle, 1 its end."""


class Canvas:
    """A picture with a scale. All lengths are points, y grows downwards, texts stand on their y."""

    def __init__(self, image: Image.Image, unit: float) -> None:
        """Draw on *image*, an RGB picture, at *unit* pixels per point."""
        self.image = image
        self.unit = unit
        self.width = image.width / unit
        self.height = image.height / unit

    @classmethod
    def blank(cls, size: tuple[int, int], unit: float, colour: Colour) -> Self:
        """A canvas of one colour; *size* in pixels."""
        return cls(Image.new("RGB", size, colour), unit)

    @property
    def box(self) -> Box:
        """The whole canvas."""
        return Box(0, 0, self.width, self.height)

    def window(self, box: Box, colour: Colour) -> "Canvas":
        """A blank canvas to fill in and :meth:`put` at *box*; what is drawn beyond its edges is cut off."""
        left, top, right, bottom = self._pixels(box)
        return Canvas.blank((max(1, right - left), max(1, bottom - top)), self.unit, colour)

    def put(self, window: "Canvas", box: Box, radius: float = 0) -> None:
        """Paste *window* at the top left of *box*, its lower corners rounded: above them is its title bar."""
        left, top, _, _ = self._pixels(box)
        pixels = self._length(radius)
        if pixels == 0:
            self.image.paste(window.image, (left, top))
            return
        width, height = window.image.size
        mask = _rounded((width, height + pixels), pixels).crop((0, pixels, width, height + pixels))
        self.image.paste(window.image, (left, top), mask)

    def fill(self, box: Box, colour: Colour, radius: float = 0, opacity: float = 1) -> None:
        """Fill a rectangle."""
        left, top, right, bottom = self._pixels(box)
        size = (right - left, bottom - top)
        if min(size) <= 0:
            return
        if radius == 0 and opacity == 1:
            self.image.paste(colour, (left, top, right, bottom))
        else:
            self._stain(_rounded(size, self._length(radius)), (left, top), colour, opacity)

    def rule(self, start: Point, end: Point, colour: Colour) -> None:
        """A straight hairline, level or upright."""
        left, top, right, bottom = self._pixels(Box(*start, *end))
        thick = max(1, self._length(0.8))
        self.image.paste(colour, (left, top, max(right, left + thick), max(bottom, top + thick)))

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        x, y = centre
        self.fill(Box(x - radius, y - radius, x + radius, y + radius), colour, radius)

    def curve(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A smooth line through *points*."""
        mask, corner, corners = self._tracing(points, width, _SMOOTHING)
        thick = max(_SMOOTHING, round(width * self.unit * _SMOOTHING))
        ImageDraw.Draw(mask).line(corners, 255, thick, joint="curve")
        self._stain(mask.reduce(_SMOOTHING), corner, colour)

    def shape(self, points: Sequence[Point], colour: Colour, opacity: float = 1) -> None:
        """A filled outline, large as a rule, and therefore a little less smooth."""
        mask, corner, corners = self._tracing(points, 1, _SMOOTHING - 1)
        ImageDraw.Draw(mask).polygon(corners, 255)
        self._stain(mask.reduce(_SMOOTHING - 1), corner, colour, opacity)

    def text(self, at: Point, text: str, font: Font) -> float:
        """Write one line standing on *at*; returns the x where it ends."""
        pixels = round(font.size * self.unit, 1)
        glyphs = _glyphs(text, pixels, font.bold)
        x = at[0] * self.unit - glyphs.advance * font.align
        corner = round(x) + glyphs.left, round(at[1] * self.unit) + glyphs.top
        self.image.paste(font.colour, corner, glyphs.mask)
        return (x + glyphs.advance) / self.unit

    def figures(self, at: Point, text: str, font: Font) -> None:
        """Write a number that ends at *at*, every digit in a cell of the same width: columns of them line up."""
        x = at[0]
        for sign in reversed(text):
            cell = font.size * (0.3 if sign in ".," else 0.58)
            x -= cell
            self.text((x + cell / 2, at[1]), sign, replace(font, align=0.5))

    def measure(self, text: str, font: Font) -> float:
        """Width of *text*."""
        return _glyphs(text, round(font.size * self.unit, 1), font.bold).advance / self.unit

    def paragraph(self, at: Point, width: float, words: Iterable[str], font: Font) -> float:
        """Write *words* in lines of at most *width*; returns the y of the line after the last."""
        x, y = at
        space = font.size * 0.27
        for word in words:
            if x > at[0] and x + self.measure(word, font) > at[0] + width:
                x, y = at[0], y + font.size * 1.5
            x = self.text((x, y), word, font) + space
        return y + font.size * 1.5

    def _length(self, points: float) -> int:
        return round(points * self.unit)

    def _pixels(self, box: Box) -> tuple[int, int, int, int]:
        return self._length(box.left), self._length(box.top), self._length(box.right), self._length(box.bottom)

    def _stain(self, mask: Image.Image, corner: tuple[int, int], colour: Colour, opacity: float = 1) -> None:
        if opacity < 1:
            mask = mask.point([round(level * opacity) for level in range(256)])
        self.image.paste(colour, corner, mask)

    def _tracing(
        self, points: Sequence[Point], margin: float, smoothing: int
    ) -> tuple[Image.Image, tuple[int, int], list[Point]]:
        """A mask around *points*, *smoothing* times too large; the pixel where it belongs; and the points on it."""
        xs, ys = zip(*points, strict=True)
        left, top = math.floor((min(xs) - margin) * self.unit), math.floor((min(ys) - margin) * self.unit)
        right, bottom = math.ceil((max(xs) + margin) * self.unit), math.ceil((max(ys) + margin) * self.unit)
        mask = Image.new("L", ((right - left + 1) * smoothing, (bottom - top + 1) * smoothing))
        corners = [((x * self.unit - left) * smoothing, (y * self.unit - top) * smoothing) for x, y in points]
        return mask, (left, top), corners


@dataclass(frozen=True, slots=True)
class _Glyphs:
    mask: Image.Image
    left: int
    top: int
    advance: float


# Setting type costs 20 microseconds a letter, pasting a cached word 5 in all; screens repeat their words.
@lru_cache(maxsize=8192)
def _glyphs(text: str, pixels: float, bold: bool) -> _Glyphs:
    font = _font(pixels)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    # The built-in font has one weight: the bold one is drawn twice, a hair apart.
    shift = pixels * 0.045 if bold else 0
    left, top = math.floor(left), math.floor(top)
    mask = Image.new("L", (math.ceil(right + shift) - left + 1, math.ceil(bottom) - top + 1))
    pen = ImageDraw.Draw(mask)
    for offset in (0, shift) if bold else (0,):
        pen.text((offset - left, -top), text, 255, font, anchor="ls")
    return _Glyphs(mask, left, top, font.getlength(text) + shift)


@lru_cache(maxsize=64)
def _font(pixels: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)


@lru_cache(maxsize=64)
def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", size, 255)
    radius = min(radius, size[0] // 2, size[1] // 2)
    if radius == 0:
        return mask
    large = Image.new("L", (2 * radius * _SMOOTHING,) * 2)
    ImageDraw.Draw(large).ellipse((0, 0, large.width - 1, large.height - 1), 255)
    disc = large.reduce(_SMOOTHING)
    for right in (False, True):
        for low in (False, True):
            x, y = radius * right, radius * low
            corner = (size[0] - radius) * right, (size[1] - radius) * low
            mask.paste(disc.crop((x, y, x + radius, y + radius)), corner)
    return mask
