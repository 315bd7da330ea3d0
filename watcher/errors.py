"""What framesift raises on purpose, everything else is a bug; and the codes with which it ends."""

from pathlib import Path

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_SICK = 4
EXIT_DEVICE = 75
"""The services start framesift anew."""
EXIT_INTERRUPTED = 130


class WatcherError(Exception):
    """Something the user can mend; its text is the one clear line they see."""


class SettingsError(WatcherError):
    """A setting is unknown or has a value that cannot be right."""


class SeveralRootsError(SettingsError):
    """Several roots are known, and none is named."""

    def __init__(self, roots: "list[Path]", text: str) -> None:
        super().__init__(text)
        self.roots = roots


class UnreadableError(WatcherError):
    """A whole file that cannot become a frame: undecodable, too large, or too small for SSIM."""


class NameRefusedError(WatcherError):
    """A name has the form of a capture's, and tells a display or a time that cannot be."""


class NotWholeError(WatcherError):
    """A file that is not, or not yet, a complete PNG."""


class GoneError(WatcherError):
    """A file is no longer the one that was looked at: deleted, replaced or changed."""


class StaleError(WatcherError):
    """What a decision was made on has changed since; nothing was changed."""


class KnownError(StaleError):
    """A capture has been judged before, or dealt with otherwise, by another framesift or a person."""


class NearestGoneError(StaleError):
    """The screen that a capture duplicates is no longer kept: it has to be judged once more."""


class BusyError(WatcherError):
    """Another framesift is at work there."""


class ConflictError(WatcherError):
    """The place a file should go to is taken; nothing was overwritten."""


class CrampedError(WatcherError):
    """A device has too little memory for what was asked; asking for less may work."""


class LostError(WatcherError):
    """The device no longer works for this process, as after an error of CUDA; it may work for a new one."""


class FaultError(WatcherError):
    """The disk or the ledger refuses work; nothing more may be moved until that is mended."""


class HeldError(FaultError):
    """Another process is moving pictures; it will be done, or somebody has stopped it."""


class AwayError(FaultError):
    """The disk of a folder is not mounted, or another folder is in its place."""
