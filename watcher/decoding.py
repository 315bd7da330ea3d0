"""A PNG file as red, green and blue, averaged down: with Pillow, and no copy or conversion more than that needs."""

import contextlib
import ctypes
import math
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
from watcher.preparation import Preparation
from watcher.tiles import padded_sides

PIXEL_LIMIT = 40_000_000
"""Pixels of the largest image that is decoded: 8K is 33 million, and 40 million take less than 300 MB for a moment."""
SMALLEST = 11
"""Side in pixels below which a frame has no SSIM: the width of its Gaussian window."""
BROKEN = (
    *(SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),  # a later chunk declares another size
)
"""What Pillow raises for broken image data, beside an OSError without an errno."""

_PAINT = "#808080"
"""The shade of what is ignored."""
_HEAD = struct.Struct(">16xIIBB2xB")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AT_ONCE = 16_000_000
"""Bytes of the largest file that is held in memory as a whole while it is decoded."""
_CANVAS = 16_000_000
"""Pixels of the largest canvas that a thread keeps: 5K is 15 million, and takes 60 MB."""
_RECENT = 6
"""Pictures whose data are remembered: two rounds of three displays."""
_RECENT_BYTES = 64_000_000
"""Bytes that they and their pixels may take; the least recent go first."""
_RAW = {(8, 2): "RGB", (8, 6): "RGBX"}
"""By depth and colour type, how Pillow's decoder gets red, green and blue, and drops alpha."""
_KEPT = {-1: 256 << 20, -3: 32 << 20}
"""Bytes: of M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, see mallopt(3)."""
_own = threading.local()
"""The canvas of each thread."""
_SILENT = frozenset(b"bKGD cHRM eXIf gAMA iCCP iDOT iTXt pHYs sBIT sRGB tEXt tIME zTXt".split())
"""Chunks that change no pixel of what Pillow reads. They are not read here, so that no text inflates."""


def keep_freed_memory() -> None:
    """Have the allocator keep what is freed for the next picture, where it lets itself be told (glibc's mallopt).

    It would give megabytes back to the system and page them in again several times a picture. This is for the whole
    process, for good, and so for one that decodes as fast as it can and then ends.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # not on macOS, nor on Windows
        allocator = ctypes.CDLL(None)
        for setting, size in _KEPT.items():
            allocator.mallopt(setting, size)


@dataclass(frozen=True, slots=True)
class _Header:
    """What IHDR declares."""

    size: tuple[int, int]
    """Width and height in pixels."""
    raw: str | None
    """The raw mode of the data; None if there is more to it."""


@dataclass(frozen=True, slots=True)
class _Source:
    """All that the pixels of a frame depend on, if it is a plain picture."""

    header: _Header
    preparation: Preparation
    data: bytes
    """Compressed; empty if the picture is not a plain one."""


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
        source = _Source(header, preparation, _data(file, header))
        if (known := _recent.find(source)) is not None:
            return known
        try:
            pixels = _tensor(_averaged(file, source), height, width)
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
    return _Header((width, height), None if interlaced else _RAW.get((depth, colours)))


def _averaged(file: BinaryIO, source: _Source) -> Iterator[tuple[Image.Image, str]]:
    """Red, green and blue, averaged down: images, and the names of the bands."""
    plain = _plain(source)
    if plain is not None:
        yield from _planes(plain, source.preparation)
        return
    file.seek(0)
    # Pillow's warnings of odd chunks would stand in the log between the lines about captures.
    with warnings.catch_warnings(action="ignore"), Image.open(file, formats=["PNG"]) as image:
        if image.size != source.header.size:
            raise UnreadableError("declares two different sizes")
        # Alpha is dropped whatever it says, and Pillow warns of some ways in which it is said.
        image.info.pop("transparency", None)
        image.load()
        yield from _planes(image, source.preparation)


def _plain(source: _Source) -> Image.Image | None:
    """The picture in RGB if it is a plain one, as screenshots are; None leaves it to Pillow's own reader.

    That reads tens of kilobytes at a time, goes through Python's lock for each, and keeps alpha, to be dropped later.
    """
    if not source.data:
        return None
    image = _canvas(source.header.size)
    try:
        image.frombytes(source.data, "zip", source.header.raw)
    except ValueError:
        return None  # broken, or less than whole: what that comes to is Pillow's to say
    return image


def _canvas(size: tuple[int, int]) -> Image.Image:
    """An image of *size* with anything on it, this thread's own: new memory for each picture would be paged in anew."""
    held: Image.Image | None = getattr(_own, "canvas", None)
    if held is not None and held.size == size:
        return held
    held = _own.canvas = None  # its memory first
    image = Image.new("RGB", size, None)
    if math.prod(size) <= _CANVAS:
        _own.canvas = image
    return image


def _data(file: BinaryIO, header: _Header) -> bytes:
    """The compressed data of a plain picture; empty if it is another, or too large to be held as a whole."""
    content = file.read(_AT_ONCE + 1) if header.raw else b""
    return _compressed(content) if len(content) <= _AT_ONCE else b""


def _compressed(content: bytes) -> bytes:
    """The picture data of a PNG file; empty if it is not in one run, or if what is around it may have a say."""
    view, at = memoryview(content), len(_SIGNATURE)
    kinds: list[bytes] = []
    data: list[memoryview] = []
    while at + 12 <= len(content) and kinds[-1:] != [b"IEND"]:
        end, kind = at + 8 + int.from_bytes(view[at : at + 4]), content[at + 4 : at + 8]
        if kind == b"IDAT":
            data.append(view[at + 8 : end])
        if (kind, kinds[-1:]) != (b"IDAT", [b"IDAT"]):
            kinds.append(kind)
        at = end + 4
    telling = [kind for kind in kinds if kind not in _SILENT]
    return b"".join(data) if telling == [b"IHDR", b"IDAT", b"IEND"] else b""


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
