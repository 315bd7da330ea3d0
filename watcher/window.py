"""The kept frames of each display, most recently used first, and the nearest of them to a new one."""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from watcher.bounds import Stack, tile_deficits
from watcher.capture import Capture
from watcher.errors import GoneError, UnreadableError
from watcher.frame import Frame, Identity, Pictures, identity
from watcher.kept import Kept
from watcher.signature import Signature, compute
from watcher.similarity import Measured, measure, reference
from watcher.verdict import NOTHING_TO_COMPARE, Policy, Score

_AGREEMENT = 2e-5
"""A score this near a threshold is decided by the reference, so that rounding never flips a verdict."""
_DOUBT = 1e-3
"""More than rounding takes the reference from the true SSIM: at most 7e-4, over all pairs of flat shades."""


def _kept(capture: Capture, signature: Signature, policy: Policy) -> Kept:
    return Kept(capture, signature.height, signature.width, signature.to_bytes(policy.reduce))


class Window:
    """The kept frames of one display and one size."""

    def __init__(self, stack: Stack, policy: Policy, pictures: Pictures, lost: list[Capture]) -> None:
        self._stack, self._policy, self._pictures, self._lost = stack, policy, pictures, lost
        self._captures: list[Capture] = []  # by row of the stack
        self._rows: OrderedDict[Identity, int] = OrderedDict()  # least recently used first
        self._signed: tuple[Frame, Signature] | None = None

    def __len__(self) -> int:
        return len(self._captures)

    @property
    def captures(self) -> list[Capture]:
        """The captures of the frames, most recently used first."""
        return [self._captures[row] for row in reversed(self._rows.values())]

    def nearest(self, frame: Frame) -> Score:
        """How near *frame* is to the window: exact above ``similar``, else the best proven upper bound.

        Frames whose file is gone, replaced or damaged leave the window first.

        Raises:
            OSError: a file that may hold the nearest frame cannot be read for the moment.
        """
        while True:
            score = self._unchanged(frame) or self._search(frame)
            if not score.exact or score.nearest is None or self._pictures.exists(score.nearest):
                return score
            self._lose(score.nearest)

    def admit(self, frame: Frame) -> Kept:
        """Put *frame* to the front; the least recently used leaves a full window."""
        signature = self._signature(frame)
        self.insert(frame.capture, signature)
        self._pictures.hold(frame.capture, frame.pixels)
        return _kept(frame.capture, signature, self._policy)

    def insert(self, capture: Capture, signature: Signature) -> None:
        """Put a frame of which only the signature is at hand to the front."""
        self.discard(capture)
        self._rows[identity(capture)] = len(self._captures)
        self._captures.append(capture)
        self._stack.append(signature)
        if 0 < self._policy.window < len(self):
            self.discard(self._captures[next(iter(self._rows.values()))])

    def touch(self, capture: Capture) -> None:
        """Move the frame of *capture* to the front."""
        self._rows.move_to_end(identity(capture))

    def discard(self, capture: Capture) -> None:
        """Take the frame of *capture* out, if it is in."""
        row = self._rows.pop(identity(capture), None)
        if row is None:
            return
        self._pictures.drop(capture)
        self._stack.remove(row)
        last = self._captures.pop()
        if row < len(self._captures):
            self._captures[row] = last
            self._rows[identity(last)] = row

    def _lose(self, capture: Capture) -> None:
        self.discard(capture)
        self._lost.append(capture)

    def _signature(self, frame: Frame) -> Signature:
        if self._signed is None or self._signed[0] is not frame:
            self._signed = frame, compute(frame.pixels, self._front())
        return self._signed[1]

    def _front(self) -> tuple[Tensor, Signature] | None:
        """The most recently used frame, if its pixels are at hand: what most screens differ little from."""
        if not self._captures:
            return None
        row = next(reversed(self._rows.values()))
        pixels = self._pictures.held(self._captures[row])
        return None if pixels is None else (pixels, self._stack.signature(row))

    def _unchanged(self, frame: Frame) -> Score | None:
        """The score of a frame equal to the front of the window, at the price of one comparison of bytes."""
        if not self._captures:
            return NOTHING_TO_COMPARE
        front = self._captures[next(reversed(self._rows.values()))]
        pixels = self._pictures.held(front)
        if pixels is None or identity(front) == identity(frame.capture) or not torch.equal(pixels, frame.pixels):
            return None
        return Score(front, 1.0, exact=True, worst_tile=1.0)

    def _search(self, frame: Frame) -> Score:
        signature = self._signature(frame)
        search = _Search(self._policy)
        ranks = {row: rank for rank, row in enumerate(reversed(self._rows.values()))}
        bounds = self._stack.deficits(signature, 1 - search.floor)
        ceilings = {row: 1 - bound for row, bound in enumerate(bounds)}
        ceilings.pop(self._rows.get(identity(frame.capture), -1), None)  # a capture is no duplicate of itself
        hopeful = [row for row, ceiling in ceilings.items() if ceiling > search.floor]
        lost = []
        # Frames at hand come first: a good match among them spares reading files that can only be worse.
        for row in sorted(hopeful, key=lambda row: (self._captures[row] not in self._pictures, -ceilings[row])):
            if (ceilings[row], -ranks[row]) < (search.floor, -search.rank):
                continue
            measured = self._measure(frame, signature, row, search.floor)
            if measured is None:
                del ceilings[row]
                lost.append(self._captures[row])
            else:
                ceilings[row] = min(measured.ssim, ceilings[row])
                search.take(self._captures[row], ranks[row], measured)
        score = search.best or self._upper_bound(ceilings, ranks)
        for capture in lost:
            self._lose(capture)
        return score

    def _upper_bound(self, ceilings: dict[int, float], ranks: dict[int, int]) -> Score:
        if not ceilings:
            return NOTHING_TO_COMPARE
        row = max(ceilings, key=lambda row: (ceilings[row], -ranks[row]))
        ssim = min(ceilings[row], self._policy.similar)
        return Score(self._captures[row], ssim, exact=False, worst_tile=1.0)

    def _measure(self, frame: Frame, signature: Signature, row: int, floor: float) -> Measured | None:
        """SSIM with the frame in *row*; None if that no longer exists."""
        try:
            pixels = self._pictures.pixels(self._captures[row])
        except (GoneError, UnreadableError):
            return None
        if pixels.shape != frame.pixels.shape:
            return None
        promised = tile_deficits(signature, self._stack.signature(row))
        measured = measure(frame.pixels, pixels, floor, promised)
        doubt = max(_AGREEMENT, min(measured.noise, _DOUBT))
        thresholds = (self._policy.duplicate, self._policy.similar)
        if measured.exact and measured.noise and any(abs(measured.ssim - t) <= doubt for t in thresholds):
            return replace(measured, ssim=reference(frame.pixels, pixels))
        return measured


