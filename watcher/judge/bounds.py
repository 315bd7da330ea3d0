"""Lower bounds of 1 - SSIM that need no SSIM, from the signatures of two frames.

With a and b of :mod:`watcher.judge.signature` at one position of two frames, Cauchy and Schwarz give cs <= sech(ax -
ay) and l <= sech(bx - by), and since ln cosh(sqrt(x)) is concave and 0 at 0, 1 - SSIM >= phi(r) with phi(r) = 1 -
sech(r) and r = hypot(ax - ay, bx - by). The mean of a convex function below phi is, by Jensen, not below that function
of the tile means; and phi(|ax - ay|) is a bound as well, with a shorter reach and so a steeper one for text against
other text.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from watcher.judge.signature import A_HIGH, A_LOW, B_HIGH, B_LOW, STEP, TILE, Signature
from watcher.judge.tiles import TAPS, tile_areas, tile_grid

LEVELS = (16 * TILE, 4 * TILE, TILE)
"""Sides in positions of the blocks that are bounded together, coarsest first."""

_FLOAT32 = 1e-3
"""More than float32 can be wrong by in a or b."""


class ConvexBound:
    """A convex function below phi(r) = 1 - sech(r) for r up to *reach*: a parabola to a knee, then its tangent.

    Up to the knee: phi(r) / r^2 falls, and at the knee the parabola is not above phi, because r phi'(r) <= 2 phi(r).
    Beyond it: phi is convex as far as arcosh(sqrt 2), and at the knee neither lower nor less steep than the line; from
    there on it is concave, and at *reach* not lower than the line, so that it never crosses it again.
    """

    def __init__(self, reach: float) -> None:
        """The highest such function that ends in phi(*reach*); *reach* is above 2."""
        self.reach = reach
        low, high = 0.0, math.acosh(math.sqrt(2))
        for _ in range(50):
            middle = (low + high) / 2
            steep = math.tanh(middle) / math.cosh(middle) >= self._slope(middle)
            low, high = (low, middle) if steep else (middle, high)
        self._knee, self._steepness = high, self._slope(high)

    def _slope(self, knee: float) -> float:
        return (1 - 1 / math.cosh(self.reach)) / (self.reach - knee / 2)

    def __call__(self, r: Tensor) -> Tensor:
        """The function of *r*, which is overwritten."""
        bent = r.clamp(max=self._knee)
        return r.sub_(bent, alpha=0.5).mul_(bent).mul_(self._steepness / self._knee)


BOTH = ConvexBound(math.hypot(A_HIGH - A_LOW, B_HIGH - B_LOW))
CONTRAST = ConvexBound(A_HIGH - A_LOW)


def deficit_bounds(theirs: Tensor, mine: Tensor) -> Tensor:
    """Lower bounds (..., tiles) of the mean of 1 - SSIM over tiles, from means of a and b (..., 2, tiles).

    What rounding can have added to a distance is taken off it first: half a step in either frame.
    """
    a, b = (theirs - mine).unbind(-2)
    r = torch.addcmul(a * a, b, b).sqrt_()
    both = BOTH(r.sub_(math.hypot(*STEP) + _FLOAT32).clamp_(min=0))
    return torch.maximum(both, CONTRAST(a.abs_().sub_(STEP[0] + _FLOAT32).clamp_(min=0)))


def tile_deficits(one: Signature, other: Signature) -> Tensor:
    """(3, rows, columns): a proven lower bound of the sum of 1 - SSIM over each tile and channel."""
    step = torch.tensor(STEP, device=one.codes.device).view(2, 1)
    bounds = deficit_bounds(one.codes.flatten(1) * step, other.codes.flatten(1) * step)
    return bounds.view(one.codes.shape[1:]) * tile_areas(one.height, one.width, one.codes.device, TILE)


class BlockMeans:
    """Takes numbers of tiles, of frames of one size, to means over larger blocks, weighed by area."""

    def __init__(self, size: tuple[int, int], fine: int, side: int, device: torch.device) -> None:
        """From tiles of *fine* x *fine* map positions to blocks of *side* x *side*; *size* is in pixels."""
        self._down, self._across = (_averages(pixels, fine, side).to(device) for pixels in size)

    def __call__(self, planes: Tensor) -> Tensor:
        """(planes, block rows, block columns), from *planes* (planes, rows, columns) float32."""
        return torch.bmm(self._down.expand(len(planes), -1, -1), planes) @ self._across.T


class SignatureStack:
    """The signatures of a window's frames, one row each, batched per level so that all are bounded at once."""

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self._shape = (height, width)
        self._levels = [_Level(height, width, side, device) for side in LEVELS]
        self._coarser = [BlockMeans((height, width), fine, side, device) for fine, side in pairwise(reversed(LEVELS))]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def extend(self, codes: Tensor) -> None:
        """Add rows at the end, with signatures' *codes* (signatures, 2, 3, rows, columns)."""
        for level, means in zip(self._levels, self._pyramid(codes), strict=True):
            level.put(self._length, means)
        self._length += len(codes)

    def reserve(self, count: int) -> None:
        """Make room for *count* rows at once: growing step by step copies all that is there."""
        for level in self._levels:
            level.grow(count)

    def remove(self, row: int) -> None:
        """Take *row* out; the last row takes its place."""
        self._length -= 1
        for level in self._levels:
            level.rows[row] = level.rows[self._length]

    def signature(self, row: int) -> Signature:
        """The signature in *row*."""
        height, width = self._shape
        return Signature(height, width, self._levels[-1].rows[row].view(2, 3, *tile_grid(height, width, TILE)))

    def deficits(self, signature: Signature, enough: float) -> list[float]:
        """Per row, a proven lower bound of 1 - SSIM; refined level by level only while it is below *enough*."""
        if not self._length:
            return []
        coarsest, *finer = zip(self._levels, self._pyramid(signature.codes[None]), strict=True)
        bounds = coarsest[0].bounds(coarsest[1], slice(self._length))
        for level, mine in finer:
            open_rows = (bounds < enough).nonzero().flatten()
            if not len(open_rows):
                break
            bounds[open_rows] = torch.maximum(bounds[open_rows], level.bounds(mine, open_rows))
        return bounds.tolist()

    def _pyramid(self, codes: Tensor) -> list[Tensor]:
        """Block means of *codes* (signatures, 2, 3, rows, columns) for each level, each from those of the finer one."""
        means = [codes]
        for block_means in self._coarser:
            blocks = block_means(means[-1].flatten(0, 2).float())
            means.append(blocks.view(-1, 2, 3, *blocks.shape[1:]))
        return means[::-1]


