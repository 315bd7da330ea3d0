"""Retention: a watcher purges its quarantine by itself, if the user has switched that on.

Age is counted from when a picture was quarantined, in days on which the watcher ran, so that a clock that jumps makes
nothing old.
"""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from watcher.keep.deletion import Superfluous
from watcher.keep.purge import Limits, Purge, PurgeTally
from watcher.ledger.days import Days
from watcher.ledger.deletions import Candidate
from watcher.ledger.ledger import Ledger
from watcher.settings.settings import Settings


def elapsed() -> float:
    """Seconds of a clock that nobody can set, and that runs on while the machine sleeps."""
    if sys.platform == "win32":
        return time.monotonic()  # which runs on by itself there
    # On Linux the monotonic clock sleeps as well; on macOS it is Python's own that does.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot() -> str:
    """A name for the run of the system since it was started; empty where it tells none."""
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


class Retention:
    """Purges a little whenever there is nothing else to do, until the day's work is done."""

    def __init__(self, ledger: Ledger, settings: Settings, say: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._settings = settings
        self._say = say
        self._days = Days(ledger, settings.root, boot())
        self._checked: date | None = None
        self._at_work: Iterator[None] = iter(())

    def idle(self) -> None:
        """Called when nothing else is to be done, at least every second."""
        self.look(date.today(), elapsed())

    def look(self, today: date, now: float) -> None:
        """As on *today*, *now* seconds on the clock of :func:`elapsed`: begin the day's work, or go on with it.

        Raises:
            FaultError: disk or ledger refuse, and there was no waiting for it.
        """
        counted = self._days.see(today, now)
        if counted and self._checked != today:
            self._checked = today
            self._at_work = self._work(today)
        next(self._at_work, None)

    def _work(self, today: date) -> Iterator[None]:
        retention = self._settings.retention
        if not retention.is_on or self._days.is_done(today):
            return
        purge = Purge(self._ledger, self._settings.root, self._settings.quarantine_dir, self._limits())
        tally = PurgeTally()
        for outcomes in purge.carry_out():
            tally.count(outcomes)
            yield  # captures come first
        self._days.done(today)
        if tally.purged.files or tally.refused:
            self._say(f"retention: {tally.purged} purged{tally.refusals and f'; {tally.refusals}'}")

    def _limits(self) -> Limits:
        retention = self._settings.retention
        first_kept = self._days.begun(retention.days) if retention.days else 0

        def is_old(one: Superfluous) -> bool:
            return isinstance(one, Candidate) and one.aside_day < first_kept

        return Limits(is_old, first_kept, retention.max_bytes or math.inf)
