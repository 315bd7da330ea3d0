"""Places of a display that change whenever one of its screens is captured again: clocks, and nothing that is news.

Of each kept screen its signature is read: a tile of 16 px of the frame differs if any of its six
numbers does. Screens that differ in few tiles are captures of one screen, a *cluster*; a tile that differs between most
captures that follow each other in a cluster is *volatile* there. What is so in one that keeps coming back, while
nothing else in it moves, is the clock of a scene. What has moved in half of the screens of which a duplicate was seen
is a clock of the panel: for that a few pictures are opened.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from watcher.judge.regions import boxes_of
from watcher.judge.signature import TILE, unpack
from watcher.judge.tiles import HALO
from watcher.model.preparation import Rectangle

Mask: TypeAlias = Tensor
"""(rows, columns) bool: tiles."""
TileMaps: TypeAlias = Tensor
"""(frames, rows, columns) int32: what each tile shows."""
Pixels: TypeAlias = Tensor
"""(3, height, width) uint8: a frame."""
_ALIKE = 0.15
"""Captures of one screen differ in a smaller share of the tiles than this, and so does a scene's clock."""
_FEWEST = 4
"""Captures from which on a cluster tells something."""
_VOLATILE = 0.7
"""Share of the steps from one capture to the next in which a volatile tile differs."""
_USUAL = 0.5
"""Share of the screens in which a clock of the panel has moved."""
_PRIME = 1_000_003
_SAMPLED = 7
"""Tiles from one that is looked at first to the next; no divisor of the columns of usual displays."""
_NEAR = 3
"""Tiles from what belongs to a clock within which all that moves more often than ``_RARE`` belongs to it as well."""
_RARE = 0.1
"""Share of the steps."""
_RETURNS = 2
"""Visits from which on a screen keeps coming back."""
_QUIET = 0.8
"""Share of the steps in a scene in which nothing moves but what is volatile."""


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """Captures of one screen, in the order of time."""

    rows: tuple[int, ...]
    volatile: Tensor
    """(rows, columns) bool: what differs at most steps."""
    steps: Tensor
    """(steps, rows, columns) bool: what differs from each capture to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneClock:
    """A screen that keeps coming back, and what moves in it."""

    rows: tuple[int, ...]
    """Of the captures that show it, in the order of time."""
    mask: Tensor
    """(rows, columns) bool: its clock, and what else only time changes in it, such as a date."""
    visits: int
    """How often it came back."""


def tiles_of(codes: Tensor) -> Tensor:
    """(frames, rows, columns) int32, equal where all six numbers of *codes* (frames, 2, 3, rows, columns) are.

    Others are equal once in 2**32 tiles: a hash, with the overflow of int32.
    """
    frames, _, _, rows, columns = codes.shape
    tiles = torch.zeros(frames, rows, columns, dtype=torch.int32)
    for numbers in codes.view(frames, 6, rows, columns).unbind(1):
        tiles = tiles * _PRIME + numbers
    return tiles


def tile_maps(batches: Iterable[Sequence[bytes]], digest: int) -> Tensor:
    """:func:`tiles_of` the frames of signatures of one size and *digest*, as the ledger stores them, batch by batch."""
    found = [unpacked[2] for batch in batches if (unpacked := unpack(batch, digest, torch.device("cpu")))]
    return torch.cat([tiles_of(codes) for codes in found])


def scene_clocks(
    tiles: Tensor, members: Sequence[Sequence[int]], panel: Tensor, dates: Sequence[date], visits: "Visits"
) -> list[SceneClock]:
    """The clocks of scenes in *tiles* (frames, rows, columns) of one display's kept screens, in the order of time.

    Args:
        tiles: from :func:`tile_maps`.
        members: :func:`alike` of them.
        panel: (rows, columns) bool: what moves on every screen.
        dates: on which each was captured.
        visits: says how often screens came back.
    """
    around = _grown(panel)
    found = (_scene(one, around, [dates[row] for row in one.rows], visits) for one in clusters(tiles, members))
    return [scene for scene in found if scene is not None]


def moved(x: Tensor, y: Tensor) -> Tensor:
    """(rows, columns) bool: the tiles in which two frames (3, height, width) of one size differ in any pixel."""
    apart = (x != y).any(0)
    rows, columns = (-(-(side - HALO) // TILE) for side in apart.shape)
    apart = pad(apart[: rows * TILE, : columns * TILE].float(), (0, TILE, 0, TILE))
    return max_pool2d(apart[None, None], TILE)[0, 0, :rows, :columns] > 0


def panel_clock(screens: Sequence[Sequence[Mask]]) -> Mask:
    """What moves on half of the *screens*, and what moves near that.

    Args:
        screens: of each, what has moved between captures of it and duplicates of them.
    """
    share = torch.stack([torch.stack(list(moves)).float().mean(0) for moves in screens]).mean(0)
    core = share >= _USUAL
    return core | (_grown(core, _NEAR) & (share >= _USUAL / 2))


class Visits:
    """How often screens came back."""

    def __init__(self, shown: Sequence[int]) -> None:
        """*shown* are the rows of the screens that the display showed, capture by capture."""
        self._shown = shown

    def of(self, rows: Sequence[int]) -> int:
        """How many runs of captures show any of *rows*."""
        own = set(rows)
        inside = [row in own for row in self._shown]
        return sum(now and not before for before, now in zip([False, *inside], inside, strict=False))


def clusters(tiles: Tensor, members: Sequence[Sequence[int]]) -> Iterator[Cluster]:
    """The clusters of *tiles* (frames, rows, columns), with these *members*, that tell something."""
    flat = tiles.flatten(1)
    for own in members:
        if len(own) >= _FEWEST:
            steps = (flat[own[1:]] != flat[own[:-1]]).view(-1, *tiles.shape[1:])
            yield Cluster(tuple(own), steps.float().mean(0) >= _VOLATILE, steps)


def alike(tiles: Tensor) -> list[list[int]]:
    """The frames of *tiles* (frames, rows, columns), in the order of time, by the screen that they show."""
    frames, rows, columns = tiles.shape
    flat = tiles.view(frames, -1)
    some = flat[:, ::_SAMPLED].contiguous()  # which cluster is nearest, few tiles tell; whether it is near, all
    latest, latest_some = torch.empty_like(flat), torch.empty_like(some)  # of the captures of each cluster
    members: list[list[int]] = []
    for row in range(frames):
        place = int((latest_some[: len(members)] != some[row]).count_nonzero(1).argmin()) if members else 0
        if not members or int((latest[place] != flat[row]).sum()) >= _ALIKE * rows * columns:
            place = len(members)
            members.append([])
        members[place].append(row)
        latest[place], latest_some[place] = flat[row], some[row]
    return members


def _scene(cluster: Cluster, panel: Tensor, dates: Sequence[date], visits: Visits) -> SceneClock | None:
    core, count = cluster.volatile & ~panel, visits.of(cluster.rows)
    if not core.any() or count < _RETURNS:
        return None
    # The hour moves less often than the minute beside it; and what moves only when the day is another is a date.
    others = cluster.steps & ~panel
    own = _spread(core, others.float().mean(0) >= _RARE)
    overnight = torch.tensor([one != other for one, other in pairwise(dates)])
    if overnight.any():
        own |= others[overnight].any(0) & ~others[~overnight].any(0)
    stirred = (others & ~_grown(own)).flatten(1).any(1).float().mean()
    if int(own.sum()) >= _ALIKE * own.numel() or float(stirred) > 1 - _QUIET:
        return None
    return SceneClock(cluster.rows, own, count)


def _spread(core: Tensor, moves: Tensor) -> Tensor:
    """*core*, what of *moves* is near it, what is near that, and so on."""
    while not torch.equal(wider := core | (moves & _grown(core, _NEAR)), core):
        core = wider
    return core


def _grown(mask: Tensor, by: int = 1) -> Tensor:
    """*mask* with *by* more tiles on every side."""
    return max_pool2d(mask[None, None].float(), 2 * by + 1, stride=1, padding=by)[0, 0] > 0


def boxes(mask: Tensor, reduce: int) -> list[Rectangle]:
    """Few rectangles, in pixels of captures averaged by *reduce*, that hold all that the tiles in *mask* depend on."""
    pixels = mask.repeat_interleave(TILE, 0).repeat_interleave(TILE, 1)
    found = ((left, top, right + HALO, bottom + HALO) for left, top, right, bottom in boxes_of(pixels))
    return [
        (left * reduce, top * reduce, (right - left) * reduce, (bottom - top) * reduce)
        for left, top, right, bottom in found
    ]
