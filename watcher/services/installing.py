"""Installing, removing and asking after a service: the same with every manager; which one is decided here alone."""

import getpass
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from watcher.disk.files import make_private_folder, remove_written, write_private
from watcher.errors import WatcherError
from watcher.services.job import Condition, Job, Manager, job_for
from watcher.services.launchd import Launchd
from watcher.services.systemd import Systemd
from watcher.services.windows_task import TaskScheduler
from watcher.settings.folders import Folders, absolute
from watcher.settings.settings import Settings


def manager_here() -> Manager:
    """The service manager of this platform."""
    if sys.platform == "darwin":
        return Launchd(Path.home(), os.getuid())
    if sys.platform == "win32":
        # Not in a state folder that an option chose: uninstall must find it without that option.
        folder = Folders.choose(environ={}).state_dir
        return TaskScheduler(folder, "\\".join(filter(None, (os.environ.get("USERDOMAIN"), getpass.getuser()))))
    return Systemd(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"))


def service_of(folders: Folders, root: Path) -> tuple[Manager, Job]:
    """The service manager of this platform, and the service for the watcher of *root*."""
    usual_root = Path(os.path.realpath(absolute(Settings.model_fields["root"].default)))
    return manager_here(), job_for(folders, root, usual_root)


@dataclass(frozen=True, slots=True)
class State:
    """A service as its file and its manager tell."""

    current: bool
    """Whether the file is what an installation would write now."""
    condition: Condition


def install(manager: Manager, job: Job) -> bool:
    """Write the service file and let the service run; False if it runs from this very file already.

    Raises:
        WatcherError: the manager is missing or refuses; the file is written all the same.
    """
    content, file = manager.render(job), manager.file(job)
    before = _content(file)
    if before != content:
        make_private_folder(file.parent)
        write_private(file, content)
    make_private_folder(job.log_file.parent)  # launchd makes no folders
    try:
        condition = manager.condition(job) if before == content else None
        if condition and condition.enabled and condition.running:
            return False
        manager.begin(job, again=before is not None)
    except WatcherError as error:
        raise WatcherError(
            f"{error}; {file} is written: install again when that is mended, "
            f"or let this run at login: {shlex.join(job.command)}"
        ) from error
    return True


def uninstall(manager: Manager, job: Job) -> bool:
    """Stop the service and remove its file; False if there is none.

    Raises:
        WatcherError: the manager is missing or refuses; the file is removed all the same.
    """
    file = manager.file(job)
    if _content(file) is None:
        return False
    try:
        manager.end(job)
    except WatcherError as error:
        remove_written(file)
        raise WatcherError(f"{error}; {file} is removed, but if the service runs it does so until logout") from error
    remove_written(file)
    manager.forget(job)
    return True


def require_installed(manager: Manager, job: Job) -> None:
    """Do nothing if the service is installed.

    Raises:
        WatcherError: it is not.
    """
    if _content(manager.file(job)) is None:
        raise WatcherError(f"{job.name} is not installed: there is no {manager.file(job)}")


def state(manager: Manager, job: Job) -> State | None:
    """What there is of the service; None if it is not installed.

    Raises:
        WatcherError: the manager is missing or refuses.
    """
    content = _content(manager.file(job))
    if content is None:
        return None
    return State(content == manager.render(job), manager.condition(job))


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
