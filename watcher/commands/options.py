"""Options that more than one verb has."""

import errno
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from watcher.model.capture import MOST_DISPLAYS
from watcher.model.period import Period
from watcher.text import visible

Value = TypeVar("Value")


class _PathType(click.Path):
    """A path; one that may not be read is the verb's to tell of."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path that *value* names; an empty one is most often a variable that is not set, and no path."""
        if not os.fspath(value):
            self.fail("it is empty, and names no file or folder", param, ctx)
        try:
            os.lstat(Path(value).absolute())
        except FileNotFoundError as error:
            if error.filename is None:  # of the working folder
                self.fail("the folder in which this runs is gone", param, ctx)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                self.fail(f"{visible(str(value))}: {error.strerror}", param, ctx)
        return super().convert(value, param, ctx)


PATH = _PathType()
"""The type of an argument or option that is a path."""

root_argument = click.argument("root", required=False, type=PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def read_as(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """*parse* as the type of an option: what it refuses, in words that say what would be right, is wrong usage."""

    def read(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return read


DISPLAY = click.IntRange(0, MOST_DISPLAYS)
"""The number of a display, as names may tell it."""
COUNT = click.IntRange(1, 10**9)
"""How many are wanted; the ledger can be asked for no more than it can count."""
as_period = read_as(Period.parse)


def value_and_root(
    words: tuple[str, ...], parse: Callable[[str], Value], only_one: str, parameter: click.Parameter | None = None
) -> tuple[Value | None, Path | None]:
    """A value that *parse* reads and a root, both or one or none of them, in any order; two values are *only_one*."""
    value: Value | None = None
    root: Path | None = None
    for word in words:
        try:
            found = parse(word)
        except ValueError as error:
            if root is not None or not (os.sep in word or os.path.isdir(word)):  # noqa: PTH112 - is_dir() may raise
                raise click.BadParameter(str(error), param=parameter) from error
            root = PATH.convert(word, parameter, None)
        else:
            if value is not None:
                raise click.BadParameter(only_one.format(words[0], word))
            value = found
    return value, root


def _period_and_root(
    _: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[Period | None, Path | None]:
    two = "two periods: {!r} and {!r}; for a range write FIRST..LAST"
    return value_and_root(words, Period.parse, two, parameter)


period_argument = click.argument("asked", nargs=-1, metavar="[PERIOD] [ROOT]", callback=_period_and_root)
"""PERIOD and ROOT, which a verb gets as *asked*."""
since_option = click.option(
    "--since", type=as_period, metavar="DATE", help="Only captures from the beginning of DATE on."
)
until_option = click.option("--until", type=as_period, metavar="DATE", help="Only captures up to the end of DATE.")

_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "root": root_argument,
    "quarantine": click.option("--quarantine", type=PATH, help="Where duplicates go; ROOT-quarantine if not given."),
    "duplicate": click.option(
        "--duplicate", type=float, help="SSIM above which a capture is a duplicate, such as 0.99."
    ),
    "similar": click.option("--similar", type=float, help="SSIM above which a capture is similar, such as 0.95."),
    "window": click.option("--window", type=int, help="Kept frames of a display to compare with; 0 for all."),
    "guard": click.option(
        "--guard", type=float, help="A duplicate whose worst tile has an SSIM below this is similar; 0 for off."
    ),
    "news": click.option(
        "--news", type=int, help="A duplicate with a change as wide as so many pixels is similar; 0 for off."
    ),
    "device": click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where frames are compared."
    ),
}
_RUN = (
    click.option("--dry-run", is_flag=True, help="Judge and tell, but move nothing and write nothing down."),
    click.option(
        "--log-file",
        type=PATH,
        help="Log file, beside the terminal: a new one or a log; one in the log folder if not given.",
    ),
)


def judging(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a verb that judges: ``--dry-run``, ``--log-file``, and settings, which it gets as *flags*."""

    @wraps(verb)
    def with_flags(*arguments: Any, **given: Any) -> Any:
        flags = {name: given.pop(name) for name in _SETTINGS}
        return verb(*arguments, flags=flags, **given)

    for option in reversed((*_SETTINGS.values(), *_RUN)):
        option(with_flags)
    return with_flags
