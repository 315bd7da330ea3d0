"""Exact SSIM of two frames, computed only where they differ and only until the answer is certain."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from pytorch_msssim import ssim as _whole_frame_ssim
from torch import Tensor
from torch.nn.functional import pad

from watcher.signature import C1, C2, HALO, TILE, gaussian_band, tile_areas, tile_grid

SIDE = 32
"""Side in SSIM map positions of the squares that are computed or skipped as a whole."""
WORST = 64
"""Side in SSIM map positions of the tiles of which the worst is told."""

_WORD = 8  # pixels are compared and gathered as 64-bit words
_SPAN = -(-(SIDE + HALO) // _WORD) * _WORD
_BATCH = {"cpu": 96, "cuda": 8192, "mps": 2048}  # squares at a time: a CPU's cache holds few, a GPU wants many
_REFERENCE_NOISE = 16 * 2.0**-24


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of the SSIM of two frames."""

    ssim: float
    """The SSIM if *exact*, else an upper bound of it below the floor that was asked for."""
    exact: bool
    worst_tile: float = 1.0
    """Lowest mean SSIM over the channels and positions of a 64 px tile; 1 where *exact* is false."""
    noise: float = 0.0
    """How far float32 rounding can take :func:`reference` from the true SSIM of these frames."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All there is to say about two frames of one size."""

    ssim: float
    worst_tile: float
    """Lowest mean SSIM over a 64 px tile."""
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in frame pixels of the worst tile's positions, the window's middle counted."""
    changed: float
    """Share of the pixels, 0 to 1, that differ in some channel."""
    map: Tensor
    """(height - 10, width - 10) float32: SSIM per position, mean over the channels; 1 where the frames are equal."""


def reference(x: Tensor, y: Tensor) -> float:
    """SSIM as pytorch_msssim computes it on whole frames *x*, *y* (3, height, width) uint8: what the verdict means.

    It is float32: on flat bright areas of unequal shade its own rounding reaches 7e-4.
    """
    scores = _whole_frame_ssim(x.float()[None], y.float()[None], data_range=255, size_average=False)
    return float(scores.item())


def measure(x: Tensor, y: Tensor, floor: float, promised: Tensor | None = None) -> Measured:
    """SSIM of frames *x*, *y* (3, height, width) uint8, to 1e-5 of :func:`reference` apart from *noise*.

    Where the 11 x 11 neighbourhoods are equal SSIM is 1, so only squares in which the frames differ are computed, those
    with the largest promised deficit first; when what is computed and promised proves SSIM < *floor*, the rest is left.

    Args:
        x: one frame.
        y: another of the same size, on the same device.
        floor: exactness is wanted only at or above it.
        promised: (3, rows, columns) lower bounds of the summed deficit 1 - SSIM of each signature tile.
    """
    pair = _Pair(x, y)
    if not len(pair.units):
        return Measured(1.0, exact=True)
    limit = (1 - floor) * pair.positions
    promise = pair.promise(promised)
    promise, order = promise.sort(descending=True)
    open_promises = promise.flip(0).cumsum(0).flip(0).tolist()
    deficits = torch.zeros(3, pair.rows, pair.columns)
    computed = noise = 0.0
    done = 0
    for chosen in torch.split(order, pair.batch):
        if computed + open_promises[done] > limit:
            return Measured(1 - (computed + open_promises[done]) / pair.positions, exact=False)
        units = pair.units[chosen]
        deficit, rounding = pair.deficit_sums(units)
        deficits[tuple(units.cpu().T)] = deficit.cpu()
        computed = float(deficits.sum())
        noise += float(rounding)
        done += len(chosen)
    worst, _ = _worst(deficits, pair)
    return Measured(1 - computed / pair.positions, exact=True, worst_tile=worst, noise=noise / pair.positions)


def compare_fully(x: Tensor, y: Tensor) -> Comparison:
    """Everything about frames *x*, *y* (3, height, width) uint8 of one size, nothing left out."""
    pair = _Pair(x, y)
    _, height, width = x.shape
    ssim_map = torch.ones(pair.rows, pair.columns, SIDE, SIDE)
    deficits = torch.zeros(3, pair.rows, pair.columns)
    for units in torch.split(pair.units, pair.batch):
        places = units.cpu()
        deficit = pair.deficit_maps(units)[0]
        ssim_map.index_put_(tuple(places[:, 1:].T), deficit.cpu() / -3, accumulate=True)
        deficits[tuple(places.T)] = pair.within(deficit, units).cpu()
    worst, (row, column) = _worst(deficits, pair)
    whole = ssim_map.transpose(1, 2).reshape(pair.rows * SIDE, pair.columns * SIDE)
    left, top = column * WORST + HALO // 2, row * WORST + HALO // 2
    box = (left, top, min(left + WORST, width - HALO // 2), min(top + WORST, height - HALO // 2))
    changed = float((x != y).any(0).float().mean())
    ssim = 1 - float(deficits.sum()) / pair.positions
    return Comparison(ssim, worst, box, changed, whole[: height - HALO, : width - HALO].contiguous())


def _worst(deficits: Tensor, pair: "_Pair") -> tuple[float, tuple[int, int]]:
    """Lowest mean SSIM over a 64 px tile, and the tile's row and column."""
    per_tile = _pooled(deficits.sum(0), WORST // SIDE)
    means = per_tile / (3 * tile_areas(pair.height, pair.width, per_tile.device, WORST))
    place = int(means.argmax())
    return 1 - float(means.max()), divmod(place, means.shape[1])


def _pooled(values: Tensor, side: int) -> Tensor:
    *_, rows, columns = values.shape
    padded = pad(values, (0, -columns % side, 0, -rows % side))
    return padded.unfold(-2, side, side).unfold(-2, side, side).sum((-2, -1))


class _Pair:
    """Two frames cut into squares with their halo; a unit is one channel of one square in which they differ."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        _, self.height, self.width = x.shape
        self.rows, self.columns = tile_grid(self.height, self.width, SIDE)
        self.positions = 3 * (self.height - HALO) * (self.width - HALO)
        self.batch = _BATCH.get(x.device.type, 96)
        self._x, self._y = self._squares(x), self._squares(y)
        self._down, self._right = (
            (side - SIDE * torch.arange(count, device=x.device)).clamp(max=SIDE)[:, None]
            > torch.arange(SIDE, device=x.device)
            for side, count in ((self.height - HALO, self.rows), (self.width - HALO, self.columns))
        )
        self.units = self._unequal()

    def _squares(self, pixels: Tensor) -> Tensor:
        """View (3, rows, columns, 42, 6) int64: each square with its halo, eight pixels a word."""
        high, wide = self.rows * SIDE + HALO, self.columns * SIDE + _SPAN - SIDE
        padded = pad(pixels, (0, wide - self.width, 0, high - self.height)).view(torch.int64)
        line, step = wide // _WORD, SIDE // _WORD
        shape = (3, self.rows, self.columns, SIDE + HALO, _SPAN // _WORD)
        return padded.as_strided(shape, (high * line, SIDE * line, step, line, 1))

    def _unequal(self) -> Tensor:
        """(units, 3) int64: channel, row and column of the squares that differ anywhere, halo included."""
        return (self._x != self._y).flatten(3).any(3).nonzero()

    def promise(self, promised: Tensor | None) -> Tensor:
        """(units,): a lower bound of each unit's summed deficit, from the signature's *promised* (3, rows, columns)."""
        if promised is None:
            return torch.zeros(len(self.units), device=self.units.device)
        pooled = _pooled(promised, SIDE // TILE)
        return pooled[tuple(self.units.T)]

    def deficit_sums(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """(units,) summed deficit 1 - SSIM of each unit, and the sum of what rounding may do to the reference."""
        deficit, sensitivity = self.deficit_maps(units)
        return self.within(deficit, units), self.within(sensitivity, units).sum() * _REFERENCE_NOISE

    def within(self, maps: Tensor, units: Tensor) -> Tensor:
        """(units,): sums of *maps* (units, 32, 32) over the positions that are in the SSIM map."""
        by_row = torch.matmul(maps, self._right[units[:, 2]].float()[:, :, None])[:, :, 0]
        return (by_row * self._down[units[:, 1]]).sum(1)

    def deficit_maps(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """(units, 32, 32) 1 - SSIM per position, and how strongly the reference's rounding shows there.

        With s = x + y and d = x - y: 1 - l = 2 md^2 / (ms^2 + md^2 + 2 C1) and 1 - cs = 2 vd / (vs + vd + 2 C2), which
        lose no digits where x and y are nearly equal; four filtered maps in place of five.
        """
        x, y = (squares[tuple(units.T)].view(torch.uint8).float() for squares in (self._x, self._y))
        s, d = x.add(y).sub_(255), x.sub_(y)
        ms, md, ss, dd = _filtered(torch.stack((s, d, s * s, d * d)))
        vs = torch.addcmul(ss, ms, ms, value=-1)
        md2 = md * md
        vd = dd.sub_(md2)
        mean_energy = ms.add_(255).square_().add_(md2).add_(2 * C1)
        variance = vs.add_(vd).add_(2 * C2)
        luminance = md2.mul_(2).div_(mean_energy)
        structure = vd.mul_(2).div_(variance)
        deficit = torch.addcmul(luminance.add(structure), luminance, structure, value=-1)
        return deficit, mean_energy.div_(variance)


def _filtered(squares: Tensor) -> Iterator[Tensor]:
    """The Gaussian means (4, n, 32, 32) of *squares* (4, n, 42, 48)."""
    across = gaussian_band(SIDE, _SPAN, squares.device).T
    down = gaussian_band(SIDE, SIDE + HALO, squares.device)
    return iter(torch.matmul(down, torch.matmul(squares, across)))
