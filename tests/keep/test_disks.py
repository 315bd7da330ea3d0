"""Disks that are full, read-only, elsewhere or cut off, under a real watcher: nothing is lost, and it goes on."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import Framesift, Watch
from tests.desk import LONG_AGO, Desk, facts, land, wait_for, working_desk
from tests.flow.test_watch import ended_by, fill, small_disk, until_told
from tests.pictures import screen
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.model.entry import State, Timeline
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts and attributes as Linux has them"),
]

MENDED = "that is mended; going on"


def done(*words: str | Path) -> None:
    """Run a command of the administrator's, or skip the test where that is refused."""
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"{words[0]} is refused: {ran.stderr.strip().splitlines()[0]}")


@contextlib.contextmanager
def bound(source: Path, target: Path) -> Iterator[None]:
    target.mkdir(mode=0o700, exist_ok=True)
    done("mount", "--bind", source, target)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", target], check=True)


def test_each_disk_alone_may_fill_up_and_the_watcher_goes_on_when_there_is_room(desk: Desk) -> None:
    """The log's costs lines of the log; the ledger's and the quarantine's are waited for."""
    with small_disk(desk.quarantine, "128k"), small_disk(desk.state, "512k"), small_disk(desk.logs, "64k"):
        desk.start()
        land(desk.path(0), screen(1))
        desk.until_judged(1)
        for tick, full in enumerate((desk.logs, desk.state, desk.quarantine), 1):
            told = desk.output().count(MENDED)
            ballast = fill(full)
            late = land(desk.path(tick), screen(1), LONG_AGO)
            if full == desk.logs:
                wait_for(desk.mirrored(late).exists)
            else:
                wait_for(lambda: desk.output().count("nothing is moved until this is mended") > told)  # noqa: B023
                assert facts(late) == (screen(1), LONG_AGO, 0o644)
                waits_and_says_so(desk)
            ballast.unlink()
            wait_for(desk.mirrored(late).exists)
            desk.until_judged(tick + 1)
            assert facts(desk.mirrored(late)) == (screen(1), LONG_AGO, 0o644)
        assert desk.stop() == 0
        assert desk.output().count(MENDED) == 2
        assert "stopped; judged" in (desk.logs / "framesift.log").read_text()


def waits_and_says_so(desk: Desk) -> None:
    """Status and doctor name the fault for which the watcher waits, wherever that is, and what is not done."""
    pid = desk.processes[-1].pid
    told = json.loads(desk.run("status", "--json", check=4).stdout)
    (reason,) = told["reasons"]
    assert (told["state"], told["pid"]) == ("degraded", pid)
    assert re.search("No space left on device|disk is full", reason)
    assert reason.endswith("; nothing is moved until this is mended")
    assert "None" not in desk.run("status", check=4).stdout, "of a device that is not known yet"
    findings = {one["name"]: one for one in json.loads(desk.run("doctor", "--json", check=4).stdout)["findings"]}
    assert findings["watcher"]["found"] == f"process {pid} waits: {reason}"
    assert findings["watcher"]["verdict"] == findings["free space"]["verdict"] == "sick"
    assert findings["one watcher"]["verdict"] == "well"


def waits_at_its_start_and_says_so(desk: Desk) -> None:
    """No ledger can be opened, or there is none yet: it is known all the same who waits, and for what."""
    told = desk.run("status", check=1)
    waits = rf"process {desk.processes[-1].pid} waits: .*(No space left on device|disk is full|disk I/O error)"
    assert re.search(rf"{waits}; nothing is moved until this is mended$", told.stderr.strip()), told.stderr
    assert len(told.stderr.splitlines()) == 1
    findings = {one["name"]: one for one in json.loads(desk.run("doctor", "--json", check=4).stdout)["findings"]}
    assert re.match(waits, findings["watcher"]["found"])
    assert findings["free space"]["verdict"] == "sick"


