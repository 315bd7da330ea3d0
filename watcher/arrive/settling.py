"""When a file has settled: its size, mtime and inode have stayed the same for the time of the setting ``settle``."""

import os
from dataclasses import dataclass, replace
from typing import TypeAlias

from watcher.model.capture import Capture

YOUNG_SECONDS = 2.0
"""For so long after it has settled, a file that is not whole may still be in the middle of being written. It holds back
later captures of its display, so that they are judged in their order."""
HOLD_SECONDS = 5.0
"""... but no longer than for this and twice the time to settle: a file that never comes to rest must not hold back its
display for ever."""
TELL_SECONDS = 3.0
"""How long after it has settled a file must still be unchanged and not whole before a person hears of it."""
FIRST_GAP_SECONDS = 0.2
LONGEST_GAP_SECONDS = 3600.0
SWEEP_SECONDS = 2.0
"""How long a sweep waits at most for files to settle."""

Key: TypeAlias = tuple[int, int, int]


def key_of(status: os.stat_result) -> Key:
    """(size, mtime_ns, inode): what changes when a file is written to or replaced."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def is_too_young(capture: Capture, settle: float, now: float) -> bool:
    """Whether *capture*, as its mtime says, will not have settled when a sweep has waited.

    An mtime in the future says nothing. Times are seconds, *now* is since the epoch.
    """
    return 0 <= now - capture.mtime_ns / 1e9 < settle - SWEEP_SECONDS


@dataclass(slots=True)
class Arrival:
    """What is known of one file on its way; times are of a monotonic clock, in seconds."""

    key: Key
    settle: float
    """How long the file must have had this key before it counts."""
    since: float
    """When the file was first seen with this key."""
    noticed: float
    """When it was first seen at all."""
    due: float
    tries: int = 0
    was_told: bool = False

    @classmethod
    def seen(cls, key: Key, settle: float, now: float) -> "Arrival":
        """A file that has just been noticed."""
        return cls(key, settle, since=now, noticed=now, due=now + settle)

    def changed(self, key: Key, now: float) -> "Arrival":
        """The same file, after it has been written to or replaced."""
        return replace(Arrival.seen(key, self.settle, now), noticed=self.noticed)

    def young(self, now: float) -> bool:
        """Whether it may still be in the middle of being written."""
        rests = now - self.since < self.settle + YOUNG_SECONDS
        return rests and now - self.noticed < 2 * self.settle + HOLD_SECONDS

    def postpone(self, now: float) -> None:
        """Look again after a gap that doubles each time: a file that is never whole costs nothing for days."""
        self.due = now + min(FIRST_GAP_SECONDS * 2**self.tries, LONGEST_GAP_SECONDS)
        self.tries = min(self.tries + 1, 20)

    def worth_telling(self, now: float) -> bool:
        """True once, when the file has stayed unchanged and not whole for a while."""
        if self.was_told or now - self.since < self.settle + TELL_SECONDS:
            return False
        self.was_told = True
        return True
