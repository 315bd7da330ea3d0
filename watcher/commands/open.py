"""``framesift open``: a picture, the screen that it is most like, and where they differ, in the system's viewer."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.commands.compare import compared, write_drawing
from watcher.commands.options import PATH
from watcher.disk.files import make_private_folder, remove_written
from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.ledger.named import entries_named
from watcher.model.entry import Entry
from watcher.program import Program
from watcher.text import visible

if TYPE_CHECKING:
    from PIL import Image


@click.command(name="open")
@click.argument("file", metavar="FILE|NUMBER|PART")
@click.option("--out", type=PATH, help="Write the picture that would be shown into this new PNG file instead.")
@click.pass_obj
def command(program: Program, file: str, out: Path | None) -> None:
    """Show a picture, its nearest, and where they differ.

    FILE is a capture, where it was or where it is now; or its number in framesift history --json, its name, a part of
    that, or its time as the log writes it, with its display or without. It must be of one picture alone.

    It opens one picture in the system's viewer: beside the capture the screen that it is most like, and beside that
    the map of framesift compare, in which red is what differs. A capture that is like nothing is shown alone. It moves
    nothing.

    \b
    Examples:
      framesift open "05-04 09:20:45 1"
      framesift open 2020-05-04_09.20

    Ends with 1 if there is no such picture, or it is gone, or no viewer can be started.
    """
    with program.existing_ledger() as ledger:
        entries = entries_named(ledger, file)
        if not entries:
            raise WatcherError(f"no picture of that name was judged: {file}")
        entry = entries[-1]
        if not os.path.lexists(entry.location):
            raise WatcherError(f"{entry.location} is not there: it is {entry.state}")
        picture = _beside_nearest(program, ledger, entry)
    if picture is None:
        shown = entry.location
    else:
        shown = out or _emptied(program.folders.state_dir) / f"opened-{entry.id}.png"
        write_drawing(shown, picture)
    if out is None and click.launch(os.fspath(shown)):
        raise WatcherError(f"no viewer could be started to show {shown}")
    click.echo(visible(os.fspath(shown)))


def _beside_nearest(program: Program, ledger: Ledger, entry: Entry) -> "Image.Image | None":
    """The picture of *entry*, its nearest and their map, as one; None if it has no nearest that is there."""
    nearest = entry.verdict.score.nearest
    place = None if nearest is None else ledger.location(nearest)
    if place is None or not os.path.lexists(place):
        return None
    try:
        return compared(program, place, entry.location, entry.verdict.policy).draw_beside()
    except WatcherError:
        return None  # one cannot be read, or has another size


def _emptied(folder: Path) -> Path:
    """*folder*, without what was opened before."""
    try:
        make_private_folder(folder)
        for older in folder.glob("opened-*.png"):
            remove_written(older)
    except OSError as error:
        raise WatcherError(f"{folder} cannot be written: {error.strerror}") from error
    return folder
