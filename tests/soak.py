"""Small captures at full speed through a real watcher, under a limit of memory: the benchmark and its short test."""

import random
import resource
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.desk import Desk, working_desk
from tests.pictures import screen
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import path_of

SCREENS = 150
AHEAD = 300
"""Captures that may lie there unjudged: so many that the watcher never waits for one."""
FOLDER = 250
ROOM = 200_000_000
"""Bytes of address space that may be added to what the process has after warming up."""
SETTINGS = 'window = 40\nframe_memory = "1 MB"\nlog_format = "json"\n'
"""Windows overflow, and lines are long enough for the log to be rotated."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """How a run ended: bytes of memory and descriptors, after warming up and at the end."""

    seconds: float
    astray: int
    """Captures that were not judged, or that are not, or not alone, where the ledger says."""
    aside: int
    """Captures in the quarantine."""
    warm: int
    end: int
    files_warm: int
    files_end: int
    log_bytes: int
    log_files: int
    code: int
    """How the watcher ended when it was told to."""


def soak(base: Path, count: int, warm: int) -> Soaked:
    """Let a watcher judge *count* captures, every screen again and again, as fast as it takes them."""
    with working_desk(base) as desk:
        desk.config.write_text(desk.config.read_text() + SETTINGS)
        watcher = desk.start()
        process, began = psutil.Process(watcher.pid), time.monotonic()
        with desk.ledger() as ledger:
            shown = _feed(desk, watcher, ledger, range(warm))
            before = process.memory_info(), process.num_fds()
            resource.prlimit(watcher.pid, resource.RLIMIT_AS, (before[0].vms + ROOM, before[0].vms + ROOM))
            shown |= _feed(desk, watcher, ledger, range(warm, count))
            after = process.memory_info(), process.num_fds()
        seconds, code = time.monotonic() - began, desk.stop()
        states, astray = _looked_through(desk, shown)
        logs = [file.stat().st_size for file in desk.logs.iterdir()]
    return Soaked(
        seconds, astray, states["quarantined"], before[0].rss, after[0].rss, before[1], after[1],
        sum(logs), len(logs), code,
    )  # fmt: skip


def _feed(desk: Desk, watcher: "subprocess.Popen[str]", ledger: Ledger, numbers: range) -> dict[Path, bytes]:
    """Write captures as soon as there is room for them, and wait for the last; returns what each of them is."""
    given = {}
    for number in numbers:
        while _judged(ledger) < number - AHEAD:
            assert watcher.poll() is None, desk.output()[-2000:]
            time.sleep(0.02)
        showing = random.Random(number).randrange(SCREENS)
        path = desk.root / f"{number // FOLDER:03}" / f"{number:06}_{showing % 3}.png"
        path.parent.mkdir(exist_ok=True)
        given[path] = screen(showing, (64, 48))
        path.write_bytes(given[path])
    while _judged(ledger) <= numbers[-1] or ledger.moving():
        assert watcher.poll() is None, desk.output()[-2000:]
        time.sleep(0.02)
    return given


def _judged(ledger: Ledger) -> int:
    return int(ledger.rows("SELECT count(*) FROM entry")[0][0])


def _looked_through(desk: Desk, given: dict[Path, bytes]) -> tuple[Counter[str], int]:
    """How many captures are in which state; and how many are not, unchanged and alone, where the ledger says."""
    with desk.ledger() as ledger:
        rows = ledger.rows("SELECT folder, name, state, location FROM entry")
    said = {path_of(row["folder"]) / path_of(row["name"]): path_of(row["location"]) for row in rows}
    assert len(said) == len(rows), "one was judged twice"
    right = 0
    for path, content in given.items():
        places = [place for place in (path, desk.mirrored(path)) if place.exists()]
        right += places == [said.get(path)] and places[0].read_bytes() == content
    return Counter(row["state"] for row in rows), len(given) - right
