"""The archive: one judgement for what is there already, that can be stopped, resumed, rehearsed and made anew."""

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.conftest import Framesift
from tests.desk import Desk, tree, wait_for, working_desk
from tests.flow.test_watch import brute_force, working_day
from tests.pictures import screen, typed
from watcher.errors import FaultError
from watcher.flow import waiting as running
from watcher.judge.frame import Frame
from watcher.judge.signature import Signature
from watcher.judge.window import LastSignature
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.entry import Timeline


def fill(desk: Desk, count: int, seed: int = 5, first: int = 0) -> list[Path]:
    """An archive of two displays over several days, about half of it duplicates; in the order of its time."""
    rng = random.Random(seed)
    paths = []
    for tick in range(first, first + count // 2):
        for display in (1, 2):
            content = typed(rng.randrange(7) * 2 + display, rng.choice((0, 0, 1, 3)))
            path = desk.put(tick * 60, content, display)
            path.chmod(rng.choice((0o600, 0o644, 0o444)))
            os.utime(path, ns=(10**18, 10**18 + tick))
            paths.append(path)
    return paths


def swept(framesift: Framesift, *arguments: object) -> list[dict[str, Any]]:
    """The entries of a sweep that came to its end."""
    code, output, errors = framesift("sweep", "--json", *arguments)
    assert (code, errors) == (0, "")
    return [json.loads(line) for line in output.splitlines()]


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["kind"] for entry in entries]


def test_a_sweep_says_which_names_are_the_reason(desk: Desk, framesift: Framesift) -> None:
    (desk.root / "Screenshot.png").write_bytes(screen(1))
    code, output, _ = framesift("sweep")
    assert (code, "for example Screenshot.png: the setting name_pattern" in output) == (0, True)
    kept = desk.put(1, screen(1))
    (desk.root / "9999-12-31_23.59.59.999999_1.png").write_bytes(screen(2))
    code, output, _ = framesift("sweep")
    assert (code, "Screenshot.png" in output) == (0, False)
    assert "9999-12-31_23.59.59.999999_1.png is left alone: its name tells a time before the year 2" in output
    assert list(desk.decisions()) == [desk.relative(kept)]


def test_a_sweep_takes_the_time_from_names_of_another_form(desk: Desk, framesift: Framesift) -> None:
    pattern = r"(?P<taken_at>.+)_(?P<display>\d)[.]png"
    desk.config.write_text(f"root = '{desk.root}'\nname_pattern = '{pattern}'\ntime_format = '%d.%m.%Y %Hh%M'\n")
    for name in ("02.01.2024 10h12_1.png", "03.01.2024 09h00_1.png", "02.01.2024 10h11_1.png"):
        (desk.root / name).write_bytes(screen(1))
    assert [entry["taken_at"] for entry in swept(framesift)] == [
        "2024-01-02T10:11:00",
        "2024-01-02T10:12:00",
        "2024-01-03T09:00:00",
    ]


def test_a_sweep_gives_the_very_verdicts_of_brute_force(desk: Desk, framesift: Framesift) -> None:
    paths = list(working_day(desk.root, 200))
    expected = list(brute_force(paths, window=7))
    found = swept(framesift, "--window", 7)
    assert [entry["path"] for entry in found] == [str(path) for path in paths]
    for entry, wanted in zip(found, expected, strict=True):
        best = max(wanted.scores.values(), default=-1.0)
        assert entry["kind"] == wanted.kind
        if entry["kind"] == "new":
            assert entry["ssim"] is None
            assert entry["ssim_at_most"] is None or entry["ssim_at_most"] >= best - 1e-5
        else:
            assert entry["ssim"] == pytest.approx(best, abs=1e-5)
            assert wanted.scores[Path(entry["nearest"])] == pytest.approx(best, abs=1e-6)
        aside = entry["kind"] == "duplicate"
        assert entry["state"] == ("quarantined" if aside else "kept")
        assert Path(entry["location"]).exists()
        assert Path(entry["path"]).exists() is not aside
    assert min(Counter(kinds(found))[kind] for kind in ("new", "similar", "duplicate")) >= 20


