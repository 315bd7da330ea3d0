"""The parser and the error boundary: what reaches a person is one clear line and an exit code."""

import os
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any

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
    "Every day": {
        "watch": "React to each new capture in ROOT until stopped.",
        "status": "Tell whether the watcher is alive, and what it saved.",
        "history": "Print what was decided, newest last.",
        "open": "Show a picture, its nearest, and where they differ.",
        "why": "Tell what was decided about FILE, and where it is now.",
        "compare": "Compare captures A and B exactly as the watcher would.",
        "restore": "Put files back where the capture job wrote them.",
    },
    "The archive": {
        "sweep": "Judge the captures that are in ROOT already.",
        "purge": "Delete quarantined duplicates for good.",
        "relocate": "Tell the ledger that ROOT has moved.",
    },
    "Look back": {
        "highlights": "Show the most unusual screens of PERIOD.",
        "report": "Make one page to look back at a PERIOD.",
    },
    "Care": {
        "doctor": "Check everything that can be wrong, and say how to mend it.",
        "service": "Watch in the background from login on.",
        "learn": "Propose places that do not count, such as clocks.",
        "pause": "Let the watcher of ROOT rest: it judges and moves nothing.",
        "resume": "Let the watcher of ROOT go on after framesift pause.",
        "config": "Make and change the settings, and tell what they are.",
        "demo": "Watch framesift at work on drawn screens.",
        "help": "Read the manual, or the help of a verb.",
    },
}
"""The verbs and what each does. Here, so that the list of them loads none of them."""


def _common_options() -> list[click.Option]:
    """The options of every verb, which stand before it or after it."""
    return [
        click.Option(
            ["--config", "config_file"],
            type=click.Path(readable=False),
            help="Settings file to use; framesift config path tells the usual one.",
        ),
        click.Option(
            ["--state-dir"],
            type=click.Path(readable=False),
            help="Folder of the ledger, in which every decision is written down.",
        ),
        click.Option(
            ["-q", "--quiet"], is_flag=True, help="Write what happens to the log file alone, not to the terminal."
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help="Say in each capture's line where it is now."),
    ]


def _take_common_options(command: click.Command) -> None:
    """Let *command*, or each that it is a group of, take the common options as well; its help does not repeat them."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _take_common_options(inner)
        return
    taken = {name for parameter in command.params for name in parameter.opts}
    for option in _common_options():
        if not taken & set(option.opts):
            option.hidden, option.expose_value, option.callback = True, False, _after_the_verb
            command.params.append(option)


def _after_the_verb(context: click.Context, option: click.Parameter, value: object) -> None:
    if value and option.name and not context.resilient_parsing:
        words = context.find_root().meta[_WORDS] | {option.name: value}
        context.find_root().meta[_WORDS] = words
        context.obj = _begun(**words)


_WORDS = "watcher.cli"
"""Where the root context keeps the common options that were given."""


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
        _take_common_options(command)
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
  {EXIT_SICK}    not watching, or doctor found something sick
  {EXIT_DEVICE}   the device is lost: start framesift again
  {EXIT_INTERRUPTED}  interrupted

\b
Shell completion, in the startup file of bash, zsh or fish:
  eval "$(_FRAMESIFT_COMPLETE=bash_source framesift)"
"""


@click.group(
    cls=Verbs,
    params=_common_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_MORE,
)
@click.version_option(__version__, prog_name="framesift", message="%(prog)s %(version)s")
@click.pass_context
def framesift(context: click.Context, /, **given: Any) -> None:
    """Keep the distinct screens of a folder of screen captures, and quarantine the rest, restorably.

    framesift VERB --help says what a verb does, and what it never does. framesift help lists the pages of the manual.

    ROOT is the folder that the capture job writes to. Where ROOT is left out, it is that of the settings, else the only
    one that the ledger knows. The options below may stand after VERB as well.
    """
    context.meta[_WORDS] = given
    context.obj = _begun(**given)


def _begun(*, config_file: str | None, state_dir: str | None, quiet: bool, verbose: bool) -> object:
    from watcher.program import Program  # noqa: PLC0415 - the list of verbs needs neither pydantic nor SQLite

    return Program.begin(config_file, state_dir, quiet=quiet, verbose=verbose)


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
