"""Exact SSIM of two frames, computed only where they differ and only until the answer is certain."""

from dataclasses import dataclass, field, replace

import torch
from pytorch_msssim import ssim as _whole_frame_ssim
from torch import Tensor

from watcher.judge.signature import C1, C2, TILE
from watcher.judge.tiles import HALO, SIDE, Squares, gaussian_means, pixel_values, pooled, tile_areas
from watcher.model.verdict import Policy

WORST = 64
"""Side in SSIM map positions of the tiles among which the worst one is found."""

DOUBT = 1e-3
"""More than rounding takes the reference from the true SSIM: at most 7e-4, over all pairs of flat shades."""

_AGREEMENT = 2e-5
"""A score this near a threshold is decided by the reference, so that rounding never flips a verdict."""

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
    units: Tensor | None = field(default=None, compare=False)
    """(units, 3) int64: what differs, if *exact* and anything does."""


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
    units: Tensor
    """(units, 3) int64: what differs."""
    map: Tensor
    """(height - 10, width - 10) float32: SSIM per position, mean over the channels; 1 where the frames are equal."""


def reference(x: Tensor, y: Tensor) -> float:
    """SSIM as pytorch_msssim computes it on whole frames *x*, *y* (3, height, width) uint8: what the verdict means.

    It is float32: on flat bright areas of unequal shade its own rounding reaches 7e-4.
    """
    scores = _whole_frame_ssim(x.float()[None], y.float()[None], data_range=255, size_average=False)
    return float(scores.item())


def worst_by_reference(x: Tensor, y: Tensor) -> float:
    """Lowest :func:`reference` of a 64 px tile of frames *x*, *y*, cut out with the pixels that its positions need."""
    _, height, width = x.shape
    ssim_map = compare_fully(x, y).map
    means = pooled(ssim_map, WORST) / tile_areas(height, width, ssim_map.device, WORST)
    worst = 1.0
    for row, column in ((means < 1) & (means <= means.min() + 2 * DOUBT)).nonzero().tolist():
        down, across = (slice(WORST * place, WORST * (place + 1) + HALO) for place in (row, column))
        worst = min(worst, reference(x[:, down, across], y[:, down, across]))
    return worst


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
    ssim = 1 - computed / pair.positions
    return Measured(ssim, exact=True, worst_tile=worst, noise=noise / pair.positions, units=pair.units)


def beyond_doubt(measured: Measured, x: Tensor, y: Tensor, policy: Policy) -> Measured:
    """*measured* of frames *x*, *y*, by the reference where rounding could take it past a threshold or the guard."""
    doubt = max(_AGREEMENT, min(measured.noise, DOUBT))
    near = any(abs(measured.ssim - threshold) <= doubt for threshold in (policy.duplicate, policy.similar))
    if measured.exact and measured.noise and near:
        measured = replace(measured, ssim=reference(x, y))
    if measured.ssim > policy.duplicate and abs(measured.worst_tile - policy.guard) <= DOUBT:
        measured = replace(measured, worst_tile=worst_by_reference(x, y))
    return measured


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
        deficits[tuple(places.T)] = deficit.sum((1, 2)).cpu()
    worst, (row, column) = _worst(deficits, pair)
    whole = ssim_map.transpose(1, 2).reshape(pair.rows * SIDE, pair.columns * SIDE)
    left, top = column * WORST + HALO // 2, row * WORST + HALO // 2
    box = (left, top, min(left + WORST, width - HALO // 2), min(top + WORST, height - HALO // 2))
    changed = float((x != y).any(0).float().mean())
    ssim = 1 - float(deficits.sum()) / pair.positions
    return Comparison(ssim, worst, box, changed, pair.units, whole[: height - HALO, : width - HALO].contiguous())


def _worst(deficits: Tensor, pair: "_Pair") -> tuple[float, tuple[int, int]]:
    """Lowest mean SSIM over a 64 px tile, and the tile's row and column."""
    per_tile = pooled(deficits.sum(0), WORST // SIDE)
    means = per_tile / (3 * tile_areas(pair.height, pair.width, per_tile.device, WORST))
    place = int(means.argmax())
    return 1 - float(means.max()), divmod(place, means.shape[1])


class _Pair:
    """Two frames as squares, and the units that differ: only those are computed."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self._x, self._y = Squares(x), Squares(y)
        self.height, self.width = self._x.height, self._x.width
        self.rows, self.columns, self.batch = self._x.rows, self._x.columns, self._x.batch
        self.positions = 3 * (self.height - HALO) * (self.width - HALO)
        self.units = self._x.unequal(self._y).nonzero()

    def promise(self, promised: Tensor | None) -> Tensor:
        """(units,): a lower bound of each unit's summed deficit, from the signature's *promised* (3, rows, columns)."""
        if promised is None:
            return torch.zeros(len(self.units), device=self.units.device)
        return pooled(promised, SIDE // TILE)[tuple(self.units.T)]

    def deficit_sums(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """(units,) summed deficit 1 - SSIM of each unit, and the sum of what rounding may do to the reference."""
        deficit, sensitivity = self.deficit_maps(units)
        return deficit.sum((1, 2)), sensitivity.sum() * _REFERENCE_NOISE

    def deficit_maps(self, units: Tensor) -> tuple[Tensor, Tensor]:
        """(units, 32, 32) 1 - SSIM per position, and how strongly the reference's rounding shows; 0 outside the map.

        With s = x + y and d = x - y: 1 - l = 2 md^2 / (ms^2 + md^2 + 2 C1) and 1 - cs = 2 vd / (vs + vd + 2 C2), which
        lose no digits where x and y are nearly equal; four filtered maps in place of five.
        """
        ms, md, ss, dd = gaussian_means(self._sums_and_differences(units))
        vs = ss.addcmul_(ms, ms, value=-1)
        md2 = md.square_()
        vd = dd.sub_(md2)
        energy = ms.add_(255).square_().add_(md2).add_(2 * C1)
        variance = vs.add_(vd).add_(2 * C2)
        luminance = md2.mul_(2).div_(energy)
        structure = vd.mul_(2).div_(variance)
        both = torch.addcmul(luminance.add(structure), luminance, structure, value=-1)
        sensitivity = energy.div_(variance)
        if self._x.at_edge(*units.T[1:]).any():
            outside = self._x.outside(*units.T[1:])
            both.masked_fill_(outside, 0)
            sensitivity.masked_fill_(outside, 0)
        return both, sensitivity

    def _sums_and_differences(self, units: Tensor) -> Tensor:
        """S - 255, d, and their squares (4, units, 42, 48)."""
        x, y = (pixel_values(squares.words(*units.T)).float() for squares in (self._x, self._y))
        maps = torch.empty(4, *x.shape, device=x.device)
        torch.add(x, y, out=maps[0]).sub_(255)
        torch.sub(x, y, out=maps[1])
        torch.mul(maps[:2], maps[:2], out=maps[2:])
        return maps
