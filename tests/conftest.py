"""What tests share: a place of their own, small pictures, and framesift as a real process."""

import contextlib
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image, ImageDraw

from watcher.cli import main
from watcher.judge.frame import Frame
from watcher.judge.pipeline import Judged, Postponed, judge_one
from watcher.judge.windows import Windows
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Timeline
from watcher.model.verdict import Policy
from watcher.settings.folders import FOLDER_VARIABLES

START = datetime(2020, 5, 4, 9, 0, 0)


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever falls back to the platform's folders fails: no test may touch a person's own."""
    for name in list(os.environ):
        if name.startswith(("FRAMESIFT_", "XDG_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    nowhere = tmp_path / "no-home"
    nowhere.write_text("a file, so that no folder can be made below it")
    monkeypatch.setenv("HOME", str(nowhere))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(nowhere / name))


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def screen(number: int, size: tuple[int, int] = (96, 80), tick: int = 0) -> bytes:
    """A screen that is its own for each *number*; *tick* changes a few pixels of it, as a clock does."""
    ground = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for step in range(12):
        x, y = (number * 31 + step * 17) % size[0], (number * 13 + step * 29) % size[1]
        fill = ((step * 80) % 256, (number * 61) % 256, (step * 40 + number) % 256)
        draw.rectangle((x, y, x + 19, y + 11), fill=fill)
    if tick:
        spot = (size[0] - 20, 18)
        red, green, blue = list(image.crop((*spot, spot[0] + 1, spot[1] + 1)).tobytes())
        draw.point(spot, fill=((red + 30 + tick) % 256, (green + 30) % 256, (blue + 30) % 256))
    return png(image)


def typed(number: int, letters: int, size: tuple[int, int] = (96, 80)) -> bytes:
    """:func:`screen` with a few *letters* typed: 1 makes it a duplicate, 3 make it similar."""
    image = Image.open(io.BytesIO(screen(number, size)))
    draw = ImageDraw.Draw(image)
    for letter in range(letters):
        x, y = 4 + letter * 10, size[1] - 12
        draw.rectangle((x, y, x + 4, y + 5), fill=(255 - letter * 20, letter * 30, 128))
    return png(image)


def land(path: Path, content: bytes, mtime_ns: int | None = None, mode: int = 0o644) -> Path:
    """Let a file appear at *path* at once and whole, as one that is moved or synced there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.parent / ".landing"
    hidden.write_bytes(content)
    hidden.chmod(mode)
    if mtime_ns is not None:
        os.utime(hidden, ns=(mtime_ns, mtime_ns))
    return hidden.rename(path)


def facts(path: Path) -> tuple[bytes, int, int]:
    """What a move must leave unchanged: bytes, mtime and mode."""
    status = path.lstat()
    return path.read_bytes(), status.st_mtime_ns, stat.S_IMODE(status.st_mode)


def name_of(moment: datetime, display: int) -> str:
    return f"{moment:%Y-%m-%d_%H.%M.%S.%f}_{display}.png"


