"""Signals and faults: the first signal ends a run in order, and a wait is told once, with its end."""

import os
import signal
from collections.abc import Iterator

import pytest

from watcher.errors import ConflictError, FaultError
from watcher.flow import waiting
from watcher.flow.waiting import Stop, Wait, WaitListener
from watcher.health.heartbeat import UNTIL_MENDED
from watcher.patience import retry
from watcher.terminal.console import Log

FULL = FaultError("the disk is full")


class Listener(WaitListener):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.pulses = 0

    def waits(self, why: str) -> None:
        self.told.append(why)

    def pulse(self) -> None:
        self.pulses += 1


class Said(Log):
    """A log of which the lines are at hand."""

    def __init__(self) -> None:
        super().__init__(terminal=False, file=None)
        self.lines: list[tuple[str, str]] = []

    def say(self, text: str, tone: str = "note", *, shown: bool = True) -> None:
        assert shown
        self.lines.append((text, tone))


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Handlers are as they were, whatever a test does."""
    before = {number: signal.getsignal(number) for number in waiting._SIGNALS}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def log() -> Said:
    return Said()


def test_the_first_signal_is_remembered_and_told_and_the_second_has_its_usual_effect() -> None:
    ends: list[str] = []
    second: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: second.append(number))
    with Stop() as stop:
        stop.then(lambda: ends.append("one"))
        stop.then(lambda: ends.append("two"))
        assert (stop.received, stop.signal) == (False, signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert (stop.received, stop.signal, ends, second) == (True, signal.SIGTERM, ["one", "two"], [])
        os.kill(os.getpid(), signal.SIGTERM)
        assert (ends, second) == (["one", "two"], [signal.SIGTERM])


def test_what_is_to_end_is_ended_at_once_if_the_signal_came_before_it_began() -> None:
    ends: list[str] = []
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        stop.then(lambda: ends.append("late"))
    assert ends == ["late"]


def test_every_signal_that_ends_a_program_is_heard_and_afterwards_none_is() -> None:
    for number in waiting._SIGNALS:  # also if whoever runs the tests ignores some
        signal.signal(number, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in waiting._SIGNALS}
    for number in before:
        with Stop() as stop:
            os.kill(os.getpid(), number)
        assert (stop.received, stop.signal) == (True, number)
        assert {number: signal.getsignal(number) for number in before} == before


def test_a_signal_that_was_ignored_at_the_start_stays_so() -> None:
    for number in waiting._SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with Stop() as stop:
        for number in waiting._SIGNALS:
            os.kill(os.getpid(), number)
    assert not stop.received
    assert {signal.getsignal(number) for number in waiting._SIGNALS} == {signal.SIG_IGN}


def told_to_stop_and(error: Exception) -> None:
    with Stop():
        os.kill(os.getpid(), signal.SIGTERM)
        raise error


def test_a_fault_ends_a_run_in_silence_only_if_it_was_told_to_stop() -> None:
    with pytest.raises(FaultError), Stop():
        raise FULL
    told_to_stop_and(FULL)
    with pytest.raises(ConflictError):
        told_to_stop_and(ConflictError("taken"))


def test_a_wait_is_said_once_told_at_every_try_and_its_end_is_said(log: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_FAULT_SECONDS", 0.15)
    listener, faults = Listener(), [FULL, FULL, FaultError("the ledger is locked")]

    def action() -> str:
        if faults:
            raise faults.pop(0)
        return "done"

    assert retry(action, Wait(log, Stop(), listener)) == "done"
    assert log.lines == [
        (f"the disk is full; {UNTIL_MENDED}", "error"),
        (f"the ledger is locked; {UNTIL_MENDED}", "error"),
        ("that is mended; going on", "good"),
    ]
    assert listener.told == ["the disk is full", "the disk is full", "the ledger is locked", ""]
    assert listener.pulses >= 3


def test_where_nothing_was_waited_for_nothing_is_said(log: Said) -> None:
    listener = Listener()
    wait = Wait(log, Stop(), listener)
    assert retry(lambda: "done", wait) == "done"
    assert (log.lines, listener.told) == ([], [])


def test_the_same_fault_is_said_again_after_it_was_mended(log: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_FAULT_SECONDS", 0)
    wait = Wait(log, Stop(), WaitListener())
    for _ in range(2):
        wait.wait(FULL)
        wait.over()
        wait.over()
    assert [text for text, _ in log.lines] == [f"the disk is full; {UNTIL_MENDED}", "that is mended; going on"] * 2


def test_told_to_stop_it_waits_no_longer(log: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(Listener):
        def pulse(self) -> None:
            super().pulse()
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(waiting, "_FAULT_SECONDS", 60)
    listener = Told()
    with Stop() as stop, pytest.raises(FaultError, match="full"):
        Wait(log, stop, listener).wait(FULL)
    assert listener.pulses == 1
