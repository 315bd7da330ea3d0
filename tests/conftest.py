"""The fixtures that tests share: a place of their own, and framesift at work there."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread

import pytest

from tests.desk import (
    Desk,
    Shelf,
    land,
    wait_for,
    working_desk,
)
from watcher.cli import main
from watcher.settings.folders import FOLDER_VARIABLES


@pytest.fixture(autouse=True, scope="session")
def _no_deafness() -> None:
    """Signals mean what they usually do: whoever runs the tests in the background may have them ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever falls back to the platform's folders fails: no test may touch a person's own."""
    for name in list(os.environ):
        if name.startswith(("FRAMESIFT_", "XDG_")) or name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    nowhere = tmp_path / "no-home"
    nowhere.write_text("a file, so that no folder can be made below it")
    monkeypatch.setenv("HOME", str(nowhere))
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(nowhere / name))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with working_desk(tmp_path) as desk:
        yield desk


Framesift = Callable[..., tuple[int, str, str]]


@pytest.fixture
def framesift(desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Framesift:
    """Runs a command line in this process; returns its exit code, output and errors."""
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, desk.environment[name])

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


Watch = Callable[..., None]


@pytest.fixture
def watch_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Runs the watcher in this process; files land one by one, each judged before the next, and it is stopped."""
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, desk.environment[name])
    before = signal.getsignal(signal.SIGTERM)
    log = desk.logs / "framesift.log"

    def starts() -> int:
        return log.read_text().count(" watches ") if log.exists() else 0

    def watch(*arrivals: tuple[Path, bytes], flags: Sequence[str] = ()) -> None:
        judged, started = desk.judged(), starts()

        def feed() -> None:
            try:
                wait_for(lambda: starts() > started, 60)
                for number, (path, content) in enumerate(arrivals, judged + 1):
                    land(path, content)
                    wait_for(lambda number=number: desk.judged() == number)  # type: ignore[misc]
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        feeder = Thread(target=feed)
        feeder.start()
        assert main(["--quiet", "watch", *flags]) == 0
        feeder.join()

    yield watch
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def shelf(desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shelf:
    return Shelf(desk, monkeypatch, capfd)
