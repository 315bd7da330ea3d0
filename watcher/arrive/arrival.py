"""When a file has finished arriving: it stopped changing, and its PNG structure is whole."""

import os
import stat
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from watcher.errors import GoneError, NotWholeError

SETTLE_SECONDS = 0.2
"""How long size and mtime must have stayed the same."""
YOUNG_SECONDS = 2.0
"""A file that changed so recently holds back later captures of its display, so that they are judged in their order."""
HOLD_SECONDS = 5.0
"""... but no longer than this: a file that never comes to rest must not hold back its display for ever."""
TELL_SECONDS = 3.0
"""How long a file must have stayed unchanged and not whole before a person hears of it."""
LONGEST_GAP_SECONDS = 3600.0

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIECE = 1 << 20
_LONGEST_CHUNK = (1 << 31) - 1

Key: TypeAlias = tuple[int, int, int]


def key_of(status: os.stat_result) -> Key:
    """(size, mtime_ns, inode): what changes when a file is written to or replaced."""
    return status.st_size, status.st_mtime_ns, status.st_ino


@dataclass(slots=True)
class Arrival:
    """What is known of one file on its way; times are of a monotonic clock, in seconds."""

    key: Key
    since: float
    """When the file was first seen with this key."""
    noticed: float
    """When it was first seen at all."""
    due: float
    tries: int = 0
    told: bool = False

    @classmethod
    def seen(cls, key: Key, now: float) -> "Arrival":
        """A file that has just been noticed."""
        return cls(key, since=now, noticed=now, due=now + SETTLE_SECONDS)

    def changed(self, key: Key, now: float) -> "Arrival":
        """The same file, after it has been written to or replaced."""
        return replace(Arrival.seen(key, now), noticed=self.noticed)

    def young(self, now: float) -> bool:
        """Whether it may still be in the middle of being written."""
        return now - self.since < YOUNG_SECONDS and now - self.noticed < HOLD_SECONDS

    def postpone(self, now: float) -> None:
        """Look again after a gap that doubles each time: a file that is never whole costs nothing for days."""
        self.due = now + min(SETTLE_SECONDS * 2**self.tries, LONGEST_GAP_SECONDS)
        self.tries = min(self.tries + 1, 20)

    def worth_telling(self, now: float) -> bool:
        """True once, when the file has stayed unchanged and not whole for a while."""
        if self.told or now - self.since < TELL_SECONDS:
            return False
        self.told = True
        return True


def check_whole(path: Path, key: Key) -> None:
    """Check that *path* is a regular file with *key* whose PNG chunks are complete and intact up to IEND.

    Reads piecewise: memory stays at 1 MiB whatever the chunks claim. Nothing but a regular file is opened for long:
    a FIFO in the file's place neither blocks nor is read.

    Raises:
        NotWholeError: the structure is not, or not yet, whole; the text says where it fails.
        GoneError: the file is not the one that was listed.
        OSError: it cannot be opened or read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or key_of(status) != key:
            raise GoneError(f"{path.name} changed")
        check_structure(file)


def check_structure(file: BinaryIO) -> None:
    """Walk the chunks of a PNG (ISO/IEC 15948, clause 5) and their CRCs, from the signature to IEND.

    Raises:
        NotWholeError: with what is wrong and where.
    """
    signature = file.read(len(_SIGNATURE))
    if signature != _SIGNATURE:
        raise NotWholeError("empty" if not signature else "not a PNG")
    if _read_chunk(file) != b"IHDR":
        raise NotWholeError("no header")
    has_data = False
    while (kind := _read_chunk(file)) != b"IEND":
        has_data = has_data or kind == b"IDAT"
    if not has_data:
        raise NotWholeError("no picture data")


def _read_chunk(file: BinaryIO) -> bytes:
    """Read one chunk, check it, and return its type."""
    head = file.read(8)
    if len(head) < 8:  # noqa: PLR2004 - length and type, 4 bytes each
        raise NotWholeError("incomplete")
    length, kind = int.from_bytes(head[:4]), head[4:]
    if length > _LONGEST_CHUNK or not (kind.isalpha() and kind.isascii()):
        raise NotWholeError("damaged, or not all written yet")
    crc = zlib.crc32(kind)
    while length:
        piece = file.read(min(length, _PIECE))
        if not piece:
            raise NotWholeError("incomplete")
        crc = zlib.crc32(piece, crc)
        length -= len(piece)
    checksum = file.read(4)
    if len(checksum) < 4:  # noqa: PLR2004
        raise NotWholeError("incomplete")
    if int.from_bytes(checksum) != crc:
        raise NotWholeError("damaged, or not all written yet")
    return kind
