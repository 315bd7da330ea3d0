"""Which screens of a period are unusual: seldom seen, far from what is usual, and far from each other.

1. The screens of each display and size are cut into families by farthest-first traversal
    (:mod:`watcher.judge.farthest_first`), from the screen shown most often on, until every screen is within r = 0.22 of
    its family's centre, or there are 256; so the centres of two families have an SSIM of at most 1 - r^2 = 0.95, and in
    practice about half of that. With thirty scroll positions of a page, or a lock screen at thirty times of day, the
    signatures differ little.
2.  A family is *usual* if its display came back to it and it has 5 % of the display's captures; or if it was seen on a
    third of the display's days, and on three or more. Usual families are not shown: everyone knows them.
3.  The others are taken one after another, always the one with the greatest

        -ln(its share of all captures) * distance to the nearest family that is usual or was taken before

    (on a display on which nothing is usual, to the commonest one, which may be taken as well).
    The first factor is the self-information of meeting the family (Shannon, 1948). With such weights, farthest-first
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
from typing import TypeVar

import torch

from watcher.judge.blocks import Screens, grown
from watcher.judge.farthest_first import cover
from watcher.review.appearances import Habit
from watcher.review.kept_screens import Hall

RADIUS = 0.22
"""Of 32 kept screens of a real morning, those of one program were within 0.16, and those of two beyond 0.28."""
MOST_FAMILIES = 256
"""Of one display and size; where that is not enough the radius is larger. The outliers come first, whatever it is."""

_USUAL_SHARE, _USUAL_VISITS = 0.05, 2
_DAILY_SHARE, _DAILY_DAYS = 1 / 3, 3
_BLACK = 0.25

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Family:
    """Screens that are alike."""

    rows: tuple[int, ...]
    """Nearest to the centre first."""
    face: int
    """The row that stands for it: the first that may be shown, else the centre."""
    may_be_shown: bool


@dataclass(frozen=True, slots=True)
class Entrant:
    """A family with its habit judged."""

    family: Family
    rarity: float
    usual: bool


def families(screens: Screens, times: Sequence[int], may_be_shown: Sequence[bool]) -> list[Family]:
    """The families of *screens*; by row, how often each was shown, and whether it may stand for its family."""
    first = max(range(len(times)), key=times.__getitem__)
    found = cover(screens, first, RADIUS, MOST_FAMILIES)
    members: list[list[int]] = [[] for _ in found.centres]
    belongs = found.belongs.tolist()
    for row in found.distances.sort(stable=True).indices.tolist():
        members[belongs[row]].append(row)
    return [_family(rows, may_be_shown) for rows in members]


def _family(rows: Sequence[int], may_be_shown: Sequence[bool]) -> Family:
    shown = next((row for row in rows if may_be_shown[row]), None)
    return Family(tuple(rows), rows[0] if shown is None else shown, shown is not None)


def is_usual(habit: Habit, display: Habit) -> bool:
    """Whether a family with this *habit* is usual on a display that was seen as *display* says."""
    much = habit.captures >= _USUAL_SHARE * display.captures and habit.visits >= _USUAL_VISITS
    return much or (habit.days >= _DAILY_DAYS and habit.days >= _DAILY_SHARE * display.days)


def rarity(habit: Habit, captures: int) -> float:
    """Self-information in nats of a family with this *habit* among so many *captures*."""
    return math.log(captures / habit.captures)


class Contest:
    """The families of one hall, of which the most unusual are taken one after another."""

    def __init__(self, hall: Hall, entrants: Sequence[Entrant]) -> None:
        self.hall = hall
        self.entrants = sorted(entrants, key=lambda one: one.family.face)
        self._faces = torch.tensor([one.family.face for one in self.entrants])
        self._weights = torch.tensor([one.rarity for one in self.entrants])
        self._open = torch.tensor([one.family.may_be_shown for one in self.entrants])
        self._distances = torch.ones(len(self.entrants))
        usual = [place for place, entrant in enumerate(self.entrants) if entrant.usual]
        for place in usual:
            self.take(place)
        if not usual and len(self.entrants) > 1:
            self._measure_by_the_commonest()

    def _measure_by_the_commonest(self) -> None:
        """Where nothing is usual, what comes nearest to that; it stays in the contest, as far off as its neighbour."""
        place = int(self._weights.argmin())
        self._distances = self._from(place)
        self._distances[place] = self._distances[torch.arange(len(self._faces)) != place].min()

    def best(self) -> tuple[float, int] | None:
        """Score and place of the most unusual family that is left; None if there is none."""
        if not self._open.any():
            return None
        scores = (self._weights * self._distances).where(self._open, torch.tensor(-1.0))
        place = int(scores.argmax())
        return float(scores[place]), place

    def moment(self, place: int) -> datetime:
        """When the face of the family at *place* was captured."""
        return self.hall.taken_at[self.entrants[place].family.face]

    def take(self, place: int) -> None:
        """Count the family at *place* among those that all others are measured by."""
        self._distances = torch.minimum(self._distances, self._from(place))
        self.drop(place)

    def _from(self, place: int) -> torch.Tensor:
        return self.hall.screens.distances(self.entrants[place].family.face, self._faces)

    def drop(self, place: int) -> None:
        """Leave the family at *place* out."""
        self._open[place] = False

    def is_accident(self, place: int) -> bool:
        """Whether the face of the family is so black that the rest alone counts, and that is near some screen."""
        black = self._black
        share = (black * self.hall.screens.areas).sum((1, 2)) / self.hall.screens.areas.sum()
        row = self.entrants[place].family.face
        if share[row] < _BLACK:
            return False
        rest = ~grown(black[row])
        others = (share < _BLACK).nonzero().flatten()
        if not rest.any():
            return True
        return bool(len(others) and self.hall.screens.distances(row, others, rest).min() < RADIUS)

    @cached_property
    def _black(self) -> torch.Tensor:
        return self.hall.screens.black()


@dataclass(frozen=True, slots=True)
class Pick:
    """A family that was taken."""

    hall: Hall
    family: Family
    score: float


def picks(contests: Sequence[Contest], look: Callable[[Hall, Family], Seen | None]) -> Iterator[tuple[Pick, Seen]]:
    """The most unusual families of all *contests*, most unusual first, while any are left, and what is seen of them.

    One of which *look* sees nothing is left out as if it had never been.
    """
    while found := [(contest, *best) for contest in contests if (best := contest.best())]:
        contest, score, place = min(found, key=lambda one: (-one[1], one[0].moment(one[2])))
        family = contest.entrants[place].family
        seen = None if contest.is_accident(place) else look(contest.hall, family)
        if seen is None:
            contest.drop(place)
        else:
            contest.take(place)
            yield Pick(contest.hall, family, score), seen
