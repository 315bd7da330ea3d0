"""Whether a watcher is alive and sees: what it writes down of itself, and what is concluded from that."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

BEAT_SECONDS = 60.0
ARRIVALS = 100
"""So many of the last captures are known by the order in which they came."""
_STALE_SECONDS = 3 * BEAT_SECONDS
_UNSEEN_SECONDS = 900.0
"""Scans come every minute, but wait for a burst of captures to be judged."""
UNTIL_MENDED = "nothing is moved until this is mended"
"""What follows the name of a fault that is waited out."""


class Health(StrEnum):
    """The states of ``framesift status``."""

    WATCHING = "watching"
    DEGRADED = "degraded"
    BLIND = "blind"
    STOPPED = "stopped"


@dataclass(slots=True)
class SourceStatus:
    """What the source of captures knows of itself; only the source writes it."""

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
    """Files that are left alone for now, by their path below the root: not whole, or not to be read; and why."""
    unlisted: dict[str, str] = field(default_factory=dict)
    """Folders that cannot be listed, and why."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a watcher last wrote about itself."""

    at: str = ""
    """ISO 8601 with zone."""
    pid: int = 0
    device: str = ""
    fallback: str = ""
    """Why frames are compared on another device than was meant; empty if they are not."""
    lost: str = ""
    """Why the device was lost before it had judged anything: the next run compares on the CPU."""
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
    arrivals: list[int] = field(default_factory=list)
    """The entries that watchers made last, in the order in which their captures came; names may tell another."""

    told_week: str = ""
    """Of the week (2020-W19) in which a person was last told what the one before it came to."""
    returning: int = 0
    """How many kept screens of the last weeks were found to show nothing but another time."""

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The report that :meth:`as_json` wrote, perhaps of a framesift that knew of more."""
        return cls(**{name: value for name, value in values.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why a watcher waits, in its own words; it cannot write to the ledger meanwhile."""

    at: str = ""
    """ISO 8601 with zone."""
    pid: int = 0
    why: str = ""
    """The fault of disk or ledger; empty if it does not wait."""


_NO_REASON = WaitReason()


def diagnose(
    heartbeat: Heartbeat, *, locked: bool, now: datetime, wait_reason: WaitReason = _NO_REASON, pause: str = ""
) -> tuple[Health, list[str]]:
    """The state of a watcher, and the reasons if it is not simply watching.

    *locked* is whether a process holds the watcher's lock: a report may outlive its writer, a lock does not. *pause*
    tells of a person's wish that it rests.
    """
    if not locked:
        return Health.STOPPED, ["no watcher is running"]
    if wait_reason.why:
        return Health.DEGRADED, [f"{wait_reason.why}; {UNTIL_MENDED}", *_silence(wait_reason.at, now)]
    if not heartbeat.at:
        return Health.DEGRADED, ["the watcher is starting"]
    if not heartbeat.root_there:
        return Health.BLIND, [heartbeat.why]
    grave = [pause] * bool(pause) + [heartbeat.why] * (not heartbeat.events) + _staleness(heartbeat, now)
    grave += [f"{folder} cannot be listed: {why}" for folder, why in sorted(heartbeat.unlisted.items())]
    light = [heartbeat.fallback] * bool(heartbeat.fallback)
    light += [f"{name} is left alone for now: {why}" for name, why in sorted(heartbeat.waiting.items())]
    return (Health.DEGRADED if grave else Health.WATCHING), grave + light


def _staleness(heartbeat: Heartbeat, now: datetime) -> list[str]:
    """Reasons to believe that a watcher that holds its lock hangs."""
    if silence := _silence(heartbeat.at, now):
        return silence
    written_at = datetime.fromisoformat(heartbeat.at)
    if (blank := written_at.timestamp() - heartbeat.last_scan) > _UNSEEN_SECONDS and heartbeat.last_scan:
        return [f"the watcher has not looked through the folder for {blank:.0f} s"]
    return []


def _silence(at: str, now: datetime) -> list[str]:
    """What is to be said if the watcher has last said something *at* a time that is not nearly *now*."""
    written_at = datetime.fromisoformat(at)
    silent = (now - written_at).total_seconds()
    if silent > _STALE_SECONDS:
        return [f"the watcher has not reported for {silent:.0f} s"]
    if silent < -_STALE_SECONDS:
        return [f"the watcher's last report is of {written_at:%Y-%m-%d %H:%M}: the clock was set back, or it hangs"]
    return []
