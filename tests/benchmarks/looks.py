"""What it costs to look at the folders of a root, whatever events do."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tests.benchmarks.archive import archive
from watcher.arrive.tree import Tree
from watcher.disk.listing import archive as everything
from watcher.health.heartbeat import SourceStatus
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, NamePattern

DAYS = 20 * 365
FULL_DAYS = 20
"""Only the last ones hold files: a look lists none that has not changed."""
FILES_OF_A_DAY = 400
ROUNDS = 30


def looks(place: Path, captures: Sequence[Capture]) -> tuple[int, float, float]:
    """The folders of 20 years, and the processor seconds of a look at the latest and at all of them.

    One folder, of a real day's size, has changed since the last look, and is listed; all files are known.
    """
    root = place / "root"
    archive(root, captures, FULL_DAYS * FILES_OF_A_DAY, FULL_DAYS)
    folders = _age(root)
    with contextlib.closing(Ledger.open(place / "ledger.sqlite")) as ledger:
        ledger.adopt(root, everything(root, NamePattern()))
        tree = Tree(root, NamePattern(), SourceStatus())
        tree.known = ledger.known
        tree.look(has_lost=False)
        today = max(root.glob("*/*"))
        latest = _measured(tree, today, lambda: setattr(tree, "_next_latest", 0.0))
        everywhere = _measured(tree, today, lambda: setattr(tree, "_next_all", 0.0))
    return folders, latest, everywhere


def _age(root: Path) -> int:
    """Add the empty folders of the days before, and give every folder the mtime of its day; how many there are."""
    last = datetime(2020, 1, 1) + timedelta(days=FULL_DAYS - 1)
    for day in (last - timedelta(days=number) for number in range(DAYS)):
        (root / f"{day:%Y-%m}" / f"{day:%Y-%m-%d}").mkdir(parents=True, exist_ok=True)
    folders = [root, *root.glob("*"), *root.glob("*/*")]
    for folder in folders:
        moment = datetime.fromisoformat((folder.name + "-01")[:10]) if folder != root else last
        os.utime(folder, (moment.timestamp(), moment.timestamp()))
    return len(folders)


def _measured(tree: Tree, today: Path, make_due: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        tree._mtimes[today] = 0
        make_due()
        begun = time.process_time()
        assert tree.look(has_lost=False) == []
        times.append(time.process_time() - begun)
    return statistics.median(times)
