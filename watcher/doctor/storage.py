"""Can pictures be moved, is there room, and may nobody else look?"""

import os
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from watcher.disk.files import try_move
from watcher.disk.mirror import MARKER_FOLDER, root_of
from watcher.errors import WatcherError
from watcher.model.finding import Finding, Grade, worst
from watcher.text import quoted

LITTLE = 1_000_000_000
"""Bytes: hours of captures."""
NOTHING = 100_000_000
"""Bytes: the ledger may be refused its next page."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def quarantine_takes(root: Path, quarantine: Path) -> Finding:
    """Whether a file of *root* can be moved to *quarantine*: tried with an empty one, which is removed."""
    if not (quarantine / MARKER_FOLDER).is_dir():
        return _to_be_made(quarantine)
    try:
        if (owner := root_of(quarantine)) != root:
            found = f"{quarantine} is that of {owner}"
            if not owner.is_dir():
                mend = f"framesift relocate {quoted(owner)} {quoted(root)}"
                return Finding.sick("quarantine", found, "ROOT has moved, and the ledger does not know", mend)
            return Finding.sick("quarantine", found, "two roots share it", "give each root a quarantine of its own")
        if not try_move(root, quarantine / MARKER_FOLDER):
            return Finding.odd(
                "quarantine",
                f"{quarantine} is on another volume than {root}",
                "each move is a copy, verified before the original leaves",
                "a quarantine beside ROOT makes moves quick",
            )
    except (WatcherError, OSError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        return Finding.sick(
            "quarantine", f"nothing can be moved to {quarantine}: {why}", "duplicates stay in ROOT", _WRITABLE
        )
    return Finding.well("quarantine", f"{quarantine}, on the volume of ROOT")


_WRITABLE = "make both folders writable for the user that runs framesift; mend the disk"


def _to_be_made(quarantine: Path) -> Finding:
    above = _existing(quarantine)
    if os.access(above, os.W_OK | os.X_OK):
        return Finding.well("quarantine", f"{quarantine} is not there yet; the watcher makes it")
    found = f"{quarantine} cannot be made: {above} is not writable"
    return Finding.sick("quarantine", found, "it belongs to another user, or is read-only", _WRITABLE)


def there_is_room(folders: Mapping[str, Path]) -> Finding:
    """Whether the disks of *folders*, by what is in them, have room for more."""
    free = {name: _free(_existing(folder)) for name, folder in folders.items()}
    grade = worst(map(_grade, free.values()))
    found = ", ".join(f"{left / 1e9:.1f} GB for {name}" for name, left in free.items())
    if grade is Grade.WELL:
        return Finding.well("free space", found)
    short = min(free, key=lambda name: free[name])
    return Finding(
        "free space",
        grade,
        found,
        f"the disk of the {short} is nearly full; when it is, nothing is moved",
        "framesift purge --older-than 30d deletes duplicates of which the kept picture is there; or [retention]",
    )


def _grade(left: int) -> Grade:
    if left < NOTHING:
        return Grade.SICK
    return Grade.ODD if left < LITTLE else Grade.WELL


def nobody_else_reads(root: Path, own: Mapping[str, Path], quarantine: Path) -> Finding:
    """Whether what framesift writes is its user's alone: *own* by name; the quarantine at least as much as *root*."""
    if sys.platform == "win32":
        return Finding.well("privacy", "the user's own folders")
    exposed = [path for path in own.values() if _mode(path) & _OTHERS]
    if _mode(quarantine) & _OTHERS & ~_mode(root):
        exposed.append(quarantine)
    strange = [path for path in (*own.values(), quarantine) if path.exists() and path.stat().st_uid != os.geteuid()]
    if strange:
        return Finding.sick(
            "privacy",
            f"{strange[0]} belongs to another user",
            "framesift was run as another user, perhaps with sudo",
            f"sudo chown -R {os.geteuid()} {quoted(strange[0])}",
        )
    if exposed:
        paths = " ".join(map(quoted, exposed))
        found = f"others may look into {paths}"
        return Finding.sick("privacy", found, "their modes were changed by hand", f"chmod -R go-rwx {paths}")
    return Finding.well("privacy", "nobody else may read state, log and quarantine")


def _mode(path: Path) -> int:
    """The permissions of *path*; none if it is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _free(folder: Path) -> int:
    """Bytes that may be written; none where no file can be made any more."""
    if hasattr(os, "statvfs") and (counted := os.statvfs(folder)).f_files and not counted.f_favail:
        return 0
    return shutil.disk_usage(folder).free


def _existing(folder: Path) -> Path:
    """*folder*, or the lowest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
