"""All windows of a root: one for each display and frame size."""

from collections.abc import Callable, Iterable
from itertools import islice, takewhile
from pathlib import Path

import torch
from torch import Tensor

from watcher.errors import GoneError, UnreadableError
from watcher.judge.bounds import SignatureStack
from watcher.judge.frame import Frame
from watcher.judge.pictures import Pictures
from watcher.judge.signature import are_alike, can_unpack, compute, unpack
from watcher.judge.window import Found, Window, WindowContext, kept_frame
from watcher.model.capture import Capture
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import Kind, Policy, Score, decide

_BATCH = 32
"""Stored signatures that are unpacked together: their numbers fit a CPU's cache."""


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
        self._restored: dict[int, list[KeptFrame]] = {}
        self._lost: list[Capture] = []
        self._renewed: list[KeptFrame] = []
        self._context = WindowContext(policy, self._pictures)

    def restore(self, kept: Iterable[KeptFrame]) -> None:
        """Take over what the ledger kept, most recently used first, before any frame is judged."""
        for one in kept:
            self._restored.setdefault(one.capture.display, []).append(one)

    def nearest(self, frame: Frame) -> Score:
        """How near *frame* is to its window and, where that matters and the policy says so, to those of other displays.

        Raises:
            OSError: a file that may hold the nearest frame cannot be read for the moment.
        """
        score = self._without_lost(self._of(frame).nearest(frame))
        if not self._policy.across_displays or decide(frame.capture, score, self._policy).kind is Kind.DUPLICATE:
            return score
        others = (self._without_lost(window.nearest(frame)) for window in self._siblings(frame))
        return max((score, *others), key=lambda one: one.ssim)

    def admit(self, frame: Frame) -> KeptFrame:
        """Put *frame* to the front of its window; returns what the ledger keeps of it."""
        return self._of(frame).admit(frame)

    def touch(self, nearest: Capture, frame: Frame) -> None:
        """Move *nearest* to the front of its window, whose frames have the size of *frame*."""
        _, height, width = frame.pixels.shape
        self._windows[nearest.display, height, width].touch(nearest)

    def take_changes(self) -> Changes:
        """What the ledger has to know and does not know yet: the caller writes it down."""
        changes = Changes(tuple(self._lost), tuple(self._renewed))
        self._lost.clear()
        self._renewed.clear()
        return changes

    def discard(self, capture: Capture) -> None:
        """Take the frame of *capture* out of its window, if it is in one."""
        restored = self._restored.get(capture.display, [])
        restored[:] = [kept for kept in restored if kept.capture.identity != capture.identity]
        for (display, _, _), window in self._windows.items():
            if display == capture.display:
                window.discard(capture)

    def _of(self, frame: Frame) -> Window:
        """The window that *frame* is compared with.

        Raises:
            OSError: a file without a usable signature cannot be read for the moment; call again later.
        """
        display = frame.capture.display
        if display in self._restored:
            self._fill(display, frame.pixels.device)
        _, height, width = frame.pixels.shape
        return self._window(display, height, width, frame.pixels.device)

    def _without_lost(self, found: Found) -> Score:
        """The score in *found*; the frames that are lost leave their windows."""
        for capture in found.lost:
            self.discard(capture)
        self._lost += found.lost
        return found.score

    def _siblings(self, frame: Frame) -> list[Window]:
        """The windows of other displays for frames of this size, in the order of the displays."""
        for display in tuple(self._restored):
            self._fill(display, frame.pixels.device)
        _, *size = frame.pixels.shape
        return [
            self._windows[display, height, width]
            for display, height, width in sorted(self._windows)
            if [height, width] == size and display != frame.capture.display
        ]

    def _window(self, display: int, height: int, width: int, device: torch.device) -> Window:
        key = (display, height, width)
        if key not in self._windows:
            stack = SignatureStack(height, width, device)
            self._windows[key] = Window(stack, self._context)
        return self._windows[key]

    def _fill(self, display: int, device: torch.device) -> None:
        """Build a display's windows from what the ledger kept; what is done stays done if a file cannot be read."""
        waiting = self._restored[display]
        while waiting:
            run = self._run(waiting)
            unpacked = unpack([kept.signature for kept in run], self._digest(display), device)
            if unpacked is None:
                unpacked = self._computed_again(run[0])
            del waiting[-len(run) :]
            if unpacked is not None:
                height, width, codes = unpacked
                window = self._window(display, height, width, device)
                if not len(window):
                    window.reserve(sum((kept.height, kept.width) == (height, width) for kept in (*waiting, *run)))
                window.insert([kept.capture for kept in run], codes)
        del self._restored[display]

    def _run(self, waiting: list[KeptFrame]) -> list[KeptFrame]:
        """Those of the last of *waiting* that can be unpacked together, least recently used first; at least one."""
        run = [waiting[-1]]
        if can_unpack(run[0].signature, self._digest(run[0].capture.display)):
            alike = takewhile(lambda kept: are_alike(kept.signature, run[0].signature), reversed(waiting))
            run = list(islice(alike, _BATCH))
        return run

    def _digest(self, display: int) -> int:
        return self._policy.digest(display)

    def _computed_again(self, kept: KeptFrame) -> tuple[int, int, Tensor] | None:
        """Height, width and codes of *kept*, whose stored signature is of no use; None if its picture is lost."""
        try:
            pixels = self._pictures.pixels(kept.capture)
        except (GoneError, UnreadableError):
            self._lost.append(kept.capture)
            return None
        signature = compute(pixels)
        self._renewed.append(kept_frame(kept.capture, signature, self._policy, pixels))
        return signature.height, signature.width, signature.codes[None]
