"""Displays that trade places: with ``across_displays`` a screen is known wherever it was shown before."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_msssim import ssim

from tests.conftest import Watch
from tests.desk import START, Desk, judge_all, name_of
from tests.desk import capture_of as named_capture_of
from tests.judge.test_window import CPU, capture_of, judged, pixels, reading
from tests.judge.test_window import screen as drawn
from tests.pictures import screen, typed
from watcher.cli import main
from watcher.judge.frame import Frame, load
from watcher.judge.pipeline import Judged, Postponed
from watcher.judge.signature import Signature, compute
from watcher.judge.windows import Windows
from watcher.ledger.totals import Totals
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind, Policy, Score, decide
from watcher.terminal.console import entry_line

Screens = list[tuple[int, int, int]]
"""Display, screen, and how much has changed on it."""


def saved(stream: Screens, folder: Path) -> list[Capture]:
    captures = []
    for number, (display, seed, changes) in enumerate(stream):
        path = folder / f"{number}_{display}.png"
        drawn(seed, changes).save(path, compress_level=0)
        captures.append(capture_of(path, number, display))
    return captures


def check_by_brute_force(items: Iterable[Judged], policy: Policy) -> int:
    """The definition, with plain lists; returns how many captures were decided by another display's frame."""
    windows: dict[int, list[Capture]] = {}
    foreign = 0
    for item in items:
        capture, score = item.capture, item.verdict.score
        own = windows.setdefault(capture.display, [])
        frame = pixels(capture, policy)
        scores = {
            one: float(ssim(frame, pixels(one, policy), data_range=255, size_average=False))
            for window in windows.values()
            for one in window
        }
        best = max((scores[one] for one in own), default=-1.0)
        if best <= policy.duplicate and policy.across_displays:
            best = max(scores.values(), default=-1.0)
        kind = Kind.DUPLICATE if best > policy.duplicate else Kind.SIMILAR if best > policy.similar else Kind.NEW
        assert item.verdict.kind is kind, (capture.path.name, best, scores, score)
        if kind is not Kind.NEW:
            assert score.nearest is not None
            assert scores[score.nearest] == pytest.approx(best, abs=2e-5)
            foreign += score.nearest.display != capture.display
        if kind is Kind.DUPLICATE:
            assert score.nearest is not None
            window = windows[score.nearest.display]
            window.remove(score.nearest)
            window.insert(0, score.nearest)
        else:
            own.insert(0, capture)
            del own[policy.window or len(own) :]
    return foreign


streams = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 2), st.sampled_from((0, 0, 1, 8, 20))), min_size=2, max_size=12
)
policies = st.builds(
    lambda thresholds, window: Policy(thresholds[0], thresholds[1], window, reduce=1, across_displays=True),
    st.sampled_from([(0.99, 0.95), (0.8, 0.6), (0.95, 0.5)]),
    st.sampled_from((0, 1, 2, 100)),
)


@settings(deadline=None, max_examples=30)
@given(streams, policies, st.integers(0, 8), st.sampled_from((0, 10**9)))
def test_verdicts_are_those_of_brute_force_also_over_a_restart(
    tmp_path_factory: pytest.TempPathFactory, stream: Screens, policy: Policy, cut: int, memory: int
) -> None:
    torch.set_num_threads(1)  # as the watcher has it: more make small work slower
    captures = saved(stream, tmp_path_factory.mktemp("stream"))
    before = Windows(policy, reading(policy), frame_memory=memory)
    first = list(judged(captures[:cut], before, policy))
    kept = {item.capture: item.admitted for item in first if item.admitted is not None}
    after = Windows(policy, reading(policy), frame_memory=memory)
    after.restore(kept[capture] for window in before._windows.values() for capture in window.captures)
    check_by_brute_force([*first, *judged(captures[cut:], after, policy)], policy)


SWAPPED = [(1, 1, 0), (2, 2, 0), (1, 2, 0), (2, 1, 0), (1, 1, 3), (2, 2, 0), (3, 9, 0), (1, 9, 0)]


def test_only_on_request_are_other_displays_compared_with(tmp_path: Path) -> None:
    captures = saved(SWAPPED, tmp_path)
    for across, kinds, foreign in (
        (True, ["new", "new", "duplicate", "duplicate", "similar", "duplicate", "new", "duplicate"], 3),
        (False, ["new", "new", "new", "new", "similar", "duplicate", "new", "new"], 0),
    ):
        policy = Policy(similar=0.8, reduce=1, across_displays=across)
        items = list(judged(captures, Windows(policy, reading(policy)), policy))
        assert [item.verdict.kind for item in items] == kinds
        assert check_by_brute_force(items, policy) == foreign


def test_the_own_display_comes_first_among_equals(tmp_path: Path) -> None:
    policy = Policy(similar=0.8, reduce=1, across_displays=True)
    before = Policy(similar=0.8, reduce=1)
    captures = saved([(2, 1, 0), (1, 1, 0), (1, 1, 0), (1, 1, 3)], tmp_path)
    kept = [item.admitted for item in judged(captures[:2], Windows(before, reading(before)), before)]
    windows = Windows(policy, reading(policy))
    windows.restore(one for one in kept if one)
    third, fourth = judged(captures[2:], windows, policy)
    assert third.verdict.score.nearest == fourth.verdict.score.nearest == captures[1]


