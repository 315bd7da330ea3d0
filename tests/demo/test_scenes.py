"""The drawn screens, the story they tell, and the stand-in capture job that photographs them."""

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch
from PIL import Image
from pytorch_msssim import ssim

from watcher.demo.recorder import Timetable, capture_path, main, record
from watcher.demo.scenes import DEMO_DISPLAYS, TICKS_PER_SHIFT, Display, Scene, SceneKind, draw, scene_at

NOON = datetime(2024, 5, 6, 12, 0)
SMALL = tuple(Display(each.number, (each.size[0] // 2, each.size[1] // 2), each.alpha) for each in DEMO_DISPLAYS)
TINY = (Display(1, (96, 60), alpha=True), Display(2, (80, 45)), Display(3, (45, 80)))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def clocks(ticks: int) -> list[datetime]:
    return [NOON + timedelta(minutes=17 * tick) for tick in range(ticks)]


def story(display: int, ticks: int, seed: int = 0) -> list[Scene | None]:
    return [scene_at(display, tick, clock, seed) for tick, clock in enumerate(clocks(ticks))]


def frame(image: Image.Image) -> torch.Tensor:
    """The definition of a frame, written a second time."""
    image = image.convert("RGB").reduce(2)
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.view(1, image.height, image.width, 3).permute(0, 3, 1, 2).float()


def brute_force(images: Iterable[Image.Image]) -> list[str]:
    """The verdict on each image: its SSIM with every kept frame, by the reference implementation."""
    kept: list[torch.Tensor] = []
    kinds = []
    for image in images:
        here = frame(image)
        best = max((float(ssim(here, other, data_range=255, size_average=False)) for other in kept), default=-1.0)
        kinds.append("duplicate" if best > 0.99 else "similar" if best > 0.95 else "new")
        if kinds[-1] != "duplicate":
            kept.append(here)
    return kinds


def judged(display: Display, ticks: int, seed: int = 0) -> list[tuple[Scene, str]]:
    scenes = [scene for scene in story(display.number, ticks, seed) if scene]
    return list(zip(scenes, brute_force(draw(scene, display.size) for scene in scenes), strict=True))


def share_of_duplicates(verdicts: list[tuple[Scene, str]]) -> float:
    return sum(kind == "duplicate" for _, kind in verdicts) / len(verdicts)


def assert_first_shift(verdicts: list[tuple[Scene, str]]) -> None:
    """What the demo promises its viewers."""
    assert {kind for _, kind in verdicts} == {"new", "similar", "duplicate"}
    assert 0.55 <= share_of_duplicates(verdicts) <= 0.75
    locks = [kind for scene, kind in verdicts if scene.kind is SceneKind.LOCK]
    assert locks.count("new") == 3
    assert locks.count("duplicate") == len(locks) - 3 >= 6


@pytest.mark.parametrize("kind", SceneKind)
def test_equal_scenes_are_equal_pixels(kind: SceneKind) -> None:
    """A scene drawn in another process is the same, byte for byte."""
    size = (240, 150)
    script = (
        "import sys; from datetime import datetime; from watcher.demo.scenes import *;"
        f"scene = Scene(SceneKind('{kind}'), datetime(2024, 5, 6, 12), 2, 1, 1);"
        f"sys.stdout.buffer.write(draw(scene, {size}).tobytes())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    image = draw(Scene(kind, NOON, 2, 1, 1), size)
    assert image.mode == "RGB"
    assert image.size == size
    assert image.tobytes() == other


@pytest.mark.parametrize("kind", SceneKind)
def test_a_drawn_picture_belongs_to_its_caller(kind: SceneKind) -> None:
    """Scribbling on one picture leaves the next one of the same scene alone."""
    scene = Scene(kind, NOON, 1)
    first = draw(scene, (240, 150))
    before = first.tobytes()
    first.paste((255, 0, 0), (0, 0, 240, 150))
    assert draw(scene, (240, 150)).tobytes() == before


@pytest.mark.parametrize("size", [(22, 22), (60, 400), (1000, 80), (37, 23), (2200, 300)])
def test_every_kind_can_be_drawn_at_any_size(size: tuple[int, int]) -> None:
    """Odd shapes show less; they do not fail."""
    for kind in SceneKind:
        assert draw(Scene(kind, NOON, 3, 2, 1), size).size == size


def test_a_ticking_clock_is_no_other_screen() -> None:
    """Whatever is open, a minute later it is a duplicate, and yet not the same pixels."""
    for kind in SceneKind:
        before, after = (draw(Scene(kind, NOON + timedelta(minutes=late), 1), (640, 400)) for late in (0, 1))
        assert before.tobytes() != after.tobytes()
        assert brute_force([before, after]) == ["new", "duplicate"], kind


def test_stories_are_told_the_same_way_twice() -> None:
    """The same seed gives the same scenes; another seed other ones."""
    assert story(1, 40, 5) == story(1, 40, 5)
    assert story(1, 40, 5) != story(1, 40, 6)


def test_displays_differ_and_the_third_is_off_part_of_the_time() -> None:
    """No display shows what another shows; only the small one is ever off."""
    stories = [story(number, TICKS_PER_SHIFT) for number in (1, 2, 3)]
    assert all(stories[0])
    assert all(stories[1])
    assert 0 < stories[2].count(None) < TICKS_PER_SHIFT
    shown = [scene for each in stories for scene in each if scene]
    assert len(set(shown)) == len(shown)


def test_the_first_shift_holds_every_verdict() -> None:
    """In 15 ticks of three displays brute force finds all kinds, and the lock screen back again and again."""
    assert_first_shift([each for display in SMALL for each in judged(display, TICKS_PER_SHIFT)])


@pytest.mark.slow
def test_two_shifts_hold_every_verdict_at_the_size_of_the_demo() -> None:
    """At the demo's sizes two captures of three are duplicates, on every display."""
    verdicts = [judged(display, 2 * TICKS_PER_SHIFT, seed=4) for display in DEMO_DISPLAYS]
    for each in verdicts:
        assert {kind for _, kind in each} == {"new", "similar", "duplicate"}
    assert 0.6 <= share_of_duplicates([pair for each in verdicts for pair in each]) <= 0.72


@pytest.mark.slow
def test_the_first_shift_holds_every_verdict_at_the_size_of_the_demo() -> None:
    """What a newcomer sees first."""
    assert_first_shift([each for display in DEMO_DISPLAYS for each in judged(display, TICKS_PER_SHIFT)])


def test_captures_are_named_like_the_capture_jobs(tmp_path: Path) -> None:
    """One folder a month and a day, one time for all displays of a run, a file only for those that are on."""
    timetable = Timetable(NOON, ticks=9)
    written = list(record(tmp_path, timetable, Unhurried(), TINY))
    expected = [
        capture_path(tmp_path, timetable.clock(tick), number)
        for tick in range(9)
        for number in (1, 2, 3)
        if scene_at(number, tick, NOON)
    ]
    assert written == expected
    assert len(written) < 27
    assert sorted(tmp_path.rglob("*.png")) == sorted(written)
    assert capture_path(tmp_path, datetime(2020, 5, 4, 9, 10, 1, 596854), 1) == (
        tmp_path / "2020-05" / "2020-05-04" / "2020-05-04_09.10.01.596854_1.png"
    )


def test_captures_are_those_of_the_display(tmp_path: Path) -> None:
    """Size and alpha channel are the display's; a new process may continue in another month."""
    paths = list(record(tmp_path, Timetable(datetime(2024, 5, 31, 23, 55), ticks=2), Unhurried(), TINY))
    modes = {}
    for path in paths:
        with Image.open(path) as image:
            modes[int(path.stem[-1])] = (image.mode, image.size)
    assert modes == {1: ("RGBA", (96, 60)), 2: ("RGB", (80, 45)), 3: ("RGB", (45, 80))}
    assert {path.parent.name for path in paths} == {"2024-05-31", "2024-06-01"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second run at the same time of the story stops at the first file that is there."""
    timetable = Timetable(NOON, ticks=1)
    first = next(record(tmp_path, timetable, Unhurried(), TINY))
    first.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        list(record(tmp_path, timetable, Unhurried(), TINY))
    assert first.read_bytes() == b"precious"


class Unhurried(threading.Event):
    """An event whose waits take no time, and which notes what lies on the disk at each of them."""

    def __init__(self, root: Path | None = None) -> None:
        super().__init__()
        self.root = root
        self.seen: dict[Path, list[int]] = {}

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        for path in self.root.rglob("*.png") if self.root else ():
            self.seen.setdefault(path, []).append(path.stat().st_size)
        return self.is_set()


def test_files_grow_in_pieces_under_their_final_name(tmp_path: Path) -> None:
    """While a file is being written, several truncated states of it lie on the disk."""
    disk = Unhurried(tmp_path)
    for path in record(tmp_path, Timetable(NOON, ticks=1), disk, TINY):
        whole = path.stat().st_size
        partial = [size for size in disk.seen[path] if size < whole]
        assert len(partial) >= 4
        assert partial == sorted(set(partial))
        assert partial[0] > 0


def test_a_reader_meets_a_truncated_picture(tmp_path: Path) -> None:
    """With the real pauses, a decoder that comes too early fails."""
    path = capture_path(tmp_path, Timetable(NOON, ticks=1).clock(0), 1)
    writer = threading.Thread(target=lambda: next(record(tmp_path, Timetable(NOON, ticks=1), threading.Event(), TINY)))
    writer.start()
    failures = 0
    while writer.is_alive():
        if path.exists() and path.stat().st_size:
            try:
                with Image.open(path) as image:
                    image.load()
            except (OSError, SyntaxError):
                failures += 1
    writer.join()
    assert failures
    with Image.open(path) as image:
        image.load()


def test_stopping_finishes_the_file_at_hand(tmp_path: Path) -> None:
    """After `stop` nothing new is begun, and nothing is left in pieces."""
    stop = threading.Event()
    captures = record(tmp_path, Timetable(NOON, ticks=99, pause=60), stop, TINY)
    written = [next(captures), next(captures)]
    stop.set()
    assert list(captures) == []
    assert sorted(tmp_path.rglob("*.png")) == sorted(written)
    assert list(record(tmp_path / "never", Timetable(NOON, ticks=1), stop, TINY)) == []


def test_the_module_stands_in_for_the_capture_program(tmp_path: Path) -> None:
    """One file a display, a counter that goes on by one, display 3 absent when it is off."""
    state = tmp_path / "step.txt"
    state.write_text("6\n")
    names = [tmp_path / f"shot_{number}.png" for number in (1, 2, 3)]
    command = [sys.executable, "-m", "watcher.demo.recorder", "-x", "--state", str(state), *map(str, names)]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b""
    assert [name.exists() for name in names] == [True, True, False]
    assert state.read_text() == "7\n"
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "shot_1.png" in again.stderr
    assert again.stderr.count("\n") == 1


def test_the_clock_decides_without_a_state_file(tmp_path: Path) -> None:
    """No counter is needed, and a broken one is said to be broken."""
    assert main(["-x", str(tmp_path / "shot_1.png")]) == 0
    assert (tmp_path / "shot_1.png").exists()
    (tmp_path / "state").write_text("five")
    assert main(["--state", str(tmp_path / "state"), str(tmp_path / "shot_2.png")]) == 1
    assert not (tmp_path / "shot_2.png").exists()


def test_drawing_needs_neither_torch_nor_numpy() -> None:
    """The demo's first picture appears at once."""
    script = (
        "import sys, watcher.demo.recorder; print(sorted({'torch', 'numpy', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"[]\n"
