"""``framesift compare``: how alike two captures are, and where they differ."""

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from watcher.errors import WatcherError
from watcher.program import Program

if TYPE_CHECKING:
    from watcher.settings import Settings


@click.command(name="compare")
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--map", "map_file", type=click.Path(path_type=Path), help="Draw where they differ, into this new PNG file."
)
@click.option("--reference", is_flag=True, help="Compute with pytorch_msssim on whole frames, however long it takes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(program: Program, first: Path, second: Path, map_file: Path | None, reference: bool, as_json: bool) -> None:
    """Compare captures A and B exactly as the watcher would: score, verdict, worst tile, changed share."""
    from watcher.console import print_table  # noqa: PLC0415 - asking for help must load neither rich nor torch
    from watcher.difference import compare_files  # noqa: PLC0415

    settings = program.settings()
    found = compare_files(first, second, settings.policy, settings.device, by_reference=reference)
    if map_file is not None:
        picture = io.BytesIO()
        found.draw().save(picture, "PNG")
        _write_new(map_file, picture.getvalue())
    left, top, width, height = found.box
    if as_json:
        values = {
            "a": os.fspath(first.absolute()),
            "b": os.fspath(second.absolute()),
            "ssim": found.ssim,
            "kind": found.kind.value,
            "guarded": found.guarded,
            "worst_tile": found.worst_tile,
            "worst_tile_box": [left, top, width, height],
            "changed": found.changed,
            "map": os.fspath(map_file.absolute()) if map_file else None,
            "policy": settings.policy.as_json(),
        }
        click.echo(json.dumps(values))
        return
    guarded = ", below the guard," if found.guarded else ""
    rows = [
        ("SSIM", f"{found.ssim:.6f}" + (" (pytorch_msssim on whole frames)" if reference else "")),
        ("verdict", f"{found.kind} ({_thresholds(settings)})"),
        ("worst tile", f"SSIM {found.worst_tile:.4f}{guarded} in {width} x {height} pixels at {left}, {top}"),
        ("changed", f"{found.changed:.2%} of the pixels"),
        ("map", os.fspath(map_file) if map_file else ""),
    ]
    print_table([(name, value) for name, value in rows if value])


def _thresholds(settings: "Settings") -> str:
    guard = f", guard {settings.guard:g}" if settings.guard else ""
    return f"duplicate above {settings.duplicate:g}, similar above {settings.similar:g}{guard}"


def _write_new(file: Path, content: bytes) -> None:
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise WatcherError(f"{file} exists, and nothing is overwritten") from error
    except OSError as error:
        raise WatcherError(f"{file} cannot be written: {error.strerror}") from error
