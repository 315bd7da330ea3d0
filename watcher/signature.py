"""The numbers that bound SSIM from below: a few per tile, computed once per frame."""

import math
import struct
from dataclasses import dataclass
from functools import cache
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
"""SSIM's constants for values of 0 to 255."""
TAPS = 11
"""Width of SSIM's Gaussian window (sigma 1.5); the SSIM map is this less 1 smaller than the frame."""
HALO = TAPS - 1

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


@cache
def gaussian_band(size: int, taps_from: int, device: torch.device) -> Tensor:
    """The matrix (size, taps_from) that filters *taps_from* >= size + 10 samples to *size* by SSIM's Gaussian."""
    taps = torch.tensor([math.exp(-((k - TAPS // 2) ** 2) / (2 * 1.5**2)) for k in range(TAPS)], dtype=torch.float32)
    taps /= taps.sum()
    band = torch.zeros(size, taps_from)
    for row in range(size):
        band[row, row : row + TAPS] = taps
    return band.to(device)


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
        shape = (2, 3, *tile_grid(height, width))
        if len(data) != _HEAD.size + math.prod(shape):
            return None
        codes = torch.frombuffer(bytearray(data[_HEAD.size :]), dtype=torch.uint8)
        return cls(height, width, codes.view(shape).to(device))


def tile_grid(height: int, width: int, tile: int = TILE) -> tuple[int, int]:
    """Rows and columns of tiles on the SSIM map of a frame of *height* x *width* pixels."""
    return -(-(height - HALO) // tile), -(-(width - HALO) // tile)


def tile_areas(height: int, width: int, device: torch.device, tile: int = TILE) -> Tensor:
    """(rows, columns) float32: how many map positions each tile has; fewer at the right and bottom edge."""
    sides = []
    for side, count in zip((height - HALO, width - HALO), tile_grid(height, width, tile), strict=True):
        sides.append((side - tile * torch.arange(count)).clamp(max=tile).float())
    return torch.outer(*sides).to(device)


def compute(pixels: Tensor) -> Signature:
    """The signature of a frame's *pixels* (3, height, width) uint8.

    m and E[x^2] are two products with a banded matrix, one strip of tiles at a time so that all of it stays in cache;
    a mean of logarithms over eight rows is one logarithm of a product.
    """
    height, width = pixels.shape[1:]
    rows, columns = tile_grid(height, width)
    sums = torch.stack([_strip(pixels, row, columns) for row in range(rows)], 2)
    means = sums / tile_areas(height, width, pixels.device)
    low = torch.tensor(_LOW, device=pixels.device).view(2, 1, 1, 1)
    step = torch.tensor(_STEP, device=pixels.device).view(2, 1, 1, 1)
    codes = ((means - low) / step).round_().clamp_(0, 255).to(torch.uint8)
    return Signature(height, width, codes)


def _strip(pixels: Tensor, row: int, columns: int) -> Tensor:
    """Sums of a and b, (2, 3, columns), over the tiles of one row."""
    _, height, width = pixels.shape
    top = row * TILE
    inner = min(TILE, height - HALO - top)
    # Around 128 the squares, and with them the rounding of their differences, are a quarter.
    centred = pad(pixels[:, top : top + TILE + HALO].float().sub_(128), (0, columns * TILE + HALO - width))
    down = gaussian_band(inner, inner + HALO, pixels.device)
    filtered = torch.matmul(down, torch.stack((centred, centred * centred)))
    span = columns * TILE + HALO
    windows = filtered.as_strided((columns, 6 * inner, TILE + HALO), (TILE, span, 1))
    across = gaussian_band(TILE, TILE + HALO, pixels.device).T
    mean, square = torch.matmul(windows, across).view(columns, 2, 3, inner, TILE).unbind(1)
    variance = torch.addcmul(square, mean, mean, value=-1).clamp_(min=0)
    mean = mean + 128
    return torch.stack((_log_sums(variance + C2 / 2, width), _log_sums(mean * mean + C1 / 2, width)))


def _log_sums(values: Tensor, width: int) -> Tensor:
    """Half the sums (3, columns) of the logarithms of *values* (columns, 3, rows <= TILE, TILE) inside the SSIM map."""
    columns = values.shape[0]
    valid = width - HALO - (columns - 1) * TILE
    if valid < TILE:
        values[-1, :, :, valid:] = 1
    # Values lie in [3, 2^16]: over 2^8 the product of eight is in float32's range.
    scaled = pad(values * 2.0**-8, (0, 0, 0, -values.shape[2] % 8), value=1.0)
    product = scaled[:, :, 0::8]
    for k in range(1, 8):
        product = product * scaled[:, :, k::8]
    counted = values.shape[2] * TILE * 8 * math.log(2)
    return 0.5 * (product.log().sum((2, 3)) + counted).T


def huber(r: Tensor) -> Tensor:
    """A convex function below phi(r) = 1 - sech(r) for all r two frames can have; overwrites *r*.

    A parabola up to the knee: phi(r) / r^2 falls, and at the knee the parabola is not above phi. Then its tangent: phi
    is convex as far as arcosh(sqrt 2) and at the knee neither lower nor less steep than the line, from there on concave,
    and at the largest r not lower than the line, so that it never crosses it again.
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
        return Signature(height, width, self._levels[-1].rows[row].view(2, 3, *tile_grid(height, width)))

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
        self._areas = tile_areas(height, width, device)
        areas = _blocks(self._areas, side)
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
        means = codes.float() if self._finest else _blocks(codes * self._areas, self._side) / self._block_areas
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
    areas = tile_areas(one.height, one.width, one.codes.device)
    return huber(r).view(one.codes.shape[1:]) * areas


def _blocks(values: Tensor, side: int) -> Tensor:
    """Sums of *values* (..., rows, columns) over blocks of *side* x *side*, smaller ones at the edges."""
    *lead, rows, columns = values.shape
    padded = pad(values, (0, -columns % side, 0, -rows % side))
    return padded.view(*lead, padded.shape[-2] // side, side, padded.shape[-1] // side, side).sum((-3, -1))
