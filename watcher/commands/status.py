"""``framesift status``: alive or not, and what it has done."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from watcher.program import Program

if TYPE_CHECKING:
    from watcher.census import Census
    from watcher.ledger import Ledger

EXIT_SICK = 4


@click.command(name="status")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, root: Path | None, as_json: bool) -> None:
    """Tell whether the watcher is alive and sees, what each display shows, and what was saved.

    Ends with 4 unless it is watching.
    """
    from watcher.vitals import Health  # noqa: PLC0415 - asking for help must not load it

    program: Program = context.obj
    with program.existing_ledger() as ledger:
        report, log = _report(program, ledger, program.root(ledger, root))
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(report, log)
    if report["state"] != Health.WATCHING:
        context.exit(EXIT_SICK)


def _report(program: Program, ledger: "Ledger", root: Path) -> tuple[dict[str, Any], str]:
    """The report in the form of its JSON, and where the log is."""
    from watcher.census import Census  # noqa: PLC0415 - as above
    from watcher.custody import is_claimed  # noqa: PLC0415
    from watcher.vitals import Report, diagnose, lock_folder  # noqa: PLC0415

    census = Census(ledger, root)
    evidence = Report.from_json(ledger.report(root))
    locked = is_claimed(lock_folder(program.folders.state_dir, root))
    state, reasons = diagnose(evidence, locked=locked, now=datetime.now().astimezone())
    # A watcher started with --quarantine has another one than the settings say.
    quarantine = Path(evidence.quarantine or program.settings(root=root).quarantine_dir)
    files, size = _held(quarantine)
    report = {
        "root": os.fspath(root),
        "state": state.value,
        "reasons": reasons,
        "pid": evidence.pid if locked else None,
        "device": evidence.device or None,
        "since": evidence.since or None,
        "captures": {kind.value: count for kind, count in census.counts().items()},
        "saved_bytes": census.saved_bytes(),
        "quarantine": {"path": os.fspath(quarantine), "files": files, "bytes": size},
        "displays": _displays(census, program.settings(root=root).window),
        "found_by_scan": evidence.found_by_scan,
    }
    return report, evidence.log


def _displays(census: "Census", window: int) -> dict[str, Any]:
    windows = census.windows(window)
    displays = {}
    for entry in census.last_of_displays():
        capture = entry.verdict.capture
        since, _ = census.unchanged(capture.display)
        displays[str(capture.display)] = {
            "last_path": os.fspath(capture.path),
            "last_taken_at": capture.taken_at.isoformat(),
            "last_kind": entry.verdict.kind.value,
            "window": windows.get(capture.display, 0),
            "unchanged_since": since.isoformat() if since else None,
        }
    return displays


def _held(quarantine: Path) -> tuple[int, int]:
    """Files and bytes of a quarantine, counted on disk."""
    from watcher.custody import quarantined  # noqa: PLC0415 - as above

    sizes = [path.lstat().st_size for path, _ in quarantined(quarantine, quarantine)]
    return len(sizes), sum(sizes)


def _print(report: dict[str, Any], log: str) -> None:
    from watcher.console import print_table, size  # noqa: PLC0415 - as above

    quarantine = report["quarantine"]
    rows = [
        ("state", f"{report['state']}" + (f" (process {report['pid']}, {report['device']})" if report["pid"] else "")),
        *[("", reason) for reason in report["reasons"]],
        ("since", _minute(report["since"]) or "never"),
        ("judged", ", ".join(f"{count} {kind}" for kind, count in report["captures"].items())),
        ("saved", f"{size(report['saved_bytes'])} in duplicates that have left the folder"),
        ("quarantine", f"{quarantine['files']} files, {size(quarantine['bytes'])}, in {quarantine['path']}"),
        ("by scan", f"{report['found_by_scan']} captures that no event told of"),
    ]
    rows += [("log", log)] if log else []
    for number, display in report["displays"].items():
        unchanged = f", unchanged since {_minute(display['unchanged_since'])}" if display["unchanged_since"] else ""
        shown = f"{display['last_kind']} at {_minute(display['last_taken_at'])}{unchanged}, window {display['window']}"
        rows.append((f"display {number}", shown))
    print_table(rows, title=report["root"])


def _minute(moment: str | None) -> str:
    """A moment of the report as people read it."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M") if moment else ""
