"""What is ignored is invisible to the verdict; and compare finds what would have to be."""

import json
import random
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pytorch_msssim import ssim
from torch import Tensor

from tests.conftest import Watch
from tests.desk import Desk, capture_of, judge_all
from tests.pictures import screen
from watcher.cli import main
from watcher.judge.difference import captures_of, compare
from watcher.judge.frame import Frame, load
from watcher.judge.pipeline import Judged
from watcher.judge.regions import LIMIT, boxes_of
from watcher.judge.windows import Windows
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Timeline
from watcher.model.kept_frame import NOTHING_CHANGED, KeptFrame
from watcher.model.preparation import Preparation, Rectangle, ignored_of
from watcher.model.verdict import Kind, Policy

CPU = torch.device("cpu")


def painted(image: Image.Image, rectangles: Iterable[Rectangle], reduce: int) -> Tensor:
    """The frame by definition: grey over each rectangle, pixel by pixel, then averaged."""
    rgb = image.convert("RGB")
    for x, y, width, height in rectangles:
        for column in range(max(x, 0), min(x + width, rgb.width)):
            for row in range(max(y, 0), min(y + height, rgb.height)):
                rgb.putpixel((column, row), (128, 128, 128))
    small = rgb.reduce(reduce)
    flat = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8)
    return flat.view(small.height, small.width, 3).permute(2, 0, 1)


def saved(image: Image.Image, path: Path) -> Capture:
    image.save(path, compress_level=0)
    return capture_of(path)


def noise(mode: str, width: int = 41, height: int = 37) -> Image.Image:
    image = Image.frombytes("RGB", (width, height), random.Random(3).randbytes(width * height * 3))
    if mode == "LA":
        grey = image.convert("L")
        return Image.merge("LA", (grey, grey))
    return image.quantize(32) if mode == "P" else image.convert(mode)


# Preparing.


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
@pytest.mark.parametrize("reduce", [1, 2, 3])
def test_every_kind_of_image_is_painted_before_it_is_averaged(mode: str, reduce: int, tmp_path: Path) -> None:
    rectangles = [(3, 5, 10, 7), (-4, 20, 9, 500), (35, -3, 2, 9), (100, 100, 5, 5), (8, 8, 10, 10)]
    image = noise(mode)
    capture = saved(image, tmp_path / "a_1.png")
    frame = load(capture, CPU, Policy(reduce=reduce, ignore=ignored_of({"1": rectangles})))
    plain = image.getchannel(0) if mode == "LA" else image
    if mode == "RGBA":
        plain = image.convert("RGB")
    assert torch.equal(frame.pixels, painted(plain, rectangles, reduce))


def test_sixteen_bits_are_painted_with_the_shade_of_all_others(tmp_path: Path) -> None:
    image = Image.frombytes("I;16", (40, 40), random.Random(1).randbytes(3200))
    policy = Policy(reduce=1, ignore=ignored_of({"*": [(0, 0, 40, 20)]}))
    pixels = load(saved(image, tmp_path / "a_1.png"), CPU, policy).pixels
    assert bool((pixels[:, :20] == 128).all())
    assert torch.equal(pixels[:, 20:], load(capture_of(tmp_path / "a_1.png"), CPU, Policy(reduce=1)).pixels[:, 20:])


def test_a_display_has_its_own_rectangles_and_those_of_all() -> None:
    policy = Policy(ignore=ignored_of({"*": [(5, 0, 1, 1), (1, 2, 3, 4)], "2": [[1, 1, 1, 1], [5, 0, 1, 1]], "7": []}))
    assert policy.preparation(1) == Preparation(2, ((1, 2, 3, 4), (5, 0, 1, 1)))
    assert policy.preparation(2) == Preparation(2, ((1, 1, 1, 1), (1, 2, 3, 4), (5, 0, 1, 1)))
    assert policy.digest(1) == policy.digest(7) != policy.digest(2)
    assert Policy(reduce=2).digest(1) != Policy(reduce=1).digest(1)


rectangles_of_displays = st.dictionaries(
    st.sampled_from(["*", "1", "2", "10"]),
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 50), st.integers(1, 50))),
)


