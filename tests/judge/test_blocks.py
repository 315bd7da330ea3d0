"""How far apart screens are, by means over large blocks of their signatures."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from watcher.judge.blocks import Averaging, Screens, block_side, grown
from watcher.judge.signature import STEP

POINTS = st.lists(st.binary(min_size=12, max_size=12), min_size=1, max_size=40)


def some_screens(rows: list[bytes]) -> Screens:
    """Screens of 2 x 1 tiles, whose codes are the bytes of *rows*."""
    codes = torch.tensor([list(row) for row in rows], dtype=torch.uint8).view(-1, 2, 3, 1, 2)
    return Screens.of(Averaging(26, 42, torch.device("cpu"))(codes), 26, 42)


@given(POINTS)
def test_distances_are_a_metric(rows: list[bytes]) -> None:
    screens = some_screens(rows)
    every = torch.arange(len(rows))
    table = torch.stack([screens.distances(row, every) for row in range(len(rows))])
    assert table.diagonal().eq(0).all()
    assert (table - table.T).abs().max() < 1e-5
    assert screens.coarse is not None
    for row in range(len(rows)):
        below = torch.full((len(rows),), 0.3)
        found = screens.distances_below(row, every, below)
        assert torch.where(table[row] < 0.3, found == table[row], found >= 0.3 - 1e-3).all()
    assert (table[:, None, :] <= table[:, :, None] + table[None, :, :] + 1e-3).all()


@given(st.integers(11, 400), st.integers(11, 400))
def test_blocks_are_few_and_hold_all_tiles(height: int, width: int) -> None:
    side = block_side(height, width)
    screens = Screens.of(torch.zeros(1, 2, 3, 1, 1), height, width)
    rows, columns = screens.areas.shape
    assert max(rows, columns) <= 16
    assert side == 16 or max(rows, columns) >= 8
    assert screens.areas.sum() == (height - 10) * (width - 10)
    tiles = -(-(height - 10) // 16), -(-(width - 10) // 16)
    means = Averaging(height, width, torch.device("cpu"))(torch.full((2, 2, 3, *tiles), 77, dtype=torch.uint8))
    assert means.shape == (2, 2, 3, rows, columns)
    for part, step in zip(means.unbind(1), STEP, strict=True):
        assert (part - 77 * step).abs().max() < 1e-4


def test_what_touches_is_grown() -> None:
    places = torch.zeros(4, 5, dtype=torch.bool)
    places[0, 0] = True
    assert grown(places).nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