def test_a_first_start_on_a_full_disk_is_known_by_the_lock_on_the_root(desk: Desk) -> None:
    with small_disk(desk.state, "64k"):
        ballast = fill(desk.state)
        process = desk.start(ready=False)
        wait_for(lambda: "nothing is moved until this is mended" in desk.output(), 60)
        assert "the watcher is starting" in desk.run("status", check=4).stdout
        assert ended_by(process, signal.SIGTERM) == 0
        ballast.unlink()


def test_a_start_waits_while_the_disk_of_quarantine_or_state_is_full(desk: Desk) -> None:
    with small_disk(desk.quarantine, "64k"), small_disk(desk.state, "512k"):
        for number, full in enumerate((desk.quarantine, desk.state)):
            ballast = fill(full)
            desk.start(ready=False)
            wait_for(lambda: "nothing is moved until this is mended" in desk.output(), 60)
            says_so = waits_and_says_so if full == desk.quarantine else waits_at_its_start_and_says_so
            says_so(desk)
            ballast.unlink()
            wait_for(lambda: " watches " in desk.output())
            land(desk.path(number), screen(number))
            desk.until_judged(number + 1)
            assert json.loads(desk.run("status", "--json").stdout)["state"] == "watching"
            assert desk.stop() == 0
            assert desk.output().count("nothing is moved until this is mended") == 1


def test_a_quarantine_that_is_a_bind_mount_gets_a_verified_copy(desk: Desk) -> None:
    """The device's number is the root's, and yet a rename is refused."""
    (desk.base / "elsewhere").mkdir()
    with bound(desk.base / "elsewhere", desk.quarantine):
        assert desk.quarantine.stat().st_dev == desk.root.stat().st_dev
        desk.start()
        for tick in range(2):
            land(desk.path(tick), screen(1), LONG_AGO, 0o640)
            desk.until_judged(tick + 1)
        wait_for(desk.mirrored(desk.path(1)).exists)
        assert desk.stop() == 0
        assert facts(desk.mirrored(desk.path(1))) == (screen(1), LONG_AGO, 0o640)
        assert not desk.path(1).exists()


def test_what_may_not_be_moved_stays_and_a_root_that_is_read_only_for_a_while_is_waited_for(desk: Desk) -> None:
    (desk.base / "disk").mkdir()
    with bound(desk.base / "disk", desk.root):
        desk.start()
        land(desk.path(0), screen(1))
        desk.until_judged(1)
        # Its folder is moved in, for the file itself can be neither renamed nor linked once it is immutable.
        folder = desk.root / "fixed"
        fixed = land(desk.root / ".fixed" / desk.path(1).name, screen(1))
        done("chattr", "+i", fixed)
        fixed = fixed.parent.rename(folder) / fixed.name
        try:
            until_told(desk, 2)  # not only judged: the move is tried after that
        finally:
            subprocess.run(["chattr", "-i", fixed], check=True)
        assert facts(fixed)[0] == screen(1)

        late = land(desk.root / ".late", screen(1), LONG_AGO)
        late = late.rename(desk.path(2))
        done("mount", "-o", "remount,ro,bind", desk.root)
        wait_for(lambda: "Read-only file system; nothing is moved until this is mended" in desk.output())
        assert facts(late) == (screen(1), LONG_AGO, 0o644)
        done("mount", "-o", "remount,rw,bind", desk.root)
        wait_for(lambda: MENDED in desk.output())
        desk.until_judged(3)
        assert facts(desk.mirrored(late)) == (screen(1), LONG_AGO, 0o644)
        assert desk.stop() == 0
        states = [said[4] for said in desk.decisions().values()]
        assert states == [State.KEPT, State.KEPT, State.QUARANTINED]


CUTS, PICTURES = 10, 40


