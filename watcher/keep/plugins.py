"""Finds, blocks and calls hooks; a hook that fails stops nothing else."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.abc import SourceLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pluggy

from watcher.disk.mirror import MARKER_FOLDER, root_of
from watcher.errors import WatcherError
from watcher.keep import hookspecs
from watcher.model.entry import Entry
from watcher.model.notice import Notice
from watcher.model.verdict import Verdict
from watcher.settings.settings import Settings
from watcher.settings.trust import read_trusted, require_trusted_folder
from watcher.text import without_secrets

BUILT_IN = ("quarantine", "similar_folder", "run_command", "notify", "desktop")

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
        if folder.is_dir():
            self._guarded("the hooks folder", lambda: self._load_folder(folder))
        self.names = sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None)

    def place(self, verdict: Verdict) -> Path | None:
        """Where the capture should go, or None; None as well if a hook failed or answered nonsense."""
        try:
            target = self._manager.hook.place(verdict=verdict, settings=self._settings)
            return None if target is None else _checked(Path(target), self._settings)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's code, which may also want to exit; the file stays
            self._complain(f"a place hook failed, the file stays: {_error_text(error)}")
            return None

    def recorded(self, entry: Entry) -> None:
        """Tell every listener, each on its own."""
        self._tell(self._manager.hook.recorded, entry=entry)

    def noticed(self, notice: Notice) -> None:
        """Tell every listener, each on its own."""
        self._tell(self._manager.hook.noticed, notice=notice)

    def _tell(self, listeners: pluggy.HookCaller, **news: object) -> None:
        offered: Mapping[str, Any] = news | {"settings": self._settings}
        for hook in reversed(listeners.get_hookimpls()):
            arguments = [offered[name] for name in hook.argnames]
            self._guarded(f"hook {hook.plugin_name}", partial(hook.function, *arguments))

    def _load_folder(self, folder: Path) -> None:
        require_trusted_folder(folder)
        for file in sorted(folder.glob("*.py")):
            self._register(file.stem, partial(_import_file, file))

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
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's code must not stop the watcher, nor exit
            self._complain(f"{what} failed: {_error_text(error)}")


def _checked(target: Path, settings: Settings) -> Path:
    """*target*, if a picture that is moved there is no new capture, and nobody else's duplicate.

    Raises:
        WatcherError: it is.
    """
    if not target.is_absolute() or ".." in target.parts:
        raise WatcherError(f"{target} is not an absolute path without ..")
    real = Path(os.path.realpath(target.parent))
    folders = (real, *real.parents)
    if any(_is_same(folder, settings.root) for folder in folders):
        raise WatcherError(f"{target} is inside {settings.root}, where it would be taken for a new capture")
    if not any(real.is_relative_to(own) for own in (settings.quarantine_dir, settings.similar_dir)):
        for folder in folders:
            if os.path.lexists(folder / MARKER_FOLDER / "root") and (owner := root_of(folder)) != settings.root:
                raise WatcherError(f"{target} is in {folder}, which is the quarantine of {owner}")
    return target


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other


class _Loader(SourceLoader):
    """Loads a module from the very bytes that were looked at: nothing compiled is read, or written."""

    def __init__(self, file: Path) -> None:
        """Read *file*.

        Raises:
            WatcherError: others can write it, or change what it leads to.
            OSError: it cannot be read.
        """
        self._file, self._source = os.fspath(file), read_trusted(file)

    def get_filename(self, fullname: str) -> str:
        """Where the module *fullname* is from."""
        del fullname
        return self._file

    def get_data(self, path: str) -> bytes:
        """The source, which was read before."""
        if path != self._file:
            raise OSError(path)
        return self._source


def _import_file(file: Path) -> object:
    name = f"framesift_hooks_{file.stem}"
    loader = _Loader(file)
    spec = ModuleSpec(name, loader, origin=os.fspath(file))
    spec.has_location = True
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _error_text(error: BaseException) -> str:
    text = without_secrets(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
