import itertools
import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import conv2d

from watcher.judge import tiles
from watcher.judge.bounds import BOTH, CONTRAST, ConvexBound, SignatureStack, tile_deficits
from watcher.judge.signature import A_LOW, B_LOW, C1, C2, STEP, are_alike, compute, unpack
from watcher.judge.similarity import measure
from watcher.judge.tiles import tile_areas, tile_grid

CPU = torch.device("cpu")
KINDS = ("noise", "flat", "stripes", "text", "ramp", "black and white")
CHANGES = ("other", "pixel", "channel", "corner", "shade", "shift", "inverse", "faint")


def picture(kind: str, height: int, width: int, seed: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 256, (3, height, width), generator=draw)
    match kind:
        case "flat":
            noise = noise[:, :1, :1].expand(3, height, width)
        case "stripes":
            noise = noise[:, :, :1].expand(3, height, width)
        case "text":
            noise = torch.where(torch.rand(height, width, generator=draw) < 0.15, 20, 250).expand(3, height, width)
        case "ramp":
            noise = torch.linspace(0, 255, width).expand(3, height, width)
        case "black and white":
            noise = (noise > 127) * 255
    return noise.to(torch.uint8).contiguous()


def changed(x: Tensor, change: str, seed: int) -> Tensor:
    y, (_, height, width) = x.clone(), x.shape
    match change:
        case "other":
            return picture(KINDS[seed % len(KINDS)], height, width, seed + 1)
        case "pixel":
            y[:, seed % height, seed % width] ^= 255
        case "channel":
            y[seed % 3] ^= 63
        case "corner":
            y[:, -4:, -3:] = 0
        case "shade":
            y = (y.int() + 1 + seed % 9).clamp(max=255).to(torch.uint8)
        case "shift":
            y = y.roll(1 + seed % 5, 2)
        case "inverse":
            y ^= 255
        case "faint":
            y = y ^ (picture("noise", height, width, seed) & 1)
    return y


pairs = st.builds(
    lambda kind, change, height, width, seed: (
        x := picture(kind, height, width, seed),
        changed(x, change, seed),
    ),
    st.sampled_from(KINDS),
    st.sampled_from(CHANGES),
    st.one_of(st.integers(11, 30), st.integers(40, 90)),
    st.one_of(st.integers(11, 30), st.sampled_from((26, 27, 42, 43, 74, 75, 266, 267, 300))),
    st.integers(0, 10**6),
)


