"""Errors of the disk at every call, kills on the way back and while a ledger is migrated: no picture is lost."""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.keep.crash_points import FAIL, KILL, Met, go_through, met_at_every
from tests.keep.test_kills import Bench
from watcher.keep.custody import Custody
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round
from watcher.ledger.schema import MIGRATIONS
from watcher.model.entry import State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Verdict

OF_0_1 = Path(__file__).parents[1] / "ledger" / "of_0_1"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="strace and its tools as Linux has them"),
]


class Again(Bench):
    """A sweep's second round takes the verdict back: the duplicate returns from quarantine to its place."""

    def make(self) -> None:
        super().make()
        with self.at_work() as (_, custody):
            custody.carry_out(self.twin(), None)

    def cycle(self) -> None:
        with self.at_work() as (ledger, _):
            entry = self.entry(ledger)
            assert entry is not None
            policy = Policy(duplicate=0.999)
            timeline = begin_round(ledger, self.root, policy, datetime.min, datetime.max)
            if entry.state is State.QUARANTINED:
                capture = entry.verdict.capture
                verdict = Verdict(capture, Kind.NEW, NOTHING_TO_COMPARE, policy)
                custody = Custody(ledger, self.hooks, timeline)
                custody.carry_out(verdict, KeptFrame(capture, 40, 48, b"s"))

    def start(self) -> tuple[State | None, int]:
        with self.at_work() as (ledger, custody):
            finished = len(custody.recover())
            entry = self.entry(ledger)
        assert entry is not None
        assert entry.location == {State.QUARANTINED: self.mirrored, State.KEPT: self.duplicate}[entry.state]
        assert (entry.verdict.kind is Kind.NEW) == (entry.state is State.KEPT)
        self.check_files(self.kept, entry.location)
        return entry.state, finished

    def look_at_the_end(self) -> None:
        assert self.start() == (State.KEPT, 0)


class Old(Bench):
    """A ledger of the first schema is opened by this framesift, which brings it up to date."""

    version = 1

    def make(self) -> None:
        self.state.mkdir(mode=0o700)
        with contextlib.closing(sqlite3.connect(self.state / "ledger.sqlite")) as db:
            db.executescript(MIGRATIONS[0])
            db.execute("PRAGMA user_version = 1")
            db.execute("INSERT INTO root (id, path, adopted) VALUES (1, ?, 1)", [os.fsencode(self.root)])
            db.execute("INSERT INTO policy (id, json) VALUES (1, ?)", [json.dumps(Policy().as_json())])
            for number in (1, 2, 3):
                db.execute(
                    "INSERT INTO entry VALUES (?1, 1, ?2, ?3, 100, ?1, 1, '2020-05-04T09:00:00', 'new', -1, 0, 1, NULL,"
                    " '', 1, 'kept', ?4, NULL, NULL, '', '2020-05-04T09:00:00+00:00')",
                    [number, os.fsencode(self.root), b"%d_1.png" % number, os.fsencode(self.root / f"{number}_1.png")],
                )
                db.execute("INSERT INTO frame VALUES (?1, 1, 1, 40, 48, 'sign', ?1, 1)", [number])
            db.commit()

    def cycle(self) -> None:
        Ledger.open(self.state / "ledger.sqlite").close()

    def start(self) -> tuple[State | None, int]:
        with contextlib.closing(sqlite3.connect(self.state / "ledger.sqlite")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            assert version in (self.version, len(MIGRATIONS)), "half migrated"
        with Ledger.open(self.state / "ledger.sqlite") as ledger:
            assert ledger.rows("PRAGMA foreign_key_check") == []
            self.check(ledger)
        return None, version

    def check(self, ledger: Ledger) -> None:
        """All that was written down is there."""
        assert [entry.state for entry in ledger.entries()] == [State.KEPT] * 3
        assert len(list(ledger.frames(Timeline(self.root), 0))) == 3

    def look_at_the_end(self) -> None:
        assert self.start() == (None, len(MIGRATIONS))


class Of01(Old):
    """The same with the ledger that framesift 0.1 left of eight captures: paths become relative, and nothing else."""

    version = 3

    def make(self) -> None:
        self.state.mkdir(mode=0o700)
        shutil.copyfile(OF_0_1 / "ledger.sqlite", self.state / "ledger.sqlite")

    def check(self, ledger: Ledger) -> None:
        said = (
            "SELECT id, folder, name, size, kind, state, location, target, becomes, nearest_id FROM entry ORDER BY id"
        )
        with contextlib.closing(sqlite3.connect(OF_0_1 / "ledger.sqlite")) as db:
            assert [tuple(row) for row in ledger.rows(said)] == db.execute(said).fetchall()
        assert {os.fsdecode(row[0]) for row in ledger.rows("SELECT folder FROM picture")} == {"2020-05/2020-05-04"}


BENCHES = {"there-and-back": Bench, "again": Again, "1": Old, "3": Of01}


def met_at_each(name: str, deed: str, base: Path, *calls: str) -> list[Met]:
    return met_at_every([__name__, name, base], deed, base / "met", calls)


def test_an_error_of_the_disk_at_any_call_of_a_move_and_a_restore_loses_nothing(tmp_path: Path) -> None:
    met = met_at_each("there-and-back", FAIL, tmp_path, "pwrite64", "fsync", "fdatasync", "renameat2", "ftruncate")
    assert {"pwrite64", "fsync", "fdatasync", "renameat2"} <= {call for call, *_ in met}
    assert {finished for *_, finished in met} == {0, 1}
    assert len(met) >= 40


def test_a_kill_at_any_call_of_the_way_back_out_of_quarantine_loses_nothing(tmp_path: Path) -> None:
    met = met_at_each("again", KILL, tmp_path, "pwrite64", "fsync", "fdatasync", "renameat2", "mkdir")
    assert {"pwrite64", "fsync", "fdatasync", "renameat2"} <= {call for call, *_ in met}
    # Before the intent, between intent and confirmation, and after it.
    assert {(State.QUARANTINED, 0), (State.KEPT, 1), (State.KEPT, 0)} == {(state, found) for *_, state, found in met}


@pytest.mark.parametrize("version", [1, 3])
def test_a_kill_or_an_error_at_any_write_of_a_migration_leaves_the_old_ledger_or_the_new(
    tmp_path: Path, version: int
) -> None:
    for deed in (KILL, FAIL):
        base = tmp_path / deed
        base.mkdir()
        met = met_at_each(str(version), deed, base, "pwrite64", "fdatasync")
        assert {version, len(MIGRATIONS)} == {found for *_, found in met}


if __name__ == "__main__":
    name, base, deed, met, *calls = sys.argv[1:]
    go_through(BENCHES[name](Path(base), Path(base) / "quarantine"), deed, Path(met), calls)
