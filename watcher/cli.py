"""The parser and the error boundary: what reaches a person is one clear line and an exit code."""

import os
import warnings
from collections.abc import Sequence
from importlib import import_module

import click

from watcher import __version__
from watcher.errors import (
    EXIT_BUG,
    EXIT_DEVICE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_SICK,
    EXIT_USAGE,
    LostError,
    SettingsError,
    WatcherError,
)
from watcher.terminal.streams import lasting_streams, lost_output

_CODES = {SettingsError: EXIT_USAGE, LostError: EXIT_DEVICE}

SECTIONS = {
    "Watch": {
        "watch": "React to each new capture in ROOT until stopped.",
        "sweep": "Judge the captures that are in ROOT already.",
        "service": "Watch in the background from login on.",
        "demo": "Watch framesift at work on drawn screens.",
    },
    "Ask": {
        "status": "Tell whether the watcher is alive, and what it saved.",
        "doctor": "Check everything that can be wrong, and say how to mend it.",
        "why": "Tell what was decided about FILE, and where it is now.",
        "history": "Print what was decided, newest last.",
        "compare": "Compare captures A and B exactly as the watcher would.",
    },
    "Look back": {
        "highlights": "Show the most unusual screens of PERIOD.",
        "report": "Make one page to look back at a PERIOD.",
    },
    "Undo and delete": {
        "restore": "Put files back where the capture job wrote them.",
        "purge": "Delete quarantined duplicates for good.",
    },
    "Set up": {
        "relocate": "Tell the ledger that ROOT has moved.",
        "config": "Tell where the settings come from, and what they are.",
        "help": "Read the manual, or the help of a verb.",
    },
}
"""The verbs and what each does. Here, so that the list of them loads none of them."""


class Verbs(click.Group):
    """Loads a verb when it is asked for: its module of :mod:`watcher.commands` has a ``command``."""

    def list_commands(self, _: click.Context) -> list[str]:
        """All verbs, in the order of the help."""
        return [name for verbs in SECTIONS.values() for name in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb *cmd_name*; None if there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"watcher.commands.{cmd_name}").command
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()), col_max=12)


_MORE = f"""\b
Exit codes:
  0    done; SIGTERM ends framesift watch with 0
  {EXIT_FAILED}    it could not be done, and one line says why
  {EXIT_USAGE}    wrong usage or settings
  {EXIT_BUG}    a bug, whose traceback is in the log folder
  {EXIT_SICK}    status or service status found it not watching, or doctor found something sick
  {EXIT_DEVICE}   the device is lost to this process, as after an error of CUDA: start framesift again
  {EXIT_INTERRUPTED}  interrupted

\b
Shell completion, in the startup file of bash (or zsh or fish, with its name for bash):
  eval "$(_FRAMESIFT_COMPLETE=bash_source framesift)"
"""


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=_MORE
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(readable=False),
    help="Settings file to use; framesift config path tells the usual one.",
)
@click.option(
    "--state-dir",
    type=click.Path(readable=False),
    help="Folder of the ledger, in which every decision is written down.",
)
@click.option("-q", "--quiet", is_flag=True, help="Write what happens to the log file alone, not to the terminal.")
@click.option("-v", "--verbose", is_flag=True, help="Say in each capture's line where it is now.")
@click.version_option(__version__, prog_name="framesift", message="%(prog)s %(version)s")
@click.pass_context
def framesift(
    context: click.Context, config_file: str | None, state_dir: str | None, quiet: bool, verbose: bool
) -> None:
    """Keep the distinct screens of a folder of screen captures, and quarantine the rest, restorably.

    framesift VERB --help says what a verb does, and what it never does. framesift help lists the pages of the manual.

    ROOT is the folder that the capture job writes to. Where ROOT is left out, it is that of the settings.
    """
    from watcher.program import Program  # noqa: PLC0415 - the list of verbs needs neither pydantic nor SQLite

    context.obj = Program.begin(config_file, state_dir, quiet=quiet, verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit code."""
    with lasting_streams():
        code = _run(arguments)
        if code is None and (why := lost_output()):
            _complain(f"standard output could not be written: {why}")
            return EXIT_FAILED
        return code or 0


def _run(arguments: Sequence[str] | None) -> int | None:
    """Run one command line; None if it is done and has no code of its own; a watcher has one, and a log."""
    # torch says this where NumPy is absent; framesift needs none, and a person can do nothing about it.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
    try:
        code = framesift.main(args=arguments, prog_name="framesift", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WatcherError as error:
        # What is wrong with settings is several lines; in what else is said, a newline is part of a name.
        _complain(*(str(error).splitlines() if isinstance(error, SettingsError) else [str(error)]))
        return next((code for kind, code in _CODES.items() if isinstance(error, kind)), EXIT_FAILED)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except PermissionError as error:
        _complain(f"{os.fsdecode(error.filename or '')}: {error.strerror or error}")
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001 - the error boundary of the program
        from watcher.program import keep_traceback  # noqa: PLC0415 - what follows no success needs

        _complain(f"this is a bug in framesift: {keep_traceback() or repr(error)}")
        return EXIT_BUG
    return code if isinstance(code, int) else None


def _complain(*lines: str) -> None:
    from watcher.terminal.console import print_error  # noqa: PLC0415 - rich is not needed to succeed

    print_error(*lines)
