"""Whether a PNG is whole, by its structure: the chunks and their checksums, from the signature to IEND."""

import os
import zlib
from pathlib import Path
from typing import Protocol

from watcher.arrive.settling import Key, key_of
from watcher.disk.content import OPEN_TO_READ, PIECE, Digested, regular
from watcher.errors import GoneError, NotWholeError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_CHUNK = (1 << 31) - 1


class Reader(Protocol):
    """What is read from its beginning."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most *size*; none at the end."""


def check_whole(path: Path, key: Key) -> bytes:
    """Check that *path* is a regular file with *key* whose PNG chunks are complete and intact up to IEND.

    Reads piecewise: memory stays at 1 MiB whatever the chunks claim. A FIFO in the file's place neither blocks nor is
    read.

    Returns:
        The digest of all bytes of the file.

    Raises:
        NotWholeError: the structure is not, or not yet, whole; the text says where it fails.
        GoneError: the file is not the one that was listed.
        OSError: it cannot be opened or read.
    """
    if (opened := regular(os.open(path, OPEN_TO_READ))) is None:
        raise GoneError(f"{path.name} changed")
    with opened as file:
        if key_of(os.fstat(file.fileno())) != key:
            raise GoneError(f"{path.name} changed")
        content = Digested(file)
        check_structure(content)
        return content.digest()


def check_structure(file: Reader) -> None:
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


def _read_chunk(file: Reader) -> bytes:
    """Read one chunk, check it, and return its type."""
    head = file.read(8)
    if len(head) < 8:  # noqa: PLR2004 - length and type, 4 bytes each
        raise NotWholeError("incomplete")
    length, kind = int.from_bytes(head[:4]), head[4:]
    if length > _LONGEST_CHUNK or not (kind.isalpha() and kind.isascii()):
        raise NotWholeError("damaged, or not all written yet")
    crc = zlib.crc32(kind)
    while length:
        piece = file.read(min(length, PIECE))
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
