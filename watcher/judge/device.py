"""The pipeline on its device: what to do when that has too little memory, or is lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeAlias

import torch

from watcher.errors import CrampedError
from watcher.judge.frame import Frame, device_errors, load
from watcher.judge.pipeline import Judged, Postponed, verdicts
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.verdict import Policy

Load: TypeAlias = Callable[[Capture], Frame]


@dataclass(slots=True)
class Place:
    """Where frames are compared, and how many bytes of them are held there."""

    device: torch.device
    frame_memory: int
    why: str = ""
    """Why it is not where it was meant to be; empty if it is."""

    def yield_to(self, error: CrampedError, attempt: int, most: int) -> str:
        """Ask for less than at *attempt*, 0 being the first: half the memory, then the CPU with its *most*.

        Returns:
            What is said of it.

        Raises:
            CrampedError: *error*, for nothing is left to try.
        """
        name = self.device.type
        if not attempt:
            self.frame_memory //= 2
            return f"{error}; holding {self.frame_memory / 1e6:.0f} MB of frames from now on"
        if name == "cpu":
            raise error
        self.device, self.frame_memory = torch.device("cpu"), most
        self.why = f"comparing on the CPU, since {name} has too little memory ({error})"
        return self.why


class Engine:
    """Judges captures, come what may of the device; with less memory, or on the CPU, verdicts stay the same."""

    def __init__(
        self, place: Place, policy: Policy, fill: Callable[[Load, int], Windows], say: Callable[[str], object]
    ) -> None:
        """Begin at *place*.

        Args:
            place: changed by what the device refuses.
            policy: of the verdicts.
            fill: makes the windows that the ledger knows, from what loads a kept frame and the bytes to be held.
            say: hears when less, or another device, has to do.
        """
        self.place = place
        self._policy, self._fill, self._say = policy, fill, say
        self._most = place.frame_memory
        self.windows = self._filled()

    def judge(self, capture: Capture, read: Load) -> Judged | Postponed:
        """The verdict on *capture*, which *read* turns into a frame, on whatever device.

        Raises:
            CrampedError: not even the CPU has the memory.
            LostError: only a new process can go on.
        """
        for attempt in count():
            try:
                with device_errors():
                    return next(verdicts([capture], self.windows, self._policy, lambda one: self._here(read(one))))
            except CrampedError as error:
                said = self.place.yield_to(error, attempt, self._most)
            # Only now is nothing of the attempt held: an error keeps what was at hand when it was raised.
            self.begin_anew()
            self._say(said)
        raise AssertionError

    def _here(self, frame: Frame) -> Frame:
        return replace(frame, pixels=frame.pixels.to(self.place.device))

    def begin_anew(self) -> None:
        """Have the windows that the ledger knows now.

        They are a cache of it, of which somebody else may have changed more, or what broke off have left half changed.
        """
        del self.windows
        with device_errors():
            torch.cuda.empty_cache()
        self.windows = self._filled()

    def _filled(self) -> Windows:
        device = self.place.device
        return self._fill(lambda capture: load(capture, device, self._policy), self.place.frame_memory)
