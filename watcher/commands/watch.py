"""``framesift watch``: the main job."""

from pathlib import Path

import rich_click as click

from watcher.program import Program


@click.command(name="watch")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option("--quarantine", type=click.Path(path_type=Path), help="Where duplicates go; ROOT-quarantine if not given.")
@click.option("--duplicate", type=float, help="SSIM above which a capture is a duplicate.")
@click.option("--similar", type=float, help="SSIM above which a capture is similar.")
@click.option("--window", type=int, help="Kept frames of a display to compare with; 0 for all.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where frames are compared.")
@click.option("--dry-run", is_flag=True, help="Judge and tell, but move nothing and write nothing down.")
@click.option("--log-file", type=click.Path(path_type=Path), help="Where the log goes besides the terminal.")
@click.pass_obj
def command(  # noqa: PLR0913 - one parameter an option
    program: Program,
    root: Path | None,
    quarantine: Path | None,
    duplicate: float | None,
    similar: float | None,
    window: int | None,
    device: str | None,
    dry_run: bool,
    log_file: Path | None,
) -> int:
    """React to each new capture in ROOT until stopped: keep what is distinct, quarantine what is a duplicate.

    What was in ROOT before the first start is left alone. A ROOT that is not there yet is waited for.
    """
    from watcher.watching import Watching  # noqa: PLC0415 - asking for help must not load torch

    settings = program.settings(
        root=root, quarantine=quarantine, duplicate=duplicate, similar=similar, window=window, device=device
    )
    return Watching(program, settings, dry_run=dry_run, log_file=log_file).run()
