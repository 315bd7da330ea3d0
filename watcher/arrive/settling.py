"""When a file has settled: its size, mtime and inode have stayed the same for a while."""

import os
from dataclasses import dataclass, replace
from typing import TypeAlias

SETTLE_SECONDS = 0.2
"""How long size and mtime must have stayed the same."""
YOUNG_SECONDS = 2.0
"""A file that changed so recently holds back later captures of its display, so that they are judged in their order."""
HOLD_SECONDS = 5.0
"""... but no longer than this: a file that never comes to rest must not hold back its display for ever."""
TELL_SECONDS = 3.0
"""How long a file must have stayed unchanged and not whole before a person hears of it."""
LONGEST_GAP_SECONDS = 3600.0

Key: TypeAlias = tuple[int, int, int]


def key_of(status: os.stat_result) -> Key:
    """(size, mtime_ns, inode): what changes when a file is written to or replaced."""
    return status.st_size, status.st_mtime_ns, status.st_ino


@dataclass(slots=True)
class Arrival:
    """What is known of one file on its way; times are of a monotonic clock, in seconds."""

    key: Key
    since: float
    """When the file was first seen with this key."""
    noticed: float
    """When it was first seen at all."""
    due: float
    tries: int = 0
    was_told: bool = False

    @classmethod
    def seen(cls, key: Key, now: float) -> "Arrival":
        """A file that has just been noticed."""
        return cls(key, since=now, noticed=now, due=now + SETTLE_SECONDS)

    def changed(self, key: Key, now: float) -> "Arrival":
        """The same file, after it has been written to or replaced."""
        return replace(Arrival.seen(key, now), noticed=self.noticed)

    def young(self, now: float) -> bool:
        """Whether it may still be in the middle of being written."""
        return now - self.since < YOUNG_SECONDS and now - self.noticed < HOLD_SECONDS

    def postpone(self, now: float) -> None:
        """Look again after a gap that doubles each time: a file that is never whole costs nothing for days."""
        self.due = now + min(SETTLE_SECONDS * 2**self.tries, LONGEST_GAP_SECONDS)
        self.tries = min(self.tries + 1, 20)

    def worth_telling(self, now: float) -> bool:
        """True once, when the file has stayed unchanged and not whole for a while."""
        if self.was_told or now - self.since < TELL_SECONDS:
            return False
        self.was_told = True
        return True
