"""The numbers that bound SSIM from below: a few per tile, computed once per frame."""

import ctypes
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from watcher.judge.tiles import SIDE, Squares, gaussian_row, tile_areas, tile_grid

C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
"""SSIM's constants for values of 0 to 255."""

TILE = 16
"""Side in SSIM map positions of the tiles that a signature describes."""
FORMAT = 2
_HEAD = struct.Struct("<BIHH")
_FEW = 1 / 32
"""Share of the squares that have changed, below which each of them is computed, known without or not."""

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

    def to_bytes(self, digest: int) -> bytes:
        """This signature for the ledger; *digest* is that of the preparation the frame was made with."""
        head = _HEAD.pack(FORMAT, digest, self.height, self.width)
        return head + bytes_of(self.codes)


def bytes_of(values: Tensor) -> bytes:
    """Those of *values*, of any shape, in uint8."""
    values = values.cpu().contiguous()
    # Without NumPy, torch's own ways to bytes go number by number.
    return ctypes.string_at(values.data_ptr(), values.numel())


def can_unpack(data: bytes, digest: int) -> bool:
    """Whether :meth:`Signature.to_bytes` wrote *data*, in this format and for this *digest*."""
    if len(data) < _HEAD.size:
        return False
    version, prepared, height, width = _HEAD.unpack_from(data)
    return (version, prepared) == (FORMAT, digest) and len(data) == _HEAD.size + math.prod(_shape(height, width))


def digest_of(data: bytes) -> int | None:
    """The digest that *data* was written for; None if that is in another format, or damaged."""
    digest: int = _HEAD.unpack_from(data)[1] if len(data) >= _HEAD.size else 0
    return digest if can_unpack(data, digest) else None


def are_alike(one: bytes, other: bytes) -> bool:
    """Whether two stored signatures can be unpacked together: their formats and sizes are the same."""
    return len(one) == len(other) and one[: _HEAD.size] == other[: _HEAD.size]


def unpack(stored: Sequence[bytes], digest: int, device: torch.device) -> tuple[int, int, Tensor] | None:
    """Height and width of the frames, and the codes (frames, 2, 3, rows, columns), of signatures *stored* alike.

    None if they are in another format or for another *digest*.
    """
    if not can_unpack(stored[0], digest):
        return None
    _, _, height, width = _HEAD.unpack_from(stored[0])
    joined = bytearray().join(memoryview(data)[_HEAD.size :] for data in stored)
    codes = torch.frombuffer(joined, dtype=torch.uint8)
    return height, width, codes.view(-1, *_shape(height, width)).to(device)


def _shape(height: int, width: int) -> tuple[int, ...]:
    return 2, 3, *tile_grid(height, width, TILE)


def compute(pixels: Tensor, like: tuple[Tensor, Signature] | None = None) -> Signature:
    """The signature of a frame's *pixels* (3, height, width) uint8.

    Where the frame is equal to another, *like*, the numbers are the same and are taken over; where it is of one shade
    they are known, and where a channel is equal to red they are red's.
    """
    squares = Squares(pixels)
    rows, columns = tile_grid(squares.height, squares.width, TILE)
    changed = torch.ones(squares.rows, squares.columns, dtype=torch.bool, device=pixels.device)
    if like is not None:
        changed = squares.unequal(Squares(like[0])).any(0)
    logs = _logs(squares, changed)
    low, step = (torch.tensor(pair, device=pixels.device).view(2, 1, 1, 1) for pair in (_LOW, STEP))
    codes = logs.sub_(low).div_(step).round_().clamp_(0, 255).to(torch.uint8)[:, :, :rows, :columns]
    if like is not None:
        codes = torch.where(_by_tile(changed)[:rows, :columns], codes, like[1].codes)
    return Signature(squares.height, squares.width, codes.contiguous())


def _logs(squares: Squares, changed: Tensor) -> Tensor:
    """Tile means of a and b, (2, 3, 2 * rows, 2 * columns), right where *changed* (rows, columns) is true."""
    if changed.count_nonzero() < _FEW * changed.numel():
        logs = torch.zeros(2, 3, 2 * squares.rows, 2 * squares.columns, device=changed.device)
        _fill_in(logs, squares, changed.expand(3, -1, -1))
        return logs
    like_red = squares.like_red()
    unknown = changed & ~squares.flat()
    unknown[1:] &= ~like_red
    logs = _flat_logs(squares.shades())
    _fill_in(logs, squares, unknown)
    logs[:, 1:] = torch.where(_by_tile(like_red), logs[:, :1], logs[:, 1:])
    return logs


