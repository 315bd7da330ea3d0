"""Archives that are judged by hand and drawn for real, so that what is in them is known: a few captures, or weeks."""

import io
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from PIL import Image

from tests.desk import Desk, capture_of, land
from tests.pictures import png
from watcher.demo.scenes import Scene, SceneKind, draw, scene_at
from watcher.disk.mirror import mark
from watcher.judge.signature import Signature, compute
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict

SIZE = (640, 400)
POLICY = Policy()
NOON = datetime(2020, 5, 4, 12)
_MTIME = 1_588_579_200_000_000_000
_TICKED = 40
"""Every so many duplicates is one in which the clock went on: it is drawn, and can be looked at again."""


@lru_cache(maxsize=256)
def drawn(
    kind: SceneKind, step: int = 0, clock: datetime = NOON, size: tuple[int, int] = SIZE, topic: int = 3
) -> bytes:
    """A screen of one program."""
    return png(draw(Scene(kind, clock, topic, step, wallpaper=1), size))


def half_black(picture: bytes) -> bytes:
    """*picture* as a capture that went wrong halfway."""
    image = Image.open(io.BytesIO(picture))
    image.paste("black", (0, image.height // 2, image.width, image.height))
    return png(image)


def noise(seed: int, size: tuple[int, int] = SIZE) -> bytes:
    """A screen like no other: coarse squares in the colours of a lottery."""
    pixels = random.Random(seed).randbytes(3 * 8 * 5)
    return png(Image.frombytes("RGB", (8, 5), pixels).resize(size, Image.Resampling.NEAREST))


@lru_cache(maxsize=256)
def signed(picture: bytes) -> Signature:
    """The signature of a capture's frame."""
    frame = Image.open(io.BytesIO(picture)).convert("RGB").reduce(POLICY.reduce)
    planes = b"".join(frame.tobytes("raw", name) for name in "RGB")
    return compute(torch.frombuffer(bytearray(planes), dtype=torch.uint8).view(3, frame.height, frame.width))


@dataclass
class Album:
    """Writes captures down as if they had been judged; those that stay lie on disk."""

    desk: Desk
    ledger: Ledger

    def __post_init__(self) -> None:
        self.ledger.rows("PRAGMA synchronous=OFF")
        self.ledger.adopt(self.desk.root, [])
        self.timeline = Timeline(self.desk.root)

    def keep(self, moment: datetime, picture: bytes, display: int = 1, digest: int | None = None) -> Entry:
        """A screen that stays."""
        return self.kept(land(self.desk.path_at(moment, display), picture), signed(picture), digest=digest)

    def kept(self, path: Path, signature: Signature, kind: Kind = Kind.NEW, digest: int | None = None) -> Entry:
        """The file at *path* is a screen that stays."""
        capture = capture_of(path)
        prepared = POLICY.digest(capture.display) if digest is None else digest
        kept = KeptFrame(capture, signature.height, signature.width, signature.to_bytes(prepared))
        return self.ledger.record(self.timeline, Verdict(capture, kind, NOTHING_TO_COMPARE, POLICY), kept, None)

    def again(self, moment: datetime, of: Entry, display: int = 1, worst_tile: float = 0.9) -> Entry:
        """A duplicate, in quarantine; there is no file of it."""
        return self.duplicate(Capture(self.desk.path_at(moment, display), display, moment, 1, 1), of, worst_tile)

    def duplicate(self, capture: Capture, of: Entry, worst_tile: float) -> Entry:
        """The file of *capture* lies in the quarantine, if there is one."""
        score = Score(of.verdict.capture, 0.995, exact=True, worst_tile=worst_tile)
        move = Move(self.desk.mirrored(capture.path), State.QUARANTINED)
        verdict = Verdict(capture, Kind.DUPLICATE, score, POLICY)
        return self.ledger.confirm(self.ledger.record(self.timeline, verdict, None, move))

    def stand(self, begin: datetime, count: int, picture: bytes, display: int = 1) -> Entry:
        """A screen that is kept, and stands for *count* captures."""
        entry = self.keep(begin, picture, display)
        for number in range(1, count):
            self.again(begin + number * timedelta(minutes=10), entry, display)
        return entry


_SELDOM = (SceneKind.PHOTO, SceneKind.BROWSER)
"""On two days of seven each: what is always there is no highlight."""


def _is_time_for(kind: SceneKind, display: int, clock: datetime) -> bool:
    return _SELDOM.index(kind) == (clock.day * 3 + display) % 7 // 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What is captured."""

    begin: datetime
    days: int
    interval: timedelta = timedelta(minutes=10)
    hours: tuple[int, int] = (0, 24)
    """From when to when there are captures, every day."""
    sizes: tuple[tuple[int, int], ...] = ((480, 300), (480, 270), (270, 480))
    """Of the displays, in pixels; one of them stands on its side."""
    topics: int = 6
    """How many different files, pages and albums there are: more take longer to draw."""

    def clocks(self) -> Iterator[datetime]:
        for day in range(self.days):
            midnight = self.begin + timedelta(days=day)
            moment = midnight + timedelta(hours=self.hours[0], seconds=7)
            while moment < midnight + timedelta(hours=self.hours[1]):
                yield moment
                moment += self.interval


@dataclass
class Weeks:
    """The captures of a plan, in the folders and the ledger of a desk: drawn once, linked when shown."""

    desk: Desk
    plan: Plan
    entries: list[Entry] = field(default_factory=list)
    _shown: dict[tuple[int, Scene], Entry] = field(default_factory=dict)
    _drawn: dict[tuple[int, Scene], Path] = field(default_factory=dict)

    def fill(self) -> Self:
        (self.desk.base / "drawn").mkdir()
        mark(self.desk.quarantine, self.desk.root)
        with self.desk.ledger() as ledger:
            album = Album(self.desk, ledger)
            for tick, clock in enumerate(self.plan.clocks()):
                for display in range(1, len(self.plan.sizes) + 1):
                    if scene := scene_at(display, tick, clock):
                        self.entries.append(self._captured(album, display, self._planned(scene, display)))
        return self

    def _planned(self, scene: Scene, display: int) -> Scene:
        usual = scene.kind not in _SELDOM or _is_time_for(scene.kind, display, scene.clock)
        kind = scene.kind if usual else SceneKind.EDITOR
        return replace(scene, kind=kind, topic=scene.topic % self.plan.topics)

    def _captured(self, album: Album, display: int, scene: Scene) -> Entry:
        path, screen = self.desk.path_at(scene.clock, display), replace(scene, clock=self.plan.begin)
        first = self._shown.get((display, screen))
        if first is None:
            picture = self._linked(path, display, screen)
            kind = Kind.SIMILAR if scene.step else Kind.NEW
            entry = self._shown[display, screen] = album.kept(path, signed(picture.read_bytes()), kind)
            return entry
        number = len(self.entries) + 1
        ticked = number % _TICKED == 0
        aside = self._linked(self.desk.mirrored(path), display, scene if ticked else screen)
        capture = NamePattern().parse(path, aside.stat())
        return album.duplicate(capture, first, 0.3 + number % 60 / 100 if ticked else 1.0)

    def _linked(self, path: Path, display: int, scene: Scene) -> Path:
        """The picture of *scene*, which lies at *path* now."""
        key = (display, scene)
        if key not in self._drawn:
            file = self.desk.base / "drawn" / f"{len(self._drawn)}.png"
            file.write_bytes(png(draw(scene, self.plan.sizes[display - 1])))
            os.utime(file, ns=(_MTIME, _MTIME))
            self._drawn[key] = file
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(self._drawn[key], path)
        return self._drawn[key]
