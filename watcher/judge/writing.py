"""Whether what varies on a screen is written, as a clock is; a film, a face, a log in a small window is not."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from watcher.model.preparation import Rectangle, frame_boxes

_APART = 24
"""Of 255: by more than this a channel of a pixel varies where something is written at one time and not at another."""
_LINES = 4
"""That a clock and what is beside it have at most."""
_INK = 0.35
"""Share of the pixels that vary which are of the most common colour, where something is written with one."""
_SMALL = 24
"""Rows of a frame. Writing that is no higher is mostly edges, which are of many shades."""
_SHADES = 16
"""Levels that count as one colour."""
_PAPER = 0.1
"""Share of the pixels between those that vary which stay as they are, at least."""


def is_written(frames: Sequence[Tensor], parts: Iterable[Rectangle], reduce: int) -> bool:
    """Whether what varies among frames of one screen in some places looks like a clock.

    That is: few lines, and, unless they are small, one colour or shade for most of what is written, with ground in
    between. If nothing varies, nothing speaks against it.

    Args:
        frames: (3, height, width) uint8 each, of one size.
        parts: the places, in pixels of the captures.
        reduce: by how much these were averaged.
    """
    stack = torch.stack(list(frames))
    _, _, height, width = stack.shape
    lines = varying = inked = places = 0
    for left, top, right, bottom in frame_boxes(parts, reduce, height, width):
        part = stack[:, :, top:bottom, left:right]
        high, low = part.amax(0), part.amin(0)
        varies = (high - low).amax(0) > _APART
        rows = varies.any(1)
        lines += int((pad(rows.int(), (1, 0)).diff() > 0).sum())
        if int(rows.sum()) > _SMALL:
            varying, places = varying + int(varies.sum()), places + _reach(rows) * _reach(varies.any(0))
            # Light ink is a pixel at its lightest, dark ink at its darkest; what lightens its ground, the difference.
            inked += max(_most_common(values[:, varies]) for values in (high, low, high - low))
    return lines <= _LINES and inked >= _INK * varying and varying <= (1 - _PAPER) * places


def _reach(line: Tensor) -> int:
    """How far it is from the first true of *line* to the last."""
    true = line.nonzero()
    return int(true[-1] - true[0]) + 1 if len(true) else 0


def _most_common(colours: Tensor) -> int:
    """How many of *colours* (3, pixels) uint8 are the most common one."""
    red, green, blue = (colours // _SHADES).long()
    return int(torch.bincount((red * _SHADES + green) * _SHADES + blue).max())
