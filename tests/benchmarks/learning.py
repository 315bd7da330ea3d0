"""What learning takes on many captures, and what it costs to look for news in each duplicate."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import torch
from PIL import Image, ImageDraw

from tests.benchmarks.highlights import KEPT, year
from tests.benchmarks.scenes import Forgetful
from tests.desk import capture_of
from watcher.judge import decoding
from watcher.judge.frame import Frame, load
from watcher.judge.windows import Windows
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.verdict import Policy

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench

_ROUNDS = 7
_NEWS = 35
_LEARN = """
import sys, time
from pathlib import Path
from watcher.review.learning import learn
from watcher.ledger.ledger import Ledger
from watcher.model.period import Period
from watcher.settings.settings import Settings

place = Path(sys.argv[1])
begun = time.process_time()
with Ledger.open(place / "ledger.sqlite") as ledger:
    found = learn(ledger, Settings(root=place / "root", device="cpu"), Period.parse("2020"))
print(time.process_time() - begun, found.looked_at)
"""


def rows_of_learning(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """What, result and detail of the table's lines."""
    captures = bench.of_display(bench.displays[0])
    with bench.place() as place:
        root = year(place, captures)
        with Ledger.open(place / "ledger.sqlite") as ledger:
            # The duplicates are where a person could look at them: in the files that they are like.
            moved = "UPDATE picture SET state = 'quarantined', location = (SELECT location FROM picture AS kept"
            ledger.write(lambda db: db.execute(f"{moved} WHERE kept.id = picture.nearest_id) WHERE kind = 'duplicate'"))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _LEARN, str(place)], capture_output=True, text=True, check=True
        )
        seconds, looked_at = done.stdout.split()
        counted = sum(1 for _ in root.iterdir())
    assert counted == KEPT
    what = f"l. learn from {3 * KEPT:,} captures, {KEPT:,} of them kept"
    yield what, f"{float(seconds):.1f} s", f"processor; the latest {looked_at} kept screens looked at"
    with bench.place() as place:
        yield "n. a duplicate in which news are looked for, over none", f"{_ratio(captures, place):.3f}", "a capture"


def _ratio(captures: Sequence[Capture], place: Path) -> float:
    """Median of paired ratios, of reading and judging captures that differ in two small places from a kept one."""
    policy = Policy(news=_NEWS)
    windows = [Windows(one, partial(load, device=torch.device("cpu"), policy=one)) for one in (policy, Policy())]
    frames = [load(capture, torch.device("cpu"), policy) for capture in captures]
    for window in windows:
        for frame in frames:
            window.admit(frame)
    twins = [_twin(capture, place / f"twin-{number}_1.png") for number, capture in enumerate(captures)]
    ratios = []
    with patch.object(decoding, "_recent", Forgetful()):
        for _ in range(_ROUNDS):
            for twin in twins:
                seconds = [_seconds(twin, window) for window in windows]
                ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def _twin(capture: Capture, path: Path) -> Capture:
    with Image.open(capture.path) as image:
        other = image.convert("RGB")
    draw = ImageDraw.Draw(other)
    draw.rectangle((200, 300, 203, 330), "black")
    draw.rectangle((other.width - 300, other.height - 200, other.width - 270, other.height - 170), "white")
    other.save(path, compress_level=1)
    return replace(capture_of(path), display=capture.display)


def _seconds(capture: Capture, windows: Windows) -> float:
    begun = time.perf_counter()
    frame: Frame = load(capture, torch.device("cpu"), Policy())
    windows.nearest(frame)
    return time.perf_counter() - begun
