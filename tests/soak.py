"""Small captures at full speed through the one flow, under a limit of memory: the benchmark and its short test."""

import os
import random
import resource
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.conftest import NoPatience, capture_of, screen
from watcher.capture import Capture
from watcher.console import Log
from watcher.custody import Custody
from watcher.entry import Timeline
from watcher.folders import Folders
from watcher.frame import choose_device, load
from watcher.ledger import Ledger
from watcher.pipeline import Judged, verdicts
from watcher.plugins import Hooks
from watcher.settings import Settings
from watcher.windows import Windows

SCREENS = 150
ROOM = 200_000_000
"""Bytes of address space that may be added to what the process has after warming up."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """How a run ended: bytes of memory and descriptors, after warming up and at the end."""

    judged: int
    warm: int
    end: int
    files_warm: int
    files_end: int
    log_bytes: int


def soak(base: Path, count: int, warm: int) -> Soaked:
    """Let *count* captures, every screen again and again, go all the way, moves and log included."""
    folders = Folders(base / "none.toml", base / "state", base / "logs")
    settings = Settings.load(folders, {"root": base / "ScreenRecord", "window": 40}, environ={})
    settings.root.mkdir()
    draw, process = random.Random(1), psutil.Process()
    contents = [screen(number, (64, 48)) for number in range(SCREENS)]

    def arriving(number: int) -> Capture:
        shown = draw.randrange(SCREENS)
        path = settings.root / f"{number:06}_{shown % 3}.png"
        path.write_bytes(contents[shown])
        return capture_of(path)

    before = resource.getrlimit(resource.RLIMIT_AS)
    log = Log(terminal=False, file=base / "logs" / "framesift.log")
    with log, Ledger.open(base / "state" / "ledger.sqlite") as ledger:
        ledger.adopt(settings.root, [])
        ledger.rows("PRAGMA synchronous=OFF")  # memory is measured, not the disk
        custody = Custody(ledger, Hooks(settings, base / "hooks", log.say), Timeline(settings.root), NoPatience())
        reads = partial(load, device=choose_device("cpu"), policy=settings.policy)
        windows = Windows(settings.policy, reads, ledger.kept_location, frame_memory=300_000)
        sizes: list[tuple[int, int]] = []
        try:
            for number, item in enumerate(verdicts(map(arriving, range(count)), windows, settings.policy, reads), 1):
                assert isinstance(item, Judged)
                custody.note(item.lost, item.renewed)
                log.entry(custody.carry_out(item.verdict, item.admitted), 0.0)
                if number in (warm, count):
                    sizes.append((process.memory_info().rss, len(os.listdir("/proc/self/fd"))))  # noqa: PTH208
                    resource.setrlimit(resource.RLIMIT_AS, (process.memory_info().vms + ROOM, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
        judged = ledger.rows("SELECT count(*) FROM entry WHERE state IN ('kept', 'quarantined')")[0][0]
    log_bytes = sum(file.stat().st_size for file in (base / "logs").iterdir())
    return Soaked(judged, sizes[0][0], sizes[1][0], sizes[0][1], sizes[1][1], log_bytes)
