"""A desk with an archive that is judged by hand and drawn for real, so that what is in it is known."""

import io
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import torch
from PIL import Image

from tests.desk import Desk, capture_of, land
from tests.pictures import png
from watcher.demo.scenes import Scene, SceneKind, draw
from watcher.judge.signature import Signature, compute
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict

SIZE = (640, 400)
POLICY = Policy()
NOON = datetime(2020, 5, 4, 12)


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
        path = land(self.desk.path_at(moment, display), picture)
        capture, signature = capture_of(path), signed(picture)
        data = signature.to_bytes(POLICY.preparation(display).digest if digest is None else digest)
        kept = KeptFrame(capture, signature.height, signature.width, data)
        return self.ledger.record(self.timeline, Verdict(capture, Kind.NEW, NOTHING_TO_COMPARE, POLICY), kept, None)

    def again(self, moment: datetime, of: Entry, display: int = 1, worst_tile: float = 0.9) -> Entry:
        """A duplicate, in quarantine; there is no file of it."""
        capture = Capture(self.desk.path_at(moment, display), display, moment, 1, 1)
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
