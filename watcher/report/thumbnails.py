"""Pictures small enough to lie inside a page, each held to a number of bytes whatever it shows."""

import base64
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, features

from watcher.errors import GoneError, WatcherError
from watcher.judge.chunks import PixelChunks
from watcher.judge.decoding import BROKEN, PIXEL_LIMIT
from watcher.judge.frame import require_same
from watcher.model.capture import Capture

_FORMAT = "WEBP" if features.check("webp") else "JPEG"
_QUALITIES = (74, 55, 38)
"""Tried in turn; text on a screen stays readable down to the last."""
_SHRINK = 0.8
"""What does not fit at any quality gets smaller by this factor, until it does."""
_SMALLEST = 64
_THREADS = 4
"""Of which each holds a decoded capture: 8K has 130 MB."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How large a picture may be."""

    width: int
    """In pixels; it is never made larger than it was."""
    bytes: int
    """Of the encoded picture, which base64 makes a third more."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that lies inside a page."""

    uri: str
    """``data:`` and its bytes."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A capture that is to be shown in one or more sizes."""

    capture: Capture
    path: Path
    """Where its file is now."""
    sizes: tuple[Allowance, ...]


def load_all(wanted: Sequence[Wanted]) -> Iterator[tuple[Picture, ...]]:
    """The pictures of each, in its sizes; none for a file that is gone, was replaced, or cannot be decoded."""
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        yield from pool.map(_load, wanted)


def _load(wanted: Wanted) -> tuple[Picture, ...]:
    try:
        image = open_capture(wanted.capture, wanted.path)
    except WatcherError:
        return ()
    return tuple(encoded(image, size) for size in wanted.sizes)


def open_capture(capture: Capture, path: Path) -> Image.Image:
    """The capture whose file lies at *path*, in RGB and whole size.

    Raises:
        GoneError: the file is not there, is another one, or cannot be read or decoded.
    """
    try:
        require_same(capture, path)
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,
            Image.open(PixelChunks(file).opened(), formats=["PNG"]) as image,
        ):
            if image.width * image.height > PIXEL_LIMIT:
                raise GoneError(f"{path.name} is too large")
            return image.convert("RGB")
    except (OSError, *BROKEN) as error:
        raise GoneError(f"{path.name} cannot be shown: {error}") from error


def encoded(image: Image.Image, allowance: Allowance) -> Picture:
    """*image*, made as small as *allowance* asks for."""
    width = min(allowance.width, image.width)
    while True:
        small = _scaled(image, width)
        for quality in _QUALITIES:
            data = _bytes(small, quality)
            if len(data) <= allowance.bytes or (width <= _SMALLEST and quality == _QUALITIES[-1]):
                text = base64.b64encode(data).decode("ascii")
                return Picture(f"data:image/{_FORMAT.lower()};base64,{text}", *small.size)
        width = max(_SMALLEST, round(width * _SHRINK))


def _scaled(image: Image.Image, width: int) -> Image.Image:
    if width >= image.width:
        return image
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _bytes(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, _FORMAT, quality=quality, method=3)
    return buffer.getvalue()