class _Search:
    """The best match so far, and the SSIM below which nothing matters any more."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.best: Score | None = None
        self.rank = sys.maxsize
        self.floor = policy.similar - _DOUBT

    def take(self, capture: Capture, rank: int, measured: Measured) -> None:
        """Regard one more frame; of equals the one with the lowest *rank* counts, the most recently used."""
        if not measured.exact or measured.ssim <= self._policy.similar:
            return
        if self.best is not None and (measured.ssim, -rank) < (self.best.ssim, -self.rank):
            return
        self.rank = rank
        self.best = Score(capture, measured.ssim, exact=True, worst_tile=measured.worst_tile)
        duplicate = self._policy.duplicate
        in_doubt = duplicate - _DOUBT < measured.ssim <= duplicate
        # Just below the threshold a frame with a lower score may still be above it by the reference.
        self.floor = max(self.floor, duplicate - _DOUBT if in_doubt else measured.ssim)


class Windows:
    """All windows: one for each display and frame size, filled from the ledger when their display is first seen."""

    def __init__(
        self,
        policy: Policy,
        load: Callable[[Capture], Frame],
        locate: Callable[[Capture], Path] = lambda capture: capture.path,
        frame_memory: int = 10**9,
    ) -> None:
        """Empty windows.

        Args:
            policy: decides thresholds and length.
            load: reads a kept frame again; its capture has the path that *locate* gives.
            locate: where a kept capture's file is now.
            frame_memory: bytes of pixels held on the device, all displays together.
        """
        self._policy = policy
        self._pictures = Pictures(load, locate, frame_memory)
        self._windows: dict[tuple[int, int, int], Window] = {}
        self._restored: dict[int, list[Kept]] = {}
        self._lost: list[Capture] = []
        self._renewed: list[Kept] = []

    def restore(self, kept: Iterable[Kept]) -> None:
        """Take over what the ledger kept, most recently used first, before any frame is judged."""
        for one in kept:
            self._restored.setdefault(one.capture.display, []).append(one)

    def of(self, frame: Frame) -> Window:
        """The window that *frame* is compared with.

        Raises:
            OSError: a file without a usable signature cannot be read for the moment; call again later.
        """
        display = frame.capture.display
        if display in self._restored:
            self._fill(display, frame.pixels.device)
        _, height, width = frame.pixels.shape
        return self._window(display, height, width, frame.pixels.device)

    def drain(self) -> tuple[tuple[Capture, ...], tuple[Kept, ...]]:
        """What the ledger has to know and has not been told.

        Returns:
            The captures that left a window because their file is gone, replaced or damaged, and the frames whose stored
            signature was of no use and has been computed again.
        """
        told = tuple(self._lost), tuple(self._renewed)
        self._lost.clear()
        self._renewed.clear()
        return told

    def lengths(self) -> dict[int, int]:
        """How many kept frames each display is compared with."""
        lengths = {display: len(kept) for display, kept in self._restored.items()}
        for (display, _, _), window in self._windows.items():
            lengths[display] = lengths.get(display, 0) + len(window)
        return lengths

    def discard(self, capture: Capture) -> None:
        """Take the frame of *capture* out of its window, if it is in one."""
        restored = self._restored.get(capture.display, [])
        restored[:] = [kept for kept in restored if identity(kept.capture) != identity(capture)]
        for (display, _, _), window in self._windows.items():
            if display == capture.display:
                window.discard(capture)

    def _window(self, display: int, height: int, width: int, device: torch.device) -> Window:
        key = (display, height, width)
        if key not in self._windows:
            stack = Stack(height, width, device)
            self._windows[key] = Window(stack, self._policy, self._pictures, self._lost)
        return self._windows[key]

    def _fill(self, display: int, device: torch.device) -> None:
        """Build a display's windows from what the ledger kept; what is done stays done if a file cannot be read."""
        waiting = self._restored[display]
        while waiting:
            signature = self._stored(waiting[-1], device)
            one = waiting.pop()
            if signature is not None:
                self._window(display, signature.height, signature.width, device).insert(one.capture, signature)
        del self._restored[display]

    def _stored(self, kept: Kept, device: torch.device) -> Signature | None:
        """The signature of *kept*, computed again if the stored one is of no use; None if its picture is lost."""
        signature = Signature.from_bytes(kept.signature, self._policy.reduce, device)
        if signature is not None:
            return signature
        try:
            signature = compute(self._pictures.pixels(kept.capture))
        except (GoneError, UnreadableError):
            self._lost.append(kept.capture)
            return None
        self._renewed.append(_kept(kept.capture, signature, self._policy))
        return signature
