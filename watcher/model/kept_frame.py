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
    checksum: int = 0
    """CRC-32 of its pixels; 0 where it is not known, as in a ledger of framesift 0.1."""

    def shows(self) -> tuple[object, ...]:
        """What two frames with the same pixels have in common."""
        return self.height, self.width, self.signature, self.checksum

    def may_show(self, other: "KeptFrame") -> bool:
        """Whether *other* has the same pixels; by its signature alone if it was kept by framesift 0.1."""
        return self.shows()[: 4 if other.checksum else 3] == other.shows()[: 4 if other.checksum else 3]


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of kept frames while others were compared with them."""

    lost: tuple[Capture, ...] = ()
    """Captures that left their window because their file is gone, replaced or damaged."""
    renewed: tuple[KeptFrame, ...] = ()
    """Those whose stored signature was of no use, with the one computed again."""


NOTHING_CHANGED = Changes()
