"""The guard: a duplicate with one part that differs much is similar, by the numbers of brute force."""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pytorch_msssim import ssim
from torch import Tensor

from tests.conftest import Watch
from tests.desk import Desk, capture_of, judge_all
from tests.judge.test_signature import pairs
from tests.pictures import screen, typed
from watcher.cli import main
from watcher.judge.frame import load
from watcher.judge.pipeline import Judged
from watcher.judge.similarity import measure, worst_by_reference
from watcher.judge.windows import Windows
from watcher.model.verdict import Kind, Policy, Score, decide

CPU = torch.device("cpu")


def ssim_of(x: Tensor, y: Tensor) -> float:
    return float(ssim(x.float()[None], y.float()[None], data_range=255, size_average=False))


def worst_tile(x: Tensor, y: Tensor) -> float:
    """By definition, told of nothing but the frames: SSIM of each 64 px tile of the map, by pytorch_msssim alone."""
    _, height, width = x.shape
    return min(
        ssim_of(x[:, top : top + 74, left : left + 74], y[:, top : top + 74, left : left + 74])
        for top in range(0, height - 10, 64)
        for left in range(0, width - 10, 64)
    )


def screens(stream: Iterable[tuple[int, Sequence[tuple[int, int]]]], folder: Path) -> list[Path]:
    """Screens of some wallpapers, with words at the places given."""
    paths = []
    for number, (seed, words) in enumerate(stream):
        image = Image.new("RGB", (180, 100), (seed * 80, 120, 200 - seed * 60))
        draw = ImageDraw.Draw(image)
        draw.rectangle((20 + seed * 9, 30, 120, 70), fill=(250, seed * 70, 90))
        for place, length in words:
            draw.rectangle((place % 160, place * 7 % 90, place % 160 + length, place * 7 % 90 + 3), fill=place * 1013)
        path = folder / f"{number:03}_1.png"
        image.save(path, compress_level=0)
        paths.append(path)
    return paths


def brute_force(captures: Iterable[Judged], policy: Policy) -> dict[Kind, int]:
    """Check verdicts against SSIM with all frames and the worst tile with the nearest; returns how many of each."""
    window: list[tuple[Path, Tensor]] = []
    counts = dict.fromkeys(Kind, 0)
    for judged in captures:
        path, score = judged.capture.path, judged.verdict.score
        frame = load(judged.capture, CPU, policy).pixels
        scores = {one: ssim_of(frame, other) for one, other in window}
        best = max(scores.values(), default=-1.0)
        near = next((other for one, other in window if score.nearest and one == score.nearest.path), None)
        kind = Kind.SIMILAR if best > policy.similar else Kind.NEW
        if near is not None and score.nearest is not None and best > policy.duplicate:
            assert scores[score.nearest.path] == pytest.approx(best, abs=2e-5)
            worst = worst_tile(frame, near)
            assert score.worst_tile == pytest.approx(worst, abs=1e-4)
            kind = Kind.SIMILAR if worst < policy.guard else Kind.DUPLICATE
        assert judged.verdict.kind is kind, (path.name, best, score)
        assert judged.verdict.guarded == (kind is Kind.SIMILAR and best > policy.duplicate)
        counts[kind] += 1
        if kind is not Kind.DUPLICATE:
            window.insert(0, (path, frame))
    return counts


def run(paths: Iterable[Path], policy: Policy) -> list[Judged]:
    read = partial(load, device=CPU, policy=policy)
    found = list(judge_all(map(capture_of, paths), Windows(policy, read), policy, read))
    return [item for item in found if isinstance(item, Judged)]


words = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 30)), max_size=2)
streams = st.lists(st.tuples(st.integers(0, 1), words), min_size=2, max_size=8)


@settings(deadline=None, max_examples=40)
@given(streams, st.floats(0, 1, exclude_max=True) | st.just(0.9), st.sampled_from(((0.99, 0.95), (0.8, 0.5))))
def test_verdicts_are_those_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    stream: list[tuple[int, list[tuple[int, int]]]],
    guard: float,
    thresholds: tuple[float, float],
) -> None:
    policy = Policy(*thresholds, reduce=1, guard=guard)
    brute_force(run(screens(stream, tmp_path_factory.mktemp("stream")), policy), policy)


