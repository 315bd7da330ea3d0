"""The only door to renaming, linking and unlinking: moves that never overwrite and can be repeated after any crash."""

import contextlib
import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from watcher.errors import ConflictError, GoneError
from watcher.model.capture import Capture

FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOMEM}
"""What the system refuses because of the disk, and not because of the file: it may be mended."""

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_PIECE = 1 << 20
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def is_still(path: Path, capture: Capture) -> bool:
    """Whether a regular file with the capture's size and mtime lies at *path*. Links are not followed.

    Raises:
        OSError: it cannot be told, for instance because the folder may not be entered or the disk fails.
    """
    try:
        return _matches(os.lstat(path), capture)
    except (FileNotFoundError, NotADirectoryError):
        return False


def make_private_folder(folder: Path) -> None:
    """Make *folder* and what is missing above it for the owner alone whatever the umask; what exists stays as it is."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=_PRIVATE_FOLDER)
            path.chmod(_PRIVATE_FOLDER)


def write_private(path: Path, content: bytes) -> None:
    """Write a small file for the owner alone, replacing it as a whole; never used for a picture."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def remove_written(path: Path) -> None:
    """Remove a file that :func:`write_private` wrote, if it is there; never used for a picture."""
    path.unlink(missing_ok=True)


def try_move(source: Path, target: Path) -> bool:
    """Whether an empty file can be renamed from *source* into *target*, not only copied; OSError if neither."""
    name = f".framesift-try-{os.getpid()}"
    with _folder(source) as source_folder, _folder(target) as target_folder:
        here, there = _Place(source / name, source_folder), _Place(target / name, target_folder)
        there.make()
        there.unlink()
        here.make()
        try:
            _rename_exclusively(here, there)
        except OSError as error:
            here.unlink()
            if error.errno == errno.EXDEV:
                return False
            raise
        there.unlink()
    return True


def move(source: Path, target: Path, capture: Capture) -> None:
    """Move the capture's file from *source* to *target*, bytes, mtime and mode unchanged, and make that durable.

    Safe to call again after a crash at any point: a move that was half done is finished. The folders of *source* and
    *target* are opened without following links, so a folder swapped for a link moves nothing.

    Raises:
        GoneError: the file at *source* is not the capture's (any more); nothing was changed.
        ConflictError: another file lies at *target*; nothing was changed.
        OSError: the system refused; the file is still at *source*, or complete at both places.
    """
    with _folder(source.parent) as source_folder, _folder(target.parent) as target_folder:
        _move_between(_Place(source, source_folder), _Place(target, target_folder), capture)


class Emptied:
    """An open folder from which files are deleted for good."""

    def __init__(self, path: Path, folder: int | None) -> None:
        self._path = path
        self._folder = folder

    def has(self, name: str) -> bool:
        """Whether anything lies there under this name.

        Raises:
            OSError: it cannot be told.
        """
        return _Place(self._path / name, self._folder).status() is not None

    def delete(self, name: str, capture: Capture) -> None:
        """Delete the file *name* if it is the capture's, which is looked at right before.

        Raises:
            GoneError: it is not (any more); nothing was changed.
            OSError: the system refused; nothing was changed.
        """
        place = _Place(self._path / name, self._folder)
        if not place.holds(capture):
            raise GoneError(f"{place.path} is no longer the file that was looked at")
        place.unlink()


@contextlib.contextmanager
def emptying(folder: Path) -> Iterator[Emptied]:
    """Open *folder*, following no link on the way, to delete files in it: durable at the end, for all of them at once.

    Raises:
        OSError: the folder cannot be opened, or what was deleted may come back in a power cut.
    """
    with _folder(folder) as descriptor:
        yield Emptied(folder, descriptor)
        _Place(folder, descriptor).sync()


def remove_empty(folder: Path, top: Path) -> None:
    """Remove *folder*, and the folders above it up to *top*, without it, as far as they are empty."""
    for inner in (folder, *folder.parents):
        if inner == top or not inner.is_relative_to(top):
            return
        try:
            os.rmdir(inner)
        except OSError:
            return  # it is not empty, or in use: it stays


class _Place:
    """A name inside an open folder (POSIX), or a whole path (Windows, which has no folder descriptors)."""

    def __init__(self, path: Path, folder: int | None) -> None:
        self.path = path
        self.folder = folder
        self.name = str(path) if folder is None else path.name

    def status(self) -> os.stat_result | None:
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def holds(self, capture: Capture) -> bool:
        status = self.status()
        return status is not None and _matches(status, capture)

    def beside(self, name: str) -> "_Place":
        return _Place(self.path.with_name(name), self.folder)

    def open(self, flags: int) -> int:
        return os.open(self.name, flags | getattr(os, "O_BINARY", 0), _PRIVATE_FILE, dir_fd=self.folder)

    def make(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.unlink()  # left by a kill
        os.close(self.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))

    def unlink(self) -> None:
        os.unlink(self.name, dir_fd=self.folder)

    def sync(self) -> None:
        if self.folder is not None:
            os.fsync(self.folder)


