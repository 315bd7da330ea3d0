"""``framesift config``: where the settings come from, and what they are."""

import json

import click

from watcher.program import Program
from watcher.settings.spelling import as_toml, toml_key, without_secrets
from watcher.text import visible


@click.group(name="config")
def command() -> None:
    """Tell where the settings come from, and what they are.

    What they mean, and their defaults: framesift help settings. None of these verbs changes a setting.
    """


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
    """
    program.settings()
    click.echo("OK")
