"""What names in a folder come to: captures, refused ones, and others."""

import re
from pathlib import Path

import pytest

from watcher.disk.listing import MOST_TOLD, USUAL_DISPLAYS, Names, list_folder, walk
from watcher.model.capture import NamePattern

PATTERN = NamePattern(r"(?P<taken_at>.+)_(?P<display>\d+)[.]png")


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def names_in(root: Path, pattern: NamePattern = PATTERN) -> Names:
    names = Names()
    for _, listing in walk(root, pattern):
        names.add(listing.names)
    return names


def test_a_name_that_is_refused_costs_no_other_its_place(tmp_path: Path) -> None:
    fill(tmp_path, "20240102-101112_1.png", f"20240102-101112_{'9' * 30}.png", "yesterday_1.png")
    listing = list_folder(tmp_path, PATTERN)
    assert [capture.path.name for capture in listing.captures] == ["20240102-101112_1.png"]
    assert {path.name for path in listing.names.refused} == {f"20240102-101112_{'9' * 30}.png", "yesterday_1.png"}
    lines = sorted(listing.names.lines(tmp_path, PATTERN))
    assert lines[1].startswith("yesterday_1.png is left alone: its name tells no time that can be read: 'yesterday'")


def test_names_that_are_no_captures_are_told_by_one_of_them(tmp_path: Path) -> None:
    fill(tmp_path, ".hidden.png", "thumbs.db")
    fill(tmp_path / "a", "Screenshot.png")
    fill(tmp_path / "b", "notes.txt")
    (line,) = names_in(tmp_path).lines(tmp_path, PATTERN)
    assert "for example Screenshot.png: the setting name_pattern says which are" in line
    fill(tmp_path / "b", "20240102-101112_1.png")
    assert list(names_in(tmp_path).lines(tmp_path, PATTERN)) == []


def test_nothing_is_said_of_an_empty_root_or_of_hidden_names(tmp_path: Path) -> None:
    fill(tmp_path / "root" / "empty", ".hidden.png")
    assert list(names_in(tmp_path / "root").lines(tmp_path / "root", PATTERN)) == []


def test_few_lines_stand_for_many_names(tmp_path: Path) -> None:
    fill(tmp_path, *(f"x{number}_1.png" for number in range(MOST_TOLD + 5)))
    lines = list(names_in(tmp_path).lines(tmp_path, PATTERN))
    assert len(lines) == MOST_TOLD + 1
    assert lines[-1].startswith("5 more names of captures are refused")


def test_a_pattern_that_takes_hours_for_displays_is_told_by_two_of_them(tmp_path: Path) -> None:
    hours = NamePattern(r"(?P<taken_at>.+_(?P<display>\d\d)\d{4})[.]png")
    fill(tmp_path / "a", *(f"20240102_{hour:02}1500.png" for hour in range(USUAL_DISPLAYS)))
    assert list(names_in(tmp_path, hours).doubts(tmp_path, hours)) == []
    fill(tmp_path / "b", *(f"20240103_{hour:02}1500.png" for hour in range(24)))
    (line,) = names_in(tmp_path, hours).doubts(tmp_path, hours)
    assert f"tell of more than {USUAL_DISPLAYS} displays, for example " in line
    assert re.search(r" (\d+) in 2024010[23]_0?\1", line), "the number is one of that name"
    assert names_in(tmp_path, hours).displays.keys() != set(range(24)), "no more are kept than are needed"


@pytest.mark.parametrize(
    "pattern",
    [NamePattern(), NamePattern(r".+ (?P<display>\d)[.]png"), NamePattern(r"(?P<taken_at>\d{8})? ?x(?P<display>\d).*")],
)
def test_names_without_a_time_are_told_by_one_of_them(tmp_path: Path, pattern: NamePattern) -> None:
    fill(tmp_path, "shot_1.png", "shot 1.png", "x1.png")
    (line,) = names_in(tmp_path, pattern).doubts(tmp_path, pattern)
    assert "tell no time, for example " in line
    assert "that of the file counts: the setting name_pattern says which are" in line


def test_nothing_is_said_of_the_time_if_one_name_tells_it(tmp_path: Path) -> None:
    fill(tmp_path, "shot_1.png", "2024-01-02_10.11.12_2.png")
    assert list(names_in(tmp_path, NamePattern()).doubts(tmp_path, NamePattern())) == []
