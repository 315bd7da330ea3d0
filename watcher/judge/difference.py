"""Two captures side by side: the numbers, and the picture of where they differ."""

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from watcher.errors import GoneError, UnreadableError, WatcherError
from watcher.judge.device import choose_device, device_errors
from watcher.judge.frame import Frame, load
from watcher.judge.regions import boxes_of, in_picture, widest_change
from watcher.judge.signature import bytes_of
from watcher.judge.similarity import Comparison, compare_fully, reference
from watcher.model.capture import Capture, NamePattern, is_recordable
from watcher.model.preparation import Box, Rectangle, boxes_within
from watcher.model.verdict import Policy, Score, Verdict, decide

NO_DISPLAY = -1
"""The display of pictures whose names tell none, or different ones: it has no rectangles of its own."""

_SEEN = 24
"""A difference that can be measured is drawn at least this strongly, of 255."""
_ROUNDING = 1e-4
_COLOR = (255, 40, 40)
_HATCHES = ("#e0e0e0", "#9a9a9a", 6)
"""Ground, lines, and pixels between these, where the map shows what is ignored."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be said of two pictures."""

    verdict: Verdict
    """On the second, if the first were the nearest of its window."""
    box: Rectangle
    """The worst tile, in pixels of the captures."""
    places: tuple[Rectangle, ...]
    """Few rectangles, in pixels of the captures, that hold all in which the frames differ."""
    comparison: Comparison
    first: Tensor
    """(3, height, width) uint8: the first frame."""
    second: Tensor
    """The same for the second."""
    scenes: tuple[str, ...]
    """Which each of the two shows; an empty one for none."""

    @property
    def display(self) -> int | None:
        """The display of both, if it is known and one."""
        nearest, capture = self.verdict.score.nearest, self.verdict.capture
        same = nearest is not None and nearest.display == capture.display != NO_DISPLAY
        return capture.display if same else None

    def draw(self) -> Image.Image:
        """The second frame, pale, with the places where they differ in red, and hatched where they are not compared."""
        drawn = _drawn(self.comparison, self.second)
        policy, display = self.verdict.policy, self.verdict.capture.display
        side, parts = policy.reduce, list(policy.preparation(display).ignored)
        parts += (part for scene in policy.scenes_of(display) if scene.name in self.scenes for part in scene.ignore)
        for left, top, right, bottom in boxes_within(parts, side * drawn.width, side * drawn.height):
            _hatch(drawn, (left // side, top // side, -(-right // side), -(-bottom // side)))
        return drawn

    def draw_beside(self) -> Image.Image:
        """The second frame, the first one, and what :meth:`draw` draws, beside each other."""
        parts = [_picture(self.second), _picture(self.first), self.draw()]
        width, height = parts[0].size
        sheet = Image.new("RGB", (len(parts) * (width + _GAP) - _GAP, height), "white")
        for place, part in enumerate(parts):
            sheet.paste(part, (place * (width + _GAP), 0))
        return sheet


_GAP = 16
"""Pixels between pictures that are drawn beside each other."""


def captures_of(first: Path, second: Path, pattern: NamePattern, *, across: bool) -> tuple[Capture, Capture]:
    """Two pictures as captures of the display that both names tell; of none if they tell different ones.

    Where displays are compared *across* each other, each is of its own, if both names tell any.

    Raises:
        WatcherError: one is not there.
    """
    one, other = _capture(first, pattern), _capture(second, pattern)
    if one.display == other.display or (across and NO_DISPLAY not in (one.display, other.display)):
        return one, other
    return replace(one, display=NO_DISPLAY), replace(other, display=NO_DISPLAY)


@device_errors()
def compare(first: Capture, second: Capture, policy: Policy, device: str, *, by_reference: bool) -> Difference:
    """Compare two pictures exactly; *by_reference* by pytorch_msssim on whole frames.

    Raises:
        WatcherError: one cannot be read, or they are of different sizes.
    """
    where = choose_device(device)
    frames = [_frame(capture, policy, where) for capture in (first, second)]
    one, other = (frame.pixels for frame in frames)
    if one.shape != other.shape:
        sizes = " and ".join(f"{shape[2]} x {shape[1]}" for shape in (one.shape, other.shape))
        raise WatcherError(f"frames of different sizes are never compared: {sizes} after averaging")
    found = compare_fully(one, other)
    ssim = reference(one, other) if by_reference else found.ssim
    change = widest_change(one, other, found.units, policy.reduce)
    score = Score(first, ssim, exact=True, worst_tile=found.worst_tile, change=change)
    verdict = decide(second, score, policy, frames[1].scene)
    places = tuple(in_picture(box, policy.reduce) for box in boxes_of((one != other).any(0)))
    scenes = tuple(frame.scene for frame in frames)
    return Difference(verdict, in_picture(found.box, policy.reduce), places, found, one, other, scenes)


def _capture(path: Path, pattern: NamePattern) -> Capture:
    real = Path(os.path.realpath(path))  # a person may name a link
    try:
        status = real.stat()
    except OSError as error:
        raise WatcherError(f"{path}: {error.strerror}") from error
    has_date = is_recordable(status)
    if has_date and pattern.matches(real.name):
        return pattern.parse(real, status)
    taken_at = datetime.fromtimestamp(status.st_mtime) if has_date else datetime.max  # nothing is decided by it here
    return Capture(real, NO_DISPLAY, taken_at, status.st_size, status.st_mtime_ns)


def _frame(capture: Capture, policy: Policy, device: torch.device) -> Frame:
    try:
        return load(capture, device, policy)
    except (UnreadableError, GoneError) as error:
        raise WatcherError(f"{capture.path}: {error}") from error
    except OSError as error:
        raise WatcherError(f"{capture.path}: {error.strerror}") from error


def _picture(pixels: Tensor) -> Image.Image:
    height, width = pixels.shape[1:]
    return Image.frombytes("RGB", (width, height), bytes_of(pixels.permute(1, 2, 0)))


def _drawn(found: Comparison, pixels: Tensor) -> Image.Image:
    height, width = pixels.shape[1:]
    picture = _picture(pixels)
    pale = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, "white"), 0.5)
    deficit = (1 - found.map).clamp(0, 1)
    strength = torch.where(deficit > _ROUNDING, _SEEN + deficit * (255 - _SEEN), deficit).round().to(torch.uint8)
    rows, columns = strength.shape
    heat = Image.new("L", picture.size)
    # A map position stands for the middle of its 11 x 11 window.
    heat.paste(
        Image.frombytes("L", (columns, rows), bytes_of(strength)),
        ((width - columns) // 2, (height - rows) // 2),
    )
    return Image.composite(Image.new("RGB", picture.size, _COLOR), pale, heat)


def _hatch(picture: Image.Image, box: Box) -> None:
    left, top, right, bottom = box
    ground, line, step = _HATCHES
    part = Image.new("RGB", (right - left, bottom - top), ground)
    draw = ImageDraw.Draw(part)
    for x in range(0, part.width + part.height, step):
        draw.line((x, 0, x - part.height, part.height), fill=line)
    picture.paste(part, (left, top))
