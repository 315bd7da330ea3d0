"""What the ledger keeps of a frame of the window."""

from dataclasses import dataclass

from watcher.model.capture import Capture


@dataclass(frozen=True, slots=True)
class Kept:
    """Enough to compare with a kept frame after a restart without opening its file."""

    capture: Capture
    height: int
    width: int
    """Of the frame, in pixels after averaging."""
    signature: bytes
