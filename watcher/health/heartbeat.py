"""Whether a watcher is alive and sees, concluded from evidence; and whether the capture job seems to be."""

import hashlib
import itertools
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

BEAT_SECONDS = 60.0
_STALE_SECONDS = 3 * BEAT_SECONDS
_UNSEEN_SECONDS = 900.0
"""Scans come every minute, but wait for a burst of captures to be judged."""
_FEWEST_GAPS = 4
SILENT_GAPS = 3
SHORTEST_SILENCE = 60.0
UNTIL_MENDED = "nothing is moved until this is mended"
"""What follows the name of a fault that is waited out."""


class Health(StrEnum):
    """The states of ``framesift status``."""

    WATCHING = "watching"
    DEGRADED = "degraded"
    BLIND = "blind"
    STOPPED = "stopped"


@dataclass(slots=True)
class Sight:
    """What the source can say of itself; written by it alone, read by whoever reports."""

    root_there: bool = False
    disk: str = ""
    """Where the root was seen last, at first by an earlier run: see ``disk_of``."""
    events: bool = False
    why: str = "starting"
    last_scan: float = 0.0
    """Seconds since the epoch of the last look at the whole tree."""
    last_event: float = 0.0
    """Seconds since the epoch of the last event, of whatever; 0 if there was none."""
    found_by_scan: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    """Files that are not whole, and why."""
    unlisted: dict[str, str] = field(default_factory=dict)
    """Folders that cannot be listed, and why."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a watcher last wrote about itself."""

    at: str = ""
    """ISO 8601 with zone."""
    pid: int = 0
    device: str = ""
    fallback: str = ""
    """Why frames are compared on another device than was meant; empty if they are not."""
    lost: str = ""
    """Why the device was lost before it had judged anything: the next run does without it. Each run begins without."""
    since: str = ""
    root_there: bool = False
    disk: str = ""
    """On which the root was last seen."""
    events: bool = False
    why: str = ""
    last_scan: float = 0.0
    """Seconds since the epoch."""
    last_event: float = 0.0
    """Seconds since the epoch."""
    found_by_scan: int = 0
    waiting: dict[str, str] = field(default_factory=dict)
    """Files that are not whole, and why."""
    unlisted: dict[str, str] = field(default_factory=dict)
    """Folders that cannot be listed, and why."""
    quarantine: str = ""
    log: str = ""

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The report that :meth:`as_json` wrote, perhaps of a framesift that knew of more."""
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Halt:
    """For what a watcher last said that it waits; it cannot report to the ledger meanwhile."""

    at: str = ""
    """ISO 8601 with zone."""
    pid: int = 0
    why: str = ""
    """The fault of disk or ledger; empty if it waits for none."""


_NO_HALT = Halt()


def diagnose(report: Report, *, locked: bool, now: datetime, halt: Halt = _NO_HALT) -> tuple[Health, list[str]]:
    """The state of a watcher, and the reasons if it is not simply watching.

    *locked* is whether a process holds the watcher's lock: a report may outlive its writer, a lock does not.
    """
    if not locked:
        return Health.STOPPED, ["no watcher is running"]
    if halt.why:
        return Health.DEGRADED, [f"{halt.why}; {UNTIL_MENDED}", *_silence(halt.at, now)]
    if not report.at:
        return Health.DEGRADED, ["the watcher is starting"]
    if not report.root_there:
        return Health.BLIND, [report.why]
    grave = [report.why] * (not report.events) + _staleness(report, now)
    grave += [f"{folder} cannot be listed: {why}" for folder, why in sorted(report.unlisted.items())]
    light = [report.fallback] * bool(report.fallback)
    light += [f"{name} is not whole: {why}" for name, why in sorted(report.waiting.items())]
    return (Health.DEGRADED if grave else Health.WATCHING), grave + light


def _staleness(report: Report, now: datetime) -> list[str]:
    """Reasons to believe that a watcher that holds its lock hangs."""
    if silence := _silence(report.at, now):
        return silence
    told = datetime.fromisoformat(report.at)
    if (blank := told.timestamp() - report.last_scan) > _UNSEEN_SECONDS and report.last_scan:
        return [f"the watcher has not looked through the folder for {blank:.0f} s"]
    return []


def _silence(at: str, now: datetime) -> list[str]:
    """What is to be said if the watcher has last said something *at* a time that is not nearly *now*."""
    told = datetime.fromisoformat(at)
    silent = (now - told).total_seconds()
    if silent > _STALE_SECONDS:
        return [f"the watcher has not reported for {silent:.0f} s"]
    if silent < -_STALE_SECONDS:
        return [f"the watcher's last report is of {told:%Y-%m-%d %H:%M}: the clock was set back, or it hangs"]
    return []


def lock_folder(state_dir: Path, root: Path) -> Path:
    """Where the lock of *root*'s watcher is inside the state folder."""
    return state_dir / f"watch-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"


def usual_gap(times: Sequence[datetime]) -> float | None:
    """The usual seconds between two runs of the capture job: the median, unmoved by nights; None if unknown."""
    gaps = [(late - early).total_seconds() for early, late in itertools.pairwise(times)]
    runs = [gap for gap in gaps if gap > 1]  # one run writes a file for each display
    return statistics.median(runs) if len(runs) >= _FEWEST_GAPS else None


class Vigil:
    """Notices that the capture job has fallen silent, or that nothing new comes. Times are monotonic seconds."""

    def __init__(self, gap: float | None, alarm_after: timedelta, now: float) -> None:
        self._gap = gap
        self._alarm_after = alarm_after.total_seconds()
        self._last_capture = self._last_distinct = now
        self._told_silent = self._told_same = False

    def seen(self, *, distinct: bool, gap: float | None, now: float) -> str:
        """A capture has come; returns a line if that ends a silence, else an empty one."""
        back = f"captures are coming again after {duration(now - self._last_capture)}" if self._told_silent else ""
        self._gap = gap
        self._last_capture = now
        self._told_silent = False
        if distinct:
            self._last_distinct, self._told_same = now, False
        return back

    def alarm(self, now: float) -> str:
        """A line, once, when there is reason to look at the capture job; else an empty one."""
        silent = now - self._last_capture
        if self._gap and not self._told_silent and silent > max(SILENT_GAPS * self._gap, SHORTEST_SILENCE):
            self._told_silent = True
            return f"no new capture for {duration(silent)}; usually there is one every {duration(self._gap)}"
        same = now - self._last_distinct
        if not self._told_same and not self._told_silent and same > self._alarm_after:
            self._told_same = True
            return f"nothing new on any display for {duration(same)}: does the capture job see the screens?"
        return ""


def duration(seconds: float) -> str:
    """Seconds as people say them: ``15 min``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{hours} h"  # noqa: PLR2004 - two hours
