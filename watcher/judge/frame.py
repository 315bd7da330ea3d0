"""A capture as a frame: RGB pixels, averaged down, on the device that judges them."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from watcher.disk.files import is_still
from watcher.errors import CrampedError, GoneError, LostError, WatcherError
from watcher.judge.decoding import decode
from watcher.model.capture import Capture
from watcher.model.verdict import Policy

_SAMPLING = 32

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
        UnreadableError: as :func:`watcher.judge.decoding.decode`.
        OSError: it cannot be read for the moment.
    """
    require_same(capture, capture.path)
    try:
        pixels = decode(capture.path, policy.preparation(capture.display))
    except FileNotFoundError as error:
        raise GoneError(f"{capture.path.name} is gone") from error
    finally:
        # Replaced or still growing while it was read: whatever came of it is of another file.
        require_same(capture, capture.path)
    return Frame(capture, pixels.to(device))


def _sample(pixels: Tensor) -> Tensor:
    """Green at every so many rows and columns, a copy."""
    return pixels[1, ::_SAMPLING, ::_SAMPLING].clone()


def _bytes(pixels: Tensor) -> int:
    """What *pixels* hold of memory, with what lies beyond their edges."""
    return pixels.untyped_storage().nbytes()


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
        self._bytes += _bytes(pixels)
        while self._bytes > self._limit:
            name, dropped = self._held.popitem(last=False)
            self._bytes -= _bytes(dropped)
            del self._samples[name]

    def drop(self, capture: Capture) -> None:
        """Hold them no longer."""
        pixels = self._held.pop(identity(capture), None)
        if pixels is not None:
            self._bytes -= _bytes(pixels)
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
