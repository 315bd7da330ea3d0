"""A scene's places do not count in frames of that scene, and in no others; by the definition, slowly written down."""

import hashlib
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pytorch_msssim import ssim
from torch import Tensor

from tests.desk import START, capture_of, judge_all, name_of
from watcher.errors import WatcherError
from watcher.judge.frame import load
from watcher.judge.pipeline import Judged
from watcher.judge.scenes import require_references, staged
from watcher.judge.similarity import WORST
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.preparation import Rectangle, ignored_of
from watcher.model.scene import FLOOR, Reference, Scene
from watcher.model.verdict import Kind, Policy

CPU = torch.device("cpu")
SIZE = (320, 240)
CLOCK: Rectangle = (100, 40, 120, 40)
PARTS: Sequence[Rectangle] = [CLOCK]


def lock_screen(clock: int = 0, size: tuple[int, int] = SIZE, seed: int = 1) -> Image.Image:
    """A wallpaper with a big clock, which is another for each number."""
    chance = random.Random(seed)
    image = Image.new("RGB", size, (30, 60, 90))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = chance.randrange(size[0]), chance.randrange(size[1])
        draw.ellipse([x, y, x + 30, y + 20], tuple(chance.randrange(256) for _ in range(3)))
    draw.rectangle([100, 40, 219, 79], (30, 60, 90))
    hands = random.Random(clock)
    for _ in range(12 if clock else 0):
        x = 102 + hands.randrange(110)
        draw.rectangle([x, 44 + hands.randrange(20), x + 4, 74], "white")
    return image


def dialog(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).rectangle([140, 150, 190, 180], "white")
    return image


@pytest.fixture
def stage(tmp_path: Path) -> "Stage":
    return Stage(tmp_path)


