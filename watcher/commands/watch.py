"""``framesift watch``: the main job."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from watcher import __version__
from watcher.commands.options import judging
from watcher.commands.sweep import sweep_shown
from watcher.errors import EXIT_INTERRUPTED
from watcher.flow.task import Task
from watcher.flow.waiting import is_ignored
from watcher.ledger.ledger import Ledger
from watcher.ledger.unjudged import unjudged
from watcher.model.tally import Tally
from watcher.program import Program
from watcher.settings.settings import Settings
from watcher.text import visible

LOG_NAME = "framesift.log"


@click.command(name="watch")
@judging
@click.option(
    "--sweep/--no-sweep",
    "sweeps",
    default=None,
    help="Judge the captures that are in ROOT already before watching, or leave them to framesift sweep. Where neither"
    " is said, the first start asks, if it can.",
)
@click.option(
    "--new-disk",
    is_flag=True,
    help="Watch ROOT even if another disk is there now, without the screens kept on the old one.",
)
@click.pass_obj
def command(
    program: Program,
    flags: dict[str, Any],
    *,
    dry_run: bool,
    log_file: Path | None,
    sweeps: bool | None,
    new_disk: bool,
) -> int:
    """React to each new capture in ROOT until stopped.

    A capture is a PNG file whose name ends in _N.png, where N is the number of the display. It is judged when it has
    stopped changing and is whole. Distinct screens stay where they are. A duplicate moves to the quarantine, a folder
    beside ROOT that mirrors it.

    It never overwrites a picture, and it deletes none unless the settings switch retention on. What was in ROOT before
    the first start is left to framesift sweep; on a terminal the first start asks whether that is to be done at once. A
    ROOT that is not there yet is waited for.

    Each capture gives one line: time, display, verdict, SSIM, the screen it is most like, size, and the milliseconds
    from the whole file to the verdict carried out. Before an SSIM, < marks an upper bound that is proven.

    \b
    Examples:
      framesift watch ~/Documents/ScreenRecord
      framesift watch --dry-run

    SIGTERM ends it with 0, and Ctrl-C with 130, the capture in hand finished. It ends with 75 if the device is lost.
    """
    settings = program.settings_of_root(**flags)
    with program.log(settings, log_file or program.folders.log_dir / LOG_NAME, terminal=not program.quiet) as log:
        if not is_ignored(signal.SIGTERM):
            signal.signal(signal.SIGTERM, _leave)
        log.say(f"framesift {__version__} is starting")
        if not dry_run and _sweeps_first(program, settings, sweeps):
            tally = Tally()
            for _ in sweep_shown(
                Task(program, settings, log, dry_run), (datetime.min, datetime.max, False, False), tally
            ):
                pass
            if tally.stopped:
                return 0 if tally.stopped == signal.SIGTERM else EXIT_INTERRUPTED
        # torch takes seconds to load; the first line is on the screen by then.
        from watcher.flow.watch import watch  # noqa: PLC0415

        received = watch(Task(program, settings, log, dry_run), new_disk=new_disk)
    return EXIT_INTERRUPTED if received is signal.SIGINT else 0


def _sweeps_first(program: Program, settings: Settings, asked: bool | None) -> bool:
    """Whether what is in the root already is to be judged before it is watched."""
    if asked is not None:
        return asked
    if program.quiet or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    is_there = os.path.exists(program.ledger_file)  # noqa: PTH110 - exists() may raise
    with program.ledger() if is_there else Ledger.copy(program.ledger_file) as ledger:
        if ledger.knows_root(settings.root):
            return False
        count = sum(1 for _ in unjudged(ledger, settings.root, settings.names))
    if not count:
        return False
    click.echo(
        f"{count} captures are in {visible(os.fspath(settings.root))} already. They can be judged first:\n"
        "duplicates among them leave for the quarantine, restorably, and what comes is compared\n"
        "with the rest. Otherwise they stay as they are, until framesift sweep."
    )
    return click.confirm("Judge them first?", default=True)


def _leave(*_: object) -> None:
    """Stop at once while torch is being loaded: there is nothing to finish yet."""
    sys.exit(0)
