"""Measures what the README says, as ratios within one run: ``python -m tests.benchmarks [FOLDER]``.

FOLDER holds captures, for instance real ones; without it a day is drawn. Everything happens in a temporary folder.
"""

import argparse
import hashlib
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path

import psutil
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from tests.benchmarks.archive import agreeing, archive, decoded, judging, linked, listed, swept
from tests.benchmarks.crowded import crowded
from tests.benchmarks.highlights import rows_of_highlights
from tests.benchmarks.learning import rows_of_learning
from tests.benchmarks.looks import looks
from tests.benchmarks.scenes import costs_of_scenes
from tests.benchmarks.screens import Crowd, bare, pictures
from tests.desk import judge_all
from tests.side_by_side import side_by_side
from tests.soak import soak
from watcher.arrive.png import check_whole
from watcher.arrive.settling import key_of
from watcher.arrive.tree import ALL_SECONDS, LATEST_SECONDS
from watcher.judge import libvips
from watcher.judge.device import choose_device
from watcher.judge.pipeline import Judged
from watcher.judge.similarity import reference
from watcher.judge.windows import Windows
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Policy, decide
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

WINDOWS = (100, 1_000, 10_000)
ROUNDS = 3
FRAME_MEMORY = 10**9
SOAKED = 20_000
SETTLE = 0.2
"""Seconds, instead of two."""


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
    crowd: Crowd
    together: tuple[float, int]
    """For how many seconds everybody works side by side, and how many captures come."""
    filled: dict[tuple[int, int, bool], "Filled"] = field(default_factory=dict)

    def of_display(self, display: int) -> list[Capture]:
        return [capture for capture in self.captures if capture.display == display]

    @property
    def displays(self) -> list[int]:
        return sorted({capture.display for capture in self.captures})

    def window(self, displays: int, length: int, *, kin: bool = False) -> "Filled":
        """A ledger with full windows of the first *displays*, made once."""
        key = (displays, length, kin)
        if key not in self.filled:
            groups = [self.crowd.members(display, length, kin=kin) for display in self.displays[:displays]]
            members = [kept for group in zip(*groups, strict=True) for kept in group]
            self.filled[key] = _filled(Path(tempfile.mkdtemp(dir=self.scratch)), members, length)
        return self.filled[key]

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder on the disk of the pictures, gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.scratch))
        yield folder
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class Filled:
    """A folder with a ledger of kept frames, and the root they are said to be of."""

    place: Path
    members: list[KeptFrame]

    @property
    def root(self) -> Path:
        return self.place / "root"


def clock(action: Callable[[], object]) -> float:
    """Processor seconds of this process, the system's on its behalf included: other programs do not count."""
    begun = time.process_time()
    action()
    return time.process_time() - begun