def true_deficits(x: Tensor, y: Tensor) -> Tensor:
    """1 - SSIM per position (3, height - 10, width - 10) in double precision, by the textbook formula."""
    taps = torch.exp(-((torch.arange(11).double() - 5) ** 2) / 4.5)
    window = torch.outer(taps, taps)[None, None] / taps.sum() ** 2

    def mean(values: Tensor) -> Tensor:
        return conv2d(values[:, None], window)[:, 0]

    x, y = x.double(), y.double()
    mx, my, c1, c2 = mean(x), mean(y), 6.5025, 58.5225
    vx, vy, sxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    return 1 - (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


def tile_sums(values: Tensor, side: int) -> Tensor:
    _, height, width = values.shape
    rows, columns = range(0, height, side), range(0, width, side)
    return torch.stack(
        [torch.stack([values[:, r : r + side, c : c + side].sum((1, 2)) for c in columns], 1) for r in rows], 1
    )


@settings(deadline=None, max_examples=150)
@given(pairs)
def test_no_tile_bound_is_above_the_true_deficit(pair: tuple[Tensor, Tensor]) -> None:
    x, y = pair
    promised = tile_deficits(compute(x), compute(y)).double()
    assert (promised <= tile_sums(true_deficits(x, y), 16) + 1e-9).all()


@settings(deadline=None, max_examples=150)
@given(pairs, st.sampled_from((0.0, 0.001, 0.05, 2.0)))
def test_no_frame_bound_is_above_the_true_deficit(pair: tuple[Tensor, Tensor], enough: float) -> None:
    x, y = pair
    stack = SignatureStack(x.shape[1], x.shape[2], CPU)
    stack.extend(compute(y).codes[None])
    (bound,) = stack.deficits(compute(x), enough)
    assert bound <= float(true_deficits(x, y).mean()) + 1e-9


@pytest.mark.parametrize("bend", [BOTH, CONTRAST])
@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_the_bounding_functions_are_convex_and_below_one_minus_sech(bend: ConvexBound, values: list[float]) -> None:
    r = torch.tensor(sorted(values), dtype=torch.float64) * bend.reach
    bound = bend(r.clone())
    assert (bound <= 1 - 1 / torch.cosh(r) + 1e-12).all()
    assert (bend((r[1:] + r[:-1]) / 2) <= (bound[1:] + bound[:-1]) / 2 + 1e-12).all()


def test_screens_that_share_nothing_are_told_apart_by_their_signatures() -> None:
    dark, light = picture("noise", 200, 300, 1) // 8, 255 - picture("text", 200, 300, 2) // 9
    stack = SignatureStack(200, 300, CPU)
    stack.extend(compute(light).codes[None])
    assert stack.deficits(compute(dark), 2.0)[0] > 0.3


def test_equal_frames_have_a_bound_of_zero() -> None:
    x = picture("text", 60, 70, 3)
    assert float(tile_deficits(compute(x), compute(x.clone())).abs().max()) == 0


def test_a_stack_grows_shrinks_and_bounds_each_row_alone() -> None:
    frames = [picture(kind, 50, 300, seed) for seed, kind in itertools.product(range(7), KINDS)]
    signatures = [compute(frame) for frame in frames]
    stack, rows = SignatureStack(50, 300, CPU), list(range(len(signatures)))
    for signature in signatures:
        stack.extend(signature.codes[None])
    for row in (40, 0, 5, 3):
        stack.remove(row)
        last = rows.pop()
        if row < len(rows):
            rows[row] = last
    assert len(stack) == len(rows)
    probe = compute(picture("text", 50, 300, 99))
    for row, bound in zip(rows, stack.deficits(probe, 2.0), strict=True):
        alone = SignatureStack(50, 300, CPU)
        alone.extend(signatures[row].codes[None])
        assert alone.deficits(probe, 2.0) == pytest.approx([bound], abs=1e-6)
    assert torch.equal(stack.signature(0).codes, signatures[rows[0]].codes)


def test_an_empty_stack_bounds_nothing() -> None:
    assert SignatureStack(20, 20, CPU).deficits(compute(picture("noise", 20, 20, 1)), 1.0) == []


def patched(height: int, width: int, seed: int) -> Tensor:
    """Grounds of one shade with patches of everything, some of them grey."""
    draw = random.Random(seed)
    frame = picture("flat", height, width, seed)
    for number in range(6):
        top, left = draw.randrange(height), draw.randrange(width)
        part = frame[:, top : top + draw.randrange(1, 150), left : left + draw.randrange(1, 150)]
        part.copy_(picture(draw.choice(KINDS), part.shape[1], part.shape[2], seed + number))
    return frame


def true_codes(x: Tensor) -> Tensor:
    """The codes before rounding (2, 3, rows, columns) in double precision."""
    taps = torch.exp(-((torch.arange(11).double() - 5) ** 2) / 4.5)
    window = torch.outer(taps, taps)[None, None] / taps.sum() ** 2
    values = x.double()
    mean, square = (conv2d(one[:, None], window)[:, 0] for one in (values, values**2))
    pairs_of = ((square - mean**2 + C2 / 2, A_LOW, STEP[0]), (mean**2 + C1 / 2, B_LOW, STEP[1]))
    areas = tile_areas(x.shape[1], x.shape[2], CPU, 16)
    return torch.stack([(tile_sums(0.5 * one.log(), 16) / areas - low) / step for one, low, step in pairs_of])


@settings(deadline=None, max_examples=25)
@given(st.integers(11, 330), st.integers(11, 330), st.integers(0, 10**6), st.sampled_from((8, 24, 128)), st.booleans())
def test_codes_are_those_of_the_definition_also_if_most_are_taken_over(
    height: int, width: int, seed: int, batch: int, few: bool
) -> None:
    x, y = patched(height, width, seed), patched(height, width, seed)
    if few:
        y[:, height // 2, width // 2] ^= 255
    else:
        y[:, height // 2 :, width // 2 :] = picture("text", height, width, seed)[:, height // 2 :, width // 2 :]
    truth, first = true_codes(y), compute(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tiles._BATCH, "cpu", batch)
        signatures = (compute(y), compute(y, (x, first)))
    for signature in signatures:
        assert float((signature.codes - truth).abs().max()) <= 0.5 + 1e-3 / min(STEP)


def in_larger_memory(x: Tensor, seed: int) -> Tensor:
    """*x* where it is cut into squares as it is, with noise beyond its edges."""
    _, height, width = x.shape
    memory = picture("noise", *tiles.padded_sides(height, width), seed)
    memory[:, :height, :width] = x
    return memory[:, :height, :width]


@settings(deadline=None, max_examples=60)
@given(pairs, st.integers(0, 10**6))
def test_what_lies_beyond_the_edges_has_no_say(pair: tuple[Tensor, Tensor], seed: int) -> None:
    x, y = pair
    padded = in_larger_memory(x, seed), in_larger_memory(y, seed + 1)
    storages = [tiles.Squares(frame).frame_words.untyped_storage().data_ptr() for frame in padded]
    assert storages == [frame.untyped_storage().data_ptr() for frame in padded], "no frame is copied"
    assert torch.equal(compute(padded[1], (padded[0], compute(padded[0]))).codes, compute(y, (x, compute(x))).codes)
    assert measure(*padded, -2).ssim == pytest.approx(measure(x, y, -2).ssim, abs=1e-7)


def test_stored_signatures_come_back_or_are_refused() -> None:
    signature = compute(picture("noise", 45, 67, 1))
    data = signature.to_bytes(2)
    other = compute(picture("text", 45, 67, 2))
    back = unpack([data, other.to_bytes(2)], 2, CPU)
    assert back is not None
    assert back[:2] == (45, 67)
    assert torch.equal(back[2], torch.stack((signature.codes, other.codes)))
    for useless in (b"", data[:-1], data + b"\0", b"\xff" + data[1:]):
        assert unpack([useless], 2, CPU) is None
        assert not are_alike(useless, data)
    assert unpack([data], 3, CPU) is None
    assert are_alike(data, other.to_bytes(2))
    assert not are_alike(data, compute(picture("noise", 67, 45, 1)).to_bytes(2))


@given(st.integers(11, 300), st.integers(11, 300), st.sampled_from((16, 32, 64)))
def test_tiles_cover_the_map_once(height: int, width: int, tile: int) -> None:
    areas = tile_areas(height, width, CPU, tile)
    assert areas.shape == tile_grid(height, width, tile)
    assert float(areas.sum()) == (height - 10) * (width - 10)
    assert 0 < float(areas.min()) <= float(areas.max()) <= math.prod((tile, tile))
