"""Measures what the README says, as ratios within one run: ``python -m tests.benchmarks [FOLDER]``.

FOLDER holds captures, for instance real ones; without it a day is drawn. Everything happens in a temporary folder.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.screens import Crowd, bare, pictures
from watcher.arrival import check_whole, key_of
from watcher.capture import Capture, NamePattern
from watcher.custody import Custody, NoPatience
from watcher.folders import Folders
from watcher.frame import choose_device
from watcher.kept import Kept
from watcher.ledger import Ledger
from watcher.pipeline import Judged, verdicts
from watcher.plugins import Hooks
from watcher.settings import Settings
from watcher.similarity import reference
from watcher.verdict import NOTHING_TO_COMPARE, Policy, judge
from watcher.window import Windows

WINDOWS = (100, 1_000, 10_000)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    ratio: str
    detail: str = ""


@dataclass
class Bench:
    """What all measurements share."""

    scratch: Path
    captures: list[Capture]
    device: torch.device

    def of_display(self, display: int) -> list[Capture]:
        return [capture for capture in self.captures if capture.display == display]

    @property
    def displays(self) -> list[int]:
        return sorted({capture.display for capture in self.captures})

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder on the disk of the pictures, gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        yield folder
        shutil.rmtree(folder)


def clock(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


# a. the whole cost of a capture


def whole_cost(bench: Bench, window: int, members: list[Kept], crowd: Crowd) -> tuple[float, float]:
    """Seconds a capture for everything from whole file to ledger row, and for bare decoding, interleaved."""
    with bench.place() as place:
        root = place / "root"
        captures = [_linked(capture, root) for capture in bench.captures]
        ledger, custody = _custody(place, root)
        _fill(ledger, root, members, window)
        policy = Policy(window=window)
        windows = Windows(policy, crowd.load, ledger.location, frame_memory=10**9)
        windows.restore(ledger.frames(root, window))
        flow = verdicts(iter(captures), windows, policy, crowd.load)
        ours = theirs = 0.0
        for capture in captures:
            theirs += clock(partial(bare, capture.path))
            ours += clock(partial(_one, capture, flow, custody))
        ledger.close()
    return ours / len(captures), theirs / len(captures)


def _one(capture: Capture, flow: Iterator[object], custody: Custody) -> None:
    check_whole(capture.path, key_of(capture.path.lstat()))
    judged = next(flow)
    assert isinstance(judged, Judged)
    custody.note(judged.lost, judged.renewed)
    custody.carry_out(judged.verdict, judged.admitted)


def _linked(capture: Capture, root: Path) -> Capture:
    path = root / capture.path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(capture.path, path)
    return NamePattern().parse(path, path.lstat())


def _custody(place: Path, root: Path) -> tuple[Ledger, Custody]:
    settings = Settings.load(Folders(place / "none.toml", place, place), {"root": root}, {})
    ledger = Ledger.open(place / "ledger.sqlite")
    ledger.adopt(root, [])
    hooks = Hooks(settings, place / "hooks", sys.exit)
    return ledger, Custody(ledger, hooks, root, NoPatience())


def _fill(ledger: Ledger, root: Path, members: Iterable[Kept], window: int) -> None:
    ledger.rows("PRAGMA synchronous=OFF")
    policy = Policy(window=window)
    for kept in members:
        ledger.record(root, judge(kept.capture, NOTHING_TO_COMPARE, policy), kept, None)
    ledger.rows("PRAGMA synchronous=FULL")


def rows_of_cost(bench: Bench) -> Iterator[Row]:
    for window in WINDOWS:
        with bench.place() as folder:
            crowd = Crowd(folder, bench.device)
            per_display = {display: crowd.members(bench.of_display(display), window) for display in bench.displays}
            members = [kept for group in per_display.values() for kept in group]
            measured = [whole_cost(bench, window, members, crowd) for _ in range(ROUNDS)]
        ratio = statistics.median(ours / theirs for ours, theirs in measured)
        ours, theirs = (statistics.median(column) * 1000 for column in zip(*measured, strict=True))
        yield Row(
            f"a. file to ledger row, window {window:,}, over bare Pillow decoding",
            f"{ratio:.2f}",
            f"{ours:.0f} ms over {theirs:.0f} ms",
        )


# b. the author's earlier methods


def rows_of_methods(bench: Bench) -> Iterator[Row]:
    """A new screen against full windows: theirs compare with every frame of the window, ours is exact as well."""
    captures = bench.of_display(bench.displays[0])
    with bench.place() as folder:
        crowd = Crowd(folder, bench.device)
        members = crowd.members(captures, 100)
        windows = Windows(Policy(), crowd.load, lambda capture: capture.path)
        windows.restore(members)
        frame = crowd.load(captures[0])
        windows.of(frame).nearest(frame)  # fills the window
        news = crowd.members(captures, 5)
        frames = [crowd.load(kept.capture) for kept in news]
        ours = statistics.median(clock(partial(windows.of(frame).nearest, frame)) for frame in frames)
        second = 100 * clock(partial(reference, frames[0].pixels, frames[1].pixels))
        yield Row("b. plain pytorch_msssim, window 100, over ours, new screens", f"{second / ours:,.0f}", _each(ours))
        yield Row(
            "b. grey skimage SSIM, window 10, over ours, new screens", f"{_first(captures) / ours:,.0f}", _each(ours)
        )


def _each(seconds: float) -> str:
    return f"ours, window 100: {seconds * 1000:.1f} ms"


def _first(captures: list[Capture]) -> float:
    """Ten comparisons of grey pictures of full size; one is measured."""
    import numpy as np  # noqa: PLC0415 - only this row needs them
    from PIL import Image  # noqa: PLC0415
    from skimage.metrics import structural_similarity  # noqa: PLC0415

    def grey(capture: Capture) -> object:
        with Image.open(capture.path) as image:
            return np.asarray(image.convert("L"))

    one, other = grey(captures[0]), grey(captures[-1])
    return 10 * clock(partial(structural_similarity, one, other))


# d. restart, memory, latency


def rows_of_restart(bench: Bench) -> Iterator[Row]:
    for window in WINDOWS:
        with bench.place() as place:
            crowd = Crowd(place / "crowd", bench.device)
            captures = bench.of_display(bench.displays[0])
            ledger, _ = _custody(place, place / "root")
            _fill(ledger, place / "root", crowd.members(captures, window), window)
            ledger.close()
            seconds, added = _restarted(place, captures[0].path, window)
        yield Row(
            f"d. restart with a window of {window:,}", f"{seconds:.2f} s", f"beyond importing torch; {added:.0f} MB"
        )


_RESTART = """
import resource, sys, time
from functools import partial
from pathlib import Path
from watcher.capture import NamePattern
from watcher.frame import choose_device, load
from watcher.ledger import Ledger
from watcher.verdict import Policy
from watcher.window import Windows