def test_with_signatures_computed_ahead_everything_is_as_without(
    desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = list(working_day(desk.root, 90))
    told: list[list[list[tuple[object, ...]]]] = []
    judging: list[bool] = []
    reference = LastSignature.of

    def of(self: LastSignature, frame: Frame, like: Callable[[], tuple[Tensor, Signature] | None]) -> Signature:
        judging.append(frame.signature is None)
        return reference(self, frame, like)

    monkeypatch.setattr(LastSignature, "of", of)
    for cores in (2, 8):
        monkeypatch.setattr("watcher.flow.readahead._cores", lambda: cores)  # noqa: B023 - called in this turn
        judging.clear()
        assert framesift("sweep")[0] == 0
        assert set(judging) == {cores == 2}
        with desk.ledger() as ledger:
            frames = ledger.rows("SELECT entry_id, signature, checksum FROM frame ORDER BY entry_id")
            entries = ledger.rows("SELECT id, kind, ssim, exact, worst_tile, nearest_id FROM picture ORDER BY id")
            told.append([[tuple(row) for row in rows] for rows in (frames, entries)])
        assert framesift("restore", "--all", "--yes")[0] == 0
        shutil.rmtree(desk.state)
    assert len(told[0][1]) == len(paths)
    assert len(told[0][0]) > 20
    assert told[0] == told[1]


def test_where_memory_is_short_ahead_the_thread_that_judges_computes_signatures(
    desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cramped(*_: object) -> Frame:
        raise RuntimeError("can't allocate memory")

    paths = list(working_day(desk.root, 20))
    monkeypatch.setattr("watcher.flow.readahead._cores", lambda: 8)
    monkeypatch.setattr("watcher.flow.readahead.signed", cramped)
    assert len(swept(framesift)) == len(paths)


def test_a_sweep_leaves_alone_what_will_not_have_settled_soon_for_the_next_one(
    desk: Desk, framesift: Framesift
) -> None:
    desk.config.write_text(desk.head.replace("0.2s", "1h"))
    old, young = desk.put(1, screen(1)), desk.put(2, screen(2))
    os.utime(old, (1e9, 1e9))
    os.utime(young, (time.time() - 600,) * 2)
    code, *said = framesift("sweep")
    assert (code, "left alone because they changed only now (setting settle): 1" in "".join(said)) == (0, True)
    with desk.ledger() as ledger:
        assert [entry.verdict.capture.path for entry in ledger.entries()] == [old]
        assert ledger.known(young.parent, [os.fsencode(young.name)]) == set(), "a watcher may judge it, too"
    desk.config.write_text(desk.head)
    assert [entry["path"] for entry in swept(framesift)] == [str(young)]


def test_restore_after_a_sweep_gives_back_the_exact_tree_and_it_stays(desk: Desk, framesift: Framesift) -> None:
    fill(desk, 60)
    before = tree(desk.root, "*.png")
    swept(framesift)
    assert len(tree(desk.root, "*.png")) < 45
    assert framesift("restore", "--all", "--yes")[0] == 0
    assert tree(desk.root, "*.png") == before
    assert swept(framesift) == []
    assert swept(framesift, "--again", "--duplicate", 0.98) != []
    assert len(tree(desk.root, "*.png")) < 60, "only what was brought back is left alone for ever"


def test_the_same_without_a_ledger(desk: Desk, framesift: Framesift) -> None:
    fill(desk, 60)
    before = tree(desk.root, "*.png")
    moved = kinds(swept(framesift)).count("duplicate")
    shutil.rmtree(desk.state)
    assert framesift("restore", "--all", "--yes", "--quarantine", desk.quarantine)[0] == 0
    assert tree(desk.root, "*.png") == before
    found = swept(framesift)
    assert len(found) == 60 - moved, "what was brought back is not judged"
    assert set(kinds(found)) <= {"new", "similar"}


def test_a_dry_run_tells_the_same_and_changes_nothing(desk: Desk, framesift: Framesift) -> None:
    fill(desk, 40)
    before = tree(desk.root, "*.png")
    rehearsed = swept(framesift, "--dry-run")
    assert tree(desk.root, "*.png") == before
    assert not desk.quarantine.exists()
    assert not desk.state.exists()
    real = swept(framesift)
    told = [(entry["path"], entry["kind"], entry["ssim"], entry["nearest"]) for entry in rehearsed]
    assert told == [(entry["path"], entry["kind"], entry["ssim"], entry["nearest"]) for entry in real]
    assert {entry["state"] for entry in rehearsed} == {"kept", "moving"}
    before, ledger = tree(desk.root, "*.png"), (desk.state / "ledger.sqlite").read_bytes()
    assert len(swept(framesift, "--dry-run", "--again", "--duplicate", 0.96)) == 40
    assert tree(desk.root, "*.png") == before
    assert (desk.state / "ledger.sqlite").read_bytes() == ledger


def test_a_period_is_swept_alone_and_the_rest_later(desk: Desk, framesift: Framesift) -> None:
    paths = fill(desk, 60)
    days = sorted({path.parent.name for path in paths})
    first = swept(framesift, "--since", days[1], "--until", days[1])
    assert {Path(entry["path"]).parent.name for entry in first} == {days[1]}
    rest = swept(framesift)
    assert sorted(entry["path"] for entry in first + rest) == sorted(map(str, paths))


def test_judged_anew_with_another_policy_pictures_leave_and_come_back(desk: Desk, framesift: Framesift) -> None:
    fill(desk, 60)
    before = tree(desk.root, "*.png")
    usual = swept(framesift)
    usual_tree = tree(desk.root, "*.png")
    strict = swept(framesift, "--again", "--duplicate", 0.9999)
    assert kinds(strict).count("duplicate") < kinds(usual).count("duplicate")
    assert [entry["id"] for entry in strict] == [entry["id"] for entry in usual]
    assert all(Path(entry["location"]).exists() for entry in strict)
    assert {**tree(desk.root, "*.png"), **tree(desk.quarantine, "*.png")} == before
    loose = swept(framesift, "--again", "--duplicate", 0.9, "--similar", 0.9)
    assert kinds(loose).count("duplicate") > kinds(usual).count("duplicate")
    assert kinds(swept(framesift, "--again")) == kinds(usual)
    assert tree(desk.root, "*.png") == usual_tree
    with desk.ledger() as ledger:
        assert len(ledger.rows("SELECT 1 FROM frame")) == len(usual) - kinds(usual).count("duplicate")


def test_what_lies_in_the_place_of_a_picture_is_not_overwritten_when_it_is_judged_anew(
    desk: Desk, framesift: Framesift
) -> None:
    first, second = desk.put(0, typed(1, 0)), desk.put(1, typed(1, 1))
    assert kinds(swept(framesift)) == ["new", "duplicate"]
    second.write_bytes(screen(9))
    found = swept(framesift, "--again", "--duplicate", 0.9999)
    said = {(entry["path"], entry["kind"], entry["state"], entry["location"]) for entry in found}
    assert (str(second), "similar", "quarantined", str(desk.mirrored(second))) in said
    assert (str(second), "new", "restored", str(second)) in said, "a job writes no name twice: it is a person's"
    assert f"{second} exists" in next(entry["reason"] for entry in found if entry["state"] == "quarantined")
    assert second.read_bytes() == screen(9)
    assert first.exists()


def test_windows_of_a_sweep_and_of_a_watcher_are_apart_and_a_first_watcher_begins_with_the_sweeps(
    desk: Desk, framesift: Framesift
) -> None:
    fill(desk, 40)
    swept(framesift)
    of_sweep = desk.windows(100, "sweep")
    assert desk.windows(100) == {}
    with desk.ledger() as ledger:
        ledger.adopt(desk.root, [])
    assert desk.windows(100) == of_sweep
    fill(desk, 20, seed=99, first=30)
    swept(framesift)
    assert desk.windows(100) == of_sweep
    assert desk.windows(100, "sweep") != of_sweep
    everything = desk.windows(0)
    assert everything == desk.windows(0, "sweep") or {
        display: sorted(frames) for display, frames in everything.items()
    } == {display: sorted(frames) for display, frames in desk.windows(0, "sweep").items()}


def test_a_first_watcher_judges_from_its_first_capture_on_by_the_sweeps_windows(desk: Desk) -> None:
    kept = desk.put(0, screen(1))
    desk.run("sweep")
    desk.start()
    shown_again = desk.put(1, screen(1))
    wait_for(lambda: desk.judged() == 2)
    assert desk.stop() == 0
    decision = desk.decisions()[desk.relative(shown_again)]
    assert (decision[0], decision[3]) == ("duplicate", desk.relative(kept))


def test_a_window_without_end_holds_what_the_watcher_has_kept(desk: Desk, framesift: Framesift) -> None:
    with desk.ledger() as ledger:
        ledger.adopt(desk.root, [])
    desk.put(100, screen(1))
    swept(framesift)  # stands for what a watcher kept: the windows of the sweep are emptied below
    with desk.ledger() as ledger:
        ledger.rows("DELETE FROM place")
    desk.put(50, screen(1))
    assert kinds(swept(framesift, "--dry-run")) == ["new"]
    assert kinds(swept(framesift, "--window", 0)) == ["duplicate"]


def test_what_is_not_whole_or_no_picture_is_left_alone_and_told(desk: Desk, framesift: Framesift) -> None:
    whole = desk.put(0, screen(1))
    half = desk.put(1, screen(2)[:-30])
    broken = desk.put(2, screen(3, size=(15, 15)))
    (desk.root / "notes.txt").write_text("no capture")
    (desk.root / "link_1.png").symlink_to(whole)
    code, output, _ = framesift("sweep")
    assert code == 0
    assert f"{half.name} is left alone" in output
    assert "judged 1 new, 1 unreadable" in output
    assert "1 left alone" in output
    assert broken.exists()
    half.write_bytes(screen(2))
    assert kinds(swept(framesift)) == ["new"]


def test_a_sweep_that_cannot_begin_says_why_in_one_line(desk: Desk, framesift: Framesift) -> None:
    nowhere = desk.base / "nowhere"
    code, _, error = framesift("sweep", nowhere)
    assert (code, error) == (1, f"framesift: {nowhere} is not there\n")
    desk.put(0, screen(1))
    code, _, error = framesift("sweep", "--quarantine", desk.root / "inside")
    assert code == 2
    assert "must be apart" in error
    code, _, error = framesift("sweep", "--quarantine", desk.base)
    assert code == 2
    if os.geteuid():
        desk.base.chmod(0o500)
        code, _, error = framesift("sweep")
        desk.base.chmod(0o700)
        assert code == 1
        assert "cannot be used" in error
    assert desk.path(0).exists()


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_a_quarantine_is_nobodys_root(desk: Desk, framesift: Framesift, flags: tuple[str, ...]) -> None:
    fill(desk, 20)
    swept(framesift)
    before = tree(desk.quarantine, "*.png")
    for root in (desk.quarantine, next(path for path in desk.quarantine.iterdir() if not path.name.startswith("."))):
        code, _, error = framesift("sweep", root, *flags)
        assert (code, error) == (
            1,
            f"framesift: {root} lies in {desk.quarantine}, which is the quarantine of {desk.root}\n",
        )
    assert tree(desk.quarantine, "*.png") == before


def test_a_quarantine_on_another_disk_gets_verified_copies(desk: Desk, framesift: Framesift) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - a memory disk, where there is one
    if not memory.is_dir() or memory.stat().st_dev == desk.base.stat().st_dev or not os.access(memory, os.W_OK):
        pytest.skip("there is no second disk to write to")
    other = memory / f"quarantine-{os.getpid()}"
    try:
        fill(desk, 30)
        before = tree(desk.root, "*.png")
        swept(framesift, "--quarantine", other)
        assert {**tree(desk.root, "*.png"), **tree(other, "*.png")} == before
        assert stat.S_IMODE(other.stat().st_mode) == 0o700
        assert framesift("restore", "--all", "--yes")[0] == 0
        assert tree(desk.root, "*.png") == before
    finally:
        shutil.rmtree(other, ignore_errors=True)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "elsewhere").mkdir()
    with working_desk(tmp_path / "elsewhere") as other:
        yield other


def begin(desk: Desk, *arguments: str) -> "subprocess.Popen[str]":
    """Start a sweep as a process that tells each capture."""
    process = subprocess.Popen(
        [sys.executable, "-m", "watcher", "-v", "sweep", *arguments],
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    desk.processes.append(process)
    return process


def cut_off(desk: Desk, number: signal.Signals, after: int, *arguments: str) -> int:
    """End a sweep by a signal after so many captures."""
    process = begin(desk, *arguments)
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += "_1.png" in line or "_2.png" in line
        if seen == after:
            process.send_signal(number)
            break
    process.communicate()
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("again", [(), ("--again", "--duplicate", "0.98")], ids=["first", "again"])
def test_a_sweep_killed_at_random_and_resumed_ends_as_an_unbroken_one(
    desk: Desk, elsewhere: Desk, framesift: Framesift, again: tuple[str, ...]
) -> None:
    rng = random.Random(7)
    for one in (desk, elsewhere):
        fill(one, 120)
        if again:
            one.run("sweep")
    for _ in range(3):
        assert cut_off(desk, signal.SIGKILL, rng.randrange(8, 25), "--window", "5", *again) == -signal.SIGKILL
        time.sleep(rng.random() * 0.02)
    assert 0 < sum(path.suffix == ".png" for path in desk.quarantine.rglob("*")) < 100
    assert framesift("sweep", "--window", "5", *again)[0] == 0
    elsewhere.run("sweep", "--window", "5", *again)
    assert desk.decisions() == elsewhere.decisions()
    assert desk.windows(5, "sweep") == elsewhere.windows(5, "sweep")
    for ours, theirs in ((desk.root, elsewhere.root), (desk.quarantine, elsewhere.quarantine)):
        assert tree(ours, "*.png") == tree(theirs, "*.png")


@pytest.mark.slow
def test_told_to_stop_it_finishes_the_capture_in_hand_and_says_how_to_go_on(desk: Desk, framesift: Framesift) -> None:
    fill(desk, 240)
    process = begin(desk)
    assert process.stdout is not None
    for line in process.stdout:
        if "_2.png" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == ""
    done = desk.judged()
    assert f"stopped with {240 - done} to go: run it again to go on" in rest
    with desk.ledger() as ledger:
        assert ledger.moving() == []
    assert len(swept(framesift)) == 240 - done


class Refusals:
    """Has the ledger refuse one of its calls, once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls, self.refused = 0, -1
        for name in ("_rows", "_write"):
            monkeypatch.setattr(Ledger, name, self._counted(getattr(Ledger, name)))

    def refuse(self, number: int) -> None:
        """Of the calls from now on, that of this *number*, the first being 1."""
        self.calls, self.refused = 0, number

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.calls += 1
            if self.calls == self.refused:
                error = OSError(errno.EIO, "disk I/O error")
                raise FaultError("the ledger cannot be used: disk I/O error") from error
            return call(*arguments)

        return counted


@pytest.mark.slow
def test_a_ledger_that_fails_once_at_any_call_is_waited_for_and_no_verdict_is_another(
    desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_FAULT_SECONDS", 0)
    refusals = Refusals(monkeypatch)
    for tick, (number, letters) in enumerate([(1, 0), (1, 1), (2, 0), (1, 3), (2, 1), (1, 0)]):
        desk.put(tick, typed(number, letters))
    rounds = [("--again", "--duplicate", threshold) for threshold in (0.9999, 0.98)]
    usual = [kinds(swept(framesift, *options)) for options in rounds]
    assert usual[0] != usual[1]
    # The first call opens the ledger: what is wrong with that, a person has to hear at once.
    for number in count(2):
        refusals.refuse(number)
        assert kinds(swept(framesift, *rounds[number % 2])) == usual[number % 2], number
        if refusals.calls < number:
            break
    assert number > 40
    refusals.refuse(0)
    with desk.ledger() as ledger:
        assert ledger.moving() == []


@pytest.mark.slow
def test_a_ledger_that_refuses_is_waited_for_and_a_sweep_can_be_stopped_meanwhile(desk: Desk) -> None:
    paths = fill(desk, 40)
    before = tree(desk.root, "*.png")
    process = begin(desk, "--quarantine", str(desk.quarantine))
    assert process.stdout is not None
    while "_1.png" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGSTOP)
    locker = sqlite3.connect(desk.state / "ledger.sqlite", timeout=1)
    locker.execute("BEGIN IMMEDIATE")
    process.send_signal(signal.SIGCONT)
    while "nothing is moved until this is mended" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    locker.close()
    assert (process.returncode, errors) == (130, "")
    assert "run it again to go on" in rest
    desk.run("sweep")
    assert {**tree(desk.root, "*.png"), **tree(desk.quarantine, "*.png")} == before
    assert desk.judged() == len(paths)


@pytest.mark.slow
def test_a_sweep_and_a_watcher_at_work_on_one_root_judge_everything_once(desk: Desk, elsewhere: Desk) -> None:
    archive = fill(desk, 200)
    desk.start()
    for number, tick in enumerate(range(100_000, 100_030)):
        desk.put(tick, typed(number % 5, 0))
        if number == 2:
            sweep = begin(desk)
        time.sleep(0.1)
    output, errors = sweep.communicate(timeout=60)
    assert (sweep.returncode, errors) == (0, ""), output
    wait_for(lambda: desk.judged() == 230)
    desk.processes.pop()  # the sweep; what is left is the watcher
    assert desk.stop() == 0
    decisions = desk.decisions()
    assert len(decisions) == 230
    fill(elsewhere, 200)
    elsewhere.run("sweep")
    alone = elsewhere.decisions()
    own = {path: said for path, said in decisions.items() if desk.base / path in archive}
    assert own == alone, "the watcher's captures are not in the sweep's windows"
    assert desk.windows(100, "sweep") == elsewhere.windows(100, "sweep")
    in_window = [path for frames in desk.windows(100).values() for path, *_ in frames]
    assert len(in_window) == 5
    assert not {desk.base / path for path in in_window} & set(archive)
    pictures = [path for folder in (desk.root, desk.quarantine) for path in folder.rglob("*.png")]
    assert len(pictures) == 230


@pytest.mark.slow
def test_a_frame_of_the_watchers_window_that_a_sweep_makes_a_duplicate_is_nobodys_nearest_any_more(desk: Desk) -> None:
    desk.start()
    paths = [desk.put(0, typed(1, 0)), desk.put(1, typed(1, 3))]
    wait_for(lambda: desk.judged() == 2)
    desk.run("sweep", "--again", "--duplicate", "0.96")
    assert [path.exists() for path in paths] == [True, False]
    third = desk.put(2, typed(1, 3))
    wait_for(lambda: desk.judged() == 3)
    assert desk.stop() == 0
    said = desk.decisions()[desk.relative(third)]
    assert said[0] == "similar"
    assert said[3] == desk.relative(paths[0])


@pytest.mark.slow
def test_two_sweeps_or_two_ledgers_on_one_root_are_refused(desk: Desk, elsewhere: Desk, framesift: Framesift) -> None:
    fill(desk, 240)
    process = begin(desk)
    assert process.stdout is not None
    while "_1.png" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGSTOP)
    try:
        code, _, error = framesift("sweep")
        assert (code, "another framesift sweep is running already" in error) == (1, True)
        done = elsewhere.run("sweep", str(desk.root), check=1)
        assert "with another ledger is running" in done.stderr
        done = elsewhere.run("watch", str(desk.root), check=1)
        assert "with another ledger is running" in done.stderr
    finally:
        process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_the_census_counts_what_is_left_to_sweep(desk: Desk, framesift: Framesift) -> None:
    paths = fill(desk, 20)
    with desk.ledger() as ledger:
        ledger.leave_to_sweep(desk.root, [])
        assert Totals(ledger, desk.root).left_alone() == 0
    day = paths[0].parent.name
    judged = len(swept(framesift, "--until", day, "--since", day))
    with desk.ledger() as ledger:
        assert Totals(ledger, desk.root).left_alone() == 0
        assert len(ledger.frames(Timeline(desk.root, "sweep"), 0)) > 0
    assert len(swept(framesift)) == 20 - judged


def test_a_new_round_judges_as_before_what_has_other_times_now(desk: Desk, framesift: Framesift) -> None:
    """As after a copy that keeps whole seconds: each picture is known by its bytes, listed once, and judged once."""
    paths = fill(desk, 60)
    first = kinds(swept(framesift))
    for folder in (desk.root, desk.quarantine):
        for path in folder.rglob("*.png"):
            os.utime(path, ns=(10**18, path.stat().st_mtime_ns // 10**9 * 10**9 + 5 * 10**9))
    for _ in range(3):
        again = swept(framesift, "--again")
        assert len(again) == len(paths)
        assert kinds(sorted(again, key=lambda entry: entry["id"])) == first
        with desk.ledger() as ledger:
            assert Totals(ledger, desk.root).left_alone() == 0
    one = next(path for path in paths if path.exists())
    os.utime(one)
    assert swept(framesift) == []
    with desk.ledger() as ledger:
        assert Totals(ledger, desk.root).left_alone() == 0
