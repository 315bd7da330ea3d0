"""A mirror of a root, such as its quarantine, as it lies on disk: its mark, its pictures, its size."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.disk.files import make_private_folder, write_private
from watcher.errors import FaultError, WatcherError
from watcher.text import bytes_text, quoted

MARKER_FOLDER = ".framesift"
"""In the quarantine: the lock, and the name of the root, so that a restore needs no ledger."""

_MARK = "root"
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
        WatcherError: it has the mark of another root, which stays.
        FaultError: it cannot be made or written.
    """
    if require_own(folder, root):
        return  # a mark that is there needs no room on a disk that is full
    try:
        make_private_folder(folder / MARKER_FOLDER)
        mark_anew(folder, root)
    except OSError as error:
        raise FaultError(f"{folder} cannot be used: {error.strerror or error}") from error


def require_own(folder: Path, root: Path) -> bool:
    """Whether *folder* has the mark of *root*, or none.

    Raises:
        WatcherError: it has the mark of another root.
        FaultError: nobody can know.
    """
    owner = owner_of(folder)
    if owner not in (None, root):
        moved = "" if owner.is_dir() else f"; if that has moved, framesift relocate {quoted(owner)} {quoted(root)}"
        raise WatcherError(f"{folder} is the quarantine of {owner}, not of {root}: each root has one of its own{moved}")
    return owner is not None


def mark_anew(folder: Path, root: Path) -> None:
    """Leave the name of *root* in *folder*, in the place of the root that has become it.

    Raises:
        OSError: it cannot be written.
    """
    write_private(folder / MARKER_FOLDER / _MARK, os.fsencode(root) + b"\n")


def owner_of(folder: Path) -> Path | None:
    """The root whose mark is in *folder*; None if there is none.

    Raises:
        FaultError: nobody can know.
    """
    try:
        raw = (folder / MARKER_FOLDER / _MARK).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FaultError(f"{folder} cannot be looked at: {error.strerror or error}") from error
    return Path(os.fsdecode(raw.removesuffix(b"\n"))) if raw.strip() else None  # a power cut may leave it empty


def require_unmarked(folder: Path) -> None:
    """Do nothing unless *folder* lies in a quarantine: what was put aside there would be taken for captures.

    Raises:
        WatcherError: it does.
    """
    for path in (folder, *folder.parents):
        if (owner := owner_of(path)) is not None:
            raise WatcherError(f"{folder} lies in {path}, which is the quarantine of {owner}")


def is_marked(folder: str) -> bool:
    """Whether there is a mark in *folder*: its pictures were captured elsewhere."""
    return os.path.lexists(os.path.join(folder, MARKER_FOLDER, _MARK))  # noqa: PTH118 - asked of each folder of years


def root_of(quarantine: Path) -> Path:
    """The root whose captures lie in *quarantine*.

    Raises:
        WatcherError: the folder holds no mark of framesift's.
    """
    if (owner := owner_of(quarantine)) is None:
        raise WatcherError(f"{quarantine} is no quarantine of framesift's: there is no mark in it")
    return owner


def quarantined(quarantine: Path, root: Path) -> Iterator[tuple[Path, Path]]:
    """All pictures of a quarantine, as (where it is, where it was), from the mirrored paths alone."""
    for item in _pictures(quarantine):
        path = Path(item.path)
        yield path, root / path.parent.relative_to(quarantine) / unnumbered(item.name)


def held(quarantine: Path) -> Amount:
    """The pictures of a quarantine, counted on disk; what cannot be looked at, or leaves meanwhile, is not counted."""
    files = size = 0
    for item in _pictures(quarantine):
        try:
            size += item.stat(follow_symlinks=False).st_size
        except OSError:
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
