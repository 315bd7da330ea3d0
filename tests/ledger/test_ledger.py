"""The ledger: all or nothing, durable, and the same window after every restart."""

import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk import START, on_its_way
from watcher.errors import FaultError, GoneError, KnownError, WatcherError
from watcher.health.heartbeat import Heartbeat
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round, finish_round, still_to_judge
from watcher.ledger.schema import MIGRATIONS
from watcher.ledger.totals import Totals
from watcher.model.capture import Capture
from watcher.model.entry import Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, decide, unreadable

ROOT = Path("/screens")
POLICY = Policy(window=3)


def capture(number: int, display: int = 1, name: str = "") -> Capture:
    return Capture(ROOT / (name or f"f{number}_{display}.png"), display, START + timedelta(minutes=number), 100, number)


def kept(number: int, display: int = 1, height: int = 40) -> KeptFrame:
    return KeptFrame(capture(number, display), height, 48, b"signature %d" % number)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.sqlite"


def new(ledger: Ledger, frame: KeptFrame) -> None:
    ledger.record(Timeline(ROOT), decide(frame.capture, NOTHING_TO_COMPARE, POLICY), frame, None)


def duplicate(ledger: Ledger, one: Capture, nearest: Capture) -> None:
    ledger.record(Timeline(ROOT), decide(one, Score(nearest, 0.999, exact=True, worst_tile=0.9), POLICY), None, None)


def window(ledger: Ledger, size: int = 3) -> list[int]:
    """Least recently used first."""
    return [frame.capture.mtime_ns for frame in reversed(ledger.frames(Timeline(ROOT), size))]


def lose(ledger: Ledger, one: Capture) -> None:
    entry = ledger.on(one)
    assert entry is not None
    ledger.lose(entry)


def test_an_entry_is_read_back_as_it_was_written(file: Path) -> None:
    name = "caf\udce9 [red]\n\x1b[31m_1.png"
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        odd = capture(2, name=name)
        verdict = decide(odd, Score(capture(1), 0.97, exact=True, worst_tile=0.4), POLICY)
        written = ledger.record(
            Timeline(ROOT), verdict, KeptFrame(odd, 40, 48, b"s"), Move(Path("/q") / name, State.QUARANTINED)
        )
    with Ledger.open(file) as ledger:
        entry = ledger.entry(written.id)
        assert entry == written
        assert entry.verdict == verdict
        assert (entry.state, entry.location, entry.target) == (State.MOVING, odd.path, Path("/q") / name)
        assert ledger.moving() == [entry]
        done = ledger.confirm(entry)
        assert (done.state, done.location, done.target) == (State.QUARANTINED, Path("/q") / name, None)
        assert ledger.location(odd) == Path("/q") / name
        assert ledger.about(Path("/q") / name) == ledger.about(odd.path) == [done]


