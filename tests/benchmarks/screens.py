"""Pictures to measure with: those of a folder, or drawn ones."""

import os
import random
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from watcher.capture import Capture, NamePattern
from watcher.frame import Frame, load
from watcher.kept import Kept
from watcher.recorder import Timetable, capture_path, picture
from watcher.scenes import DEMO_DISPLAYS, scene_at
from watcher.signature import Signature, compute
from watcher.sources import archive

REDUCE = 2
_DRAWN_TICKS = 20
_SHIFT = 16  # pixels of a frame: a signature shifted by whole tiles is (nearly) that of the shifted picture


def pictures(folder: Path | None, scratch: Path) -> list[Capture]:
    """The captures of *folder* in their order, or those of a drawn day."""
    if folder is None:
        folder = scratch / "drawn"
        _draw(folder)
    return sorted(archive(folder, NamePattern()), key=lambda capture: capture.order)


def _draw(folder: Path) -> None:
    timetable = Timetable(datetime(2020, 5, 4, 9), _DRAWN_TICKS)
    for tick in range(timetable.ticks):
        clock = timetable.clock(tick)
        for display in DEMO_DISPLAYS:
            scene = scene_at(display.number, tick, clock)
            if scene:
                path = capture_path(folder, clock, display.number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(scene, display))


def bare(path: Path) -> Tensor:
    """What any program must do at least: decode with Pillow, convert to RGB, halve, and hand over the bytes."""
    with Image.open(path) as image:
        halved = image.convert("RGB").reduce(REDUCE)
    pixels = torch.frombuffer(bytearray(halved.tobytes()), dtype=torch.uint8)
    return pixels.view(halved.height, halved.width, 3).permute(2, 0, 1)


@dataclass
class Crowd:
    """Distinct screens to fill windows with: the pictures given, scrolled by so many tiles, each a file of its own."""

    folder: Path
    device: torch.device

    def __post_init__(self) -> None:
        self._shifts: dict[Path, tuple[int, int]] = {}
        self._load = partial(load, device=self.device, reduce=REDUCE)

    def members(self, captures: list[Capture], count: int) -> list[Kept]:
        """*count* kept frames of one display's *captures*, no two the same."""
        signatures = [(capture, compute(self._load(capture).pixels)) for capture in captures]
        chosen = random.Random(count)
        members = []
        for number in range(count):
            capture, signature = signatures[number % len(signatures)]
            rows, columns = (chosen.randrange(1, side) for side in signature.codes.shape[2:])
            members.append(self._member(capture, signature, rows, columns))
        return members

    def _member(self, capture: Capture, signature: Signature, rows: int, columns: int) -> Kept:
        path = self.folder / f"{len(self._shifts):06}" / capture.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(capture.path, path)
        self._shifts[path] = (rows * _SHIFT, columns * _SHIFT)
        codes = signature.codes.roll((rows, columns), (2, 3))
        scrolled = Signature(signature.height, signature.width, codes)
        one = Capture(path, capture.display, capture.taken_at, capture.size, capture.mtime_ns)
        return Kept(one, signature.height, signature.width, scrolled.to_bytes(REDUCE))

    def load(self, capture: Capture) -> Frame:
        """A picture, scrolled if it is one of the crowd: read and decoded like any other."""
        frame = self._load(capture)
        shift = self._shifts.get(capture.path)
        return frame if shift is None else Frame(capture, frame.pixels.roll(shift, (1, 2)).contiguous())
