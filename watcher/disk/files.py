"""Moving and deleting files: a move never overwrites, and can be repeated after any crash."""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from watcher.disk.content import PIECE, Digested
from watcher.disk.names import PRIVATE_FILE, Name, opened, rename_exclusively
from watcher.errors import ConflictError, GoneError
from watcher.model.capture import Capture

FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOMEM}
"""What the system refuses because of the disk, and not because of the file: it may be mended."""

_PRIVATE_FOLDER = 0o700


def is_still(path: Path, capture: Capture) -> bool:
    """Whether the capture's file lies at *path*: by size and mtime or else, if its digest is known, by its bytes.

    Links are not followed.

    Raises:
        OSError: nobody can know, for instance because the folder may not be entered or the disk fails.
    """
    try:
        return Name(path, None).holds(capture)
    except NotADirectoryError:
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
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that shows pictures: for the owner alone whatever the umask, and never in the place of another.

    Raises:
        FileExistsError: a file or a link of that name is there, and stays as it is.
        OSError: the system refuses; what was begun is removed.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        with contextlib.suppress(OSError):
            remove_written(path)
        raise


def remove_written(path: Path) -> None:
    """Remove a file that one of the two above wrote, if it is there; never used for a picture of the capture job."""
    path.unlink(missing_ok=True)


def try_move(source: Path, target: Path) -> bool:
    """Whether an empty file can be renamed from *source* into *target*, not only copied; OSError if neither."""
    name = f".framesift-try-{os.getpid()}"
    with opened(source) as source_folder, opened(target) as target_folder:
        here, there = Name(source / name, source_folder), Name(target / name, target_folder)
        there.make()
        there.unlink()
        here.make()
        try:
            rename_exclusively(here, there)
        except OSError as error:
            here.unlink()
            if error.errno == errno.EXDEV:
                return False
            raise
        there.unlink()
    return True


def move(source: Path, target: Path, capture: Capture) -> None:
    """Move the capture's file from *source* to *target*, bytes and mode unchanged, and make that durable.

    Its mtime stays as well; a copy, on another volume, gets the capture's, as far as that volume can hold it.

    Safe to call again after a crash at any point: a move that was half done is finished. The folders of *source* and
    *target* are opened without following links, so a folder swapped for a link moves nothing.

    Raises:
        GoneError: the file at *source* is not the capture's (any more); nothing was changed, but that a copy on another
            volume, once it is whole, stays there.
        ConflictError: another file lies at *target*; nothing was changed.
        OSError: the system refused, or another process is copying the file to *target*; it is still at *source*, or
            complete at both places.
    """
    with opened(source.parent) as source_folder, opened(target.parent) as target_folder:
        _move_between(Name(source, source_folder), Name(target, target_folder), capture)


class Emptied:
    """An open folder from which files are deleted for good."""

    def __init__(self, path: Path, folder: int | None) -> None:
        self._path = path
        self._folder = folder

    def has(self, name: str) -> bool:
        """Whether anything lies there under this name.

        Raises:
            OSError: nobody can know.
        """
        return Name(self._path / name, self._folder).status() is not None

    def delete(self, name: str, capture: Capture) -> None:
        """Delete the file *name* if it is the capture's, which is looked at right before.

        Raises:
            GoneError: it is not (any more); nothing was changed.
            OSError: the system refused; nothing was changed.
        """
        place = Name(self._path / name, self._folder)
        if not place.holds(capture):
            raise GoneError(f"{place.path} is no longer the file that was looked at")
        place.unlink()


@contextlib.contextmanager
def emptying(folder: Path) -> Iterator[Emptied]:
    """Open *folder*, following no link on the way, to delete files in it: durable at the end, for all of them at once.

    Raises:
        OSError: the folder cannot be opened, or what was deleted may come back in a power cut.
    """
    with opened(folder) as descriptor:
        yield Emptied(folder, descriptor)
        Name(folder, descriptor).sync()


