"""``framesift demo``: a newcomer's first look, with the real watcher on real files."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click

from watcher.demo.recorder import Timetable, record
from watcher.disk.files import write_private
from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.verdict import Kind
from watcher.settings.folders import FOLDER_VARIABLES, PREFIX
from watcher.text import bytes_text, quoted

_START_SECONDS = 60.0
_PAUSE = 0.5
"""Seconds between two runs of the stand-in for the capture job, which takes some time itself."""
_CATCH_UP_SECONDS = 20.0
_FOLDER = "framesift-demo-"
_INTRODUCTION = """\
Every few seconds, a stand-in for the capture job photographs three displays of a drawn working day into
  {root}
framesift watches beside it. New screens stay; a screen that was there before leaves for the quarantine.
"""
_CLOSING = """
{taken} pictures were taken; {left} of them ({share:.0%}) showed nothing new and left.
{saved} of {written} saved, and every picture could be put back with framesift restore.

The real thing, beside your own capture job:  framesift watch ~/Documents/ScreenRecord
What lies there already, first as a rehearsal: framesift sweep ~/Documents/ScreenRecord --dry-run"""


@click.command(name="demo")
@click.option(
    "--seconds", type=click.FloatRange(min=1, max=86_400), default=30, show_default=True, help="How long to record."
)
@click.option("--keep", is_flag=True, help="Keep the temporary folder, so that you can look at the pictures.")
def command(seconds: float, keep: bool) -> None:
    """Watch framesift at work on drawn screens.

    A stand-in for the capture job draws the working day of three displays into a temporary folder, and the real
    watcher reacts to its files. Your own settings, ledger and pictures are not touched.

    \b
    Examples:
      framesift demo
      framesift demo --seconds 60 --keep
    """
    with _folder(keep=keep) as base:
        root = base / "ScreenRecord"
        root.mkdir()
        click.echo(_INTRODUCTION.format(root=root))
        with _watcher(base, root) as process:
            _await(process, _START_SECONDS, (base / "state" / "ledger.sqlite").exists)
            with Ledger.open(base / "state" / "ledger.sqlite") as ledger:
                _await(process, _START_SECONDS, lambda: ledger.heartbeat(root).root_there)
                taken = _record(root, seconds)
                _await(process, _CATCH_UP_SECONDS, lambda: _done(ledger, root) >= taken)
        with Ledger.open(base / "state" / "ledger.sqlite") as ledger:
            click.echo(_closing(Totals(ledger, root), root))
        if keep:
            click.echo(f"\nThe pictures are in {base}")
            click.echo(f"To put all of them back: framesift --state-dir {quoted(base / 'state')} restore --all")


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """A temporary folder, which stays if it is to be kept."""
    if keep:
        yield Path(tempfile.mkdtemp(prefix=_FOLDER)).resolve()
    else:
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            yield Path(folder).resolve()


@contextmanager
def _watcher(base: Path, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The real watcher as a process of its own, untouched by the user's own settings and state."""
    config = base / "framesift.toml"
    write_private(config, b'settle = "0.2s"\n')  # each file is written at once, and a newcomer waits
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= dict(zip(FOLDER_VARIABLES, map(str, (config, base / "state", base / "logs")), strict=True))
    # The text of the first lines must come before the watcher's, whatever standard output is.
    sys.stdout.flush()
    # -P: a newcomer runs this in a clone, whose folder `watcher` is not the installed package.
    process = subprocess.Popen([sys.executable, "-P", "-m", "watcher", "watch", str(root)], env=environment)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _done(ledger: Ledger, root: Path) -> int:
    """How many captures are judged, and where they belong."""
    return sum(Totals(ledger, root).counts().values()) - len(ledger.moving())


def _await(process: subprocess.Popen[bytes], seconds: float, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if process.poll() is not None or time.monotonic() > deadline:
            raise WatcherError("the watcher of the demo has stopped, or hangs")
        time.sleep(0.05)


def _record(root: Path, seconds: float) -> int:
    """Record for so long; returns how many captures were taken."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.start()
    morning = datetime.combine(date.today(), datetime.min.time()).replace(hour=9)
    try:
        return sum(1 for _ in record(root, Timetable(morning, ticks=10_000, pause=_PAUSE), stop))
    finally:
        timer.cancel()


def _closing(totals: Totals, root: Path) -> str:
    """What has come of the pictures below *root*."""
    counts, saved = totals.counts(), totals.saved_bytes()
    taken, left = sum(counts.values()), counts[Kind.DUPLICATE]
    return _CLOSING.format(
        taken=taken,
        left=left,
        share=left / max(taken, 1),
        saved=bytes_text(saved),
        written=bytes_text(saved + sum(path.stat().st_size for path in root.rglob("*.png"))),
    )
