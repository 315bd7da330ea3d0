"""The device on which frames are compared: which one it is, what it refuses, and how much it holds."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from watcher.errors import CrampedError, LostError, WatcherError

_FULL = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
_LOST = ("CUDA error", "CUDA driver", "CUDA unknown error", "No CUDA GPUs", "cuDNN error", "CUDNN_STATUS", "CUBLAS")
_ACCELERATOR = getattr(torch, "AcceleratorError", ())
"""torch has a type for it since 2.8."""


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


def choose_device(name: str) -> torch.device:
    """The device called *name*: ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WatcherError: this machine, or this build of torch, has no such device.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in present.items() if there)
    if name not in present:
        raise WatcherError(f"there is no device {name!r}: choose auto, cpu, cuda or mps")
    if not present[name]:
        raise WatcherError(f"this machine has no {name} device that torch can use: choose auto or cpu")
    _prepare_torch()
    return torch.device(name)


def _prepare_torch() -> None:
    # Small operations on several threads of a busy machine are slower by orders of magnitude (measured).
    torch.set_num_threads(1)
    # TF32 keeps 10 bits of each factor; variances here are small differences of large numbers and need all 24.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


@contextlib.contextmanager
def device_errors() -> Iterator[None]:
    """Tell apart what a device refuses; what remains a RuntimeError is a bug.

    Raises:
        CrampedError: there is too little memory for this; the device is well.
        LostError: whatever this process asks of the device from now on, it fails.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error).partition("\n")[0].rstrip(" .")
        if isinstance(error, torch.OutOfMemoryError) or any(sign in text for sign in _FULL):
            raise CrampedError(text.partition(". ")[0]) from error
        if isinstance(error, _ACCELERATOR) or any(sign in text for sign in _LOST):
            raise LostError(f"the device is lost to this process ({text}); a new one is needed") from error
        raise
