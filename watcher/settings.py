"""Everything the user may choose: defaults < TOML file < environment < flags, and where each value came from."""

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import PlatformDirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from watcher.capture import DEFAULT_NAME_PATTERN, NamePattern
from watcher.errors import SettingsError
from watcher.text import visible
from watcher.verdict import Policy

# Spelling: keys, values, sizes and durations as the file has them.


Key = tuple[str, ...]
"""A setting's name after the tables it stands in: ``("hooks", "run_command", "argv")``."""


def dotted(key: Key) -> str:
    """*key* as TOML writes it."""
    return ".".join(name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else shown(name) for name in key)


def shown(value: Any) -> str:
    """*value* as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case str() | Path():
            text = json.dumps(str(value), ensure_ascii=False)
            # TOML knows fewer escapes than text for people has.
            return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
        case list() | tuple():
            return f"[{', '.join(map(shown, value))}]"
        case dict():
            return f"{{{', '.join(f'{dotted((name,))} = {shown(item)}' for name, item in value.items())}}}"
        case _:
            return str(value)


_SIZES = {"GB": 10**9, "MB": 10**6, "KB": 10**3, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}


def size_text(value: int) -> str:
    """*value* bytes in the largest unit that says them exactly."""
    unit = next(unit for unit, size in _SIZES.items() if value % size == 0)
    return f"{value // _SIZES[unit]} {unit}"


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(text: str) -> timedelta:
    """The duration that a text such as ``24h``, ``1h30m`` or ``7d`` names.

    Raises:
        ValueError: it names none.
    """
    parts = re.findall(r"(\d{1,12})([smhdw])", text, re.ASCII)
    try:
        if text and text == "".join(map("".join, parts)):
            return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        pass  # Longer than Python can say is no duration either.
    raise ValueError(f'{shown(text)} is not a duration such as "24h", "1h30m" or "7d"')


def duration_text(value: timedelta) -> str:
    """The text that :func:`duration` reads as *value*, in whole seconds."""
    seconds = round(value.total_seconds())
    unit = next(unit for unit in "hms" if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


# Folders: where the program's own files are.


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
        cls, config: Path | None = None, state_dir: Path | None = None, environ: Mapping[str, str] = os.environ
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


def _chosen(flag: Path | None, variable: str, environ: Mapping[str, str]) -> Path | None:
    given = flag or environ.get(variable)
    try:
        return absolute(given) if given else None
    except ValueError as error:
        raise SettingsError(f"{visible(str(given))}: {error}") from error


def absolute(path: Path | str) -> Path:
    """*path* with ``~`` expanded and without ``..``; symlinks stay, for they are the user's name for the place."""
    if not str(path) or "\0" in str(path):
        raise ValueError("not a path")
    try:
        return Path(os.path.normpath(Path(path).expanduser().absolute()))
    except RuntimeError as error:
        raise ValueError("no such user's home folder") from error


# Layers: what each source says, and where it says it.


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
        """Both as one, in which *stronger* wins, also with one value for a whole table."""
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
        text = folders.config_file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        if folders.config_named:
            raise SettingsError(f"{visible(file)}: no such file, but --config or FRAMESIFT_CONFIG names it") from error
        return Layer()
    except OSError as error:
        raise SettingsError(f"{visible(file)}: cannot be read: {error.strerror}") from error
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


def _lines(text: str) -> dict[Key, int]:
    """The line of each table and key of valid TOML, for which tomllib has no word.

    A statement ends with the first line at which it is valid TOML by itself.
    """
    found: dict[Key, int] = {}
    header: Key = ()
    statement = ""
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            keys = [key for key, _ in leaves(tomllib.loads(statement))]
        except tomllib.TOMLDecodeError:
            continue
        if statement.lstrip().startswith("["):
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
    """What the ``FRAMESIFT_*`` variables say; two underscores stand between a table and its key."""
    names = sorted(name for name in environ if name.startswith(PREFIX) and name not in FOLDER_VARIABLES)
    keys = [tuple(name.removeprefix(PREFIX).lower().split("__")) for name in names]
    values = {key: EnvironmentText(environ[name]) for key, name in zip(keys, names, strict=True)}
    return Layer(values, {key: Origin(name) for key, name in zip(keys, names, strict=True)})