@given(rectangles_of_displays, st.floats(0, 0.9))
def test_a_policy_with_rectangles_is_one_value_however_it_was_written(
    table: dict[str, list[Rectangle]], guard: float
) -> None:
    policy = Policy(guard=guard, ignore=ignored_of(table))
    assert Policy.from_json(json.loads(json.dumps(policy.as_json()))) == policy
    backwards = {name: table[name][::-1] for name in reversed(table)}
    assert hash(Policy(guard=guard, ignore=ignored_of(backwards))) == hash(policy)


# Verdicts.


def ticking(number: int, tick: int) -> Image.Image:
    """A screen with a clock in a corner, which shows another *tick*."""
    rng = random.Random(number)
    image = Image.new("RGB", (150, 90), (rng.randrange(256), 90, 160))
    draw = ImageDraw.Draw(image)
    for _ in range(20):
        x, y = rng.randrange(140), rng.randrange(20, 85)
        draw.rectangle((x, y, x + rng.randrange(20), y + 4), fill=rng.randrange(2**24))
    draw.rectangle((110, 2, 140, 14), fill="black")
    draw.line((110 + tick * 7 % 30, 2, 140 - tick * 5 % 30, 14), fill="white")
    return image


CLOCK = (109, 1, 33, 15)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=2, max_size=9),
    st.sampled_from([(CLOCK,), (), ((105, 0, 20, 9), (0, 50, 60, 60))]),
    st.sampled_from([(0.9999, 0.95), (0.97, 0.8)]),
)
def test_verdicts_are_those_of_brute_force_over_painted_frames(
    tmp_path_factory: pytest.TempPathFactory,
    stream: list[tuple[int, int]],
    rectangles: tuple[Rectangle, ...],
    thresholds: tuple[float, float],
) -> None:
    torch.set_num_threads(1)  # as the watcher has it: more make small work slower
    policy = Policy(*thresholds, ignore=ignored_of({"1": rectangles, "2": [(0, 0, 999, 999)]}))
    folder = tmp_path_factory.mktemp("stream")
    captures = [saved(ticking(*one), folder / f"{number}_1.png") for number, one in enumerate(stream)]
    read = partial(load, device=CPU, policy=policy)
    window: list[Tensor] = []
    for judged, one in zip(judge_all(captures, Windows(policy, read), policy, read), stream, strict=True):
        assert isinstance(judged, Judged)
        frame = painted(ticking(*one), rectangles, 2).float()[None]
        best = max((float(ssim(frame, old, data_range=255, size_average=False)) for old in window), default=-1.0)
        kind = Kind.DUPLICATE if best > policy.duplicate else Kind.SIMILAR if best > policy.similar else Kind.NEW
        assert judged.verdict.kind is kind
        if kind is not Kind.NEW:
            assert judged.verdict.score.ssim == pytest.approx(best, abs=2e-5)
        if kind is not Kind.DUPLICATE:
            window.append(frame)


def test_a_strict_threshold_works_where_the_clock_is_ignored(tmp_path: Path) -> None:
    captures = [saved(ticking(1, tick), tmp_path / f"{tick}_1.png") for tick in range(6)]
    for ignored, kinds in (({}, {Kind.SIMILAR}), ({"1": [CLOCK]}, {Kind.DUPLICATE})):
        policy = Policy(duplicate=0.9999, similar=0.5, ignore=ignored_of(ignored))
        read = partial(load, device=CPU, policy=policy)
        found = list(judge_all(captures, Windows(policy, read), policy, read))
        assert {one.verdict.kind for one in found[1:] if isinstance(one, Judged)} == kinds


# A restart under other rectangles.


def kept_under(policy: Policy, captures: list[Capture]) -> list[KeptFrame]:
    read = partial(load, device=CPU, policy=policy)
    found = judge_all(captures, Windows(policy, read), policy, read)
    return [one.admitted for one in found if isinstance(one, Judged) and one.admitted][::-1]


