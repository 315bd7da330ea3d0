"""The digest of a file's bytes: what a picture is known by, wherever it lies and whatever its times say."""

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20
"""Bytes read at a time."""
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""A link is not followed, and a FIFO in a file's place does not block."""


class Digested:
    """A file that is read from its beginning, and the digest of what was read: SHA-256, which processors help with."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """The next bytes, at most *size*; none at the end."""
        piece = self._file.read(size)
        self._hash.update(piece)
        return piece

    def digest(self) -> bytes:
        """The digest of the whole file: what is left of it is read."""
        while self.read(PIECE):
            pass
        return self._hash.digest()


def open_regular(name: Path | str, folder: int | None = None) -> BinaryIO | None:
    """The file called *name*, in the open *folder* if one is given; None if what is there is no regular file.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(name, _OPEN, dir_fd=folder)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def digest_of(name: Path | str, folder: int | None = None) -> bytes:
    """The digest of the file called *name*; empty if something else than a regular file is there.

    Raises:
        OSError: it cannot be read.
    """
    file = open_regular(name, folder)
    if file is None:
        return b""
    with file:
        return Digested(file).digest()
