"""Custody: pictures find their way back, and of what a person does by hand no hook hears."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import CONTENT, Desk, Shelf, on_its_way
from watcher.disk.mirror import mark
from watcher.errors import ConflictError
from watcher.keep.restoring import restore
from watcher.model.entry import Entry, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import Kind

LISTENER = """
import watcher

@watcher.hookimpl
def recorded(entry, settings):
    with (settings.root.parent / "heard").open("a") as file:
        file.write(f"{entry.id} {entry.state.value}\\n")
"""


def listens(desk: Desk) -> None:
    """From now on a hook writes down what it hears."""
    hook = desk.base / "hooks" / "listener.py"
    hook.parent.mkdir(mode=0o700)
    hook.write_text(LISTENER)
    hook.chmod(0o600)


def heard(desk: Desk) -> list[str]:
    file = desk.base / "heard"
    return file.read_text().splitlines() if file.exists() else []


def interrupted(shelf: Shelf, entry: Entry, becomes: State) -> None:
    """As a kill leaves it right after the intent."""
    target = entry.verdict.capture.path if becomes is State.RESTORED else entry.location
    with shelf.desk.ledger() as ledger:
        on_its_way(ledger, entry, target, becomes)


def test_hooks_hear_once_of_each_capture_wherever_it_arrives(shelf: Shelf) -> None:
    listens(shelf.desk)
    kept = shelf.keep(0)
    (twin,) = shelf.twins(range(1, 2), kept)
    assert heard(shelf.desk) == [f"{kept.id} kept", f"{twin.id} quarantined"]


def test_of_what_a_recovery_finishes_hooks_hear_only_if_it_is_a_capture_on_its_first_way(shelf: Shelf) -> None:
    first, back, gone = shelf.twins(range(1, 4), shelf.keep(0))
    listens(shelf.desk)
    interrupted(shelf, back, State.RESTORED)
    interrupted(shelf, gone, State.PURGED)
    interrupted(shelf, first, State.QUARANTINED)
    with shelf.at_work() as (_, custody):
        done = custody.recover()
    assert [entry.state for entry in done] == [State.QUARANTINED, State.RESTORED, State.QUARANTINED]
    assert heard(shelf.desk) == [f"{first.id} quarantined"]


def test_a_picture_comes_back_though_all_folders_on_its_way_are_gone(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    shutil.rmtree(shelf.desk.root)
    with shelf.desk.ledger() as ledger:
        with pytest.raises(ConflictError, match="is not there any more; if it has moved, framesift relocate"):
            restore(ledger, twin)
        assert not shelf.desk.root.exists()
        shelf.desk.root.mkdir()
        assert restore(ledger, twin).state is State.RESTORED
    assert twin.verdict.capture.path.read_bytes() == CONTENT


@pytest.mark.parametrize("becomes", [State.RESTORED, State.PURGED, State.QUARANTINED])
@pytest.mark.parametrize("has_arrived", [True, False])
def test_what_is_on_its_way_is_taken_over(shelf: Shelf, becomes: State, has_arrived: bool) -> None:
    """A process was killed, or waits for a disk, between the intent and its confirmation."""
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    interrupted(shelf, twin, becomes)
    if has_arrived and becomes is State.RESTORED:
        twin.location.rename(twin.verdict.capture.path)
    with shelf.desk.ledger() as ledger:
        assert restore(ledger, twin).state is State.RESTORED
    assert twin.verdict.capture.path.read_bytes() == CONTENT
    assert not twin.location.exists()


def test_what_another_process_has_brought_back_meanwhile_stays_there(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    with shelf.desk.ledger() as ledger, shelf.desk.ledger() as others:
        assert restore(others, twin).state is State.RESTORED
        assert restore(ledger, twin).state is State.RESTORED
    assert twin.verdict.capture.path.read_bytes() == CONTENT


@pytest.mark.parametrize("now", [State.PURGED, State.MISSING])
def test_what_has_been_dealt_with_otherwise_meanwhile_is_not_brought_back(shelf: Shelf, now: State) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    with shelf.desk.ledger() as ledger:
        ledger.rows("UPDATE picture SET state = ? WHERE id = ?", [now.value, twin.id])
        twin.location.rename(shelf.desk.base / "backup")
        with pytest.raises(ConflictError, match=f"it is {now} now"):
            restore(ledger, twin)
        assert ledger.entry(twin.id).state is now
        (shelf.desk.base / "backup").rename(twin.location)
        assert restore(ledger, twin).state is State.RESTORED, "it is there, as from a backup"
    assert twin.verdict.capture.path.read_bytes() == CONTENT


@pytest.mark.parametrize("harm", [os.unlink, os.utime])
def test_a_picture_that_is_no_longer_the_captures_is_not_brought_back_and_nothing_is_written_down(
    shelf: Shelf, harm: Callable[[Path], object]
) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    harm(twin.location)
    with shelf.desk.ledger() as ledger:
        with pytest.raises(ConflictError, match="is gone or was changed"):
            restore(ledger, twin)
        assert ledger.entry(twin.id) == twin
    assert not twin.verdict.capture.path.exists()


def test_what_judging_has_found_of_a_window_is_written_down(shelf: Shelf) -> None:
    lost, renewed = shelf.keep(0), shelf.keep(1)
    anew = KeptFrame(renewed.verdict.capture, 9, 9, b"computed again")
    with shelf.at_work() as (ledger, custody):
        custody.note(Changes((lost.verdict.capture, renewed.verdict.capture)))  # both are there
        lost.location.unlink()
        custody.note(Changes((lost.verdict.capture,), (anew,)))
        assert ledger.frames(Timeline(shelf.desk.root), 9) == [anew]
        assert ledger.entry(lost.id).state is State.MISSING


def test_a_name_that_is_no_utf8_can_stand_in_a_note(shelf: Shelf) -> None:
    path = shelf.desk.put(0, CONTENT).rename(shelf.desk.root / os.fsdecode(b"caf\xe9_1.png"))
    (entry,) = shelf.record([path], Kind.NEW)
    with shelf.desk.ledger() as ledger:
        assert ledger.lose(entry, f"{path} is gone").note == f"{shelf.desk.root}/caf\\udce9_1.png is gone"


@pytest.mark.parametrize("what", ["away", "another root's"])
def test_a_move_to_a_quarantine_that_cannot_take_it_is_given_up_at_the_next_start(shelf: Shelf, what: str) -> None:
    kept = shelf.keep(0)
    path = shelf.desk.put(1, CONTENT)
    old = shelf.desk.base / "old-quarantine"
    (entry,) = shelf.record([path], Kind.NEW)
    with shelf.desk.ledger() as ledger:
        ledger.see_mirror(shelf.desk.root, old, "elsewhere" if what == "away" else "")
        on_its_way(ledger, entry, old / path.name, State.QUARANTINED)
    if what != "away":
        mark(old, shelf.desk.base / "another")
    with shelf.at_work() as (_, custody):
        (done,) = custody.recover()
    assert (done.state, done.location) == (State.KEPT, path)
    assert "old-quarantine" in done.note
    assert path.exists()
    assert not (old / path.name).exists()
    assert kept.location.exists()


@pytest.mark.parametrize("what", ["away", "another root's"])
def test_a_picture_that_is_at_neither_place_holds_up_nothing(shelf: Shelf, what: str) -> None:
    (entry,) = shelf.record([shelf.desk.put(1, CONTENT)], Kind.NEW)
    old = shelf.desk.base / "old-quarantine"
    with shelf.desk.ledger() as ledger:
        ledger.see_mirror(shelf.desk.root, old, "elsewhere" if what == "away" else "")
        on_its_way(ledger, entry, old / "a_1.png", State.QUARANTINED)
    if what != "away":
        mark(old, shelf.desk.base / "another")
    entry.location.unlink()
    (twin,) = shelf.twins(range(3, 4), shelf.keep(2))
    with shelf.at_work() as (_, custody):
        assert custody.recover() == []
    assert shelf.state(entry) is State.MOVING
    assert "1 restored, 1 not" in shelf.run("restore", "--all", "--yes", code=1)
    assert twin.verdict.capture.path.exists()
