"""``framesift history``: the ledger as lines."""

import json
from typing import Any

import click

from watcher.commands.options import since_option, until_option
from watcher.model.period import Period
from watcher.model.verdict import Kind
from watcher.program import Program
from watcher.terminal.console import print_line


@click.command(name="history")
@since_option
@until_option
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Only this verdict.")
@click.option("--display", type=int, help="Only this display.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the last so many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_obj
def command(
    program: Program,
    since: Period | None,
    until: Period | None,
    kind: str | None,
    display: int | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print what was decided, newest last."""
    conditions: list[tuple[str, Any]] = [
        ("taken_at >= ?", since and since.begin.isoformat()),
        ("taken_at < ?", until and until.end.isoformat()),
        ("kind = ?", kind),
        ("display = ?", display),
    ]
    given = [(sql, value) for sql, value in conditions if value is not None]
    where = " AND ".join(sql for sql, _ in given) or "TRUE"
    with program.existing_ledger() as ledger:
        for entry in ledger.entries(where, [value for _, value in given], limit or -1):
            if as_json:
                click.echo(json.dumps(entry.as_json()))
            else:
                print_line(entry)
