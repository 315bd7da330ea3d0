"""Where two frames differ, as few rectangles."""

from collections.abc import Iterable, Iterator
from itertools import combinations

from torch import Tensor
from torch.nn.functional import pad

from watcher.model.preparation import Box

LIMIT = 8
"""More places than this are joined until so many are left."""

_CELL = 16
"""Side in pixels of the cells. Neighbouring cells are one region: the gap between two letters is smaller."""
_MANY = 64
"""With more places than this the cells are too small for what has changed."""


def boxes_of(changed: Tensor) -> list[Box]:
    """At most ``LIMIT`` boxes, topmost first, that hold every true pixel of *changed* (height, width) bool.

    Each is as small as it can be for what it was made to hold: what has changed in one place.
    """
    cell = _CELL
    while len(boxes := list(_places(_cells(changed.cpu(), cell)))) > _MANY:
        cell *= 2
    return sorted(_joined(boxes), key=lambda box: (box[1], box[0]))


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
        yield _hull(group)


def _joined(boxes: list[Box]) -> list[Box]:
    """At most ``LIMIT`` boxes that hold all of *boxes*, so that joining any two of them would waste pixels."""
    boxes = sorted(boxes)
    while len(boxes) > 1:
        waste, one, other = min((_waste(one, other), one, other) for one, other in combinations(boxes, 2))
        if waste > 0 and len(boxes) <= LIMIT:
            break
        boxes.remove(one)
        boxes.remove(other)
        boxes.append(_hull((one, other)))
    return boxes


def _waste(one: Box, other: Box) -> int:
    """How many pixels the hull of two boxes has more than both together."""
    return _area(_hull((one, other))) - _area(one) - _area(other)


def _area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _hull(boxes: Iterable[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
