"""Text for people: names of strangers made fit for a terminal and a log, sizes, durations."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path


def visible(text: str) -> str:
    """*text* with everything a terminal would obey, or would not show, written as an escape instead.

    That is control characters and newlines, but also marks that turn the direction of writing, and bytes that are
    no UTF-8 (Python's surrogate escapes).
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return f"\\x{ord(char):02x}" if char.isascii() else f"\\u{ord(char):04x}"


_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://\S+|(?<=with url: )/\S+")
"""An address, or what the libraries that call one tell of it: its path alone."""


def without_secrets(text: str) -> str:
    """*text* with no more of an address than its scheme: what follows may be a password, or a token of a service."""
    return _ADDRESS.sub(lambda found: f"{found[1]}://***" if found[1] else "***", text)


def quoted(path: Path) -> str:
    """*path* as one word of a command line that people copy, on one line whatever is in it.

    What would not show is written as the shell's own escapes, so that the word still names the same file.
    """
    text = os.fspath(path)
    if sys.platform == "win32":
        return subprocess.list2cmdline([text])
    return shlex.quote(text) if text.isprintable() else f"$'{''.join(map(_octal, os.fsencode(text)))}'"


def _octal(byte: int) -> str:
    char = chr(byte)
    return char if char.isascii() and char.isprintable() and char not in "\\'" else f"\\{byte:03o}"


_UNITS = ("", "kB", "MB", "GB", "TB", "PB")


def place_text(x: int, y: int, width: int, height: int) -> str:
    """A rectangle of a picture in words."""
    return f"{width} x {height} pixels at {x}, {y}"


def bytes_text(count: int) -> str:
    """Bytes in a decimal unit: ``1 byte``, ``999 bytes``, ``2.1 MB``."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    if not power:
        return f"{count} byte{'s' * (count != 1)}"
    return f"{count / 1000**power:,.1f} {_UNITS[power]}"


_DAYS_FROM = 48
"""Hours: fewer are written as hours, not as days."""


def duration_text(seconds: float) -> str:
    """How long something lasted, in its two largest units: ``45 s``, ``2 h 10 min``, ``26 h``, ``3 d 4 h``."""
    minutes = round(seconds / 60)
    if not minutes:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if hours >= _DAYS_FROM else (0, hours)
    units = [(days, "d"), (hours, "h"), (minutes, "min")]
    first = next(place for place, (count, _) in enumerate(units) if count)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count)
