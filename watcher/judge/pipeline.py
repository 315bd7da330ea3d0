"""The heart: a capture goes in, a verdict comes out, whatever the device refuses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch

from watcher.errors import CrampedError, GoneError, NotWholeError, UnreadableError
from watcher.judge.device import DeviceBudget, device_errors
from watcher.judge.frame import Frame, load
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.kept_frame import NOTHING_CHANGED, Changes, KeptFrame
from watcher.model.verdict import Kind, Policy, Verdict, decide, unreadable

Load: TypeAlias = Callable[[Capture], Frame]
"""Turns a capture into a frame."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One capture's verdict, and what the ledger has to know of the window."""

    verdict: Verdict
    admitted: KeptFrame | None
    """What a restart needs to put this frame back into the window; None unless ``verdict.stays``."""
    changes: Changes

    @property
    def capture(self) -> Capture:
        """The capture judged."""
        return self.verdict.capture


@dataclass(frozen=True, slots=True)
class Postponed:
    """No verdict on this capture: its file, or one it must be compared with, cannot be read. It stays where it is."""

    capture: Capture
    error: GoneError | NotWholeError | OSError
    """GoneError: the file is no longer this capture's. Else it is worth another try later."""
    changes: Changes = NOTHING_CHANGED


def judge_one(capture: Capture, windows: Windows, policy: Policy, read: Load) -> Judged | Postponed:
    """Judge *capture* against the *windows*, which take it in if it stays.

    Args:
        capture: the next one in the order of time.
        windows: the kept frames so far, of the same policy.
        policy: the thresholds.
        read: turns a capture into a frame; raises what :func:`watcher.judge.frame.load` raises, or NotWholeError.
    """
    try:
        verdict, admitted = _judge(capture, windows, policy, read)
    except (GoneError, NotWholeError, OSError) as error:
        return Postponed(capture, error, windows.take_changes())
    return Judged(verdict, admitted, windows.take_changes())


def _judge(capture: Capture, windows: Windows, policy: Policy, read: Load) -> tuple[Verdict, KeptFrame | None]:
    try:
        frame = read(capture)
    except UnreadableError as error:
        return unreadable(capture, str(error), policy), None
    verdict = decide(capture, windows.nearest(frame), policy, frame.scene)
    if verdict.stays:
        return verdict, windows.admit(frame)
    if verdict.kind is Kind.DUPLICATE and verdict.score.nearest is not None:
        windows.touch(verdict.score.nearest, frame)
    return verdict, None


class Judge:
    """Judges captures, come what may of the device; with less memory, or on the CPU, verdicts stay the same."""

    def __init__(
        self, budget: DeviceBudget, policy: Policy, fill: Callable[[Load, int], Windows], say: Callable[[str], object]
    ) -> None:
        """Begin with *budget*.

        Args:
            budget: changed by what the device refuses.
            policy: of the verdicts.
            fill: makes the windows that the ledger knows, from what loads a kept frame and the bytes to be held.
            say: hears when less, or another device, has to do.
        """
        self.budget = budget
        self._policy, self._fill, self._say = policy, fill, say
        self.windows = self._filled()

    def judge(self, capture: Capture, read: Load) -> Judged | Postponed:
        """The verdict on *capture*, which *read* turns into a frame, on whatever device.

        Raises:
            CrampedError: not even the CPU has the memory.
            LostError: only a new process can go on.
        """
        for less in (self.budget.halve, self.budget.fall_back):
            try:
                return self._judge(capture, read)
            except CrampedError as error:
                said = less(error)
            # Only now is nothing of the attempt held: an error keeps what was at hand when it was raised.
            self.begin_anew()
            self._say(said)
        return self._judge(capture, read)

    def _judge(self, capture: Capture, read: Load) -> Judged | Postponed:
        with device_errors():
            return judge_one(capture, self.windows, self._policy, lambda one: self._here(read(one)))

    def _here(self, frame: Frame) -> Frame:
        pixels = frame.pixels.to(self.budget.device)
        return frame if pixels is frame.pixels else replace(frame, pixels=pixels, signature=None)

    def begin_anew(self) -> None:
        """Have the windows that the ledger knows now.

        The windows are a cache of the ledger: another process may have changed it, or an error left them half changed.
        """
        del self.windows
        with device_errors():
            torch.cuda.empty_cache()
        self.windows = self._filled()

    def _filled(self) -> Windows:
        device = self.budget.device
        return self._fill(lambda capture: load(capture, device, self._policy), self.budget.frame_memory)
