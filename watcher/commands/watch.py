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
from watcher.program import Program

LOG_NAME = "framesift.log"


@click.command(name="watch")
@judging
@click.option("--new-disk", is_flag=True, help="Watch ROOT though another disk is there now, without what was kept.")
@click.pass_obj
def command(program: Program, flags: dict[str, Any], dry_run: bool, log_file: Path | None, new_disk: bool) -> int:
    """React to each new capture in ROOT until stopped: keep what is distinct, quarantine what is a duplicate.

    What was in ROOT before the first start is left to sweep. A ROOT that is not there yet is waited for.
    """
    settings = program.settings(**flags)
    with program.log(settings, log_file or program.folders.log_dir / LOG_NAME, terminal=not program.quiet) as log:
        signal.signal(signal.SIGTERM, _leave)
        log.say(f"framesift {__version__} is starting")
        # torch takes seconds to load; the first line is on the screen by then.
        from watcher.flow.watch import watch  # noqa: PLC0415

        received = watch(Task(program, settings, log, dry_run), new_disk=new_disk)
    return EXIT_INTERRUPTED if received is signal.SIGINT else 0


def _leave(*_: object) -> None:
    """Stop at once while torch is being loaded: there is nothing to finish yet."""
    sys.exit(0)
