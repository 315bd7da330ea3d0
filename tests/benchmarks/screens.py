"""Pictures to measure with: those of a folder, or drawn ones."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from tests.desk import judge_all
from watcher.demo.recorder import Timetable, capture_path, picture
from watcher.demo.scenes import DEMO_DISPLAYS, scene_at
from watcher.disk.listing import archive
from watcher.judge.frame import Frame, load
from watcher.judge.pipeline import Judged
from watcher.judge.signature import TILE, Signature, compute
from watcher.judge.tiles import HALO
from watcher.judge.window import kept_frame
from watcher.judge.windows import Windows
from watcher.model.capture import Capture, NamePattern
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Policy

REDUCE = 2
_DRAWN_TICKS = 20
_KIN = 0.5
"""Share of kin where there are any: of such a crowd 4 to 6 % have to be looked at for each new screen, as many as of
the kept screens of a real morning."""
_SCROLLED = 0.7
"""Share of the changed parts of kin that are scrolled."""


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


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of a composed screen: what it shows, and where it lies, in pixels of the frame."""

    base: Capture
    down: slice
    across: slice
    top: int
    left: int
    """Where in the base the pane's first pixel is; all are multiples of a tile's side."""


class Crowd:
    """Screens to fill windows with, composed of panes, every one a part of some new screen among the pictures.

    Strangers are four panes each. Kin are whole screens with one to three parts scrolled, or showing what another
    screen has in that place: the same program with other text, which no signature tells apart.

    What panes show is drawn by lot, by whole tiles of a signature. The signatures are true: a tile that lies in a pane
    as it lies in the base has the base's numbers, all others are computed. Each screen has a file of its own, a hard
    link to one of its bases: reading it costs what reading a picture costs, and then the panes are put together from
    bases in memory.
    """

    def __init__(self, folder: Path, device: torch.device, captures: list[Capture]) -> None:
        self.reads = 0
        self._folder = folder
        self._load = partial(load, device=device, policy=Policy())
        self._panes: dict[Path, list[Pane]] = {}
        self._members: dict[tuple[int, bool], list[KeptFrame]] = {}
        self._lots: dict[tuple[int, bool], random.Random] = {}
        self._bases: dict[int, list[Capture]] = {}
        self._frames: dict[Capture, tuple[Tensor, Signature]] = {}
        for judged in judge_all(captures, Windows(Policy(), self._load), Policy(), self._load):
            if isinstance(judged, Judged) and judged.verdict.kind is Kind.NEW:
                pixels = self._load(judged.capture).pixels
                self._bases.setdefault(judged.capture.display, []).append(judged.capture)
                self._frames[judged.capture] = pixels, compute(pixels)

    def members(self, display: int, count: int, *, kin: bool = False) -> list[KeptFrame]:
        """*count* kept frames of one display, the first of them always the same: strangers, or half of them *kin*."""
        members = self._members.setdefault((display, kin), [])
        lot = self._lots.setdefault((display, kin), random.Random(display))
        while len(members) < count:
            members.append(self._member(lot, display, kin))
        return members[:count]

    def _member(self, lot: random.Random, display: int, kin: bool) -> KeptFrame:
        bases = self._bases[display]
        _, height, width = self._frames[bases[0]][0].shape
        kin = kin and lot.random() < _KIN
        panes = list((_kindred if kin else _strange)(lot, bases, height, width))
        first = panes[0].base
        path = self._folder / f"{display}-{len(self._panes):06}" / first.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(first.path, path)
        self._panes[path] = panes
        signature = compute(self._put_together(panes), self._frames[first]) if kin else self._pieced_together(panes)
        one = Capture(path, display, first.taken_at, first.size, first.mtime_ns)
        return kept_frame(one, signature, Policy())

    def _pieced_together(self, panes: list[Pane]) -> Signature:
        whole = self._frames[panes[0].base][1]
        codes = torch.zeros_like(whole.codes)
        for pane in panes:
            down, across = (_tiles(side) for side in (pane.down, pane.across))
            theirs = self._frames[pane.base][1].codes[:, :, pane.top // TILE :, pane.left // TILE :]
            part = codes[:, :, down, across]
            part.copy_(theirs[:, :, : part.shape[2], : part.shape[3]])
        self._mend(codes, panes)
        return Signature(whole.height, whole.width, codes)

    def _mend(self, codes: Tensor, panes: list[Pane]) -> None:
        """Compute the tiles that reach over the edge of their pane, and those at the end of the map."""
        frame = self._put_together(panes)
        _mend_rows(codes, frame, panes[0].down.stop // TILE - 1)
        _mend_rows(codes.transpose(2, 3), frame.transpose(1, 2), panes[0].across.stop // TILE - 1)

    def _put_together(self, panes: list[Pane]) -> Tensor:
        frame = torch.empty_like(self._frames[panes[0].base][0])
        for pane in panes:
            part = frame[:, pane.down, pane.across]
            base = self._frames[pane.base][0][:, pane.top :, pane.left :]
            part.copy_(base[:, : part.shape[1], : part.shape[2]])
        return frame

    def load(self, capture: Capture) -> Frame:
        """A picture: read and decoded, and put together if it is one of the crowd."""
        frame = self._load(capture)
        panes = self._panes.get(capture.path)
        if panes is None:
            return frame
        self.reads += 1
        return Frame(capture, self._put_together(panes))

    def draw(self, capture: Capture, path: Path) -> None:
        """Write a screen of the crowd as a picture of full size."""
        _, height, width = self._frames[self._panes[capture.path][0].base][0].shape
        image = Image.new("RGB", (width * REDUCE, height * REDUCE))
        for pane in self._panes[capture.path]:
            high, wide = (side.stop - side.start for side in (pane.down, pane.across))
            left, top = REDUCE * pane.left, REDUCE * pane.top
            part = _opened(pane.base.path).crop((left, top, left + REDUCE * wide, top + REDUCE * high))
            image.paste(part, (REDUCE * pane.across.start, REDUCE * pane.down.start))
        image.save(path, compress_level=1)

    def pixels(self, capture: Capture) -> Tensor:
        """The pixels of a screen of the crowd, without reading its file."""
        return self._put_together(self._panes[capture.path])


@cache
def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _mend_rows(codes: Tensor, frame: Tensor, row: int) -> None:
    """Compute a row of tiles, and the last one, in one go: strips of the frame, one below the other."""
    last = codes.shape[2] - 1
    strips = torch.zeros(3, 2 * TILE + TILE + HALO, frame.shape[2], dtype=torch.uint8)
    strips[:, : TILE + HALO] = frame[:, row * TILE : (row + 1) * TILE + HALO]
    end = frame[:, last * TILE :]
    strips[:, 2 * TILE : 2 * TILE + end.shape[1]] = end
    mended = compute(strips[:, : 2 * TILE + end.shape[1]].contiguous()).codes
    codes[:, :, row], codes[:, :, last] = mended[:, :, 0], mended[:, :, 2]


def _kindred(lot: random.Random, bases: list[Capture], height: int, width: int) -> Iterator[Pane]:
    base = lot.choice(bases)
    yield Pane(base, slice(0, height), slice(0, width), 0, 0)
    for _ in range(lot.randrange(1, 4)):
        down, across = (TILE * lot.randrange(side // TILE // 4, side // TILE // 2) for side in (height, width))
        top, left = (TILE * lot.randrange((side - size) // TILE) for side, size in ((height, down), (width, across)))
        scrolled = lot.random() < _SCROLLED
        source = base if scrolled else lot.choice(bases)
        start = TILE * lot.randrange((height - down) // TILE) if scrolled else top
        yield Pane(source, slice(top, top + down), slice(left, left + across), start, left)


def _strange(lot: random.Random, bases: list[Capture], height: int, width: int) -> Iterator[Pane]:
    down, across = (TILE * lot.randrange(side // TILE // 4, 3 * side // TILE // 4) for side in (height, width))
    for rows in (slice(0, down), slice(down, height)):
        for columns in (slice(0, across), slice(across, width)):
            top, left = (
                TILE * lot.randrange((side - (part.stop - part.start)) // TILE + 1)
                for side, part in ((height, rows), (width, columns))
            )
            yield Pane(lot.choice(bases), rows, columns, top, left)


def _tiles(pixels: slice) -> slice:
    return slice(pixels.start // TILE, -(-pixels.stop // TILE))
