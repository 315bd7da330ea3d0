"""Every picture is seen, whatever events say: the real observer on real folders."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.desk import Desk, wait_for
from tests.pictures import screen
from watcher.arrive import live, observer, tree
from watcher.arrive.live import Live
from watcher.disk.listing import MOST_TOLD, archive
from watcher.model.capture import DEFAULT_NAME_PATTERN, Capture, NamePattern

REPEATS = 200
WHOLE = screen(5)


class Seeing:
    """A live source at work on a thread, and what it has seen."""

    def __init__(self, root: Path, pattern: str = DEFAULT_NAME_PATTERN, settle: float = 0.2) -> None:
        self.captures: list[Capture] = []
        self.said: list[str] = []
        self.sightings = 0
        self.is_resting = False
        self.pause = 0.0
        """Seconds that each capture takes."""
        self.live = Live(root, NamePattern(pattern), settle, self.said.append)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def known(self, folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        before = [capture for capture in list(self.captures) if capture.path.parent == folder]
        keys = {(os.fsencode(capture.path.name), capture.size, capture.mtime_ns) for capture in before}
        return {key for key in keys if key[0] in names}

    def _run(self) -> None:
        for capture in self.live.captures(self):
            self.captures.append(capture)
            time.sleep(self.pause)

    def found(self) -> None:
        self.sightings += 1

    def idle(self) -> None:
        pass

    def is_ours(self) -> bool:
        return True

    def rests(self) -> bool:
        return self.is_resting

    def names(self) -> list[str]:
        return [capture.path.name for capture in self.captures]

    def __enter__(self) -> Self:
        self.thread.start()
        wait_for(lambda: self.live.status.last_scan > 0 or bool(self.said))
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def seeing(desk: Desk) -> Iterator[Seeing]:
    with Seeing(desk.root) as seeing:
        yield seeing


def at_once(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(WHOLE)


def renamed(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}-tmp")
    hidden.write_bytes(WHOLE)
    hidden.rename(path)


def copied_tree(path: Path) -> None:
    outside = path.parents[3] / "outside" / path.parent.name
    outside.mkdir(parents=True)
    source = outside / path.name
    source.write_bytes(WHOLE)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    shutil.copytree(outside, path.parent)


def slowly(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cuts = sorted(random.Random(path.name).sample(range(1, len(WHOLE)), 3))

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for begin, end in zip([0, *cuts], [*cuts, len(WHOLE)], strict=True):
                file.write(WHOLE[begin:end])
                threading.Event().wait(0.05)

    threading.Thread(target=write, daemon=True).start()


@pytest.mark.parametrize("arrive", [at_once, renamed, copied_tree, slowly])
def test_every_one_of_200_arrivals_is_seen_once_and_whole(
    desk: Desk, seeing: Seeing, arrive: Callable[[Path], None]
) -> None:
    expected = []
    for number in range(REPEATS):
        path = desk.root / f"day-{number}" / f"f{number}_1.png"
        arrive(path)
        expected.append(path.name)
    wait_for(lambda: len(seeing.captures) >= REPEATS, 60)
    assert sorted(seeing.names()) == sorted(expected)
    assert {capture.size for capture in seeing.captures} == {len(WHOLE)}


def test_what_no_event_told_of_is_found_by_a_rescan(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "ALL_SECONDS", 1.0)
    monkeypatch.setattr(observer.TreeObserver, "on_any_event", lambda *_: None)
    with Seeing(desk.root) as seeing:
        path = desk.put(1, WHOLE)
        wait_for(lambda: seeing.names() == [path.name])
        desk.put(2, WHOLE)
        wait_for(lambda: len(seeing.captures) == 2)
        wait_for(lambda: seeing.live.status.found_by_scan == 2)


def test_what_came_while_nobody_watched_is_seen_in_the_order_of_its_time(desk: Desk) -> None:
    paths = [desk.put(tick, WHOLE, display) for tick in (3, 1, 2) for display in (2, 1)]
    with Seeing(desk.root) as seeing:
        wait_for(lambda: len(seeing.captures) == len(paths))
        assert seeing.names() == sorted(path.name for path in paths)


def test_a_root_that_is_not_there_is_waited_for_and_said(tmp_path: Path) -> None:
    root = tmp_path / "later"
    with Seeing(root) as seeing:
        wait_for(lambda: any("waiting for" in line for line in seeing.said))
        at_once(root / "2020-05" / "f_1.png")
        wait_for(lambda: seeing.names() == ["f_1.png"])
        assert any("is there" in line for line in seeing.said)
        assert seeing.sightings == 1


def test_a_root_that_is_replaced_is_observed_anew(desk: Desk, seeing: Seeing) -> None:
    desk.root.rename(desk.base / "old")
    wait_for(lambda: not seeing.live.status.root_there)
    desk.root.mkdir()
    wait_for(lambda: seeing.live.status.root_there)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])
    assert seeing.live.status.found_by_scan == 0


def test_an_earlier_capture_of_a_display_goes_first_though_it_is_whole_later(desk: Desk, seeing: Seeing) -> None:
    early = desk.put(1, WHOLE[:100])
    late = desk.put(2, WHOLE)
    other = desk.put(2, WHOLE, display=2)
    wait_for(lambda: bool(seeing.captures))
    early.write_bytes(WHOLE)
    wait_for(lambda: len(seeing.captures) == 3)
    assert seeing.names() == [other.name, early.name, late.name]


def test_a_file_that_is_never_whole_holds_nobody_up_and_is_told_of_once(desk: Desk, seeing: Seeing) -> None:
    broken = desk.put(1, WHOLE[:-1])
    whole = desk.put(2, WHOLE)
    wait_for(lambda: seeing.names() == [whole.name])
    wait_for(lambda: any(broken.name in line for line in seeing.said))
    assert seeing.live.status.waiting == {str(broken.relative_to(desk.root)): "incomplete"}
    broken.write_bytes(WHOLE)
    wait_for(lambda: len(seeing.captures) == 2)
    assert seeing.live.status.waiting == {}
    assert sum(broken.name in line for line in seeing.said) == 1


def test_files_of_one_name_in_two_folders_are_two(desk: Desk, seeing: Seeing) -> None:
    broken = desk.put(1, WHOLE[:-1])
    wait_for(lambda: bool(seeing.live.status.waiting))
    copy = desk.root / "copy" / broken.name
    copy.parent.mkdir()
    copy.write_bytes(WHOLE)
    wait_for(lambda: len(seeing.captures) == 1)
    assert seeing.live.status.waiting == {str(broken.relative_to(desk.root)): "incomplete"}


def test_what_comes_while_its_host_rests_is_handed_out_afterwards_in_its_order(desk: Desk, seeing: Seeing) -> None:
    seeing.is_resting = True
    late, early = desk.put(2, WHOLE), desk.put(1, WHOLE)
    looked = seeing.live.status.last_scan
    wait_for(lambda: len(seeing.live._arrivals) == 2)
    time.sleep(1.5)
    assert seeing.captures == []
    assert seeing.live.status.last_scan >= looked
    seeing.is_resting = False
    wait_for(lambda: seeing.names() == [early.name, late.name])


def test_a_burst_leaves_nobody_else_without_a_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_IDLE_SECONDS", 0.1)
    turns: list[int] = []
    with Seeing(desk.root) as seeing:
        monkeypatch.setattr(seeing, "idle", lambda: turns.append(len(seeing.captures)))
        seeing.pause = 0.05
        for tick in range(20):
            desk.put(tick, WHOLE)
        wait_for(lambda: len(seeing.captures) == 20)
    assert len({turn for turn in turns if 0 < turn < 20}) > 3
    assert seeing.names() == sorted(seeing.names())


def test_what_is_no_regular_visible_file_is_not_opened(desk: Desk, seeing: Seeing) -> None:
    real = desk.base / "real.png"
    real.write_bytes(WHOLE)
    (desk.root / "link_1.png").symlink_to(real)
    (desk.root / "folder_1.png").mkdir()
    os.mkfifo(desk.root / "fifo_1.png")
    (desk.root / ".hidden_1.png").write_bytes(WHOLE)
    (desk.root / "elsewhere").symlink_to(desk.base)
    (desk.root / "inside_1.png").write_bytes(WHOLE)
    wait_for(lambda: bool(seeing.captures))
    threading.Event().wait(0.5)
    assert seeing.names() == ["inside_1.png"]
    assert not seeing.said


def test_nothing_beside_the_root_is_looked_at(desk: Desk, seeing: Seeing) -> None:
    (desk.base / "beside_1.png").write_bytes(WHOLE)
    (desk.base / "other" / "deep").mkdir(parents=True)
    (desk.base / "other" / "deep" / "beside_2.png").write_bytes(WHOLE)
    desk.root.chmod(0o700)  # an event of the root itself, which names the folder it lies in
    moved = desk.put(1, WHOLE[:-1])
    wait_for(lambda: bool(seeing.live.status.waiting))
    moved.rename(desk.base / "moved_1.png")
    inside = desk.put(2, WHOLE)
    wait_for(lambda: bool(seeing.captures))
    threading.Event().wait(0.5)
    assert seeing.names() == [inside.name]


def test_a_rewritten_file_is_seen_again(desk: Desk, seeing: Seeing) -> None:
    path = desk.put(1, WHOLE)
    wait_for(lambda: len(seeing.captures) == 1)
    path.write_bytes(screen(6))
    wait_for(lambda: len(seeing.captures) == 2)


def test_a_job_of_several_steps_is_waited_for_as_long_as_it_rests_for_less_than_it_may(desk: Desk) -> None:
    with Seeing(desk.root, settle=1.0) as seeing:
        path = desk.put(1, WHOLE)
        for number in range(3):
            threading.Event().wait(0.5)
            step = path.with_name("step.tmp")
            step.write_bytes(screen(number))
            step.rename(path)
        later = desk.put(2, WHOLE)
        wait_for(lambda: len(seeing.captures) == 2)
    assert seeing.names() == [path.name, later.name]
    assert path.stat().st_ino == seeing.captures[0].inode, "the last step's"


@pytest.mark.usefixtures("seeing")
def test_an_idle_source_does_not_spin(desk: Desk) -> None:
    desk.put(1, WHOLE[:50])  # one that is never whole must not make it spin either
    threading.Event().wait(3)
    before = os.times()
    threading.Event().wait(2)
    after = os.times()
    assert (after.user + after.system) - (before.user + before.system) < 0.2


def test_the_archive_is_everything_that_lies_there(desk: Desk) -> None:
    paths = [desk.put(tick, WHOLE, display) for tick in range(3) for display in (1, 2)]
    (desk.root / "readme.txt").write_text("no capture")
    assert sorted(capture.path for capture in archive(desk.root, NamePattern())) == sorted(paths)


def test_a_name_that_is_refused_is_told_once(desk: Desk) -> None:
    with Seeing(desk.root, r".*_(?P<display>\d+)[.]png") as seeing:
        for number in range(3):
            (desk.root / f"x_{'9' * 30}.png").write_bytes(WHOLE)
            (desk.root / f"x_{number}.png").write_bytes(WHOLE)
            wait_for(lambda number=number: len(seeing.captures) == number + 1)  # type: ignore[misc]
    assert seeing.said == [f"x_{'9' * 30}.png is left alone: the number of a display has at most 9 digits, not 30"]


def test_many_names_that_are_refused_are_told_in_few_lines(desk: Desk) -> None:
    for number in range(MOST_TOLD + 9):
        (desk.root / f"x_{10**20 + number}.png").write_bytes(WHOLE)
    with Seeing(desk.root, r".*_(?P<display>\d+)[.]png") as seeing:
        wait_for(lambda: len(seeing.said) > MOST_TOLD)
    assert len(seeing.said) == MOST_TOLD + 1
    assert seeing.said[-1].startswith("more names of captures are refused")


def test_a_root_of_other_names_is_told_at_the_start(desk: Desk) -> None:
    (desk.root / "Screenshot.png").write_bytes(WHOLE)
    with Seeing(desk.root) as seeing:
        wait_for(lambda: bool(seeing.said))
    (line,) = seeing.said
    assert "for example Screenshot.png: the setting name_pattern says which are" in line
