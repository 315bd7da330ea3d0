"""``framesift sweep``: the same judgement over what is there already."""

import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from watcher.model.period import Period, date
from watcher.program import Program

if TYPE_CHECKING:
    from watcher.flow.sweep import Tally, Told
    from watcher.model.entry import Entry
    from watcher.terminal.console import Log
    from watcher.terminal.progress import Bar

LOG_NAME = "sweep.log"
EXIT_INTERRUPTED = 130


@click.command(name="sweep")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option(
    "--quarantine", type=click.Path(path_type=Path), help="Where duplicates go; ROOT-quarantine if not given."
)
@click.option("--duplicate", type=float, help="SSIM above which a capture is a duplicate.")
@click.option("--similar", type=float, help="SSIM above which a capture is similar.")
@click.option("--window", type=int, help="Kept frames of a display to compare with; 0 for all.")
@click.option("--guard", type=float, help="A duplicate whose worst tile is below this is similar; 0 for off.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where frames are compared.")
@click.option("--since", type=date, help="From the beginning of this day, month, year or moment.")
@click.option("--until", type=date, help="To the end of this day, month, year or moment.")
@click.option("--again", is_flag=True, help="Judge anew what was judged before: the policy has changed.")
@click.option("--dry-run", is_flag=True, help="Judge and tell, but move nothing and write nothing down.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a capture.")
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
    since: Period | None,
    until: Period | None,
    again: bool,
    dry_run: bool,
    as_json: bool,
    log_file: Path | None,
) -> int:
    """Judge the captures that are in ROOT already, oldest first: keep what is distinct, quarantine duplicates.

    It can be stopped at any time, and goes on where it was when it is started again. A watcher may be at work on ROOT
    meanwhile: what has arrived since the watcher's first start is the watcher's.
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
        terminal=not (program.quiet or as_json),
        file=log_file or program.folders.log_dir / LOG_NAME,
        color=settings.log_color,
        as_json=settings.log_format == "json",
        verbose=program.verbose,
    ) as log:
        log.say(f"framesift sweeps {settings.root}")
        from watcher.flow.sweep import Scope, sweep  # noqa: PLC0415 - torch takes seconds
        from watcher.flow.work import Task  # noqa: PLC0415

        begin, end = since.begin if since else datetime.min, until.end if until else datetime.max
        with contextlib.ExitStack() as stack:
            told = _Told(log, stack, as_json=as_json, verbose=program.verbose)
            tally = sweep(Task(program, settings, log, dry_run), Scope(begin, end, again), told.begun)
        log.say(_summary(tally, dry_run=dry_run), "good")
    return EXIT_INTERRUPTED if tally.stopped else 0


class _Told:
    """Shows each capture dealt with."""

    def __init__(self, log: "Log", stack: contextlib.ExitStack, *, as_json: bool, verbose: bool) -> None:
        self._log = log
        self._stack = stack
        self._as_json = as_json
        self._verbose = verbose

    def begun(self, tally: "Tally") -> "Told":
        from watcher.terminal.progress import bar  # noqa: PLC0415 - as above

        self._bar: Bar = self._stack.enter_context(bar(self._log, tally))
        return self._capture

    def _capture(self, tally: "Tally", entry: "Entry | None") -> None:
        if entry is not None:
            self._log.entry(entry, shown=self._verbose)
            if self._as_json:
                click.echo(json.dumps(entry.as_json()))
        self._bar.show(tally)


def _summary(tally: "Tally", *, dry_run: bool) -> str:
    from watcher.model.verdict import Kind  # noqa: PLC0415
    from watcher.terminal.console import size  # noqa: PLC0415 - as above

    if not tally.total:
        return "stopped before it began" if tally.stopped else "nothing is left to judge"
    counts = ", ".join(f"{tally.kinds[kind]} {kind}" for kind in Kind if tally.kinds[kind]) or "nothing"
    saved = f"{size(tally.moved_bytes)} {'would be ' if dry_run else ''}quarantined"
    left = f"; {tally.left} left alone" if tally.left else ""
    stopped = f"; stopped with {tally.total - tally.done} to go: run it again to go on" if tally.stopped else ""
    return f"judged {counts}; {saved}{left}{stopped}"
