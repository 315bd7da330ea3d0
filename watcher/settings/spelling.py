"""How the settings file spells keys, values, sizes and durations."""

import json
import re
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

Key = tuple[str, ...]
"""A setting's name after the tables it stands in: ``("hooks", "run_command", "argv")``."""


def toml_key(key: Key) -> str:
    """*key* as TOML writes it."""
    return ".".join(name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_toml(name) for name in key)


def as_toml(value: Any) -> str:
    """*value* as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case str() | Path():
            text = json.dumps(str(value), ensure_ascii=False)
            # TOML knows fewer escapes than text for people has.
            return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
        case timedelta():
            return as_toml(spell_duration(value))
        case list() | tuple():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{toml_key((name,))} = {as_toml(item)}' for name, item in value.items())}}}"
        case _:
            return str(value)


_SECRET = re.compile(r"notify|pass|secret|token|credential|authori[sz]|api_?key|webhook|url", re.IGNORECASE)
"""In the name of a key: its text may let anybody in."""


def without_secrets(key: Key, value: Any) -> Any:
    """*value* as it may be shown: of an address only its scheme, and of what a hook is told to keep secret nothing."""
    match value:
        case str():
            scheme, is_address, _ = value.partition("://")
            if is_address:
                return f"{scheme}://***"
            names = key[2:] or key[1:] if key[:1] == ("hooks",) else ()
            return "***" if value and any(map(_SECRET.search, names)) else value
        case list() | tuple():
            return [without_secrets(key, item) for item in value]
        case dict():
            return {name: without_secrets((*key, str(name)), item) for name, item in value.items()}
        case _:
            return value


_SIZES = {"GB": 10**9, "MB": 10**6, "KB": 10**3, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}


def spell_size(value: int) -> str:
    """*value* bytes in the largest unit that says them exactly."""
    unit = next(unit for unit, size in _SIZES.items() if value % size == 0)
    return f"{value // _SIZES[unit]} {unit}"


_UNITS = {"ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6, "w": 604800 * 10**6}
"""Microseconds."""


def parse_duration(text: str) -> timedelta:
    """The duration that a text such as ``24h``, ``1h30m``, ``0.5s`` or ``200ms`` names.

    Raises:
        ValueError: it names none.
    """
    parts = re.findall(r"(\d{1,12}(?:\.\d{1,6})?)(ms|[smhdw])", text, re.ASCII)
    try:
        if text and text == "".join(map("".join, parts)):
            return timedelta(microseconds=int(sum(Fraction(number) * _UNITS[unit] for number, unit in parts)))
    except OverflowError:
        pass  # Longer than Python can say is no duration either.
    raise ValueError(f'{as_toml(text)} is not a duration such as "24h", "1h30m" or "7d"')


def spell_duration(value: timedelta) -> str:
    """The text that :func:`parse_duration` reads as *value*."""
    micros = value // timedelta(microseconds=1)
    if unit := next((unit for unit in "hms" if micros % _UNITS[unit] == 0), ""):
        return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros // _UNITS['s']}.{micros % _UNITS['s']:06}".rstrip("0") + "s"
