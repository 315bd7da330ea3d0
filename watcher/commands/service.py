"""``framesift service``: the watcher in the background, from login on."""

import codecs
import os
from pathlib import Path

import click

from watcher.commands.options import root_argument
from watcher.errors import EXIT_SICK, WatcherError
from watcher.program import Program
from watcher.services import installing
from watcher.services.job import Job, Manager
from watcher.settings.folders import FOLDER_VARIABLES, PREFIX
from watcher.terminal.console import print_table
from watcher.text import visible


@click.group(name="service")
def command() -> None:
    """Watch in the background from login on.

    launchd runs it on macOS, systemd --user on Linux, and the Task Scheduler on Windows. Each ROOT has a service and a
    log of its own. Without ROOT, it is that of the settings.

    \b
    Examples:
      framesift service install ROOT
      framesift service status ROOT
      framesift service restart ROOT
      framesift service uninstall ROOT
    """


@command.command()
@root_argument
@click.option("--dry-run", is_flag=True, help="Print the file that would be written, and where; change nothing.")
@click.pass_obj
def install(program: Program, root: Path | None, dry_run: bool) -> None:
    """Run the service now and at every login.

    It writes the service file and hands it to the service manager. Repeat it after an update, and when options change.

    --config and --state-dir before the verb hold for the service as well. Settings from FRAMESIFT_* variables do not,
    and it says so: give them in the settings file.
    """
    manager, job = _service(program, root)
    if dry_run:
        _show(manager, job)
        return
    if not installing.install(manager, job):
        click.echo(f"{job.name} runs already, and would be the same: nothing is changed")
        return
    click.echo(f"{job.name} watches {visible(os.fspath(job.root))} from now on and after every login")
    click.echo(f"service file  {visible(os.fspath(manager.file(job)))}")
    click.echo(f"log           {visible(os.fspath(job.log_file))}")
    click.echo(manager.advice(job))
    _warn_of_variables()


@command.command()
@root_argument
@click.option("--dry-run", is_flag=True, help="Tell what would be removed; change nothing.")
@click.pass_obj
def uninstall(program: Program, root: Path | None, dry_run: bool) -> None:
    """Stop the service and remove its file.

    Pictures, quarantine, ledger and log stay.
    """
    manager, job = _service(program, root)
    file = manager.file(job)
    if dry_run and file.exists():
        click.echo(f"would stop {job.name} and remove {visible(os.fspath(file))}")
    elif not dry_run and installing.uninstall(manager, job):
        click.echo(f"{job.name} is stopped and removed: {visible(os.fspath(file))}")
    else:
        click.echo(f"{job.name} is not installed: there is no {visible(os.fspath(file))}")


@command.command()
@root_argument
@click.pass_obj
def start(program: Program, root: Path | None) -> None:
    """Let the service, which is installed, run now."""
    manager, job = _installed(program, root)
    manager.start(job)
    click.echo(f"{job.name} is started")


@command.command()
@root_argument
@click.pass_obj
def stop(program: Program, root: Path | None) -> None:
    """Stop the service until it is started, or the next login."""
    manager, job = _installed(program, root)
    manager.stop(job)
    click.echo(f"{job.name} is stopped; it starts at the next login, or with framesift service start")


@command.command()
@root_argument
@click.pass_obj
def restart(program: Program, root: Path | None) -> None:
    """Stop the service and start it anew, as after a change of the settings."""
    manager, job = _installed(program, root)
    manager.stop(job)
    manager.start(job)
    click.echo(f"{job.name} is started anew")


@command.command()
@root_argument
@click.pass_context
def status(context: click.Context, root: Path | None) -> None:
    """Tell whether the service is installed, enabled and running.

    This is how the service manager sees it. What the watcher itself sees is told by framesift status.

    Ends with 4 if it is installed and not running, and with 1 if it is not installed.
    """
    manager, job = _service(context.obj, root)
    state = installing.state(manager, job)
    if state is None:
        raise WatcherError(f"{job.name} is not installed: there is no {manager.file(job)}")
    current = "" if state.current else "; install would write another one now"
    rows = [
        ("service", job.name),
        ("installed", f"{manager.file(job)}{current}"),
        ("enabled", "yes" if state.condition.enabled else "no: it does not start at login"),
        ("running", f"{'yes' if state.condition.running else 'no'}: {state.condition.said}"),
        ("log", os.fspath(job.log_file)),
    ]
    print_table(rows, title=os.fspath(job.root))
    if not state.condition.running:
        context.exit(EXIT_SICK)


def _service(program: Program, given: Path | None) -> tuple[Manager, Job]:
    """The manager of this platform, and the service for the root that is meant."""
    return installing.service_of(program.folders, program.settings_of_root(given).root)


def _installed(program: Program, given: Path | None) -> tuple[Manager, Job]:
    """The same, of a service that is installed; another one is refused."""
    manager, job = _service(program, given)
    installing.require_installed(manager, job)
    return manager, job


def _show(manager: Manager, job: Job) -> None:
    click.echo(f"{visible(os.fspath(manager.file(job)))} would hold:", err=True)
    content = manager.render(job)
    click.echo(content.decode("utf-16" if content.startswith(codecs.BOM_UTF16_LE) else "utf-8"), nl=False)


def _warn_of_variables() -> None:
    """Settings of this shell are not those of the service."""
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in FOLDER_VARIABLES:
            click.echo(f"{visible(name)} is set here and not for the service: give it in the settings file", err=True)
