"""Where two frames differ, as few rectangles."""

from collections.abc import Iterable, Iterator
from itertools import combinations, groupby

import torch
from torch import Tensor
from torch.nn.functional import pad

from watcher.judge.tiles import SIDE, rows_apart, tile_grid
from watcher.model.preparation import Box, Rectangle

LIMIT = 8
"""More places than this are joined until so many are left."""

_CELL = 16
"""Side in pixels of the cells. Neighbouring cells are one region: the gap between two letters is smaller."""
_MANY = 64
"""With more places than this the cells are too small for what has changed."""
_SEEN = 8
"""Of 255. A pixel has changed if a channel differs by more: less is a screen that is dimmed, and no news."""


def boxes_of(changed: Tensor) -> list[Box]:
    """At most ``LIMIT`` boxes, topmost first, that hold every true pixel of *changed* (height, width) bool.

    Each is as small as it can be for what it was made to hold: what has changed in one place.
    """
    cell = _CELL
    while len(boxes := list(_places(_cells(changed.cpu(), cell)))) > _MANY:
        cell *= 2
    return sorted(_joined(boxes), key=lambda box: (box[1], box[0]))


def widest_change(x: Tensor, y: Tensor, units: Tensor | None, reduce: int = 1) -> Rectangle | None:
    """The widest place that has changed between frames *x*, *y* (3, height, width) uint8.

    Cells of 16 x 16 pixels in which a pixel has changed are one place if they touch, at a corner at least; its box is
    that of its changed pixels. Of equally wide ones it is the topmost, of these the leftmost.

    Args:
        x: one frame.
        y: another of the same size.
        units: what differs between them, of :class:`watcher.judge.tiles.Squares`; None for nothing.
        reduce: by how much the pictures were averaged.

    Returns:
        It in pixels of the pictures; None if no pixel has changed.
    """
    rows = [] if units is None else rows_apart(units)
    places = (box for stripe in _stripes(rows, x.shape[1]) for box in _changed_in(x, y, stripe))
    widest = min(places, key=lambda box: (box[0] - box[2], box[1], box[0]), default=None)
    return None if widest is None else in_picture(widest, reduce)


def _stripes(rows: Iterable[int], height: int) -> Iterator[slice]:
    """The runs of *rows* of squares, as rows of pixels: no place is in two of them."""
    last = tile_grid(height, height)[0] - 1
    for _, run in groupby(enumerate(rows), lambda item: item[1] - item[0]):
        own = [row for _, row in run]
        yield slice(SIDE * own[0], height if own[-1] == last else SIDE * (own[-1] + 1))


def in_picture(box: Box, reduce: int) -> Rectangle:
    """*box* of a frame in pixels of the picture that was averaged by *reduce*, perhaps some beyond its edge."""
    left, top, right, bottom = (side * reduce for side in box)
    return left, top, right - left, bottom - top


def _changed_in(x: Tensor, y: Tensor, rows: slice) -> Iterator[Box]:
    """The boxes of the places in *rows* that have changed."""
    one, other = x[:, rows], y[:, rows]
    apart = (torch.maximum(one, other) - torch.minimum(one, other)).amax(0) > _SEEN
    for left, top, right, bottom in _places(_cells(apart.cpu(), _CELL)):
        yield left, rows.start + top, right, rows.start + bottom


def _cells(changed: Tensor, cell: int) -> dict[tuple[int, int], Box]:
    """By row and column, the box of the true pixels in each cell of *cell* x *cell* pixels that holds any."""
    height, width = changed.shape
    padded = pad(changed, (0, -width % cell, 0, -height % cell))
    blocks = padded.view(padded.shape[0] // cell, cell, padded.shape[1] // cell, cell)
    down, across = blocks.any(3).transpose(1, 2), blocks.any(1)  # both (rows, columns, cell)
    places = down.any(2).nonzero()
    tops, lefts = (_first(lines[tuple(places.T)]) for lines in (down, across))
    bottoms, rights = (cell - _first(lines[tuple(places.T)].flip(1)) for lines in (down, across))
    found = zip(places.tolist(), lefts.tolist(), tops.tolist(), rights.tolist(), bottoms.tolist(), strict=True)
    return {
        (row, column): (column * cell + left, row * cell + top, column * cell + right, row * cell + bottom)
        for (row, column), left, top, right, bottom in found
    }


def _first(lines: Tensor) -> Tensor:
    """(lines,): the place of the first true of each of *lines* (lines, length) bool."""
    return lines.byte().argmax(1)


def _places(cells: dict[tuple[int, int], Box]) -> Iterator[Box]:
    """The hull of each group of cells that touch, at a corner at least; takes *cells* apart."""
    while cells:
        group = []
        waiting = [next(iter(cells))]
        while waiting:
            row, column = waiting.pop()
            if (box := cells.pop((row, column), None)) is not None:
                group.append(box)
                waiting += [(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        yield hull(group)


def _joined(boxes: list[Box]) -> list[Box]:
    """At most ``LIMIT`` boxes that hold all of *boxes*, so that joining any two of them would waste pixels."""
    boxes = sorted(boxes)
    while len(boxes) > 1:
        waste, one, other = min((_waste(one, other), one, other) for one, other in combinations(boxes, 2))
        if waste > 0 and len(boxes) <= LIMIT:
            break
        boxes.remove(one)
        boxes.remove(other)
        boxes.append(hull((one, other)))
    return boxes


def _waste(one: Box, other: Box) -> int:
    """How many pixels the hull of two boxes has more than both together."""
    return _area(hull((one, other))) - _area(one) - _area(other)


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def hull(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of *boxes*."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
