"""The screens of a period that are most worth a look, so that a year can be reviewed in minutes.

Here they are found in the ledger and looked at; :mod:`watcher.review.unusual` chooses them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from watcher.judge.frame import Frame
from watcher.judge.similarity import measure
from watcher.ledger.ledger import Ledger
from watcher.ledger.sightings import doubtful_duplicates
from watcher.model.entry import Entry
from watcher.model.query import Query
from watcher.model.sighting import Sighting
from watcher.progress import NO_PROGRESS, Progress
from watcher.review.activity import Activity
from watcher.review.appearances import Appearance, Habit, appearances, habits
from watcher.review.kept_screens import FrameReader, ScreenGroup, by_signature, screen_groups
from watcher.review.result import Highlight, Review
from watcher.review.unusual import Cluster, Pick, Ranking, RatedCluster, clusters, is_usual, picks, rarity
from watcher.settings.settings import Settings

SECOND_LOOKS = 5
"""Doubtful duplicates that are listed, at most."""
_DOUBT = 0.75
"""A tile of a duplicate below this has changed more than by a clock: those of real ones have 0.78 or more."""
_MOST, _LONG = 2, timedelta(days=14)
"""Highlights of one display and hour; of one day where the period is long."""
_SHORTLIST = 8
"""Screens of which the one that is most like another is chosen by whole signatures."""


def review(
    ledger: Ledger, settings: Settings, query: Query, activity: Activity, progress: Progress = NO_PROGRESS
) -> Review:
    """Look through a period of the captures in a root; opens the pictures it chooses and those nearest to them alone.

    Signatures of an older format are computed again from their pictures, and written down.

    Args:
        ledger: of the root.
        settings: of the root.
        query: which screens are asked for.
        activity: what the displays showed in the period.
        progress: is told how far this is.

    Raises:
        FaultError: the ledger cannot be used.
        WatcherError: this machine has no such device as the settings say.
    """
    captures = activity.readable(query.display)
    shown = appearances(captures, activity.spans_of(query.display))
    reader = FrameReader(settings.device, settings.policy)
    groups = screen_groups(ledger, sorted(shown), reader, progress)
    viewer = _Viewer(ledger, reader, query, shown)
    chosen = islice(picks(_rankings(groups, captures, viewer), viewer.see), query.count)
    highlights = tuple(map(viewer.highlight, progress.track(chosen, query.count, "highlights chosen")))
    second_looks = doubtful_duplicates(ledger, settings.root, query, _DOUBT, SECOND_LOOKS)
    screens = sum(len(group.ids) for group in groups)
    return Review(len(captures), screens, highlights, tuple(second_looks), reader.opened)


def _rankings(groups: Sequence[ScreenGroup], captures: Sequence[Sighting], viewer: "_Viewer") -> list[Ranking]:
    """The clusters of all *groups*, with how much of a habit each is."""
    found = [viewer.clusters(group) for group in groups]
    cluster_of = {
        group.ids[row]: (number, place)
        for number, (group, own) in enumerate(zip(groups, found, strict=True))
        for place, cluster in enumerate(own)
        for row in cluster.rows
    }
    of_clusters = habits(captures, lambda one: cluster_of.get(one.shows))
    of_displays = habits(captures, lambda one: one.display)
    unseen = Habit(len(captures), 0, 0)  # of a display that shows what this period's displays showed as well
    rankings = []
    for number, (group, own) in enumerate(zip(groups, found, strict=True)):
        display = of_displays.get(group.display, unseen)
        rated = [
            RatedCluster(cluster, rarity(habit, len(captures)), is_usual(habit, display))
            for place, cluster in enumerate(own)
            for habit in [of_clusters[number, place]]
        ]
        rankings.append(Ranking(group, rated))
    return rankings


@dataclass(frozen=True, slots=True)
class _Seen:
    """A screen that was looked at."""

    row: int
    entry: Entry
    frame: Frame


class _Viewer:
    """Looks at the screens of one review."""

    def __init__(self, ledger: Ledger, reader: FrameReader, query: Query, shown: Mapping[int, Appearance]) -> None:
        self._ledger, self._reader, self._query, self._shown = ledger, reader, query, shown
        self._seen = Counter[tuple[int, datetime]]()

    def clusters(self, group: ScreenGroup) -> list[Cluster]:
        """The clusters of *group*; those screens may stand for them that were captured in the period."""
        own = [self._is_own(group, row) for row in range(len(group.ids))]
        return clusters(group.screens, [self._shown[number].times for number in group.ids], own)

    def see(self, group: ScreenGroup, cluster: Cluster) -> _Seen | None:
        """The screen nearest to the centre of *cluster* that may be shown and can be seen; None if there is none."""
        for row in cluster.rows:
            stretch = group.display, self._stretch(group.taken_at[row])
            if self._is_own(group, row) and self._seen[stretch] < _MOST:
                entry = self._ledger.entry(group.ids[row])
                frame = self._reader.read(entry)
                if frame is not None:
                    self._seen[stretch] += 1
                    return _Seen(row, entry, frame)
        return None

    def highlight(self, pick: Pick[_Seen]) -> Highlight:
        """All there is to say of what was picked."""
        entry = pick.seen.entry
        nearest, ssim = self._nearest(pick.group, pick.seen)
        alike = sum(self._is_own(pick.group, row) for row in pick.cluster.rows) - 1
        return Highlight(entry, self._shown[entry.id], nearest, ssim, alike, pick.score)

    def _stretch(self, moment: datetime) -> datetime:
        """When the hour or, in a long period, the day of *moment* began."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        period = self._query.period
        return hour if period.end - period.begin <= _LONG else hour.replace(hour=0)

    def _is_own(self, group: ScreenGroup, row: int) -> bool:
        return group.taken_at[row] in self._query.period and self._query.display in (None, group.display)

    def _nearest(self, group: ScreenGroup, seen: _Seen) -> tuple[Entry | None, float | None]:
        """The screen that is most like the one *seen* by the bounds of their signatures, and their exact SSIM."""
        near = group.screens.nearest(seen.row, _SHORTLIST)
        if not near:
            return None, None
        for number in by_signature(self._ledger, group.ids[seen.row], [group.ids[row] for row in near]):
            entry = self._ledger.entry(number)
            frame = self._reader.read(entry)
            if frame is not None and frame.pixels.shape == seen.frame.pixels.shape:
                return entry, measure(seen.frame.pixels, frame.pixels, floor=-1).ssim
        return None, None
