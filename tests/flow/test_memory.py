"""Memory over thousands of captures."""

import os
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import psutil
import pytest

from tests.desk import judge_all, lengths
from tests.pictures import screen
from tests.soak import soak
from watcher.judge.device import choose_device
from watcher.judge.frame import load
from watcher.judge.pipeline import Judged
from watcher.judge.windows import Windows
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Timeline
from watcher.model.verdict import Policy
from watcher.terminal.log_file import LOG_BYTES, LOG_FILES

FILES, DISPLAYS = 90, 3
WARM, MORE = 600, 1400


def day(folder: Path) -> Iterator[Capture]:
    """Captures without end: distinct screens, each shown again and again, every time under a name of its own."""
    draw = random.Random(1)
    for number in range(FILES):
        (folder / f"screen{number}.png").write_bytes(screen(number, (80 + 16 * (number % DISPLAYS), 60)))
    number = 0
    while True:
        shown = draw.randrange(FILES)
        path = folder / f"{number}_{shown % DISPLAYS}.png"
        os.link(folder / f"screen{shown}.png", path)
        found, time = path.lstat(), datetime(2020, 5, 4) + timedelta(minutes=number)
        yield Capture(path, shown % DISPLAYS, time, found.st_size, found.st_mtime_ns)
        number += 1


@pytest.mark.slow
def test_memory_is_flat_over_thousands_of_captures(tmp_path: Path) -> None:
    """Windows overflow, frames are read again, and the ledger grows; none of it shows in the process's size."""
    policy, process = Policy(window=25, reduce=1), psutil.Process()
    reads = partial(load, device=choose_device("cpu"), policy=policy)
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.adopt(tmp_path, [])
        ledger.rows("PRAGMA synchronous=OFF")
        windows = Windows(policy, reads, ledger.location, frame_memory=300_000)
        items = judge_all(day(tmp_path), windows, policy, reads)
        sizes = []
        for several in (WARM, MORE):
            for item in islice(items, several):
                assert isinstance(item, Judged)
                ledger.record(Timeline(tmp_path), item.verdict, item.admitted, None)
            sizes.append(process.memory_info().rss)
        assert ledger.rows("SELECT count(*) FROM entry")[0][0] == WARM + MORE
    assert set(lengths(windows).values()) == {25}
    assert sizes[1] - sizes[0] < 8e6


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit of address space, and descriptors in /proc")
def test_a_soak_misses_nothing_and_takes_no_more_memory_or_descriptors_as_it_goes_on(tmp_path: Path) -> None:
    soaked = soak(tmp_path, count=1500, warm=700)
    assert (soaked.astray, soaked.code) == (0, 0)
    assert soaked.aside > 1000
    assert soaked.end - soaked.warm < 8e6
    assert soaked.files_end == soaked.files_warm
    assert soaked.log_bytes < (LOG_FILES + 1) * LOG_BYTES
