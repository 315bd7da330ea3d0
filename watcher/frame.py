"""A capture as a frame: RGB pixels, averaged down, on the device that judges them."""

import contextlib
import struct
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import torch
from PIL import Image
from torch import Tensor

from watcher.capture import Capture
from watcher.errors import CrampedError, GoneError, LostError, UnreadableError, WatcherError
from watcher.files import is_still
from watcher.preparation import Preparation
from watcher.verdict import Policy

PIXEL_LIMIT = 40_000_000
"""Pixels of the largest image that is decoded: 8K is 33 million, and 40 million take less than 300 MB for a moment."""
SMALLEST = 11
"""Side in pixels below which a frame has no SSIM: the width of its Gaussian window."""

_PAINT = "#808080"
"""The shade of what is ignored."""
_SAMPLING = 32
_PNG_HEAD = struct.Struct(">8s4x4sII")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BROKEN = (
    *(SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),  # a later chunk declares another size
)
"""What Pillow raises for broken image data, beside an OSError without an errno."""


_FULL = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
_LOST = ("CUDA error", "CUDA driver", "CUDA unknown error", "No CUDA GPUs", "cuDNN error", "CUDNN_STATUS", "CUBLAS")
_ACCELERATOR = getattr(torch, "AcceleratorError", ())
"""torch has a type for it since 2.8."""

Identity = tuple[Path, int, int]


def identity(capture: Capture) -> Identity:
    """What makes two captures the same. Not the inode: captures read back from the ledger have none."""
    return capture.path, capture.size, capture.mtime_ns


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is compared."""

    capture: Capture
    pixels: Tensor
    """(3, height, width) uint8 on the judging device: RGB, alpha dropped, prepared as the policy says."""


def choose_device(name: str) -> torch.device:
    """The device called *name*: ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WatcherError: this machine, or this build of torch, has no such device.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in present.items() if there)
    if name not in present:
        raise WatcherError(f"there is no device {name!r}: choose auto, cpu, cuda or mps")
    if not present[name]:
        raise WatcherError(f"this machine has no {name} device that torch can use: choose auto or cpu")
    _prepare_torch()
    return torch.device(name)


def _prepare_torch() -> None:
    # Small operations on several threads of a busy machine are slower by orders of magnitude (measured).
    torch.set_num_threads(1)
    # TF32 keeps 10 bits of each factor; variances here are small differences of large numbers and need all 24.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


