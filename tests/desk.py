"""The one builder: a desk where framesift works as a real process, and a shelf of pictures judged by hand."""

import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.pictures import screen
from watcher.cli import main
from watcher.disk.mirror import mark
from watcher.judge.frame import Frame
from watcher.judge.pipeline import Judged, Postponed, judge_one
from watcher.judge.windows import Windows
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.ledger.entries import target_columns
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Transaction
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict
from watcher.settings.folders import FOLDER_VARIABLES, Folders
from watcher.settings.settings import Settings

START = datetime(2020, 5, 4, 9, 0, 0)
LONG_AGO = 1_234_567_890_123_456_789
CONTENT = screen(1)
SIZE = len(CONTENT)


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


def tree(folder: Path, pattern: str = "*") -> dict[str, tuple[bytes, int, int]]:
    """All files below *folder* whose name is like *pattern*, with what must not change of them."""
    return {str(path.relative_to(folder)): facts(path) for path in sorted(folder.rglob(pattern)) if path.is_file()}


_COLOR = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def colorless(text: str) -> str:
    """*text* without its colours and links."""
    return _COLOR.sub("", text)


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
        self.head = (
            f'root = "{self.root}"\nsettle = "0.2s"\n'  # quick: each file is written at once, or without a pause
        )
        self.config.write_text(self.head)
        self.environment = os.environ | {
            "FRAMESIFT_STATE_DIR": str(self.state),
            "FRAMESIFT_LOG_DIR": str(self.logs),
            "FRAMESIFT_CONFIG": str(self.config),
            "HOME": str(self.base / "no-home"),
            "PYTHONWARNINGS": "default",
        }

    def path(self, tick: int, display: int = 1) -> Path:
        return self.path_at(START + timedelta(minutes=5 * tick), display)

    def path_at(self, moment: datetime, display: int = 1) -> Path:
        """Where the capture job writes what *display* shows at this moment."""
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
        """How many captures have a verdict that is carried out."""
        if not (self.state / "ledger.sqlite").exists():
            return 0
        with self.ledger() as ledger:
            return sum(entry.state is not State.MOVING for entry in ledger.entries())

    def until_judged(self, count: int) -> None:
        """Wait until so many captures are judged, or the last watcher has ended; and no more are."""
        wait_for(lambda: self.judged() >= count or self.processes[-1].poll() is not None, 60)
        assert self.judged() == count, self.output()

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


def on_its_way(ledger: Ledger, entry: Entry, target: Path, becomes: State) -> Entry:
    """*entry* as a kill leaves it right after the intent to move its picture to *target*."""
    state = {"state": State.MOVING.value, "becomes": becomes.value, "version": entry.version + 1}

    def made(db: Transaction) -> None:
        (row,) = db.execute("SELECT root_id FROM picture WHERE id = ?", [entry.id])
        columns = state | target_columns(db, row[0], Move(target, becomes))
        for name, value in columns.items():
            db.execute(f"UPDATE picture SET {name} = ? WHERE id = ?", [value, entry.id])  # noqa: S608 - our own names

    ledger.write(made)
    return ledger.entry(entry.id)


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


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def capture_of(path: Path) -> Capture:
    return NamePattern().parse(path, path.lstat())


def digested(path: Path) -> Capture:
    """The capture at *path*, with the digest of its bytes, as the flow reads it."""
    return replace(capture_of(path), digest=hashlib.sha256(path.read_bytes()).digest())


def judge_all(
    captures: Iterable[Capture], windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> Iterator[Judged | Postponed]:
    """Judge *captures* one after another."""
    for capture in captures:
        yield judge_one(capture, windows, policy, load)


def lengths(windows: Windows) -> dict[int, int]:
    """How many kept frames each display is compared with."""
    lengths = {display: len(kept) for display, kept in windows._restored.items()}
    for (display, _, _), window in windows._windows.items():
        lengths[display] = lengths.get(display, 0) + len(window)
    return lengths


def without_rights() -> Sequence[str]:
    """A command before the watcher's, that takes root's right to read everything from it; empty if we are not root."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("runs as root, who reads everything, and setpriv is not there to change that")
    rights = "-dac_override,-dac_read_search"
    return "setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"


class Shelf:
    """A desk on which pictures are judged by hand, without a look at them."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.desk, self._capfd = desk, capfd
        self.takes_digests = False
        """Whether it judges as framesift does, and not as 0.1 did."""
        for name in FOLDER_VARIABLES:
            monkeypatch.setenv(name, desk.environment[name])
        mark(desk.quarantine, desk.root)
        with desk.ledger() as ledger:
            ledger.adopt(desk.root, [])

    @contextlib.contextmanager
    def at_work(self) -> Iterator[tuple[Ledger, Custody]]:
        complaints: list[str] = []
        with self.desk.ledger() as ledger:
            hooks = Hooks(self.settings(), self.desk.base / "hooks", complaints.append)
            yield ledger, Custody(ledger, hooks, Timeline(self.desk.root))
        assert complaints == []

    def keep(self, tick: int, kind: Kind = Kind.NEW) -> Entry:
        """A picture that stays."""
        (entry,) = self.record([self.desk.put(tick, CONTENT)], kind)
        return entry

    def twins(self, ticks: range, of: Entry) -> list[Entry]:
        """Duplicates of the picture of the entry *of*, which go to the quarantine."""
        return self.record([self.desk.put(tick, CONTENT) for tick in ticks], Kind.DUPLICATE, of)

    def record(self, paths: Iterable[Path], kind: Kind, nearest: Entry | None = None) -> list[Entry]:
        """The captures at *paths* are judged so, and the verdicts are carried out."""
        score = Score(nearest.verdict.capture, 1.0, exact=True, worst_tile=1.0) if nearest else NOTHING_TO_COMPARE
        verdicts = [Verdict(self._capture(path), kind, score, Policy()) for path in paths]
        with self.at_work() as (_, custody):
            return [
                custody.carry_out(one, KeptFrame(one.capture, 9, 9, b"s") if one.stays else None) for one in verdicts
            ]

    def _capture(self, path: Path) -> Capture:
        return digested(path) if self.takes_digests else capture_of(path)

    def state(self, entry: Entry) -> State:
        with self.desk.ledger() as ledger:
            return ledger.entry(entry.id).state

    def settings(self) -> Settings:
        """What the settings file says now."""
        return Settings.load(Folders.choose())

    def set(self, text: str) -> None:
        """Add to the settings file."""
        self.desk.config.write_text(self.desk.config.read_text() + text)

    def recorded(self, entry: Entry, days_ago: float) -> None:
        """As if *entry* had been recorded, and its picture quarantined, then."""
        moment = (datetime.now().astimezone() - timedelta(days=days_ago)).isoformat()
        with self.desk.ledger() as ledger:
            ledger.rows("UPDATE picture SET recorded_at = ?, aside_at = ? WHERE id = ?", [moment, moment, entry.id])

    def run(self, *arguments: object, code: int = 0) -> str:
        """What framesift writes, in this process."""
        found = main([str(argument) for argument in arguments])
        written = self._capfd.readouterr()
        assert found == code, written
        return written.out + written.err
