"""The device on which captures are judged: what to do when it has too little memory, or is lost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch

from watcher.errors import CrampedError
from watcher.judge.frame import Frame, device_errors, load
from watcher.judge.pipeline import Judged, Postponed, judge_one
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.verdict import Policy

Load: TypeAlias = Callable[[Capture], Frame]


@dataclass(slots=True)
class DeviceBudget:
    """Where frames are compared, and how many bytes of them are held there."""

    device: torch.device
    frame_memory: int
    why: str = ""
    """Why it is not where it was meant to be; empty if it is."""
    _whole: int = field(init=False)

    def __post_init__(self) -> None:
        """Remember what was meant to be held."""
        self._whole = self.frame_memory

    def halve(self, error: CrampedError) -> str:
        """Hold half as much, because of *error*; returns what is said of it."""
        self.frame_memory //= 2
        return f"{error}; holding {self.frame_memory / 1e6:.0f} MB of frames from now on"

    def fall_back(self, error: CrampedError) -> str:
        """Go on on the CPU, with what was meant to be held, because of *error*; returns what is said of it.

        Raises:
            CrampedError: *error*, for this is the CPU already, and nothing is left to try.
        """
        if self.device.type == "cpu":
            raise error
        self.why = f"comparing on the CPU, since {self.device.type} has too little memory ({error})"
        self.device, self.frame_memory = torch.device("cpu"), self._whole
        return self.why


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
        return replace(frame, pixels=frame.pixels.to(self.budget.device))

    def begin_anew(self) -> None:
        """Have the windows that the ledger knows now.

        They are a cache of it, of which somebody else may have changed more, or what broke off have left half changed.
        """
        del self.windows
        with device_errors():
            torch.cuda.empty_cache()
        self.windows = self._filled()

    def _filled(self) -> Windows:
        device = self.budget.device
        return self._fill(lambda capture: load(capture, device, self._policy), self.budget.frame_memory)
