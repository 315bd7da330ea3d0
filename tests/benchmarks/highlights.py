"""A year's highlights: tens of thousands of kept screens, of which only the chosen and their nearest are opened."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from watcher.judge.frame import load
from watcher.judge.signature import Signature, compute
from watcher.judge.window import kept_frame
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Timeline
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict

if TYPE_CHECKING:
    from tests.benchmarks.__main__ import Bench

KEPT = 30_000
_SHOWN = 3
"""Captures of each screen."""
_PANES = 4
_NOISE = 2
"""Codes by which a number may differ from that of the screen that it was taken from."""
_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review took, beyond starting Python and importing torch."""

    seconds: float
    """Of the processor: other programs do not count."""
    opened: int
    megabytes: float


def year(place: Path, captures: Sequence[Capture], count: int = KEPT) -> Path:
    """A root in *place*, and a ledger of *count* kept screens of one display over a year, put together from *captures*.

    Their signatures are true in whole panes, and plausible; their files are links to one of the captures.
    """
    root, lot = place / "root", random.Random(count)
    root.mkdir()
    read = partial(load, device=torch.device("cpu"), policy=_POLICY)
    bases = [(capture, compute(read(capture).pixels)) for capture in captures]
    moments = (datetime(2020, 1, 1) + timedelta(seconds=number * 350) for number in range(count * _SHOWN))
    with Ledger.open(place / "ledger.sqlite") as ledger:
        ledger.rows("PRAGMA synchronous=OFF")
        ledger.adopt(root, [])
        for number in range(count):
            base, signature = bases[number % len(bases)]
            path = root / f"{number:06}_{base.display}.png"
            os.link(base.path, path)
            capture = replace(base, path=path, taken_at=next(moments))
            kept = kept_frame(capture, _composed(signature, bases, lot), _POLICY)
            ledger.record(Timeline(root), Verdict(capture, Kind.NEW, NOTHING_TO_COMPARE, _POLICY), kept, None)
            for again in range(1, _SHOWN):
                twin = replace(capture, path=root / f"{number:06}.{again}.png", taken_at=next(moments))
                score = Score(capture, 0.995, exact=True, worst_tile=0.9)
                ledger.record(Timeline(root), Verdict(twin, Kind.DUPLICATE, score, _POLICY), None, None)
    return root


def _composed(signature: Signature, bases: Sequence[tuple[Capture, Signature]], lot: random.Random) -> Signature:
    codes = signature.codes.clone()
    _, _, rows, columns = codes.shape
    for _ in range(lot.randrange(_PANES)):
        down, across = lot.randrange(1, rows), lot.randrange(1, columns)
        top, left = lot.randrange(rows - down + 1), lot.randrange(columns - across + 1)
        source = lot.choice(bases)[1].codes
        start = lot.randrange(rows - down + 1)
        codes[:, :, top : top + down, left : left + across] = source[:, :, start : start + down, left : left + across]
    return replace(signature, codes=_shaken(codes, lot))


def _shaken(codes: Tensor, lot: random.Random) -> Tensor:
    generator = torch.Generator().manual_seed(lot.randrange(2**31))
    noise = torch.randint(-_NOISE, _NOISE + 1, codes.shape, generator=generator)
    return (codes + noise).clamp_(0, 255).to(torch.uint8)


_REVIEW = """
import sys, time
from pathlib import Path
from watcher.review.activity import read_activity
from watcher.review.highlights import review
from watcher.ledger.ledger import Ledger
from watcher.model.period import Period
from watcher.settings.settings import Settings
from watcher.model.query import Query

def peak():  # Linux: a process inherits what getrusage says of its parent
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000

place = Path(sys.argv[1])
before, begun = peak(), time.process_time()
with Ledger.open(place / "ledger.sqlite") as ledger:
    settings = Settings(root=place / "root", device=sys.argv[2])
    query = Query(Period.parse("2020"))
    found = review(ledger, settings, query, read_activity(ledger, place / "root", query.period))
seconds = time.process_time() - begun
print(seconds, found.opened, peak() - before)
"""


def reviewed(place: Path, device: str) -> Reviewed:
    """What the review of the year in *place* takes, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _REVIEW, str(place), device], capture_output=True, text=True, check=True
    )
    seconds, opened, megabytes = done.stdout.split()
    return Reviewed(float(seconds), int(opened), float(megabytes))


def rows_of_highlights(bench: "Bench") -> Iterator[tuple[str, str, str]]:
    """What, result and detail of the table's line."""
    with bench.place() as place:
        year(place, bench.of_display(bench.displays[0]))
        found = reviewed(place, bench.device.type)
    what = f"e. highlights of a year, {KEPT:,} kept screens of {KEPT * _SHOWN:,} captures"
    yield what, f"{found.seconds:.1f} s", f"processor; {found.opened} pictures opened; {found.megabytes:.0f} MB"
