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
_TO_SIGNED = -0x7F7F7F7F7F7F7F80  # flips the highest bit of each of eight pixels
_HALF = SIDE // 2
_PART = SIDE // 4
_BATCH = {"cpu": 128, "cuda": 8192, "mps": 2048}  # units at a time: a CPU's cache holds few, a GPU wants many


def tile_grid(height: int, width: int, tile: int = SIDE) -> tuple[int, int]:
    """Rows and columns of tiles on the SSIM map of a frame of *height* x *width* pixels."""
    return -(-(height - HALO) // tile), -(-(width - HALO) // tile)


def padded_sides(height: int, width: int) -> tuple[int, int]:
    """Height and width of the memory in which a frame of *height* x *width* pixels is cut into squares uncopied."""
    rows, columns = tile_grid(height, width)
    return rows * SIDE + HALO, (columns + 1) * SIDE


def rows_apart(units: Tensor) -> list[int]:
    """The rows of squares in which two frames differ, in ascending order, from the *units* that do."""
    return sorted(set(units[:, 1].tolist()))


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
        self.frame_words = _padded(pixels).view(torch.int64)
        high, line = self.frame_words.shape[1:]
        shape = (3, self.rows, self.columns, SIDE + HALO, _SPAN // _WORD)
        self._cut = self.frame_words.as_strided(shape, (high * line, SIDE * line, SIDE // _WORD, line, 1))

    def unequal(self, other: "Squares") -> Tensor:
        """(3, rows, columns) bool: which units differ from *other*'s, halo included."""
        return _any_in(self.frame_words != other.frame_words)

    def words(self, channel: Tensor | slice, row: Tensor, column: Tensor) -> Tensor:
        """The pixels of the units there and what is right of them, (..., units, 42, 6) int64, eight pixels a word."""
        return self._cut[channel, row, column]

    def flat(self) -> Tensor:
        """(3, rows, columns) bool: which units are of one shade, what is right of them included."""
        words = self.frame_words
        steps = _any_in(words[:, :, 1:] != words[:, :, :-1], SIDE + HALO, _SPAN // _WORD - 1)
        falls = _any_in(words[:, 1:] != words[:, :-1], SIDE + HALO - 1, _SPAN // _WORD)
        corners = words[:, : self.rows * SIDE : SIDE, : self.columns * SIDE // _WORD : SIDE // _WORD]
        return (corners == (corners & 255) * 0x0101010101010101) & ~(steps | falls)

    def shades(self) -> Tensor:
        """(3, rows, columns) uint8: the first pixel of each unit."""
        return self._pixels()[:, : self.rows * SIDE : SIDE, : self.columns * SIDE : SIDE]

    def like_red(self) -> Tensor:
        """(2, rows, columns) bool: which units of green and blue are equal to red's."""
        return ~_any_in(self.frame_words[1:] != self.frame_words[:1])

    def blocks(self, places: Tensor) -> Tensor:
        """The pixels less 128, (42, blocks, 32) int8, of 32 columns at each of *places* (blocks, 3).

        A place is channel, row and column; a column may be one more than the last, which squares of the last overlap.
        """
        high = self.frame_words.shape[1]
        pieces = self.frame_words.view(-1, SIDE // _WORD)  # 32 pixels each
        across = self.columns + 1
        channel, row, column = places.T
        first = (channel * high + row * SIDE) * across + column
        below = torch.arange(SIDE + HALO, device=first.device)[:, None] * across
        cut = pieces.index_select(0, (first + below).flatten())
        return (cut ^ _TO_SIGNED).view(torch.int8).view(SIDE + HALO, len(places), SIDE)

    def _pixels(self) -> Tensor:
        return self.frame_words.view(torch.uint8)

    def edge(self) -> Tensor:
        """(rows, columns) bool: which squares may hold positions beyond the SSIM map."""
        edge = torch.zeros(self.rows, self.columns, dtype=torch.bool, device=self.frame_words.device)
        edge[-1] = edge[:, -1] = True
        return edge

    def at_edge(self, row: Tensor, column: Tensor) -> Tensor:
        """(units,) bool: which units may hold positions beyond the SSIM map."""
        return (row == self.rows - 1) | (column == self.columns - 1)

    def outside(self, row: Tensor, column: Tensor) -> Tensor:
        """(units, 32, 32) bool: which positions of units are beyond the SSIM map."""
        steps = torch.arange(SIDE, device=row.device)
        down = steps >= (self.height - HALO - SIDE * row)[:, None]
        across = steps >= (self.width - HALO - SIDE * column)[:, None]
        return down[:, :, None] | across[:, None, :]


def _padded(pixels: Tensor) -> Tensor:
    """*pixels* (3, height, width) with memory beyond their edges, (3, high, wide); a copy only if there is none.

    What stands there decides no number; but where it differs, squares at the edge are computed for nothing.
    """
    _, height, width = pixels.shape
    high, wide = padded_sides(height, width)
    start, held = pixels.storage_offset(), pixels.untyped_storage().nbytes()
    if pixels.stride() == (high * wide, wide, 1) and start % _WORD == 0 and start + 3 * high * wide <= held:
        return pixels.as_strided((3, high, wide), pixels.stride(), start)
    return pad(pixels, (0, wide - width, 0, high - height))


def _any_in(words: Tensor, high: int = SIDE + HALO, wide: int = _SPAN // _WORD) -> Tensor:
    """(channels, rows, columns) bool: whether any of the first *high* x *wide* words of a unit is true.

    *words* (channels, rows, columns of words) is bool; as numbers, and downwards first, this is fastest.
    """
    down = words.view(torch.uint8).unfold(1, high, SIDE).amax(3)
    return down.unfold(2, wide, SIDE // _WORD).amax(3).bool()


def pixel_values(words: Tensor) -> Tensor:
    """The uint8 pixels (units, 42, 48) of *words*; the last six columns are not the unit's."""
    return words.view(torch.uint8)


def gaussian_means(values: Tensor) -> Tensor:
    """SSIM's Gaussian means (..., 32, 32) of *values* (..., 42, 48) float32: two products with a banded matrix."""
    *lead, high, span = values.shape
    across = torch.matmul(values.view(-1, span), _band(SIDE, span, values.device).T).view(-1, high, SIDE)
    down = _band(SIDE, high, values.device).expand(len(across), -1, -1)
    return torch.bmm(down, across).view(*lead, SIDE, SIDE)


def gaussian_row(values: Tensor) -> Tensor:
    """SSIM's Gaussian means (maps, blocks, 2, 32, 16) of *values* (42, maps, blocks, 32) float32, by halves of blocks.

    Each block has the next one to its right; what the last of each map says means nothing. The two products of
    :func:`gaussian_means`, the second of overlapping views: no pixel is filtered downwards twice, and none is copied;
    and by parts, whose matrix has fewer zeros.
    """
    _, maps, blocks, _ = values.shape
    flat, narrow, band = values.flatten(1), *(_band(part, part + HALO, values.device) for part in (_PART, _HALF))
    line = flat.shape[1]
    down = flat.new_empty(SIDE, line)
    for start in range(0, SIDE, _PART):
        torch.mm(narrow, flat[start : start + _PART + HALO], out=down[start : start + _PART])
    count = line // _HALF
    halves = down.as_strided((count - 1, SIDE, _HALF + HALO), (_HALF, line, 1))
    means = flat.new_empty(count, SIDE, _HALF)
    torch.bmm(halves, band.T.expand(count - 1, -1, -1), out=means[:-1])
    return means.view(maps, blocks, 2, SIDE, _HALF)


@cache
def _band(means: int, samples: int, device: torch.device) -> Tensor:
    """(means, samples): the matrix that filters *samples* >= means + 10; those after that do not count."""
    taps = torch.tensor([math.exp(-((k - TAPS // 2) ** 2) / (2 * 1.5**2)) for k in range(TAPS)], dtype=torch.float32)
    taps /= taps.sum()
    band = torch.zeros(means, samples)
    for row in range(means):
        band[row, row : row + TAPS] = taps
    return band.to(device)
