"""What lies in a folder, and which of it are captures."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from watcher.disk.mirror import is_marked
from watcher.model.capture import Capture, NamePattern, is_recordable

ELSEWHERE = (
    "another disk is in its place, with none of the captures that were kept there;"
    " framesift watch --new-disk, if that is meant"
)
"""What is wrong with a root whose disk is not mounted: its folder is there all the same."""


class Known(Protocol):
    """What needs no judgement any more: (name, size, mtime_ns) of a folder's files."""

    def __call__(self, folder: Path) -> set[tuple[bytes, int, int]]:
        """Ask for *folder*."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The captures directly in one folder, its subfolders, and the folder's own mtime."""

    captures: list[Capture]
    folders: list[Path]
    mtime_ns: int


def disk_of(folder: Path) -> str:
    """The number of the file system in which *folder* is; mostly the same after a restart, as a device's need not be.

    Raises:
        OSError: it is not there.
    """
    number = os.statvfs(folder).f_fsid if hasattr(os, "statvfs") else 0
    return f"{number or folder.stat().st_dev:x}"


def list_folder(folder: Path, pattern: NamePattern, known: Known = lambda _: set()) -> Listing:
    """List one folder, without the files that are *known*.

    Links, FIFOs, devices and hidden names are nobody's captures, and are never opened; nor is what has a time beyond
    all that can be written down. A quarantine is left out, whosoever it is.

    Raises:
        OSError: the folder cannot be listed.
    """
    mtime_ns = folder.stat().st_mtime_ns
    captures, folders = [], []
    passed = known(folder)
    with os.scandir(folder) as items:
        for item in items:
            if item.name.startswith("."):
                continue
            try:
                if item.is_dir(follow_symlinks=False):
                    if not is_marked(item.path):
                        folders.append(Path(item.path))
                elif pattern.matches(item.name) and item.is_file(follow_symlinks=False):
                    # os.lstat: on Windows the entry's own lacks the inode and may be stale.
                    status = os.lstat(item.path)
                    key = os.fsencode(item.name), status.st_size, status.st_mtime_ns
                    if key not in passed and is_recordable(status):
                        captures.append(pattern.parse(folder / item.name, status))
            except FileNotFoundError:
                continue  # gone since it was listed
    return Listing(captures, folders, mtime_ns)


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
