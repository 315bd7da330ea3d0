"""How a run ends and how it waits: it finishes the capture in hand at the first signal, and waits while disks fail."""

import contextlib
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Self

from watcher.errors import FaultError
from watcher.health.heartbeat import UNTIL_MENDED
from watcher.terminal.console import Log

_FAULT_SECONDS = 2.0
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def is_ignored(number: int) -> bool:
    """Whether this process was started so that it does not hear the signal *number*, as nohup does with SIGHUP."""
    return signal.getsignal(number) is signal.SIG_IGN


class Stop(contextlib.AbstractContextManager["Stop"]):
    """Turns the first signal into an orderly end; the second one has its usual effect. What is ignored stays so."""

    def __init__(self) -> None:
        self.received = False
        self.signal = signal.SIGTERM
        self._then: list[Callable[[], None]] = []
        self._before = {number: signal.getsignal(number) for number in _SIGNALS if not is_ignored(number)}

    def then(self, end: Callable[[], None]) -> None:
        """Call *end* at the first signal, within its handler; at once if it has come already."""
        self._then.append(end)
        if self.received:
            end()

    def __enter__(self) -> Self:
        for number in self._before:
            signal.signal(number, self._received)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # Asked to stop while disk or ledger refuse: the next start does what is left.
        return self.received and isinstance(error, FaultError)

    def _received(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        signal.signal(number, self._before[number])
        self.received = True
        for end in self._then:
            end()


class WaitListener:
    """Hears that a run waits. This one ignores it."""

    def waits(self, why: str) -> None:
        """The run waits, or still does, because of *why*; an empty one ends that."""

    def pulse(self) -> None:
        """Called all the while."""


class Wait:
    """Waits while disk or ledger refuse: nothing more is moved, one line says so, and it goes on by itself."""

    def __init__(self, log: Log, stop: Stop, listener: WaitListener) -> None:
        """Tell *log* and *listener* of a wait, and end it when *stop* has received a signal."""
        self._log = log
        self._stop = stop
        self._listener = listener
        self._said = ""

    def wait(self, fault: FaultError) -> None:
        """Return when it is time to try again; raise *fault* if a signal says stop."""
        if str(fault) != self._said:
            self._said = str(fault)
            self._log.say(f"{fault}; {UNTIL_MENDED}", "error")
        self._listener.waits(str(fault))
        again = time.monotonic() + _FAULT_SECONDS
        while time.monotonic() < again:
            if self._stop.received:
                raise fault
            self._listener.pulse()
            time.sleep(0.1)  # no threading.Event: its lock would be taken again inside the signal's handler

    def over(self) -> None:
        """The last try has succeeded."""
        if self._said:
            self._said = ""
            self._listener.waits("")
            self._log.say("that is mended; going on", "good")
