"""How far apart screens are, by a few hundred numbers each: their signatures, averaged over large blocks.

The distance of two screens x, y of one size, with a and b of :mod:`watcher.judge.signature` averaged over blocks, is

    d(x, y)^2 = mean over blocks and channels of BOTH(hypot(ax - ay, bx - by))

with BOTH of :mod:`watcher.judge.bounds`; apart from the rounding of signatures that is a lower bound of 1 - SSIM, so
screens at distance d have an SSIM of at most 1 - d^2. And d is a metric: the root of a parabola that goes on as its
tangent is a straight line that goes on concave, which makes one distance of another; and the root of the mean of
squared distances is one. (Brunet, Vrscay and Wang, On the mathematical properties of the structural similarity index,
2012, find the same of the roots of 1 less each factor of SSIM.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from watcher.judge.bounds import BOTH, BlockMeans, SignatureStack
from watcher.judge.signature import STEP, TILE, Signature, digest_of, unpack
from watcher.judge.tiles import pooled, tile_areas, tile_grid

_BLOCKS = 8
"""There are so many blocks, to twice as many, along a screen's longer side: what scrolls stays in its block."""
_COARSE = 4
"""Blocks, either way, in a coarse one."""
_FLOAT32 = 1e-4
"""More than rounding can be wrong by in a distance."""
_ROWS_AT_ONCE = 512
_PLANES_AT_ONCE = 96
"""More than these at a time leave a CPU's cache."""


def block_side(height: int, width: int) -> int:
    """Side in map positions of the blocks of frames of *height* x *width* pixels: tiles, doubled some times."""
    tiles = max(tile_grid(height, width, TILE))
    return TILE << max(0, int(math.log2(tiles / _BLOCKS)))


