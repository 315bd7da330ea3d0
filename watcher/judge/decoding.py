"""A PNG file as red, green and blue, averaged down, with no copy or conversion more than that needs.

Screenshots are plain pictures, which libvips decodes; Pillow has the last word on all others.
"""

import struct
import threading
import warnings
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image
from torch import Tensor

from watcher.errors import UnreadableError
from watcher.judge import libvips
from watcher.judge.chunks import PixelChunks
from watcher.judge.tiles import padded_sides
from watcher.model.preparation import Preparation

PIXEL_LIMIT = 40_000_000
"""Pixels of the largest image that is decoded: 8K is 33 million, and 40 million take less than 300 MB for a moment."""
SMALLEST = 11
"""Side in pixels below which a frame has no SSIM: the width of its Gaussian window."""
BROKEN = (
    *(SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),  # a later chunk declares another size
)
"""What Pillow raises for broken image data, beside an OSError without an errno."""

PAINT = 0x80
"""The shade of what is ignored, in each channel."""
_PAINT = f"#{PAINT:02x}{PAINT:02x}{PAINT:02x}"
_PAINTED = bytes([PAINT] * 3) + bytes(libvips.RGBX - 3)
"""A pixel of it."""
_HEAD = struct.Struct(">16xIIBB2xB")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RECENT = 6
"""Pictures whose data are remembered: two rounds of three displays."""
_RECENT_BYTES = 64_000_000
"""Bytes that they and their pixels may take; the least recent go first."""
_RGB_OR_RGBA = {(8, 2), (8, 6)}
"""Depth and colour type of plain pictures; alpha counts for nothing."""
_PLAIN = [b"IHDR", b"IDAT", b"IEND"]
"""The chunks of a plain picture that tell its pixels."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What IHDR declares."""

    size: tuple[int, int]
    """Width and height in pixels."""
    plain: bool
    """Whether it may be a plain picture: RGB or RGBA of 8 bits, not interlaced."""


@dataclass(frozen=True, slots=True)
class _Source:
    """All that the pixels of a frame depend on, if it is a plain picture."""

    header: _Header
    preparation: Preparation
    data: bytes
    """Those chunks that tell pixels; empty if the picture is not a plain one."""


class _Recent:
    """The last few plain pictures and their pixels: a screen on which nothing moved is often the same data again."""

    def __init__(self) -> None:
        self._held: deque[tuple[_Source, Tensor]] = deque()
        self._lock = threading.Lock()

    def find(self, source: _Source) -> Tensor | None:
        """The pixels of an equal *source*; not to be written to."""
        with self._lock:
            return next((pixels for known, pixels in self._held if source.data and known == source), None)

    def add(self, source: _Source, pixels: Tensor) -> None:
        """Keep them, in place of the oldest ones."""
        if source.data:
            with self._lock:
                self._held.append((source, pixels))
                while len(self._held) > _RECENT or sum(map(_size, self._held)) > _RECENT_BYTES:
                    self._held.popleft()


def _size(held: tuple[_Source, Tensor]) -> int:
    source, pixels = held
    return len(source.data) + pixels.untyped_storage().nbytes()


_recent = _Recent()