def test_other_sizes_are_never_compared(tmp_path: Path) -> None:
    policy = Policy(reduce=1, across_displays=True)
    captures = saved([(1, 1, 0), (2, 1, 0)], tmp_path)
    drawn(1, size=(60, 45)).save(captures[1].path)
    captures[1] = capture_of(captures[1].path, 1, 2)
    assert [item.verdict.kind for item in judged(captures, Windows(policy, reading(policy)), policy)] == ["new", "new"]


def test_a_frame_has_one_signature_in_however_many_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, counted = Policy(reduce=1, across_displays=True), []

    def counting(pixels: torch.Tensor, like: tuple[torch.Tensor, Signature] | None) -> Signature:
        counted.append(1)
        return compute(pixels, like)

    monkeypatch.setattr("watcher.judge.window.compute", counting)
    captures = saved([(1, 1, 0), (2, 2, 0), (3, 3, 0), (3, 4, 0)], tmp_path)
    items = list(judged(captures, Windows(policy, reading(policy)), policy))
    assert [item.verdict.kind for item in items] == [Kind.NEW] * 4
    assert len(counted) == 4


def test_a_picture_of_another_display_that_cannot_be_read_postpones_and_one_that_is_gone_leaves(tmp_path: Path) -> None:
    policy, broken = Policy(similar=0.5, reduce=1, across_displays=True), []
    captures = saved([(1, 1, 0), (2, 1, 3), (2, 1, 3), (2, 1, 3)], tmp_path)

    def reads(capture: Capture) -> Frame:
        if capture.path in broken:
            raise PermissionError(13, "Permission denied")
        return load(capture, CPU, policy)

    stream = judge_all(captures, Windows(policy, reads, frame_memory=0), policy, reads)
    next(stream)
    broken.append(captures[0].path)
    assert isinstance(next(stream), Postponed)
    broken.clear()
    captures[0].path.unlink()
    third, fourth = stream
    assert isinstance(third, Judged)
    assert (third.verdict.kind, third.changes.lost) == (Kind.NEW, (captures[0],))
    assert isinstance(fourth, Judged)
    assert fourth.verdict.kind is Kind.DUPLICATE


@pytest.mark.parametrize(("display", "shown"), [(2, "= 2: 05-04 09:00:00"), (12, "=12: 05-04 09:00:00")])
def test_the_log_names_the_other_display_and_its_columns_stay(display: int, shown: str) -> None:
    lines = []
    for near in (1, display):
        one, other = (Capture(Path(name_of(START, number)), number, START, 999_900_000, 1) for number in (1, near))
        verdict = decide(one, Score(other, 1.0, exact=True, worst_tile=1.0), Policy(across_displays=True))
        entry = Entry(1, verdict, State.KEPT, Path("/x"), None, None, datetime.now())
        lines.append(entry_line(entry, 12.3).plain)
    assert shown in lines[1]
    assert len(lines[0]) == len(lines[1]) <= 80
    assert "= 05-04 09:00:00 " in lines[0]


def test_the_watcher_knows_displays_that_have_traded_places_also_after_a_restart(
    desk: Desk, watch_here: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.config.write_text(f'{desk.head}across_displays = true\nlog_color = "never"\n')
    watch_here((desk.path(1), screen(1)), (desk.path(1, 2), screen(2)), (desk.path(2, 2), screen(1)))
    watch_here(
        (desk.path(3), screen(2)),
        (desk.path(4), screen(2)),
        (desk.path(4, 2), screen(1)),
        (desk.path(5), typed(2, 3)),
        (desk.path(6), screen(5)),
    )
    said = desk.decisions()
    first, second = (desk.relative(desk.path(1, display)) for display in (1, 2))
    found = {
        place: said[desk.relative(desk.path(*place))] for place in ((2, 2), (3, 1), (4, 1), (4, 2), (5, 1), (6, 1))
    }
    assert {place: (values[0], values[3]) for place, values in found.items() if place != (6, 1)} == {
        (2, 2): ("duplicate", first),
        (3, 1): ("duplicate", second),
        (4, 1): ("duplicate", second),
        (4, 2): ("duplicate", first),
        (5, 1): ("similar", second),
    }
    assert found[6, 1][0] == "new"
    assert all(facts.exists() for facts in (desk.path(1), desk.path(1, 2), desk.path(5), desk.path(6)))
    assert desk.mirrored(desk.path(4)).exists()
    order = {display: [frame[0] for frame in frames] for display, frames in desk.windows(100).items()}
    assert order == {1: [desk.relative(desk.path(tick)) for tick in (6, 5, 1)], 2: [second]}
    with desk.ledger() as ledger:
        totals = Totals(ledger, desk.root)
        assert totals.unchanged(1) == (None, 0)
        since, count = totals.unchanged(2)
        assert since == named_capture_of(desk.mirrored(desk.path(2, 2))).taken_at
        assert count == 1
        assert totals.windows(100) == {1: 3, 2: 1}
    assert "= 2: 05-04 09:05:00 " in (desk.logs / "framesift.log").read_text()
    main(["why", str(desk.path(3))])
    assert "window 100, across displays" in " ".join(capfd.readouterr().out.split())
