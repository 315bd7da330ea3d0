"""Which scene a frame shows, and the frame with what does not count in that scene painted over.

A frame is in a scene if it shows one of the scene's references, but for the places that the scene ignores: both are
painted over there, and then

- at nine of ten of some 250 places, evenly spread, they differ by no more than 24 of 255 in any channel; and
- their SSIM is above the threshold of a duplicate, with no tile below :data:`watcher.model.scene.FLOOR`.

So it depends on the frame and on the settings alone. The first condition costs a frame of no scene next to nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from watcher.errors import UnreadableError, WatcherError
from watcher.judge.decoding import PAINT, decode
from watcher.judge.similarity import DOUBT, beyond_doubt, measure
from watcher.judge.tiles import padded_sides
from watcher.model.preparation import EVERY_DISPLAY, Preparation, Rectangle, frame_boxes
from watcher.model.scene import FLOOR, Reference, Scene
from watcher.model.verdict import Policy

_PLACES = 16
"""That are looked at, in either direction."""
_NEAR = 24
"""By how much a channel may differ there."""
_MOST = 0.9
"""Share of the places that must not differ by more."""


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """A reference in memory, painted over where its scene ignores it."""

    pixels: Tensor
    """(3, height, width) uint8."""
    rows: Tensor
    columns: Tensor
    """Of the places that are looked at first, outside what is ignored."""
    samples: Tensor
    """(3, places) int16: what the reference shows there."""

    def may_be(self, pixels: Tensor) -> bool:
        """Whether *pixels* of the same size are near to it at most of these places."""
        apart = (pixels[:, self.rows, self.columns].to(torch.int16) - self.samples).abs().amax(0)
        return int((apart <= _NEAR).sum()) >= _MOST * len(self.rows)


def require_references(policy: Policy) -> None:
    """Hold the references of every scene in memory, for each of its displays: from now on no file is needed.

    Raises:
        WatcherError: one cannot be read, or is not what the policy was made with.
    """
    for scene in policy.scenes:
        for display in _displays(scene, policy):
            for reference in scene.references:
                _held(scene, reference, policy.preparation(display))


def _displays(scene: Scene, policy: Policy) -> set[int]:
    """Displays of *scene*; of those that are prepared alike, one at least."""
    named = {int(name) for name in scene.displays if name != EVERY_DISPLAY}
    if EVERY_DISPLAY not in scene.displays:
        return named
    own = {int(name) for name, _ in policy.ignore if name != EVERY_DISPLAY}
    return named | own | {next(number for number in range(len(own) + 1) if number not in own)}


def read(path: Path, display: int, policy: Policy) -> tuple[Tensor, str]:
    """The frame of the picture at *path* as *display* showed it, painted over as its scene says, and the scene's name.

    Raises:
        UnreadableError, OSError: as :func:`watcher.judge.decoding.decode`.
        WatcherError: as :func:`staged`.
    """
    return staged(decode(path, policy.preparation(display)), display, policy)


def staged(pixels: Tensor, display: int, policy: Policy) -> tuple[Tensor, str]:
    """A frame's *pixels* (3, height, width) uint8, painted over as its scene says, and the name of that, if any.

    Args:
        pixels: prepared as the policy says, on the CPU; they stay as they are.
        display: which showed it.
        policy: with the scenes, of which the first that fits counts.

    Raises:
        WatcherError: a reference cannot be read, or is another file by now.
    """
    for scene, held in _candidates(display, policy):
        if (painted := _painted_as(pixels, held, scene.ignore, policy)) is not None:
            return painted, scene.name
    return pixels, ""


def fitting_in(frames: Iterable[Tensor], reference: Tensor, ignore: Sequence[Rectangle], policy: Policy) -> int:
    """How many of *frames* would be in a scene with this *reference*, a frame itself, that ignores these rectangles."""
    held = _prepared(reference, tuple(ignore), policy.reduce)
    return sum(_painted_as(frame, held, tuple(ignore), policy) is not None for frame in frames)


def _painted_as(pixels: Tensor, held: _Held, ignore: tuple[Rectangle, ...], policy: Policy) -> Tensor | None:
    """*pixels* painted over where a scene ignores them; None if they do not show its reference."""
    if held.pixels.shape != pixels.shape or not held.may_be(pixels):
        return None
    painted = painted_over(pixels, ignore, policy.reduce)
    return painted if _shows(painted, held.pixels, policy) else None


def _candidates(display: int, policy: Policy) -> Iterator[tuple[Scene, _Held]]:
    for scene in policy.scenes_of(display):
        for reference in scene.references:
            yield scene, _held(scene, reference, policy.preparation(display))


def _shows(painted: Tensor, reference: Tensor, policy: Policy) -> bool:
    """Whether *painted* is a duplicate of the *reference*, with no tile below the floor."""
    strict = replace(policy, guard=FLOOR)
    measured = beyond_doubt(measure(painted, reference, policy.duplicate - DOUBT), painted, reference, strict)
    return measured.exact and measured.ssim > policy.duplicate and measured.worst_tile >= FLOOR


@cache
def _held(scene: Scene, reference: Reference, preparation: Preparation) -> _Held:
    try:
        same = hashlib.sha256(reference.file.read_bytes()).hexdigest() == reference.digest
        pixels = decode(reference.file, preparation) if same else None
    except OSError as error:
        raise WatcherError(f"scene {scene.name}: {reference.file}: {error.strerror or error}") from error
    except UnreadableError as error:
        raise WatcherError(f"scene {scene.name}: {reference.file}: {error}") from error
    if pixels is None:
        raise WatcherError(f"scene {scene.name}: {reference.file} was replaced; what it shows now is not known")
    return _prepared(pixels, scene.ignore, preparation.reduce)


def _prepared(pixels: Tensor, ignore: tuple[Rectangle, ...], reduce: int) -> _Held:
    _, height, width = pixels.shape
    rows, columns = (torch.linspace(0, side - 1, _PLACES).round().long() for side in (height, width))
    places = torch.cartesian_prod(rows, columns)
    counts = torch.ones(height, width, dtype=torch.bool)
    for left, top, right, bottom in frame_boxes(ignore, reduce, height, width):
        counts[top:bottom, left:right] = False
    rows, columns = places[counts[places[:, 0], places[:, 1]]].T
    painted = painted_over(pixels, ignore, reduce)
    return _Held(painted, rows, columns, painted[:, rows, columns].to(torch.int16))


def painted_over(pixels: Tensor, rectangles: tuple[Rectangle, ...], reduce: int) -> Tensor:
    """A copy of a frame's *pixels* with the *rectangles*, in pixels of the picture, in the shade of what is ignored."""
    _, height, width = pixels.shape
    high, wide = padded_sides(height, width)
    copy = pixels.new_zeros(3, high, wide)[:, :height, :width]
    copy.copy_(pixels)
    for left, top, right, bottom in frame_boxes(rectangles, reduce, height, width):
        copy[:, top:bottom, left:right] = PAINT
    return copy
