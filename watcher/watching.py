"""A watcher at work: from the live source through the pipeline into custody, and onto the console."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Self

from watcher.capture import Capture, NamePattern
from watcher.chronicle import Chronicle
from watcher.console import Log
from watcher.custody import Custody, Rehearsal, claim, insist
from watcher.errors import FaultError
from watcher.frame import choose_device, load
from watcher.ledger import Ledger
from watcher.listing import archive
from watcher.mirror import mark
from watcher.pipeline import Postponed, verdicts
from watcher.plugins import Hooks
from watcher.program import Program
from watcher.retention import Retention
from watcher.settings import Settings
from watcher.sources import Live
from watcher.vitals import lock_folder
from watcher.windows import Windows

_FAULT_SECONDS = 5.0
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def watch(program: Program, settings: Settings, log: Log, *, dry_run: bool) -> signal.Signals:
    """Judge and carry out each capture that arrives in the root, until a signal says stop.

    Returns:
        The signal that ended it.

    Raises:
        WatcherError: it cannot start, for instance because another watcher holds the folder.
    """
    root, pattern = settings.root, NamePattern(settings.name_pattern)
    with contextlib.ExitStack() as stack:
        if not dry_run:
            stack.enter_context(claim(settings.quarantine_dir, root))
            stack.enter_context(claim(lock_folder(program.folders.state_dir, root), root))
            if settings.on_similar == "set-aside":
                mark(settings.similar_dir, root)
        ledger = stack.enter_context(Ledger.copy_in_memory(program.ledger_file) if dry_run else program.ledger())

        def known(folder: Path) -> set[tuple[bytes, int, int]]:
            return insist(partial(ledger.known, folder), patience)

        live = Live(root, pattern, known, partial(log.say, tone="warning"))
        stop = stack.enter_context(_Stop(live.stop))
        patience = _Patience(log, stop)
        device = choose_device(settings.device)
        load_frame = partial(load, device=device, reduce=settings.policy.reduce)
        chronicle = Chronicle(log, ledger, settings, live.sight, device.type)
        stack.callback(chronicle.end)
        hooks = Hooks(settings, program.folders.hooks_dir, partial(log.say, tone="error"))
        custody = (Rehearsal if dry_run else Custody)(ledger, hooks, root, patience)
        for entry in custody.recover():
            log.say(
                f"{entry.verdict.capture.path.name} was on its way when the last run ended; it is {entry.state} now"
            )
        windows = Windows(settings.policy, load_frame, ledger.location, settings.frame_memory)
        windows.restore(ledger.frames(root, settings.window))
        retention = Retention(ledger, settings, patience, partial(log.say, tone="good"))
        clock = _Clock()

        def found() -> None:
            _adopt(ledger, root, pattern, program.started)
            chronicle.begin()

        def idle() -> None:
            chronicle.idle()
            if not dry_run:
                retention.idle()

        captures = clock.started(live.captures(found, idle))
        for judged in verdicts(captures, windows, settings.policy, load_frame):
            custody.note(judged.lost, judged.renewed)
            if isinstance(judged, Postponed):
                live.postpone(judged.capture, judged.error)
            else:
                chronicle.entry(custody.carry_out(judged.verdict, judged.admitted), clock.seconds)
    return stop.signal


def _adopt(ledger: Ledger, root: Path, pattern: NamePattern, started: float) -> None:
    """On the first start leave to ``sweep`` what was in the root before it, whatever its mtime says."""
    if ledger.knows_root(root):
        return
    ledger.adopt(root, [capture for capture in archive(root, pattern) if _changed(capture.path) < started])


def _changed(path: Path) -> float:
    """When the file came, in seconds since the epoch: no copying or moving can set a POSIX ctime back."""
    try:
        return path.lstat().st_ctime
    except FileNotFoundError:
        return float("inf")


class _Clock:
    """Times each capture from the moment it is handed to the pipeline."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def started(self, captures: Iterable[Capture]) -> Iterator[Capture]:
        for capture in captures:
            self._begun = time.perf_counter()
            yield capture

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun


class _Stop(contextlib.AbstractContextManager["_Stop"]):
    """Turns the first signal into an orderly end; the second one has its usual effect."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self.received = False
        self.signal = signal.SIGTERM
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._received)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # Told to stop while disk or ledger refuse: what is not done is done at the next start.
        return self.received and isinstance(error, FaultError)

    def _received(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        signal.signal(number, self._before[number])
        self.received = True
        self._end()


class _Patience:
    """Waits while disk or ledger refuse: nothing more is moved, one line says so, and it goes on by itself."""

    def __init__(self, log: Log, stop: _Stop) -> None:
        self._log = log
        self._stop = stop
        self._told = ""

    def wait(self, fault: FaultError) -> None:
        if str(fault) != self._told:
            self._told = str(fault)
            self._log.say(f"{fault}; nothing is moved until this is mended", "error")
        again = time.monotonic() + _FAULT_SECONDS
        while time.monotonic() < again:
            if self._stop.received:
                raise fault
            time.sleep(0.1)  # no threading.Event: its lock would be taken again inside the signal's handler

    def over(self) -> None:
        if self._told:
            self._told = ""
            self._log.say("that is mended; going on", "good")
