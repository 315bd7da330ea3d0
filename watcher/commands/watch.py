"""``framesift watch``: the main job."""

import signal
import sys
from pathlib import Path

import rich_click as click

from watcher import __version__
from watcher.program import Program

LOG_NAME = "framesift.log"
EXIT_INTERRUPTED = 130


@click.command(name="watch")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option(
    "--quarantine", type=click.Path(path_type=Path), help="Where duplicates go; ROOT-quarantine if not given."
)
@click.option("--duplicate", type=float, help="SSIM above which a capture is a duplicate.")
@click.option("--similar", type=float, help="SSIM above which a capture is similar.")
@click.option("--window", type=int, help="Kept frames of a display to compare with; 0 for all.")
@click.option("--guard", type=float, help="A duplicate whose worst tile is below this is similar; 0 for off.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where frames are compared.")
@click.option("--new-disk", is_flag=True, help="Watch ROOT though another disk is there now, without what was kept.")
@click.option("--dry-run", is_flag=True, help="Judge and tell, but move nothing and write nothing down.")
@click.option("--log-file", type=click.Path(path_type=Path), help="Where the log goes besides the terminal.")
@click.pass_obj
def command(
    program: Program,
    root: Path | None,
    quarantine: Path | None,
    duplicate: float | None,
    similar: float | None,
    window: int | None,
    guard: float | None,
    device: str | None,
    new_disk: bool,
    dry_run: bool,
    log_file: Path | None,
) -> int:
    """React to each new capture in ROOT until stopped: keep what is distinct, quarantine what is a duplicate.

    What was in ROOT before the first start is left to sweep. A ROOT that is not there yet is waited for.
    """
    from watcher.terminal.console import Log  # noqa: PLC0415 - asking for help must load neither rich nor torch

    settings = program.settings(
        root=root,
        quarantine=quarantine,
        duplicate=duplicate,
        similar=similar,
        window=window,
        guard=guard,
        device=device,
    )
    with Log(
        terminal=not program.quiet,
        file=log_file or program.folders.log_dir / LOG_NAME,
        color=settings.log_color,
        as_json=settings.log_format == "json",
        verbose=program.verbose,
    ) as log:
        signal.signal(signal.SIGTERM, _leave)
        log.say(f"framesift {__version__} is starting")
        # torch takes seconds, in which the first line is seen.
        from watcher.flow.watch import watch  # noqa: PLC0415
        from watcher.flow.work import Task  # noqa: PLC0415

        received = watch(Task(program, settings, log, dry_run), new_disk=new_disk)
    return EXIT_INTERRUPTED if received is signal.SIGINT else 0


def _leave(*_: object) -> None:
    """Told to stop while torch is being loaded, when there is nothing yet to finish."""
    sys.exit(0)
