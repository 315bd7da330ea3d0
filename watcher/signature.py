"""The numbers that bound SSIM from below: a few per tile, computed once per frame."""

import math
import struct
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from watcher.tiles import SIDE, Squares, gaussian_means, pixel_values, pooled, tile_areas, tile_grid

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
"""SSIM's constants for values of 0 to 255."""

TILE = 16
"""Side in SSIM map positions of the tiles that a signature describes."""
LEVELS = (16, 4, 1)
"""Sides, in tiles, of the blocks that are bounded together: 256, 64 and 16 positions, coarsest first."""

FORMAT = 1
_HEAD = struct.Struct("<BBHH")

_A_LOW, _A_HIGH = 0.5 * math.log(C2 / 2), 0.5 * math.log(127.5**2 + C2 / 2)
_B_LOW, _B_HIGH = 0.5 * math.log(C1 / 2), 0.5 * math.log(255.0**2 + C1 / 2)
_LOW = (_A_LOW, _B_LOW)
_STEP = ((_A_HIGH - _A_LOW) / 255, (_B_HIGH - _B_LOW) / 255)
_ROUNDING = math.hypot(*_STEP) + 1e-3
"""How far r of two signatures may be from the truth: half a step each and in either number; 1e-3 covers float32."""

_REACH = math.hypot(_A_HIGH - _A_LOW, _B_HIGH - _B_LOW)
_KNEE = 0.177
_SLOPE = min(
    (1 - 1 / math.cosh(_REACH)) / (_REACH - _KNEE / 2),
    2 * (1 - 1 / math.cosh(_KNEE)) / _KNEE,
    math.tanh(_KNEE) / math.cosh(_KNEE),
)


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """Tile means of a = 1/2 ln(v + C2/2) and b = 1/2 ln(m^2 + C1/2), m and v the Gaussian mean and variance."""

    height: int
    width: int
    """Of the frame, in pixels."""
    codes: Tensor
    """(2, 3, rows, columns) uint8: a and b of each channel and tile, rounded linearly over all values they can have."""

    def to_bytes(self, reduce: int) -> bytes:
        """This signature for the ledger; *reduce* is that of the policy the frame was made with."""
        head = _HEAD.pack(FORMAT, reduce, self.height, self.width)
        return head + bytes(self.codes.flatten().tolist())

    @classmethod
    def from_bytes(cls, data: bytes, reduce: int, device: torch.device) -> Self | None:
        """The signature that :meth:`to_bytes` wrote; None if it was in another format or for another *reduce*."""
        if len(data) < _HEAD.size or _HEAD.unpack_from(data)[:2] != (FORMAT, reduce):
            return None
        _, _, height, width = _HEAD.unpack_from(data)
        shape = (2, 3, *tile_grid(height, width, TILE))
        if len(data) != _HEAD.size + math.prod(shape):
            return None
        codes = torch.frombuffer(bytearray(data[_HEAD.size :]), dtype=torch.uint8)
        return cls(height, width, codes.view(shape).to(device))


def compute(pixels: Tensor, like: tuple[Tensor, Signature] | None = None) -> Signature:
    """The signature of a frame's *pixels* (3, height, width) uint8.

    Where the frame is equal to another, *like*, the numbers are the same and are taken over; where it is of one shade
    they are known, and where a channel is equal to red they are red's.
    """
    squares = Squares(pixels)
    rows, columns = tile_grid(squares.height, squares.width, TILE)
    codes = torch.zeros(2, 3, 2 * squares.rows, 2 * squares.columns, dtype=torch.uint8, device=pixels.device)
    if like is None:
        chosen = torch.ones(squares.rows, squares.columns, dtype=torch.bool, device=pixels.device)
    else:
        codes[:, :, :rows, :columns] = like[1].codes
        chosen = squares.unequal(Squares(like[0])).any(0)
    by_square = codes.view(2, 3, squares.rows, 2, squares.columns, 2)
    for row, column in squares.batches(chosen):
        by_square[:, :, row, :, column] = _square_codes(squares, row, column)
    return Signature(squares.height, squares.width, codes[:, :, :rows, :columns].contiguous())


def _square_codes(squares: Squares, row: Tensor, column: Tensor) -> Tensor:
    """The codes (squares, 2, 3, 2, 2) of the four tiles of each square at *row*, *column* (squares,)."""
    words = squares.words(slice(None), row, column).transpose(0, 1)
    shade = words[:, :, 0, 0] & 255
    flat = (words == (shade * 0x0101010101010101)[:, :, None, None]).flatten(2).all(2)
    like_red = (words[:, 1:] == words[:, :1]).flatten(2).all(2)
    unknown = ~flat
    unknown[:, 1:] &= ~like_red
    place, channel = unknown.nonzero().T
    logs = _flat_logs(shade)
    logs[place, :, channel] = _mean_logs(squares, words[place, channel], row[place], column[place])
    logs[:, :, 1:] = torch.where(like_red[:, None, :, None, None], logs[:, :, :1], logs[:, :, 1:])
    low, step = (torch.tensor(pair, device=row.device).view(2, 1, 1, 1) for pair in (_LOW, _STEP))
    return logs.sub_(low).div_(step).round_().clamp_(0, 255).to(torch.uint8)


def _flat_logs(shade: Tensor) -> Tensor:
    """A and b, (squares, 2, 3, 2, 2), of units of one *shade* (squares, 3)."""
    b = 0.5 * (shade.float().square() + C1 / 2).log()
    both = torch.stack((torch.full_like(b, _A_LOW), b), 1)
    return both[:, :, :, None, None].repeat(1, 1, 1, 2, 2)