def remove_empty(folder: Path, top: Path) -> None:
    """Remove *folder*, and the folders above it up to *top*, without it, as far as they are empty."""
    for inner in (folder, *folder.parents):
        if inner == top or not inner.is_relative_to(top):
            return
        try:
            os.rmdir(inner)
        except OSError:
            return  # it is not empty, or in use: it stays


def _move_between(source: Name, target: Name, capture: Capture) -> None:
    if target.is_empty() and capture.size and source.holds(capture):
        target.unlink()  # a crash left it: its place was reserved, and not taken
    if target.status() is not None:
        _finish(source, target, capture)
        return
    if not source.holds(capture):
        raise GoneError(f"{source.path.name} is no longer the file that was looked at")
    try:
        rename_exclusively(source, target)
    except FileExistsError as error:
        raise ConflictError(f"{target.path} exists") from error
    except OSError as error:
        # st_dev cannot foretell this: a bind mount has the same one.
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, capture)
    else:
        if not target.holds(capture):
            # Replaced in the instant between look and rename: what was moved is not ours, so it goes back.
            rename_exclusively(target, source)
            raise GoneError(f"{source.path.name} was replaced while it was being moved")
    target.sync()
    source.sync()


def _finish(source: Name, target: Name, capture: Capture) -> None:
    """Complete a move of which a crash left the file at *target* and, perhaps, still at *source*."""
    if not target.holds(capture):
        raise ConflictError(f"{target.path} exists")
    if source.holds(capture) and not source.is_same_name(target):
        if not (_same_inode(source, target) or _same_bytes(source, target)):
            raise ConflictError(f"{target.path} exists")
        target.sync()
        source.unlink()
    target.sync()
    source.sync()


def _copy(source: Name, target: Name, capture: Capture) -> None:
    """Carry the file to another volume: whole and verified there under *target* before it leaves *source*."""
    # Not the name with an ending, which may be longer than a name can be.
    part = target.beside(f".framesift-{hashlib.sha256(os.fsencode(target.path.name)).hexdigest()[:16]}.part")
    with part.for_us_alone():
        try:
            copied = _copy_content(source, part, capture)
            _verify(part, copied)
            rename_exclusively(part, target)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    target.sync()
    if source.status() is None:
        return  # another process has found the copy, and finished this very move
    if not source.holds(copied):
        # The copy stays: another process may have found it, and have dropped the original before this one came.
        raise GoneError(f"{source.path.name} was replaced while it was being copied")
    source.unlink()


def _verify(part: Name, copied: Capture) -> None:
    if part.digest() != copied.digest or not part.holds(copied):
        raise OSError(errno.EIO, "the copy differs from the original", str(part.path))


def _copy_content(source: Name, part: Name, capture: Capture) -> Capture:
    """Copy the capture's file; returns what it is known by, its digest included."""
    if not source.holds(capture):
        raise GoneError(f"{source.path.name} is no longer the file that was looked at")
    with (
        os.fdopen(source.open(os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as reader,
        os.fdopen(part.open(os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)), "wb") as writer,
    ):
        status, content = os.fstat(reader.fileno()), Digested(reader)
        while piece := content.read(PIECE):
            writer.write(piece)
        writer.flush()
        os.chmod(writer.fileno() if os.chmod in os.supports_fd else part.path, stat.S_IMODE(status.st_mode))
        times = status.st_atime_ns, capture.mtime_ns
        os.utime(writer.fileno() if os.utime in os.supports_fd else part.path, ns=times)
        os.fsync(writer.fileno())
        copied = replace(capture, digest=content.digest())
    if capture.digest not in (b"", copied.digest):
        raise GoneError(f"{source.path.name} is no longer the file that was looked at")
    return copied


def _same_inode(one: Name, other: Name) -> bool:
    first, second = one.status(), other.status()
    return first is not None and second is not None and os.path.samestat(first, second)


def _same_bytes(one: Name, other: Name) -> bool:
    with (
        os.fdopen(one.open(os.O_RDONLY), "rb") as first,
        os.fdopen(other.open(os.O_RDONLY), "rb") as second,
    ):
        while True:
            piece = first.read(PIECE)
            if piece != second.read(PIECE):
                return False
            if not piece:
                return True
