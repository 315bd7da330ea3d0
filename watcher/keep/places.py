"""The folders between which pictures of a root move: nothing is moved, and nothing concluded, while one is away."""

import errno
import os
from pathlib import Path

from watcher.disk.listing import ELSEWHERE, disk_of
from watcher.disk.mirror import is_marked, mark, owner_of
from watcher.errors import AwayError, FaultError, WatcherError
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import is_elsewhere

_Identity = tuple[int, int]
"""Device and inode."""


class Places:
    """A root and its mirrors, which are its quarantine and the like, as one process has found them."""

    def __init__(self, ledger: Ledger, root: Path) -> None:
        self._ledger, self._root = ledger, root
        self._seen: dict[Path, _Identity] = {}

    def prepare(self, target: Path) -> None:
        """Make sure that a picture may go to *target*: the root is there, or the mirror is, or is made, with its mark.

        Raises:
            AwayError: the disk of the root or of that mirror is away, or the mirror is no longer the folder that it
                was.
            WatcherError: the mirror is that of another root.
        """
        self._require_root()
        if (mirror := self._mirror_of(target)) is not None:
            self.prepare_mirror(mirror)

    def prepare_mirror(self, mirror: Path) -> None:
        """The same for a *mirror*, whether the root is there or not.

        Raises:
            AwayError, WatcherError: as :meth:`prepare`.
        """
        if self._seen.get(mirror) == _identity(mirror) and owner_of(mirror) == self._root:
            return
        self._require_mirror(mirror)
        if (real := os.path.realpath(mirror)) != os.fspath(mirror):
            raise _away(f"{mirror} leads to {real} by a link that was not there; start framesift anew if that is meant")
        mark(mirror, self._root)
        if (disk := disk_of(mirror)) != self._ledger.mirrors(self._root)[mirror]:
            self._ledger.see_mirror(self._root, mirror, disk)
        if (found := _identity(mirror)) is not None:
            self._seen[mirror] = found

    def takes(self, target: Path | None) -> bool:
        """Whether the mirror in which *target* lies is there, or can be made, and is that of the root."""
        mirror = None if target is None else self._mirror_of(target)
        try:
            if mirror is not None:
                self.prepare_mirror(mirror)
        except AwayError:
            return False
        except FaultError:
            raise
        except WatcherError:
            return False
        return True

    def require(self, path: Path) -> None:
        """Make sure that what is not found at *path* is gone, and not only away with its disk.

        Raises:
            AwayError: it may be.
        """
        mirror = self._mirror_of(path)
        if mirror is not None:
            self._require_mirror(mirror)
        elif path.is_relative_to(self._root):
            self._require_root()

    def _require_root(self) -> None:
        """Refuse a root that is away, or in whose place a quarantine was put."""
        if not os.path.isdir(self._root):  # noqa: PTH112 - is_dir() may raise
            raise _away(f"{self._root} is not there")
        if is_elsewhere(self._ledger, self._root):
            raise _away(f"{self._root}: {ELSEWHERE}")
        if is_marked(os.fspath(self._root)):
            raise _away(f"{self._root}: a quarantine is in its place; put the folder back")

    def _mirror_of(self, path: Path) -> Path | None:
        inside = [mirror for mirror in self._ledger.mirrors(self._root) if path.is_relative_to(mirror)]
        return max(inside, key=lambda mirror: len(mirror.parts), default=None)

    def _require_mirror(self, mirror: Path) -> None:
        """Refuse a mirror whose disk is away: without its mark, and on another disk than it was."""
        remembered = self._ledger.mirrors(self._root)[mirror]
        if remembered and owner_of(mirror) is None and _disk_under(mirror) != remembered:
            raise _away(f"{mirror} is not there, and its disk is not mounted; mount it, or choose another quarantine")


def _disk_under(folder: Path) -> str:
    """The disk on which *folder* is, or would be made."""
    return disk_of(next(path for path in (folder, *folder.parents) if os.path.exists(path)))  # noqa: PTH110 - the same


def _identity(folder: Path) -> _Identity | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _away(text: str) -> AwayError:
    fault = AwayError(text)
    fault.__cause__ = OSError(errno.ENODEV, text)  # what a start waits for, too
    return fault
