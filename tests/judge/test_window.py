import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pytorch_msssim import ssim

from tests.desk import judge_all, lengths
from watcher.errors import GoneError
from watcher.judge.frame import Frame, load
from watcher.judge.pipeline import Judged, Postponed
from watcher.judge.signature import Signature, compute
from watcher.judge.similarity import DOUBT, Measured
from watcher.judge.window import _Search
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Policy

FRAME = torch.zeros(3, 16, 16, dtype=torch.uint8)
CPU = torch.device("cpu")
Load = Callable[[Capture], Frame]


def capture_of(path: Path, number: int = 0, display: int = 1) -> Capture:
    found = path.stat()
    taken_at = datetime(2020, 5, 4) + timedelta(minutes=number)
    return Capture(path, display, taken_at, found.st_size, found.st_mtime_ns)


def screen(seed: int, changes: int = 0, size: tuple[int, int] = (60, 44)) -> Image.Image:
    """Boxes and lines; the same seed with other *changes* is the same screen after so much has happened on it."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, (rng.randrange(256), 200, rng.randrange(256)))
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        draw.rectangle((x, y, x + rng.randrange(12), y + rng.randrange(5)), fill=rng.randrange(2**24))
    for _ in range(changes):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        draw.rectangle((x, y, x + 1, y), fill=rng.randrange(2**24))
    return image


def saved(images: Iterable[Image.Image], folder: Path) -> list[Capture]:
    captures = []
    for number, image in enumerate(images):
        path = folder / f"{number}_1.png"
        image.save(path, compress_level=0)
        captures.append(capture_of(path, number))
    return captures


def reading(policy: Policy) -> Load:
    return partial(load, device=CPU, policy=policy)


def judged(captures: Iterable[Capture], windows: Windows, policy: Policy) -> Iterator[Judged]:
    for item in judge_all(captures, windows, policy, reading(policy)):
        assert isinstance(item, Judged)
        yield item


def pixels(capture: Capture, policy: Policy) -> torch.Tensor:
    return load(capture, CPU, policy).pixels.float()[None]


def check_by_brute_force(items: Iterable[Judged], policy: Policy) -> None:
    """The definition: SSIM with every frame of the window, strict thresholds, most recently used first."""
    window: list[Capture] = []
    for item in items:
        frame = pixels(item.capture, policy)
        scores = {
            one.path: float(ssim(frame, pixels(one, policy), data_range=255, size_average=False)) for one in window
        }
        best = max(scores.values(), default=-1.0)
        kind = Kind.DUPLICATE if best > policy.duplicate else Kind.SIMILAR if best > policy.similar else Kind.NEW
        score = item.verdict.score
        assert item.verdict.kind is kind, f"{item.capture.path.name}: {best} of {scores}, but {score}"
        if kind is Kind.NEW:
            assert not score.exact
            assert best - 1e-3 <= score.ssim <= policy.similar
            assert (score.nearest is None) == (not window)
            assert item.admitted is not None
            assert item.verdict.stays
        else:
            assert score.exact
            assert score.nearest is not None
            assert scores[score.nearest.path] == pytest.approx(best, abs=2e-5)
            assert score.ssim == pytest.approx(best, abs=2e-5)
        if kind is Kind.DUPLICATE:
            assert score.nearest is not None
            used = next(one for one in window if one.path == score.nearest.path)
            window.remove(used)
            window.insert(0, used)
        else:
            window.insert(0, item.capture)
            del window[policy.window or len(window) :]


streams = st.lists(st.tuples(st.integers(0, 3), st.sampled_from((0, 0, 1, 3, 8, 20, 60))), min_size=2, max_size=14)
policies = st.builds(
    lambda thresholds, window: Policy(max(thresholds), min(thresholds), window, reduce=1),
    st.tuples(st.floats(0.5, 1), st.floats(0.5, 1, exclude_max=True)) | st.just((0.99, 0.95)),
    st.sampled_from((0, 1, 2, 3, 100)),
)


@settings(deadline=None, max_examples=60)
@given(streams, policies)
def test_verdicts_are_those_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory, stream: list[tuple[int, int]], policy: Policy
) -> None:
    captures = saved((screen(*one) for one in stream), tmp_path_factory.mktemp("stream"))
    check_by_brute_force(judged(captures, Windows(policy, reading(policy)), policy), policy)


@settings(deadline=None, max_examples=20)
@given(streams, policies, st.integers(0, 10), st.sampled_from((0, 30_000, 10**9)))
def test_neither_a_restart_nor_a_small_memory_changes_a_verdict(
    tmp_path_factory: pytest.TempPathFactory, stream: list[tuple[int, int]], policy: Policy, cut: int, memory: int
) -> None:
    captures = saved((screen(*one) for one in stream), tmp_path_factory.mktemp("stream"))
    unbroken = [item.verdict for item in judged(captures, Windows(policy, reading(policy)), policy)]
    before = Windows(policy, reading(policy), frame_memory=memory)
    first = list(judged(captures[:cut], before, policy))
    kept = {item.capture: item.admitted for item in first if item.admitted is not None}
    order = before._of(reading(policy)(captures[0])).captures
    after = Windows(policy, reading(policy), frame_memory=memory)
    after.restore(kept[capture] for capture in order)
    second = list(judged(captures[cut:], after, policy))
    assert [item.verdict.kind for item in first + second] == [verdict.kind for verdict in unbroken]
    for item, verdict in zip(first + second, unbroken, strict=True):
        assert item.verdict.score.nearest == verdict.score.nearest
        assert item.verdict.score.ssim == pytest.approx(verdict.score.ssim, abs=1e-5)


@pytest.mark.parametrize("threshold", ["duplicate", "similar"])
def test_at_the_threshold_itself_the_reference_decides(threshold: str, tmp_path: Path) -> None:
    captures = saved([screen(1), screen(1, 8)], tmp_path)
    one, other = (pixels(capture, Policy(reduce=1)) for capture in captures)
    exact = float(ssim(other, one, data_range=255, size_average=False))
    for nudge in (-1e-7, 0.0, 1e-7):
        settings = {"duplicate": 1.0, "similar": 0.1, threshold: exact + nudge}
        policy = Policy(settings["duplicate"], settings["similar"], reduce=1)
        items = list(judged(captures, Windows(policy, reading(policy)), policy))
        check_by_brute_force(items, policy)


def test_displays_and_sizes_are_never_compared(tmp_path: Path) -> None:
    policy = Policy(reduce=1)
    captures = saved([screen(1), screen(1), screen(1, size=(60, 45))], tmp_path)
    captures[1] = replace(captures[1], display=2)
    windows = Windows(policy, reading(policy))
    assert [item.verdict.kind for item in judged(captures, windows, policy)] == [Kind.NEW] * 3
    assert lengths(windows) == {1: 2, 2: 1}


def test_an_unchanged_screen_costs_no_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, counted = Policy(reduce=1), []

    def counting(pixels: torch.Tensor, like: tuple[torch.Tensor, Signature] | None) -> Signature:
        counted.append(1)
        return compute(pixels, like)

    monkeypatch.setattr("watcher.judge.window.compute", counting)
    captures = saved([screen(1), screen(1), screen(1), screen(2), screen(2)], tmp_path)
    items = list(judged(captures, Windows(policy, reading(policy)), policy))
    assert [item.verdict.kind for item in items] == ["new", "duplicate", "duplicate", "new", "duplicate"]
    assert items[1].verdict.score.ssim == items[1].verdict.score.worst_tile == 1.0
    assert len(counted) == 2


def test_a_signature_is_taken_over_from_the_frame_most_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, likes = Policy(reduce=1), list[torch.Tensor | None]()

    def seeing(pixels: torch.Tensor, like: tuple[torch.Tensor, Signature] | None) -> Signature:
        likes.append(None if like is None else like[0])
        return compute(pixels, like)

    monkeypatch.setattr("watcher.judge.window.compute", seeing)
    size = (300, 200)
    captures = saved([screen(seed, changes, size) for seed, changes in ((1, 0), (2, 0), (3, 0), (1, 4))], tmp_path)
    list(judged(captures, Windows(policy, reading(policy)), policy))
    first, _, _, last = likes
    assert first is None
    assert last is not None
    assert torch.equal(last, load(captures[0], CPU, policy).pixels)


@pytest.mark.parametrize("memory", [0, 10**9])
@pytest.mark.parametrize("change", ["deleted", "replaced", "damaged"])
def test_a_kept_picture_that_is_gone_leaves_the_window(change: str, memory: int, tmp_path: Path) -> None:
    policy = Policy(duplicate=0.9, similar=0.8, reduce=1)
    captures = saved([screen(1), screen(2), screen(1), screen(1, 1)], tmp_path)
    windows = Windows(policy, reading(policy), frame_memory=memory)
    stream = judge_all(captures, windows, policy, reading(policy))
    assert isinstance(next(stream), Judged)
    assert isinstance(next(stream), Judged)
    spoil(captures[0], change)
    third, fourth = stream
    assert isinstance(third, Judged)
    assert isinstance(fourth, Judged)
    if change == "damaged" and memory:
        # Its size and mtime are unchanged and its pixels are at hand: it is still the capture that was kept.
        assert third.verdict.kind is Kind.DUPLICATE
        return
    assert (third.verdict.kind, third.changes.lost) == (Kind.NEW, (captures[0],))
    assert (fourth.verdict.kind, fourth.changes.lost) == (Kind.DUPLICATE, ())
    assert fourth.verdict.score.nearest == captures[2]


def spoil(capture: Capture, change: str) -> None:
    if change == "deleted":
        capture.path.unlink()
    elif change == "replaced":
        screen(9).save(capture.path)
    else:
        capture.path.write_bytes(bytes(capture.size))
        os.utime(capture.path, ns=(capture.mtime_ns, capture.mtime_ns))


def test_the_last_of_a_window_may_be_lost(tmp_path: Path) -> None:
    policy = Policy(reduce=1)
    captures = saved([screen(1), screen(1, 3)], tmp_path)
    for memory in (0, 10**9):
        windows = Windows(policy, reading(policy), frame_memory=memory)
        items = judge_all(captures, windows, policy, reading(policy))
        next(items)
        hidden = captures[0].path.rename(tmp_path / "hidden")
        (second,) = items
        assert isinstance(second, Judged)
        assert second.verdict.kind is Kind.NEW
        assert second.verdict.score.nearest is None
        hidden.rename(captures[0].path)


def test_a_kept_picture_that_cannot_be_read_for_the_moment_postpones(tmp_path: Path) -> None:
    policy, broken = Policy(reduce=1), []
    captures = saved([screen(1), screen(1, 3)], tmp_path)

    def reads(capture: Capture) -> Frame:
        if capture.path in broken:
            raise PermissionError(13, "Permission denied")
        return load(capture, CPU, Policy(reduce=1))

    windows = Windows(policy, reads, frame_memory=0)
    stream = judge_all([*captures, captures[1]], windows, policy, reads)
    first = next(stream)
    broken.append(captures[0].path)
    second = next(stream)
    broken.clear()
    third = next(stream)
    assert isinstance(first, Judged)
    assert isinstance(second, Postponed)
    assert isinstance(second.error, PermissionError)
    assert not second.changes.lost
    assert isinstance(third, Judged)
    assert third.verdict.score.nearest == captures[0]


def test_a_capture_that_is_gone_or_unreadable_disturbs_nothing(tmp_path: Path) -> None:
    policy = Policy(reduce=1)
    captures = saved([screen(1), screen(2), screen(3), screen(1)], tmp_path)
    captures[1].path.unlink()
    captures[2].path.write_bytes(b"no picture")
    captures[2] = capture_of(captures[2].path, 2)
    items = list(judge_all(captures, Windows(policy, reading(policy)), policy, reading(policy)))
    first, gone, unreadable, again = items
    assert isinstance(first, Judged)
    assert isinstance(gone, Postponed)
    assert isinstance(gone.error, GoneError)
    assert isinstance(unreadable, Judged)
    assert (unreadable.verdict.kind, unreadable.verdict.reason) == (Kind.UNREADABLE, "not a PNG image")
    assert isinstance(again, Judged)
    assert again.verdict.kind is Kind.DUPLICATE


def test_a_capture_is_no_duplicate_of_itself(tmp_path: Path) -> None:
    policy = Policy(reduce=1)
    captures = saved([screen(1), screen(2)], tmp_path)
    windows = Windows(policy, reading(policy))
    for again in (*captures, captures[1], captures[0]):
        (item,) = judged([replace(again, inode=7)], windows, policy)
        assert item.verdict.kind is Kind.NEW
    assert lengths(windows) == {1: 2}


def test_kept_pictures_are_read_where_they_have_been_moved(tmp_path: Path) -> None:
    policy, aside = Policy(reduce=1), tmp_path / "aside"
    aside.mkdir()
    captures = saved([screen(1), screen(1, 3)], tmp_path)
    windows = Windows(policy, reading(policy), lambda capture: aside / capture.path.name, frame_memory=0)
    stream = judge_all(captures, windows, policy, reading(policy))
    next(stream)
    captures[0].path.rename(aside / captures[0].path.name)
    (second,) = stream
    assert isinstance(second, Judged)
    assert second.verdict.score.nearest == captures[0]


def kept_by(captures: list[Capture], policy: Policy) -> list[KeptFrame]:
    windows = Windows(policy, reading(policy))
    kept = [item.admitted for item in judged(captures, windows, policy) if item.admitted]
    return kept[::-1]


def test_signatures_of_another_policy_or_format_are_renewed(tmp_path: Path) -> None:
    captures = saved([screen(1), screen(2), screen(3), screen(2)], tmp_path)
    policy = Policy(reduce=2)
    stored = kept_by(captures[:3], Policy(reduce=1))
    stored[0] = replace(stored[0], signature=b"\xfe" + stored[0].signature[1:])
    captures[0].path.unlink()
    windows = Windows(policy, reading(policy))
    windows.restore(stored)
    assert lengths(windows) == {1: 3}
    (item,) = judged(captures[3:], windows, policy)
    assert item.verdict.kind is Kind.DUPLICATE
    assert item.verdict.score.nearest == captures[1]
    assert item.changes.lost == (captures[0],)
    assert sorted(item.changes.renewed, key=lambda one: one.capture.order) == kept_by(captures[1:3], policy)[::-1]
    assert lengths(windows) == {1: 2}


def test_a_restored_window_decodes_nothing_but_survivors(tmp_path: Path) -> None:
    policy, read = Policy(reduce=1), []
    captures = saved([screen(seed) for seed in range(8)] + [screen(5, 1)], tmp_path)

    def counted(capture: Capture) -> Frame:
        read.append(capture)
        return load(capture, CPU, Policy(reduce=1))

    windows = Windows(policy, counted)
    windows.restore(kept_by(captures[:8], policy))
    (item,) = judge_all(captures[8:], windows, policy, reading(policy))
    assert isinstance(item, Judged)
    assert item.verdict.score.nearest == captures[5]
    assert read == [captures[5]]


def test_a_window_restored_from_too_many_keeps_the_last_used(tmp_path: Path) -> None:
    captures = saved([screen(seed) for seed in range(6)] + [screen(5)], tmp_path)
    policy = Policy(window=3, reduce=1)
    windows = Windows(policy, reading(policy))
    windows.restore(kept_by(captures[:6], Policy(reduce=1)))
    window = windows._of(load(captures[6], CPU, Policy(reduce=1)))
    assert window.captures == captures[5:2:-1]
    assert window.nearest(load(captures[6], CPU, Policy(reduce=1))).score.nearest == captures[5]


def test_a_discarded_capture_is_compared_with_no_more(tmp_path: Path) -> None:
    policy = Policy(reduce=1)
    captures = saved([screen(1), screen(1)], tmp_path)
    stored = kept_by(captures[:1], policy)
    for seen_before in (True, False):
        windows = Windows(policy, reading(policy))
        windows.restore(stored)
        if seen_before:
            windows._of(load(captures[1], CPU, Policy(reduce=1)))
        windows.discard(replace(captures[0], inode=3))
        (item,) = judged(captures[1:], windows, policy)
        assert item.verdict.kind is Kind.NEW


def test_the_pixels_of_what_leaves_a_window_are_held_no_longer(tmp_path: Path) -> None:
    policy = Policy(window=2, reduce=1)
    captures = saved([screen(1), screen(2), screen(3)], tmp_path)
    windows = Windows(policy, reading(policy))
    list(judged(captures, windows, policy))
    assert [one in windows._pictures for one in captures] == [False, True, True]
    windows.discard(captures[1])
    assert [one in windows._pictures for one in captures] == [False, False, True]


@pytest.mark.parametrize(
    ("found", "floor"),
    [
        ((0.97,), 0.97),
        ((0.9895,), 0.99 - DOUBT),  # by the reference another one may be a duplicate
        ((0.99,), 0.99 - DOUBT),
        ((0.9895, 0.9894), 0.99 - DOUBT),
        ((0.9895, 0.992), 0.992),
        ((0.992, 0.9895), 0.992),
        ((0.992,), 0.992),
        ((0.95,), 0.95 - DOUBT),
        ((), 0.95 - DOUBT),
    ],
)
def test_just_below_a_threshold_frames_with_a_lower_score_are_searched_as_well(
    found: tuple[float, ...], floor: float
) -> None:
    search = _Search(Policy(0.99, 0.95))
    for number, score in enumerate(found):
        search.take(
            Capture(Path(str(number)), 1, datetime(2020, 5, 4), 1, 1), number, Measured(score, exact=True), FRAME
        )
    assert search.floor == floor
    best = max(found, default=0.0)
    assert (search.best.ssim if search.best else None) == (best if best > 0.95 else None)


@pytest.mark.parametrize("ranks", [(0, 1), (1, 0)])
def test_of_equals_the_most_recently_used_is_the_nearest(ranks: tuple[int, int]) -> None:
    search = _Search(Policy(0.99, 0.95))
    for rank in ranks:
        search.take(Capture(Path(str(rank)), 1, datetime(2020, 5, 4), 1, 1), rank, Measured(0.97, exact=True), FRAME)
    assert search.best is not None
    assert search.best.nearest is not None
    assert search.best.nearest.path == Path("0")


def test_a_bound_is_no_score() -> None:
    search = _Search(Policy(0.99, 0.95))
    search.take(Capture(Path("one"), 1, datetime(2020, 5, 4), 1, 1), 0, Measured(0.97, exact=False), FRAME)
    assert search.best is None
