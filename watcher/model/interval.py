"""How often captures come, and from when on their absence is a silence."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

SILENT_INTERVALS = 3
"""Without a capture for more than so many of the usual intervals, the capture job is silent."""
LEARNED_FROM = 60
"""The last captures, of all displays, from which the usual interval is learned before anybody is alarmed."""
FEWEST = 4
"""Intervals of one display. With fewer nobody is alarmed."""
_SAME_RUN = 1.0
"""Captures of a display that are no more seconds apart are no two runs of the capture job."""


def usual_interval(captures: Iterable[tuple[int, datetime]], fewest: int = 1) -> timedelta | None:
    """The usual time between two captures of one display: the median, which nights do not move.

    Args:
        captures: displays and times, those of one display in the order of time.
        fewest: how many intervals of one display are needed before anything is usual.

    Returns:
        None if nothing is usual.
    """
    intervals: dict[int, list[float]] = defaultdict(list)
    last: dict[int, datetime] = {}
    for display, taken_at in captures:
        interval = (taken_at - last.get(display, taken_at)).total_seconds()
        last[display] = taken_at
        if interval > _SAME_RUN:
            intervals[display].append(interval)
    if max(map(len, intervals.values()), default=0) < fewest:
        return None
    return timedelta(seconds=statistics.median(itertools.chain.from_iterable(intervals.values())))
