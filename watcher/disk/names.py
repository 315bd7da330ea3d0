"""Names inside open folders, and the exclusive rename from one to another: no link on the way is followed."""

import contextlib
import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from watcher.disk.content import OPEN_TO_READ, digest_of
from watcher.model.capture import Capture

PRIVATE_FILE = 0o600
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_NO_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK}


class Name:
    """A name inside an open folder (POSIX), or a whole path (Windows, which has no folder descriptors)."""

    def __init__(self, path: Path, folder: int | None) -> None:
        self.path = path
        self.folder = folder
        self.name = str(path) if folder is None else path.name

    def status(self) -> os.stat_result | None:
        """Of what lies there, links not followed; None if nothing does."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def holds(self, capture: Capture) -> bool:
        """Whether the capture's file lies there: by its size and mtime or, where a time was changed, by its bytes."""
        status = self.status()
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_size != capture.size:
            return False
        return matches(status, capture) or (bool(capture.digest) and self.digest() == capture.digest)

    def digest(self) -> bytes:
        """That of the file's bytes; empty if no regular file lies there."""
        try:
            return digest_of(os.open(self.name, OPEN_TO_READ, dir_fd=self.folder))
        except FileNotFoundError:
            return b""

    def is_same_name(self, other: "Name") -> bool:
        """Whether this is the *other* name, of one file, and not a second one: to unlink it would delete the file.

        The system may take names for equal that differ in case or in the form of their letters; but what has one link
        has one name.
        """
        mine, theirs = self.status(), other.status()
        if mine is None or theirs is None or not os.path.samestat(mine, theirs):
            return False
        return self.path == other.path or mine.st_nlink == 1

    def beside(self, name: str) -> "Name":
        """Another *name* in the same folder."""
        return Name(self.path.with_name(name), self.folder)

    def open(self, flags: int) -> int:
        """Open the file, one that is made is for the owner alone; returns the descriptor."""
        return os.open(self.name, flags | getattr(os, "O_BINARY", 0), PRIVATE_FILE, dir_fd=self.folder)

    def make(self) -> None:
        """Make an empty file, in the place of one that a kill has left."""
        with contextlib.suppress(FileNotFoundError):
            self.unlink()  # left by a kill
        self.reserve()

    def reserve(self) -> None:
        """Make an empty file where nothing is.

        Raises:
            FileExistsError: something is.
        """
        os.close(self.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))

    @contextlib.contextmanager
    def for_us_alone(self) -> Iterator[None]:
        """Write the file, made if need be, while no other process may; it ends with the process, as by a kill.

        Windows refuses to exchange a file that is open. Where a volume knows no such locks there are none.

        Raises:
            OSError: another process holds it, or has just exchanged it.
        """
        if sys.platform == "win32":
            with contextlib.suppress(FileNotFoundError):
                self.unlink()  # left by a kill
            yield
        else:
            descriptor = self.open(os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW)
            try:
                _lock_file(descriptor)
                status = self.status()
                if status is None or not os.path.samestat(status, os.fstat(descriptor)):
                    raise OSError(errno.EBUSY, "another process is copying it", str(self.path))
                os.fchmod(descriptor, PRIVATE_FILE)  # one that a kill has left may be for reading alone
                yield
            finally:
                os.close(descriptor)

    def is_empty(self) -> bool:
        """Whether a file without a byte lies there, which is no picture."""
        status = self.status()
        return status is not None and stat.S_ISREG(status.st_mode) and not status.st_size

    def unlink(self) -> None:
        """Remove the file."""
        os.unlink(self.name, dir_fd=self.folder)

    def sync(self) -> None:
        """Make what has happened in the folder durable, where the system can."""
        if self.folder is not None:
            os.fsync(self.folder)


def matches(status: os.stat_result, capture: Capture) -> bool:
    """Whether a file of this *status* may be believed to be the capture's: regular, with its size and mtime."""
    return stat.S_ISREG(status.st_mode) and status.st_size == capture.size and status.st_mtime_ns == capture.mtime_ns


def rename_exclusively(source: Name, target: Name) -> None:
    """Rename without overwriting, in one step where the system can.

    Else by a link, of which the old name is dropped; where a volume knows no links, over an empty file made for that.

    Raises:
        FileExistsError: *target* is taken.
        OSError: with the system's errno.
    """
    if source.folder is None or target.folder is None:
        os.rename(source.name, target.name)  # Windows refuses to overwrite
        return
    error = _rename_noreplace(source.folder, os.fsencode(source.name), target.folder, os.fsencode(target.name))
    if error in _UNSUPPORTED:
        _rename_by_link(source, target)
    elif error:
        raise OSError(error, os.strerror(error), str(source.path), None, str(target.path))


def _rename_by_link(source: Name, target: Name) -> None:
    try:
        os.link(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        target.reserve()
        # Killed here: an empty file, which is_empty() knows again.
        os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)
    else:
        target.sync()
        source.unlink()


def _rename_noreplace(source_folder: int, source: bytes, target_folder: int, target: bytes) -> int:
    """The system's exclusive rename, which Python does not offer; returns an errno, 0 for success."""
    libc = ctypes.CDLL(None, use_errno=True)
    name, flag = ("renameatx_np", 0x4) if sys.platform == "darwin" else ("renameat2", 0x1)
    function = getattr(libc, name, None)
    if function is None:
        return errno.ENOSYS
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return ctypes.get_errno() if function(source_folder, source, target_folder, target, flag) else 0


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """Open a folder for the names in it, refusing any link on the way to it; None on Windows."""
    if sys.platform == "win32":
        yield None
    else:
        descriptor = _open_folder(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


if sys.platform != "win32":
    import fcntl

    def _lock_file(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                raise OSError(errno.EBUSY, "another process is copying it") from error

    def _open_folder(path: Path) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        if no_link_anywhere := getattr(os, "O_NOFOLLOW_ANY", 0):  # macOS
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | no_link_anywhere)
        # O_PATH passes through folders that may be entered but not listed, such as a shared /home.
        passing = flags | getattr(os, "O_PATH", 0)
        folder = os.open(path.anchor, passing)
        for name in path.parts[1:]:
            outer = folder
            try:
                folder = os.open(name, passing, dir_fd=outer)
            finally:
                os.close(outer)
        try:
            return os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        finally:
            os.close(folder)