class Averaging:
    """Takes signatures of one frame size to means over blocks."""

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self._blocks = BlockMeans((height, width), TILE, block_side(height, width), device)

    def __call__(self, codes: Tensor) -> Tensor:
        """(screens, 2, 3, rows, columns) float32 of blocks, from signatures' *codes* of that form, in uint8."""
        blocks = torch.cat([self._blocks(part.float()) for part in torch.split(codes.flatten(0, 2), _PLANES_AT_ONCE)])
        return blocks.view(-1, 2, 3, *blocks.shape[1:]) * _step(codes.device).view(2, 1, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Screens:
    """Screens of one frame size, one row each, between which there are distances from 0 to 1."""

    means: Tensor
    """(screens, 2, 3, rows, columns) float32: a and b less their lowest values, as :class:`Averaging` makes them."""
    areas: Tensor
    """(rows, columns) float32: how many map positions each block has."""

    coarse: "Screens | None" = None
    """The same, by means over larger blocks: no two screens are further apart there (Jensen, BOTH is convex)."""

    @classmethod
    def of(cls, means: Tensor, height: int, width: int) -> "Screens":
        """The screens with these *means*, of frames of *height* x *width* pixels."""
        areas = tile_areas(height, width, means.device, block_side(height, width))
        coarse_areas = pooled(areas, _COARSE)
        coarse = [pooled(part * areas, _COARSE) / coarse_areas for part in torch.split(means, _ROWS_AT_ONCE)]
        return cls(means, areas, cls(torch.cat(coarse), coarse_areas))

    def __len__(self) -> int:
        return len(self.means)

    def distances(self, row: int, rows: Tensor, within: Tensor | None = None) -> Tensor:
        """(rows,) on the CPU: how far screens *rows* are from *row*, by the blocks *within* (rows, columns) alone.

        *rows* are int64 numbers; *within* is bool, and true somewhere; None is every block.
        """
        areas = self.areas if within is None else self.areas * within
        weights = (areas / (3 * areas.sum())).expand(3, -1, -1).flatten()
        flat = self.means.flatten(2)
        parts = [_deficits(flat[part] - flat[row]) @ weights for part in _parts(rows)]
        return torch.cat(parts).clamp_(min=0).sqrt_().cpu()

    def distances_below(self, row: int, rows: Tensor, below: Tensor) -> Tensor:
        """As :meth:`distances`; where that is not *below* (rows,), some number that is not either."""
        if self.coarse is None:
            return self.distances(row, rows)
        found = self.coarse.distances(row, rows).sub_(_FLOAT32)
        hopeful = (found < below).nonzero().flatten()
        if len(hopeful):
            found[hopeful] = self.distances(row, rows[hopeful])
        return found

    def nearest(self, row: int, count: int) -> list[int]:
        """The *count* screens nearest to *row*, without it: nearest first, of those as near the lowest number."""
        order = self.distances(row, torch.arange(len(self))).sort(stable=True).indices.tolist()
        return [other for other in order if other != row][:count]

    def black_shares(self) -> list[float]:
        """By row, the share of the screen that is in blocks that are black all over."""
        shares: list[float] = ((_black(self.means) * self.areas).sum((1, 2)) / self.areas.sum()).tolist()
        return shares

    def distances_beside_black(self, row: int, rows: Sequence[int]) -> list[float] | None:
        """How far *rows* are from screen *row*, by those of its blocks that neither are black nor touch black ones.

        None if there is no such block.
        """
        beside = ~grown(_black(self.means[row : row + 1])[0])
        if not beside.any():
            return None
        distances: list[float] = self.distances(row, torch.tensor(rows, dtype=torch.int64), beside).tolist()
        return distances


class ScreensBuilder:
    """Makes :class:`Screens` of stored signatures, which are given some at a time, for a year's are large."""

    def __init__(self, height: int, width: int, digest: int, device: torch.device) -> None:
        """Begin with none.

        Args:
            height: of the frames, in pixels.
            width: of the frames, in pixels.
            digest: of the preparation of the frames.
            device: where distances are computed.
        """
        self._height, self._width, self._digest, self._device = height, width, digest, device
        self._averaging = Averaging(height, width, device)
        self._means: list[Tensor] = []

    def add(self, stored: Sequence[bytes]) -> None:
        """Add signatures as :meth:`watcher.judge.signature.Signature.to_bytes` wrote them.

        Raises:
            ValueError: they are in another format, or of another preparation.
        """
        unpacked = unpack(stored, self._digest, self._device)
        if unpacked is None:
            raise ValueError("signatures of another format or preparation")
        self._means.append(self._averaging(unpacked[2]))

    def build(self, order: Sequence[int]) -> Screens:
        """The screens in this *order* of the signatures that were added; the builder is empty afterwards."""
        means = torch.cat(self._means)
        self._means.clear()  # not needed twice
        return Screens.of(means[torch.tensor(order, device=self._device)], self._height, self._width)


def by_bounds(own: bytes, others: Sequence[bytes]) -> list[int]:
    """The places of the *others* by the bounds of their SSIM with *own*, highest first; all are stored signatures.

    Raises:
        ValueError: they are in another format, or of another preparation or size.
    """
    digest = digest_of(own)
    unpacked = None if digest is None else unpack([own, *others], digest, torch.device("cpu"))
    if unpacked is None:
        raise ValueError("signatures of another format")
    height, width, codes = unpacked
    stack = SignatureStack(height, width, codes.device)
    stack.extend(codes[1:])
    bounds = stack.deficits(Signature(height, width, codes[0]), enough=2)
    return sorted(range(len(others)), key=bounds.__getitem__)


def _parts(rows: Tensor) -> list[Tensor]:
    return [rows[first : first + _ROWS_AT_ONCE] for first in range(0, max(1, len(rows)), _ROWS_AT_ONCE)]


def _step(device: torch.device) -> Tensor:
    return torch.tensor(STEP, device=device)


def _deficits(differences: Tensor) -> Tensor:
    """(..., values), from *differences* (..., 2, values) of a and b."""
    a, b = differences.unbind(-2)
    return BOTH(torch.addcmul(a * a, b, b).sqrt_())


def _black(means: Tensor) -> Tensor:
    """(screens, rows, columns) bool: which blocks of screens with these *means* are black all over."""
    step = _step(means.device).view(2, 1, 1, 1)
    return (means < step / 2).flatten(1, 2).all(1)


def grown(places: Tensor) -> Tensor:
    """*places* (rows, columns) bool, and all that touch them."""
    return max_pool2d(places.float()[None], 3, stride=1, padding=1)[0] > 0