@contextlib.contextmanager
def device_errors() -> Iterator[None]:
    """Tell apart what a device refuses; what remains a RuntimeError is a bug.

    Raises:
        CrampedError: there is too little memory for this; the device is well.
        LostError: whatever this process asks of the device from now on, it fails.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error).partition("\n")[0].rstrip(" .")
        if isinstance(error, torch.OutOfMemoryError) or any(sign in text for sign in _FULL):
            raise CrampedError(text.partition(". ")[0]) from error
        if isinstance(error, _ACCELERATOR) or any(sign in text for sign in _LOST):
            raise LostError(f"the device is lost to this process ({text}); a new one is needed") from error
        raise


def require_same(capture: Capture, path: Path) -> None:
    """Do nothing if the file at *path* still is *capture*'s.

    Raises:
        GoneError: nothing is there, or no regular file, or its size or mtime is another.
        OSError: it cannot be known for the moment.
    """
    if not is_still(path, capture):
        raise GoneError(f"{path.name} is gone, or was replaced or changed")


def load(capture: Capture, device: torch.device, policy: Policy) -> Frame:
    """Read *capture* into a frame on *device*.

    Args:
        capture: the settled file.
        device: where the pixels go.
        policy: what is ignored, and by how much the rest is averaged down.

    Raises:
        GoneError: the file has vanished, or its size or mtime is no longer the capture's.
        UnreadableError: it is no PNG image, is broken, has more than ``PIXEL_LIMIT`` pixels, or fewer than ``SMALLEST``
            in a direction after averaging.
        OSError: it cannot be read for the moment.
    """
    require_same(capture, capture.path)
    try:
        pixels = _read(capture.path, policy.preparation(capture.display))
    except FileNotFoundError as error:
        raise GoneError(f"{capture.path.name} is gone") from error
    finally:
        # Replaced or still growing while it was read: whatever came of it is of another file.
        require_same(capture, capture.path)
    return Frame(capture, pixels.to(device))


def _read(path: Path, preparation: Preparation) -> Tensor:
    with path.open("rb") as file:
        declared = _declared_size(file)
        file.seek(0)
        try:
            return _decode(file, declared, preparation)
        except BROKEN as error:
            raise UnreadableError(f"broken image data ({error})") from error
        except OSError as error:
            if error.errno is not None:  # the disk's complaint, not Pillow's
                raise
            raise UnreadableError(f"broken image data ({error})") from error


def _declared_size(file: BinaryIO) -> tuple[int, int]:
    """Width and height as IHDR declares them, found small enough to be decoded."""
    head = file.read(_PNG_HEAD.size)
    if len(head) < _PNG_HEAD.size:
        raise UnreadableError("too short for a PNG image")
    signature, chunk, width, height = _PNG_HEAD.unpack(head)
    if signature != _PNG_SIGNATURE or chunk != b"IHDR":
        raise UnreadableError("not a PNG image")
    if width * height > PIXEL_LIMIT:
        raise UnreadableError(f"{width} x {height} pixels are more than {PIXEL_LIMIT // 1_000_000} million")
    return width, height


def _decode(file: BinaryIO, declared: tuple[int, int], preparation: Preparation) -> Tensor:
    # Pillow's warnings of odd chunks would stand in the log between the lines about captures.
    with warnings.catch_warnings(action="ignore"), Image.open(file, formats=["PNG"]) as image:
        if image.size != declared:
            raise UnreadableError("declares two different sizes")
        width, height = (-(-side // preparation.reduce) for side in image.size)
        if min(width, height) < SMALLEST:
            raise UnreadableError(f"{width} x {height} pixels after averaging are too few: SSIM needs {SMALLEST}")
        # Alpha is dropped whatever it says, and Pillow warns of some ways in which it is said.
        image.info.pop("transparency", None)
        image.load()
        buffer = bytearray(3 * width * height)
        for band, plane in enumerate(_planes(image, preparation)):
            buffer[band * width * height : (band + 1) * width * height] = plane
    return torch.frombuffer(buffer, dtype=torch.uint8).view(3, height, width)


def _planes(image: Image.Image, preparation: Preparation) -> Iterator[bytes]:
    """The bytes of red, green and blue, averaged down; one channel at a time, so that large images need little more."""
    if image.mode == "RGBA":
        # Image.reduce would premultiply by alpha, and Image.convert would copy the whole image first.
        for band in range(3):
            yield _painted(image.getchannel(band), preparation).reduce(preparation.reduce).tobytes()
    elif image.mode in {"1", "L", "LA", "I", "I;16", "I;16B"}:
        yield from [_painted(_grey(image), preparation).reduce(preparation.reduce).tobytes()] * 3
    else:
        colored = image if image.mode == "RGB" else image.convert("RGB")
        averaged = _painted(colored, preparation).reduce(preparation.reduce)
        for name in "RGB":
            yield averaged.tobytes("raw", name)


def _painted(image: Image.Image, preparation: Preparation) -> Image.Image:
    """*image* itself, L or RGB, with what is ignored painted over: equal in all frames, it is no difference."""
    for box in preparation.boxes(*image.size):
        image.paste(_PAINT, box)
    return image


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits: the high byte. Image.convert would clip every value above 255 to white.
        return image.point(lambda value: value * (1 / 256)).convert("L")
    return image.getchannel(0) if image.mode == "LA" else image.convert("L")


def _sample(pixels: Tensor) -> Tensor:
    """Green at every so many rows and columns, a copy."""
    return pixels[1, ::_SAMPLING, ::_SAMPLING].clone()


class Pictures:
    """The pixels of kept frames: held up to so many bytes, least recently used out first; else read from the file."""

    def __init__(self, load: Callable[[Capture], Frame], locate: Callable[[Capture], Path], limit: int) -> None:
        self._load, self._locate, self._limit = load, locate, limit
        self._held: OrderedDict[Identity, Tensor] = OrderedDict()
        self._samples: dict[Identity, Tensor] = {}
        self._bytes = 0

    def __contains__(self, capture: Capture) -> bool:
        return identity(capture) in self._held

    def held(self, capture: Capture) -> Tensor | None:
        """The pixels, if they need not be read."""
        pixels = self._held.get(identity(capture))
        if pixels is not None:
            self._held.move_to_end(identity(capture))
        return pixels

    def most_alike(self, pixels: Tensor, among: Container[Identity]) -> Identity | None:
        """Which of the pictures at hand *among* those named, all of one size, agrees with *pixels* at most places.

        Of a few places only: a guess, for work that is right with any answer. None if none of them is at hand.
        """
        names = [name for name in reversed(self._held) if name in among]
        if not names:
            return None
        agreeing = torch.stack([self._samples[name] for name in names]) == _sample(pixels)
        return names[int(agreeing.sum((1, 2)).argmax())]

    def pixels(self, capture: Capture) -> Tensor:
        """The pixels (3, height, width) uint8.

        Raises:
            GoneError: the file is no longer the capture's.
            UnreadableError: the file has been damaged.
            OSError: it cannot be read for the moment.
        """
        pixels = self.held(capture)
        if pixels is None:
            pixels = self._load(replace(capture, path=self._locate(capture))).pixels
            self.hold(capture, pixels)
        return pixels

    def hold(self, capture: Capture, pixels: Tensor) -> None:
        """Hold *pixels* while they are among the last used that fit."""
        self.drop(capture)
        self._held[identity(capture)] = pixels
        self._samples[identity(capture)] = _sample(pixels)
        self._bytes += pixels.nbytes
        while self._bytes > self._limit:
            name, dropped = self._held.popitem(last=False)
            self._bytes -= dropped.nbytes
            del self._samples[name]

    def drop(self, capture: Capture) -> None:
        """Hold them no longer."""
        pixels = self._held.pop(identity(capture), None)
        if pixels is not None:
            self._bytes -= pixels.nbytes
            del self._samples[identity(capture)]

    def exists(self, capture: Capture) -> bool:
        """Whether the file still is the capture's.

        Raises:
            OSError: it cannot be known for the moment.
        """
        try:
            require_same(capture, self._locate(capture))
        except GoneError:
            return False
        return True
