"""Finds, blocks and calls hooks; a hook that fails stops nothing else."""

import importlib
import importlib.util
import os
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from watcher.errors import WatcherError
from watcher.keep import hookspecs
from watcher.model.entry import Entry
from watcher.model.verdict import Verdict
from watcher.settings.settings import Settings

BUILT_IN = ("quarantine", "similar_folder", "run_command", "notify")

Complain = Callable[[str], None]
"""Takes one clear line about a hook that failed."""


class Hooks:
    """The hooks of one run."""

    def __init__(self, settings: Settings, folder: Path, complain: Complain) -> None:
        """Load the built-in hooks, those of *folder* (``*.py``), and those installed as entry points."""
        self._settings = settings
        self._complain = complain
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for name in settings.hooks.blocked:
            self._manager.set_blocked(name)
        # pluggy asks the last one registered first: so the user's answers come before ours.
        for name in BUILT_IN:
            # Unguarded: a watcher that cannot load its own quarantine must not seem to work.
            self._manager.register(importlib.import_module(f"watcher.hooks.{name}"), name)
        self._guarded("the installed hooks", lambda: self._manager.load_setuptools_entrypoints(hookspecs.PROJECT))
        for file in sorted(folder.glob("*.py")) if folder.is_dir() else ():
            self._register(file.stem, partial(_import_file, file))
        self.names = sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None)

    def place(self, verdict: Verdict) -> Path | None:
        """Where the capture should go, or None; None as well if a hook failed or answered nonsense."""
        try:
            target = self._manager.hook.place(verdict=verdict, settings=self._settings)
            return None if target is None else _checked(Path(target), self._settings.root)
        except Exception as error:  # noqa: BLE001 - a stranger's code; on doubt the file stays where it is
            self._complain(f"a place hook failed, the file stays: {_error_text(error)}")
            return None

    def recorded(self, entry: Entry) -> None:
        """Tell every listener, each on its own."""
        offered: Mapping[str, Any] = {"entry": entry, "settings": self._settings}
        for hook in reversed(self._manager.hook.recorded.get_hookimpls()):
            arguments = [offered[name] for name in hook.argnames]
            self._guarded(f"hook {hook.plugin_name}", partial(hook.function, *arguments))

    def _register(self, name: str, load: Callable[[], object]) -> None:
        if self._manager.is_blocked(name):
            return

        def register() -> None:
            plugin = load()
            self._manager.register(plugin, name)
            try:
                self._manager.check_pending()  # refuses a mistyped hook name
            except pluggy.PluginValidationError:
                self._manager.unregister(plugin)
                raise

        self._guarded(f"hook {name}", register)

    def _guarded(self, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a stranger's code must not stop the watcher
            self._complain(f"{what} failed: {_error_text(error)}")


def _checked(target: Path, root: Path) -> Path:
    if not target.is_absolute():
        raise WatcherError(f"{target} is not an absolute path")
    if target.is_relative_to(root):
        raise WatcherError(f"{target} is inside {root}, where it would be taken for a new capture")
    return target


def _import_file(file: Path) -> object:
    """Import a hook file that nobody but its owner, who runs us, can have written."""
    if sys.platform != "win32":
        status = file.stat()
        if status.st_uid not in (os.getuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise WatcherError(f"{file} can be written by others; chmod go-w it")
    name = f"framesift_hooks_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise WatcherError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
