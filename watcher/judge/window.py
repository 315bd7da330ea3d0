"""The kept frames of each display, most recently used first, and the nearest of them to a new one."""

import sys
import zlib
from collections import OrderedDict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from watcher.errors import GoneError, UnreadableError
from watcher.judge.bounds import SignatureStack, tile_deficits
from watcher.judge.frame import Frame
from watcher.judge.pictures import Pictures
from watcher.judge.regions import widest_change
from watcher.judge.signature import Signature, bytes_of, compute
from watcher.judge.similarity import DOUBT, Measured, beyond_doubt, measure
from watcher.model.capture import Capture, Identity
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Policy, Score


def kept_frame(capture: Capture, signature: Signature, policy: Policy, pixels: Tensor | None = None) -> KeptFrame:
    """What the ledger keeps of a frame with this *signature*; *pixels* are those of the frame, if they are at hand."""
    digest = policy.digest(capture.display)
    checksum = 0 if pixels is None else zlib.crc32(bytes_of(pixels))
    return KeptFrame(capture, signature.height, signature.width, signature.to_bytes(digest), checksum)


def described(frame: Frame, policy: Policy) -> KeptFrame:
    """What the ledger would keep of a frame that is in no window."""
    return kept_frame(frame.capture, compute(frame.pixels), policy, frame.pixels)


class LastSignature:
    """The signature of the frame in hand: more than one window may need it, and it costs much."""

    def __init__(self) -> None:
        self._last: tuple[Frame, Signature] | None = None

    def of(self, frame: Frame, like: Callable[[], tuple[Tensor, Signature] | None]) -> Signature:
        """The signature of *frame*; *like* tells of a frame that it may differ little from."""
        if frame.signature is not None:
            return frame.signature
        if self._last is None or self._last[0] is not frame:
            self._last = frame, compute(frame.pixels, like())
        return self._last[1]