class _Level:
    """The signatures of many frames as block means of one size."""

    def __init__(self, height: int, width: int, side: int, device: torch.device) -> None:
        self._finest = side == TILE
        areas = tile_areas(height, width, device, side)
        self._weights = (areas / (3 * areas.sum())).expand(3, -1, -1).flatten()
        self._step = torch.tensor(STEP, device=device).view(2, 1)
        dtype = torch.uint8 if self._finest else torch.float32
        self.rows = torch.empty(0, 2, self._weights.numel(), dtype=dtype, device=device)

    def put(self, row: int, means: Tensor) -> None:
        """Write *means* of codes (signatures, 2, 3, rows, columns) into the rows from *row* on."""
        if row + len(means) > len(self.rows):
            self.grow(max(row + len(means), len(self.rows) * 5 // 4))
        flat = means.flatten(2)
        self.rows[row : row + len(means)] = flat if self._finest else flat * self._step

    def grow(self, count: int) -> None:
        """Have room for at least *count* rows."""
        if count > len(self.rows):
            rows = self.rows.new_empty(count, *self.rows.shape[1:])
            rows[: len(self.rows)] = self.rows
            self.rows = rows

    def bounds(self, means: Tensor, rows: Tensor | slice) -> Tensor:
        """Per row, a lower bound of the mean of 1 - SSIM; *means* (1, 2, 3, rows, columns) are those of one frame."""
        mine = means[0].flatten(1) * self._step
        theirs = self.rows[rows]
        return torch.cat([self._bound(part, mine) for part in torch.split(theirs, max(1, 2**18 // mine.numel()))])

    def _bound(self, theirs: Tensor, mine: Tensor) -> Tensor:
        if self._finest:
            theirs = theirs.float() * self._step
        return deficit_bounds(theirs, mine) @ self._weights


def _averages(pixels: int, fine: int, side: int) -> Tensor:
    """(blocks, tiles): the matrix that takes *fine* tiles along *pixels* to means over *side*, weighed by area."""
    areas = tile_areas(pixels, TAPS, torch.device("cpu"), fine).flatten()
    blocks = torch.arange(len(areas)) // (side // fine)
    weights = areas * (blocks == torch.arange(int(blocks[-1]) + 1)[:, None])
    return weights / weights.sum(1, keepdim=True)
