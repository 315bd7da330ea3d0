"""A mirror of a root, such as its quarantine, as it lies on disk: its mark, its pictures, its size."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.disk.files import make_private_folder, write_private
from watcher.errors import FaultError, WatcherError
from watcher.text import bytes_text

MARKER_FOLDER = ".framesift"
"""In the quarantine: the lock, and the name of the root, so that a restore needs no ledger."""

_NUMBERED = re.compile(rb"\.~\d+~\Z")


@dataclass(frozen=True, slots=True)
class Amount:
    """So many files, and their bytes together."""

    files: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        return f"{self.files} file{'s' * (self.files != 1)}, {bytes_text(self.bytes)}"

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.bytes + other.bytes)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.files - other.files, self.bytes - other.bytes)


def unnumbered(name: str) -> str:
    """*name* without the number that custody gave it because another picture lay in its place."""
    return os.fsdecode(_NUMBERED.sub(b"", os.fsencode(name)))


def mark(folder: Path, root: Path) -> None:
    """Leave the name of *root* in *folder*, made if need be.

    Raises:
        FaultError: it cannot be made or written.
    """
    place = folder / MARKER_FOLDER
    try:
        make_private_folder(place)
        if not _says(place / "root", root):  # a mark that is there needs no room on a disk that is full
            write_private(place / "root", os.fsencode(root) + b"\n")
    except OSError as error:
        raise FaultError(f"{folder} cannot be used: {error.strerror or error}") from error


def _says(mark: Path, root: Path) -> bool:
    return mark.is_file() and mark.read_bytes() == os.fsencode(root) + b"\n"


def root_of(quarantine: Path) -> Path:
    """The root whose captures lie in *quarantine*.

    Raises:
        WatcherError: the folder holds no mark of framesift's.
    """
    try:
        return Path(os.fsdecode((quarantine / MARKER_FOLDER / "root").read_bytes().removesuffix(b"\n")))
    except OSError as error:
        raise WatcherError(f"{quarantine} is no quarantine of framesift's: {error.strerror}") from error


def quarantined(quarantine: Path, root: Path) -> Iterator[tuple[Path, Path]]:
    """All pictures of a quarantine, as (where it is, where it was), from the mirrored paths alone."""
    for item in _pictures(quarantine):
        path = Path(item.path)
        yield path, root / path.parent.relative_to(quarantine) / unnumbered(item.name)


def held(quarantine: Path) -> Amount:
    """The pictures of a quarantine, counted on disk; one that leaves meanwhile may be counted or not."""
    files = size = 0
    for item in _pictures(quarantine):
        try:
            size += item.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
        files += 1
    return Amount(files, size)


def _pictures(top: Path) -> "Iterator[os.DirEntry[str]]":
    """Regular files that are not hidden, folder by folder; links are not followed, and the mark is no picture."""
    waiting = [os.fspath(top)]
    while waiting:
        items = _items(waiting.pop())
        folders = [item for item in items if item.is_dir(follow_symlinks=False) and item.name != MARKER_FOLDER]
        waiting += [item.path for item in reversed(folders)]
        yield from (item for item in items if not item.name.startswith(".") and item.is_file(follow_symlinks=False))


def _items(folder: str) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda item: item.name)
    except OSError:
        return []  # nothing is known of a folder that cannot be listed
