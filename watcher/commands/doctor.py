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
    """Check everything that can be wrong with watcher, folders, ledger and capture job, and say how to mend it.

    Nothing is changed. Ends with 4 if something is sick; what is odd is worth a look.
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