def test_signatures_made_under_other_rectangles_are_computed_again(tmp_path: Path) -> None:
    captures = [saved(ticking(number, 0), tmp_path / f"{number}_1.png") for number in range(3)]
    other = [replace(one, display=2) for one in captures]
    plain, after = Policy(), Policy(ignore=ignored_of({"1": [CLOCK]}))
    again = saved(ticking(1, 5), tmp_path / "9_1.png")
    read: list[Capture] = []

    def counted(capture: Capture) -> Frame:
        read.append(capture)
        return load(capture, CPU, after)

    windows = Windows(after, counted)
    windows.restore([*kept_under(plain, captures), *kept_under(plain, other)])
    (item,) = judge_all([again], windows, after, partial(load, device=CPU, policy=after))
    assert isinstance(item, Judged)
    assert (item.verdict.kind, item.verdict.score.nearest) == (Kind.DUPLICATE, captures[1])
    assert item.verdict.score.ssim == 1.0
    assert sorted(map(repr, item.changes.renewed)) == sorted(map(repr, kept_under(after, captures)))
    del read[:]
    windows._of(load(other[0], CPU, after))
    assert windows.take_changes() == NOTHING_CHANGED
    assert read == [], "the rectangles of the second display are what they were"


# Places.


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(st.integers(11, 400), st.integers(11, 400)),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60), st.integers(1, 30)), max_size=60),
)
def test_boxes_hold_all_that_has_changed_are_few_and_tight(
    size: tuple[int, int], marks: list[tuple[float, float, int, int]]
) -> None:
    changed = torch.zeros(size, dtype=torch.bool)
    for down, across, wide, high in marks:
        top, left = int(down * (size[0] - 1)), int(across * (size[1] - 1))
        changed[top : top + high, left : left + wide] = True
    boxes = boxes_of(changed)
    held = torch.zeros_like(changed)
    assert len(boxes) <= LIMIT
    for left, top, right, bottom in boxes:
        part = changed[top:bottom, left:right]
        assert part.shape == (bottom - top, right - left)
        assert part[0].any()
        assert part[-1].any()
        assert part[:, 0].any()
        assert part[:, -1].any()
        held[top:bottom, left:right] = True
    assert not bool((changed & ~held).any())


