"""Thresholds are strict, and a policy is read back as it was written."""

from datetime import datetime
from pathlib import Path

import pytest

from watcher.model.capture import Capture
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, decide, unreadable

CAPTURE = Capture(Path("/screens/a_1.png"), 1, datetime(2020, 5, 4), 100, 1)
POLICY = Policy(duplicate=0.99, similar=0.95, guard=0.5)
ODD = Policy(
    0.9, 0.8, 7, reduce=3, guard=0.25, ignore=(("*", ((0, 0, 9, 9),)), ("2", ((1, 2, 3, 4),))), across_displays=True
)


@pytest.mark.parametrize(
    ("ssim", "worst_tile", "kind", "guarded"),
    [
        (0.9901, 1.0, Kind.DUPLICATE, False),
        (0.99, 1.0, Kind.SIMILAR, False),
        (0.9501, 1.0, Kind.SIMILAR, False),
        (0.95, 1.0, Kind.NEW, False),
        (-1.0, 1.0, Kind.NEW, False),
        (0.9901, 0.5, Kind.DUPLICATE, False),
        (0.9901, 0.4999, Kind.SIMILAR, True),
        (0.99, 0.4999, Kind.SIMILAR, False),
        (0.95, 0.4999, Kind.NEW, False),
    ],
)
def test_all_thresholds_are_strict(ssim: float, worst_tile: float, kind: Kind, guarded: bool) -> None:
    verdict = decide(CAPTURE, Score(CAPTURE, ssim, exact=True, worst_tile=worst_tile), POLICY)
    assert (verdict.kind, verdict.guarded) == (kind, guarded)
    assert verdict.stays == (kind is not Kind.DUPLICATE)
    assert (verdict.capture, verdict.policy, verdict.reason) == (CAPTURE, POLICY, "")


def test_without_a_guard_no_tile_is_too_bad() -> None:
    score = Score(CAPTURE, 0.9901, exact=True, worst_tile=-1.0)
    assert decide(CAPTURE, score, Policy()).kind is Kind.DUPLICATE


def test_the_first_of_a_window_is_new_and_no_score_of_it_is_exact() -> None:
    verdict = decide(CAPTURE, NOTHING_TO_COMPARE, Policy(0.1, -0.9999, guard=0.9))
    assert (verdict.kind, verdict.score) == (Kind.NEW, Score(None, -1.0, exact=False, worst_tile=1.0))


def test_the_usual_policy() -> None:
    assert Policy() == Policy(0.99, 0.95, 100, reduce=2, guard=0.0, ignore=(), across_displays=False)


def test_what_cannot_be_read_is_compared_with_nothing_and_with_it_nothing_is() -> None:
    verdict = unreadable(CAPTURE, "not a PNG image", POLICY)
    assert (verdict.kind, verdict.score, verdict.reason) == (Kind.UNREADABLE, NOTHING_TO_COMPARE, "not a PNG image")
    assert not verdict.stays
    assert not verdict.guarded


@pytest.mark.parametrize("policy", [Policy(), POLICY, ODD])
def test_a_policy_is_read_back_as_it_was_written(policy: Policy) -> None:
    assert Policy.from_json(policy.as_json()) == policy


def test_what_an_older_framesift_did_not_know_has_its_default() -> None:
    assert Policy.from_json({"duplicate": 0.9, "window": 7}) == Policy(duplicate=0.9, window=7)


def test_the_thresholds_are_told_in_words() -> None:
    assert Policy().thresholds == "duplicate above 0.99, similar above 0.95"
    assert POLICY.thresholds == "duplicate above 0.99, similar above 0.95, guard 0.5"


def test_a_display_is_prepared_by_its_own_rectangles_and_by_those_of_all() -> None:
    assert ODD.preparation(1).ignored == ((0, 0, 9, 9),)
    assert ODD.preparation(2).ignored == ((0, 0, 9, 9), (1, 2, 3, 4))
    assert ODD.preparation(2).reduce == 3
