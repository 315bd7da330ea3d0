"""A watcher that a person has told to rest, by a file beside its lock: nothing is judged until that ends."""

import json
import math
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from watcher.disk.files import make_private_folder, remove_written, write_private

_NAME = "paused"


@dataclass(frozen=True, slots=True)
class Pause:
    """A rest; times are seconds since the epoch."""

    until: float = math.inf

    def __str__(self) -> str:
        if self.until == math.inf:
            return "paused"
        end = datetime.fromtimestamp(self.until)
        return f"paused until {end:%H:%M}" if end.date() == datetime.now().date() else f"paused until {end:%m-%d %H:%M}"


def begin_pause(folder: Path, pause: Pause) -> None:
    """Let the watcher whose lock is in *folder* rest.

    Raises:
        OSError: that cannot be written.
    """
    make_private_folder(folder)
    write_private(folder / _NAME, json.dumps(asdict(pause)).encode("ascii"))


def end_pause(folder: Path) -> None:
    """Let it go on.

    Raises:
        OSError: the file cannot be removed.
    """
    remove_written(folder / _NAME)


def read_pause(folder: Path, now: float) -> Pause | None:
    """The rest of the watcher whose lock is in *folder*; None if there is none, or it is over at *now*."""
    try:
        pause = Pause(float(json.loads((folder / _NAME).read_bytes())["until"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return pause if pause.until > now else None
