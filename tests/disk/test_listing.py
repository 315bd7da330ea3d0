"""What names in a folder come to: captures, refused ones, and others."""

from pathlib import Path

from watcher.disk.listing import MOST_TOLD, Names, list_folder, walk
from watcher.model.capture import NamePattern

PATTERN = NamePattern(r"(?P<taken_at>.+)_(?P<display>\d+)[.]png")


def fill(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def names_in(root: Path) -> Names:
    names = Names()
    for _, listing in walk(root, PATTERN):
        names.add(listing.names)
    return names


def test_a_name_that_is_refused_costs_no_other_its_place(tmp_path: Path) -> None:
    fill(tmp_path, "20240102-101112_1.png", f"20240102-101112_{'9' * 30}.png", "yesterday_1.png")
    listing = list_folder(tmp_path, PATTERN)
    assert [capture.path.name for capture in listing.captures] == ["20240102-101112_1.png"]
    assert {path.name for path in listing.names.refused} == {f"20240102-101112_{'9' * 30}.png", "yesterday_1.png"}
    lines = sorted(listing.names.lines(tmp_path))
    assert lines[1].startswith("yesterday_1.png is left alone: its name tells no time that can be read: 'yesterday'")


def test_names_that_are_no_captures_are_told_by_one_of_them(tmp_path: Path) -> None:
    fill(tmp_path, ".hidden.png", "thumbs.db")
    fill(tmp_path / "a", "Screenshot.png")
    fill(tmp_path / "b", "notes.txt")
    (line,) = names_in(tmp_path).lines(tmp_path)
    assert "for example Screenshot.png: the setting name_pattern says which are" in line
    fill(tmp_path / "b", "20240102-101112_1.png")
    assert list(names_in(tmp_path).lines(tmp_path)) == []


def test_nothing_is_said_of_an_empty_root_or_of_hidden_names(tmp_path: Path) -> None:
    fill(tmp_path / "root" / "empty", ".hidden.png")
    assert list(names_in(tmp_path / "root").lines(tmp_path / "root")) == []


def test_few_lines_stand_for_many_names(tmp_path: Path) -> None:
    fill(tmp_path, *(f"x{number}_1.png" for number in range(MOST_TOLD + 5)))
    lines = list(names_in(tmp_path).lines(tmp_path))
    assert len(lines) == MOST_TOLD + 1
    assert lines[-1].startswith("5 more names of captures are refused")
