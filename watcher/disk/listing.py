"""What lies in a folder, and which of it are captures."""

import os
import stat
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from watcher.disk.mirror import is_marked
from watcher.errors import NameRefusedError
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


@dataclass(slots=True)
class Names:
    """What the names of files came to; hidden ones count for nothing."""

    fitting: int = 0
    """Those of the form that the setting ``name_pattern`` asks for."""
    other: str = ""
    """One that is not of this form, a PNG's if there is any."""
    refused: dict[Path, str] = field(default_factory=dict)
    """Captures by their form that are none, and why."""
    displays: dict[int, str] = field(default_factory=dict)
    """The first displays that were found, each with a name that tells of it."""

    def add(self, more: "Names") -> None:
        """Take in what *more* names came to."""
        self.fitting += more.fitting
        self.miss(more.other)
        self.refused |= more.refused
        for display, name in more.displays.items():
            self.show(display, name)

    def show(self, display: int, name: str) -> None:
        """*name* tells of *display*."""
        if len(self.displays) <= USUAL_DISPLAYS:
            self.displays.setdefault(display, name)

    def miss(self, name: str) -> None:
        """*name* is not of the form; empty for none."""
        if name and not (self.other and _is_png(self.other)):
            self.other = name

    def unrecognised(self, root: Path) -> str:
        """A line if there are files in *root*, and none has the name of a capture; else an empty one."""
        if self.fitting or not self.other:
            return ""
        return f"the names in {root} are not those of captures, for example {self.other}: {SEE_NAMES}"

    def crowded(self, root: Path) -> str:
        """A line if the names in *root* tell of more displays than a desk has; else an empty one."""
        if len(self.displays) <= USUAL_DISPLAYS:
            return ""
        told = " and ".join(f"{display} in {name}" for display, name in islice(self.displays.items(), 2))
        return f"the names in {root} tell of more than {USUAL_DISPLAYS} displays, for example {told}: {SEE_NAMES}"

    def timeless(self, root: Path, pattern: NamePattern) -> str:
        """A line if there are captures in *root*, and *pattern* finds a time in the name of none; else an empty one."""
        if not self.displays or any(map(pattern.tells_time, self.displays.values())):
            return ""
        name = next(iter(self.displays.values()))
        return f"the names in {root} tell no time, for example {name}, and that of the file counts: {SEE_NAMES}"

    def doubts(self, root: Path, pattern: NamePattern) -> Iterator[str]:
        """Whatever of these three there is to say."""
        yield from filter(None, (self.unrecognised(root), self.crowded(root), self.timeless(root, pattern)))

    def lines(self, root: Path, pattern: NamePattern) -> Iterator[str]:
        """What is to be said of the names in *root*: each that is refused, up to so many, and what is odd in all."""
        yield from (refused_line(path, why) for path, why in islice(self.refused.items(), MOST_TOLD))
        if (more := len(self.refused) - MOST_TOLD) > 0:
            yield f"{more} more {AND_MORE}"
        yield from self.doubts(root, pattern)


USUAL_DISPLAYS = 12
"""More are rather hours or months, which a pattern has taken for displays."""
MOST_TOLD = 20
"""So many names that are refused are told one by one: with a wrong setting it may be all of them."""
SEE_NAMES = "the setting name_pattern says which are (framesift help settings)"
AND_MORE = "names of captures are refused; framesift doctor says how many"


def refused_line(path: Path, why: str) -> str:
    """The line about a file whose name is refused because of *why*."""
    return f"{path.name} is left alone: {why}"


def _is_png(name: str) -> bool:
    return name.lower().endswith(".png")


@dataclass(frozen=True, slots=True)
class Listing:
    """The captures directly in one folder, its subfolders, the folder's own mtime, and what names came to."""

    captures: list[Capture]
    folders: list[Path]
    mtime_ns: int
    names: Names
    marks: Marks


def key_in_folder(capture: Capture) -> tuple[bytes, int, int]:
    """What *capture* is known by in its folder, as :class:`Known` tells it."""
    return os.fsencode(capture.path.name), capture.size, capture.mtime_ns


def disk_of(folder: Path) -> str:
    """The number of the file system in which *folder* is; mostly the same after a restart, as a device's need not be.

    Raises:
        OSError: it is not there.
    """
    number = os.statvfs(folder).f_fsid if hasattr(os, "statvfs") else 0
    return f"{number or folder.stat().st_dev:x}"


def list_folder(folder: Path, pattern: NamePattern, known: Known = lambda *_: set(), seen: Marks = ()) -> Listing:
    """List one folder, without the files that are *known*, and without those *seen* before under the same name.

    Hidden names are nobody's captures. A quarantine is left out, whosoever it is.

    Raises:
        OSError: the folder cannot be listed.
    """
    mtime_ns = folder.stat().st_mtime_ns
    fitting, folders, before, marks, names = [], [], set(seen), array("q"), Names()
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
                names.fitting += 1
            elif item.is_dir(follow_symlinks=False):
                if not is_marked(item.path):
                    folders.append(Path(item.path))
            elif pattern.fits(item.name):
                marks.append(mark)
                fitting.append(item.name)
            elif item.is_file(follow_symlinks=False):
                names.miss(item.name)
    return Listing(captures_named(folder, fitting, pattern, known, names), folders, mtime_ns, names, marks)


def captures_named(
    folder: Path, fitting: Sequence[str], pattern: NamePattern, known: Known, names: Names
) -> list[Capture]:
    """Those files in *folder* with one of the *fitting* names that are captures and not *known*.

    Links, FIFOs and devices are nobody's captures, and are never opened; nor is what has a time beyond all that can be
    written down. What is gone is passed over. *names* takes what the names came to.

    Raises:
        OSError: the folder cannot be searched.
    """
    passed = known(folder, [os.fsencode(name) for name in fitting]) if fitting else set()
    captures = []
    for name in fitting:
        try:
            status = os.lstat(f"{folder}{os.sep}{name}")  # a Path for each of 100,000 takes longer than all the rest
            if not stat.S_ISREG(status.st_mode):
                continue
            names.fitting += 1
            key = os.fsencode(name), status.st_size, status.st_mtime_ns
            if key not in passed and is_recordable(status):
                captures.append(pattern.parse(folder / name, status))
                names.show(captures[-1].display, name)
        except NameRefusedError as error:
            names.refused[folder / name] = str(error)
        except FileNotFoundError:
            continue
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


def archive(
    root: Path, pattern: NamePattern, unlisted: Callable[[Path, OSError], object] = lambda *_: None
) -> Iterator[Capture]:
    """Every capture that lies in *root* now, in the order of the folders; *unlisted* hears as that of :func:`walk`."""
    for _, listing in walk(root, pattern, unlisted):
        yield from listing.captures
