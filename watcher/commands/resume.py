"""``framesift resume``: a watcher that rests goes on."""

import os
import time
from pathlib import Path

import click

from watcher.commands.options import root_argument
from watcher.disk.claims import claim_folder
from watcher.errors import WatcherError
from watcher.health.pause import end_pause, read_pause
from watcher.program import Program
from watcher.text import visible


@click.command(name="resume")
@root_argument
@click.pass_obj
def command(program: Program, root: Path | None) -> None:
    """Let the watcher of ROOT go on after framesift pause.

    What came meanwhile is judged now.

    Ends with 1 if it does not rest.
    """
    place = program.settings_of_root(root).root
    folder = claim_folder(program.folders.state_dir, place)
    if read_pause(folder, time.time()) is None:
        raise WatcherError(f"{place} is not paused")
    try:
        end_pause(folder)
    except OSError as error:
        raise WatcherError(f"the pause cannot be ended: {error.strerror or error}") from error
    click.echo(f"{visible(os.fspath(place))}: the watcher goes on")
