"""A ledger of drawn screens, as if days or weeks of captures had been judged, made in seconds: nothing is compared."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.desk import Desk
from tests.pictures import png
from watcher.demo.scenes import Scene, SceneKind, draw, scene_at
from watcher.disk.mirror import mark
from watcher.ledger.entries import policy_number
from watcher.ledger.rows import Transaction, path_columns
from watcher.model.verdict import Policy

_COLUMNS = (
    "id, root_id, folder, name, size, mtime_ns, display, taken_at, kind, ssim, exact, worst_tile, nearest_id, reason,"
    " policy_id, state, location, recorded_at"
)
_MTIME = 1_588_579_200_000_000_000
_TICKED = 40
"""Every so many duplicates is one in which the clock went on: it is drawn, and can be looked at again."""


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


Row = tuple[object, ...]


@dataclass
class Month:
    """The captures of a plan, in the folders and the ledger of a desk."""

    desk: Desk
    plan: Plan
    rows: list[Row] = field(default_factory=list)
    frames: list[Row] = field(default_factory=list)
    """Of what is kept; without signatures, which whoever needs them makes."""
    _shown: dict[tuple[int, Scene], int] = field(default_factory=dict)
    _drawn: dict[tuple[int, Scene], Path] = field(default_factory=dict)

    def fill(self) -> "Month":
        for folder in (self.desk.base / "drawn", self.desk.quarantine):
            folder.mkdir(exist_ok=True)
        mark(self.desk.quarantine, self.desk.root)
        for tick, clock in enumerate(self.plan.clocks()):
            for display in range(1, len(self.plan.sizes) + 1):
                if scene := scene_at(display, tick, clock):
                    usual = scene.kind not in _SELDOM or _is_time_for(scene.kind, display, clock)
                    kind = scene.kind if usual else SceneKind.EDITOR
                    self._capture(display, replace(scene, kind=kind, topic=scene.topic % self.plan.topics))
        with self.desk.ledger() as ledger:
            ledger.adopt(self.desk.root, [])
            ledger.write(self._write_down)
        return self

    def _write_down(self, db: Transaction) -> None:
        assert policy_number(db, Policy()) == 1
        marks = ",".join("?" * len(self.rows[0]))
        db.executemany(f"INSERT INTO entry ({_COLUMNS}) VALUES ({marks})", self.rows)  # noqa: S608
        db.executemany("INSERT INTO frame (entry_id, height, width, signature) VALUES (?, ?, ?, ?)", self.frames)

    def _capture(self, display: int, scene: Scene) -> None:
        number = len(self.rows) + 1
        screen = replace(scene, clock=self.plan.begin)
        first = self._shown.get((display, screen))
        ticked = first is not None and number % _TICKED == 0
        self._shown.setdefault((display, screen), number)
        clock = scene.clock
        path = self.desk.path_at(clock, display)
        location = path if first is None else self.desk.mirrored(path)
        location.parent.mkdir(parents=True, exist_ok=True)
        os.link(self._picture(display, scene if ticked else screen), location)
        kind = "duplicate" if first else "similar" if scene.step else "new"
        state = "quarantined" if first else "kept"
        if first is None:
            width, height = self.plan.sizes[display - 1]
            self.frames.append((number, -(-height // 2), -(-width // 2), b""))
        worst = 0.3 + number % 60 / 100 if ticked else 1.0
        self.rows.append(
            (
                *(number, 1, *path_columns(path), location.stat().st_size, _MTIME, display, clock.isoformat(), kind),
                *(0.999 if first else 0.6, 1, worst, first, "", 1, state, os.fsencode(location)),
                clock.astimezone().isoformat(),
            )
        )

    def _picture(self, display: int, scene: Scene) -> Path:
        key = (display, scene)
        if key not in self._drawn:
            file = self.desk.base / "drawn" / f"{len(self._drawn)}.png"
            file.write_bytes(png(draw(scene, self.plan.sizes[display - 1])))
            os.utime(file, ns=(_MTIME, _MTIME))
            self._drawn[key] = file
        return self._drawn[key]