def _by_tile(units: Tensor) -> Tensor:
    """The values of *units* (..., rows, columns), repeated for each of their tiles (..., 2 * rows, 2 * columns)."""
    return units.repeat_interleave(SIDE // TILE, -1).repeat_interleave(SIDE // TILE, -2)


def _flat_logs(shades: Tensor) -> Tensor:
    """A and b, (2, 3, 2 * rows, 2 * columns), of the tiles of units of one shade each, *shades* (3, rows, columns)."""
    b = _by_tile(0.5 * (shades.float().square() + C1 / 2).log())
    return torch.stack((torch.full_like(b, A_LOW), b))


def _fill_in(logs: Tensor, squares: Squares, unknown: Tensor) -> None:
    """Write tile means of a and b into *logs* (2, 3, 2 * rows, 2 * columns) for the *unknown* (3, rows, columns)."""
    areas = torch.ones(logs.shape[2:], device=logs.device)
    within = tile_areas(squares.height, squares.width, logs.device, TILE)
    areas[: within.shape[0], : within.shape[1]] = within
    by_unit = _by_unit(logs).permute(1, 2, 3, 0, 4, 5)
    areas_by_unit = _by_unit(areas).expand(3, -1, -1, -1, -1)
    edge = squares.edge()
    for at_edge in (False, True):
        units = unknown & (edge == at_edge)
        by_unit[units] = _log_sums(squares, units, at_edge) * 0.5 / areas_by_unit[units][:, None]


def _by_unit(tiles: Tensor) -> Tensor:
    """*tiles* (..., 2 * rows, 2 * columns) as (..., rows, columns, 2, 2)."""
    *lead, rows, columns = tiles.shape
    return tiles.view(*lead, rows // 2, 2, columns // 2, 2).transpose(-3, -2)


def _log_sums(squares: Squares, units: Tensor, at_edge: bool) -> Tensor:
    """Sums of the logarithms of v + C2/2 and m^2 + C1/2 over the tiles of *units*, (those units, 2, 2, 2).

    Pixels are taken by blocks, each with its right neighbour, which it overlaps; so units side by side share them.
    """
    alone = pad(units, (0, 1))
    shared = alone | alone.roll(1, 2)
    blocks = shared.nonzero()
    parts = [torch.empty(0, 2, 2, 2, device=units.device)]
    for first in range(0, len(blocks) - 1, squares.batch):
        part = blocks[first : first + squares.batch + 1]
        # Few lengths: some devices prepare a program for each.
        places = torch.cat((part, part[:1].expand(-len(part) % (squares.batch // 8), -1)))
        energies = _energies(squares, places)
        if at_edge:
            outside = squares.outside(*places.T[1:])
            energies.masked_fill_(outside.view(-1, SIDE, 2, SIDE // 2).transpose(1, 2), 1)
        parts.append(_sums(energies)[: len(part) - 1])
    return torch.cat(parts)[alone[shared][:-1]]


def _energies(squares: Squares, places: Tensor) -> Tensor:
    """V + C2/2 and m^2 + C1/2, (2, blocks, 2, 32, 16), in the blocks at *places* (blocks, 3)."""
    pixels = squares.blocks(places)
    values = torch.empty(len(pixels), 2, *pixels.shape[1:], device=pixels.device)
    # Around 128 the squares, and with them the rounding of their differences, are a quarter.
    values[:, 1].copy_(pixels)
    torch.mul(values[:, 1], values[:, 1], out=values[:, 0])
    energies = gaussian_row(values)
    square, mean = energies
    # Rounding makes of no variance 0.01 at most, up or down, which C2/2 = 29.3 bears.
    square.addcmul_(mean, mean, value=-1).add_(C2 / 2)
    mean.add_(128).square_().add_(C1 / 2)
    return energies


def _sums(values: Tensor) -> Tensor:
    """Sums of the logarithms of *values* (2, blocks, 2, 32, 16) per tile, (blocks, 2, 2, 2); overwrites *values*.

    A sum of logarithms is the logarithm of a product; eight values below 2^15.99 are in float32's range.
    """
    products = values.view(2, -1, 2, 2, TILE * TILE)
    for _ in range(3):
        half = products.shape[-1] // 2
        products = products[..., :half].mul_(products[..., half:])
    return products.log().sum(-1).permute(1, 0, 3, 2)
