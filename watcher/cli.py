"""The parser and the error boundary: what reaches a person is one clear line and an exit code."""

import os
import sys
import time
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import rich_click as click

from watcher import __version__
from watcher.commands import (
    compare,
    config,
    demo,
    doctor,
    highlights,
    history,
    purge,
    report,
    restore,
    service,
    status,
    sweep,
    watch,
    why,
)
from watcher.errors import LostError, SettingsError, WatcherError
from watcher.program import Program
from watcher.settings.folders import Folders

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUG = 3
EXIT_DEVICE = 75
"""The services start framesift anew."""
EXIT_INTERRUPTED = 130

_CODES = {SettingsError: EXIT_USAGE, LostError: EXIT_DEVICE}
_VERBS = (
    *(watch, sweep, compare, why, history, highlights, report, status, doctor, restore, purge, service, config, demo),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Settings file to use.")
@click.option("--state-dir", type=click.Path(path_type=Path), help="Folder of the ledger.")
@click.option("-q", "--quiet", is_flag=True, help="Tell the log file alone what happens.")
@click.option("-v", "--verbose", is_flag=True, help="Say with each capture where it is now.")
@click.version_option(__version__, prog_name="framesift", message="%(prog)s %(version)s")
@click.pass_context
def framesift(
    context: click.Context, config_file: Path | None, state_dir: Path | None, quiet: bool, verbose: bool
) -> None:
    """Keep the distinct screens of a folder of screen captures, and quarantine the rest, restorably."""
    context.obj = Program(Folders.choose(config_file, state_dir), quiet, verbose, started=time.time())


for _verb in _VERBS:
    framesift.add_command(_verb.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code."""
    # torch says this where NumPy is absent; framesift needs none, and a person can do nothing about it.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
    try:
        code = framesift.main(args=arguments, prog_name="framesift", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WatcherError as error:
        _complain(str(error))
        return next((code for kind, code in _CODES.items() if isinstance(error, kind)), EXIT_FAILED)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # `framesift history | head`: nobody reads on, which is no fault. Keep Python from flushing into the void.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - the error boundary of the program
        _complain(f"this is a bug in framesift; the details are in {_keep_traceback()}")
        return EXIT_BUG
    return code if isinstance(code, int) else 0


def _complain(text: str) -> None:
    from watcher.terminal.console import print_error  # noqa: PLC0415 - rich is not needed to succeed

    print_error(text)


def _keep_traceback() -> Path:
    # What follows no success needs.
    import traceback  # noqa: PLC0415

    from watcher.disk.files import make_private_folder, write_private  # noqa: PLC0415

    folder = Folders.choose().log_dir
    make_private_folder(folder)
    file = folder / f"bug-{datetime.now():%Y-%m-%d_%H.%M.%S.%f}.txt"
    write_private(file, traceback.format_exc().encode(errors="backslashreplace"))
    return file
