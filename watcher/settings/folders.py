"""Where the program's own files are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from platformdirs import PlatformDirs

from watcher.errors import SettingsError
from watcher.text import visible

PREFIX = "FRAMESIFT_"
FOLDER_VARIABLES = ("FRAMESIFT_CONFIG", "FRAMESIFT_STATE_DIR", "FRAMESIFT_LOG_DIR")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the program's own files are; choosing them reads none."""

    config_file: Path
    state_dir: Path
    log_dir: Path
    config_named: bool = False
    """Whether the user named the file; only the platform's may be absent."""

    @property
    def hooks_dir(self) -> Path:
        """The user's own hooks, beside the settings."""
        return self.config_file.parent / "hooks"

    @classmethod
    def choose(
        cls,
        config: Path | str | None = None,
        state_dir: Path | str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """The flags' folders, else the environment's (empty counts as unset), else the platform's."""
        named, state, log = (
            _chosen(flag, variable, environ)
            for flag, variable in zip((config, state_dir, None), FOLDER_VARIABLES, strict=True)
        )
        usual = PlatformDirs("framesift", appauthor=False)
        return cls(
            config_file=named or usual.user_config_path / "framesift.toml",
            state_dir=state or usual.user_state_path,
            log_dir=log or usual.user_log_path,
            config_named=named is not None,
        )


def _chosen(flag: Path | str | None, variable: str, environ: Mapping[str, str]) -> Path | None:
    given = environ.get(variable) or None if flag is None else flag
    try:
        return None if given is None else absolute(given)
    except ValueError as error:
        raise SettingsError(f"{visible(str(given)) or 'an empty text'}: {error}") from error


def absolute(path: Path | str) -> Path:
    """*path* with ``~`` expanded and without ``..``; symlinks stay, for they are the user's name for the place."""
    if not str(path) or "\0" in str(path):
        raise ValueError("not a path")
    try:
        return Path(os.path.normpath(Path(path).expanduser().absolute()))
    except RuntimeError as error:
        raise ValueError("no such user's home folder") from error
    except OSError as error:
        raise ValueError("the folder in which this runs is gone") from error