class Stage:
    """Pictures, and a scene with its reference."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        self.scene = self.scene_of(lock_screen(), PARTS)
        self.policy = Policy(scenes=(self.scene,))

    def reference(self, image: Image.Image, name: str = "lock.png") -> Reference:
        file = self.folder / name
        image.save(file)
        return Reference(hashlib.sha256(file.read_bytes()).hexdigest(), file)

    def scene_of(self, image: Image.Image, parts: Sequence[Rectangle], *displays: str) -> Scene:
        name = f"scene {len(list(self.folder.glob('*.png')))}"
        return Scene.of(name, displays or ("1",), [self.reference(image, f"{name}.png")], parts)

    def capture(self, image: Image.Image, display: int = 1) -> Capture:
        self._count += 1
        path = self.folder / name_of(START, display).replace("_", f"_{self._count:04}_", 1)
        image.save(path)
        return capture_of(path)

    def shown(self, image: Image.Image, policy: Policy | None = None, display: int = 1) -> str:
        """The name of the scene that *image* shows."""
        return load(self.capture(image, display), CPU, policy or self.policy).scene


def test_a_scene_is_known_whatever_its_clock_says_and_its_frames_are_equal(stage: Stage) -> None:
    frames = [load(stage.capture(lock_screen(clock)), CPU, stage.policy) for clock in (0, 1, 2)]
    assert {frame.scene for frame in frames} == {stage.scene.name}
    assert torch.equal(frames[0].pixels, frames[1].pixels)
    assert torch.equal(frames[1].pixels, frames[2].pixels)
    left, top, width, height = (side // 2 for side in CLOCK)
    assert bool((frames[0].pixels[:, top : top + height, left : left + width] == 0x80).all())


@pytest.mark.parametrize(
    "image",
    [
        dialog(lock_screen(3)),
        lock_screen(3, seed=2),
        lock_screen(3, (322, 240)),
        Image.new("RGB", SIZE, (30, 60, 90)),
        lock_screen(3).point(lambda value: min(255, value + 40)),
    ],
    ids=["a dialog", "another wallpaper", "another size", "none", "a dimmed one"],
)
def test_what_is_not_the_scene_is_not_painted_over(stage: Stage, image: Image.Image) -> None:
    capture = stage.capture(image)
    frame = load(capture, CPU, stage.policy)
    assert frame.scene == ""
    assert torch.equal(frame.pixels, load(capture, CPU, Policy()).pixels)


def test_a_scene_is_of_its_displays_and_the_first_that_fits_counts(stage: Stage) -> None:
    whole = stage.scene_of(lock_screen(), [(0, 0, 230, 200)], "2", "3")
    every = stage.scene_of(lock_screen(), PARTS, "*")
    policy = Policy(scenes=(stage.scene, whole, every))
    shown = [stage.shown(lock_screen(5), policy, display) for display in (1, 2, 3, 4)]
    assert shown == [stage.scene.name, whole.name, whole.name, every.name]
    assert stage.shown(lock_screen(5), stage.policy, 2) == ""


def test_any_of_its_references_will_do(stage: Stage) -> None:
    several = [stage.reference(lock_screen(seed=seed), f"{seed}.png") for seed in (4, 5, 6)]
    policy = Policy(scenes=(Scene.of("lock", ["1"], several, PARTS),))
    assert [stage.shown(lock_screen(9, seed=seed), policy) for seed in (3, 4, 5, 6)] == ["", "lock", "lock", "lock"]


def test_the_frame_that_was_decoded_is_not_painted(stage: Stage) -> None:
    pixels = load(stage.capture(lock_screen(7)), CPU, Policy()).pixels
    before = pixels.clone()
    painted, name = staged(pixels, 1, stage.policy)
    assert name == stage.scene.name
    assert torch.equal(pixels, before)
    assert not torch.equal(painted, before)


def test_the_signatures_of_frames_are_bound_to_the_scenes_of_their_display(stage: Stage) -> None:
    plain, two = Policy(), Policy(scenes=(stage.scene_of(lock_screen(), PARTS, "2"),))
    assert two.digest(1) == plain.digest(1)
    assert two.digest(2) != plain.digest(2)
    named = Scene.of("another name", ["2", "5"], two.scenes[0].references, PARTS)
    assert Policy(scenes=(named,)).digest(2) == two.digest(2), "no name and no other display changes a frame"
    others = stage.scene_of(lock_screen(1), PARTS), stage.scene_of(lock_screen(), [(0, 0, 9, 9)])
    digests = {
        Policy(scenes=scenes, duplicate=duplicate).digest(1)
        for scenes in ((), *((scene,) for scene in (stage.scene, *others)))
        for duplicate in (0.99, 0.98)
    }
    assert len(digests) == 7, "the threshold of a duplicate matters where there is a scene"


def test_a_policy_with_scenes_is_the_same_as_json(stage: Stage) -> None:
    assert Policy.from_json(stage.policy.as_json()) == stage.policy
    assert "scenes" not in Policy().as_json()


def test_references_that_are_gone_or_replaced_are_told_by_their_scene(stage: Stage) -> None:
    require_references(stage.policy)
    for told in ("was replaced", "No such file"):
        scene = stage.scene_of(lock_screen(), PARTS)
        (reference,) = scene.references
        if told == "was replaced":
            reference.file.write_bytes(b"no picture")
        else:
            reference.file.unlink()
        with pytest.raises(WatcherError, match=rf"^scene {scene.name}: .*{told}"):
            require_references(Policy(scenes=(scene,)))
    file = stage.folder / "words.png"
    file.write_bytes(b"words")
    broken = Scene.of("broken", ["1"], [Reference(hashlib.sha256(b"words").hexdigest(), file)], PARTS)
    with pytest.raises(WatcherError, match=r"^scene broken: .*not a PNG image"):
        require_references(Policy(scenes=(broken,)))


def test_references_are_needed_at_the_start_alone(stage: Stage) -> None:
    every = stage.scene_of(lock_screen(seed=8), PARTS, "*")
    policy = Policy(scenes=(stage.scene, every), ignore=ignored_of({"0": [[0, 0, 8, 8]], "2": [[8, 8, 8, 8]]}))
    require_references(policy)
    for scene in policy.scenes:
        for reference in scene.references:
            reference.file.unlink()
    shown = [stage.shown(lock_screen(4, seed=8), policy, display) for display in (0, 1, 2, 3)]
    assert shown == [every.name] * 4


# The definition.


def defined(pixels: Tensor, reference: Tensor, parts: Sequence[Rectangle]) -> Tensor | None:
    """The frame as its scene paints it, None if it is not in it: word by word, with the reference SSIM everywhere."""
    if pixels.shape != reference.shape:
        return None
    mask = torch.zeros(pixels.shape[1:], dtype=torch.bool)
    for x, y, width, height in parts:
        mask[max(0, y // 2) : -(-(y + height) // 2), max(0, x // 2) : -(-(x + width) // 2)] = True
    one, other = (torch.where(mask, torch.tensor(0x80, dtype=torch.uint8), frame) for frame in (pixels, reference))
    _, height, width = pixels.shape
    near = []
    for down in range(16):
        for across in range(16):
            row, column = round(down * (height - 1) / 15), round(across * (width - 1) / 15)
            if not mask[row, column]:
                near.append(bool((one[:, row, column].int() - other[:, row, column].int()).abs().max() <= 24))
    if sum(near) < 0.9 * len(near):
        return None
    if score(one, other) <= 0.99 or worst(one, other) < FLOOR:
        return None
    return one


def score(one: Tensor, other: Tensor) -> float:
    return float(ssim(one.float()[None], other.float()[None], data_range=255))


def worst(one: Tensor, other: Tensor) -> float:
    _, height, width = one.shape
    tiles = [
        (slice(top, top + WORST + 10), slice(left, left + WORST + 10))
        for top in range(0, height - 10, WORST)
        for left in range(0, width - 10, WORST)
    ]
    return min(score(one[:, down, across], other[:, down, across]) for down, across in tiles)


changes = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 220), st.integers(1, 40), st.integers(1, 30), st.integers(0, 255)),
    max_size=3,
)


@given(clock=st.integers(0, 5), drawn=changes, seed=st.sampled_from([1, 1, 1, 2]))
@settings(max_examples=40, deadline=None)
def test_a_frame_is_in_a_scene_by_the_definition(
    tmp_path_factory: pytest.TempPathFactory, clock: int, drawn: list[tuple[int, ...]], seed: int
) -> None:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    image = lock_screen(clock, seed=seed)
    draw = ImageDraw.Draw(image)
    for x, y, width, height, shade in drawn:
        draw.rectangle([x, y, x + width, y + height], (shade, shade, shade))
    capture = stage.capture(image)
    plain = load(capture, CPU, Policy()).pixels
    (reference,) = stage.scene.references
    expected = defined(plain, load(capture_of_reference(reference), CPU, Policy()).pixels, PARTS)
    found = load(capture, CPU, stage.policy)
    assert bool(found.scene) == (expected is not None)
    assert torch.equal(found.pixels, plain if expected is None else expected)


def capture_of_reference(reference: Reference) -> Capture:
    status = reference.file.stat()
    return Capture(reference.file, 1, START, status.st_size, status.st_mtime_ns)


@given(order=st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from([1, 1, 2])), min_size=2, max_size=12))
@settings(max_examples=12, deadline=None)
def test_verdicts_are_those_of_brute_force_over_painted_frames(
    tmp_path_factory: pytest.TempPathFactory, order: list[tuple[int, bool, int]]
) -> None:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    shots = ((lock_screen(clock, seed=seed), spoken) for clock, spoken, seed in order)
    captures = [stage.capture(dialog(image) if spoken else image) for image, spoken in shots]
    (reference,) = stage.scene.references
    shown = load(capture_of_reference(reference), CPU, Policy()).pixels
    kept: list[Tensor] = []
    expected = []
    for capture in captures:
        plain = load(capture, CPU, Policy()).pixels
        painted = defined(plain, shown, PARTS)
        frame = plain if painted is None else painted
        best = max((score(frame, other) for other in kept), default=-1.0)
        kind = Kind.DUPLICATE if best > 0.99 else Kind.SIMILAR if best > 0.95 else Kind.NEW
        kept += [frame] * kind.stays
        expected.append((kind, painted is not None))
    read = partial(load, device=CPU, policy=stage.policy)
    judged = judge_all(captures, Windows(stage.policy, read), stage.policy, read)
    found = [(one.verdict.kind, bool(one.verdict.scene)) for one in judged if isinstance(one, Judged)]
    assert found == expected