def flags_layer(flags: Mapping[str, Any]) -> Layer:
    """What the command line says; None means not given."""
    values: dict[Key, Any] = {(name,): value for name, value in flags.items() if value is not None}
    return Layer(values, {key: Origin("ROOT" if key == ("root",) else _flag(*key)) for key in values})


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


# Refusals: a line names the place, the key, what was given, and what would be right.


CONTRADICTION = "contradiction"
"""The type of an error about settings that are right each but not together."""


def refusals(error: ValidationError, origins: Mapping[Key, Origin], model: type[BaseModel]) -> list[str]:
    """A line for each thing that is wrong with the settings *model*, in the order of their places."""
    found = {line for detail in error.errors() for line in _lines_about(detail, origins, model)}
    return [f"{origin}: {text}" for origin, text in sorted(found)]


def _lines_about(
    detail: ErrorDetails, origins: Mapping[Key, Origin], model: type[BaseModel]
) -> Iterator[tuple[Origin, str]]:
    if detail["type"] == CONTRADICTION:
        for keys, text in detail["ctx"]["problems"]:
            given = (origin_of((name,), origins) for name in keys)
            yield next((origin for origin in given if origin != Origin()), Origin()), text
        return
    key = tuple(map(str, detail["loc"]))
    origin = origin_of(key, origins)
    declared = _declared(key, model)
    if declared is None:
        yield origin, f"{dotted(key)} is not a setting; {_nearest(key, origin, model)}"
    else:
        yield origin, f"{dotted(key)} = {_shortened(shown(detail['input']))}: {_right(detail, declared)}"


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - the width of a terminal


def _right(detail: ErrorDetails, declared: FieldInfo) -> str:
    """What would be right in the place of a wrong value."""
    if detail["type"] == "value_error":
        return visible(str(detail["ctx"]["error"]))
    options = re.findall(r"'([^']+)'", detail["ctx"]["expected"]) if detail["type"] == "literal_error" else []
    near = get_close_matches(str(detail["input"]).lower(), options, n=1)
    return f"must be {declared.description}" + "".join(f"; did you mean {option}?" for option in near)


def _declared(key: Key, model: type[BaseModel]) -> FieldInfo | None:
    """The declaration of *key*, or of the list whose item it is; None where there is no such setting."""
    section: type[BaseModel] | None = model
    declared = None
    for name in key:
        if section is None:
            break
        declared = section.model_fields.get(name)
        section = _section(declared)
    return declared


