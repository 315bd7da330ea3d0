"""``framesift compare``: how alike two captures are, and where they differ."""

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.commands.options import PATH, json_option
from watcher.disk.files import write_new
from watcher.errors import WatcherError
from watcher.model.preparation import EVERY_DISPLAY
from watcher.model.verdict import Policy
from watcher.program import Program
from watcher.settings.spelling import as_toml, toml_key
from watcher.terminal.console import print_table
from watcher.text import place_text, visible

if TYPE_CHECKING:
    from PIL import Image

    from watcher.judge.difference import Difference


@click.command(name="compare")
@click.argument("first", metavar="A", type=PATH)
@click.argument("second", metavar="B", type=PATH)
@click.option(
    "--map",
    "map_file",
    type=PATH,
    help="Draw where they differ, into this PNG file, which must not exist; nobody but you may read it.",
)
@click.option(
    "--reference", is_flag=True, help="Compute with pytorch_msssim on whole frames, the slow and certain way."
)
@click.option("--scene", metavar="NAME", help="Also print the scene of this name with which the two would be equal.")
@json_option
@click.pass_obj
def command(
    program: Program,
    first: Path,
    second: Path,
    map_file: Path | None,
    reference: bool,
    scene: str | None,
    as_json: bool,
) -> None:
    """Compare captures A and B exactly as the watcher would.

    Prints their SSIM, the verdict, the worst tile (the square of 64 pixels of the halved pictures that differs most),
    the widest change, and the share of the pixels that changed. It ends with the rectangles that differ, as the table
    [ignore] of the settings takes them. It moves nothing and writes nothing down.

    With --scene: as the table [[scene]], which ignores them only where the screen is that of A.

    With --json: an object of a, b, ssim, kind, guarded, worst_tile, worst_tile_box, change (the widest), changed,
    display, ignored, scenes (which A and B show), differ, policy and map.

    \b
    Example:
      framesift compare A B --map OUT.png
    """
    found = compared(program, first, second, by_reference=reference)
    if map_file is not None:
        write_drawing(map_file, found.draw())
    if as_json:
        names = {"a": os.fspath(first.absolute()), "b": os.fspath(second.absolute())}
        drawn = {"map": os.fspath(map_file.absolute()) if map_file else None}
        click.echo(json.dumps(names | _values(found) | drawn))
    else:
        _print(found, map_file, " (pytorch_msssim on whole frames)" if reference else "")
        if found.places:
            # Not in the table, which breaks lines: these lines are there to be copied.
            click.echo(_as_ignored(found) if scene is None else _as_scene(program, found, first, scene))


def compared(
    program: Program, first: Path, second: Path, policy: Policy | None = None, *, by_reference: bool = False
) -> "Difference":
    """Two pictures compared by *policy*, or by that of the settings.

    Raises:
        WatcherError: one cannot be read, or they are of different sizes.
    """
    from watcher.judge.difference import captures_of, compare  # noqa: PLC0415 - torch takes seconds

    settings = program.settings()
    captures = captures_of(first, second, settings.names, across=settings.across_displays)
    return compare(*captures, policy or settings.policy, settings.device, by_reference=by_reference)


def _values(found: "Difference") -> dict[str, Any]:
    verdict = found.verdict
    return {
        "ssim": verdict.score.ssim,
        "kind": verdict.kind.value,
        "guarded": verdict.guarded,
        "worst_tile": verdict.score.worst_tile,
        "worst_tile_box": list(found.box),
        "change": list(verdict.score.change) if verdict.score.change else None,
        "changed": found.comparison.changed,
        "display": found.display,
        "ignored": [list(part) for part in verdict.policy.preparation(verdict.capture.display).ignored],
        "scenes": list(found.scenes),
        "differ": [list(place) for place in found.places],
        "policy": verdict.policy.as_json(),
    }


def _print(found: "Difference", map_file: Path | None, method: str) -> None:
    verdict, policy = found.verdict, found.verdict.policy
    guarded = ", below the guard," if verdict.guarded and verdict.score.worst_tile < policy.guard else ""
    change = verdict.score.change
    news = ", news" if verdict.news else ""
    ignored = policy.preparation(verdict.capture.display).ignored
    rows = [
        ("SSIM", f"{verdict.score.ssim:.6f}{method}"),
        ("verdict", f"{verdict.kind} ({policy.thresholds})"),
        ("worst tile", f"SSIM {verdict.score.worst_tile:.4f}{guarded} in {place_text(*found.box)}"),
        ("widest change", f"{place_text(*change)}{news}" if change else ""),
        ("changed", f"{found.comparison.changed:.2%} of the pixels"),
        ("display", "none that both names tell" if found.display is None else str(found.display)),
        ("ignored", as_toml(ignored) if ignored else ""),
        ("scenes", " and ".join(one or "none" for one in found.scenes) if any(found.scenes) else ""),
        ("map", os.fspath(map_file) if map_file else ""),
    ]
    print_table([(name, value) for name, value in rows if value])


def _as_ignored(found: "Difference") -> str:
    """The line of the table [ignore] that the settings need, with what they have in it already."""
    key = _display_key(found)
    parts = [*dict(found.verdict.policy.ignore).get(key, ()), *found.places]
    return f"\n[ignore]  # with this line the two would be equal\n{toml_key((key,))} = {as_toml(parts)}"


def _as_scene(program: Program, found: "Difference", first: Path, name: str) -> str:
    """The table [[scene]] that the settings need, and what makes the picture that it names."""
    folder = program.folders.config_file.parent
    values = {
        "name": name,
        "displays": [_display_key(found)],
        "reference": os.fspath(first.absolute()),
        "ignore": found.places,
    }
    lines = [f"{toml_key((key,))} = {as_toml(value)}" for key, value in values.items()]
    note = f"with it the two would be equal; a copy of A in {visible(os.fspath(folder))} would be safer"
    return "\n".join(["", f"[[scene]]  # {note}", *lines])


def _display_key(found: "Difference") -> str:
    return EVERY_DISPLAY if found.display is None else str(found.display)


def write_drawing(file: Path, drawing: "Image.Image") -> None:
    """Write *drawing* into a new PNG file.

    Raises:
        WatcherError: the file is there, or cannot be written.
    """
    picture = io.BytesIO()
    drawing.save(picture, "PNG")
    try:
        write_new(file, picture.getvalue())
    except FileExistsError as error:
        raise WatcherError(f"{file} exists, and nothing is overwritten") from error
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
