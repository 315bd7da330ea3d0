"""Which screens of a period are unusual: seldom seen, far from what is usual, and far from each other.

1.  The screens of each display and size are cut into clusters by farthest-first traversal
    (:mod:`watcher.judge.farthest_first`), from the screen shown most often on, until every screen is within r = 0.22 of
    its cluster's centre, or there are 256 clusters; so two centres have an SSIM of at most 1 - r^2 = 0.95, and in
    practice about half of that. With thirty scroll positions of a page, or a lock screen at thirty times of day, the
    signatures differ little.
2.  A cluster is *usual* if its display came back to it and it has 5 % of the display's captures; or if it was seen on a
    third of the display's days, and on three or more. Usual clusters are not shown: everyone knows them.
3.  The others are taken one after another, always the one with the greatest

        -ln(its share of all captures) * distance to the nearest cluster that is usual or was taken before

    (on a display on which nothing is usual, to the commonest one, which may be taken as well).
    The first factor is the self-information of meeting the cluster (Shannon, 1948). With such weights, farthest-first
    traversal is at most three times as far off as the best choice (Dyer and Frieze, A simple heuristic for the p-centre
    problem, 1985), but for steps 4 and 5. Distances of different displays are never taken; the products of all displays
    are in one order.
4.  Of one display's hour, or of its day where the period is longer than a fortnight, two are taken at most: the
    frames of a film are all unlike each other.
5.  What is partly black, by a quarter at least, is compared by the rest alone with what is not; if that is near
    anything, it is an accident of the capture, and passed over. So is what is black all over.

Each step is an order without chance: ties go to the earlier screen.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Generic, TypeVar

from watcher.judge.blocks import Screens
from watcher.judge.farthest_first import WeightedTraversal, farthest_first
from watcher.review.appearances import Habit
from watcher.review.kept_screens import ScreenGroup

RADIUS = 0.22
"""Of 32 kept screens of a real morning, those of one program were within 0.16, and those of two beyond 0.28."""
MOST_CLUSTERS = 256
"""Of one display and size; where that is not enough the radius is larger. The outliers come first, whatever it is."""

_USUAL_SHARE, _USUAL_VISITS = 0.05, 2
_DAILY_SHARE, _DAILY_DAYS = 1 / 3, 3
_BLACK = 0.25

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Screens that are alike."""

    rows: tuple[int, ...]
    """Nearest to the centre first."""
    representative: int
    """The row that stands for it: the first that may be shown, else the centre."""
    may_be_shown: bool


@dataclass(frozen=True, slots=True)
class RatedCluster:
    """A cluster with what its habit says."""

    cluster: Cluster
    rarity: float
    usual: bool


def clusters(screens: Screens, times: Sequence[int], may_be_shown: Sequence[bool]) -> list[Cluster]:
    """The clusters of *screens*; by row, how often each was shown, and whether it may stand for its cluster."""
    first = max(range(len(times)), key=times.__getitem__)
    found = farthest_first(screens, first, RADIUS, MOST_CLUSTERS)
    return [_cluster(rows, may_be_shown) for rows in found.members()]


def _cluster(rows: Sequence[int], may_be_shown: Sequence[bool]) -> Cluster:
    shown = next((row for row in rows if may_be_shown[row]), None)
    return Cluster(tuple(rows), rows[0] if shown is None else shown, shown is not None)


def is_usual(habit: Habit, display: Habit) -> bool:
    """Whether a cluster with this *habit* is usual on a display that was seen as *display* says."""
    much = habit.captures >= _USUAL_SHARE * display.captures and habit.visits >= _USUAL_VISITS
    return much or (habit.days >= _DAILY_DAYS and habit.days >= _DAILY_SHARE * display.days)


def rarity(habit: Habit, captures: int) -> float:
    """Self-information in nats of a cluster with this *habit* among so many *captures*."""
    return math.log(captures / habit.captures)


class Ranking:
    """The clusters of one group, of which the most unusual are taken one after another."""

    def __init__(self, group: ScreenGroup, rated: Sequence[RatedCluster]) -> None:
        self.group = group
        self._rated = sorted(rated, key=lambda one: one.cluster.representative)
        representatives = [one.cluster.representative for one in self._rated]
        rarities = [one.rarity for one in self._rated]
        may_be_shown = [one.cluster.may_be_shown for one in self._rated]
        self.traversal = WeightedTraversal(group.screens, representatives, rarities, may_be_shown)
        usual = [place for place, one in enumerate(self._rated) if one.usual]
        for place in usual:
            self.traversal.take(place)
        if not usual and len(self._rated) > 1:
            self.traversal.measure_by_lightest()  # the commonest: what comes nearest to usual

    def cluster(self, place: int) -> Cluster:
        """The cluster at *place* of the traversal."""
        return self._rated[place].cluster

    def moment(self, place: int) -> datetime:
        """When what represents the cluster at *place* was captured."""
        return self.group.taken_at[self.cluster(place).representative]

    def is_accident(self, place: int) -> bool:
        """Whether what represents the cluster is so black that the rest alone counts, and that is near some screen."""
        row = self.cluster(place).representative
        if self._black_shares[row] < _BLACK:
            return False
        others = [other for other, share in enumerate(self._black_shares) if share < _BLACK]
        distances = self.group.screens.distances_beside_black(row, others)
        return distances is None or min(distances, default=math.inf) < RADIUS

    @cached_property
    def _black_shares(self) -> list[float]:
        return self.group.screens.black_shares()


@dataclass(frozen=True, slots=True)
class Pick(Generic[Seen]):
    """A cluster that was taken."""

    group: ScreenGroup
    cluster: Cluster
    score: float
    seen: Seen


def picks(rankings: Sequence[Ranking], look: Callable[[ScreenGroup, Cluster], Seen | None]) -> Iterator[Pick[Seen]]:
    """The most unusual clusters of all *rankings*, most unusual first, while any are left, and what is seen of them.

    One of which *look* sees nothing is left out as if it had never been.
    """
    while found := [(ranking, *best) for ranking in rankings if (best := ranking.traversal.best())]:
        ranking, score, place = min(found, key=lambda one: (-one[1], one[0].moment(one[2])))
        cluster = ranking.cluster(place)
        seen = None if ranking.is_accident(place) else look(ranking.group, cluster)
        if seen is None:
            ranking.traversal.drop(place)
        else:
            ranking.traversal.take(place)
            yield Pick(ranking.group, cluster, score, seen)
