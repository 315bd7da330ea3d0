"""Errors of the disk at every call, kills on the way back and while a ledger is migrated: no picture is lost."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import capture_of
from tests.keep.test_kills import DEADLY, Bench, in_child
from watcher.errors import ConflictError, FaultError
from watcher.keep.custody import Custody
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round
from watcher.ledger.schema import MIGRATIONS
from watcher.model.entry import State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="strace and its tools as Linux has them"),
]

NOT_REACHED = 9
MOST = 200
"""More than one process makes of any call below; the call of this number is the one that fails, or kills."""
KILL, FAIL = "signal=KILL", "error=EIO"


class Again(Bench):
    """A sweep's second round takes the verdict back: the duplicate returns from quarantine to its place."""

    def prepare(self) -> None:
        super().prepare()
        score = Score(capture_of(self.kept), 1.0, exact=True, worst_tile=1.0)
        with self.at_work() as (_, custody):
            custody.carry_out(Verdict(capture_of(self.duplicate), Kind.DUPLICATE, score, Policy()), None)

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


class Old(Bench):
    """A ledger of the first schema is opened by this framesift, which brings it up to date."""

    def prepare(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)
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
            assert version in (1, len(MIGRATIONS)), "half migrated"
        with Ledger.open(self.state / "ledger.sqlite") as ledger:
            assert [entry.state for entry in ledger.entries()] == [State.KEPT] * 3
            assert len(list(ledger.frames(Timeline(self.root), 0))) == 3
        return None, version


BENCHES = {"there-and-back": Bench, "again": Again, "migration": Old}
ENDS: dict[str, tuple[State | None, int]] = {
    "there-and-back": (State.RESTORED, 0),
    "again": (State.KEPT, 0),
    "migration": (None, len(MIGRATIONS)),
}


def call_of(call: str, null: int) -> None:
    """Make *call* without effect; raises OSError, as most calls to no effect do."""
    if call != "renameat2":
        DEADLY[call](null)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.renameat2(-1, b"/nowhere", -1, b"/nowhere", 1)
    raise OSError(ctypes.get_errno(), "refused")


def is_refused(call: str, null: int) -> bool:
    try:
        call_of(call, null)
    except OSError as error:
        return error.errno == errno.EIO
    return False


def meet(bench: Bench, deed: str, call: str, number: int) -> None:
    """Run the cycle so that its *number*-th *call* is the one that strace waits for; it counts them per process."""
    null = os.open(os.devnull, os.O_RDWR)
    for _ in range(MOST - number):
        is_refused(call, null)
    with contextlib.suppress(FaultError, ConflictError):  # what a person is told, and nothing else
        bench.cycle()
    if deed == KILL or any(is_refused(call, null) for _ in range(MOST)):
        os._exit(NOT_REACHED)


def look_after(name: str, bench: Bench, met: Path, point: tuple[str, int]) -> None:
    """Start after it; all is in order then, and what is left to do can be done."""
    found = bench.start()
    with met.open("a") as file:
        file.write(json.dumps([*point, *found]) + "\n")
    bench.cycle()
    assert bench.start() == ENDS[name]


def go_through(name: str, deed: str, base: Path, *calls: str) -> None:
    """All points of all *calls*, under a strace that lets the one of number ``MOST`` kill or fail."""
    bench = BENCHES[name](base, base / "quarantine")
    for call in calls:
        for number in range(1, MOST):
            assert in_child(bench.prepare) == 0
            status = in_child(partial(meet, bench, deed, call, number))
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == NOT_REACHED:
                break
            assert status in (0, signal.SIGKILL), f"{call} {number}: ended with {status}"
            after = in_child(partial(look_after, name, bench, base / "met", (call, number)))
            assert after == 0, f"after {call} {number}"
        else:
            raise AssertionError(f"more than {MOST} calls of {call}")


Met = tuple[str, int, State | None, int]


def met_at_every(name: str, deed: str, calls: list[str], base: Path) -> list[Met]:
    """What was found after *deed* at every one of *calls*."""
    if shutil.which("strace") is None:
        pytest.skip("strace, which fails a chosen system call, is not there")
    joined = ",".join(calls)
    done = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={joined}"),
            *("-e", f"inject={joined}:{deed}:when={MOST}"),
            *(sys.executable, "-m", "tests.keep.test_faults", name, deed, str(base), *calls),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"may not trace: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in (base / "met").read_text().splitlines()]


def test_an_error_of_the_disk_at_any_call_of_a_move_and_a_restore_loses_nothing(tmp_path: Path) -> None:
    calls = ["pwrite64", "fsync", "fdatasync", "renameat2", "ftruncate"]
    met = met_at_every("there-and-back", FAIL, calls, tmp_path)
    assert {"pwrite64", "fsync", "fdatasync", "renameat2"} <= {call for call, *_ in met}
    assert {finished for *_, finished in met} == {0, 1}
    assert len(met) >= 40


def test_a_kill_at_any_call_of_the_way_back_out_of_quarantine_loses_nothing(tmp_path: Path) -> None:
    met = met_at_every("again", KILL, ["pwrite64", "fsync", "fdatasync", "renameat2", "mkdir"], tmp_path)
    assert {"pwrite64", "fsync", "fdatasync", "renameat2"} <= {call for call, *_ in met}
    # Before the intent, between intent and confirmation, and after it.
    assert {(State.QUARANTINED, 0), (State.KEPT, 1), (State.KEPT, 0)} == {(state, found) for *_, state, found in met}


def test_a_kill_or_an_error_at_any_write_of_a_migration_leaves_the_old_ledger_or_the_new(tmp_path: Path) -> None:
    for deed in (KILL, FAIL):
        base = tmp_path / deed
        base.mkdir()
        met = met_at_every("migration", deed, ["pwrite64", "fdatasync"], base)
        assert {1, len(MIGRATIONS)} == {version for *_, version in met}


if __name__ == "__main__":
    go_through(sys.argv[1], sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