def decode(path: Path, preparation: Preparation) -> Tensor:
    """Read the picture at *path*, prepared as *preparation* says.

    Returns:
        (3, height, width) uint8, RGB, in memory that is cut into squares as it is.

    Raises:
        UnreadableError: it is no PNG image, is broken, has more than ``PIXEL_LIMIT`` pixels, or fewer than ``SMALLEST``
            in a direction after averaging.
        OSError: it cannot be read for the moment.
    """
    with path.open("rb") as file:
        header = _header(file)
        width, height = (-(-side // preparation.reduce) for side in header.size)
        if min(width, height) < SMALLEST:
            raise UnreadableError(f"{width} x {height} pixels after averaging are too few: SSIM needs {SMALLEST}")
        try:
            chunks = PixelChunks(file)
            source = _Source(header, preparation, _data(chunks, header))
            if (known := _recent.find(source)) is not None:
                return known
            pixels = _tensor(_averaged(chunks, source), height, width)
        except BROKEN as error:
            raise UnreadableError(f"broken image data ({error})") from error
        except OSError as error:
            if error.errno is not None:  # the disk's complaint, not Pillow's
                raise
            raise UnreadableError(f"broken image data ({error})") from error
    _recent.add(source, pixels)
    return pixels


def _tensor(planes: Iterable[tuple[Image.Image, str]], height: int, width: int) -> Tensor:
    """(3, height, width) uint8, from three *planes* of that size: each an image, and the name of its band."""
    high, wide = padded_sides(height, width)
    memory = bytearray(3 * high * wide)
    for number, (image, band) in enumerate(planes):
        start = number * high * wide
        memory[start : start + height * wide] = image.tobytes("raw", band, wide)
    return torch.frombuffer(memory, dtype=torch.uint8).view(3, high, wide)[:, :height, :width]


def _header(file: BinaryIO) -> _Header:
    """What *file*, which it leaves at its beginning, declares; found small enough to be decoded."""
    head = file.read(_HEAD.size)
    file.seek(0)
    is_png = _SIGNATURE.startswith(head[: len(_SIGNATURE)])
    if is_png and len(head) < _HEAD.size:
        raise UnreadableError("too short for a PNG image")
    if not is_png or head[12:16] != b"IHDR":
        raise UnreadableError("not a PNG image")
    width, height, depth, colours, interlaced = _HEAD.unpack(head)
    if width * height > PIXEL_LIMIT:
        raise UnreadableError(f"{width} x {height} pixels are more than {PIXEL_LIMIT // 1_000_000} million")
    return _Header((width, height), not interlaced and (depth, colours) in _RGB_OR_RGBA)


def _averaged(chunks: PixelChunks, source: _Source) -> Iterator[tuple[Image.Image, str]]:
    """Red, green and blue, averaged down: images, and the names of the bands."""
    plain = _plain(source)
    if plain is not None:
        averaged = plain.reduce(source.preparation.reduce)
        yield from ((averaged, band) for band in "RGB")
        return
    # Pillow's warnings of odd chunks would stand in the log between the lines about captures.
    with warnings.catch_warnings(action="ignore"), Image.open(chunks.opened(), formats=["PNG"]) as image:
        if image.size != source.header.size:
            raise UnreadableError("declares two different sizes")
        image.load()
        yield from _planes(image, source.preparation)


def _plain(source: _Source) -> Image.Image | None:
    """The painted picture in RGB if it is a plain one, as screenshots are; None leaves it to Pillow's own reader."""
    pixels = libvips.decoded(source.data) if source.data else None
    if pixels is None:
        return None  # broken, or less than whole: what that comes to is Pillow's to say
    width, height = source.header.size
    for left, top, right, bottom in source.preparation.boxes(width, height):
        painted = _PAINTED * (right - left)
        for row in range(top, bottom):
            first = (row * width + left) * libvips.RGBX
            pixels[first : first + len(painted)] = painted
    # Any buffer will do, whatever Pillow's types say. It is not copied, as it would be if Pillow had to paint.
    return Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1)  # type: ignore[arg-type]


def _data(chunks: PixelChunks, header: _Header) -> bytes:
    """The PNG data of a plain picture; empty if it is another, or too large to be held as a whole."""
    return chunks.small() if header.plain and chunks.kinds == _PLAIN else b""


def _planes(image: Image.Image, preparation: Preparation) -> Iterator[tuple[Image.Image, str]]:
    """Red, green and blue, averaged down; one at a time where an image would have to be copied."""
    if image.mode == "RGBA":
        # Image.reduce would premultiply by alpha, and Image.convert would copy the whole image first.
        for band in range(3):
            yield _reduced(image.getchannel(band), preparation), "L"
    elif image.mode in {"1", "L", "LA", "I", "I;16", "I;16B"}:
        yield from [(_reduced(_grey(image), preparation), "L")] * 3
    else:
        averaged = _reduced(image if image.mode == "RGB" else image.convert("RGB"), preparation)
        yield from ((averaged, band) for band in "RGB")


def _reduced(image: Image.Image, preparation: Preparation) -> Image.Image:
    """*image*, L or RGB, averaged down, with what is ignored painted over: equal in all frames, it is no difference."""
    for box in preparation.boxes(*image.size):
        image.paste(_PAINT, box)
    return image.reduce(preparation.reduce)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits: the high byte. Image.convert would clip every value above 255 to white.
        return image.point(lambda value: value * (1 / 256)).convert("L")
    return image.getchannel(0) if image.mode == "LA" else image.convert("L")
