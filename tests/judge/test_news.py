"""News: a duplicate in which something as wide as a word has changed is similar, by the pixels of brute force."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.conftest import Watch
from tests.desk import Desk
from tests.judge.test_guard import CPU, run, screens, ssim_of, streams
from tests.pictures import screen, typed
from watcher.cli import main
from watcher.judge.frame import load
from watcher.judge.regions import widest_change
from watcher.judge.scenes import painted_over
from watcher.judge.tiles import Squares
from watcher.model.capture import Capture
from watcher.model.preparation import Rectangle
from watcher.model.verdict import Kind, Policy, Score, decide

CAPTURE = Capture(Path("/x/f_1.png"), 1, datetime(2020, 5, 4), 10, 20)


def places(x: Tensor, y: Tensor) -> Iterator[Rectangle]:
    """By definition: pixels that have changed, joined if the cells of 16 px they lie in touch, pixel by pixel."""
    pixels = {
        (row, column)
        for row, column in (x != y).any(0).nonzero().tolist()
        if max(abs(int(x[channel, row, column]) - int(y[channel, row, column])) for channel in range(3)) > 8
    }
    while pixels:
        group, waiting = [], [pixels.pop()]
        while waiting:
            one = waiting.pop()
            group.append(one)
            near = {
                other
                for other in pixels
                if all(abs(mine // 16 - theirs // 16) <= 1 for mine, theirs in zip(one, other, strict=True))
            }
            pixels -= near
            waiting += near
        rows, columns = zip(*group, strict=True)
        yield min(columns), min(rows), max(columns) - min(columns) + 1, max(rows) - min(rows) + 1


def widest(x: Tensor, y: Tensor) -> Rectangle | None:
    return min(places(x, y), key=lambda place: (-place[2], place[1], place[0]), default=None)


dots = st.tuples(st.integers(0, 59), st.integers(0, 99), st.integers(1, 3), st.integers(1, 40), st.integers(1, 40))


@settings(deadline=None, max_examples=150)
@given(st.lists(dots, max_size=6), st.booleans(), st.sampled_from([1, 2, 3]))
def test_the_widest_change_is_that_of_brute_force(
    drawn: list[tuple[int, int, int, int, int]], padded: bool, reduce: int
) -> None:
    x = torch.full((3, 60, 100), 100, dtype=torch.uint8)
    y = x.clone()
    for row, column, high, wide, by in drawn:
        y[by % 3, row : row + high, column : column + wide] = 100 + (by if by % 2 else -by)
    expected = widest(x, y)
    if padded:  # as frames are held in memory
        x, y = painted_over(x, (), 1), painted_over(y, (), 1)
    units = Squares(x).unequal(Squares(y)).nonzero()
    found = widest_change(x, y, units, reduce)
    assert found == (None if expected is None else tuple(side * reduce for side in expected))
    assert widest_change(y, x, units, reduce) == found


def test_eight_levels_are_no_change_and_nine_are() -> None:
    x = torch.zeros(3, 32, 32, dtype=torch.uint8)
    for by, expected in ((8, None), (9, (4, 5, 7, 2))):
        y = x.clone()
        y[1, 5:7, 4:11] = by
        assert widest_change(x, y, Squares(x).unequal(Squares(y)).nonzero()) == expected


@settings(deadline=None, max_examples=40)
@given(streams, st.integers(1, 40))
def test_verdicts_are_those_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory, stream: list[tuple[int, list[tuple[int, int]]]], news: int
) -> None:
    policy = Policy(0.8, 0.5, reduce=1, news=news)
    window: list[tuple[Path, Tensor]] = []
    for judged in run(screens(stream, tmp_path_factory.mktemp("stream")), policy):
        verdict = judged.verdict
        frame = load(judged.capture, CPU, policy).pixels
        scores = {path: ssim_of(frame, other) for path, other in window}
        best = max(scores.values(), default=-1.0)
        kind = Kind.SIMILAR if best > policy.similar else Kind.NEW
        if best > policy.duplicate:
            assert verdict.score.nearest is not None
            near = dict(window)[verdict.score.nearest.path]
            change = widest(frame, near)
            assert verdict.score.change == change
            kind = Kind.SIMILAR if change is not None and change[2] >= news else Kind.DUPLICATE
        assert verdict.kind is kind
        assert verdict.news == (verdict.score.change if best > policy.duplicate and kind is Kind.SIMILAR else None)
        if kind is not Kind.DUPLICATE:
            window.insert(0, (judged.capture.path, frame))


def test_nobody_is_asked_for_what_has_changed_without_the_setting(tmp_path: Path) -> None:
    first, second = run(screens([(0, []), (0, [(30, 20)])], tmp_path), Policy(0.8, 0.5, reduce=1))
    assert second.verdict.kind is Kind.DUPLICATE
    assert (first.verdict.score.change, second.verdict.score.change) == (None, None)


@pytest.mark.parametrize(
    ("change", "ssim", "guard", "kind", "is_news"),
    [
        ((0, 0, 35, 1), 0.995, 0.0, Kind.SIMILAR, True),
        ((0, 0, 34, 900), 0.995, 0.0, Kind.DUPLICATE, False),
        (None, 0.995, 0.0, Kind.DUPLICATE, False),
        ((0, 0, 34, 1), 0.995, 0.9, Kind.SIMILAR, False),
        ((0, 0, 35, 1), 0.995, 0.9, Kind.SIMILAR, True),
        ((0, 0, 99, 1), 0.97, 0.0, Kind.SIMILAR, False),
        ((0, 0, 99, 1), 0.9, 0.0, Kind.NEW, False),
    ],
)
def test_only_the_width_decides(change: Rectangle | None, ssim: float, guard: float, kind: Kind, is_news: bool) -> None:
    score = Score(CAPTURE, ssim, exact=True, worst_tile=0.5, change=change)
    verdict = decide(CAPTURE, score, Policy(guard=guard, news=35))
    assert (verdict.kind, verdict.news == change and change is not None) == (kind, is_news)


def test_the_watcher_keeps_news_and_says_where_they_are(
    desk: Desk, watch_here: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.config.write_text(f'{desk.head}duplicate = 0.97\nlog_color = "never"\n')
    one, other = desk.path(1), desk.path(2)
    watch_here((one, screen(1)), (other, typed(1, 1)), flags=["--news", "2"])
    watch_here((desk.path(3), typed(1, 1)), (desk.path(4), screen(1)), flags=["--news", "900"])
    said = desk.decisions()
    assert [said[desk.relative(desk.path(tick))][0] for tick in (1, 2, 3, 4)] == [
        *("new", "similar"),
        *("duplicate", "duplicate"),
    ]
    main(["history", "--json"])
    entries = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    changes = {entry["path"]: entry["change"] for entry in entries}
    left, top, width, height = changes[str(other)]
    assert changes[str(one)] is None
    place = f"{width} x {height} pixels at {left}, {top}"
    line = next(line for line in (desk.logs / "framesift.log").read_text().splitlines() if " similar " in line)
    assert line.endswith(f"  news in {place}")
    main(["why", str(other)])
    text = " ".join(capfd.readouterr().out.split())
    assert f"news {place}, as much as news 2: similar, though a duplicate by its SSIM" in text
    assert "similar above 0.95, news 2, window 100" in text
    main(["compare", "--json", str(one), str(other)])
    assert json.loads(capfd.readouterr().out)["change"] == [left, top, width, height]
    main(["compare", str(one), str(other)])
    assert f"widest change {place} " in " ".join(capfd.readouterr().out.split()) + " "


def test_a_duplicate_tells_its_widest_change(desk: Desk, watch_here: Watch, capfd: pytest.CaptureFixture[str]) -> None:
    desk.config.write_text(f"{desk.head}duplicate = 0.97\nnews = 900\n")
    watch_here((desk.path(1), screen(1)), (desk.path(2), typed(1, 1)))
    main(["why", str(desk.path(2))])
    text = " ".join(capfd.readouterr().out.split())
    assert "news none; the widest change is " in text
    assert ", less than news 900" in text