# a. the whole cost of a capture


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds a capture, and how many kept files were read again for it."""

    ours: float
    bare: float
    reads: float


def whole_cost(bench: Bench, captures: list[Capture], window: int, filled: Filled) -> Cost:
    """Everything from whole file to ledger row, and bare decoding, interleaved."""
    with bench.place() as place:
        captures = [_linked(capture, filled.root) for capture in captures]
        shutil.copy2(filled.place / "ledger.sqlite", place)
        ledger, custody = _custody(place, filled.root)
        policy = Policy(window=window)
        windows = Windows(policy, bench.crowd.load, ledger.location, frame_memory=FRAME_MEMORY)
        windows.restore(ledger.frames(Timeline(filled.root), window))
        _warm(windows, filled.members, bench.crowd)
        flow = judge_all(iter(captures), windows, policy, bench.crowd.load)
        for display in {capture.display: capture for capture in captures}.values():
            # What a restart costs is a row of its own.
            assert len(windows._of(bench.crowd.load(display))) == window, "the window is not full"
        reads, ours, theirs = bench.crowd.reads, 0.0, 0.0
        for capture in captures:
            theirs += clock(partial(bare, capture.path))
            ours += clock(partial(_one, capture, flow, custody))
        ledger.close()
    for folder in filled.place.glob("root*"):
        shutil.rmtree(folder)
    count = len(captures)
    return Cost(ours / count, theirs / count, (bench.crowd.reads - reads) / count)


def _warm(windows: Windows, members: list[KeptFrame], crowd: Crowd) -> None:
    """Hold what a watcher that had seen the members arrive would hold: the pixels of the last ones that fit."""
    left, held = FRAME_MEMORY, []
    for kept in reversed(members):
        left -= 3 * kept.height * kept.width
        if left < 0:
            break
        held.append(kept.capture)
    for capture in reversed(held):
        windows._pictures.hold(capture, crowd.pixels(capture))


def _one(capture: Capture, flow: Iterator[object], custody: Custody) -> None:
    check_whole(capture.path, key_of(capture.path.lstat()))
    judged = next(flow)
    assert isinstance(judged, Judged)
    custody.note(judged.changes)
    custody.carry_out(judged.verdict, judged.admitted)


def _linked(capture: Capture, root: Path) -> Capture:
    path = root / capture.path.name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(capture.path, path)
    return NamePattern().parse(path, path.lstat())


def _custody(place: Path, root: Path) -> tuple[Ledger, Custody]:
    settings = Settings.load(Folders(place / "none.toml", place, place), {"root": root}, {})
    ledger = Ledger.open(place / "ledger.sqlite")
    if not ledger.knows_root(root):  # again, it would begin with what sweeps have kept: nothing
        ledger.adopt(root, [])
    hooks = Hooks(settings, place / "hooks", sys.exit)
    return ledger, Custody(ledger, hooks, Timeline(root))


def _filled(place: Path, members: list[KeptFrame], window: int) -> Filled:
    filled, policy = Filled(place, members), Policy(window=window)
    ledger, _ = _custody(place, filled.root)
    ledger.rows("PRAGMA synchronous=OFF")
    for kept in members:
        ledger.record(Timeline(filled.root), decide(kept.capture, NOTHING_TO_COMPARE, policy), kept, None)
    ledger.close()
    return filled


def row_of_cost(bench: Bench, window: int, *, kin: bool = False) -> Iterator[Row]:
    """All displays; at 10,000 one, whose pictures are enough to wait for."""
    displays = bench.displays[: 1 if window > WINDOWS[1] else None]
    captures = [capture for capture in bench.captures if capture.display in displays]
    filled = bench.window(len(displays), window, kin=kin)
    # Near relatives by the hundred have to be read again for each new screen, which takes minutes a round.
    rounds = [whole_cost(bench, captures, window, filled) for _ in range(1 if kin and window > WINDOWS[0] else ROUNDS)]
    cost = sorted(rounds, key=lambda cost: cost.ours / cost.bare)[len(rounds) // 2]
    crowd = "half of it kin, " if kin else ""
    yield Row(
        f"a. file to ledger row, window {window:,}, {crowd}over bare Pillow decoding",
        f"{cost.ours / cost.bare:.2f}",
        f"{cost.ours * 1000:.0f} ms over {cost.bare * 1000:.0f} ms; {cost.reads:.2f} kept files read again",
    )


def row_of_trust(bench: Bench) -> Iterator[Row]:
    """What it costs that a picture is known by its bytes: their digest, and what the ledger is asked."""
    filled = bench.window(len(bench.displays), WINDOWS[0])
    whole = digest = asked = 0.0
    with bench.place() as place:
        captures = [_linked(capture, filled.root) for capture in bench.captures]
        shutil.copy2(filled.place / "ledger.sqlite", place)
        ledger, custody = _custody(place, filled.root)
        windows = Windows(Policy(), bench.crowd.load, ledger.location, frame_memory=FRAME_MEMORY)
        windows.restore(ledger.frames(Timeline(filled.root), WINDOWS[0]))
        flow = judge_all(iter(captures), windows, Policy(), bench.crowd.load)
        for capture in captures:
            content = capture.path.read_bytes()
            known = replace(capture, digest=hashlib.sha256(content).digest())
            digest += clock(partial(hashlib.sha256, content))
            asked += clock(partial(custody.meet, known))
            whole += clock(partial(_one, capture, flow, custody))
        ledger.close()
    for folder in filled.place.glob("root*"):
        shutil.rmtree(folder)
    each = [1000 * seconds / len(captures) for seconds in (digest, asked, whole)]
    yield Row(
        "digest, and what is asked of the ledger before a capture is judged, over a whole capture",
        f"{(digest + asked) / (whole + asked):.1%}",
        f"{each[0]:.2f} ms and {each[1]:.2f} ms over {each[1] + each[2]:.0f} ms",
    )


def row_of_decoding(bench: Bench) -> Iterator[Row]:
    """PNG data in memory to pixels in memory, by either library."""
    ours = theirs = 0.0
    for content in [capture.path.read_bytes() for capture in bench.captures] * ROUNDS:
        theirs += clock(partial(_by_pillow, content))
        ours += clock(partial(libvips.decoded, content))
    count = len(bench.captures) * ROUNDS
    detail = f"{ours / count * 1000:.0f} ms over {theirs / count * 1000:.0f} ms"
    yield Row("PNG data to pixels, libvips over Pillow", f"{ours / theirs:.2f}", detail)


def _by_pillow(content: bytes) -> None:
    with Image.open(BytesIO(content)) as image:
        image.load()


# b. the author's earlier methods


def rows_of_methods(bench: Bench) -> Iterator[Row]:
    """A new screen against full windows: theirs compare with every frame of the window, ours is exact as well."""
    display, crowd = bench.displays[0], bench.crowd
    everyone = crowd.members(display, 105)
    windows = Windows(Policy(), crowd.load, lambda capture: capture.path)
    windows.restore(everyone[:100])
    frames = [crowd.load(kept.capture) for kept in everyone[100:]]
    windows._of(frames[0]).nearest(frames[0])  # fills the window
    ours = statistics.median(clock(partial(windows._of(frame).nearest, frame)) for frame in frames)
    second = 100 * clock(partial(reference, frames[0].pixels, frames[1].pixels))
    yield Row("b. plain pytorch_msssim, window 100, over ours, new screens", f"{second / ours:,.0f}", _each(ours))
    captures = bench.of_display(display)
    yield Row("b. grey skimage SSIM, window 10, over ours, new screens", f"{_first(captures) / ours:,.0f}", _each(ours))


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


def rows_of_scenes(bench: Bench) -> Iterator[Row]:
    """Of the first display: a scene is nobody else's."""
    with bench.place() as place:
        for line in costs_of_scenes(bench.of_display(bench.displays[0]), place):
            yield Row(*line)


