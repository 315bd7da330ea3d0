"""What the service manager (systemd) hears of the watcher it started: begun, alive, waiting, stopping (sd_notify).

A watchdog's restart costs seconds of loading and may mend a process; it mends no disk. So the watcher is alive
- while its one worker thread comes round to say so (a root that hangs holds that thread, and so its word), and
- while it can list the root; or the root is not there, as when a disk is unplugged; or this process never could,
  which is a fault that a restart has not mended. The last two are reported; they are no reason to restart.
For the same reason it has begun as soon as it holds its locks, even if the root is not there, or as soon as it waits
for a disk that is full. While it waits for that disk it is alive, whatever the root looks like.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from watcher.health.heartbeat import SourceStatus
from watcher.text import visible

_STATUS_SECONDS = 15.0
_BEATS = 3
"""Signs of life in the time after which the manager would give it up."""
_SEND_SECONDS = 1.0


class SdNotifier(contextlib.AbstractContextManager["SdNotifier"]):
    """Tells the service manager of one watcher; says nothing where there is none."""

    def __init__(self, root: Path, status: SourceStatus, environ: Mapping[str, str] = os.environ) -> None:
        """Speak for the watcher of *root*; *status* is what the manager shows to its users."""
        self._root = root
        self._source = status
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._patience = _patience(environ)
        self._seen = False
        self._fault = ""
        self._waits = ""
        self._begun = False
        self._next = 0.0

    def __enter__(self) -> Self:
        self._begin()
        return self

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._tell("READY=1")
            self._tell(self._status())

    def __exit__(self, *_: object) -> None:
        self._tell("STOPPING=1")

    def waits(self, why: str) -> None:
        """The watcher waits because disk or ledger refuse, with *why*; an empty one ends that."""
        if why != self._waits:
            self._waits, self._next = why, 0.0
            self._begin()

    def pulse(self) -> None:
        """Called by the worker wherever it comes round, waiting included; most calls do nothing."""
        now = time.monotonic()
        if not self._address or now < self._next:
            return
        self._next = now + min(_STATUS_SECONDS, self._patience / _BEATS)
        if self._is_well() and self._patience < float("inf"):
            self._tell("WATCHDOG=1")
        self._tell(self._status())

    def _is_well(self) -> bool:
        self._fault = ""
        if self._waits:
            return True
        try:
            with os.scandir(self._root) as entries:
                next(entries, None)
        except FileNotFoundError:
            return True
        except OSError as error:
            self._fault = f"cannot list {self._root}: {error.strerror}"
            return not self._seen
        self._seen = True
        return True

    def _status(self) -> str:
        # systemd takes a single backslash for an escape, and one at the end for no message at all (252).
        return "STATUS=" + visible(self._waits or self._fault or self._source.why or f"watching {self._root}").replace(
            "\\", r"\\"
        )

    def _tell(self, word: str) -> None:
        if sys.platform == "win32" or not self._address:
            return
        # An abstract address begins with a zero byte; the variable has an @ instead.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # A manager that does not hear must neither stop the watcher nor hold it up.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(_SEND_SECONDS)
            line.sendto(word.encode(), address)


def _patience(environ: Mapping[str, str]) -> float:
    """Seconds without a sign of life after which the manager gives this process up; infinite if it never does."""
    for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if for_us and microseconds.isdecimal() and int(microseconds) else float("inf")
