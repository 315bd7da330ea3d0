"""Frames cut into squares, and the Gaussian filter of SSIM on them."""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

TAPS = 11
"""Width of SSIM's Gaussian window (sigma 1.5)."""
HALO = TAPS - 1
"""How many pixels the SSIM map is smaller than the frame, in either direction."""
SIDE = 32
"""Side in SSIM map positions of the squares that are computed or skipped as a whole."""

_WORD = 8  # pixels are compared and gathered as 64-bit words
_SPAN = -(-(SIDE + HALO) // _WORD) * _WORD
_BATCH = {"cpu": 128, "cuda": 8192, "mps": 2048}  # units at a time: a CPU's cache holds few, a GPU wants many


def tile_grid(height: int, width: int, tile: int = SIDE) -> tuple[int, int]:
    """Rows and columns of tiles on the SSIM map of a frame of *height* x *width* pixels."""
    return -(-(height - HALO) // tile), -(-(width - HALO) // tile)


def tile_areas(height: int, width: int, device: torch.device, tile: int = SIDE) -> Tensor:
    """(rows, columns) float32: how many map positions each tile has; fewer at the right and bottom edge."""
    sides = []
    for side, count in zip((height - HALO, width - HALO), tile_grid(height, width, tile), strict=True):
        sides.append((side - tile * torch.arange(count)).clamp(max=tile).float())
    return torch.outer(*sides).to(device)


def pooled(values: Tensor, side: int) -> Tensor:
    """Sums of *values* (..., rows, columns) over blocks of *side* x *side*, smaller ones at the edges."""
    *lead, rows, columns = values.shape
    padded = pad(values, (0, -columns % side, 0, -rows % side))
    return padded.view(*lead, padded.shape[-2] // side, side, padded.shape[-1] // side, side).sum((-3, -1))


class Squares:
    """A frame as squares of the SSIM map, each with the 10 px halo its values depend on.

    A *unit* is one channel of one square: a row (channel, row, column) of an int64 tensor.
    """

    def __init__(self, pixels: Tensor) -> None:
        """Cut *pixels* (3, height, width) uint8."""
        _, self.height, self.width = pixels.shape
        self.rows, self.columns = tile_grid(self.height, self.width)
        self.batch = _BATCH.get(pixels.device.type, _BATCH["cpu"])
        high, wide = self.rows * SIDE + HALO, self.columns * SIDE + _SPAN - SIDE
        self.frame_words = pad(pixels, (0, wide - self.width, 0, high - self.height)).view(torch.int64)
        line = wide // _WORD
        shape = (3, self.rows, self.columns, SIDE + HALO, _SPAN // _WORD)
        self._cut = self.frame_words.as_strided(shape, (high * line, SIDE * line, SIDE // _WORD, line, 1))

    def unequal(self, other: "Squares") -> Tensor:
        """(3, rows, columns) bool: which units differ from *other*'s, halo included."""
        words = self.frame_words != other.frame_words
        across = words.unfold(2, _SPAN // _WORD, SIDE // _WORD).any(3)
        return across.unfold(1, SIDE + HALO, SIDE).any(3)

    def words(self, channel: Tensor | slice, row: Tensor, column: Tensor) -> Tensor:
        """The pixels of the units there and what is right of them, (..., units, 42, 6) int64, eight pixels a word."""
        return self._cut[channel, row, column]

    def at_edge(self, row: Tensor, column: Tensor) -> Tensor:
        """(units,) bool: which units may hold positions beyond the SSIM map."""
        return (row == self.rows - 1) | (column == self.columns - 1)

    def outside(self, row: Tensor, column: Tensor) -> Tensor:
        """(units, 32, 32) bool: which positions of units are beyond the SSIM map."""
        steps = torch.arange(SIDE, device=row.device)
        down = steps >= (self.height - HALO - SIDE * row)[:, None]
        across = steps >= (self.width - HALO - SIDE * column)[:, None]
        return down[:, :, None] | across[:, None, :]


def pixel_values(words: Tensor) -> Tensor:
    """The uint8 pixels (units, 42, 48) of *words*; the last six columns are not the unit's."""
    return words.view(torch.uint8)


def gaussian_means(values: Tensor) -> Tensor:
    """SSIM's Gaussian means (..., 32, 32) of *values* (..., 42, 48) float32: two products with a banded matrix."""
    *lead, high, span = values.shape
    across = torch.matmul(values.view(-1, span), _band(span, values.device).T.contiguous()).view(-1, high, SIDE)
    down = _band(high, values.device).expand(len(across), -1, -1)
    return torch.bmm(down, across).view(*lead, SIDE, SIDE)


@cache
def _band(samples: int, device: torch.device) -> Tensor:
    """(32, samples): the matrix that filters *samples* >= 42 to 32; those after the 42nd do not count."""
    taps = torch.tensor([math.exp(-((k - TAPS // 2) ** 2) / (2 * 1.5**2)) for k in range(TAPS)], dtype=torch.float32)
    taps /= taps.sum()
    band = torch.zeros(SIDE, samples)
    for row in range(SIDE):
        band[row, row : row + TAPS] = taps
    return band.to(device)
