"""Killed at any moment: every picture is in exactly one place, and the next start finishes with the same decisions."""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.desk import LONG_AGO, Desk, digested, facts, land, wait_for, working_desk
from tests.keep.crash_points import CALLS, KILL, Met, go_through, met_at_every
from tests.pictures import screen, typed
from watcher.disk.mirror import MARKER_FOLDER, mark, owner_of
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.keep.restoring import restore
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and its tools as POSIX has them"),
]

KILLS = 8
PART = 25
WINDOW = 5

# The whole watcher, killed at random moments of a stream.


def stream() -> list[list[tuple[int, int, bytes]]]:
    """Captures (tick, display, content) in as many parts as there are kills; about half are duplicates."""
    rng = random.Random(29)
    captures = []
    for tick in range(KILLS * PART // 2):
        for display in (1, 2):
            number = rng.randrange(WINDOW + 2) * 2 + display
            captures.append((tick, display, typed(number, rng.choice((0, 0, 1, 3)))))
    return [captures[start : start + PART] for start in range(0, len(captures), PART)]


def arrive(desk: Desk, part: int, captures: list[tuple[int, int, bytes]]) -> dict[Path, tuple[bytes, int, int]]:
    """Let a folder of captures appear at once; returns what each of them is."""
    landing, folder = desk.base / "landing", desk.root / f"part-{part}"
    given = {}
    for tick, display, content in captures:
        path = land(landing / desk.path(tick, display).name, content, LONG_AGO + tick)
        given[folder / path.name] = facts(path)
    landing.rename(folder)
    return given


def told(desk: Desk) -> int:
    """How many captures the last run has told of."""
    return sum(" ms" in line for line in desk.output().splitlines())


@pytest.mark.timeout(300)
def test_a_stream_under_kill_after_kill_ends_as_an_unbroken_one_with_each_picture_in_one_place(
    desk: Desk, tmp_path: Path
) -> None:
    rng = random.Random(31)
    (tmp_path / "unbroken").mkdir()
    given: dict[Path, tuple[bytes, int, int]] = {}
    with working_desk(tmp_path / "unbroken") as unbroken:
        unbroken.start("--window", str(WINDOW))
        for number, captures in enumerate(stream()):
            process = desk.start("--window", str(WINDOW))
            given |= arrive(desk, number, captures)
            arrive(unbroken, number, captures)
            enough = rng.randrange(2, PART - 5)
            wait_for(partial(reached, desk, enough))
            time.sleep(rng.random() * 0.03)
            process.kill()
            assert process.wait() == -signal.SIGKILL
            wait_for(partial(judged_all, unbroken, len(given)))
        assert unbroken.stop() == 0
        desk.start("--window", str(WINDOW))
        wait_for(partial(judged_all, desk, len(given)))
        assert desk.stop() == 0

        decisions = unbroken.decisions()
        found = [kind for kind, *_ in decisions.values()]
        assert min(found.count(kind) for kind in ("new", "similar", "duplicate")) >= 20
        assert desk.decisions() == decisions
        assert desk.windows(WINDOW) == unbroken.windows(WINDOW)

    places = {path: [place for place in (path, desk.mirrored(path)) if place.exists()] for path in given}
    assert {path: [facts(place) for place in found] for path, found in places.items()} == {
        path: [what] for path, what in given.items()
    }
    pictures = [path for folder in (desk.root, desk.quarantine) for path in folder.rglob("*") if path.is_file()]
    assert len([path for path in pictures if path.parent.name != ".framesift"]) == len(given)
    lines = [line for run in tmp_path.glob("watch-*.out") for line in run.read_text().splitlines() if " ms" in line]
    assert len(lines) <= len(given), "something was judged twice"


def reached(desk: Desk, count: int) -> bool:
    return told(desk) >= count


def judged_all(desk: Desk, count: int) -> bool:
    return desk.judged() == count


# One duplicate on its way into the quarantine and back, killed at every system call that changes a disk.


class Bench:
    """A root with a kept capture and its duplicate, a ledger, and a quarantine that may be on another disk."""

    def __init__(self, base: Path, quarantine: Path) -> None:
        self.root, self.quarantine, self.state = base / "ScreenRecord", quarantine, base / "state"
        folders = Folders(base / "none.toml", self.state, base / "logs")
        self.settings = Settings.load(folders, {"root": self.root, "quarantine": quarantine}, environ={})
        self.complaints: list[str] = []
        self.hooks = Hooks(self.settings, base / "hooks", self.complaints.append)
        self.kept = self.root / "2020-05" / "2020-05-04_09.00.00.000000_1.png"
        self.duplicate = self.root / "2020-05" / "2020-05-04_09.05.00.000000_1.png"
        self.mirrored = quarantine / self.duplicate.relative_to(self.root)
        self.tops = [self.root, self.quarantine, self.state]
        self.copies = [base / "as-at-first" / str(number) for number in range(len(self.tops))]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[tuple[Ledger, Custody]]:
        with Ledger.open(self.state / "ledger.sqlite") as ledger:
            yield ledger, Custody(ledger, self.hooks, Timeline(self.root))
        assert not self.complaints

    def prepare(self) -> None:
        """Everything as it is at first: made once, and copied from then on."""
        for folder in self.tops:
            shutil.rmtree(folder, ignore_errors=True)
        if not self.copies[0].parent.exists():
            self.make()
            for folder, copy in zip(self.tops, self.copies, strict=True):
                copy.parent.mkdir(exist_ok=True)
                if folder.exists():
                    shutil.copytree(folder, copy)
        else:
            for folder, copy in zip(self.tops, self.copies, strict=True):
                if copy.exists():
                    shutil.copytree(copy, folder)

    def make(self) -> None:
        """Make everything as it is at first."""
        for path in (self.kept, self.duplicate):
            land(path, screen(1), LONG_AGO, 0o640)
        capture = digested(self.kept)
        with self.at_work() as (ledger, custody):
            ledger.adopt(self.root, [])
            ledger.see_mirror(self.root, self.quarantine, "")
            custody.carry_out(
                Verdict(capture, Kind.NEW, NOTHING_TO_COMPARE, Policy()), KeptFrame(capture, 40, 48, b"s")
            )

    def twin(self) -> Verdict:
        """That on the duplicate."""
        score = Score(digested(self.kept), 1.0, exact=True, worst_tile=1.0)
        return Verdict(digested(self.duplicate), Kind.DUPLICATE, score, Policy())

    def cycle(self) -> None:
        """From the verdict into the quarantine, and back; what is done already is not done again."""
        with self.at_work() as (ledger, custody):
            entry = self.entry(ledger) or custody.carry_out(self.twin(), None)
            if entry.state is State.QUARANTINED:
                restore(ledger, entry)

    def look_after(self, _: int) -> Sequence[object]:
        """The state of the duplicate after a start, and the moves that had to be finished."""
        return self.start()

    def look_at_the_end(self) -> None:
        assert self.start() == (State.RESTORED, 0)

    def entry(self, ledger: Ledger) -> Entry | None:
        entries = ledger.about(self.duplicate)
        assert len(entries) <= 1
        return entries[0] if entries else None

    def start(self) -> tuple[State | None, int]:
        """Recover as a start does; returns the duplicate's state then, and how many moves had to be finished."""
        with contextlib.closing(sqlite3.connect(self.state / "ledger.sqlite")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        self.check_mark()
        with self.at_work() as (ledger, custody):
            finished = len(custody.recover())
            assert custody.recover() == []
            entry = self.entry(ledger)
            assert Totals(ledger, self.root).counts()[Kind.NEW] == 1
        state = entry.state if entry else None
        place = self.mirrored if state is State.QUARANTINED else self.duplicate
        assert entry is None or entry.location == place
        self.check_files(self.kept, place)
        return state, finished

    def check_mark(self) -> None:
        """No picture, whole or in part, is in a quarantine that does not tell whose it is."""
        assert owner_of(self.quarantine) == self.root or not any(self.quarantine.rglob("*.png*"))

    def check_files(self, *expected: Path) -> None:
        """These pictures are there, unchanged, and no other file is, whole or in part."""
        there = [path for folder in (self.root, self.quarantine) for path in folder.rglob("*") if path.is_file()]
        assert sorted(path for path in there if path.parent.name != MARKER_FOLDER) == sorted(expected)
        assert [facts(path) for path in expected] == [(screen(1), LONG_AGO, 0o640)] * len(expected)


def killed_at_every(
    calls: list[str], base: Path, quarantine: Path, *, refused: Mapping[str, str] | None = None
) -> list[Met]:
    """What the next start found after a kill at each of *calls*; some of these were within each of the two moves."""
    program = [__name__, "there-and-back", base, quarantine]
    met = met_at_every(program, KILL, base / "met", calls, refused=refused)
    assert {(State.QUARANTINED, 1), (State.RESTORED, 1)} <= {(state, finished) for _, _, state, finished in met}
    return met


def test_a_kill_at_any_system_call_of_a_move_and_of_a_restore_leaves_one_picture_in_one_place(tmp_path: Path) -> None:
    calls = [call for call in CALLS if call != "rmdir"]
    met = killed_at_every(calls, tmp_path, tmp_path / "quarantine")
    # The mark is written before the first move: a file that is renamed into its place.
    assert {"pwrite64", "write", "rename", "fdatasync", "fsync", "mkdir", "renameat2"} <= {call for call, *_ in met}
    # Before the record, between the two moves, and after them as well.
    after = {(state, finished) for _, _, state, finished in met}
    assert {(None, 0), (State.QUARANTINED, 0), (State.RESTORED, 0)} <= after


def test_the_same_where_the_system_has_no_exclusive_rename(tmp_path: Path) -> None:
    calls = ["linkat", "unlinkat", "fsync"]
    met = killed_at_every(calls, tmp_path, tmp_path / "quarantine", refused={"renameat2": "EINVAL"})
    assert {call for call, *_ in met} == set(calls)


NO_LINKS = {"renameat2": "EINVAL", "linkat": "EPERM"}
"""What a volume refuses that can rename only over what is there, such as exFAT by way of some drivers."""


def test_the_same_where_there_are_no_links_either_and_an_empty_file_holds_the_place(tmp_path: Path) -> None:
    calls = ["renameat", "fsync"]
    met = killed_at_every(calls, tmp_path, tmp_path / "quarantine", refused=NO_LINKS)
    assert {call for call, *_ in met} == set(calls)


class Reserved(Bench):
    """The same after such a kill: an empty file lies where the picture is to go."""

    def make(self) -> None:
        super().make()
        with self.at_work() as (ledger, _):
            ledger.record(Timeline(self.root), self.twin(), None, Move(self.mirrored, State.QUARANTINED))
        mark(self.quarantine, self.root)
        self.mirrored.parent.mkdir()
        self.mirrored.touch(0o600)

    def cycle(self) -> None:
        with self.at_work() as (_, custody):
            custody.recover()

    def look_at_the_end(self) -> None:
        assert self.start() == (State.QUARANTINED, 0)


def test_a_start_that_finds_such_an_empty_file_may_be_killed_as_well(tmp_path: Path) -> None:
    program, calls = [__name__, "reserved", tmp_path, tmp_path / "quarantine"], ["unlinkat", "renameat", "fdatasync"]
    met = met_at_every(program, KILL, tmp_path / "met", calls, refused=NO_LINKS)
    assert {call for call, *_ in met} == set(calls)
    assert {(state, finished) for *_, state, finished in met} == {(State.QUARANTINED, 1), (State.QUARANTINED, 0)}


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev or not os.access(memory, os.W_OK):
        pytest.skip("there is no second disk")
    with tempfile.TemporaryDirectory(dir=memory, prefix="framesift-") as folder:
        yield Path(folder)


def test_the_same_where_the_quarantine_is_on_another_disk(tmp_path: Path, other_disk: Path) -> None:
    calls = ["write", "fsync", "fchmod", "utimensat", "renameat2", "unlinkat", "mkdir"]
    met = killed_at_every(calls, tmp_path, other_disk / "quarantine")
    assert {call for call, *_ in met} == set(calls)


BENCHES = {"there-and-back": Bench, "reserved": Reserved}

if __name__ == "__main__":
    name, base, quarantine, deed, met, *calls = sys.argv[1:]
    go_through(BENCHES[name](Path(base), Path(quarantine)), deed, Path(met), calls)