@dataclass
class Desk:
    """A root, its quarantine and a state folder, and framesift working there."""

    base: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.base / "ScreenRecord"
        self.quarantine = self.base / "ScreenRecord-quarantine"
        self.state = self.base / "state"
        self.logs = self.base / "logs"
        self.config = self.base / "framesift.toml"
        self.config.write_text(f'root = "{self.root}"\n')
        self.environment = os.environ | {
            "FRAMESIFT_STATE_DIR": str(self.state),
            "FRAMESIFT_LOG_DIR": str(self.logs),
            "FRAMESIFT_CONFIG": str(self.config),
            "HOME": str(self.base / "no-home"),
            "PYTHONWARNINGS": "default",
        }

    def path(self, tick: int, display: int = 1) -> Path:
        moment = START + timedelta(minutes=5 * tick)
        return self.root / f"{moment:%Y-%m}" / f"{moment:%Y-%m-%d}" / name_of(moment, display)

    def put(self, tick: int, content: bytes, display: int = 1) -> Path:
        path = self.path(tick, display)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def mirrored(self, path: Path) -> Path:
        return self.quarantine / path.relative_to(self.root)

    def run(self, *arguments: str, check: int | None = 0) -> "subprocess.CompletedProcess[str]":
        """Run framesift to its end, in a process of its own, from another folder."""
        done = subprocess.run(
            [sys.executable, "-m", "watcher", *arguments],
            env=self.environment,
            cwd="/",
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=100,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str, ready: bool = True, prefix: Sequence[str] = ()) -> "subprocess.Popen[str]":
        """Start the watcher as a process, by way of the command *prefix*, and wait until it says that it watches."""
        output = self.base / f"watch-{len(self.processes)}.out"
        with output.open("w") as stream:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "watcher", "watch", *arguments],
                env=self.environment,
                cwd="/",
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)
        if ready:
            wait_for(lambda: " watches " in output.read_text() or process.poll() is not None, 60)
            assert process.poll() is None, output.read_text()
        return process

    def output(self) -> str:
        return (self.base / f"watch-{len(self.processes) - 1}.out").read_text()

    def stop(self) -> int:
        process = self.processes[-1]
        process.terminate()
        return process.wait(20)

    def ledger(self) -> Ledger:
        return Ledger.open(self.state / "ledger.sqlite")

    def judged(self) -> int:
        if not (self.state / "ledger.sqlite").exists():
            return 0
        with self.ledger() as ledger:
            return sum(Totals(ledger, self.root).counts().values())

    def decisions(self) -> dict[str, tuple[object, ...]]:
        """What the ledger says of each path: kind, SSIM, whether that is exact, nearest, state and location."""
        said: dict[str, tuple[object, ...]] = {}
        with self.ledger() as ledger:
            for entry in ledger.entries():
                verdict, score = entry.verdict, entry.verdict.score
                nearest = score.nearest and self.relative(score.nearest.path)
                path = self.relative(verdict.capture.path)
                assert path not in said, f"{path} was judged twice"
                said[path] = (
                    *(verdict.kind.value, score.ssim, score.exact, nearest),
                    *(entry.state.value, self.relative(entry.location)),
                )
        return said

    def windows(self, window: int, timeline: str = "watch") -> dict[int, list[tuple[str, int, int, bytes]]]:
        """The kept frames of each display, most recently used first."""
        frames: dict[int, list[tuple[str, int, int, bytes]]] = {}
        with self.ledger() as ledger:
            for kept in ledger.frames(Timeline(self.root, timeline), window):
                own = frames.setdefault(kept.capture.display, [])
                own.append((self.relative(kept.capture.path), kept.height, kept.width, kept.signature))
        return frames

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.base))


@contextlib.contextmanager
def working_desk(base: Path) -> Iterator[Desk]:
    """A desk at *base*, none of whose processes outlives it."""
    desk = Desk(base)
    desk.root.mkdir()
    try:
        yield desk
    finally:
        for process in desk.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with working_desk(tmp_path) as desk:
        yield desk


Framesift = Callable[..., tuple[int, str, str]]


@pytest.fixture
def framesift(desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Framesift:
    """Runs a command line in this process; returns its exit code, output and errors."""
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, desk.environment[name])

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


Watch = Callable[..., None]


@pytest.fixture
def watch_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Runs the watcher in this process; files land one by one, each judged before the next, and it is stopped."""
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, desk.environment[name])
    before = signal.getsignal(signal.SIGTERM)
    log = desk.logs / "framesift.log"

    def starts() -> int:
        return log.read_text().count(" watches ") if log.exists() else 0

    def watch(*arrivals: tuple[Path, bytes], flags: Sequence[str] = ()) -> None:
        judged, started = desk.judged(), starts()

        def feed() -> None:
            try:
                wait_for(lambda: starts() > started, 60)
                for number, (path, content) in enumerate(arrivals, judged + 1):
                    land(path, content)
                    wait_for(lambda number=number: desk.judged() == number)  # type: ignore[misc]
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        feeder = Thread(target=feed)
        feeder.start()
        assert main(["--quiet", "watch", *flags]) == 0
        feeder.join()

    yield watch
    signal.signal(signal.SIGTERM, before)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def capture_of(path: Path) -> Capture:
    return NamePattern().parse(path, path.lstat())


def judge_all(
    captures: Iterable[Capture], windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> Iterator[Judged | Postponed]:
    """Judge *captures* one after another."""
    for capture in captures:
        yield judge_one(capture, windows, policy, load)


def without_rights() -> Sequence[str]:
    """A command before the watcher's, that takes root's right to read everything from it; empty if we are not root."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("runs as root, who reads everything, and setpriv is not there to change that")
    rights = "-dac_override,-dac_read_search"
    return "setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"