def test_places_apart_stay_apart_and_neighbours_are_one() -> None:
    changed = torch.zeros(400, 600, dtype=torch.bool)
    changed[5:12, 500:506] = changed[5:12, 510:517] = True
    changed[300, 40] = True
    assert boxes_of(changed) == [(500, 5, 517, 12), (40, 300, 41, 301)]
    assert boxes_of(torch.zeros(30, 30, dtype=torch.bool)) == []
    assert boxes_of(torch.ones(30, 50, dtype=torch.bool)) == [(0, 0, 50, 30)]
    ring = torch.zeros(300, 300, dtype=torch.bool)
    ring[[0, -1]] = ring[:, [0, -1]] = ring[150, 150] = True
    assert boxes_of(ring) == [(0, 0, 300, 300)], "what lies in another is one with it"
    scattered = torch.zeros(2000, 2000, dtype=torch.bool)
    scattered[::40, ::40] = True
    assert boxes_of(scattered) == [(0, 0, 1961, 1961)]


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(33, 130), st.integers(33, 130)),
    st.lists(st.tuples(st.integers(0, 129), st.integers(0, 129), st.integers(1, 30)), min_size=1, max_size=12),
    st.sampled_from([1, 2, 3]),
)
def test_ignoring_what_compare_names_makes_two_captures_equal(
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    marks: list[tuple[int, int, int]],
    reduce: int,
) -> None:
    folder = tmp_path_factory.mktemp("pair")
    one = noise("RGB", *size)
    other = one.copy()
    for x, y, side in marks:
        ImageDraw.Draw(other).rectangle((x, y, x + side, y + side // 2), fill=(x, y, side))
    assume(one.tobytes() != other.tobytes())
    captures = saved(one, folder / "a_3.png"), saved(other, folder / "b_3.png")
    before = compare(*captures, Policy(reduce=reduce), "cpu", by_reference=False)
    policy = Policy(reduce=reduce, ignore=ignored_of({"3": before.places}))
    after = compare(*captures, policy, "cpu", by_reference=False)
    assert len(before.places) <= LIMIT
    assert after.places == ()
    assert (after.verdict.score.ssim, after.verdict.score.worst_tile, after.comparison.changed) == (1.0, 1.0, 0.0)


def test_only_a_display_that_both_names_tell_has_its_own_rectangles(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a_1.png", "b_1.png", "c_2.png", "d.png")]
    for path in paths:
        path.write_bytes(screen(1))
    (tmp_path / "link.png").symlink_to(paths[0])

    def told(first: Path, second: Path, *, across: bool = False) -> set[int]:
        return {capture.display for capture in captures_of(first, second, NamePattern(), across=across)}

    assert told(paths[0], paths[1]) == told(paths[0], tmp_path / "link.png") == {1}
    assert told(paths[0], paths[2]) == told(paths[0], paths[3]) == told(paths[3], paths[3]) == {-1}
    assert told(paths[0], paths[2], across=True) == {1, 2}
    assert told(paths[0], paths[3], across=True) == {-1}


def test_compare_prints_what_the_settings_take(
    desk: Desk, watch_here: Watch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    del watch_here  # its environment names the desk's settings
    head = f"{desk.head}duplicate = 0.9999\n"
    one, other, picture = tmp_path / "a_1.png", tmp_path / "b_1.png", tmp_path / "map.png"
    ticking(1, 0).save(one)
    ticking(1, 4).save(other)
    desk.config.write_text(head + '[ignore]\n"1" = [[2, 80, 10, 8]]\n"*" = [[0, 0, 3, 3]]\n')
    assert main(["compare", str(one), str(other)]) == 0
    text = capfd.readouterr().out
    assert "similar" in text
    assert "[[0, 0, 3, 3], [2, 80, 10, 8]]" in text
    table, line = text.splitlines()[-2:]
    (rectangles,) = tomllib.loads(f"{table}\n{line}")["ignore"].values()
    assert rectangles[0] == [2, 80, 10, 8]
    assert len(rectangles) == 2
    x, y, width, height = rectangles[1]
    assert CLOCK[0] <= x < x + width <= CLOCK[0] + CLOCK[2]
    assert CLOCK[1] <= y < y + height <= CLOCK[1] + CLOCK[3]
    desk.config.write_text(f"{head}{table}\n{line}\n")
    assert main(["compare", "--json", str(one), str(other), "--map", str(picture)]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["ssim"], found["kind"], found["differ"], found["display"]) == (1.0, "duplicate", [], 1)
    assert found["ignored"] == found["policy"]["ignore"]["1"] == rectangles
    with Image.open(picture) as drawn:
        left, top, right, bottom = x // 2, y // 2, (x + width) // 2, (y + height) // 2
        shades = {shade for _, shade in drawn.crop((left, top, right, bottom)).getcolors() or ()}
        assert shades == {(0xE0,) * 3, (0x9A,) * 3}
    assert main(["compare", str(one), str(other)]) == 0
    assert "[ignore]" not in capfd.readouterr().out
    assert main(["compare", "--json", str(one), str(desk.config.with_name("none")), "--reference"]) == 1


def test_the_watcher_ignores_what_it_is_told_to_also_after_a_restart(
    desk: Desk, watch_here: Watch, capfd: pytest.CaptureFixture[str]
) -> None:
    head = f"{desk.head}duplicate = 0.9999\n"
    desk.config.write_text(head)
    watch_here((desk.path(1), screen(1)), (desk.path(2), screen(1, tick=1)), (desk.path(2, 2), screen(2)))
    desk.config.write_text(head + '[ignore]\n"1" = [[70, 10, 12, 16]]\n')
    watch_here((desk.path(3), screen(1, tick=2)), (desk.path(3, 2), screen(2, tick=2)), (desk.path(4), screen(3)))
    said = {path.rsplit("/")[-1]: values[0] for path, values in desk.decisions().items()}
    names = [desk.path(*place).name for place in ((1,), (2,), (2, 2), (3,), (3, 2), (4,))]
    assert [said[name] for name in names] == ["new", "similar", "new", "duplicate", "similar", "new"]
    with desk.ledger() as ledger:
        assert [entry.verdict.policy.ignore for entry in ledger.about(desk.path(3))] == [(("1", ((70, 10, 12, 16),)),)]
        digests = {
            bytes(kept.signature[1:5]) for kept in ledger.frames(Timeline(desk.root), 0) if kept.capture.display == 1
        }
        assert len(digests) == 1, "what was computed again was written down"
    main(["why", str(desk.path(3))])
    assert "ignored     [[70, 10, 12, 16]]" in capfd.readouterr().out
    main(["why", str(desk.path(3, 2))])
    assert "ignored" not in capfd.readouterr().out
