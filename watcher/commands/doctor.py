"""``framesift doctor``: everything that can be wrong, and how it is mended."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from watcher.commands.options import json_option, root_argument
from watcher.errors import EXIT_SICK
from watcher.model.finding import Grade, worst
from watcher.terminal.console import print_findings


@click.command(name="doctor")
@root_argument
@json_option
@click.pass_context
def command(context: click.Context, root: Path | None, as_json: bool) -> None:
    """Check everything that can be wrong, and say how to mend it.

    It looks at the watcher (does it live, do events arrive, does the service manager run it, is it the only one), the
    folders (can ROOT be listed, are the names in it those of captures, can a file be moved to the quarantine, is there
    room, may nobody else look), the ledger (is it whole, is every move finished, is every picture where it says), the
    capture job (has it fallen silent, does anything new come, are the screens all of one colour), and at settings,
    hooks, device and decoder.

    It changes nothing. What is well, odd or sick is one line each, with the cause and the mend of what is not well.

    It cannot tell a wallpaper from a screen, and a wallpaper is what macOS gives without the permission of Screen
    Recording. But it tells that nothing new comes, after the time of the setting alarm_after.

    With --json: an object of root, verdict, and findings, each with name, verdict, found, cause and mend.

    Ends with 4 if something is sick.
    """
    from watcher.doctor.examination import examine  # noqa: PLC0415 - torch takes seconds

    examined, findings = examine(context.obj, root)
    if as_json:
        verdict = worst(one.verdict for one in findings)
        report = {"root": examined, "verdict": verdict, "findings": [asdict(one) for one in findings]}
        click.echo(json.dumps(report))
    else:
        print_findings(findings, title=examined)
    if any(one.verdict is Grade.SICK for one in findings):
        context.exit(EXIT_SICK)
