"""Two captures side by side: the numbers, and the picture of where they differ."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from watcher.capture import Capture
from watcher.errors import GoneError, UnreadableError, WatcherError
from watcher.frame import choose_device, load
from watcher.similarity import Comparison, compare_fully, reference
from watcher.verdict import Kind, Policy, Score, judge

_SEEN = 24
"""A difference that can be measured is drawn at least this strongly, of 255."""
_ROUNDING = 1e-4
_COLOR = (255, 40, 40)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be said of two pictures."""

    ssim: float
    kind: Kind
    """The verdict on the second if the first were the nearest of its window."""
    guarded: bool
    """Whether it would be a duplicate, but for its worst tile."""
    worst_tile: float
    box: tuple[int, int, int, int]
    """Left, top, width and height of the worst tile, in pixels of the captures."""
    changed: float
    """Share of the frame's pixels, 0 to 1, that differ at all."""
    comparison: Comparison
    second: Tensor
    """(3, height, width) uint8: the second frame."""

    def draw(self) -> Image.Image:
        """The second frame, pale, with the places where they differ in red."""
        return _drawn(self.comparison, self.second)


def compare_files(first: Path, second: Path, policy: Policy, device: str, *, by_reference: bool) -> Difference:
    """Compare two pictures exactly; *by_reference* by pytorch_msssim on whole frames.

    Raises:
        WatcherError: one cannot be read, or they are of different sizes.
    """
    where = choose_device(device)
    one, other = (_frame(path, policy, where) for path in (first, second))
    if one.shape != other.shape:
        sizes = " and ".join(f"{shape[2]} x {shape[1]}" for shape in (one.shape, other.shape))
        raise WatcherError(f"frames of different sizes are never compared: {sizes} after averaging")
    found = compare_fully(one, other)
    ssim = reference(one, other) if by_reference else found.ssim
    score = Score(_capture(first), ssim, exact=True, worst_tile=found.worst_tile)
    verdict = judge(_capture(second), score, policy)
    left, top, right, bottom = (side * policy.reduce for side in found.box)
    box = (left, top, right - left, bottom - top)
    return Difference(ssim, verdict.kind, verdict.guarded, found.worst_tile, box, found.changed, found, other)


def _capture(path: Path) -> Capture:
    try:
        status = path.stat()
    except OSError as error:
        raise WatcherError(f"{path}: {error.strerror}") from error
    return Capture(path, 0, datetime.fromtimestamp(status.st_mtime), status.st_size, status.st_mtime_ns)


def _frame(path: Path, policy: Policy, device: torch.device) -> Tensor:
    real = path.resolve()  # a person may name a link
    try:
        return load(_capture(real), device, policy.reduce).pixels
    except (UnreadableError, GoneError) as error:
        raise WatcherError(f"{path}: {error}") from error
    except OSError as error:
        raise WatcherError(f"{path}: {error.strerror}") from error


def _drawn(found: Comparison, pixels: Tensor) -> Image.Image:
    height, width = pixels.shape[1:]
    rgb = pixels.permute(1, 2, 0).contiguous().cpu()
    picture = Image.frombytes("RGB", (width, height), bytes(rgb.flatten().tolist()))
    pale = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, "white"), 0.5)
    deficit = (1 - found.map).clamp(0, 1)
    strength = torch.where(deficit > _ROUNDING, _SEEN + deficit * (255 - _SEEN), deficit).round().to(torch.uint8).cpu()
    rows, columns = strength.shape
    heat = Image.new("L", picture.size)
    # A map position stands for the middle of its 11 x 11 window.
    heat.paste(
        Image.frombytes("L", (columns, rows), bytes(strength.flatten().tolist())),
        ((width - columns) // 2, (height - rows) // 2),
    )
    return Image.composite(Image.new("RGB", picture.size, _COLOR), pale, heat)
