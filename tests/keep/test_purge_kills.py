"""Purge and retention killed at any call that changes a disk: the next start finishes, and no kept picture goes."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from tests.desk import LONG_AGO, digested, facts, land
from tests.keep.crash_points import KILL, Met, go_through, met_at_every
from tests.keep.test_kills import Bench
from tests.pictures import screen
from watcher.disk.mirror import Amount, held, mark
from watcher.keep.purge import Limits, Purge
from watcher.keep.retention import Retention
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and its tools as POSIX has them"),
]

NAMES = ("2020-05/04_1.png", "2020-05/05_1.png", "2020-06/06_1.png", "stray/07_1.png")
"""Three duplicates in two folders, and a picture that no ledger knows."""

CALLS = ("pwrite64", "write", "fsync", "fdatasync", "ftruncate", "unlink", "unlinkat", "rmdir")


class Quarantine(Bench):
    """A root with a kept picture, three duplicates of it in quarantine, and a stray beside them."""

    left = Amount(0, 0)
    """What is in the quarantine when all is done."""

    def __init__(self, base: Path) -> None:
        super().__init__(base, base / "quarantine")
        self.twins = [self.quarantine / name for name in NAMES[:-1]]
        self.stray = self.quarantine / NAMES[-1]

    def make(self) -> None:
        land(self.kept, screen(1), LONG_AGO, 0o640)
        kept = digested(self.kept)
        score = Score(kept, 1.0, exact=True, worst_tile=1.0)
        with self.at_work() as (ledger, custody):
            ledger.adopt(self.root, [])
            custody.carry_out(Verdict(kept, Kind.NEW, NOTHING_TO_COMPARE, Policy()), KeptFrame(kept, 40, 48, b"s"))
            for name in NAMES[:-1]:
                capture = digested(land(self.root / name, screen(1), LONG_AGO))
                custody.carry_out(Verdict(capture, Kind.DUPLICATE, score, Policy()), None)
        land(self.stray, screen(1), LONG_AGO)
        mark(self.quarantine, self.root)

    def cycle(self) -> None:
        """Delete what is proven, and then by force what is not: the stray."""
        every = Limits(lambda _: True)
        forced = Limits(lambda _: True, force=True, is_stray=lambda name: name.endswith(".png"))
        with self.at_work() as (ledger, _):
            for limits in (every, forced):
                purge = Purge(ledger, self.root, self.quarantine, limits)
                purge.resume()
                for _ in purge.carry_out():
                    pass

    def duplicates(self, ledger: Ledger) -> list[Entry]:
        return list(ledger.entries(kind=Kind.DUPLICATE))

    def check(self, *, settled: bool) -> list[str]:
        """The kept picture is as it was; and what has gone is in the ledger as purged, or as about to be."""
        assert facts(self.kept) == (screen(1), LONG_AGO, 0o640)
        with self.at_work() as (ledger, _):
            entries = self.duplicates(ledger)
        assert [entry.location for entry in entries] == self.twins
        for entry in entries:
            there = entry.location.exists()
            if settled:
                assert entry.state is (State.QUARANTINED if there else State.PURGED)
                assert (entry.target, entry.becomes) == (None, None)
            elif not there:
                assert State.PURGED in (entry.state, entry.becomes)
        return [entry.state.value for entry in entries]

    def look_after(self, number: int) -> Sequence[object]:
        """The states of the duplicates before and after a start."""
        before = self.check(settled=False)
        if number % 2:  # a start finishes what a purge began; so does another purge
            with self.at_work() as (_, custody):
                custody.recover()
                assert custody.recover() == []
            self.check(settled=True)
        return before, self.check(settled=False)

    def look_at_the_end(self) -> None:
        assert self.check(settled=True) == ["purged"] * 3
        assert held(self.quarantine) == self.left


class Retained(Quarantine):
    """The same, where a watcher's retention does it after a start: all of the day's work, without the stray."""

    left = Amount(1, len(screen(1)))

    def cycle(self) -> None:
        folders = Folders(self.state / "none.toml", self.state, self.state)
        flags = {"root": self.root, "quarantine": self.quarantine}
        settings = Settings.load(folders, flags, environ={"FRAMESIFT_RETENTION__MAX_BYTES": "1 B"})
        with self.at_work() as (ledger, custody):
            custody.recover()
            retention = Retention(ledger, settings, lambda _: None)
            for _ in range(2 * len(NAMES)):
                retention.look(date(2020, 5, 4), 0.0)


BENCHES = {"purge": Quarantine, "retention": Retained}


def killed_at_every(name: str, base: Path, *calls: str) -> list[Met]:
    return met_at_every([__name__, name, base], KILL, base / "met", calls)


def test_a_kill_at_any_system_call_of_a_purge_loses_no_kept_picture_and_is_finished(tmp_path: Path) -> None:
    met = killed_at_every("purge", tmp_path, *CALLS)
    assert {"pwrite64", "fsync", "unlinkat", "rmdir"} <= {call for call, *_ in met}
    # Before the intent, between intent and confirmation, and after it.
    assert {"quarantined", "moving", "purged"} == {state for _, _, before, _ in met for state in before}


def test_a_kill_at_any_deletion_or_commit_of_retention_loses_no_kept_picture_and_is_finished(tmp_path: Path) -> None:
    met = killed_at_every("retention", tmp_path, "fdatasync", "unlinkat", "rmdir")
    assert {"fdatasync", "unlinkat", "rmdir"} == {call for call, *_ in met}
    assert {"quarantined", "moving", "purged"} == {state for _, _, before, _ in met for state in before}


if __name__ == "__main__":
    name, base, deed, met, *calls = sys.argv[1:]
    go_through(BENCHES[name](Path(base)), deed, Path(met), calls)
