"""A watcher at work: from the live source through the pipeline into custody, and onto the console."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from watcher.capture import Capture, NamePattern
from watcher.chronicle import Chronicle
from watcher.console import Log
from watcher.custody import Custody, Rehearsal, claim
from watcher.errors import FaultError
from watcher.files import make_private_folder
from watcher.frame import choose_device, load
from watcher.ledger import Ledger
from watcher.pipeline import verdicts
from watcher.plugins import Hooks
from watcher.program import Program
from watcher.settings import Settings
from watcher.sources import Live, archive
from watcher.vitals import lock_folder
from watcher.window import Windows

_FAULT_SECONDS = 5.0


def watch(program: Program, settings: Settings, log: Log, *, dry_run: bool) -> int:
    """Judge and carry out each capture that arrives in the root, until a signal says stop.

    Returns:
        The number of the signal that ended it.

    Raises:
        WatcherError: it cannot start, for instance because another watcher holds the folder.
    """
    root = settings.root
    with contextlib.ExitStack() as stack:
        if not dry_run:
            stack.enter_context(claim(settings.quarantine_dir, root, "the quarantine"))
            stack.enter_context(claim(lock_folder(program.folders.state_dir, root), root, "the state folder"))
        ledger = stack.enter_context(Ledger.copy_in_memory(program.ledger_file) if dry_run else program.ledger())
        pattern = NamePattern(settings.name_pattern)
        live = Live(root, pattern, ledger.known, partial(log.say, tone="warning"))
        live.found_root = partial(_adopt, ledger, root, pattern, program.started)
        stop = stack.enter_context(_Stop(live.stop))
        hooks = Hooks(settings, program.folders.hooks_dir, partial(log.say, tone="error"))
        custody = (Rehearsal if dry_run else Custody)(ledger, hooks, root, _Patience(log, stop).wait)
        device = choose_device(settings.device)
        windows = Windows(settings.policy, settings.frame_memory, ledger.location, ledger.frames(root, settings.window))
        chronicle = Chronicle(log, ledger, settings, live.sight, str(device))
