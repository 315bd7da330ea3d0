"""A folder of very many captures: one more costs a look at that one alone, and nothing that was missed stays so."""

import os
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from watcher.arrive import tree
from watcher.arrive.observer import Change
from watcher.arrive.tree import Tree
from watcher.health.heartbeat import SourceStatus
from watcher.model.capture import Capture, NamePattern

FILES = 2_000


class Counting(Tree):
    """A tree whose captures are all known, once they were found, and what it asks and lists."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(root, NamePattern(), SourceStatus())
        self.known = self._ask
        self.asked: list[bytes] = []
        self.listed: list[Path] = []
        self._found: set[tuple[bytes, int, int]] = set()
        scandir = os.scandir

        def counted(folder: Path) -> Iterator[os.DirEntry[str]]:
            self.listed.append(folder)
            return scandir(folder)

        monkeypatch.setattr(os, "scandir", counted)

    def _ask(self, folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        assert folder.is_dir()
        self.asked += names
        return self._found

    def named(self, captures: Sequence[Capture] | None) -> list[str]:
        """The names of what was found, which is known from now on."""
        assert captures is not None
        self._found |= {(os.fsencode(one.path.name), one.size, one.mtime_ns) for one in captures}
        return [capture.path.name for capture in captures]

    def look_again(self) -> list[str]:
        """Find what all folders tell, as each minute."""
        self.asked.clear()
        self.listed.clear()
        self._next_all = 0.0
        return self.named(self.look(has_lost=False))

    def hear(self, path: Path, *, is_folder: bool = False, has_come: bool = True) -> list[str]:
        """Find what an event tells."""
        self.asked.clear()
        self.listed.clear()
        return self.named(self.visit([Change(path, is_folder, has_come)]))


@pytest.fixture
def day(tmp_path: Path) -> Path:
    day = tmp_path / "day"
    day.mkdir()
    for number in range(FILES):
        (day / f"f{number}_1.png").touch()
    return day


@pytest.fixture
def full(day: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    full = Counting(day.parent, monkeypatch)
    assert len(full.look_again()) == FILES
    return full


def test_an_event_costs_a_look_at_the_file_that_it_names(day: Path, full: Counting) -> None:
    (day / "new_1.png").touch()
    assert full.hear(day / "new_1.png") == ["new_1.png"]
    assert (full.asked, full.listed) == ([b"new_1.png"], [])
    assert full.hear(day / "new_1.png") == []
    full.hear(day, is_folder=True, has_come=False)
    assert full.asked == [], "that the folder has changed as well is no news"


def test_a_look_at_a_changed_folder_looks_at_the_files_that_are_new_in_it(day: Path, full: Counting) -> None:
    (day / "new_1.png").touch()
    (day / "f1_1.png").unlink()
    assert full.look_again() == ["new_1.png"]
    assert (full.asked, day in full.listed) == ([b"new_1.png"], True)
    assert full.look_again() == []
    assert full.asked == []


def test_a_file_that_another_has_replaced_under_its_name_is_found_without_an_event(day: Path, full: Counting) -> None:
    (day / ".other").write_text("other")
    (day / ".other").rename(day / "f7_1.png")
    assert full.look_again() == ["f7_1.png"]
    assert full.asked == [b"f7_1.png"]


def test_a_file_that_is_rewritten_is_found_by_its_event_or_by_the_full_look(day: Path, full: Counting) -> None:
    (day / "f7_1.png").write_text("other")
    assert full.look_again() == [], "its folder has not changed"
    full._next_anew = 0.0
    assert full.look_again() == ["f7_1.png"]
    (day / "f8_1.png").write_text("other")
    assert full.hear(day / "f8_1.png") == ["f8_1.png"]


def test_lost_events_mean_a_look_at_every_file(day: Path, full: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "CALM_SECONDS", 0.0)
    (day / "f7_1.png").write_text("other")
    assert full.named(full.look(has_lost=True)) == ["f7_1.png"]


def test_a_folder_that_comes_is_looked_at_as_a_whole(day: Path, full: Counting) -> None:
    content = day / "f7_1.png"
    content.write_text("of the same inode, and no event tells of it")
    day.rename(day.with_name("other"))
    day.with_name("other").rename(day)
    assert full.hear(day, is_folder=True) == ["f7_1.png"]


def test_an_event_of_what_is_no_capture_or_gone_finds_nothing(day: Path, full: Counting) -> None:
    (day / "link_1.png").symlink_to(day / "f1_1.png")
    (day / "folder_1.png").mkdir()
    (day / "note.txt").touch()
    for name in ("link_1.png", "folder_1.png", "note.txt", "gone_1.png"):
        assert full.hear(day / name) == []
        assert full.listed == []


def test_what_was_seen_takes_little_memory(day: Path) -> None:
    watched = Tree(day.parent, NamePattern(), SourceStatus())
    known = {(os.fsencode(path.name), 0, path.lstat().st_mtime_ns) for path in day.iterdir()}
    watched.known = lambda *_: known
    tracemalloc.start()
    try:
        assert watched.look(has_lost=False) == []
        assert tracemalloc.get_traced_memory()[0] < 10 * FILES + 5_000
    finally:
        tracemalloc.stop()
