"""Why settings are refused: a line that names the place, the key, what was given, and what would be right."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from watcher.settings.folders import FOLDER_VARIABLES, PREFIX
from watcher.settings.sources import Origin, origin_of
from watcher.settings.spelling import Key, as_toml, toml_key, without_secrets
from watcher.text import visible

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
    if key[-1] == "[key]" and detail["type"] == "value_error":  # pydantic's word for a key that is wrong itself
        yield origin, f"{toml_key(key[:-1])}: {visible(str(detail['ctx']['error']))}"
    elif declared is None:
        yield origin, f"{toml_key(key)} is not a setting; {_nearest(key, origin, model)}"
    elif detail["type"] == "missing":
        yield origin, f"{toml_key(key)} is missing: it must be {declared.description}"
    else:
        value = _shortened(as_toml(without_secrets(key, detail["input"])))
        yield origin, f"{toml_key(key)} = {value}: {_right(detail, declared)}"


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
        if declared is not None and name.isdecimal():
            continue  # one of a list of tables
        declared = section.model_fields.get(name)
        section = _section(declared)
    return declared


def _section(declared: FieldInfo | None) -> type[BaseModel] | None:
    annotation = declared and declared.annotation
    annotation = next(iter(get_args(annotation)), annotation)  # a list of tables is declared as a tuple of them
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
    meant = [other for other in known if other[-1] == key[-1]]
    meant += [beside[name] for name in get_close_matches(key[-1], beside, n=1)]
    if not meant:
        return "`framesift config show` lists them all"
    return f"did you mean {PREFIX + '__'.join(meant[0]).upper() if environment else toml_key(meant[0])}?"
