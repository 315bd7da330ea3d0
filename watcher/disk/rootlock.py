"""One ledger for one root: a lock on the folder itself, whatever its path, the state folder and the quarantine."""

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from watcher.errors import BusyError
from watcher.settings.folders import Folders

PATIENCE_SECONDS = 2.0
"""Longer than another process takes from this lock to the one that tells whose it is."""
_PAUSE_SECONDS = 0.05


class RootLock(contextlib.AbstractContextManager["RootLock"]):
    """Held by every process that judges a root; processes of one ledger hold it together.

    On POSIX it lies on the folder (``flock``), so that nothing is written into it, and it ends with the process.
    Where a volume knows no such locks there is none: those of state folder and quarantine have to do.
    """

    def __init__(self, root: Path | None, is_ours: Callable[[], bool]) -> None:
        """Lock *root* (None: nothing at all); *is_ours* tells whether a process of the same ledger is at work."""
        self._root = root
        self._is_ours = is_ours
        self._held: int | None = None

    def take(self, patience: float = PATIENCE_SECONDS) -> None:
        """Lock the folder that is there now; one that is not, or that cannot be opened, is locked when it is.

        Raises:
            BusyError: a process with another ledger holds it.
        """
        if self._root is None or self._holds_it(self._root):
            return
        self._release()
        try:
            place = _open_lock(self._root)
        except OSError:
            return
        deadline = time.monotonic() + patience
        while not _lock(place, self._is_ours):
            if time.monotonic() > deadline:
                os.close(place)
                raise BusyError(f"another framesift with another ledger is running on {self._root}")
            time.sleep(_PAUSE_SECONDS)
        self._held = place

    def let_go(self) -> None:
        """Hold no folder that is no longer the root: its disk could not be unmounted for good."""
        if self._root is not None and not self._holds_it(self._root):
            self._release()

    def __exit__(self, *_: object) -> None:
        self._release()

    def _holds_it(self, root: Path) -> bool:
        try:
            return self._held is not None and os.path.samestat(os.fstat(self._held), root.stat())
        except OSError:
            return False

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


def is_held(root: Path) -> bool:
    """Whether any process that judges *root* holds its lock now; False as well where there are no such locks."""
    try:
        with RootLock(root, lambda: False) as lock:
            lock.take(patience=0.0)
    except BusyError:
        return True
    return False


if sys.platform == "win32":
    import msvcrt

    def _open_lock(root: Path) -> int:
        """A file of the user's, for Windows locks no folders: chosen by no option, or two watchers had two."""
        if not root.is_dir():
            raise FileNotFoundError(root)
        folder = Folders.choose(environ={}).state_dir / "roots"
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(os.path.normcase(os.path.realpath(root)).encode(errors="surrogatepass")).hexdigest()[:16]
        return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT)

    def _lock(place: int, is_ours: Callable[[], bool]) -> bool:
        try:
            msvcrt.locking(place, msvcrt.LK_NBLCK, 1)
        except OSError:
            return is_ours()
        return True

else:
    import fcntl

    def _open_lock(root: Path) -> int:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)

    def _lock(place: int, is_ours: Callable[[], bool]) -> bool:
        """Whether the lock is ours now: shared, once it is certain that all who share it have our ledger."""
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not is_ours():
                return False
        except OSError:
            return True  # a network volume, for instance
        try:
            fcntl.flock(place, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # another one was quicker
        return True
