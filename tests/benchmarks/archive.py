"""A sweep over the pictures, against decoding them bare on all cores; and the listing of a large archive."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.benchmarks.screens import bare
from tests.flow.test_watch import brute_force
from watcher.flow.readahead import ReadAhead
from watcher.flow.sweep import Scope, sweep
from watcher.flow.task import Task
from watcher.flow.work import Work
from watcher.judge.pipeline import Load, Postponed
from watcher.keep.homecoming import Met
from watcher.model.capture import Capture
from watcher.model.entry import Entry
from watcher.model.tally import Tally
from watcher.model.verdict import Kind, Policy
from watcher.program import Program
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings
from watcher.terminal.console import Log


def linked(captures: Sequence[Capture], root: Path) -> list[Path]:
    """Hard links to the pictures in a root of their own."""
    root.mkdir()
    paths = [root / capture.path.name for capture in captures]
    for capture, path in zip(captures, paths, strict=True):
        os.link(capture.path, path)
    return paths


def decoded(paths: Sequence[Path]) -> float:
    """Seconds in which all cores decode the pictures and do nothing else."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(bare, paths))
    return time.perf_counter() - begun


def swept(place: Path, root: Path) -> float:
    """Seconds of a sweep from the first picture on: everything but the start of the program."""
    begun = 0.0

    def reading(*arguments: Any, **named: Any) -> ReadAhead:
        nonlocal begun
        begun = time.perf_counter()
        return ReadAhead(*arguments, **named)

    with patch("watcher.flow.sweep.ReadAhead", reading):
        deque(sweep(task(place, root), Scope(), Tally()), maxlen=0)
    return time.perf_counter() - begun


def judging(place: Path, root: Path, cores: int) -> float:
    """Processor seconds of a sweep's judging thread, on a machine of so many *cores* as far as the sweep knows."""
    seconds = 0.0
    reference = Work.judge_and_keep

    def timed(self: Work, capture: Capture, load: Load | None = None) -> Entry | Postponed | Met:
        nonlocal seconds
        begun = time.thread_time()
        found = reference(self, capture, load)
        seconds += time.thread_time() - begun
        return found

    with (
        patch.object(Work, "judge_and_keep", timed),
        patch("watcher.flow.readahead._cores", lambda: cores),
        patch("watcher.flow.readahead._THREADS", os.cpu_count()),
    ):
        deque(sweep(task(place, root), Scope(), Tally()), maxlen=0)
    return seconds


def agreeing(place: Path, root: Path, captures: Sequence[Capture]) -> tuple[int, float]:
    """How many verdicts of a sweep are those of brute force, and the largest difference of their scores."""
    found: dict[str, Entry] = {}
    for entry in sweep(task(place, root), Scope(), Tally()):
        assert entry is not None
        found[entry.verdict.capture.path.name] = entry
    same, apart = 0, 0.0
    paths = [capture.path for capture in captures]
    for path, expected in zip(paths, brute_force(paths, Policy().window), strict=True):
        verdict = found[path.name].verdict
        same += verdict.kind == expected.kind
        if verdict.kind is not Kind.NEW:
            apart = max(apart, abs(verdict.score.ssim - max(expected.scores.values())))
    return same, apart


def listed(place: Path, root: Path) -> tuple[int, float]:
    """How many captures a sweep of *root* finds that it has to judge, and the seconds until the first one is judged."""
    tally, begun = Tally(), time.perf_counter()
    with contextlib.closing(sweep(task(place, root), Scope(), tally)) as entries:
        next(entries)
        return tally.total, time.perf_counter() - begun


def archive(root: Path, captures: Sequence[Capture], files: int, folders: int) -> None:
    """So many *files* in so many *folders*: hard links to the pictures, a day to each folder."""
    names = [f"{hour:02}.{minute:02}.00.000000" for hour in range(24) for minute in range(60)]
    for number in range(folders):
        day = datetime(2020, 1, 1) + timedelta(days=number)
        folder = root / f"{day:%Y-%m}" / f"{day:%Y-%m-%d}"
        folder.mkdir(parents=True)
        for place in range(files // folders):
            capture = captures[(number + place) % len(captures)]
            os.link(capture.path, folder / f"{day:%Y-%m-%d}_{names[place]}_{capture.display}.png")


def task(place: Path, root: Path) -> Task:
    folders = Folders(place / "none.toml", place / "state", place / "logs")
    settings = Settings.load(folders, {"root": root, "device": "cpu"}, {})
    program = Program(folders, quiet=True, verbose=False, started=time.time())
    return Task(program, settings, Log(terminal=False, file=None), dry_run=False)