place, picture, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
read = partial(load, device=choose_device("cpu"))
frame = read(NamePattern().parse(picture, picture.lstat()))
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
with Ledger.open(place / "ledger.sqlite") as ledger:
    windows = Windows(Policy(window=size), read, ledger.location)
    windows.restore(ledger.frames(place / "root", size))
    assert len(windows.of(frame)) == size
print(time.perf_counter() - begun, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


def _restarted(place: Path, picture: Path, window: int) -> tuple[float, float]:
    """Seconds until the window is full again, in a new process, and the megabytes that takes at most."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RESTART, str(place), str(picture), str(window)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def rows_of_latency(bench: Bench) -> Iterator[Row]:
    """From the last byte of a duplicate to its place in quarantine, with the real watcher."""
    with bench.place() as place:
        root = place / "ScreenRecord"
        (place / "root").mkdir()
        root.mkdir()
        environment = os.environ | {
            "FRAMESIFT_CONFIG": str(_empty(place / "none.toml")),
            "FRAMESIFT_STATE_DIR": str(place / "state"),
            "FRAMESIFT_LOG_DIR": str(place / "logs"),
        }
        watcher = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "watcher", "-q", "watch", str(root)], env=environment
        )
        try:
            _await(lambda: " watches " in _text(place / "logs" / "framesift.log"))
            content = bench.captures[0].path.read_bytes()
            display = bench.captures[0].display
            (root / f"first_{display}.png").write_bytes(content)
            _await(lambda: "new   " in _text(place / "logs" / "framesift.log"))
            waits = [_wait(place, f"again{number}_{display}.png", content) for number in range(10)]
        finally:
            watcher.terminate()
            watcher.wait()
    detail = f"median of {len(waits)}; 0.2 s of it for settling"
    yield Row("d. last byte to quarantine", f"{statistics.median(waits):.2f} s", detail)


def _wait(place: Path, name: str, content: bytes) -> float:
    time.sleep(0.5)
    (place / "ScreenRecord" / name).write_bytes(content)
    return clock(lambda: _await((place / "ScreenRecord-quarantine" / name).exists))


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("the watcher does not answer")
        time.sleep(0.002)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _empty(file: Path) -> Path:
    file.touch()
    return file


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="captures to measure with")
    parser.add_argument("--device", default="cpu", help="where frames are compared")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure, for temporary files")
    options = parser.parse_args()
    device = choose_device(options.device)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        scratch = Path(folder).resolve()
        source = pictures(options.folder, scratch)
        (scratch / "pictures").mkdir()
        captures = [_copied(capture, scratch / "pictures") for capture in source]
        bench = Bench(scratch, captures, device)
        table = Table(title=f"{len(captures)} captures, {device.type}, {platform.processor() or platform.machine()}")
        for heading in ("measured", "result", "detail"):
            table.add_column(heading)
        for rows in (rows_of_methods(bench), rows_of_restart(bench), rows_of_latency(bench), rows_of_cost(bench)):
            for row in rows:
                table.add_row(row.what, row.ratio, row.detail)
                sys.stderr.write(f"{row.what}: {row.ratio} ({row.detail})\n")
    Console().print(table)


def _copied(capture: Capture, folder: Path) -> Capture:
    """A copy on the disk that is measured: hard links to it stand for the pictures of a window."""
    path = folder / capture.path.name
    shutil.copy2(capture.path, path)
    return NamePattern().parse(path, path.lstat())


if __name__ == "__main__":
    main()
