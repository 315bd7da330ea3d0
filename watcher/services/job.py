"""What a service runs, and what every service manager can be asked for."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol
from unicodedata import category

from watcher import __version__
from watcher.errors import WatcherError
from watcher.settings.folders import Folders
from watcher.text import visible

NAME = "framesift"
_ASKED_SECONDS = 660
"""Longer than any manager waits for a start: systemd's unit allows ten minutes."""


@dataclass(frozen=True, slots=True)
class Job:
    """The watcher of one root as a program to run."""

    name: str
    """Of the service: one for each root."""
    root: Path
    command: tuple[str, ...]
    """The program and its arguments, every path absolute."""
    log_file: Path

    @property
    def description(self) -> str:
        """Also what makes the service file of an updated framesift another one, so that it is started anew."""
        return f"{NAME} {__version__} watches {self.root}"

    def __post_init__(self) -> None:
        """Refuse what one or the other service file would lose or garble.

        Raises:
            WatcherError: a path holds control characters, bytes that are no UTF-8, or no characters at all.
        """
        for word in self.command:
            if any(category(char) in {"Cc", "Cs"} or _is_noncharacter(char) for char in word):
                raise WatcherError(
                    f"{visible(word)}: a service file cannot hold control characters and bytes that are no text; "
                    "rename the folder"
                )


def _is_noncharacter(char: str) -> bool:
    return "\ufdd0" <= char <= "\ufdef" or ord(char) & 0xFFFE == 0xFFFE  # noqa: PLR2004 - as Unicode defines them


@dataclass(frozen=True, slots=True)
class Condition:
    """A service as its manager sees it."""

    enabled: bool
    """Whether it will start at the next login."""
    running: bool
    said: str
    """The manager's own words."""


class Manager(Protocol):
    """A platform's service manager. Each method raises WatcherError if its program is missing or refuses."""

    def file(self, job: Job) -> Path:
        """Where the service file of *job* is, or would be."""

    def render(self, job: Job) -> bytes:
        """The service file; WatcherError if its format cannot hold what *job* says."""

    def begin(self, job: Job, *, again: bool) -> None:
        """Let the service run from now on; *again* says that it may run already, from an earlier file."""

    def start(self, job: Job) -> None:
        """Let the service, which is installed, run now."""

    def stop(self, job: Job) -> None:
        """Stop the service until it is started, or the user logs in anew."""

    def end(self, job: Job) -> None:
        """Stop the service, and never start it again."""

    def forget(self, job: Job) -> None:
        """The file is gone."""

    def condition(self, job: Job) -> Condition:
        """What the manager says of it."""

    def advice(self, job: Job) -> str:
        """What a person should know after an installation."""


def job_for(folders: Folders, root: Path, usual_root: Path, environ: Mapping[str, str] = os.environ) -> Job:
    """The watcher of *root* with the same *folders* as this process.

    The service of *usual_root* has the plain name; those of other roots, and their logs, have a hash in their names.
    """
    name = NAME if root == usual_root else f"{NAME}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}"
    log_file = folders.log_dir / f"{name}.log"
    # -P: a folder named watcher in the service's working folder must not be taken for this package.
    python = [os.path.abspath(sys.executable), "-P", "-m", "watcher"]  # noqa: PTH100 - links are what makes it a venv
    # Named even where they are usual, for XDG variables of this shell may be strange to the service manager.
    options = ["-q", *_config_option(folders, environ), "--state-dir", os.fspath(folders.state_dir)]
    verb = ["watch", "--log-file", os.fspath(log_file), os.fspath(root)]
    return Job(name, root, (*python, *options, *verb), log_file)


def _config_option(folders: Folders, environ: Mapping[str, str]) -> list[str]:
    """The settings file, unless it is the platform's, which alone may be absent."""
    strange = environ.get("XDG_CONFIG_HOME") and folders.config_file.exists()
    return ["--config", os.fspath(folders.config_file)] if folders.config_named or strange else []


def template(kind: str) -> bytes:
    """The fixed parts of a service file of a *kind*: plist, service or xml."""
    return resources.files("watcher.service_files").joinpath(f"{NAME}.{kind}").read_bytes()


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of a service manager to its end, whatever it answers.

    Raises:
        WatcherError: it cannot be run, or gives no answer.
    """
    try:
        return subprocess.run(  # noqa: S603 - an argument list of our own; managers are found on PATH
            argv, capture_output=True, text=True, errors="replace", timeout=_ASKED_SECONDS, check=False
        )
    except OSError as error:
        raise WatcherError(f"{argv[0]} cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise WatcherError(f"{' '.join(argv[:3])} gives no answer") from error


def run_checked(*argv: str) -> str:
    """Run a program of a service manager and return its output.

    Raises:
        WatcherError: it cannot be run, or refuses; with what it says about that.
    """
    done = run(*argv)
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        raise WatcherError(f"{' '.join(argv)} refuses: {visible(' '.join(said.split()).rstrip('.'))}")
    return done.stdout
