"""A capture as a frame: RGB pixels, averaged down, on the device that judges them."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from watcher.disk.files import is_still
from watcher.errors import GoneError
from watcher.judge.scenes import read
from watcher.judge.signature import Signature, compute
from watcher.model.capture import Capture
from watcher.model.verdict import Policy


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What is compared."""

    capture: Capture
    pixels: Tensor
    """(3, height, width) uint8 on the judging device: RGB, alpha dropped, prepared as the policy says."""
    scene: str = ""
    """Which it shows, and as which it is painted over; empty for none."""
    signature: Signature | None = None
    """If it was computed already; on the same device."""


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
        policy: what is ignored, everywhere and in which scenes, and by how much the rest is averaged down.

    Raises:
        GoneError: the file has vanished, or its size or mtime is no longer the capture's.
        UnreadableError: as :func:`watcher.judge.decoding.decode`.
        OSError: it cannot be read for the moment.
        WatcherError: the reference of a scene cannot be read, or is another file by now.
    """
    require_same(capture, capture.path)
    try:
        pixels, scene = read(capture.path, capture.display, policy)
    except FileNotFoundError as error:
        raise GoneError(f"{capture.path.name} is gone") from error
    finally:
        # Replaced or still growing while it was read: whatever came of it is of another file.
        require_same(capture, capture.path)
    return Frame(capture, pixels.to(device), scene)


def signed(frame: Frame, like: Frame | None) -> Frame:
    """*frame* with its signature; what is as in *like*, which has one, is taken over."""
    known = None
    if like is not None and like.signature is not None and like.pixels.shape == frame.pixels.shape:
        known = like.pixels, like.signature
    return replace(frame, signature=compute(frame.pixels, known))
