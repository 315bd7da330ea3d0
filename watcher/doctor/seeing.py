"""Does a watcher run, and does it see the folder?"""

import os
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from watcher.disk.listing import Known, Names, key_in_folder, refused_line, walk
from watcher.doctor import first_few
from watcher.errors import WatcherError
from watcher.health.heartbeat import Health, Heartbeat, WaitReason, diagnose
from watcher.model.capture import NamePattern
from watcher.model.finding import Finding
from watcher.services.installing import state
from watcher.services.job import Job, Manager
from watcher.text import duration_text

_NEARLY = 0.8


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in a root now."""

    folders: int = 0
    captures: int = 0
    newest: datetime | None = None
    """The time of the latest capture that is not known, as its name tells it."""
    unlisted: tuple[str, ...] = ()
    """Folders that cannot be listed, and why; the root itself too."""
    names: Names = field(default_factory=Names)


def survey(root: Path, pattern: NamePattern, known: Known = lambda *_: set()) -> Survey:
    """Look through all of *root*; *known* tells what was judged."""
    folders = captures = 0
    newest: datetime | None = None
    names = Names()
    unlisted: list[str] = []
    for folder, listing in walk(root, pattern, lambda place, error: unlisted.append(f"{place}: {error.strerror}")):
        folders += 1
        captures += len(listing.captures)
        names.add(listing.names)
        judged = known(folder, [os.fsencode(one.path.name) for one in listing.captures])
        own = (one.taken_at for one in listing.captures if key_in_folder(one) not in judged)
        newest = max((newest, *own), key=lambda at: at or datetime.min)
    return Survey(folders, captures, newest, tuple(unlisted), names)


def watcher_lives(
    heartbeat: Heartbeat, wait_reason: WaitReason, pause: str = "", *, locked: bool, now: datetime
) -> Finding:
    """Whether a process holds the lock, and reports."""
    health, reasons = diagnose(heartbeat, locked=locked, now=now, wait_reason=wait_reason)
    if health is Health.STOPPED:
        last = f"; the last one reported at {_minute(heartbeat.at)}" if heartbeat.at else ""
        return Finding.sick(
            "watcher",
            f"no watcher is running{last}",
            "it was never started, was stopped, or has ended: the log says which",
            "framesift service install, or framesift watch",
        )
    if wait_reason.why:
        return Finding.sick(
            "watcher",
            f"process {wait_reason.pid} waits: {'; '.join(reasons)}",
            "a disk is full, read-only or failing, or the ledger is refused",
            "mend the disk, or make room on it (free space, below); it goes on by itself",
        )
    if hangs := [reason for reason in reasons if reason.startswith("the watcher")]:
        return Finding.sick(
            "watcher", "; ".join(hangs), "it hangs, or waits for a disk: the log's last line says", "start it again"
        )
    if pause:
        return Finding.odd("watcher", f"process {heartbeat.pid} is {pause}", "framesift pause", "framesift resume")
    return Finding.well("watcher", f"process {heartbeat.pid} on {heartbeat.device}, since {_minute(heartbeat.since)}")


def watcher_sees(heartbeat: Heartbeat, *, locked: bool, now: datetime) -> Finding:
    """Whether events arrive, scans happen, and nothing is hidden from them."""
    if not locked or not heartbeat.at:
        return Finding.odd("seeing", "nobody looks", "it is starting" if locked else "no watcher is running")
    if not heartbeat.root_there:
        return Finding.sick("seeing", heartbeat.why, _AWAY, "see root below; the watcher goes on by itself")
    if heartbeat.unlisted:
        return Finding.sick(
            "seeing",
            first_few([f"{folder} cannot be listed: {why}" for folder, why in heartbeat.unlisted.items()]),
            "captures in there are not seen",
            "give the user that runs framesift the right to read them",
        )
    if not heartbeat.events:
        return Finding.odd("seeing", heartbeat.why, "captures are found by looking, some seconds late", _NO_EVENTS)
    heard, looked = (max(now.timestamp() - then, 0) for then in (heartbeat.last_event, heartbeat.last_scan))
    events = (
        f"events arrive, the last {duration_text(heard)} before now" if heartbeat.last_event else "no event came yet"
    )
    return Finding.well("seeing", f"{events}; everything was looked at {duration_text(looked)} ago")


_AWAY = "its disk is not mounted, or the folder was moved, or may not be read any more"
_NO_EVENTS = "raise what it names; on a network volume there is nothing to mend"


def root_is_listed(root: Path, found: Survey, platform: str = sys.platform, *, kept: bool = True) -> Finding:
    """Whether the root is there and all of it can be listed, and is the one of the captures that were *kept*."""
    if not (found.unlisted or kept):
        return Finding.sick(
            "root",
            f"{root}: {found.captures} captures, but none of those that were kept last",
            "its disk is not mounted, and this is the folder under it; or they were deleted or moved by hand",
            "mount it; if they are meant to be gone, framesift watch --new-disk goes on",
        )
    if not found.unlisted:
        return Finding.well("root", f"{root}: {found.captures} captures in {found.folders} folders")
    if found.folders:
        return Finding.sick("root", first_few(found.unlisted), "captures in there are not seen", _rights(platform))
    if not root.exists():
        return Finding.sick(
            "root",
            f"{root} is not there",
            "its disk is not mounted, or the capture job writes to another folder",
            "mount it, or set root: framesift config path",
        )
    return Finding.sick("root", f"{found.unlisted[0]}", "this program may not read it", _rights(platform))


def names_are_captures(root: Path, names: Names, pattern: NamePattern) -> Finding:
    """Whether the names in the root are those that the settings speak of."""
    if line := names.unrecognised(root):
        return Finding.odd("names", line, "no file with such a name is ever judged", _SET_NAMES)
    if names.refused:
        found = first_few(refused_line(path, why) for path, why in names.refused.items())
        return Finding.odd("names", found, "these files are never judged", _SET_NAMES)
    if line := names.crowded(root):
        return Finding.odd("names", line, "what is no display has a window of its own", _SET_NAMES)
    found = f"{names.fitting} are those of captures" if names.fitting else "there are none yet"
    return Finding.well("names", "; ".join(filter(None, (found, names.timeless(root, pattern)))))


_SET_NAMES = "set name_pattern, and time_format if they hold a time: framesift help settings"


def _rights(platform: str) -> str:
    if platform == "darwin":
        program = os.path.realpath(sys.executable)
        return f"Privacy & Security, Full Disk Access: allow {program}; again after each update of Python"
    return "give the user that runs framesift the right to read it"


def folders_are_watched(folders: int, limit: tuple[str, int] | None) -> Finding:
    """Whether the system lets so many folders be observed; *limit* is the sysctl and its value."""
    if limit is None:
        return Finding.well("watch limit", "this system has none")
    name, value = limit
    if folders < value * _NEARLY:
        return Finding.well("watch limit", f"{folders} folders; {name} is {value}")
    wanted = max(4 * folders, 65_536)
    return Finding.odd(
        "watch limit",
        f"{folders} folders, but {name} is {value}",
        "new folders raise no events then; captures there are found by looking",
        f"echo {name}={wanted} | sudo tee /etc/sysctl.d/60-framesift.conf && sudo sysctl --system",
    )


def nobody_else_watches(root: Path, *, ours: bool, held: bool) -> Finding:
    """Whether a process with another ledger is at work: whether the root is *held*, and not by one of *ours*."""
    if held and not ours:
        return Finding.sick(
            "one watcher",
            f"another framesift works on {root}, with another ledger",
            "it was started with another --state-dir, or by another user; or it is starting, and waits for a disk",
            "stop one of the two",
        )
    return Finding.well("one watcher", "no other framesift works on this folder")


_ENDED = "it was stopped, or has failed: the last line of its log says why"


def service_runs(manager: Manager, job: Job) -> Finding:
    """What the service manager says of the watcher in the background."""
    try:
        found = state(manager, job)
    except (WatcherError, OSError) as error:
        return Finding.odd("service", str(error), "the service manager cannot be asked")
    if found is None:
        return Finding.odd(
            "service", "not installed", "the watcher does not start at login", "framesift service install"
        )
    if not found.condition.running:
        return Finding.sick(
            "service", found.condition.said, _ENDED, f"framesift service install; its log: {job.log_file}"
        )
    if not (found.condition.enabled and found.current):
        why = "installed by another version or with other options" if found.condition.enabled else "not enabled"
        return Finding.odd("service", f"{found.condition.said}; {why}", mend="framesift service install")
    return Finding.well("service", found.condition.said)


def _minute(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M") if moment else "?"
