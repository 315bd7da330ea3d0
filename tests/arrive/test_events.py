"""Whether events arrive is proven, not believed: by observers that are deaf for real, and roots that are exchanged."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent

from tests.arrive.test_live import Seeing
from tests.conftest import Desk, screen, wait_for
from watcher.arrive import events as hearing
from watcher.arrive import live as sources
from watcher.arrive.events import Hearing

WHOLE = screen(5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes become seconds."""
    monkeypatch.setattr(sources, "RESCAN_SECONDS", 1.0)
    monkeypatch.setattr(sources, "POLL_SECONDS", 0.3)
    monkeypatch.setattr(hearing, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(hearing, "RETRY_SECONDS", 1.0)


@pytest.fixture
def seeing(desk: Desk) -> Iterator[Seeing]:
    with Seeing(desk.root) as seeing:
        wait_for(lambda: seeing.live.status.last_event > 0)
        yield seeing


def deafen(seeing: Seeing) -> None:
    """End the thread that reads what the system tells: all others look alive, and nothing is heard any more."""
    observer = seeing.live._hearing._observer
    assert observer is not None
    observer._inotify_fd.stop()  # type: ignore[attr-defined]


def names_below(root: Path) -> list[str]:
    return [name for _, folders, files in os.walk(root) for name in (*folders, *files)]


def test_a_quiet_root_is_proven_by_a_cookie_that_does_not_stay(desk: Desk, seeing: Seeing) -> None:
    before = seeing.live.status.last_event
    seeing.live._hearing.doubt()
    wait_for(lambda: seeing.live.status.last_event > before)
    assert seeing.live.status.events
    assert names_below(desk.root) == []
    assert (seeing.said, seeing.captures) == ([], [])


@pytest.mark.slow
def test_events_of_captures_are_proof_enough(desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[Path] = []
    monkeypatch.setattr(hearing, "PROOF_SECONDS", 1.5)
    monkeypatch.setattr(hearing, "leave_cookie", lambda folder, _: left.append(folder))
    seeing.live._hearing._question, seeing.live._hearing._next_proof = None, time.monotonic()
    for tick in range(6):
        desk.put(tick, WHOLE)
        time.sleep(0.5)
    assert left == []
    assert seeing.live.status.events


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into the observer of Linux")
def test_a_deaf_observer_is_found_out_replaced_and_told_of(desk: Desk, seeing: Seeing) -> None:
    deafen(seeing)
    seeing.live._hearing._next_proof = 0.0
    wait_for(lambda: len(seeing.said) == 2)
    assert seeing.said == ["no events arrive; looking every 0 s", "events arrive again"]
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])
    assert seeing.live.status.found_by_scan == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into the observer of Linux")
def test_a_capture_that_no_event_told_of_is_reason_to_ask(desk: Desk, seeing: Seeing) -> None:
    seeing.live._hearing._next_proof = time.monotonic() + 1000
    wait_for(lambda: seeing.live._hearing._question is None)
    deafen(seeing)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])
    wait_for(lambda: "events arrive again" in seeing.said)
    assert seeing.live.status.found_by_scan == 1


def test_an_observer_that_has_ended_is_replaced_at_once(desk: Desk, seeing: Seeing) -> None:
    observer = seeing.live._hearing._observer
    assert observer is not None
    next(iter(observer.emitters)).stop()
    wait_for(lambda: seeing.live._hearing._observer is not observer and seeing.live.status.events)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])
    assert seeing.live.status.found_by_scan == 0


@pytest.mark.slow
def test_a_volume_that_tells_of_our_own_doing_alone_is_polled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = hearing._Ear.on_any_event

    def of_ours(ear: hearing._Ear, event: FileSystemEvent) -> None:
        if hearing._COOKIE in str(event.src_path) or event.event_type == "deleted":
            heard(ear, event)

    monkeypatch.setattr(hearing._Ear, "on_any_event", of_ours)
    with Seeing(desk.root) as seeing:
        for tick in range(5):
            path = desk.put(tick, WHOLE)
            wait_for(lambda path=path: path.name in seeing.names())  # type: ignore[misc]
            path.unlink()  # as a move does
            time.sleep(0.4)
        wait_for(lambda: not seeing.live.status.events)
        assert "as on a network volume; looking every" in seeing.live.status.why
        time.sleep(2)
        assert not seeing.live.status.events
        monkeypatch.setattr(hearing._Ear, "on_any_event", heard)
        desk.put(9, WHOLE)
        wait_for(lambda: seeing.live.status.events)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a file system of Linux's")