@dataclass(frozen=True, slots=True)
class WindowContext:
    """What all windows of a root have in common."""

    policy: Policy
    pictures: Pictures
    signature: LastSignature = field(default_factory=LastSignature)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of a window has found."""

    score: Score
    lost: tuple[Capture, ...]
    """Frames of the window whose file is gone, replaced or damaged; they count for nothing in *score*."""


class Window:
    """The kept frames of one display and one size."""

    def __init__(self, stack: SignatureStack, context: WindowContext) -> None:
        self._stack, self._context = stack, context
        self._policy, self._pictures = context.policy, context.pictures
        self._captures: list[Capture] = []  # by row of the stack
        self._rows: OrderedDict[Identity, int] = OrderedDict()  # least recently used first

    def __len__(self) -> int:
        return len(self._captures)

    @property
    def captures(self) -> list[Capture]:
        """The captures of the frames, most recently used first."""
        return [self._captures[row] for row in reversed(self._rows.values())]

    def nearest(self, frame: Frame) -> Found:
        """How near *frame* is to the window: exact above ``similar``, else the best proven upper bound.

        Frames whose file is gone, replaced or damaged are left out and named; the window itself stays as it is.

        Raises:
            OSError: a file that may hold the nearest frame cannot be read for the moment.
        """
        lost: dict[int, None] = {}  # rows, in order
        while True:
            score = self._unchanged(frame, lost) or self._search(frame, lost)
            if not score.exact or score.nearest is None or self._pictures.exists(score.nearest):
                return Found(score, tuple(self._captures[row] for row in lost))
            lost[self._rows[score.nearest.identity]] = None

    def admit(self, frame: Frame) -> KeptFrame:
        """Put *frame* to the front; the least recently used leaves a full window."""
        signature = self._signature(frame)
        self.insert([frame.capture], signature.codes[None])
        self._pictures.hold(frame.capture, frame.pixels)
        return kept_frame(frame.capture, signature, self._policy, frame.pixels)

    def insert(self, captures: Sequence[Capture], codes: Tensor) -> None:
        """Put frames to the front, given by their signatures' *codes* (captures, 2, 3, rows, columns) alone.

        The last of them is the most recently used.
        """
        if self._policy.window:
            captures, codes = captures[-self._policy.window :], codes[-self._policy.window :]
        for capture in captures:
            self.discard(capture)
        full = len(self) + len(captures) - self._policy.window if self._policy.window else 0
        for capture in [self._captures[row] for row in islice(self._rows.values(), max(0, full))]:
            self.discard(capture)
        for capture in captures:
            self._rows[capture.identity] = len(self._captures)
            self._captures.append(capture)
        self._stack.extend(codes)

    def reserve(self, count: int) -> None:
        """Make room for *count* frames, or a full window of them, at once."""
        self._stack.reserve(min(count, self._policy.window or count))

    def touch(self, capture: Capture) -> None:
        """Move the frame of *capture* to the front."""
        self._rows.move_to_end(capture.identity)

    def discard(self, capture: Capture) -> None:
        """Take the frame of *capture* out, if it is in."""
        row = self._rows.pop(capture.identity, None)
        if row is None:
            return
        self._pictures.drop(capture)
        self._stack.remove(row)
        last = self._captures.pop()
        if row < len(self._captures):
            self._captures[row] = last
            self._rows[last.identity] = row

    def _signature(self, frame: Frame) -> Signature:
        return self._context.signature.of(frame, partial(self._most_alike, frame))

    def _most_alike(self, frame: Frame) -> tuple[Tensor, Signature] | None:
        """A frame at hand that is probably much like *frame*, so that most of its signature can be taken over."""
        name = self._pictures.most_alike(frame.pixels, self._rows)
        if name is None:
            return None
        row = self._rows[name]
        return self._pictures.pixels(self._captures[row]), self._stack.signature(row)

    def _unchanged(self, frame: Frame, lost: Container[int]) -> Score | None:
        """The score of a frame equal to the front of the window, at the price of one comparison of bytes."""
        front = next((row for row in reversed(self._rows.values()) if row not in lost), None)
        if front is None:
            return NOTHING_TO_COMPARE
        capture = self._captures[front]
        pixels = self._pictures.held(capture)
        if pixels is None or capture.identity == frame.capture.identity or not torch.equal(pixels, frame.pixels):
            return None
        return Score(capture, 1.0, exact=True, worst_tile=1.0)

    def _search(self, frame: Frame, lost: dict[int, None]) -> Score:
        """The score of *frame* with all rows but those that are *lost*, to which are added those found to be."""
        signature = self._signature(frame)
        search = _Search(self._policy)
        ranks = {row: rank for rank, row in enumerate(reversed(self._rows.values()))}
        bounds = self._stack.deficits(signature, 1 - search.floor)
        itself = self._rows.get(frame.capture.identity, -1)  # a capture is no duplicate of itself
        ceilings = {row: 1 - bound for row, bound in enumerate(bounds) if row != itself and row not in lost}
        hopeful = [row for row, ceiling in ceilings.items() if ceiling > search.floor]
        # Frames at hand come first: a good match among them spares reading files that can only be worse.
        for row in sorted(hopeful, key=lambda row: (self._captures[row] not in self._pictures, -ceilings[row])):
            if (ceilings[row], -ranks[row]) < (search.floor, -search.rank):
                continue
            pixels = self._pixels(frame, row)
            if pixels is None:
                del ceilings[row]
                lost[row] = None
            else:
                promised = tile_deficits(signature, self._stack.signature(row))
                measured = measure(frame.pixels, pixels, search.floor, promised)
                measured = beyond_doubt(measured, frame.pixels, pixels, self._policy)
                ceilings[row] = min(measured.ssim, ceilings[row])
                search.take(self._captures[row], ranks[row], measured, pixels)
        return search.result(frame) or self._upper_bound(ceilings, ranks)

    def _upper_bound(self, ceilings: dict[int, float], ranks: dict[int, int]) -> Score:
        if not ceilings:
            return NOTHING_TO_COMPARE
        row = max(ceilings, key=lambda row: (ceilings[row], -ranks[row]))
        ssim = min(ceilings[row], self._policy.similar)
        return Score(self._captures[row], ssim, exact=False, worst_tile=1.0)

    def _pixels(self, frame: Frame, row: int) -> Tensor | None:
        """Those of the frame in *row*; None if that no longer exists."""
        try:
            pixels = self._pictures.pixels(self._captures[row])
        except (GoneError, UnreadableError):
            return None
        return pixels if pixels.shape == frame.pixels.shape else None


class _Search:
    """The best match so far, and the SSIM below which nothing matters any more."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.best: Score | None = None
        self._best_pixels = torch.empty(0)
        self._best_units: Tensor | None = None
        self.rank = sys.maxsize
        self.floor = policy.similar - DOUBT

    def result(self, frame: Frame) -> Score | None:
        """The best, as the score of *frame*, with what has changed in it if the policy asks for that."""
        best = self.best
        if best is None or not self._policy.news or best.ssim <= self._policy.duplicate:
            return best
        change = widest_change(frame.pixels, self._best_pixels, self._best_units, self._policy.reduce)
        return replace(best, change=change)

    def take(self, capture: Capture, rank: int, measured: Measured, pixels: Tensor) -> None:
        """Regard one more frame; of equals the one with the lowest *rank* counts, the most recently used."""
        if not measured.exact or measured.ssim <= self._policy.similar:
            return
        if self.best is not None and (measured.ssim, -rank) < (self.best.ssim, -self.rank):
            return
        self.rank = rank
        self.best = Score(capture, measured.ssim, exact=True, worst_tile=measured.worst_tile)
        self._best_pixels, self._best_units = pixels, measured.units
        duplicate = self._policy.duplicate
        in_doubt = duplicate - DOUBT < measured.ssim <= duplicate
        # Just below the threshold a frame with a lower score may still be above it by the reference.
        self.floor = max(self.floor, duplicate - DOUBT if in_doubt else measured.ssim)
