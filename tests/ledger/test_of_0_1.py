"""A ledger that framesift 0.1 made: it opens, it migrates, and what it says is so; and its pictures come back.

``of_0_1`` is what that version left of eight captures in ``/framesift-0.1``: three kept screens, and duplicates in
quarantine, one of them purged, one restored, one that a killed purge had marked; and five days of a watcher.
"""

import os
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.desk import Desk, Shelf
from watcher.disk.mirror import root_of
from watcher.errors import FaultError
from watcher.keep.relocation import carry_out, plan
from watcher.ledger import moved_roots
from watcher.ledger.days import Days
from watcher.ledger.deletions import candidates
from watcher.ledger.ledger import Ledger
from watcher.ledger.schema import MIGRATIONS
from watcher.model.entry import State

FIXTURE = Path(__file__).parent / "of_0_1"
OLD = Path("/framesift-0.1/ScreenRecord")


@pytest.fixture
def moved(shelf: Shelf) -> Desk:
    """What that version left, on this desk; times are not kept in a repository, and the ledger tells them."""
    desk = shelf.desk
    for folder in ("ScreenRecord", "ScreenRecord-quarantine"):
        shutil.rmtree(desk.base / folder)
        shutil.copytree(FIXTURE / folder, desk.base / folder)
    shutil.rmtree(desk.state)
    desk.state.mkdir()
    shutil.copy(FIXTURE / "ledger.sqlite", desk.state)
    with sqlite3.connect(desk.state / "ledger.sqlite") as db:
        for folder, name, mtime_ns in db.execute("SELECT folder, name, mtime_ns FROM entry"):
            inside = Path(os.fsdecode(folder)).relative_to(OLD) / os.fsdecode(name)
            for top in (desk.root, desk.quarantine):
                if (top / inside).exists():
                    os.utime(top / inside, ns=(mtime_ns, mtime_ns))
    return desk


def states(ledger: Ledger) -> dict[str, State]:
    return {entry.verdict.capture.path.name[11:16]: entry.state for entry in ledger.entries()}


SAID = {
    "09.00": State.KEPT,
    "09.05": State.PURGED,
    "09.10": State.KEPT,
    "09.15": State.KEPT,
    "09.20": State.QUARANTINED,
    "09.25": State.RESTORED,
    "09.30": State.QUARANTINED,
    "09.35": State.MOVING,
}


def test_it_migrates_and_says_what_it_said(moved: Desk) -> None:
    with sqlite3.connect(FIXTURE / "ledger.sqlite") as db:
        before = db.execute("SELECT id, name, kind, ssim, state, location, target, recorded_at FROM entry").fetchall()
    with moved.ledger() as ledger:
        assert states(ledger) == SAID
        after = ledger.rows("SELECT id, name, kind, ssim, state, location, target, recorded_at FROM entry")
        assert [tuple(row) for row in after] == before, "who reads it with other tools sees whole paths as before"
        assert ledger.rows("PRAGMA foreign_key_check") == []
        assert [row["folder"] for row in ledger.rows("SELECT DISTINCT folder FROM picture")] == [b"2020-05/2020-05-04"]
        assert {entry.location.parent for entry in ledger.entries(state=State.QUARANTINED)} == {
            OLD.with_name("ScreenRecord-quarantine") / "2020-05" / "2020-05-04"
        }
        (one, two) = (one for some in candidates(ledger, OLD) for one in some)
        assert one.proof is not None
        assert two.proof is not None
        days = Days(ledger, OLD)
        assert one.aside_day < days.begun(4), "it was quarantined before the first of five days began"


def test_it_is_told_where_its_pictures_are_now_and_they_come_back(moved: Desk, shelf: Shelf) -> None:
    text = shelf.run("relocate", OLD, moved.root, "--dry-run")
    assert "4 of 4 of the latest pictures kept" in text
    with moved.ledger() as ledger:
        assert ledger.entry(1).location.is_relative_to(OLD)
    assert "the ledger knows it now" in shelf.run("relocate", OLD, moved.root)
    assert root_of(moved.quarantine) == moved.root
    text = shelf.run("restore", "--all", "--yes")
    assert text.endswith("3 restored\n"), "what a killed purge has marked is taken over"
    with moved.ledger() as ledger:
        assert Counter(states(ledger).values()) == {State.KEPT: 3, State.RESTORED: 4, State.PURGED: 1}
        for entry in ledger.entries():
            assert entry.location.exists() == (entry.state is not State.PURGED)
    assert len(list(moved.root.rglob("*.png"))) == 7


