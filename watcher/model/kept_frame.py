"""What the ledger keeps of a frame of the window, and what it has to learn of the windows."""

from dataclasses import dataclass

from watcher.model.capture import Capture


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """Enough to compare with a kept frame after a restart without opening its file."""

    capture: Capture
    height: int
    width: int
    """Of the frame, in pixels after averaging."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of kept frames while others were compared with them."""

    lost: tuple[Capture, ...] = ()
    """Captures that left their window because their file is gone, replaced or damaged."""
    renewed: tuple[KeptFrame, ...] = ()
    """Those whose stored signature was of no use, with the one computed again."""


NOTHING_CHANGED = Changes()
