"""Pictures brought back: asked first, foreseen, into no place but theirs, and whatever has become of the ledger."""

import shutil
from pathlib import Path

import pytest

from tests.desk import CONTENT, Shelf
from tests.pictures import screen
from watcher.disk.mirror import mark
from watcher.errors import FaultError
from watcher.keep.proof import Found, find
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State


@pytest.fixture
def twins(shelf: Shelf) -> list[Entry]:
    shelf.takes_digests = True
    return shelf.twins(range(1, 3), shelf.keep(0))


def there(twins: list[Entry]) -> list[bool]:
    return [twin.verdict.capture.path.exists() for twin in twins]


class Terminal:
    """Somebody who types this."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self, *_: int) -> str:
        return f"{self._answer}\n"


@pytest.mark.parametrize("asked", [["--all"], ["--day", "2020-05-04"]])
def test_many_are_asked_for_first(
    shelf: Shelf, twins: list[Entry], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "2 pictures would be restored; there is no terminal to ask at: say --yes" in shelf.run(
        "restore", *asked, code=2
    )
    monkeypatch.setattr("sys.stdin", Terminal("n"))
    assert "Restore 2 pictures?" in shelf.run("restore", *asked)
    assert there(twins) == [False, False]
    monkeypatch.setattr("sys.stdin", Terminal("y"))
    assert "2 restored" in shelf.run("restore", *asked)
    assert there(twins) == [True, True]


def test_one_that_is_named_is_not_asked_for(shelf: Shelf, twins: list[Entry]) -> None:
    assert "1 restored" in shelf.run("restore", twins[0].location)
    assert there(twins) == [True, False]


def test_a_dry_run_foresees_what_would_not_work(shelf: Shelf, twins: list[Entry]) -> None:
    taken, gone = twins
    taken.verdict.capture.path.write_bytes(b"precious")
    gone.location.unlink()
    for place in ([], ["--quarantine", shelf.desk.quarantine]):
        text = shelf.run("restore", "--all", "--dry-run", *place, code=1)
        assert f"{taken.verdict.capture.path} exists and was not overwritten" in text
    assert "is gone or was changed" in shelf.run("restore", "--all", "--dry-run", code=1)
    assert [shelf.state(twin) for twin in twins] == [State.QUARANTINED] * 2


def test_a_restore_can_be_taken_back(shelf: Shelf, twins: list[Entry]) -> None:
    shelf.run("restore", "--all", "--yes")
    assert "--restored goes with --again" in shelf.run("sweep", "--restored", code=2)
    shelf.run("sweep", "--again")
    assert there(twins) == [True, True]
    text = shelf.run("sweep", "--again", "--restored")
    assert "may be judged again: 2" in text
    assert there(twins) == [False, False]
    assert [shelf.state(twin) for twin in twins] == [State.QUARANTINED] * 2


@pytest.mark.parametrize("harm", ["damaged", "a folder"])
def test_a_ledger_that_cannot_be_used_does_not_stand_in_the_way(shelf: Shelf, twins: list[Entry], harm: str) -> None:
    for file in shelf.desk.state.glob("ledger.sqlite*"):
        file.unlink()
    if harm == "damaged":
        (shelf.desk.state / "ledger.sqlite").write_bytes(b"no database " * 1000)
    else:
        (shelf.desk.state / "ledger.sqlite").mkdir()
    text = shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert "going on without it" in text
    assert there(twins) == [True, True]


def test_where_the_root_is_gone_nothing_is_made_anew_and_the_folder_beside_takes_its_place(
    shelf: Shelf, twins: list[Entry]
) -> None:
    new = shelf.desk.base / "elsewhere" / "Pictures"
    new.parent.mkdir()
    shelf.desk.root.rename(new)
    quarantine = shelf.desk.quarantine.rename(new.with_name("Pictures-quarantine"))
    assert "framesift relocate" in shelf.run("restore", "--all", "--yes", code=1)
    assert not shelf.desk.root.exists()
    text = shelf.run("restore", "--all", "--yes", "--quarantine", quarantine)
    assert f"restoring to {new}" in text
    assert not shelf.desk.root.exists()
    assert [(new / twin.verdict.capture.path.relative_to(shelf.desk.root)).read_bytes() for twin in twins] == [
        CONTENT
    ] * 2


def test_a_quarantine_in_the_place_of_its_root_is_not_emptied(shelf: Shelf, twins: list[Entry]) -> None:
    desk = shelf.desk
    desk.root.rename(desk.base / "aside")
    desk.quarantine.rename(desk.root)
    lying = sorted(path for path in desk.root.rglob("*.png"))
    for arguments in (["--all", "--yes"], ["--all", "--yes", "--quarantine", desk.root]):
        shelf.run("restore", *arguments, code=1)
        assert sorted(desk.root.rglob("*.png")) == lying
    assert "which is the quarantine of" in shelf.run("sweep", desk.root, code=1)
    assert len(twins) == len(lying)


def test_a_quarantine_that_has_moved_and_left_a_link_gives_its_pictures_back(shelf: Shelf, twins: list[Entry]) -> None:
    big = shelf.desk.base / "big"
    shelf.desk.quarantine.rename(big)
    shelf.desk.quarantine.symlink_to(big)
    assert "2 restored" in shelf.run("restore", "--all", "--yes")
    assert there(twins) == [True, True]


def test_one_quarantine_for_two_roots_is_refused_by_every_verb(
    shelf: Shelf, twins: list[Entry], tmp_path: Path
) -> None:
    other = tmp_path / "Other"
    shutil.copytree(shelf.desk.root, other)
    said = f"is the quarantine of {shelf.desk.root}, not of {other}"
    for verb in (["sweep", other], ["watch", other]):
        assert said in shelf.run(*verb, "--quarantine", shelf.desk.quarantine, code=1)
    with shelf.desk.ledger() as ledger:
        assert ledger.mirrors(other) == {}, "a refusal leaves nothing behind"
    assert len(list(other.rglob("*.png"))) == 1
    assert len(twins) == len(list(shelf.desk.quarantine.rglob("*.png")))


def test_a_folder_with_a_mark_is_never_searched_wherever_it_lies(shelf: Shelf, tmp_path: Path) -> None:
    inner = shelf.desk.root / "backup" / "quarantine of another"
    mark(inner, tmp_path / "Other")
    (inner / "2020-05-04_09.00.00.000000_1.png").write_bytes(CONTENT)
    shelf.desk.put(1, CONTENT)
    assert "judged 1 new" in shelf.run("sweep")


def test_a_picture_that_was_changed_in_quarantine_comes_back_as_it_is(shelf: Shelf, twins: list[Entry]) -> None:
    changed = twins[0]
    changed.location.write_bytes(screen(6))
    assert "restore with --quarantine takes what lies there as it is" in shelf.run("restore", "--all", "--yes", code=1)
    assert there(twins) == [False, True]
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert changed.verdict.capture.path.read_bytes() == screen(6)
    assert shelf.state(changed) is State.MISSING
    shelf.run("sweep")
    assert changed.verdict.capture.path.read_bytes() == screen(6)


@pytest.mark.parametrize("damage", [("report", "[1]"), ("report", "[]"), ("path", b"\0")])
def test_a_ledger_that_is_odd_stands_in_no_way(shelf: Shelf, twins: list[Entry], damage: tuple[str, object]) -> None:
    column, value = damage
    with shelf.desk.ledger() as ledger:
        ledger.rows(f"UPDATE root SET {column} = ?", [value])  # noqa: S608 - our own words
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert there(twins) == [True, True]


def test_one_that_cannot_be_read_is_not_the_end_of_all(
    shelf: Shelf, twins: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(shelf.desk.state)

    def refuse(path: Path, capture: Capture) -> Found:
        if path == twins[0].location:
            raise FaultError("cannot be read: Input/output error")
        return find(path, capture)

    monkeypatch.setattr("watcher.keep.restoring.find", refuse)
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert there(twins) == [True, True]


@pytest.mark.parametrize("state", ["purged", "missing"])
def test_what_lies_in_the_place_of_one_that_is_gone_comes_back_and_so_does_the_rest(
    shelf: Shelf, twins: list[Entry], state: str
) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.rows("UPDATE picture SET state = ? WHERE id = ?", [state, twins[0].id])
    twins[0].location.write_bytes(screen(6))
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert there(twins) == [True, True]


def test_a_quarantine_that_was_moved_and_left_a_link_is_named_by_either(shelf: Shelf, twins: list[Entry]) -> None:
    moved = shelf.desk.quarantine.rename(shelf.desk.base / "moved")
    shelf.desk.quarantine.symlink_to(moved)
    shelf.run("restore", twins[0].location)
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert there(twins) == [True, True]
    assert [shelf.state(twin) for twin in twins] == [State.RESTORED, State.RESTORED]
    (shelf.desk.base / "loop").symlink_to(shelf.desk.base / "loop")
    assert "no such picture" in shelf.run("restore", shelf.desk.base / "loop" / "x_1.png", code=1)


def test_each_path_for_which_there_is_nothing_is_named(shelf: Shelf, twins: list[Entry]) -> None:
    text = shelf.run("restore", twins[0].location, shelf.desk.root / "nothere_1.png", code=1)
    assert "nothere_1.png: no such picture is in quarantine" in text
    assert "1 restored, 1 not" in text
    assert there(twins) == [True, False]


def test_an_empty_path_is_none(shelf: Shelf, twins: list[Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf.desk.base)
    for words in (["restore", ""], ["why", ""], ["status", ""]):
        assert "it is empty, and names no file or folder" in shelf.run(*words, code=2)
    assert "an empty text: not a path" in shelf.run("--state-dir", "", "status", code=2)
    assert there(twins) == [False, False]


def test_a_restore_that_was_killed_when_it_had_copied_is_finished(shelf: Shelf, twins: list[Entry]) -> None:
    shutil.rmtree(shelf.desk.state)
    for twin in twins:
        twin.verdict.capture.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(twin.location, twin.verdict.capture.path)
    text = shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert text.endswith("2 restored\n")
    assert not any(twin.location.exists() for twin in twins)


def test_where_the_disk_of_the_root_is_away_nothing_is_put_under_its_mount_point(
    shelf: Shelf, twins: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that no ledger knows, too: the ledger knows the root."""
    stray = twins[0].location.with_name("2020-05-04_12.00.00_1.png")
    stray.write_bytes(screen(5))
    monkeypatch.setattr("watcher.keep.places.is_elsewhere", lambda *_: True)
    text = shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine, code=1)
    assert "another disk is in its place" in text
    assert stray.exists()
    assert there(twins) == [False, False]
