"""What the options before the verb say, and what verbs share because of them."""

import os
import re
import time
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from watcher.disk.files import make_private_folder, write_private
from watcher.errors import SeveralRootsError, WatcherError
from watcher.ledger.ledger import Ledger
from watcher.model.capture import NamePattern
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings
from watcher.settings.sources import Origin
from watcher.terminal.console import Log
from watcher.text import quoted, without_secrets


@dataclass(frozen=True, slots=True)
class Program:
    """One run of the command line; settings and ledger are opened when a verb asks for them."""

    folders: Folders
    quiet: bool
    verbose: bool
    started: float
    """When the program began, in seconds since the epoch."""

    @classmethod
    def begin(cls, config: str | None, state_dir: str | None, *, quiet: bool, verbose: bool) -> Self:
        """A run with the folders that the options, the environment and the platform name.

        Raises:
            SettingsError: one of them can be no path.
        """
        return cls(Folders.choose(config, state_dir), quiet, verbose, time.time())

    @property
    def invocation(self) -> str:
        """How a person calls framesift so that it finds this ledger and these settings: what stands before the verb.

        Only what this run's command line chose is said; what the environment says is known to the next one as well.
        """
        usual = Folders.choose()
        words = ["framesift"]
        if self.folders.config_file != usual.config_file:
            words.append(f"--config {quoted(self.folders.config_file)}")
        if self.folders.state_dir != usual.state_dir:
            words.append(f"--state-dir {quoted(self.folders.state_dir)}")
        return " ".join(words)

    def pasteable(self, text: str, root: Path) -> str:
        """*text* with the commands in it so that, pasted, they find this ledger and these settings, and mean *root*."""
        text = _WITHOUT_ROOT.sub(lambda found: f"{found[0]} {quoted(root)}", text)
        return _COMMAND.sub(lambda _: self.invocation, text)

    def settings(self, **flags: Any) -> Settings:
        """The settings with *flags* on top; a flag that is None was not given.

        Raises:
            SettingsError: something in them is wrong.
        """
        return Settings.load(self.folders, flags)

    def log(self, settings: Settings, file: Path, *, terminal: bool) -> Log:
        """The log of a run: *file* and, if *terminal*, standard output.

        Raises:
            WatcherError: the file is no log, would be taken for a picture, or cannot be opened.
        """
        _refuse_as_picture(file, settings)
        as_json = settings.log_format == "json"
        return Log(terminal=terminal, file=file, color=settings.log_color, as_json=as_json, verbose=self.verbose)

    @property
    def ledger_file(self) -> Path:
        """Where the ledger is, or would be."""
        return self.folders.state_dir / "ledger.sqlite"

    def ledger(self) -> Ledger:
        """The ledger, made if there is none.

        Raises:
            FaultError: it cannot be used.
        """
        return Ledger.open(self.ledger_file)

    def existing_ledger(self) -> Ledger:
        """The ledger of a watcher that has run.

        Raises:
            WatcherError: there is none.
        """
        if not self.ledger_file.exists():
            raise WatcherError(f"nothing was judged yet: there is no ledger at {self.ledger_file}")
        return self.ledger()

    def settings_of_root(self, root: Path | None, ledger: Ledger | None = None, **flags: Any) -> Settings:
        """The settings with the root that is meant: *root*, else that of the settings, else the only one known.

        Where the ledger, which is opened unless it is at hand, knows none, that is the default of the settings.

        Raises:
            SeveralRootsError: several roots are known, and none is named.
            SettingsError: something in the settings is wrong.
            FaultError: the ledger cannot be read.
        """
        settings = self.settings(root=root, **flags)
        if settings.origin(("root",)) != Origin():
            return settings
        known = self._roots() if ledger is None else ledger.roots()
        if len(known) > 1:
            text = f"which folder is meant? known are {', '.join(map(quoted, known))}"
            raise SeveralRootsError(known, text)
        return self.settings(root=known[0], **flags) if known else settings

    def _roots(self) -> list[Path]:
        if not os.path.exists(self.ledger_file):  # noqa: PTH110 - exists() may raise
            return []
        with self.ledger() as ledger:
            return ledger.roots()

    def quarantine(self, ledger: Ledger, root: Path) -> Path:
        """Where the duplicates of *root* are: where its last watcher put them, for it may have had --quarantine."""
        heartbeat = ledger.heartbeat(root)
        return Path(heartbeat.quarantine or self.settings(root=root).quarantine_dir)


_WITHOUT_ROOT = re.compile(
    r"\bframesift (?:service \w+|watch(?: --new-disk)?|purge(?: --[\w-]+ \w+)?|sweep|learn|resume|pause)"
    r"(?=$|[,;) ](?!/))"
)
"""A command that takes a ROOT and has none."""
_COMMAND = re.compile(
    r"\bframesift(?= (?:service|watch|purge|sweep|learn|resume|pause|restore|relocate|config|status|help) ?)"
)


def _refuse_as_picture(file: Path, settings: Settings) -> None:
    """Do nothing unless the log *file* would be judged, or restored, as a picture."""
    real = Path(os.path.realpath(file))
    is_capture = real.is_relative_to(settings.root) and NamePattern(settings.name_pattern).matches(real.name)
    if is_capture or any(real.is_relative_to(folder) for folder in (settings.quarantine_dir, settings.similar_dir)):
        raise WatcherError(f"the log file {file} would be taken for a picture: give it another name or folder")


def keep_traceback() -> str:
    """Write the traceback of the error in hand into the log folder; returns where it is, or nothing if that fails."""
    try:
        folder = Folders.choose().log_dir
        make_private_folder(folder)
        file = folder / f"bug-{datetime.now():%Y-%m-%d_%H.%M.%S.%f}.txt"
        write_private(file, without_secrets(traceback.format_exc()).encode(errors="backslashreplace"))
    except (OSError, WatcherError):
        return ""
    return f"the details are in {file}"
