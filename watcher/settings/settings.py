"""Everything the user may choose: defaults < TOML file < environment < flags, and where each value came from."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from watcher.errors import SettingsError
from watcher.model.capture import DEFAULT_NAME_PATTERN, NamePattern
from watcher.model.preparation import ignored_of
from watcher.model.scene import Reference, Scene
from watcher.model.verdict import Policy
from watcher.settings.folders import Folders
from watcher.settings.refusals import CONTRADICTION, refusals
from watcher.settings.sections import HookSettings, RetentionSettings, SceneSettings, Section
from watcher.settings.sources import Origin, environment_layer, file_layer, flags_layer, leaves, origin_of
from watcher.settings.spelling import Key, as_toml
from watcher.settings.types import (
    Count,
    Duration,
    Folder,
    FolderOrDefault,
    Ignore,
    Number,
    Pattern,
    Size,
    Switch,
    TimeFormat,
    decoded,
)
from watcher.text import visible

# A description completes the sentence "must be ..." of a refusal.


Scenes = Annotated[tuple[SceneSettings, ...], BeforeValidator(decoded)]


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
    window: Count = Field(default=100, ge=0, le=10**9, description="a whole number such as 100, or 0 for all frames")
    guard: Number = Field(default=0.0, ge=0, lt=1, description="a number from 0, which is off, to below 1, such as 0.5")
    news: Count = Field(default=0, ge=0, le=10_000, description="a whole number of pixels such as 35, or 0 for off")
    across_displays: Switch = Field(default=False, description="true or false")
    frame_memory: Size = Field(default=ByteSize(10**9), gt=0, description='a size above 0, such as "1 GB"')
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto, cpu, cuda or mps")
    on_similar: Literal["keep", "set-aside"] = Field(default="keep", description="keep or set-aside")
    log_color: Literal["always", "auto", "never"] = Field(default="always", description="always, auto or never")
    log_format: Literal["console", "json"] = Field(default="console", description="console or json")
    alarm_after: Duration = Field(default=timedelta(hours=24), description='a duration above 0, such as "24h" or "90m"')
    settle: Duration = Field(
        default=timedelta(seconds=2),
        ge=timedelta(milliseconds=50),
        le=timedelta(hours=1),
        description='a duration from "0.05s" to "1h", such as "2s"',
    )
    name_pattern: Pattern = Field(default=DEFAULT_NAME_PATTERN, description="a regular expression")
    time_format: TimeFormat = Field(default="", description='a format of strptime such as "%Y%m%d-%H%M%S", or ""')
    retention: RetentionSettings = Field(default=RetentionSettings(), description="a table of settings")
    ignore: Ignore = Field(default={}, description='lists of rectangles such as "1" = [[2600, 0, 280, 44]]')
    scene: Scenes = Field(default=(), description="tables of name, displays, reference and ignore")
    hooks: HookSettings = Field(default=HookSettings(), description="a table of settings")

    _origins: dict[Key, Origin] = PrivateAttr(default_factory=dict)
    _beside: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def quarantine_dir(self) -> Path:
        """Where duplicates go: the very folder, whatever links led to it when the settings were read."""
        return self.quarantine or self._beside["quarantine"]

    @property
    def similar_dir(self) -> Path:
        """Where similar captures go, if they are set aside."""
        return self._beside["similar"]

    @property
    def names(self) -> NamePattern:
        """Which names are those of captures, and what they tell."""
        return NamePattern(self.name_pattern, self.time_format)

    @cached_property
    def policy(self) -> Policy:
        """What the settings say about verdicts; made once, for it reads the references of scenes."""
        return Policy(
            duplicate=self.duplicate,
            similar=self.similar,
            window=self.window,
            guard=self.guard,
            news=self.news,
            across_displays=self.across_displays,
            ignore=ignored_of(self.ignore),
            scenes=self._scenes(),
        )

    def _scenes(self) -> tuple[Scene, ...]:
        """The scenes with what their references hold now; a path is relative to the folder of the settings file.

        Raises:
            SettingsError: a reference cannot be read.
        """
        origin = self.origin(("scene",))
        base = Path(origin.place).parent if origin.line else Path.cwd()
        return tuple(
            Scene.of(one.name, one.displays, (_reference(base / file, origin) for file in one.reference), one.ignore)
            for one in self.scene
        )

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
        """Keep where the values came from, and where the links beside the root lead now."""
        self._origins = dict(context or {})
        for name in ("quarantine", "similar"):
            self._beside[name] = Path(os.path.realpath(self.root.with_name(f"{self.root.name}-{name}")))

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if problems := [*_thresholds(self), *_times(self), *_overlaps(self)]:
            raise PydanticCustomError(CONTRADICTION, "settings contradict each other", {"problems": problems})
        return self


def _reference(file: Path, origin: Origin) -> Reference:
    try:
        return Reference(hashlib.sha256(file.read_bytes()).hexdigest(), file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{origin}: scene.reference: {visible(str(error))}") from error


_Problem = tuple[tuple[str, ...], str]
"""The keys that contradict each other, and the line about it."""


def _thresholds(settings: Settings) -> Iterator[_Problem]:
    if settings.similar > settings.duplicate:
        text = f"similar = {settings.similar} must not be above duplicate = {settings.duplicate}"
        yield ("similar", "duplicate"), text


def _times(settings: Settings) -> Iterator[_Problem]:
    """A form for times that are not looked for, or only in the form of the default."""
    if settings.time_format and (settings.name_pattern == DEFAULT_NAME_PATTERN or not settings.names.has_time):
        text = f"time_format = {as_toml(settings.time_format)} needs a name_pattern with a group taken_at, such as"
        yield ("time_format",), f"{text} '(?P<taken_at>.+)_(?P<display>[0-9]+)[.]png'"


_RELATIONS = {(True, True): "is the same folder as", (True, False): "lies inside", (False, True): "contains"}


def _overlaps(settings: Settings) -> Iterator[_Problem]:
    """Pairs of trees that are not apart: moved files would come back as new captures, or be mixed."""
    trees = (
        (("root",), f"{settings.root.name}-similar", settings.root.with_name(f"{settings.root.name}-similar")),
        (("root",), "root", settings.root),
        (("quarantine", "root"), "quarantine", settings.quarantine_dir),
    )
    for (outer_keys, outer_name, outer), (keys, name, folder) in combinations(trees, 2):
        relation = _RELATIONS.get((_inside(folder, outer), _inside(outer, folder)))
        if relation:
            text = f"{name} {as_toml(folder)} {relation} {outer_name} {as_toml(outer)}; they must be apart"
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
