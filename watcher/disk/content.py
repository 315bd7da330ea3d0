"""The digest of a file's bytes: what a picture is known by, wherever it lies and whatever its times say."""

import hashlib
import os
import stat
from typing import BinaryIO

PIECE = 1 << 20
"""Bytes read at a time."""
OPEN_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
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


def regular(descriptor: int) -> BinaryIO | None:
    """The regular file open as *descriptor*; None, and it is closed, if it is something else."""
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def digest_of(descriptor: int) -> bytes:
    """The digest of the regular file open as *descriptor*, which is closed; empty if it is something else.

    Raises:
        OSError: it cannot be read.
    """
    file = regular(descriptor)
    if file is None:
        return b""
    with file:
        return Digested(file).digest()