def test_after_a_power_cut_every_picture_is_in_one_of_two_places_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """The disk is copied while the watcher works on it: what a power cut would leave at that moment."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(24 * 2**20)
    done("mkfs.ext4", "-q", "-F", image)
    (tmp_path / "disk").mkdir()
    done("mount", "-o", "loop,commit=60", image, tmp_path / "disk")
    draw, cuts = random.Random(3), []
    given = {f"{tick:03}_1.png": screen(tick % 7) for tick in range(PICTURES)}
    try:
        (tmp_path / "disk" / "desk").mkdir()
        with working_desk(tmp_path / "disk" / "desk") as desk:
            for name, content in given.items():
                land(desk.base / "landing" / name, content, LONG_AGO)
            watcher = desk.start()
            subprocess.run(["sync", "-f", desk.base], check=True)
            os.rename(desk.base / "landing", desk.root / "part")  # noqa: PTH104
            subprocess.run(["sync", "-f", desk.base], check=True)
            for number in range(CUTS):
                wait_for(lambda: desk.judged() > number * PICTURES // (CUTS + 1))  # noqa: B023
                time.sleep(draw.random() * 0.1)
                cuts.append(tmp_path / f"cut-{number}.img")
                copied_at_once(image, cuts[-1], watcher.pid)
            desk.until_judged(PICTURES)
            assert desk.stop() == 0
            right = desk.decisions()
    finally:
        subprocess.run(["umount", "--lazy", tmp_path / "disk"], check=True)
    states = set()
    for number, cut in enumerate(cuts):
        done("mount", "-o", "loop", cut, tmp_path / "disk")
        try:
            states |= survived(desk, given)
            if number % 5 == 2:  # seconds each
                desk.start()
                desk.until_judged(PICTURES)
                assert desk.stop() == 0
                assert desk.decisions() == right
                survived(desk, given)
        finally:
            subprocess.run(["umount", "--lazy", tmp_path / "disk"], check=True)
    assert {State.KEPT, State.QUARANTINED} <= states


def copied_at_once(image: Path, cut: Path, worker: int) -> None:
    """Copy what has reached the disk, between two steps of the *worker*: a copy of several moments is of none."""
    os.kill(worker, signal.SIGSTOP)
    try:
        wait_for(lambda: psutil.Process(worker).status() == psutil.STATUS_STOPPED)
        subprocess.run(["dd", f"if={image}", f"of={cut}", "bs=4M", "status=none"], check=True)
    finally:
        os.kill(worker, signal.SIGCONT)


def survived(desk: Desk, given: dict[str, bytes]) -> set[State]:
    """Each picture is in one of two places before recovery, and after it where the ledger says; returns the states."""
    at = {name: desk.root / "part" / name for name in given}
    assert [in_one_place(desk, path, given[path.name]) for path in at.values()]
    folders = Folders(desk.config, desk.state, desk.logs)
    settings = Settings.load(folders, {"root": desk.root}, environ={})
    with desk.ledger() as ledger:
        assert ledger.rows("PRAGMA integrity_check")[0][0] == "ok"
        hooks = Hooks(settings, desk.base / "hooks", pytest.fail)
        Custody(ledger, hooks, Timeline(desk.root)).recover()
        entries = list(ledger.entries())
    judged = {entry.verdict.capture.path for entry in entries}
    assert {path for path in at.values() if not path.exists()} <= judged
    for entry in entries:
        path = entry.verdict.capture.path
        assert in_one_place(desk, path, given[path.name]) == entry.location
        assert entry.state in (State.KEPT, State.QUARANTINED)
    return {entry.state for entry in entries}


def in_one_place(desk: Desk, path: Path, content: bytes) -> Path:
    (place,) = [place for place in (path, desk.mirrored(path)) if place.exists()]
    assert facts(place)[:2] == (content, LONG_AGO)
    return place


def formatted(image: Path) -> Path:
    with image.open("wb") as file:
        file.truncate(8 * 2**20)
    done("mkfs.ext4", "-q", "-F", image)
    return image


def mounted(image: Path, folder: Path) -> None:
    done("mount", "-o", "loop", image, folder)


def test_a_disk_that_is_unmounted_while_watched_means_blind_and_is_watched_again_when_it_is_back(desk: Desk) -> None:
    """The empty folder under it is no root whose captures were deleted, and what is written there is not judged."""
    image = formatted(desk.base / "disk.img")
    mounted(image, desk.root)
    try:
        desk.start()
        for tick in range(3):
            land(desk.path(tick), screen(tick))
            desk.until_judged(tick + 1)
        windows = desk.windows(9)
        assert subprocess.run(["umount", desk.root], check=False, capture_output=True).returncode, "it is in use"
        subprocess.run(["umount", "--lazy", desk.root], check=True)
        wait_for(lambda: f"waiting for {desk.root}: another disk is in its place" in desk.output())
        # Not even the watcher's own lock keeps the disk from being taken out.
        wait_for(lambda: not subprocess.run(["losetup", "-j", image], capture_output=True, check=True).stdout)
        stray = [land(desk.path(tick), screen(0), LONG_AGO) for tick in (3, 4)]
        time.sleep(3)  # longer than an event, and several looks, take
        told = json.loads(desk.run("status", "--json", check=4).stdout)
        assert (told["state"], told["captures"]["new"]) == ("blind", 3)
        assert "another disk is in its place" in told["reasons"][0]
        assert [facts(path) for path in stray] == [(screen(0), LONG_AGO, 0o644)] * 2
        assert desk.windows(9) == windows

        mounted(image, desk.root)
        wait_for(lambda: f"{desk.root} is there" in desk.output())
        land(desk.path(5), screen(1))
        desk.until_judged(4)
        wait_for(desk.mirrored(desk.path(5)).exists)
        assert json.loads(desk.run("status", "--json").stdout)["found_by_scan"] == 0, "events are heard again"
        assert desk.stop() == 0
        assert [said[0] for said in desk.decisions().values()] == ["new", "new", "new", "duplicate"]
        assert desk.output().count("another disk") == 1
    finally:
        subprocess.run(["umount", "--lazy", desk.root], check=False, capture_output=True)
    assert [facts(path) for path in stray] == [(screen(0), LONG_AGO, 0o644)] * 2


def test_a_start_without_the_disk_forgets_nothing_and_goes_on_when_it_is_mounted_or_another_is_meant(
    desk: Desk, watch_here: Watch, framesift: Framesift
) -> None:
    """What the last run saw is remembered: neither a watcher nor a sweep takes the folder under a disk for its root."""
    image = formatted(desk.base / "disk.img")
    mounted(image, desk.root)
    try:
        watch_here(*((desk.path(tick), screen(tick)) for tick in range(3)))
        windows, decisions = desk.windows(9), desk.decisions()
        subprocess.run(["umount", desk.root], check=True)

        stray = land(desk.path(3), screen(0), LONG_AGO)
        reasons = json.loads(framesift("status", "--json")[1])["reasons"]
        assert reasons[1] == f"none of the captures that were kept last is in {desk.root}: is its disk mounted?"
        code, _, refused = framesift("sweep")
        assert (code, "another disk is in its place" in refused) == (1, True)
        desk.start(ready=False)
        wait_for(lambda: f"waiting for {desk.root}: another disk is in its place" in desk.output(), 60)
        time.sleep(2)  # longer than an event, and a look, take
        told = json.loads(framesift("status", "--json")[1])
        assert (told["state"], "--new-disk" in told["reasons"][0]) == ("blind", True)
        findings = {one["name"]: one for one in json.loads(framesift("doctor", "--json")[1])["findings"]}
        assert [findings[name]["verdict"] for name in ("seeing", "root")] == ["sick", "sick"]
        assert "its disk is not mounted" in findings["root"]["cause"]
        assert (desk.windows(9), desk.decisions(), facts(stray)[1]) == (windows, decisions, LONG_AGO)

        mounted(image, desk.root)
        wait_for(lambda: f"{desk.root} is there" in desk.output())
        land(desk.path(4), screen(1))
        wait_for(desk.mirrored(desk.path(4)).exists)
        desk.until_judged(4)
        assert desk.stop() == 0
        subprocess.run(["umount", desk.root], check=True)

        assert facts(stray) == (screen(0), LONG_AGO, 0o644)
        stray.unlink()
        watch_here((desk.path(5), screen(2)), flags=["--new-disk"])
        watch_here((desk.path(6), screen(2)))
        assert [said[4] for said in desk.decisions().values()][4:] == ["kept", "quarantined"]
    finally:
        subprocess.run(["umount", "--lazy", desk.root], check=False, capture_output=True)
