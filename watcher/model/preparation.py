"""What is done to a picture before it is compared: parts of it are painted over, and it is averaged down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Rectangle = tuple[int, int, int, int]
"""X, y, width and height in pixels of the picture; what lies beyond its edges counts for nothing."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, the last two exclusive."""
Ignored = tuple[tuple[str, tuple[Rectangle, ...]], ...]
"""Displays with the rectangles that are ignored in what they show."""
EVERY_DISPLAY = "*"


def ignored_of(table: Mapping[str, Iterable[Sequence[int]]]) -> Ignored:
    """The rectangles in *table* by display, always in one order, so that equal ones are equal values."""
    found = ((display, sorted({(x, y, width, height) for x, y, width, height in table[display]})) for display in table)
    return tuple(sorted((display, tuple(rectangles)) for display, rectangles in found if rectangles))


@dataclass(frozen=True, slots=True)
class Preparation:
    """How the pictures of one display become frames."""

    reduce: int
    """Side in pixels of the squares that are averaged into one."""
    ignored: tuple[Rectangle, ...] = ()
    """What is painted over before, in ascending order."""

    def boxes(self, width: int, height: int) -> Iterator[Box]:
        """What is ignored of a picture of *width* x *height* pixels."""
        yield from boxes_within(self.ignored, width, height)


def frame_boxes(rectangles: Iterable[Rectangle], reduce: int, height: int, width: int) -> Iterator[Box]:
    """What *rectangles* cover of a frame of *height* x *width* pixels, which are averages of *reduce* x *reduce*.

    A rectangle whose edge lies within one of these squares covers all of it.
    """
    for left, top, right, bottom in boxes_within(rectangles, width * reduce, height * reduce):
        yield left // reduce, top // reduce, -(-right // reduce), -(-bottom // reduce)


def boxes_within(rectangles: Iterable[Rectangle], width: int, height: int) -> Iterator[Box]:
    """What *rectangles* cover of a picture of *width* x *height* pixels."""
    for x, y, wide, high in rectangles:
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + wide, width), min(y + high, height)
        if left < right and top < bottom:
            yield left, top, right, bottom
