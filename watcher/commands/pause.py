"""``framesift pause``: the watcher of a root rests."""

import os
import time

import click

from watcher.commands.options import value_and_root
from watcher.disk.claims import claim_folder, is_claimed
from watcher.errors import WatcherError
from watcher.health.pause import Pause, begin_pause
from watcher.program import Program
from watcher.settings.spelling import parse_duration
from watcher.text import visible

_ONE_TIME = "one time, above 0"


@click.command(name="pause")
@click.argument("words", nargs=-1, metavar="[1h] [ROOT]")
@click.pass_obj
def command(program: Program, words: tuple[str, ...]) -> None:
    """Let the watcher of ROOT rest: it judges and moves nothing.

    With a time such as 30m, 1h or 2d it goes on by itself after that; without one, when framesift resume says so. What
    comes meanwhile is judged afterwards, in its order. A pause holds when the watcher is started anew.

    \b
    Examples:
      framesift pause 1h
      framesift pause ROOT

    Ends with 1 if no watcher is at work on ROOT.
    """
    length, given = value_and_root(words, parse_duration, _ONE_TIME)
    if length is not None and not length:
        raise click.BadParameter(_ONE_TIME)
    root = program.settings_of_root(given).root
    folder = claim_folder(program.folders.state_dir, root)
    if not is_claimed(folder):
        raise WatcherError(f"no watcher is running on {root}")
    pause = Pause() if length is None else Pause(time.time() + length.total_seconds())
    try:
        begin_pause(folder, pause)
    except OSError as error:
        raise WatcherError(f"that cannot be written down: {error.strerror or error}") from error
    click.echo(f"{visible(os.fspath(root))}: {pause}; what comes meanwhile is judged afterwards")
