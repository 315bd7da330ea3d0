"""``framesift watch``: the main job."""

import signal
import sys
from pathlib import Path
from typing import Any

import click

from watcher import __version__
from watcher.commands.options import judging
from watcher.errors import EXIT_INTERRUPTED
from watcher.flow.task import Task
from watcher.flow.waiting import is_ignored
from watcher.program import Program

LOG_NAME = "framesift.log"


@click.command(name="watch")
@judging
@click.option(
    "--new-disk",
    is_flag=True,
    help="Watch ROOT even if another disk is there now, without the screens kept on the old one.",
)
@click.pass_obj
def command(program: Program, flags: dict[str, Any], dry_run: bool, log_file: Path | None, new_disk: bool) -> int:
    """React to each new capture in ROOT until stopped.

    A capture is a PNG file whose name ends in _N.png, where N is the number of the display. It is judged when it has
    stopped changing and is whole. Distinct screens stay where they are. A duplicate moves to the quarantine, a folder
    beside ROOT that mirrors it.

    It never overwrites a picture, and it deletes none unless the settings switch retention on. What was in ROOT before
    the first start is left to framesift sweep. A ROOT that is not there yet is waited for. Without ROOT, it is that of
    the settings.

    Each capture gives one line: time, display, verdict, SSIM, the screen it is most like, size, and the milliseconds
    from the whole file to the verdict carried out. Before an SSIM, < marks an upper bound that is proven.

    \b
    Examples:
      framesift watch ~/Documents/ScreenRecord
      framesift watch --dry-run

    SIGTERM ends it with 0, and Ctrl-C with 130, the capture in hand finished. It ends with 75 if the device is lost.
    """
    settings = program.settings(**flags)
    with program.log(settings, log_file or program.folders.log_dir / LOG_NAME, terminal=not program.quiet) as log:
        if not is_ignored(signal.SIGTERM):
            signal.signal(signal.SIGTERM, _leave)
        log.say(f"framesift {__version__} is starting")
        # torch takes seconds to load; the first line is on the screen by then.
        from watcher.flow.watch import watch  # noqa: PLC0415

        received = watch(Task(program, settings, log, dry_run), new_disk=new_disk)
    return EXIT_INTERRUPTED if received is signal.SIGINT else 0


def _leave(*_: object) -> None:
    """Stop at once while torch is being loaded: there is nothing to finish yet."""
    sys.exit(0)
