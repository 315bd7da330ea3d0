"""Errors of the disk at chosen calls of a real watcher: it loses nothing, and goes on by itself in the same process."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Desk, facts, land, screen, wait_for, working_desk
from tests.test_watch import LONG_AGO, until_judged

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
            until_judged(desk, tick + 1)
        wait_for(desk.mirrored(desk.path(1)).exists)
        for tick, point in enumerate(points(desk), 2):
            if point.anew:
                written_by_another(desk)
            with failing(watcher.pid, point, error, desk.base / "strace") as has_failed:
                land(desk.path(tick), screen(1), LONG_AGO)
                wait_for(has_failed)
            until_judged(desk, tick + 1)
            wait_for(desk.mirrored(desk.path(tick)).exists)
        assert watcher.poll() is None
        assert desk.stop() == 0
        assert desk.output().count(WAITED) >= 8
        decisions = list(desk.decisions().values())
        assert [(said[0], said[4]) for said in decisions] == [("new", "kept"), *[("duplicate", "quarantined")] * tick]
        for number in range(1, tick + 1):
            assert facts(desk.mirrored(desk.path(number))) == (screen(1), LONG_AGO, 0o644)
            assert not desk.path(number).exists()
        with desk.ledger() as ledger:
            assert ledger.rows("PRAGMA integrity_check")[0][0] == "ok"
