"""A stand-in for the capture job: photographs drawn screens, writing its files as untidily as the real one may.

As a module it stands in for the capture program itself, for scripts that expect one file a display:

    python -m watcher.demo.recorder -x --state counter.txt shot_1.png shot_2.png shot_3.png
"""

import argparse
import io
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from watcher.demo import scenes
from watcher.demo.scenes.words import dice

_PIECES = 6
_PIECE_PAUSE = 0.03
_QUICK = 1
"""PNG compression level: a demo needs its files soon rather than small."""
_STEP = timedelta(minutes=10)
"""How long a scene lasts."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When captures are taken, in the time of the story and in ours."""

    start: datetime
    ticks: int
    pause: float = 1.0
    """Seconds we wait between two ticks, which are ten minutes of the story."""

    def clock(self, tick: int) -> datetime:
        """The story's time at *tick*: a little late and never on the dot, as cron's jobs are."""
        return self.start + _STEP * (tick + dice("clock", tick).random() / 10)


def capture_path(root: Path, taken_at: datetime, display: int) -> Path:
    """Where the capture job writes *display* at *taken_at*."""
    return root / f"{taken_at:%Y-%m}" / f"{taken_at:%Y-%m-%d}" / f"{taken_at:%Y-%m-%d_%H.%M.%S.%f}_{display}.png"


def record(
    root: Path, timetable: Timetable, stop: threading.Event, displays: Sequence[scenes.Display] = scenes.DEMO_DISPLAYS
) -> Iterator[Path]:
    """Write the captures of *timetable* below *root*, one display after another; yields each path once it is whole.

    *stop* ends it at the next file; one already begun is finished.

    Raises:
        FileExistsError: a capture of that name is there already; it stays as it is.
    """
    for tick in range(timetable.ticks):
        if tick:
            stop.wait(timetable.pause)
        taken_at = timetable.clock(tick)
        for display in displays:
            scene = scenes.scene_at(display.number, tick, taken_at)
            if stop.is_set():
                return
            if scene:
                path = capture_path(root, taken_at, display.number)
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, picture(scene, display), stop)
                yield path


def picture(scene: scenes.Scene, display: scenes.Display) -> bytes:
    """The PNG file of *scene* on *display*."""
    image = scenes.draw(scene, display.size)
    if display.alpha:
        image.putalpha(255)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_QUICK)
    return buffer.getvalue()


def _write(path: Path, data: bytes, stop: threading.Event) -> None:
    """Write *data* in pieces under its final name, with pauses that *stop* cuts short."""
    length = -(-len(data) // _PIECES)
    with path.open("xb") as file:
        for offset in range(0, len(data), length):
            if offset:
                stop.wait(_PIECE_PAUSE)
            file.write(data[offset : offset + length])
            file.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Photograph the displays into the files named, the first display into the first; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m watcher.demo.recorder", description=main.__doc__)
    parser.add_argument("-x", action="store_true", help="make no sound (it never does)")
    parser.add_argument("--state", type=Path, metavar="FILE", help="counts the steps of the story; default: the clock")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one for each display")
    options = parser.parse_args(arguments)
    now = datetime.now()
    try:
        step = _next_step(options.state) if options.state else (now - datetime.combine(now, time.min)) // _STEP
        # Files beyond the last display stay unwritten, as those of displays that are off.
        for path, display in zip(options.files, scenes.DEMO_DISPLAYS, strict=False):
            scene = scenes.scene_at(display.number, step, now)
            if scene:
                _write(path, picture(scene, display), threading.Event())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"recorder: {error}\n")
        return 1
    return 0


def _next_step(state: Path) -> int:
    """The number in *state*, 0 if there is none yet; the file then holds the number after it."""
    step = int(state.read_text(encoding="ascii")) if state.exists() else 0
    state.write_text(f"{step + 1}\n", encoding="ascii")
    return step


if __name__ == "__main__":
    sys.exit(main())