def _mean_logs(squares: Squares, words: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Tile means of a and b, (units, 2, 2, 2), of the units of pixels *words* at *row*, *column* (units,)."""
    pixels = pixel_values(words)
    values = torch.empty(2, *pixels.shape, device=pixels.device)
    # Around 128 the squares, and with them the rounding of their differences, are a quarter.
    values[0].copy_(pixels).sub_(128)
    torch.mul(values[0], values[0], out=values[1])
    mean, square = gaussian_means(values)
    variance = square.addcmul_(mean, mean, value=-1).clamp_(min=0)
    energies = torch.stack((variance.add_(C2 / 2), mean.add_(128).square_().add_(C1 / 2)))
    if (outside := squares.outside(row, column)) is None:
        return _log_sums(energies).mul_(0.5 / TILE**2).transpose(0, 1)
    counts = TILE**2 - pooled(outside.float(), TILE)
    return _log_sums(energies.masked_fill_(outside, 1)).mul_(0.5).div_(counts.clamp(min=1)).transpose(0, 1)


def _log_sums(values: Tensor) -> Tensor:
    """Sums of the logarithms of *values* (2, units, 32, 32) per tile, (2, units, 2, 2).

    A sum of logarithms is the logarithm of a product; values are at most 2^16, so that four are in float32's range.
    """
    quarters = values.view(2, -1, 2, 4, 4 * SIDE)
    products = quarters[:, :, :, 0] * quarters[:, :, :, 1] * quarters[:, :, :, 2] * quarters[:, :, :, 3]
    return products.log_().view(2, -1, 2, 4, 2, TILE).sum((3, 5))


def huber(r: Tensor) -> Tensor:
    """A convex function below phi(r) = 1 - sech(r) for all r two frames can have; overwrites *r*.

    A parabola up to the knee: phi(r) / r^2 falls, and at the knee the parabola is not above phi. Then its tangent: phi
    is convex as far as arcosh(sqrt 2) and at the knee neither lower nor less steep than the line; from there on it is
    concave, and at the largest r not lower than the line, so that it never crosses it again.
    """
    bent = r.clamp(max=_KNEE)
    return r.sub_(bent, alpha=0.5).mul_(bent).mul_(_SLOPE / _KNEE)


class Stack:
    """The signatures of a window's frames, one row each, batched per level so that all are bounded at once."""

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self._shape = (height, width)
        self._levels = [_Level(height, width, side, device) for side in LEVELS]
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, signature: Signature) -> None:
        """Add a row at the end."""
        for level in self._levels:
            level.put(self._length, signature.codes)
        self._length += 1

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
        bounds = self._levels[0].bounds(signature.codes, slice(self._length))
        for level in self._levels[1:]:
            open_rows = (bounds < enough).nonzero().flatten()
            if not len(open_rows):
                break
            bounds[open_rows] = torch.maximum(bounds[open_rows], level.bounds(signature.codes, open_rows))
        return bounds.tolist()


class _Level:
    """The signatures of many frames as block means of one size."""

    def __init__(self, height: int, width: int, side: int, device: torch.device) -> None:
        self._side = side
        self._areas = tile_areas(height, width, device, TILE)
        areas = pooled(self._areas, side)
        self._block_areas = areas
        self._weights = (areas / (3 * areas.sum())).expand(3, -1, -1).flatten()
        self._finest = side == 1
        dtype = torch.uint8 if self._finest else torch.float32
        self.rows = torch.empty(0, 2, self._weights.numel(), dtype=dtype, device=device)

    def put(self, row: int, codes: Tensor) -> None:
        if row == len(self.rows):
            more = torch.empty(max(16, row), *self.rows.shape[1:], dtype=self.rows.dtype, device=self.rows.device)
            self.rows = torch.cat((self.rows, more))
        self.rows[row] = codes.flatten(1) if self._finest else self._means(codes)

    def _means(self, codes: Tensor) -> Tensor:
        means = codes.float() if self._finest else pooled(codes * self._areas, self._side) / self._block_areas
        step = torch.tensor(_STEP, device=codes.device).view(2, 1)
        return means.flatten(1) * step

    def bounds(self, codes: Tensor, rows: Tensor | slice) -> Tensor:
        mine = self._means(codes)
        theirs = self.rows[rows]
        return torch.cat([self._bound(part, mine) for part in torch.split(theirs, max(1, 2**18 // mine.numel()))])

    def _bound(self, theirs: Tensor, mine: Tensor) -> Tensor:
        if self._finest:
            theirs = theirs.float() * torch.tensor(_STEP, device=mine.device).view(2, 1)
        return huber(distances(theirs, mine)) @ self._weights


def distances(theirs: Tensor, mine: Tensor) -> Tensor:
    """r, less all that rounding can have added to it, of dequantised (..., 2, tiles) signatures."""
    a, b = (theirs - mine).unbind(-2)
    return torch.hypot(a, b).sub_(_ROUNDING).clamp_(min=0)


def tile_deficits(one: Signature, other: Signature) -> Tensor:
    """(3, rows, columns): a proven lower bound of the sum of 1 - SSIM over each tile and channel."""
    step = torch.tensor(_STEP, device=one.codes.device).view(2, 1)
    r = distances(one.codes.flatten(1) * step, other.codes.flatten(1) * step)
    areas = tile_areas(one.height, one.width, one.codes.device, TILE)
    return huber(r).view(one.codes.shape[1:]) * areas
