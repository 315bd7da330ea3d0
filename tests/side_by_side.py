"""Everybody at once on one root, killed at random, while captures arrive: at the end the books balance.

A watcher with retention, sweeps that judge anew by two policies in turn, restores and purges, each a process of its
own: the benchmark and its short test.
"""

import contextlib
import math
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.desk import LONG_AGO, Desk, facts, land, wait_for, working_desk
from tests.pictures import typed
from watcher.model.entry import Entry, State

SCREENS, WINDOW = 14, 10
RELEASES, ALL = 0.3, 0.02
"""How many sweeps release what was restored, and how many restores take everything."""
LIVES = {"watch": (1.0, 5.0, 1.0), "sweep": (0.5, 4.0, 0.6), "restore": (0.1, 0.5, 0.5), "purge": (0.1, 0.5, 0.5)}
"""When each is killed, at the earliest and at the latest, in starts of a watcher; and how many of all are."""
PAUSES = {"watch": 0.0, "sweep": 0.5, "restore": 1.5, "purge": 4.0}
"""Seconds, on average, from the end of one to the start of the next."""
ENDS = {"watch": {0}, "sweep": {0, 130}, "restore": {0, 1}, "purge": {0, 1}}
"""How each may end that is not killed: what was asked for may be gone, or be refused."""
_PURGED = re.compile(r"(\d+) files?, [^;\n]*? purged")


@dataclass(slots=True)
class Run:
    """A process of framesift's."""

    words: list[str]
    process: "subprocess.Popen[str]"
    output: Path
    dies_at: float
    """On the clock of :func:`time.monotonic`."""

    @property
    def verb(self) -> str:
        """What it does."""
        return self.words[0]


@dataclass(slots=True)
class Balance:
    """How everything ended."""

    came: int = 0
    states: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """What those said they had done that were not killed before they could say so."""
    wrong: list[str] = field(default_factory=list)
    """What is not as it must be; nothing, if the books balance."""

    def __str__(self) -> str:
        counted = (", ".join(f"{count} {what}" for what, count in sorted(one.items())) for one in self._counters())
        return "; ".join((f"{self.came} came", *counted))

    def _counters(self) -> Iterator[Counter[str]]:
        yield self.states
        yield Counter({f"{verb} started": count for verb, count in self.starts.items()})
        yield Counter({f"{verb} killed": count for verb, count in self.kills.items()})
        yield +self.told


