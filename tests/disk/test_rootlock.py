"""One ledger for one root: whatever the state folder, the quarantine and the path that leads to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.desk import Desk, wait_for
from tests.pictures import screen
from watcher.disk.rootlock import RootLock, is_held
from watcher.errors import WatcherError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the lock of POSIX")


def ours() -> bool:
    return True


def strange() -> bool:
    return False


def test_processes_of_one_ledger_share_a_root_and_keep_others_out(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with RootLock(tmp_path, ours) as watch:
        watch.take()
        assert is_held(tmp_path)
        with RootLock(tmp_path, ours) as sweep, RootLock(tmp_path, strange) as other:
            sweep.take()
            with pytest.raises(WatcherError, match="another ledger is running on"):
                other.take(0.2)
        with RootLock(tmp_path, strange) as other, pytest.raises(WatcherError):
            other.take(0.2)
    with RootLock(tmp_path, strange) as other:
        other.take()


def test_the_folder_counts_and_not_its_path(tmp_path: Path) -> None:
    root, link = tmp_path / "root", tmp_path / "link"
    root.mkdir()
    link.symlink_to(root)
    with RootLock(root, strange) as lock, RootLock(link, strange) as other:
        lock.take()
        with pytest.raises(WatcherError):
            other.take(0.2)


def test_a_root_that_comes_later_or_is_exchanged_is_locked_when_it_is_there(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with RootLock(root, strange) as lock, RootLock(root, strange) as other:
        lock.take()
        root.mkdir()
        lock.take()
        lock.take()
        with pytest.raises(WatcherError):
            other.take(0.2)
        root.rename(tmp_path / "old")
        root.mkdir()
        other.take()
        with pytest.raises(WatcherError):
            lock.take(0.2)
    assert list(root.iterdir()) == []


def test_a_dry_run_locks_nothing(tmp_path: Path) -> None:
    with RootLock(None, strange) as rehearsal, RootLock(tmp_path, strange) as lock:
        rehearsal.take()
        lock.take()


@pytest.mark.slow
def test_two_watchers_on_one_root_are_refused_whatever_folders_they_are_given(desk: Desk) -> None:
    elsewhere = ("--quarantine", str(desk.base / "q2"))
    desk.start()
    other = dict(desk.environment)
    desk.environment |= {"FRAMESIFT_STATE_DIR": str(desk.base / "state2")}
    for verb in ("watch", "sweep"):
        refused = desk.run(verb, *elsewhere, check=1)
        assert f"another framesift with another ledger is running on {desk.root}" in refused.stderr
    rehearsal = subprocess.run(
        [sys.executable, "-m", "watcher", "sweep", "--dry-run", *elsewhere],
        env=desk.environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert rehearsal.returncode == 0, rehearsal.stderr
    desk.environment = other
    assert "another framesift watch is running already" in desk.run("watch", check=1).stderr
    assert desk.run("sweep").returncode == 0
    desk.put(1, screen(1))
    wait_for(lambda: desk.judged() == 1)
    assert desk.stop() == 0
