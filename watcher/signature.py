"""The numbers that bound SSIM from below: a few per tile, computed once per frame."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from watcher.tiles import SIDE, Squares, gaussian_means, pixel_values, pooled, tile_grid

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
"""SSIM's constants for values of 0 to 255."""

TILE = 16
"""Side in SSIM map positions of the tiles that a signature describes."""
FORMAT = 1
_HEAD = struct.Struct("<BBHH")

# All values that a and b can have: variances of 0 to 127.5^2, means of 0 to 255.
A_LOW, A_HIGH = 0.5 * math.log(C2 / 2), 0.5 * math.log(127.5**2 + C2 / 2)
B_LOW, B_HIGH = 0.5 * math.log(C1 / 2), 0.5 * math.log(255.0**2 + C1 / 2)
_LOW = (A_LOW, B_LOW)
STEP = ((A_HIGH - A_LOW) / 255, (B_HIGH - B_LOW) / 255)
"""By how much a and b rise from one code to the next."""


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
    # Several batches of units at a time here, where little is done for each.
    for row, column in _batches(chosen, 4 * squares.batch):
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
    logs = _flat_logs(shade)
    at_edge = squares.at_edge(row, column)[:, None]
    for place, channel in _batches(unknown & ~at_edge, squares.batch):
        logs[place, :, channel] = _tile_logs(words[place, channel], None)
    for place, channel in _batches(unknown & at_edge, squares.batch):
        logs[place, :, channel] = _tile_logs(words[place, channel], squares.outside(row[place], column[place]))
    logs[:, :, 1:] = torch.where(like_red[:, None, :, None, None], logs[:, :, :1], logs[:, :, 1:])
    low, step = (torch.tensor(pair, device=row.device).view(2, 1, 1, 1) for pair in (_LOW, STEP))
    return logs.sub_(low).div_(step).round_().clamp_(0, 255).to(torch.uint8)


def _batches(chosen: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The two indices of the true elements of *chosen*, at most *size* at a time."""
    for places in torch.split(chosen.nonzero(), size):
        if len(places):
            first, second = places.T
            yield first, second


def _flat_logs(shade: Tensor) -> Tensor:
    """A and b, (squares, 2, 3, 2, 2), of units of one *shade* (squares, 3)."""
    b = 0.5 * (shade.float().square() + C1 / 2).log()
    both = torch.stack((torch.full_like(b, A_LOW), b), 1)
    return both[:, :, :, None, None].repeat(1, 1, 1, 2, 2)


def _tile_logs(words: Tensor, outside: Tensor | None) -> Tensor:
    """Tile means of a and b, (units, 2, 2, 2), of the pixels *words*, but for positions *outside* (units, 32, 32)."""
    pixels = pixel_values(words)
    values = torch.empty(2, *pixels.shape, device=pixels.device)
    # Around 128 the squares, and with them the rounding of their differences, are a quarter.
    values[1].copy_(pixels).sub_(128)
    torch.mul(values[1], values[1], out=values[0])
    energies = gaussian_means(values)
    square, mean = energies
    square.addcmul_(mean, mean, value=-1).clamp_(min=0).add_(C2 / 2)
    mean.add_(128).square_().add_(C1 / 2)
    if outside is None:
        return _log_sums(energies).mul_(0.5 / TILE**2).transpose(0, 1)
    counts = TILE**2 - pooled(outside.float(), TILE)
    return _log_sums(energies.masked_fill_(outside, 1)).mul_(0.5).div_(counts.clamp(min=1)).transpose(0, 1)


def _log_sums(values: Tensor) -> Tensor:
    """Sums of the logarithms of *values* (2, units, 32, 32) per tile, (2, units, 2, 2); overwrites *values*.

    A sum of logarithms is the logarithm of a product; values are at most 2^16, so that four are in float32's range.
    """
    first, *others = values.view(2, -1, 2, 4, 4 * SIDE).unbind(3)
    product = first.mul_(others[0]).mul_(others[1]).mul_(others[2])
    return product.log().view(2, -1, 2, 4, 2, TILE).sum((3, 5))
