"""Those chunks of a PNG file that tell its pixels: a decoder that is given them alone meets no text and no profile."""

import io
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SIGNATURE_BYTES = 8
_AROUND = 12
"""Bytes of a chunk beside its data: length, type and checksum."""
_TELLING = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_LONGEST = 3 * 256
"""Bytes of the longest chunk of them that is no picture data: a palette. Pillow would hold it in memory as a whole."""
_AT_ONCE = 16_000_000
"""Bytes of the largest file that is held in memory as a whole while it is decoded."""


class PixelChunks(io.RawIOBase):
    """A PNG file as if there was nothing in it that tells no pixels.

    The standard lets decoders pass over all other chunks (texts, profiles, the further frames of an animation), and
    over what follows the end. Pillow reads and inflates some of them, and refuses the picture if that goes wrong. They
    are not even read here. If the chunks do not lead to an end, the rest of the file is there as it is.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Find the chunks of *file*.

        Raises:
            ValueError: one of them is longer than any picture has it.
            OSError: the file cannot be read for the moment.
        """
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)
        self._file = io.BytesIO(file.read(self._size)) if self._size <= _AT_ONCE else file
        self.kinds: list[bytes] = []
        """The types of the chunks; those of a run of picture data are one."""
        self._spans = list(self._joined())
        self._starts = [0, *accumulate(length for _, length in self._spans)]
        self._at = 0

    def small(self) -> bytes:
        """All of it; empty if it is too large to be held as a whole."""
        if self._starts[-1] > _AT_ONCE:
            return b""
        self.seek(0)
        return self.read()

    def opened(self) -> BinaryIO:
        """What a decoder reads, from its beginning on."""
        self.seek(0)
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go on reading elsewhere."""
        self._at = offset + (0, self._at, self._starts[-1])[whence]
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read what follows in one span of the file."""
        number = bisect_right(self._starts, self._at) - 1
        if number >= len(self._spans):
            return 0
        begin, length = self._spans[number]
        done = self._at - self._starts[number]
        self._file.seek(begin + done)
        target = memoryview(buffer)
        piece = self._file.read(min(length - done, len(target)))
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _joined(self) -> Iterator[tuple[int, int]]:
        """Begin and length of each span of the file that is kept; picture data may come in thousands of pieces."""
        begin = end = 0
        for start, stop in self._kept():
            if start != end:
                yield begin, end - begin
                begin = start
            end = stop
        yield begin, end - begin

    def _kept(self) -> Iterator[tuple[int, int]]:
        """Begin and end of what is kept: the signature, then chunk by chunk, and whatever is no chunk."""
        at = min(_SIGNATURE_BYTES, self._size)
        yield 0, at
        while at < self._size and self.kinds[-1:] != [b"IEND"]:
            self._file.seek(at)
            head = self._file.read(8)
            length, kind = int.from_bytes(head[:4]), head[4:]
            end = at + _AROUND + length
            if end > self._size:
                yield at, self._size
                return
            if kind in _TELLING:
                yield at, end
                self._note(kind, length)
            at = end

    def _note(self, kind: bytes, length: int) -> None:
        if kind != b"IDAT" and length > _LONGEST:
            raise ValueError(f"a chunk {kind.decode()} of {length} bytes")
        if (kind, self.kinds[-1:]) != (b"IDAT", [b"IDAT"]):
            self.kinds.append(kind)