def test_digests_are_filled_in_as_pictures_are_met(moved: Desk, shelf: Shelf) -> None:
    shelf.run("relocate", OLD, moved.root)
    shelf.run("purge", "--dry-run")
    with moved.ledger() as ledger:
        known = [entry.verdict.capture.path.name[11:16] for entry in ledger.entries() if entry.verdict.capture.digest]
    assert known == ["09.10", "09.15"], "the kept pictures of what would be purged"
    shelf.run("sweep", "--again")
    with moved.ledger() as ledger:
        undigested = [entry.state for entry in ledger.entries() if not entry.verdict.capture.digest]
    assert sorted(undigested) == [State.PURGED, State.QUARANTINED, State.RESTORED], "gone, just taken back, a person's"


def test_an_archive_that_was_touched_by_a_clock_is_still_what_it_was(moved: Desk, shelf: Shelf) -> None:
    """All times have moved by an hour, and the older ledger knows no digests: path and size have to do."""
    shelf.run("relocate", OLD, moved.root)
    for path in moved.root.rglob("*.png"):
        os.utime(path, ns=(1, path.stat().st_mtime_ns + 3_600_000_000_000))
    shelf.run("sweep")
    with moved.ledger() as ledger:
        assert states(ledger) == SAID | {"09.35": State.QUARANTINED}
        assert len(list(ledger.entries())) == 8


@pytest.mark.parametrize("what", ["nothing is there", "another ledger's", "no folder", "unknown", "a quarantine"])
def test_a_move_that_cannot_be_seen_is_not_believed(moved: Desk, shelf: Shelf, what: str) -> None:
    new, old, said = moved.root, OLD, {"nothing is there": "only 0 of 4 of the latest"}.get(what, "")
    if what == "nothing is there":
        new = moved.base / "empty"
        new.mkdir()
    elif what == "another ledger's":
        new, said = moved.base / "other", "only 0 of 4 of the latest"
        new.mkdir()
        shutil.copy(next(moved.root.rglob("*.png")), new / "2020-01-01_00.00.00_1.png")
        shelf.run("sweep", new)
    elif what == "no folder":
        new, said = moved.base / "absent", "is not there"
    elif what == "a quarantine":
        new, said = moved.quarantine, "which is the quarantine of"
    else:
        old, said = Path("/never/seen"), "knows no pictures of"
    assert said in shelf.run("relocate", old, new, code=1)
    with moved.ledger() as ledger:
        assert ledger.entry(1).location.is_relative_to(OLD)


def test_killed_between_the_marks_and_the_ledger_it_is_done_once_more(
    moved: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise FaultError("the disk is full")

    with moved.ledger() as ledger:
        with monkeypatch.context() as full:
            full.setattr(moved_roots, "follow", refuse)
            with pytest.raises(FaultError):
                carry_out(ledger, plan(ledger, OLD, moved.root))
        assert root_of(moved.quarantine) == moved.root
        carry_out(ledger, plan(ledger, OLD, moved.root))
        assert {entry.root for entry in ledger.entries()} == {moved.root}


def test_every_older_schema_leads_to_the_newest(tmp_path: Path) -> None:
    schemas = set()
    for version in range(len(MIGRATIONS) + 1):
        file = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(file) as db:
            for step in MIGRATIONS[:version]:
                db.executescript(step)
            db.execute(f"PRAGMA user_version = {version}")
        with Ledger.open(file) as ledger:
            schemas.add(
                tuple(sorted(row[0] for row in ledger.rows("SELECT sql FROM sqlite_master WHERE sql NOT NULL")))
            )
    assert len(schemas) == 1
