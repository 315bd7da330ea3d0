"""Locks on files: which process does which work on a root, and who may move pictures now. Only here is filelock."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from watcher.disk.files import make_private_folder
from watcher.disk.mirror import MARKER_FOLDER, mark
from watcher.errors import BusyError, FaultError, HeldError

WORKS = ("watch", "sweep")
"""What a process may do with a root."""
_CLAIM_SECONDS = 2.0
"""Longer than another process needs to look whether the lock is free."""
TURN_SECONDS = 2.0
"""How long is waited for another process's turn before somebody is told; nobody stops waiting for that."""
_LOCKS = {"watch": "lock", "sweep": "sweep.lock"}


def claim_folder(state_dir: Path, root: Path) -> Path:
    """Where the claims on *root* are inside the state folder."""
    return state_dir / f"watch-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"


def claim(folder: Path, root: Path, work: str = "watch") -> FileLock:
    """Lock *folder* (made if need be) for one process that does this *work* on *root*, and leave the root's name there.

    Raises:
        BusyError: another process holds it.
        FaultError: it cannot be made or written.
    """
    marker = folder / MARKER_FOLDER
    lock = FileLock(marker / _LOCKS[work], mode=0o600)
    try:
        make_private_folder(marker)
        lock.acquire(timeout=_CLAIM_SECONDS)
        mark(folder, root)
    except Timeout:
        raise BusyError(f"another framesift {work} is running already ({folder} is locked)") from None
    except OSError as error:
        raise FaultError(f"{folder} cannot be used: {error.strerror or error}") from error
    return lock


def is_claimed(folder: Path, work: str = "watch") -> bool:
    """Whether a process holds the lock of *folder* for *work* now: evidence of life, whatever a heartbeat says."""
    path = folder / MARKER_FOLDER / _LOCKS[work]
    try:
        if not path.exists():
            return False
        with FileLock(path, mode=0o600, blocking=False):
            return False
    except Timeout:
        return True
    except OSError as error:
        raise FaultError(f"{folder} cannot be used: {error.strerror or error}") from error


@cache
def _lock(path: Path) -> FileLock:
    """One lock for each file, so that whoever holds it may take it again."""
    return FileLock(path, mode=0o600)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on the file *path*, made if need be; another process that asks for it waits, but not for long.

    Raises:
        HeldError: another process holds it.
        FaultError: it cannot be had.
    """
    lock = _lock(path)
    try:
        lock.acquire(timeout=TURN_SECONDS)
    except Timeout:
        raise HeldError("another framesift is moving pictures, or was stopped in the middle of that") from None
    except OSError as error:
        raise FaultError(f"{lock.lock_file} cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