def test_json_has_the_names_of_the_contract(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        values = ledger.entry(1).as_json()
    assert list(values) == [
        "id", "path", "display", "taken_at", "kind", "ssim", "ssim_at_most", "nearest", "worst_tile", "change", "scene",
        "reason", "state", "location", "bytes", "recorded_at", "policy",
    ]  # fmt: skip
    assert values["ssim"] is None
    assert values["kind"] == "new"
    assert values["state"] == "kept"


def test_what_was_judged_or_there_before_is_known_and_other_files_of_the_name_are_not(file: Path) -> None:
    with Ledger.open(file) as ledger:
        assert not ledger.knows_root(ROOT)
        ledger.write_heartbeat(ROOT, Heartbeat(at="now"))
        assert not ledger.knows_root(ROOT)
        ledger.adopt(ROOT, [capture(7)])
        assert ledger.knows_root(ROOT)
        new(ledger, kept(1))
        assert ledger.known(ROOT) == {(b"f7_1.png", 100, 7), (b"f1_1.png", 100, 1)}
        assert ledger.known(ROOT / "other") == set()
        assert ledger.known(ROOT, [b"f1_1.png", b"f9_1.png"]) == {(b"f1_1.png", 100, 1)}
        assert ledger.known(ROOT, [b"f7_1.png"]) == {(b"f7_1.png", 100, 7)}
        assert ledger.known(ROOT, [b"f7_1.png"] * 100_000) == ledger.known(ROOT), "more than a statement may name"
        assert Totals(ledger, ROOT).left_alone() == 1
        assert Totals(ledger, Path("/screen")).left_alone() == 0


def test_nothing_is_judged_twice(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        with pytest.raises(KnownError):
            new(ledger, kept(1))
        assert Totals(ledger, ROOT).counts()[Kind.NEW] == 1


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_the_window_in_the_ledger_is_that_of_an_unbroken_run(data: st.DataObject) -> None:
    """Against an independent model of the least-recently-used window, read back after every step."""
    model: dict[int, OrderedDict[int, None]] = {1: OrderedDict(), 2: OrderedDict()}
    ledger = Ledger.copy(Path("/nowhere"))
    ledger.adopt(ROOT, [])
    for number in range(1, data.draw(st.integers(1, 25)) + 1):
        display = data.draw(st.sampled_from([1, 2]))
        frames = model[display]
        if frames and data.draw(st.sampled_from([True, False])):
            touched = data.draw(st.sampled_from(sorted(frames)))
            duplicate(ledger, capture(number, display), capture(touched, display))
            frames.move_to_end(touched)
        else:
            new(ledger, kept(number, display))
            frames[number] = None
            if len(frames) > 3:
                frames.popitem(last=False)
        if frames and data.draw(st.integers(0, 9)) == 0:
            gone = data.draw(st.sampled_from(sorted(frames)))
            lose(ledger, capture(gone, display))
            del frames[gone]
        for wanted, order in model.items():
            found = [
                f.capture.mtime_ns for f in reversed(ledger.frames(Timeline(ROOT), 3)) if f.capture.display == wanted
            ]
            assert found == list(order)


def test_what_fell_out_of_the_window_does_not_come_back_when_the_window_grows(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        for number in range(1, 6):
            new(ledger, kept(number))
        assert window(ledger) == [3, 4, 5]
        assert window(ledger, 100) == [3, 4, 5]
        assert window(ledger, 2) == [4, 5]


def test_frames_of_different_sizes_have_windows_of_their_own(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        for number in range(1, 5):
            new(ledger, kept(number, height=40))
            new(ledger, kept(number + 10, height=60))
        assert sorted(window(ledger)) == [2, 3, 4, 12, 13, 14]


def test_a_frame_that_is_gone_leaves_the_window_and_its_entry_says_so(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        lose(ledger, capture(1))
        assert window(ledger) == []
        assert ledger.entry(1).state is State.MISSING


def test_since_when_a_display_is_unchanged(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        assert Totals(ledger, ROOT).unchanged(1) == (None, 0)
        new(ledger, kept(1))
        assert Totals(ledger, ROOT).unchanged(1) == (None, 0)
        duplicate(ledger, capture(2), capture(1))
        new(ledger, kept(3))
        duplicate(ledger, capture(4), capture(1))
        duplicate(ledger, capture(5), capture(1))
        ledger.record(Timeline(ROOT), unreadable(capture(6), "broken", POLICY), None, None)
        new(ledger, kept(20, display=2))
        assert Totals(ledger, ROOT).unchanged(1) == (START + timedelta(minutes=4), 1)
        assert Totals(ledger, ROOT).windows(3) == Totals(ledger, ROOT).windows(0) == {1: 2, 2: 1}
        assert [entry.verdict.capture.display for entry in Totals(ledger, ROOT).last_of_displays()] == [1, 2]


def test_what_a_sweep_judges_of_the_past_is_not_the_last_of_a_display(file: Path) -> None:
    sweep = Timeline(ROOT, "sweep")
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(50))
        duplicate(ledger, capture(51), capture(50))
        for number in (1, 2):
            ledger.record(sweep, decide(capture(number), NOTHING_TO_COMPARE, POLICY), kept(number), None)
        totals = Totals(ledger, ROOT)
        assert [entry.verdict.capture for entry in totals.last_of_displays()] == [capture(51)]
        assert totals.unchanged(1) == (capture(50).taken_at, 1)
        assert totals.recent_times(2) == [(1, capture(50).taken_at), (1, capture(51).taken_at)]


def test_totals_count_what_left_the_folder(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        duplicate(ledger, capture(2), capture(1))
        assert Totals(ledger, ROOT).saved_bytes() == 0
        ledger.confirm(on_its_way(ledger, ledger.entry(2), Path("/q/f2"), State.QUARANTINED))
        assert Totals(ledger, ROOT).saved_bytes() == 100
        ledger.confirm(ledger.intend(ledger.entry(2), Move(capture(2).path, State.RESTORED)))
        assert Totals(ledger, ROOT).saved_bytes() == 0


def test_files_of_the_ledger_are_private_whatever_the_umask(file: Path) -> None:
    before = os.umask(0)
    try:
        with Ledger.open(file) as ledger:
            ledger.adopt(ROOT, [])
            modes = {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_newer_ledger_is_refused_and_left_alone(file: Path) -> None:
    with Ledger.open(file):
        pass
    db = sqlite3.connect(file)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(WatcherError, match="newer framesift"):
        Ledger.open(file)


def test_a_damaged_ledger_is_a_fault_with_its_name(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(FaultError, match=r"ledger\.sqlite cannot be used"):
        Ledger.open(file)


def test_a_copy_is_never_written_back(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
    before = file.read_bytes()
    with Ledger.copy(file) as copy:
        assert window(copy) == [1]
        new(copy, kept(2))
    assert file.read_bytes() == before
    with Ledger.open(file) as ledger:
        assert window(ledger) == [1]


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.ledger.test_ledger import *
with Ledger.open(Path(sys.argv[1])) as ledger:
    ledger.adopt(ROOT, [])
    print("go", flush=True)
    for number in range(1, 10_000):
        new(ledger, kept(number))
        print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_recorded_and_leaves_no_half_entry(file: Path) -> None:
    for attempt in range(5):
        path = file.with_name(f"ledger-{attempt}.sqlite")
        repository = str(Path(__file__).parents[2])
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), repository], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(random.Random(attempt).randint(5, 60)):
            last = writer.stdout.readline().strip()
        writer.kill()
        writer.wait()
        writer.stdout.close()
        with Ledger.open(path) as ledger:
            count = Totals(ledger, ROOT).counts()[Kind.NEW]
            assert count >= int(last)
            assert window(ledger, 0)[-1] == count
            assert len(ledger.rows("SELECT 1 FROM frame")) == count


def frames(ledger: Ledger, timeline: Timeline, length: int = 3) -> list[int]:
    return sorted(one.capture.mtime_ns for one in ledger.frames(timeline, length))


def test_each_timeline_has_windows_of_its_own_and_a_first_watcher_begins_with_the_sweeps(file: Path) -> None:
    sweep = Timeline(ROOT, "sweep")
    with Ledger.open(file) as ledger:
        ledger.leave_to_sweep(ROOT, [capture(1)])
        for number in range(1, 5):
            ledger.record(sweep, decide(capture(number), NOTHING_TO_COMPARE, POLICY), kept(number), None)
        assert (frames(ledger, sweep), frames(ledger, Timeline(ROOT))) == ([2, 3, 4], [])
        ledger.adopt(ROOT, [])
        assert frames(ledger, Timeline(ROOT)) == [2, 3, 4]
        new(ledger, kept(5))
        duplicate(ledger, capture(6), capture(4))
        assert (frames(ledger, sweep), window(ledger)) == ([2, 3, 4], [3, 5, 4])
        assert frames(ledger, sweep, 0) == frames(ledger, Timeline(ROOT), 0) == [1, 2, 3, 4, 5]
        lose(ledger, capture(3))
        assert (frames(ledger, sweep), window(ledger)) == ([2, 4], [5, 4])


def test_a_round_judges_what_it_found_when_it_began_once_and_goes_on_where_it_was_left(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [])
        new(ledger, kept(1))
        duplicate(ledger, capture(2), capture(1))
        new(ledger, kept(3))
        whole = datetime.min, datetime.max
        begun = begin_round(ledger, ROOT, POLICY, *whole)
        new(ledger, kept(4))
        assert [one.mtime_ns for one in still_to_judge(ledger, begun)] == [1, 2, 3]
        ledger.record(begun, decide(capture(1), NOTHING_TO_COMPARE, POLICY), kept(1), None)
        assert begin_round(ledger, ROOT, POLICY, *whole) == begun
        assert [one.mtime_ns for one in still_to_judge(ledger, begun)] == [2, 3]
        ledger.record(begun, decide(capture(2), NOTHING_TO_COMPARE, POLICY), kept(2), None)
        score = Score(capture(2), 0.999, exact=True, worst_tile=0.9)
        ledger.record(begun, decide(capture(3), score, POLICY), None, None)
        assert still_to_judge(ledger, begun) == []
        assert frames(ledger, begun) == [1, 2]
        assert window(ledger) == [1, 4], "what is a duplicate now has left every window"
        with pytest.raises(GoneError):
            ledger.kept_location(capture(3))
        finish_round(ledger, begun, everything=True)
        assert frames(ledger, Timeline(ROOT, "sweep")) == [1, 2]
        assert [kind for kind, count in Totals(ledger, ROOT).counts().items() for _ in range(count)] == [
            *("new", "new", "new", "duplicate")
        ]
        other = begin_round(ledger, ROOT, POLICY, *whole)
        assert other.round > begun.round
        assert len(still_to_judge(ledger, other)) == 4
        assert begin_round(ledger, ROOT, Policy(window=4), *whole).round > other.round
        assert begin_round(ledger, ROOT, POLICY, *whole).round > other.round, "only the last one can go on"


def test_what_was_brought_back_is_left_to_nobody_and_what_has_an_entry_is_not_left_again(file: Path) -> None:
    with Ledger.open(file) as ledger:
        ledger.adopt(ROOT, [capture(1), capture(2)])
        ledger.settle(ROOT, capture(3))
        new(ledger, kept(1))
        ledger.leave_to_sweep(ROOT, [capture(1), capture(3)])
        assert ledger.left_to_sweep(ROOT) == {(b"f2_1.png", 100, 2)}
        assert {name for name, *_ in ledger.known(ROOT)} == {b"f1_1.png", b"f2_1.png", b"f3_1.png"}
        assert Totals(ledger, ROOT).left_alone() == 1


def test_a_ledger_of_the_first_schema_keeps_its_windows_and_its_signatures(file: Path) -> None:
    file.parent.mkdir()
    db = sqlite3.connect(file)
    db.executescript(MIGRATIONS[0])
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO root (id, path, adopted) VALUES (1, ?, 1)", [os.fsencode(ROOT)])
    db.execute("INSERT INTO policy (id, json) VALUES (1, ?)", [json.dumps(POLICY.as_json())])
    for number in range(1, 5):
        one = kept(number)
        db.execute(
            "INSERT INTO entry VALUES (?, 1, ?, ?, 100, ?, 1, ?, 'new', -1, 0, 1, NULL, '', 1, 'kept', ?, NULL, NULL,"
            " '', '2020-05-04T09:00:00+00:00')",
            [
                *(number, os.fsencode(ROOT), os.fsencode(one.capture.path.name), number),
                *(one.capture.taken_at.isoformat(), os.fsencode(one.capture.path)),
            ],
        )
        used = 9 if number == 2 else number
        db.execute("INSERT INTO frame VALUES (?, 1, 1, 40, 48, ?, ?, ?)", [number, one.signature, used, number > 1])
    db.commit()
    db.close()
    with Ledger.open(file) as ledger:
        assert window(ledger) == [3, 4, 2]
        assert {one.signature for one in ledger.frames(Timeline(ROOT), 0)} == {kept(n).signature for n in range(1, 5)}
        new(ledger, kept(5))
        assert window(ledger) == [4, 2, 5]
        assert [entry.state for entry in ledger.entries()] == [State.KEPT] * 5


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX, which closing any descriptor drops")
def test_another_process_cannot_remove_the_log_of_a_ledger_that_was_opened_again(tmp_path: Path) -> None:
    """SQLite's locks are the process's: opening the file once more, as after a full disk, must not drop them."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(path) as ledger, Ledger.open(path):
        ledger.adopt(tmp_path, [])
        program = "import sys, pathlib, watcher.ledger.ledger as of; of.Ledger.open(pathlib.Path(sys.argv[1])).close()"
        subprocess.run([sys.executable, "-c", program, path], check=True)
        assert path.with_name("ledger.sqlite-wal").exists()
        ledger.settle(tmp_path, Capture(tmp_path / "a_1.png", 1, datetime(2020, 5, 4), 1, 1))
        assert ledger.knows_root(tmp_path)
    with Ledger.open(path) as ledger:
        assert ledger.rows("SELECT count(*) FROM baseline")[0][0] == 1
