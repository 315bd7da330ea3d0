"""What the service manager hears: begun, alive and seeing, or silent where a restart may help."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk, wait_for
from watcher.health.heartbeat import SourceStatus
from watcher.health.sd_notify import SdNotifier

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's, and so are abstract sockets")

PATIENCE_USEC = "900000"


class Ear:
    """A service manager's end of the line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def listen(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self._socket.recv(4096).decode())
        return self.heard

    def anew(self) -> list[str]:
        """What is heard from now on."""
        self.listen()
        self.heard = []
        return self.heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def ear(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(str(tmp_path / "notify") if request.param == "path" else f"@framesift-test-{os.getpid()}-{tmp_path.name}")
    yield ear
    ear.close()


def pulse_long(notifier: SdNotifier, seconds: float = 0.7) -> None:
    """Come round often, as the worker does, for longer than the watchdog may wait between two signs of life."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        notifier.pulse()
        time.sleep(0.02)


def lifeline_to(ear: Ear, root: Path, **environ: str) -> SdNotifier:
    status = SourceStatus(root_there=True, events=True, why="")
    return SdNotifier(root, status, {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": PATIENCE_USEC, **environ})


def test_a_run_is_told_from_beginning_to_end(ear: Ear, tmp_path: Path) -> None:
    with lifeline_to(ear, tmp_path) as notifier:
        pulse_long(notifier)
    heard = ear.listen()
    assert heard[:2] == ["READY=1", f"STATUS=watching {tmp_path}"]
    assert heard[-1] == "STOPPING=1"
    assert 2 <= heard.count("WATCHDOG=1") <= 4, "three in the time that is allowed, not one at every turn"


def test_signs_of_life_end_when_a_root_that_was_seen_can_no_longer_be_listed(ear: Ear, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    notifier = lifeline_to(ear, root)
    pulse_long(notifier)
    root.rmdir()
    root.write_text("no folder")
    ear.anew()
    pulse_long(notifier)
    assert set(ear.listen()) == {f"STATUS=cannot list {root}: Not a directory"}
    root.unlink()
    root.mkdir()
    pulse_long(notifier)
    assert "WATCHDOG=1" in ear.listen()


def test_no_restart_is_asked_for_where_it_would_mend_nothing(ear: Ear, tmp_path: Path) -> None:
    never_readable = tmp_path / "file"
    never_readable.write_text("no folder, from the start")
    for root in (never_readable, tmp_path / "disk" / "not there"):
        pulse_long(lifeline_to(ear, root))
        assert "WATCHDOG=1" in ear.listen()
        ear.anew()


def test_a_watcher_that_waits_for_a_full_disk_has_begun_lives_and_says_so_whatever_becomes_of_the_root(
    ear: Ear, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    notifier = lifeline_to(ear, root)
    pulse_long(notifier)
    ear.anew()
    notifier.waits("the disk is full")
    assert ear.listen() == ["READY=1", "STATUS=the disk is full"]
    root.rmdir()
    root.write_text("no folder")
    ear.anew()
    pulse_long(notifier)
    assert set(ear.listen()) == {"WATCHDOG=1", "STATUS=the disk is full"}
    notifier.waits("")
    ear.anew()
    pulse_long(notifier)
    assert set(ear.listen()) == {f"STATUS=cannot list {root}: Not a directory"}


@pytest.mark.parametrize(
    "environ", [{"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_PID": "1"}]
)
def test_no_signs_of_life_where_nobody_waits_for_them(ear: Ear, tmp_path: Path, environ: dict[str, str]) -> None:
    with lifeline_to(ear, tmp_path, **environ) as notifier:
        pulse_long(notifier, 0.1)
    assert set(ear.listen()) == {"READY=1", "STOPPING=1", f"STATUS=watching {tmp_path}"}


def test_the_status_is_one_line_whatever_the_root_is_called(ear: Ear, tmp_path: Path) -> None:
    with lifeline_to(ear, tmp_path / "a\nWATCHDOG=1\\"):
        pass
    assert ear.listen()[1] == rf"STATUS=watching {tmp_path}/a\\x0aWATCHDOG=1" + "\\\\"


def test_a_manager_that_does_not_hear_holds_nobody_up(tmp_path: Path) -> None:
    ear = Ear(str(tmp_path / "notify"))
    ear.close()
    began = time.monotonic()
    with lifeline_to(ear, tmp_path) as notifier:
        pulse_long(notifier, 0.1)
    with SdNotifier(tmp_path, SourceStatus(), {}) as notifier:
        notifier.pulse()
    assert time.monotonic() - began < 0.5


# The whole watcher on the line.


@contextlib.contextmanager
def on_the_line(desk: Desk) -> Iterator[tuple[Ear, "subprocess.Popen[str]"]]:
    ear = Ear(str(desk.base / "notify"))
    desk.environment |= {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": PATIENCE_USEC}
    with contextlib.closing(ear):
        process = desk.start(ready=False)
        wait_for(lambda: "READY=1" in ear.listen(), 60)
        yield ear, process


@pytest.mark.slow
def test_the_watcher_lives_while_it_sees_falls_silent_when_it_does_not_and_says_that_it_stops(desk: Desk) -> None:
    with on_the_line(desk) as (ear, process):
        for _ in range(2):
            ear.anew()
            wait_for(lambda: ear.listen().count("WATCHDOG=1") >= 2)
        assert f"STATUS=watching {desk.root}" in ear.heard
        desk.root.rmdir()
        desk.root.write_text("no folder")
        time.sleep(0.5)
        ear.anew()
        time.sleep(1.2)
        assert "WATCHDOG=1" not in ear.listen()
        assert process.poll() is None
        assert desk.stop() == 0
        assert ear.listen()[-1] == "STOPPING=1"


@pytest.mark.slow
def test_a_watcher_without_its_disk_has_begun_and_lives_and_one_that_hangs_is_silent(desk: Desk) -> None:
    desk.root.rmdir()
    with on_the_line(desk) as (ear, process):
        ear.anew()
        wait_for(lambda: ear.listen().count("WATCHDOG=1") >= 2)
        assert f"STATUS=waiting for {desk.root}: No such file or directory" in ear.heard
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        ear.anew()
        time.sleep(1.2)
        assert ear.listen() == []
        process.send_signal(signal.SIGCONT)
        assert desk.stop() == 0
