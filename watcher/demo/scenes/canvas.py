"""A picture to draw on, measured in points, with smooth text and corners."""

import math
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, ...]
"""Red, green, blue, and opacity where it is not 255."""
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

WHITE: Colour = (255, 255, 255)

_FULL_SIZE = math.sqrt(1440 * 900)
"""Side of the square as large as the screen on which one point is one pixel."""
SMOOTHING = 2
"""Everything is drawn this many times too large and averaged in the end: Pillow's own corners have stairs."""


@dataclass(frozen=True, slots=True)
class Font:
    """How a text looks."""

    size: float
    colour: Colour
    bold: bool = False
    align: str = "l"
    """Which part of the text stands at its x: `l` its start, `m` its middle, `r` its end."""


class Canvas:
    """A picture with a scale. All lengths are points, y grows downwards, texts stand on their y."""

    def __init__(self, image: Image.Image, unit: float) -> None:
        """Draw on *image*, an RGB picture, at *unit* pixels per point."""
        self.image = image
        self.unit = unit
        self.width, self.height = image.width / unit, image.height / unit
        self._pen = ImageDraw.Draw(image, "RGBA")

    def fill(self, box: Box, colour: Colour, radius: float = 0) -> None:
        """Fill a rectangle with rounded corners."""
        left, top, right, bottom = self.pixels(box)
        if left < right and top < bottom:
            self._pen.rounded_rectangle((left, top, right - 1, bottom - 1), radius * self.unit, colour)

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self._pen.circle((centre[0] * self.unit, centre[1] * self.unit), radius * self.unit, colour)

    def ring(self, box: Box, colour: Colour, radius: float) -> None:
        """The outline of a rounded rectangle, a point wide."""
        self._pen.rounded_rectangle(self.pixels(box), radius * self.unit, outline=colour, width=round(self.unit))

    def text(self, at: Point, text: str, font: Font) -> float:
        """Write one line standing on *at*; returns its width."""
        pixels = round(font.size * self.unit)
        x, y = round(at[0] * self.unit), round(at[1] * self.unit)
        # The built-in font has one weight: the bold one is drawn twice, a hair apart.
        for shift in (0, max(1, round(pixels * 0.045))) if font.bold else (0,):
            self._pen.text((x + shift, y), text, font.colour, _face(pixels), anchor=f"{font.align}s")
        return self.measure(text, font)

    def measure(self, text: str, font: Font) -> float:
        """The width of *text*."""
        return _face(round(font.size * self.unit)).getlength(text) / self.unit

    def paragraph(self, at: Point, width: float, text: str, font: Font) -> float:
        """Write *text* in lines of at most *width*; returns the y of the line after the last."""
        x, y = at
        for word in text.split():
            if x > at[0] and x + self.measure(word, font) > at[0] + width:
                x, y = at[0], y + font.size * 1.5
            x += self.text((x, y), f"{word} ", font)
        return y + font.size * 1.5

    def window(self, box: Box, paper: Colour) -> "Canvas":
        """A blank canvas to fill in and :meth:`put` at *box*; what is drawn beyond its edges is cut off."""
        left, top, right, bottom = self.pixels(box)
        return Canvas(Image.new("RGB", (max(1, right - left), max(1, bottom - top)), paper), self.unit)

    def put(self, image: Image.Image, box: Box, radius: float = 0) -> None:
        """Paste *image* at the top left of *box*, its lower corners rounded: above them is its title bar."""
        mask = Image.new("L", image.size)
        whole, round_corners = (0, 0, image.width - 1, image.height - 1), (False, False, True, True)
        ImageDraw.Draw(mask).rounded_rectangle(whole, radius * self.unit, 255, corners=round_corners)
        self.image.paste(image, self.pixels(box)[:2], mask)

    def pixels(self, box: Box) -> tuple[int, int, int, int]:
        """Where *box* lies in :attr:`image`."""
        left, top, right, bottom = (round(edge * self.unit) for edge in box)
        return left, top, right, bottom


def unit_of(size: tuple[int, int]) -> float:
    """Pixels per point on a screen of *size*: large screens scale, small ones show less instead of unreadable text."""
    scale = math.sqrt(size[0] * size[1]) / _FULL_SIZE
    return SMOOTHING * (scale if scale > 1 else scale**0.6)


@lru_cache(maxsize=64)
def _face(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)