def test_what_comes_from_elsewhere_to_a_volume_that_does_not_tell_is_found_and_the_volume_polled(desk: Desk) -> None:
    """What is written into an overlay's upper folder raises no event above it, as what another machine writes."""
    layers, day = desk.base / "layers", desk.path(0).parent.relative_to(desk.root)
    layers.mkdir()
    mount(layers, "-t", "tmpfs", "none")
    lower, upper, work = [layers / name for name in ("lower", "upper", "work")]
    for folder in (lower, upper / day, work):
        folder.mkdir(parents=True)
    try:
        mount(desk.root, "-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", "none")
        with Seeing(desk.root) as seeing:
            for tick in range(4):
                (upper / day / desk.path(tick).name).write_bytes(WHOLE)
                wait_for(lambda tick=tick: len(seeing.captures) > tick)  # type: ignore[misc]
            wait_for(lambda: not seeing.live.status.events)
            assert "as on a network volume; looking every" in seeing.live.status.why
            assert seeing.live.status.found_by_scan >= 2
            assert seeing.live.status.root_there
    finally:
        subprocess.run(["umount", "--lazy", desk.root], check=False, capture_output=True)
        subprocess.run(["umount", "--lazy", layers], check=False)


def mount(folder: Path, *words: str) -> None:
    done = subprocess.run(["mount", *words, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount it: {done.stderr.strip()}")


def become_deaf(seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no event is heard, nobody notices, and no scan is due."""
    for module, name in ((sources, "RESCAN_SECONDS"), (sources, "POLL_SECONDS"), (hearing, "PATIENCE_SECONDS")):
        monkeypatch.setattr(module, name, 1000.0)
    wait_for(lambda: seeing.live._next_rescan > time.monotonic() + 100)
    monkeypatch.setattr(hearing._Ear, "on_any_event", lambda *_: None)


def test_a_lost_event_is_scanned_for_at_once(desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_CALM_SECONDS", 0.0)
    become_deaf(seeing, monkeypatch)
    desk.put(1, WHOLE)
    time.sleep(1)
    assert seeing.captures == []
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    wait_for(lambda: len(seeing.captures) == 1)


@pytest.mark.parametrize("jump", [-86_400, 7200])
def test_a_clock_that_jumps_and_a_machine_that_slept_mean_a_look_at_everything(
    desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    become_deaf(seeing, monkeypatch)
    path = desk.put(1, WHOLE)
    time.sleep(0.5)
    assert seeing.captures == []
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + jump)
    wait_for(lambda: seeing.names() == [path.name])


def test_a_root_that_may_not_be_listed_is_no_root_that_is_seen(desk: Desk, seeing: Seeing) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may list everything")
    desk.root.chmod(0)
    wait_for(lambda: not seeing.live.status.root_there)
    assert seeing.live.status.why == f"waiting for {desk.root}: Permission denied"
    desk.root.chmod(0o755)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])


def test_a_root_that_becomes_a_link_is_not_followed(desk: Desk, seeing: Seeing) -> None:
    desk.root.rename(desk.base / "elsewhere")
    desk.root.symlink_to(desk.base / "elsewhere")
    wait_for(lambda: not seeing.live.status.root_there)
    assert f"it leads to {desk.base / 'elsewhere'} by a link" in seeing.live.status.why
    desk.put(1, WHOLE)
    time.sleep(0.5)
    assert seeing.captures == []


def test_a_root_that_becomes_a_file_is_waited_for(desk: Desk, seeing: Seeing) -> None:
    desk.root.rmdir()
    desk.root.write_text("no folder")
    wait_for(lambda: "no folder" in seeing.live.status.why)
    desk.root.unlink()
    desk.root.mkdir()
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])


class Shut(Seeing):
    """As :class:`Seeing`; a folder of mode 0 keeps even root out."""

    def known(self, folder: Path) -> set[tuple[bytes, int, int]]:
        if not folder.stat().st_mode & 0o777:
            raise PermissionError(13, "Permission denied")
        return super().known(folder)


def test_a_folder_that_cannot_be_listed_is_named_until_it_can(desk: Desk) -> None:
    path = desk.put(1, WHOLE)
    with Shut(desk.root) as seeing:
        wait_for(lambda: len(seeing.captures) == 1)
        path.parent.chmod(0)
        wait_for(lambda: seeing.live.status.unlisted == {str(path.parent): "Permission denied"})
        assert seeing.live.status.root_there
        path.parent.chmod(0o755)
        wait_for(lambda: not seeing.live.status.unlisted)


LIMITED = """
import os, sys, time
from pathlib import Path
from watcher.arrive import events as hearing, live as sources
hearing.PATIENCE_SECONDS, sources.RESCAN_SECONDS = 1.0, 1.0
from tests.conftest import wait_for
from tests.arrive.test_live import Seeing, WHOLE
Path("/proc/sys/user/max_inotify_watches").write_text("3")
root = Path(sys.argv[1])
with Seeing(root) as seeing:
    print("watches", seeing.live.status.events, flush=True)
    for day in range(4):
        (root / f"day-{day}").mkdir()
        time.sleep(0.3)
    (root / "day-3" / "f_1.png").write_bytes(WHOLE)
    wait_for(lambda: seeing.names() == ["f_1.png"], 30)
    wait_for(lambda: not seeing.live.status.events, 30)
    print(seeing.live.status.why)
"""
NONE = LIMITED.replace('write_text("3")', 'write_text("0")')


def in_a_namespace(script: str, root: Path) -> str:
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", script, str(root)],
        capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    if "unshare" in done.stderr or "max_inotify_watches" in done.stderr:
        pytest.skip(f"no limit of one's own here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_past_the_watch_limit_the_sysctl_is_named_and_every_capture_found(desk: Desk) -> None:
    said = in_a_namespace(LIMITED, desk.root)
    assert "no events arrive: 3 of 5 folders are watched; raise user.max_inotify_watches, which is 3" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_a_root_that_cannot_be_observed_at_all_is_scanned(desk: Desk) -> None:
    said = in_a_namespace(NONE, desk.root)
    assert "watches False" in said
    assert "raise user.max_inotify_watches, which is 0" in said


FLOODED = """
import subprocess, sys, time
from pathlib import Path
from watcher.arrive import live as sources
sources._CALM_SECONDS = 0.0
from tests.conftest import wait_for
from tests.arrive.test_live import Seeing
root, flood = Path(sys.argv[1]), sys.argv[2]
for name in ("many", "few"):
    (root / name).mkdir()
with Seeing(root) as seeing:
    wait_for(lambda: seeing.live.status.last_event > 0)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", flood, str(root)], check=True)
    wait_for(lambda: len(seeing.captures) == 5, 30)
    print(seeing.live.status.found_by_scan, seeing.live.status.events)
"""
FLOOD = """
import os, signal, sys
from pathlib import Path
from tests.arrive.test_live import WHOLE
root = Path(sys.argv[1])
os.kill(os.getppid(), signal.SIGSTOP)
most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
for number in range(most // 2):
    (root / "many" / f"{number}.txt").touch()
for number in range(5):
    (root / "few" / f"f{number}_1.png").write_bytes(WHOLE)
os.kill(os.getppid(), signal.SIGCONT)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the queue of Linux")
def test_a_queue_that_overflows_for_real_loses_no_capture(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOODED, str(desk.root), FLOOD],
        capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5", "True"]


def test_a_read_only_root_proves_nothing_and_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(hearing, "leave_cookie", refuse)
    heard: list[Path] = []
    threads = threading.active_count()
    events = Hearing(tmp_path, heard.append)
    events.begin()
    try:
        events.attend(lambda: tmp_path, 1, time.monotonic())
        events.attend(lambda: tmp_path, 1, time.monotonic() + 10)
        assert events.works
        events.missed(tmp_path, time.monotonic(), time.monotonic())
        events.attend(lambda: tmp_path, 1, time.monotonic() + 10)
        assert (events.works, events.why) == (False, "no events arrive")
    finally:
        events.end()
    assert threading.active_count() <= threads
