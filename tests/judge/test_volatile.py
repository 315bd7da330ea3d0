"""Which tiles move whenever a screen is captured again, told from tiles drawn by hand."""

from datetime import date, timedelta

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from watcher.judge.signature import compute
from watcher.judge.volatile import Visits, alike, boxes, clusters, moved, panel_clock, scene_clocks, tile_maps, tiles_of

ROWS, COLUMNS = 30, 40
NOTHING = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
DAY = date(2020, 5, 4)


def shown(screen: int, *others: tuple[slice, slice, int]) -> Tensor:
    """The tiles of a *screen*, with what *others* show in places."""
    tiles = torch.arange(ROWS * COLUMNS, dtype=torch.int32).view(ROWS, COLUMNS) + 10_000 * screen
    for down, across, value in others:
        tiles[down, across] += value
    return tiles


CLOCK, DATE, PLACE = (slice(10, 13), slice(15, 21)), (slice(20, 21), slice(16, 20)), (slice(2, 4), slice(30, 34))


def found(frames: list[Tensor], dates: list[date] | None = None, shows: list[int] | None = None) -> list[Tensor]:
    visits = Visits(shows or [part for row in range(len(frames)) for part in (row, -1)])
    scenes = scene_clocks(
        torch.stack(frames), alike(torch.stack(frames)), NOTHING, dates or [DAY] * len(frames), visits
    )
    return [scene.mask for scene in scenes]


def mask_of(*places: tuple[slice, slice]) -> Tensor:
    mask = NOTHING.clone()
    for place in places:
        mask[place] = True
    return mask


def test_the_clock_of_a_screen_that_comes_back_is_found_with_its_date() -> None:
    frames = [shown(1, (*CLOCK, tick), (*DATE, tick // 3)) for tick in range(1, 9)]
    dates = [DAY + timedelta(days=tick // 3) for tick in range(1, 9)]
    (mask,) = found(frames, dates)
    assert torch.equal(mask, mask_of(CLOCK, DATE))


@pytest.mark.parametrize(
    "frames",
    [
        [shown(tick) for tick in range(8)],
        [shown(1, (slice(tick, tick + 1), slice(0, 20), 7)) for tick in range(8)],
        [shown(1, (slice(0, 20), slice(0, 20), tick)) for tick in range(8)],
        [shown(1, (*CLOCK, tick), (slice(3 * tick, 3 * tick + 2), slice(0, 3), 7)) for tick in range(8)],
        [shown(1)] * 8,
        [shown(1, (*CLOCK, 1)), shown(1, (*CLOCK, 2))],
    ],
    ids=["each another", "what moves on", "much", "a clock beside news", "nothing moves", "too few"],
)
def test_what_is_no_clock_of_a_scene_is_none(frames: list[Tensor]) -> None:
    assert found(frames) == []


def test_a_screen_that_stands_once_is_no_scene() -> None:
    frames = [shown(1, (*CLOCK, tick)) for tick in range(8)]
    assert found(frames, shows=list(range(8))) == []
    assert len(found(frames, shows=[*range(4), -1, *range(4, 8)])) == 1
    assert Visits([0, 0, -1, 1, 5, 0]).of([0, 1]) == 3


def test_a_place_that_moved_once_is_not_ignored() -> None:
    frames = [shown(1, (*CLOCK, tick), (*PLACE, int(tick == 4))) for tick in range(12)]
    (mask,) = found(frames)
    assert torch.equal(mask, mask_of(CLOCK))


def test_screens_are_apart_though_they_alternate() -> None:
    frames = [shown(tick % 2, (*CLOCK, tick)) for tick in range(12)]
    assert [cluster.rows for cluster in clusters(torch.stack(frames), alike(torch.stack(frames)))] == [
        tuple(range(0, 12, 2)),
        tuple(range(1, 12, 2)),
    ]


def test_a_panels_clock_has_moved_on_half_of_the_screens() -> None:
    pairs = [
        mask_of((slice(0, 1), slice(36, 38 + number % 2)), (slice(number, number + 1), slice(0, 9)))
        for number in range(8)
    ]
    screens = [[pair] for pair in pairs]
    clock = mask_of((slice(0, 1), slice(36, 39)))
    assert torch.equal(panel_clock(screens), clock)
    assert torch.equal(panel_clock([*screens, [mask_of(CLOCK)] * 20]), clock), "one screen has one voice"


@given(st.lists(st.tuples(st.integers(0, 149), st.integers(0, 99)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_tile_has_moved_if_a_pixel_of_it_differs(places: list[tuple[int, int]]) -> None:
    one = torch.zeros(3, 100, 150, dtype=torch.uint8)
    other = one.clone()
    for x, y in places:
        other[1, y, x] = 9
    mask = moved(one, other)
    assert mask.shape == (6, 9)
    expected = {(y // 16, x // 16) for x, y in places if y // 16 < 6 and x // 16 < 9}
    assert {(row, column) for row, column in mask.nonzero().tolist()} == expected


def test_the_tiles_of_signatures_are_equal_where_their_numbers_are() -> None:
    generator = torch.Generator().manual_seed(3)
    one = torch.randint(0, 256, (3, 120, 160), dtype=torch.uint8, generator=generator)
    other = one.clone()
    other[2, 40:60, 60:90] = 0
    signatures = [compute(pixels) for pixels in (one, other)]
    maps = tile_maps([[signature.to_bytes(7) for signature in signatures]], 7)
    differ = (signatures[0].codes != signatures[1].codes).any(0).any(0)
    assert torch.equal(maps[0] != maps[1], differ)
    assert bool(differ.any())
    assert torch.equal(maps, tiles_of(torch.stack([signature.codes for signature in signatures])))
    assert tile_maps([[signature.to_bytes(7) for signature in signatures]], 7).dtype is torch.int32


def test_the_rectangles_hold_all_that_the_tiles_depend_on() -> None:
    (part,) = boxes(mask_of(CLOCK), 2)
    assert part == (15 * 32, 10 * 32, 6 * 32 + 20, 3 * 32 + 20)
    assert len(boxes(mask_of(CLOCK, DATE), 2)) == 2
