"""A few of many screens, so that each of the many is near one of the few.

Farthest-first traversal: each centre is the point that is farthest from all centres before it. When the points are all
within r of a centre, the centres are more than r apart, and no choice of as many centres has a radius below r / 2
(Gonzalez, Clustering to minimize the maximum intercluster distance, 1985). It takes the outliers first.

That costs points times centres distances; most are spared by the triangle inequality: a point at d from its centre c
cannot be nearer to a new centre that is 2 d or more from c (Elkan, Using the triangle inequality to accelerate k-means,
2003).
"""

from collections.abc import Sequence
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
class Clusters:
    """Centres, and the points that belong to each."""

    centres: list[int]
    """In the order of choice."""
    belongs: Tensor
    """(points,) int64: the place in *centres* of the nearest one; of two as near, of the first."""
    distances: Tensor
    """(points,) float32: how far that is."""

    def members(self) -> list[list[int]]:
        """The points of each cluster, nearest to its centre first; of those as near, the lowest number first."""
        members: list[list[int]] = [[] for _ in self.centres]
        belongs = self.belongs.tolist()
        for point in self.distances.sort(stable=True).indices.tolist():
            members[belongs[point]].append(point)
        return members


def farthest_first(points: Points, first: int, radius: float, limit: int) -> Clusters:
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
    return Clusters(centres, belongs, distances)


class WeightedTraversal:
    """Farthest-first traversal of weighted points: best is what has the greatest weight times distance.

    The distance is that to the nearest point that was taken before; while none was, it is 1 for all.
    """

    def __init__(self, points: Points, rows: Sequence[int], weights: Sequence[float], is_open: Sequence[bool]) -> None:
        """Begin with nothing taken.

        Args:
            points: a metric space.
            rows: the points of it that are traversed; elsewhere they are named by their places in here.
            weights: of each.
            is_open: whether each may be the best; the others only count once they are taken.
        """
        self._points, self._rows = points, torch.tensor(rows)
        self._weights, self._open = torch.tensor(weights), torch.tensor(is_open)
        self._distances = torch.ones(len(rows))

    def measure_by_lightest(self) -> None:
        """Take the distances to the lightest point, which itself stays open, as far off as its nearest neighbour."""
        place = int(self._weights.argmin())
        self._distances = self._from(place)
        self._distances[place] = self._distances[torch.arange(len(self._rows)) != place].min()

    def best(self) -> tuple[float, int] | None:
        """Weight times distance, and place, of the best that is open, of equals the first; None if none is."""
        if not self._open.any():
            return None
        scores = (self._weights * self._distances).where(self._open, torch.tensor(-1.0))
        place = int(scores.argmax())
        return float(scores[place]), place

    def take(self, place: int) -> None:
        """Measure what is left by the point at *place* as well, which is not open any more."""
        self._distances = torch.minimum(self._distances, self._from(place))
        self.drop(place)

    def drop(self, place: int) -> None:
        """Pass over the point at *place*."""
        self._open[place] = False

    def _from(self, place: int) -> Tensor:
        return self._points.distances(int(self._rows[place]), self._rows)
