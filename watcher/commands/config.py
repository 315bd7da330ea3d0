"""``framesift config``: where the settings come from, and what they are."""

import json
import os
import re
from itertools import islice

import click

from watcher.commands.help import page_of
from watcher.disk.files import make_private_folder, write_new
from watcher.disk.listing import Names, walk
from watcher.errors import WatcherError
from watcher.model.capture import Capture
from watcher.program import Program
from watcher.settings.settings import Settings
from watcher.settings.spelling import as_toml, toml_key, without_secrets
from watcher.text import visible


@click.group(name="config")
def command() -> None:
    """Make and change the settings, and tell what they are.

    What they mean, and their defaults: framesift help settings.
    """


@command.command()
@click.pass_obj
def init(program: Program) -> None:
    """Write a settings file that has every default as a comment.

    Ends with 1 if there is one already, which stays as it is.
    """
    _write_defaults(program)
    click.echo(visible(str(program.folders.config_file)))


@command.command()
@click.pass_obj
def edit(program: Program) -> None:
    """Open the settings file in $VISUAL or $EDITOR, made anew if need be, and check it afterwards.

    A watcher that runs reads it when it is started anew: framesift service restart.

    Ends with 2 if what was written cannot be right.
    """
    file = program.folders.config_file
    if not os.path.lexists(file):
        _write_defaults(program)
    click.edit(filename=os.fspath(file))
    program.settings()
    click.echo("OK")


def _write_defaults(program: Program) -> None:
    file = program.folders.config_file
    example = re.search(r"^```toml\n(.+?)^```$", page_of("settings"), re.MULTILINE | re.DOTALL)
    if example is None:
        raise ValueError("the page on settings has no example")
    lines = [f"# {line}" if line and line[0] not in "#[" else line for line in example[1].splitlines()]
    text = f"# {_HEAD}\n\n" + "\n".join(lines) + "\n"
    try:
        make_private_folder(file.parent)
        write_new(file, text.encode())
    except FileExistsError as error:
        raise WatcherError(f"{file} exists, and stays as it is") from error
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror or error}") from error


_HEAD = "Settings of framesift: the defaults. Remove the # before what you change (framesift help settings)"


@command.command()
@click.pass_obj
def path(program: Program) -> None:
    """Print the path of the settings file.

    The folder hooks beside it holds the hooks of your own.
    """
    file = program.folders.config_file
    click.echo(visible(str(file)))
    if not file.exists():
        click.echo("There is no such file yet; the defaults hold.", err=True)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: each setting with its value and where it was given.")
@click.pass_obj
def show(program: Program, as_json: bool) -> None:
    """Print every setting in effect, and where it was given.

    Each is printed as the settings file would hold it. What is secret is ***: passwords of addresses, tokens of hooks.
    """
    settings = program.settings()
    rows = {
        toml_key(key): (without_secrets(key, value), str(settings.origin(key))) for key, value in settings.effective()
    }
    if as_json:
        values = {key: {"value": value, "from": origin} for key, (value, origin) in rows.items()}
        click.echo(json.dumps(values, indent=2, default=str))
        return
    for key, (value, origin) in rows.items():
        click.echo(f"{f'{key} = {as_toml(value)}':<48}  # {origin}")


@command.command()
@click.pass_obj
def check(program: Program) -> None:
    """Say OK if every setting can be right, else what is wrong.

    Each fault is one line with its file, its line and what would be right. Ends with 2 if there is one.

    Where there are captures in ROOT it says how the name of one is read, or what is odd in all of them.
    """
    settings = program.settings()
    names, example = _looked_at(settings)
    odd = list(names.lines(settings.root, settings.names))
    click.echo("\n".join(["every setting can be right, but:", *map(visible, odd)]) if odd else "OK")
    if example is not None:
        clock = "" if settings.names.tells_time(example.path.name) else ", the time of the file"
        click.echo(
            f"{visible(example.path.name)}: display {example.display}, {example.taken_at:%Y-%m-%d %H:%M:%S}{clock}"
        )


def _looked_at(settings: Settings) -> tuple[Names, Capture | None]:
    """What the names in the first folders of the root come to, and a capture in one of them if there is any."""
    names, example = Names(), None
    for _, listing in islice(walk(settings.root, settings.names), _FOLDERS):
        names.add(listing.names)
        example = next(iter(listing.captures), example)
    return names, example


_FOLDERS = 100
"""Are looked at: days, of an archive that may have thousands."""