class SideBySide:
    """The desk at which all of them work, and what came there."""

    def __init__(self, desk: Desk, count: int, seed: int) -> None:
        """*count* captures are to come."""
        self._desk, self._count, self._draw = desk, count, random.Random(seed)
        self._most = max(2, count // 40)
        """So many kilobytes, of one or two pictures each, retention leaves in quarantine, and a purge at most."""
        self._given: dict[Path, tuple[bytes, int, int]] = {}
        self._restored: set[Path] = set()
        """What a restore has said it has brought back, and nobody has released."""
        self._running: dict[str, Run] = {}
        self._next = dict.fromkeys(LIVES, 0.0)
        self._start_seconds = 0.0
        self.balance = Balance()
        desk.config.write_text(
            f'root = "{desk.root}"\nsettle = "0.1s"\nwindow = {WINDOW}\n[retention]\nmax_bytes = "{self._most} kB"\n'
        )

    def go(self, seconds: float) -> Balance:
        """Let all captures arrive, and everybody work meanwhile, for so many *seconds*; then look through it all."""
        began = time.monotonic()
        self._desk.start()  # what comes before the first start would be left to sweeps
        self._start_seconds = time.monotonic() - began
        self._desk.stop()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds or len(self._given) < self._count:
            while len(self._given) < min(1, passed / (0.9 * seconds)) * self._count:
                self._arrive()
            for verb in LIVES:
                self._tend(verb)
            time.sleep(0.02)
        self._stop()
        self._last_start()
        self._look_through()
        return self.balance

    def _arrive(self) -> None:
        number = len(self._given)
        content = typed(self._draw.randrange(SCREENS), self._draw.choice((0, 0, 1, 3)))
        path = self._desk.path(number // 2, number % 2 + 1)
        self._given[path] = (content, LONG_AGO + number, 0o644)
        land(path, content, LONG_AGO + number)

    # --- the processes ---

    def _tend(self, verb: str) -> None:
        """Start it if it is its time, and kill it if that is."""
        now, run = time.monotonic(), self._running.get(verb)
        if run is None:
            if now >= self._next[verb]:
                self._running[verb] = self._started(verb)
        elif run.process.poll() is not None:
            self._ended(run)
        elif now >= run.dies_at:
            run.process.kill()
            run.process.wait()
            self._ended(run)

    def _started(self, verb: str) -> Run:
        if verb == "watch":
            self._begin_day()
        words, output = self._words(verb), self._desk.base / f"{verb}-{self.balance.starts[verb]}.out"
        self.balance.starts[verb] += 1
        with output.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "watcher", *words],
                env=self._desk.environment, cwd="/", stdout=stream, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        self._desk.processes.append(process)
        earliest, latest, share = LIVES[verb]
        life = self._draw.uniform(earliest, latest) * self._start_seconds
        return Run(words, process, output, time.monotonic() + (life if self._draw.random() < share else math.inf))

    def _begin_day(self) -> None:
        """As if this were another day: retention works once a day."""
        with contextlib.closing(sqlite3.connect(self._desk.state / "ledger.sqlite", timeout=20)) as db:
            db.execute("UPDATE day SET purged = 0")
            db.commit()

    def _words(self, verb: str) -> list[str]:
        draw = self._draw
        if verb == "sweep":
            release = ["--restored"] * (draw.random() < RELEASES)
            return ["sweep", "--again", *release, "--duplicate", draw.choice(("0.955", "0.98", "0.999"))]
        if verb == "restore":
            aside = sorted(self._desk.quarantine.rglob("*.png"))
            some = draw.sample(aside, min(len(aside), 3))
            return ["restore", "--all", "--yes"] if draw.random() < ALL or not some else ["restore", *map(str, some)]
        if verb == "purge":
            return ["purge", "--yes", "--keep-under", f"{draw.randrange(1, self._most + 1)} kB"]
        return [verb]

    def _ended(self, run: Run) -> None:
        code, text = run.process.returncode, run.output.read_text()
        if code == -signal.SIGKILL:
            self.balance.kills[run.verb] += 1
        elif code not in ENDS[run.verb]:
            self.balance.wrong.append(f"{run.verb} ended with {code}: {text[-800:]}")
        said = [line.removeprefix("restored ") for line in text.splitlines() if line.startswith("restored /")]
        self._restored |= {Path(path) for path in said}
        if "--restored" in run.words:  # released at some moment of this run: they may be judged again
            self._restored.clear()
        self.balance.told["restored by restore"] += len(said)
        self.balance.told[f"purged by {run.verb}"] += sum(map(int, _PURGED.findall(text)))
        del self._running[run.verb]
        pause = PAUSES[run.verb]
        self._next[run.verb] = time.monotonic() + (self._draw.expovariate(1 / pause) if pause else 0.0)

    def _stop(self) -> None:
        for run in [*self._running.values()]:
            run.process.terminate()
            run.process.wait(60)
            if run.process.returncode == -signal.SIGTERM:  # a verb at a terminal ends as any program
                run.process.returncode = 0
            self._ended(run)

    # --- the end ---

    def _last_start(self) -> None:
        """A watcher finishes everything, and a sweep judges what a sweep that was killed had taken on."""
        self._desk.start()
        self._desk.run("sweep")
        with self._desk.ledger() as ledger:
            wait_for(lambda: ledger.count() >= self._count and not ledger.moving(), 120)
        time.sleep(1)  # longer than whatever else it would do takes
        if code := self._desk.stop():
            self.balance.wrong.append(f"the last watcher ended with {code}: {self._desk.output()[-800:]}")

    def _look_through(self) -> None:
        """Every picture that came has one row, and is whole in the one place that it names, or purged with reason."""
        with self._desk.ledger() as ledger:
            entries = list(ledger.entries())
        rows = {entry.verdict.capture.path: entry for entry in entries}
        balance, places = self.balance, set()
        balance.came, balance.states = len(self._given), Counter(entry.state.value for entry in entries)
        if sorted(rows) != sorted(self._given) or len(rows) != len(entries):
            balance.wrong.append(f"{len(entries)} rows on {len(rows)} of {len(self._given)} captures")
        for path, entry in rows.items():
            if entry.state is State.PURGED:
                balance.wrong += self._objection_to_purge(rows, entry)
                continue
            places.add(entry.location)
            if not entry.location.exists() or facts(entry.location) != self._given[path]:
                balance.wrong.append(f"{path.name}, {entry.state}, is not, or not whole, at {entry.location}")
        folders = (self._desk.root, self._desk.quarantine)
        files = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
        stray = {path for path in files - places if path.parent.name != ".framesift"}
        balance.wrong += [f"nothing says that {path} is there" for path in sorted(stray)]
        for path in sorted(self._restored):
            if rows[path].state is not State.RESTORED:
                balance.wrong.append(f"{path.name} was restored, and is {rows[path].state}")

    def _objection_to_purge(self, rows: dict[Path, Entry], entry: Entry) -> list[str]:
        """Whether no picture of the screen of *entry* is kept; what it duplicated may have been judged anew since."""
        near: Entry | None = entry
        while near is not None and near.state is State.PURGED:
            nearest = near.verdict.score.nearest
            near = rows.get(nearest.path) if nearest else None
        return [] if near is not None else [f"{entry.verdict.capture.path.name} is purged, and its screen is not kept"]


def side_by_side(base: Path, seconds: float, count: int, seed: int = 7) -> Balance:
    """Let everybody work side by side in *base* for so many *seconds*, while *count* captures arrive."""
    with working_desk(base) as desk:
        return SideBySide(desk, count, seed).go(seconds)
