"""What each kind of setting accepts, and how it is read."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, PlainSerializer, Strict, TypeAdapter, ValidationInfo
from pydantic_core import PydanticCustomError

from watcher.model.capture import NamePattern
from watcher.model.name_time import check_time_format
from watcher.model.preparation import EVERY_DISPLAY, Rectangle
from watcher.settings.folders import absolute
from watcher.settings.sources import EnvironmentText, Origin
from watcher.settings.spelling import as_toml, parse_duration, spell_duration, spell_size


def decoded(value: Any) -> Any:
    """*value*, read as JSON if it is from the environment and can be."""
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
        # Resolved: a watched link raises no events, and a move opens no folder by way of a link.
        folder = Path(os.path.realpath(absolute(value)))
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


def _duration(value: Any) -> timedelta:
    try:
        found = value if isinstance(value, timedelta) else parse_duration(str(value))
    except ValueError as error:
        raise PydanticCustomError("duration", "not a duration") from error
    if not found:
        raise PydanticCustomError("duration", "no duration at all")
    return found


def _display(value: str) -> str:
    if not re.fullmatch(r"\*|0|[1-9][0-9]{0,8}", value):
        raise ValueError(f'must be the number of a display such as "1", or "{EVERY_DISPLAY}" for all of them')
    return value


def _rectangle(value: Any) -> Rectangle:
    match value:
        case [int(x), int(y), int(width), int(height)] if width > 0 and height > 0:
            if not any(isinstance(number, bool) for number in value):
                return x, y, width, height
    raise ValueError("must be [x, y, width, height] in whole pixels, width and height above 0")


def _references(value: Any) -> Any:
    value = decoded(value)
    return (value,) if isinstance(value, str) else value


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("must not be empty")
    return value


def _scene_name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a name of at least one letter, in one line")
    return value


def _pattern(value: str) -> str:
    try:
        NamePattern(value)
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return value


def _words(value: tuple[str, ...]) -> tuple[str, ...]:
    if any("\0" in word for word in value):
        raise ValueError("must be texts without the character 0, which no program can be given")
    return value


def _time_format(value: str) -> str:
    check_time_format(value)
    return value


Folder = Annotated[Path, BeforeValidator(_folder)]
FolderOrDefault = Annotated[Path | None, BeforeValidator(_folder_or_default)]
Number = Annotated[float, Strict(), BeforeValidator(decoded)]
Count = Annotated[int, Strict(), BeforeValidator(decoded)]
Switch = Annotated[bool, Strict(), BeforeValidator(decoded)]
Kinds = Annotated[tuple[Literal["new", "similar", "duplicate", "unreadable"], ...], BeforeValidator(decoded)]
Texts = Annotated[tuple[str, ...], BeforeValidator(decoded)]
Words = Annotated[Texts, AfterValidator(_words)]
Size = Annotated[ByteSize, BeforeValidator(_size), PlainSerializer(spell_size)]
Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(spell_duration)]
Rectangles = Annotated[tuple[Annotated[Rectangle, BeforeValidator(_rectangle)], ...], BeforeValidator(decoded)]
SomeRectangles = Annotated[Rectangles, AfterValidator(_some)]
Ignore = Annotated[dict[Annotated[str, AfterValidator(_display)], Rectangles], BeforeValidator(decoded)]
Displays = Annotated[
    tuple[Annotated[str, AfterValidator(_display)], ...], BeforeValidator(decoded), AfterValidator(_some)
]
References = Annotated[tuple[str, ...], BeforeValidator(_references), AfterValidator(_some)]
SceneName = Annotated[str, AfterValidator(_scene_name)]
Pattern = Annotated[str, AfterValidator(_pattern)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Anything = Annotated[Any, BeforeValidator(decoded)]
Table = Annotated[dict[str, Anything], BeforeValidator(decoded)]


def parse_size(text: str) -> int:
    """The bytes that a text such as ``20 GB`` names.

    Raises:
        ValueError: it names none.
    """
    try:
        return int(TypeAdapter(Size).validate_python(text))
    except ValueError as error:
        raise ValueError(f'{as_toml(text)} is not a size such as "20 GB"') from error