def test_a_day_of_small_changes_has_duplicates_and_guarded_ones(tmp_path: Path) -> None:
    policy = Policy(0.97, 0.9, reduce=1, guard=0.93)
    stream = [(0, [(place, 4 + place % 23)]) for place in range(0, 300, 9)]
    found = run(screens(stream, tmp_path), policy)
    counts = brute_force(found, policy)
    assert counts[Kind.DUPLICATE] >= 5
    assert sum(judged.verdict.guarded for judged in found) >= 5


def test_at_the_guard_itself_the_reference_decides(tmp_path: Path) -> None:
    paths = screens([(0, []), (0, [(30, 20)])], tmp_path)
    one, other = (load(capture_of(path), CPU, Policy(reduce=1)).pixels for path in paths)
    worst = worst_tile(one, other)
    for nudge, kind in ((-1e-7, Kind.DUPLICATE), (0.0, Kind.DUPLICATE), (1e-7, Kind.SIMILAR)):
        policy = Policy(0.9, 0.5, reduce=1, guard=worst + nudge)
        assert run(paths, policy)[1].verdict.kind is kind


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_the_worst_tile_by_reference_is_that_of_all_tiles(pair: tuple[Tensor, Tensor]) -> None:
    x, y = pair
    worst = worst_tile(x, y)
    assert worst_by_reference(x, y) == pytest.approx(min(worst, 1.0), abs=1e-6)
    measured = measure(x, y, floor=-1.0)
    assert measured.worst_tile == pytest.approx(worst, abs=1e-3)


def test_no_guard_means_no_guard_however_bad_the_worst_tile_is(tmp_path: Path) -> None:
    capture = capture_of(screens([(0, [])], tmp_path)[0])
    score = Score(capture, 0.995, exact=True, worst_tile=-0.4)
    assert decide(capture, score, Policy()).kind is Kind.DUPLICATE
    verdict = decide(capture, score, Policy(guard=0.01))
    assert (verdict.kind, verdict.guarded, verdict.stays) == (Kind.SIMILAR, True, True)
    assert not decide(capture, Score(capture, 0.96, exact=True, worst_tile=-0.4), Policy(guard=0.01)).guarded
    assert decide(capture, score, Policy(guard=0.01, duplicate=0.999)).kind is Kind.SIMILAR


def test_a_policy_written_before_there_was_a_guard_is_read() -> None:
    old = {"duplicate": 0.98, "similar": 0.9, "window": 7, "reduce": 2}
    assert Policy.from_json(old) == Policy(0.98, 0.9, 7)
    assert Policy.from_json(json.loads(json.dumps(Policy(guard=0.5).as_json()))) == Policy(guard=0.5)


def test_the_watcher_keeps_what_the_guard_keeps_and_says_why(
    desk: Desk, watch_here: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.config.write_text(f'{desk.head}guard = 0.5\nduplicate = 0.97\nlog_color = "never"\n')
    one, other = desk.path(1), desk.path(2)
    watch_here((one, screen(1)), (other, typed(1, 1)), flags=["--guard", "0.998"])
    watch_here((desk.path(3), typed(1, 1)), (desk.path(4), screen(1)))
    said = desk.decisions()
    assert [said[desk.relative(desk.path(tick))][0] for tick in (1, 2, 3, 4)] == [
        *("new", "similar"),
        *("duplicate", "duplicate"),
    ]
    line = next(line for line in (desk.logs / "framesift.log").read_text().splitlines() if " similar " in line)
    assert "  worst tile 0.9" in line
    main(["why", str(other)])
    text = " ".join(capfd.readouterr().out.split())
    assert "which is below guard 0.998: similar, though a duplicate by its SSIM" in text
    assert "duplicate above 0.97, similar above 0.95, guard 0.998, window 100" in text
    main(["compare", str(one), str(other)])
    assert "duplicate above 0.97, similar above 0.95, guard 0.5)" in capfd.readouterr().out
    desk.config.write_text(f"{desk.head}guard = 0.998\nduplicate = 0.97\n")
    main(["compare", "--json", str(one), str(other)])
    found = json.loads(capfd.readouterr().out)
    assert (found["kind"], found["guarded"], found["policy"]["guard"]) == ("similar", True, 0.998)
    main(["compare", str(one), str(other)])
    assert ", below the guard, in " in capfd.readouterr().out