def _section(declared: FieldInfo | None) -> type[BaseModel] | None:
    annotation = declared and declared.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _known(model: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    for name, declared in model.model_fields.items():
        yield (*above, name)
        section = _section(declared)
        if section is not None:
            yield from _known(section, (*above, name))


def _nearest(key: Key, origin: Origin, model: type[BaseModel]) -> str:
    """What the user may have meant by the unknown *key*, spelled as *origin* spells keys."""
    known = list(_known(model))
    environment = origin.place.startswith(PREFIX) and not origin.line
    if environment:
        known += [(variable.removeprefix(PREFIX).lower(),) for variable in FOLDER_VARIABLES]
    beside = {other[-1]: other for other in known if other[:-1] == key[:-1]}
    meant = [beside[name] for name in get_close_matches(key[-1], beside, n=1)]
    meant += [other for other in known if other[-1] == key[-1]]
    if not meant:
        return "`framesift config show` lists them all"
    return f"did you mean {PREFIX + '__'.join(meant[0]).upper() if environment else dotted(meant[0])}?"


# Values: what each kind of setting accepts.


def _decoded(value: Any) -> Any:
    if isinstance(value, EnvironmentText):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return str(value)
    return value


def _folder(value: Any, info: ValidationInfo) -> Path:
    if not isinstance(value, (str, Path)):
        raise PydanticCustomError("folder", "not a path")
    try:
        folder = absolute(value)
    except ValueError as error:
        raise PydanticCustomError("folder", "not a path") from error
    origin = (info.context or {}).get((info.field_name,), Origin())
    if origin.line and not str(value).startswith("~") and not Path(value).is_absolute():
        raise ValueError("must be absolute or begin with ~, for the file is read from many working folders")
    if not folder.name:
        raise ValueError("must be a folder that has others beside it")
    return folder


def _folder_or_default(value: Any, info: ValidationInfo) -> Path | None:
    return None if value in ("", None) else _folder(value, info)


def _size(value: Any) -> Any:
    # ByteSize takes true for one byte.
    if isinstance(value, bool):
        raise PydanticCustomError("size", "not a size")
    return value


def _period(value: Any) -> timedelta:
    try:
        period = value if isinstance(value, timedelta) else duration(str(value))
    except ValueError as error:
        raise PydanticCustomError("period", "not a duration") from error
    if not period:
        raise PydanticCustomError("period", "no duration at all")
    return period


def _pattern(value: str) -> str:
    try:
        NamePattern(value)
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


Folder = Annotated[Path, BeforeValidator(_folder)]
FolderOrDefault = Annotated[Path | None, BeforeValidator(_folder_or_default)]
Number = Annotated[float, Strict(), BeforeValidator(_decoded)]
Count = Annotated[int, Strict(), BeforeValidator(_decoded)]
Switch = Annotated[bool, Strict(), BeforeValidator(_decoded)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_decoded)]
Size = Annotated[ByteSize, BeforeValidator(_size), PlainSerializer(size_text)]
Period = Annotated[timedelta, BeforeValidator(_period), PlainSerializer(duration_text)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Anything = Annotated[Any, BeforeValidator(_decoded)]
Table = Annotated[dict[str, Anything], BeforeValidator(_decoded)]


# Settings: the keys. A description completes the sentence "must be ..." of a refusal.


class Section(BaseModel):
    """A table of settings in which no other key is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunCommand(Section):
    """Settings of the hook run_command."""

    argv: Texts = Field(default=(), description='a list of texts such as ["logger", "-t", "framesift"]')
    timeout: Number = Field(default=30.0, gt=0, description="a number of seconds above 0, such as 30")


class Notify(Section):
    """Settings of the hook notify."""

    enabled: Switch = Field(default=False, description="true or false")


class Hooks(Section):
    """Settings of the hooks: a table for each; those of the user's own are theirs to check."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Table] = Field(init=False)

    blocked: Texts = Field(default=(), description='a list of hooks\' names such as ["quarantine"]')
    run_command: RunCommand = Field(default=RunCommand(), description="a table of settings")
    notify: Notify = Field(default=Notify(), description="a table of settings")
    quarantine: Section = Field(default=Section(), description="a table of settings")
    similar_folder: Section = Field(default=Section(), description="a table of settings")

    def section(self, name: str) -> dict[str, Any]:
        """The settings of the hook *name*, its own to keep; empty if it has none."""
        values: dict[str, Any] = deepcopy(self.model_dump(exclude={"blocked"}).get(name, {}))
        return values


class Settings(Section):
    """Everything the user may choose, built once; a value that stands here is valid."""

    root: Folder = Field(
        default=Path("~/Documents/ScreenRecord"),
        validate_default=True,
        description='a folder such as "~/Documents/ScreenRecord"',
    )
    quarantine: FolderOrDefault = Field(default=None, description='a folder, or "" for ROOT-quarantine beside ROOT')
    duplicate: Number = Field(default=0.99, gt=0, lt=1, description="a number above 0 and below 1, such as 0.99")
    similar: Number = Field(default=0.95, gt=0, lt=1, description="a number above 0 and below 1, such as 0.95")
    window: Count = Field(default=100, ge=0, description="a whole number such as 100, or 0 for all frames")
    frame_memory: Size = Field(default=ByteSize(10**9), gt=0, description='a size above 0, such as "1 GB"')
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto, cpu, cuda or mps")
    on_similar: Literal["keep", "set-aside"] = Field(default="keep", description="keep or set-aside")
    log_color: Literal["always", "auto", "never"] = Field(default="always", description="always, auto or never")
    log_format: Literal["console", "json"] = Field(default="console", description="console or json")
    alarm_after: Period = Field(default=timedelta(hours=24), description='a duration above 0, such as "24h" or "90m"')
    name_pattern: Pattern = Field(default=DEFAULT_NAME_PATTERN, description="a regular expression")
    hooks: Hooks = Field(default=Hooks(), description="a table of settings")

    _origins: dict[Key, Origin] = PrivateAttr(default_factory=dict)

    @property
    def quarantine_dir(self) -> Path:
        """Where duplicates go."""
        return self.quarantine or self.root.with_name(f"{self.root.name}-quarantine")

    @property
    def similar_dir(self) -> Path:
        """Where similar captures go, if they are set aside."""
        return self.root.with_name(f"{self.root.name}-similar")

    @property
    def policy(self) -> Policy:
        """What the settings say about verdicts."""
        return Policy(duplicate=self.duplicate, similar=self.similar, window=self.window)

    def origin(self, key: Key) -> Origin:
        """Where the value of *key* was given."""
        return origin_of(key, self._origins)

    def effective(self) -> Iterator[tuple[Key, Any]]:
        """Each key and its value as TOML has it; user hooks' keys too, and the quarantine as the folder it is."""
        values = self.model_dump() | {"quarantine": self.quarantine_dir}
        return ((key, value) for key, value in leaves(values) if value != {})

    @classmethod
    def load(
        cls, folders: Folders, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ
    ) -> Self:
        """The settings that the file, the environment and the flags give together.

        Raises:
            SettingsError: one line for each thing that is wrong.
        """
        layer = file_layer(folders).under(environment_layer(environ)).under(flags_layer(flags or {}))
        try:
            return cls.model_validate(layer.nested(), context=layer.given())
        except ValidationError as error:
            raise SettingsError("\n".join(refusals(error, layer.origins, cls))) from error

    def model_post_init(self, context: Any) -> None:
        """Keep where the values came from."""
        self._origins = dict(context or {})

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if problems := [*_thresholds(self), *_overlaps(self)]:
            raise PydanticCustomError(CONTRADICTION, "settings contradict each other", {"problems": problems})
        return self


_Problem = tuple[tuple[str, ...], str]
"""The keys that contradict each other, and the line about it."""


def _thresholds(settings: Settings) -> Iterator[_Problem]:
    if settings.similar > settings.duplicate:
        text = f"similar = {settings.similar} must not be above duplicate = {settings.duplicate}"
        yield ("similar", "duplicate"), text


_RELATIONS = {(True, True): "is the same folder as", (True, False): "lies inside", (False, True): "contains"}


def _overlaps(settings: Settings) -> Iterator[_Problem]:
    """Pairs of trees that are not apart: moved files would come back as new captures, or be mixed."""
    trees = (
        (("root",), f"{settings.root.name}-similar", settings.similar_dir),
        (("root",), "root", settings.root),
        (("quarantine", "root"), "quarantine", settings.quarantine_dir),
    )
    for (outer_keys, outer_name, outer), (keys, name, folder) in combinations(trees, 2):
        relation = _RELATIONS.get((_inside(folder, outer), _inside(outer, folder)))
        if relation:
            text = f"{name} {shown(folder)} {relation} {outer_name} {shown(outer)}; they must be apart"
            yield (*keys, *outer_keys), text


def _inside(inner: Path, outer: Path) -> bool:
    """Whether *inner* is *outer* or below it, also by way of symlinks, bind mounts or another case of letters."""
    real = Path(os.path.realpath(inner))
    target = Path(os.path.realpath(outer))
    return any(_same(folder, target) for folder in (real, *real.parents))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