def _move_between(source: _Place, target: _Place, capture: Capture) -> None:
    if target.status() is not None:
        _finish(source, target, capture)
        return
    if not source.holds(capture):
        raise GoneError(f"{source.path.name} is no longer the file that was looked at")
    try:
        _rename_exclusively(source, target)
    except FileExistsError as error:
        raise ConflictError(f"{target.path} exists") from error
    except OSError as error:
        # st_dev cannot foretell this: a bind mount has the same one.
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, capture)
    if not target.holds(capture):
        # Replaced in the instant between look and rename: what was moved is not ours, so it goes back.
        _rename_exclusively(target, source)
        raise GoneError(f"{source.path.name} was replaced while it was being moved")
    target.sync()
    source.sync()


def _finish(source: _Place, target: _Place, capture: Capture) -> None:
    """Complete a move of which a crash left the file at *target* and, perhaps, still at *source*."""
    if not target.holds(capture):
        raise ConflictError(f"{target.path} exists")
    if source.holds(capture):
        if not (_same_inode(source, target) or _same_bytes(source, target)):
            raise ConflictError(f"{target.path} exists")
        target.sync()
        source.unlink()
    target.sync()
    source.sync()


def _copy(source: _Place, target: _Place, capture: Capture) -> None:
    """Carry the file to another volume: whole and verified there under *target* before it leaves *source*."""
    part = target.beside(f".{target.path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()  # left by a crash in the middle of this very copy
    try:
        _copy_content(source, part, capture)
        _verify(source, part)
        _rename_exclusively(part, target)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    target.sync()
    if not source.holds(capture):
        target.unlink()
        raise GoneError(f"{source.path.name} was replaced while it was being copied")
    source.unlink()


def _copy_content(source: _Place, part: _Place, capture: Capture) -> None:
    with (
        os.fdopen(source.open(os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as reader,
        os.fdopen(part.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as writer,
    ):
        status = os.fstat(reader.fileno())
        if not _matches(status, capture):
            raise GoneError(f"{source.path.name} is no longer the file that was looked at")
        while piece := reader.read(_PIECE):
            writer.write(piece)
        writer.flush()
        os.chmod(writer.fileno() if os.chmod in os.supports_fd else part.path, stat.S_IMODE(status.st_mode))
        os.utime(
            writer.fileno() if os.utime in os.supports_fd else part.path, ns=(status.st_atime_ns, status.st_mtime_ns)
        )
        os.fsync(writer.fileno())


def _verify(source: _Place, part: _Place) -> None:
    if not _same_bytes(source, part):
        raise OSError(errno.EIO, "the copy differs from the original", str(part.path))


def _matches(status: os.stat_result, capture: Capture) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size == capture.size and status.st_mtime_ns == capture.mtime_ns


def _same_inode(one: _Place, other: _Place) -> bool:
    first, second = one.status(), other.status()
    return first is not None and second is not None and os.path.samestat(first, second)


def _same_bytes(one: _Place, other: _Place) -> bool:
    with (
        os.fdopen(one.open(os.O_RDONLY), "rb") as first,
        os.fdopen(other.open(os.O_RDONLY), "rb") as second,
    ):
        while True:
            piece = first.read(_PIECE)
            if piece != second.read(_PIECE):
                return False
            if not piece:
                return True


def _rename_exclusively(source: _Place, target: _Place) -> None:
    """Rename without overwriting, in one step where the system can, else by a link of which the old name is dropped.

    Raises:
        FileExistsError: *target* is taken.
        OSError: with the system's errno.
    """
    if source.folder is None or target.folder is None:
        os.rename(source.name, target.name)  # Windows refuses to overwrite
        return
    error = _rename_noreplace(source.folder, os.fsencode(source.name), target.folder, os.fsencode(target.name))
    if error in _UNSUPPORTED:
        os.link(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder, follow_symlinks=False)
        target.sync()
        source.unlink()
    elif error:
        raise OSError(error, os.strerror(error), str(source.path), None, str(target.path))


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
def _folder(path: Path) -> Iterator[int | None]:
    """Open a folder for the names in it, refusing any link on the way to it; None on Windows."""
    if os.name == "nt":
        yield None
        return
    descriptor = _open_folder(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
