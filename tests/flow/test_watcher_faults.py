"""Errors of the disk at chosen calls of a real watcher: it loses nothing, and goes on by itself in the same process."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import Framesift, Watch
from tests.desk import LONG_AGO, Desk, facts, land, wait_for, working_desk
from tests.pictures import screen
from watcher.terminal.log_file import LOG_BYTES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace as Linux has it"),
]

WAITED = "nothing is moved until this is mended"


@dataclass(frozen=True)
class Point:
    """Where the system fails: at the *when*-th *call* that touches one of *paths*, or any if there are none."""

    call: str
    paths: tuple[Path, ...] = ()
    when: int = 1
    rename: bool = True
    """Whether the system has an exclusive rename."""
    anew: bool = False
    """Whether another process has written into the ledger, so that it is read from the disk and not from memory."""
    full: bool = False
    """Whether the log has its full size, so that it is rotated."""


def ledger_of(desk: Desk) -> tuple[Path, ...]:
    return tuple(desk.state / f"ledger.sqlite{end}" for end in ("", "-wal", "-shm"))


def points(desk: Desk) -> list[Point]:
    ledger, log = ledger_of(desk), desk.logs / "framesift.log"
    here, there = desk.path(0).parent, desk.mirrored(desk.path(0)).parent
    return [
        *(Point("pwrite64", ledger, number) for number in (1, 3, 5)),
        *(Point("fdatasync", ledger, number) for number in (1, 2)),
        *(Point("pread64", ledger, number, anew=True) for number in (1, 4, 8)),
        Point("openat", (desk.state / "moving.lock",)),
        Point("openat", (there,)),
        Point("openat", (here,)),
        Point("renameat2"),
        Point("fsync", (there,)),
        Point("fsync", (here,)),
        Point("write", (log,)),
        Point("rename", (log,), full=True),
        Point("unlink", (desk.logs / "framesift.log.5",), full=True),
        Point("openat", (log,), full=True),
        Point("linkat", rename=False),
        Point("unlinkat", rename=False),
    ]


@contextlib.contextmanager
def failing(pid: int, point: Point, error: str, told: Path) -> Iterator[Callable[[], bool]]:
    """While strace lets *point* fail in the process; yields whether it has."""
    rules = [f"trace={point.call},renameat2", f"inject={point.call}:error={error}:when={point.when}"]
    rules += [] if point.rename else ["inject=renameat2:error=EINVAL"]
    options = [word for rule in rules for word in ("-e", rule)] + [
        word for path in point.paths for word in ("-P", path)
    ]
    with told.open("w") as stream:
        tracer = subprocess.Popen(
            ["strace", "-f", "-qq", "-y", "-o", told.with_suffix(".calls"), *options, "-p", str(pid)], stderr=stream
        )
    try:
        wait_for(lambda: is_traced(pid) or tracer.poll() is not None)
        if tracer.poll() is not None:
            pytest.skip(f"may not trace: {told.read_text().strip()}")
        yield (
            lambda: (
                "(INJECTED)"
                in "".join(
                    line for line in told.with_suffix(".calls").read_text().splitlines() if f" {point.call}(" in line
                )
            )
        )
    finally:
        tracer.terminate()
        tracer.wait()


def written_by_another(desk: Desk) -> None:
    """Exchange what every page of the ledger is believed to hold."""
    with desk.ledger() as ledger:
        ledger.rows("VACUUM")


def filled(desk: Desk) -> None:
    """Let the log be rotated, and the oldest of its kind be removed, before the next line."""
    for number in range(1, 6):
        (desk.logs / f"framesift.log.{number}").touch(mode=0o600)
    os.truncate(desk.logs / "framesift.log", LOG_BYTES)


def is_traced(pid: int) -> bool:
    states = [task.joinpath("status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return all("TracerPid:\t0\n" not in state for state in states)


@pytest.mark.timeout(300)
def test_one_error_of_any_call_on_ledger_quarantine_and_log_is_survived_by_the_process_that_meets_it(
    tmp_path: Path,
) -> None:
    """Two watchers at once, for most of the time is waiting."""
    if shutil.which("strace") is None:
        pytest.skip("strace, which fails a chosen system call, is not there")
    with ThreadPoolExecutor() as pool:
        for survived in [pool.submit(survive, tmp_path / error, error) for error in ("EIO", "ENOSPC")]:
            survived.result()


def survive(base: Path, error: str) -> None:
    base.mkdir()
    with working_desk(base) as desk:
        watcher = desk.start()
        for tick in range(2):
            land(desk.path(tick), screen(1), LONG_AGO)
            desk.until_judged(tick + 1)
        wait_for(desk.mirrored(desk.path(1)).exists)
        for tick, point in enumerate(points(desk), 2):
            if point.anew:
                written_by_another(desk)
            if point.full:
                filled(desk)
            with failing(watcher.pid, point, error, desk.base / "strace") as has_failed:
                land(desk.path(tick), screen(1), LONG_AGO)
                wait_for(has_failed)
            desk.until_judged(tick + 1)
            wait_for(desk.mirrored(desk.path(tick)).exists)
        assert watcher.poll() is None
        assert desk.stop() == 0
        log = desk.logs / "framesift.log"
        assert (log.stat().st_size < LOG_BYTES // 2, "stopped; judged" in log.read_text()) == (True, True)
        assert sorted(path.name for path in desk.logs.iterdir()) == [
            log.name,
            *(f"{log.name}.{n}" for n in range(1, 6)),
        ]
        assert desk.output().count(WAITED) >= 8
        decisions = list(desk.decisions().values())
        assert [(said[0], said[4]) for said in decisions] == [("new", "kept"), *[("duplicate", "quarantined")] * tick]
        for number in range(1, tick + 1):
            assert facts(desk.mirrored(desk.path(number))) == (screen(1), LONG_AGO, 0o644)
            assert not desk.path(number).exists()
        with desk.ledger() as ledger:
            assert ledger.rows("PRAGMA integrity_check")[0][0] == "ok"


def test_what_looks_like_damage_once_at_a_start_is_looked_at_again_and_if_it_stays_the_log_has_the_line(
    desk: Desk, watch_here: Watch, framesift: Framesift
) -> None:
    """SQLite calls a page malformed that it could not read. Ended with 1, a service starts it again."""
    ledger, log = desk.state / "ledger.sqlite", desk.logs / "framesift.log"
    watch_here((desk.path(0), screen(1)))
    sound = ledger.read_bytes()
    ledger.write_bytes(sound[:100] + bytes(2048) + sound[2148:])
    damaged = f"{ledger} cannot be used: database disk image is malformed"

    def mend() -> None:
        try:
            wait_for(lambda: f"{damaged}; {WAITED}" in log.read_text())
            ledger.write_bytes(sound)
            land(desk.path(1), screen(1))
            wait_for(desk.mirrored(desk.path(1)).exists)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    mender = Thread(target=mend)
    mender.start()
    assert framesift("--quiet", "watch")[0] == 0
    mender.join()
    assert log.read_text().count("that is mended; going on") == 1

    ledger.write_bytes(bytes(4096))
    code, _, told = framesift("--quiet", "watch")
    assert (code, told) == (1, f"framesift: the ledger {ledger} cannot be used: file is not a database\n")
    assert log.read_text().endswith("cannot be used: file is not a database\x1b[0m\n")