# c. sweeps


def row_of_sweep(bench: Bench) -> Iterator[Row]:
    """Wall time: decoding and judging share all cores."""
    rates = []
    for _ in range(ROUNDS):
        with bench.place() as place:
            paths = linked(bench.captures, place / "root")
            bare_seconds = decoded(paths)
            rates.append((bare_seconds / swept(place, place / "root"), bare_seconds))
    ratio, bare_seconds = sorted(rates)[len(rates) // 2]
    count = len(bench.captures)
    detail = (
        f"{count / bare_seconds * ratio:.1f} of {count / bare_seconds:.1f} captures a second, {os.cpu_count()} cores"
    )
    yield Row("c. a sweep, over bare parallel decoding", f"{ratio:.2f}", detail)


def row_of_judging(bench: Bench) -> Iterator[Row]:
    """What limits a sweep on many cores: the one thread that judges, when the others compute signatures or do not."""
    found = []
    for _ in range(ROUNDS):
        seconds = []
        for cores in (8, 2):
            with bench.place() as place:
                linked(bench.captures, place / "root")
                seconds.append(judging(place, place / "root", cores) / len(bench.captures))
        found.append((seconds[0] / seconds[1], *seconds))
    ratio, ahead, alone = sorted(found)[len(found) // 2]
    what = "j. a sweep's judging thread, with signatures from other threads, over without"
    yield Row(what, f"{ratio:.2f}", f"{1000 * ahead:.0f} of {1000 * alone:.0f} ms of processor time a capture")


def row_of_agreement(bench: Bench) -> Iterator[Row]:
    """Against SSIM with every frame of the window, by pytorch_msssim on whole frames: minutes of it."""
    with bench.place() as place:
        linked(bench.captures, place / "root")
        same, apart = agreeing(place, place / "root", bench.captures)
    what = "verdicts of a sweep that are those of brute force"
    yield Row(what, f"{same} of {len(bench.captures)}", f"scores at most {apart:.0e} apart")


def row_of_listing(bench: Bench) -> Iterator[Row]:
    files, folders = 100_000, 1_000
    with bench.place() as place:
        archive(place / "root", bench.captures, files, folders)
        before = psutil.Process().memory_info().rss
        found, seconds = listed(place, place / "root")
        grown = psutil.Process().memory_info().rss - before
    what = f"c. from the start of a sweep to its first of {found:,} captures in {folders:,} folders"
    yield Row(what, f"{seconds:.1f} s", f"{grown / 1e6:.0f} MB")


def row_of_looks(bench: Bench) -> Iterator[Row]:
    """What is looked at every ten seconds and every minute, on a warm disk."""
    with bench.place() as place:
        folders, latest, everywhere = looks(place, bench.captures)
    what = f"a look at the latest of {folders:,} folders, today's changed; at all of them"
    share = (latest / LATEST_SECONDS + everywhere / ALL_SECONDS) * 100
    yield Row(what, f"{latest * 1000:.1f} ms; {everywhere * 1000:.1f} ms", f"together {share:.2f} % of a core")


def rows_of_crowd(bench: Bench) -> Iterator[Row]:
    """A watcher of one folder of very many captures, beside one of an empty folder."""
    files = 100_000
    with bench.place() as place:
        many = crowded(place, _watcher, bench.captures, files)
    with bench.place() as place:
        none = crowded(place, _watcher, bench.captures, 0)
    yield Row(
        f"from a start on {files:,} captures in one folder to the first verdict; from the second start",
        f"{many.first:.1f} s; {many.second:.1f} s",
        f"in an empty folder {none.first:.1f} s; {none.second:.1f} s",
    )
    yield Row(
        f"a new capture among {files:,} in one folder, beyond one in an empty folder",
        f"{(many.each - none.each) * 1000:.0f} ms",
        f"{many.each * 1000:.0f} ms over {none.each * 1000:.0f} ms of processor time, all looks at the folder included;"
        f" {(many.resident - none.resident) / 1e6:+.0f} MB resident",
    )


# d. restart, memory, latency


def row_of_restart(bench: Bench, window: int) -> Iterator[Row]:
    filled = bench.window(1, window)
    runs = [_restarted(filled.place, bench.captures[0].path, window) for _ in range(ROUNDS)]
    seconds, added = sorted(runs)[ROUNDS // 2]
    yield Row(f"d. restart with a window of {window:,}", f"{seconds:.2f} s", f"beyond importing torch; {added:.0f} MB")


_RESTART = """
import sys, time
from functools import partial
from pathlib import Path
import psutil
from watcher.model.capture import NamePattern
from watcher.model.entry import Timeline
from watcher.judge.device import choose_device
from watcher.judge.frame import load
from watcher.ledger.ledger import Ledger
from watcher.model.verdict import Policy
from watcher.judge.windows import Windows

place, picture, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
read = partial(load, device=choose_device("cpu"), policy=Policy())
frame = read(NamePattern().parse(picture, picture.lstat()))
before, begun = psutil.Process().memory_info().rss, time.perf_counter()
with Ledger.open(place / "ledger.sqlite") as ledger:
    windows = Windows(Policy(window=size), read, ledger.location)
    windows.restore(ledger.frames(Timeline(place / "root"), size))
    assert len(windows._of(frame)) == size
print(time.perf_counter() - begun, (psutil.Process().memory_info().rss - before) / 1e6)
"""


def _restarted(place: Path, picture: Path, window: int) -> tuple[float, float]:
    """Seconds until the window is full again, in a new process, and the megabytes that takes."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RESTART, str(place), str(picture), str(window)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)


def rows_of_latency(bench: Bench) -> Iterator[Row]:
    """From the last byte of a duplicate to its place in quarantine, with the real watcher, beyond settling."""
    with bench.place() as place, _watcher(place):
        content = bench.captures[0].path.read_bytes()
        display = bench.captures[0].display
        (place / "ScreenRecord" / f"first_{display}.png").write_bytes(content)
        _await(lambda: "new   " in _text(place / "logs" / "framesift.log"))
        waits = [_wait(place, f"again{number}_{display}.png", content) for number in range(10)]
    detail = f"median of {len(waits)}, from {min(waits) - SETTLE:.2f} to {max(waits) - SETTLE:.2f} s"
    yield Row("d. last byte to quarantine, beyond settle", f"{statistics.median(waits) - SETTLE:.2f} s", detail)


@contextmanager
def _watcher(place: Path) -> Iterator[psutil.Process]:
    """The real watcher, watching the folder ScreenRecord in *place*."""
    root = place / "ScreenRecord"
    root.mkdir(exist_ok=True)
    environment = os.environ | {
        "FRAMESIFT_CONFIG": str(_quick(place / "framesift.toml")),
        "FRAMESIFT_STATE_DIR": str(place / "state"),
        "FRAMESIFT_LOG_DIR": str(place / "logs"),
    }
    starts = _text(place / "logs" / "framesift.log").count(" watches ")
    watcher = psutil.Popen([sys.executable, "-W", "ignore", "-m", "watcher", "-q", "watch", str(root)], env=environment)
    try:
        _await(lambda: _text(place / "logs" / "framesift.log").count(" watches ") > starts)
        yield watcher
    finally:
        watcher.terminate()
        watcher.wait()


def rows_of_memory(bench: Bench) -> Iterator[Row]:
    """The real watcher's memory when the windows of all displays are full, and after as many captures twice again."""
    window = Policy().window
    with bench.place() as place:
        groups = [bench.crowd.members(display, window) for display in bench.displays]
        drawn = [kept.capture for group in zip(*groups, strict=True) for kept in group]
        for number, capture in enumerate(drawn):
            bench.crowd.draw(capture, place / f"{number:05}_{capture.display}.png")
        files = sorted(place.glob("*.png"))
        with _watcher(place) as watcher:
            sizes = [_resident(watcher, place, files, turn) for turn in range(3)]
    beyond = (max(sizes) - FRAME_MEMORY) / 1e6
    detail = f"frame_memory and {beyond:.0f} MB; {', '.join(f'{size / 1e6:.0f}' for size in sizes)} MB after"
    count = f"{len(files):,}, {2 * len(files):,}, {3 * len(files):,} captures"
    yield Row(f"d. memory with {len(groups)} windows of {window}", f"{max(sizes) / 1e6:.0f} MB", f"{detail} {count}")


def _resident(watcher: psutil.Process, place: Path, files: list[Path], turn: int) -> int:
    """Show the watcher *files*, some at a time, and see how many bytes it holds at most between them."""
    most = 0
    for number, file in enumerate(files, 1):
        os.link(file, place / "ScreenRecord" / f"{turn}{file.name}")
        if number % 10 == 0 or number == len(files):
            _await(partial(_have_been_judged, place, turn * len(files) + number))
            most = max(most, watcher.memory_info().rss)
    return most


def _have_been_judged(place: Path, count: int) -> bool:
    time.sleep(0.05)
    with closing(sqlite3.connect(f"file:{place}/state/ledger.sqlite?mode=ro", uri=True)) as db:
        return bool(db.execute("SELECT count(*) = ? FROM entry", [count]).fetchone()[0])


def _wait(place: Path, name: str, content: bytes) -> float:
    time.sleep(0.5)
    (place / "ScreenRecord" / name).write_bytes(content)
    begun = time.perf_counter()
    _await((place / "ScreenRecord-quarantine" / name).exists)
    return time.perf_counter() - begun


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("the watcher does not answer")
        time.sleep(0.002)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _quick(file: Path) -> Path:
    file.write_text(f'settle = "{SETTLE}s"\n', encoding="utf-8")
    return file


def row_of_soak(bench: Bench) -> Iterator[Row]:
    """Small captures at full speed through a watcher of its own process, moves and log included."""
    with bench.place() as place:
        soaked = soak(place, SOAKED, warm=SOAKED // 10)
    yield Row(
        f"{SOAKED:,} small captures under a limit of memory",
        f"{(soaked.end - soaked.warm) / 1e6:+.1f} MB",
        f"{soaked.astray} missed or astray, {soaked.aside} set aside, {soaked.files_end - soaked.files_warm:+d}"
        f" descriptors, {soaked.log_bytes / 1e6:.1f} MB of log in {soaked.log_files} files;"
        f" {soaked.seconds:.0f} s, {soaked.end / 1e6:.0f} MB resident at the end",
    )


def row_of_everybody(bench: Bench) -> Iterator[Row]:
    """Watcher, retention, sweeps that judge anew, restores and purges on one root, each killed now and then."""
    seconds, count = bench.together
    with bench.place() as place:
        balance = side_by_side(place, seconds, count)
    for line in balance.wrong:
        sys.stderr.write(f"{line}\n")
    what = f"{balance.came:,} captures, {seconds:.0f} s of everybody side by side, killed {balance.kills.total()} times"
    yield Row(what, f"{len(balance.wrong)} wrong", str(balance))


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "trust": row_of_trust,
    "b": rows_of_methods,
    **{f"d{window}": partial(row_of_restart, window=window) for window in WINDOWS},
    "latency": rows_of_latency,
    "c": row_of_sweep,
    "judging": row_of_judging,
    "exact": row_of_agreement,
    "archive": row_of_listing,
    "looks": row_of_looks,
    "crowd": rows_of_crowd,
    "memory": rows_of_memory,
    "scenes": rows_of_scenes,
    "highlights": lambda bench: (Row(*line) for line in rows_of_highlights(bench)),
    "learning": lambda bench: (Row(*line) for line in rows_of_learning(bench)),
    "soak": row_of_soak,
    "side-by-side": row_of_everybody,
    "png": row_of_decoding,
    **{f"a{window}": partial(row_of_cost, window=window) for window in WINDOWS},
    **{f"k{window}": partial(row_of_cost, window=window, kin=True) for window in WINDOWS[:2]},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="captures to measure with")
    parser.add_argument("--device", default="cpu", help="where frames are compared")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure, for temporary files")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}, or a, b, d, k")
    parser.add_argument("--seconds", type=float, default=600, help="of the row side-by-side")
    parser.add_argument("--pictures", type=int, default=2000, help="that come in the row side-by-side")
    options = parser.parse_args()
    asked = options.rows.split(",")
    chosen = [name for name in ROWS if name in asked or name[0] in asked]
    device = choose_device(options.device)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        scratch = Path(folder).resolve()
        source = pictures(options.folder, scratch)
        (scratch / "pictures").mkdir()
        captures = [_copied(capture, scratch / "pictures") for capture in source]
        together = options.seconds, options.pictures
        bench = Bench(scratch, captures, device, Crowd(scratch / "crowd", device, captures), together)
        table = Table(title=f"{len(captures)} captures, {device.type}, {platform.processor() or platform.machine()}")
        for heading in ("measured", "result", "detail"):
            table.add_column(heading)
        for row in chain.from_iterable(ROWS[name](bench) for name in chosen):
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
