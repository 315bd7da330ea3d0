"""What lies in a folder, and which of it are captures."""

import os
import stat
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watcher.model.capture import Capture, NamePattern, is_recordable

ELSEWHERE = (
    "another disk is in its place, with none of the captures that were kept there;"
    " framesift watch --new-disk, if that is meant"
)
"""What is wrong with a root whose disk is not mounted: its folder is there all the same."""


class Known(Protocol):
    """What needs no judgement any more: (name, size, mtime_ns) of a folder's files."""

    def __call__(self, folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        """Ask for those in *folder* that have *names*; others may be among the answers."""


Marks = Sequence[int]
"""What was seen in a folder: a number for the name and inode of each capture, for names would take much memory."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The captures directly in one folder, its subfolders, and the folder's own mtime."""

    captures: list[Capture]
    folders: list[Path]
    mtime_ns: int
    marks: Marks


def disk_of(folder: Path) -> str:
    """The number of the file system in which *folder* is; mostly the same after a restart, as a device's need not be.

    Raises:
        OSError: it is not there.
    """
    number = os.statvfs(folder).f_fsid if hasattr(os, "statvfs") else 0
    return f"{number or folder.stat().st_dev:x}"


def list_folder(folder: Path, pattern: NamePattern, known: Known = lambda *_: set(), seen: Marks = ()) -> Listing:
    """List one folder, without the files that are *known*, and without those *seen* before under the same name.

    Raises:
        OSError: the folder cannot be listed.
    """
    mtime_ns = folder.stat().st_mtime_ns
    names, folders, before, marks = [], [], set(seen), array("q")
    with os.scandir(folder) as items:
        for item in items:
            if item.name.startswith("."):
                continue
            try:
                mark = hash((item.name, item.inode()))
            except FileNotFoundError:
                continue  # on Windows, which is asked for the inode only now
            if mark in before:
                marks.append(mark)
            elif item.is_dir(follow_symlinks=False):
                folders.append(Path(item.path))
            elif pattern.matches(item.name):
                marks.append(mark)
                names.append(item.name)
    return Listing(captures_named(folder, names, pattern, known), folders, mtime_ns, marks)


def captures_named(folder: Path, names: Sequence[str], pattern: NamePattern, known: Known) -> list[Capture]:
    """Those files in *folder* with one of *names*, which match *pattern*, that are captures and not *known*.

    Links, FIFOs and devices are nobody's captures, and are never opened; nor is what has a time beyond all that can be
    written down. What is gone is passed over.

    Raises:
        OSError: the folder cannot be searched.
    """
    passed = known(folder, [os.fsencode(name) for name in names]) if names else set()
    captures = []
    for name in names:
        try:
            status = os.lstat(f"{folder}{os.sep}{name}")  # a Path for each of 100,000 takes longer than all the rest
        except FileNotFoundError:
            continue
        key = os.fsencode(name), status.st_size, status.st_mtime_ns
        if key not in passed and stat.S_ISREG(status.st_mode) and is_recordable(status):
            captures.append(pattern.parse(folder / name, status))
    return captures


def walk(
    root: Path, pattern: NamePattern, unlisted: Callable[[Path, OSError], object] = lambda *_: None
) -> Iterator[tuple[Path, Listing]]:
    """List *root* and every folder below it; *unlisted* hears of those that cannot be listed."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            listing = list_folder(folder, pattern)
        except OSError as error:
            unlisted(folder, error)
            continue
        waiting += sorted(listing.folders, reverse=True)
        yield folder, listing


def archive(root: Path, pattern: NamePattern) -> Iterator[Capture]:
    """Every capture that lies in *root* now, in the order of the folders."""
    for _, listing in walk(root, pattern):
        yield from listing.captures
