"""What each source of settings says, and where it says it: file, environment, flags."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from watcher.errors import SettingsError, WatcherError
from watcher.settings.folders import FOLDER_VARIABLES, PREFIX, Folders
from watcher.settings.spelling import Key
from watcher.settings.trust import read_trusted
from watcher.text import visible


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value was given: a file and its line, an environment variable, a flag, or nowhere."""

    place: str = "default"
    line: int = 0

    def __str__(self) -> str:
        return visible(f"{self.place}:{self.line}" if self.line else self.place)


def origin_of(key: Key, origins: Mapping[Key, Origin]) -> Origin:
    """Where *key* was given, else the first key within it, else the table around it."""
    within = (other for other in origins if other[: len(key)] == key)
    around = (key[:length] for length in range(len(key) - 1, 0, -1))
    return next((origins[found] for found in (key, *within, *around) if found in origins), Origin())


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says, and where."""

    values: dict[Key, Any] = field(default_factory=dict)
    origins: dict[Key, Origin] = field(default_factory=dict)

    def under(self, stronger: "Layer") -> "Layer":
        """Both together; *stronger* wins, also with one value for a whole table."""
        hidden = {key for key in self.origins if any(key[:length] in stronger.values for length in range(len(key)))}
        values = {key: value for key, value in self.values.items() if key not in hidden}
        origins = {key: origin for key, origin in self.origins.items() if key not in hidden}
        return Layer(values | stronger.values, origins | stronger.origins)

    def given(self) -> dict[Key, Origin]:
        """Where each value is; the header of a table gives none."""
        return {key: origin for key, origin in self.origins.items() if self.values.get(key, {}) != {}}

    def nested(self) -> dict[str, Any]:
        """The values as tables in tables; a value in the place of a table stays, so that it is refused."""
        tree: dict[str, Any] = {}
        for (*tables, name), value in self.values.items():
            node = tree
            for table in tables:
                node = node.setdefault(table, {}) if isinstance(node, dict) else node
            if isinstance(node, dict):
                node[name] = value
        return tree


def file_layer(folders: Folders) -> Layer:
    """What the TOML file says."""
    file = str(folders.config_file)
    try:
        # Editors on Windows begin UTF-8 with a mark, which TOML does not know.
        text = read_trusted(folders.config_file).decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        if folders.config_named:
            raise SettingsError(f"{visible(file)}: no such file, but --config or FRAMESIFT_CONFIG names it") from error
        return Layer()
    except OSError as error:
        raise SettingsError(f"{visible(file)}: cannot be read: {error.strerror}") from error
    except WatcherError as error:
        raise SettingsError(str(error)) from error
    except UnicodeDecodeError as error:
        origin = Origin(file, error.object[: error.start].count(b"\n") + 1)
        raise SettingsError(f"{origin}: not UTF-8; save the file in this encoding") from error
    values = dict(leaves(_parsed(text, file)))
    return Layer(values, {key: Origin(file, line) for key, line in _lines(text).items()})


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).rpartition(" (at ")
        number = re.match(r"line (\d+)", place)
        origin = Origin(file, int(number[1]) if number else text.rstrip("\n").count("\n") + 1)
        raise SettingsError(f"{origin}: not TOML: {visible(reason)}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, tables thousands deep
        raise SettingsError(f"{visible(file)}: cannot be read: {visible(str(error))}") from error


def _lines(text: str) -> dict[Key, int]:
    """The line of each table and key of valid TOML. tomllib does not tell it.

    A statement ends with the first line at which it is valid TOML by itself.
    """
    found: dict[Key, int] = {}
    counts = Counter[Key]()  # of the tables of a list
    header: Key = ()
    statement = ""
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            keys = [key for key, _ in leaves(tomllib.loads(statement))]
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("[["):
            found.setdefault(keys[0], number)
            header = (*keys[0], f"{counts[keys[0]]}")
            counts[keys[0]] += 1
            keys = [()]
        elif statement.lstrip().startswith("["):
            header, keys = keys[0], [()]
        for key in keys:
            found.setdefault((*header, *key), number + 1 - statement.count("\n"))
        statement = ""
    return found


def leaves(table: Mapping[str, Any], above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """The values of a tree of tables; an empty table counts as a value, so that an unknown one is seen."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


class EnvironmentText(str):
    """A value from the environment: text, or JSON, as its key has it."""

    __slots__ = ()


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """What the ``FRAMESIFT_*`` variables say; two underscores stand between a table and its key.

    Raises:
        SettingsError: one gives a whole table, and another a key in it.
    """
    names = sorted(name for name in environ if name.startswith(PREFIX) and name not in FOLDER_VARIABLES)
    keys = [tuple(name.removeprefix(PREFIX).lower().split("__")) for name in names]
    values = {key: EnvironmentText(environ[name]) for key, name in zip(keys, names, strict=True)}
    origins = {key: Origin(name) for key, name in zip(keys, names, strict=True)}
    for key, origin in origins.items():
        for length in range(1, len(key)):
            if table := origins.get(key[:length]):
                raise SettingsError(f"{origin}: {table} gives the whole table; give one of the two")
    return Layer(values, origins)


def flags_layer(flags: Mapping[str, Any]) -> Layer:
    """What the command line says; None means not given."""
    values: dict[Key, Any] = {(name,): value for name, value in flags.items() if value is not None}
    return Layer(values, {key: Origin("ROOT" if key == ("root",) else _flag(*key)) for key in values})


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
