"""Notices that the capture job has fallen silent, or that nothing new comes."""

from datetime import timedelta

from watcher.model.interval import SILENT_INTERVALS
from watcher.text import duration_text

SHORTEST_SILENCE = 60.0
"""Seconds: less is no silence, however often captures come."""


class SilenceAlarm:
    """Raises each alarm once. Times are monotonic seconds."""

    def __init__(self, interval: timedelta | None, alarm_after: timedelta, now: float) -> None:
        """Expect captures at the usual *interval*, and something new within *alarm_after*."""
        self._interval = interval
        self._alarm_after = alarm_after.total_seconds()
        self._last_capture = self._last_distinct = now
        self._told_silent = self._told_same = False

    def seen(self, *, distinct: bool, interval: timedelta | None, now: float) -> str:
        """A capture has come; returns a line if that ends a silence, else an empty one."""
        silent = now - self._last_capture
        back = f"captures are coming again after {duration_text(silent)}" if self._told_silent else ""
        self._interval = interval
        self._last_capture = now
        self._told_silent = False
        if distinct:
            self._last_distinct, self._told_same = now, False
        return back

    def alarm(self, now: float) -> str:
        """A line, once, when there is reason to look at the capture job; else an empty one."""
        silent = now - self._last_capture
        if self._interval and not self._told_silent and silent > silence(self._interval):
            self._told_silent = True
            usual = duration_text(self._interval.total_seconds())
            return f"no new capture for {duration_text(silent)}; usually there is one every {usual}"
        same = now - self._last_distinct
        if not self._told_same and not self._told_silent and same > self._alarm_after:
            self._told_same = True
            return f"nothing new on any display for {duration_text(same)}: does the capture job see the screens?"
        return ""


def silence(interval: timedelta) -> float:
    """Seconds without a capture from which on the job is silent, if they usually come at this *interval*."""
    return max(SILENT_INTERVALS * interval.total_seconds(), SHORTEST_SILENCE)
