"""A few of many screens, so that each of the many is near one of the few.

Farthest-first traversal: each centre is the point that is farthest from all centres before it. When the points are all
within r of a centre, the centres are more than r apart, and no choice of as many centres has a radius below r / 2
(Gonzalez, Clustering to minimize the maximum intercluster distance, 1985). It takes the outliers first.

That costs points times centres distances; most are spared by the triangle inequality: a point at d from its centre c
cannot be nearer to a new centre that is 2 d or more from c (Elkan, Using the triangle inequality to accelerate k-means,
2003).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_FLOAT32 = 1e-3
"""More than rounding can be wrong by in a distance of up to 1."""


class Points(Protocol):
    """Points of a metric space, by number."""

    def __len__(self) -> int: ...

    def distances(self, row: int, rows: Tensor) -> Tensor:
        """(rows,) float32 on the CPU: how far points *rows* (rows,) int64 are from point *row*."""

    def distances_below(self, row: int, rows: Tensor, below: Tensor) -> Tensor:
        """The same; where a distance is not *below* (rows,), any number that is not either."""


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Centres, and what belongs to each."""

    centres: list[int]
    """In the order of choice."""
    belongs: Tensor
    """(points,) int64: the place in *centres* of the nearest one; of two as near, of the first."""
    distances: Tensor
    """(points,) float32: how far that is."""


def cover(points: Points, first: int, radius: float, limit: int) -> Cover:
    """Choose centres, *first* first, until all *points* are within *radius* of one, or there are *limit* centres.

    Of points that are as far, the one with the lowest number is chosen.
    """
    everyone = torch.arange(len(points))
    distances = points.distances(first, everyone)
    belongs, centres = torch.zeros_like(everyone), [first]
    while len(centres) < limit and float(distances.max()) > radius:
        centre = int(distances.argmax())
        from_centres = points.distances(centre, torch.tensor(centres))
        open_rows = (from_centres[belongs] < 2 * distances + _FLOAT32).nonzero().flatten()
        found = points.distances_below(centre, open_rows, distances[open_rows])
        nearer = found < distances[open_rows]
        distances[open_rows[nearer]] = found[nearer]
        belongs[open_rows[nearer]] = len(centres)
        centres.append(centre)
    return Cover(centres, belongs, distances)
