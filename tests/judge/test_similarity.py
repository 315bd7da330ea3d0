import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_msssim import ssim
from torch import Tensor

from tests.judge.test_signature import pairs, picture, tile_sums, true_deficits
from watcher.judge import similarity
from watcher.judge.bounds import tile_deficits
from watcher.judge.signature import compute
from watcher.judge.similarity import compare_fully, measure, reference
from watcher.judge.tiles import gaussian_means, tile_areas

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
    ),
]


def in_double_precision(x: Tensor, y: Tensor) -> float:
    return float(ssim(x.double()[None], y.double()[None], data_range=255, size_average=False))


def worst_of(deficits: Tensor) -> tuple[float, Tensor]:
    _, height, width = deficits.shape
    areas = 3 * tile_areas(height + 10, width + 10, torch.device("cpu"), 64)
    means = tile_sums(deficits, 64).sum(0) / areas
    return 1 - float(means.max()), means


@settings(deadline=None, max_examples=150)
@given(pairs)
def test_scores_are_those_of_pytorch_msssim(pair: tuple[Tensor, Tensor]) -> None:
    x, y = pair
    measured = measure(x, y, floor=-1.0)
    assert measured.exact
    assert measured.ssim == pytest.approx(in_double_precision(x, y), abs=1e-5 + measured.noise)
    assert measured.ssim == pytest.approx(reference(x, y), abs=1e-5 + measured.noise)
    assert measured.worst_tile == pytest.approx(worst_of(true_deficits(x, y))[0], abs=1e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_scores_of_screens_are_the_reference_to_a_hundred_thousandth(device: str) -> None:
    x = picture("text", 300, 420, 1)
    for part in (10, 100, 420):
        y = x.clone()
        y[:, :, :part] = picture("text", 300, part, 2)
        measured = measure(x.to(device), y.to(device), floor=-1.0)
        assert measured.ssim == pytest.approx(reference(x, y), abs=1e-5)


@settings(deadline=None, max_examples=100)
@given(pairs, st.floats(-1, 1))
def test_what_is_not_exact_is_proven_to_be_below_the_floor(pair: tuple[Tensor, Tensor], floor: float) -> None:
    x, y = pair
    truth = in_double_precision(x, y)
    measured = measure(x, y, floor, tile_deficits(compute(x), compute(y)))
    error = 1e-5 + measure(x, y, floor=-1.0).noise
    if measured.exact:
        assert measured.ssim == pytest.approx(truth, abs=error)
    else:
        assert truth - error <= measured.ssim < floor


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_a_full_comparison_has_the_map_of_the_definition(pair: tuple[Tensor, Tensor]) -> None:
    x, y = pair
    full, truth, error = compare_fully(x, y), true_deficits(x, y), 1e-5 + measure(x, y, floor=-1.0).noise
    assert torch.allclose(full.map.double(), 1 - truth.mean(0), atol=1e-3)
    assert full.ssim == pytest.approx(1 - float(truth.mean()), abs=error)
    assert full.changed == pytest.approx(float((x != y).any(0).double().mean()), abs=1e-6)
    worst, means = worst_of(truth)
    left, top, right, bottom = full.box
    assert full.worst_tile == pytest.approx(worst, abs=1e-3)
    assert 1 - float(means[(top - 5) // 64, (left - 5) // 64]) == pytest.approx(worst, abs=1e-3)
    assert (right, bottom) == (min(left + 64, x.shape[2] - 5), min(top + 64, x.shape[1] - 5))


def test_equal_frames_have_one_everywhere() -> None:
    x = picture("noise", 70, 90, 1)
    measured, full = measure(x, x.clone(), 1.0), compare_fully(x, x.clone())
    assert (measured.ssim, measured.worst_tile, measured.exact, measured.noise) == (1.0, 1.0, True, 0.0)
    assert (full.ssim, full.worst_tile, full.changed) == (1.0, 1.0, 0.0)
    assert bool((full.map == 1).all())


def test_the_noise_told_covers_what_rounding_does_to_the_reference_on_flat_frames() -> None:
    for shade in range(0, 256, 15):
        for other in range(0, 256, 7):
            x = torch.full((3, 12, 19), shade, dtype=torch.uint8)
            y = torch.full((3, 12, 19), other, dtype=torch.uint8)
            off = abs(reference(x, y) - in_double_precision(x, y))
            assert off <= min(1e-3, 1e-5 + measure(x, y, -1.0).noise)


def test_a_small_change_costs_few_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    x = picture("text", 400, 600, 1)
    y = x.clone()
    y[:, 200:203, 300:303] = 128
    sizes = []

    def counted(values: Tensor) -> Tensor:
        sizes.append(values.shape[1])
        return gaussian_means(values)

    monkeypatch.setattr(similarity, "gaussian_means", counted)
    assert measure(x, y, -1.0).exact
    assert sum(sizes) <= 3 * 4
