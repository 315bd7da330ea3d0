"""``framesift learn``: which places of the screens do not count, proposed from what was seen."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.commands.options import PATH, json_option, period_argument
from watcher.model.period import Period
from watcher.program import Program
from watcher.settings.settings import Settings
from watcher.settings.spelling import as_toml
from watcher.terminal.console import print_table
from watcher.terminal.progress import bar_of_verb
from watcher.text import bytes_text, visible

if TYPE_CHECKING:
    from watcher.review.learning import Learned

_DAYS = 28


@click.command(name="learn")
@period_argument
@click.option("--apply", "applies", is_flag=True, help="Write what is proposed into the settings file.")
@click.option("--revert", "reverts", is_flag=True, help="Take back what --apply has written last.")
@click.option("--rehearse", is_flag=True, help="Judge the captures of PERIOD by it, and tell what would change.")
@click.option("--html", "out", type=PATH, help="Draw it into the screens, on a page: the file to write.")
@json_option
@click.pass_obj
def command(
    program: Program,
    asked: tuple[Period | None, Path | None],
    applies: bool,
    reverts: bool,
    rehearse: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Propose places that do not count, such as clocks.

    It learns from what was kept in PERIOD.

    PERIOD is 2020, 2020-05, 2020-05-04, 2020-05-01..2020-05-14, today, yesterday, 7d, 1h, last week or last month;
    without one, the last four weeks.

    It finds the clocks of panels, which are ignored wherever they are, and screens that keep coming back with only
    their clock moved on, such as a lock screen: their clocks are ignored on that screen alone. With clocks out of the
    way, it proposes to keep duplicates in which something as wide as a word has changed (news), unless guard is set. It
    changes nothing but what --apply writes into the settings file, whose comments and order stay; --revert takes that
    back.

    \b
    Examples:
      framesift learn
      framesift learn 2020-05 --rehearse --html OUT.html
      framesift learn --apply

    With --json: an object of root, begin, end, screens, clocks, scenes, news, restless and, with --rehearse, changes.

    What scenes are: framesift help settings.
    """
    from watcher.report import proposals, publish  # noqa: PLC0415 - torch takes seconds
    from watcher.review import applying, learning  # noqa: PLC0415

    file = program.folders.config_file
    if reverts:
        applying.revert(file)
        click.echo(f"{visible(os.fspath(file))} is as it was before")
        return
    period, root = asked
    period = period or Period.last_days(_DAYS)
    if out is not None:
        publish.refuse_to_overwrite(out)
    with bar_of_verb("learn", quiet=program.quiet) as progress:
        with program.existing_ledger() as ledger:
            settings = program.settings_of_root(root, ledger)
            found = learning.learn(ledger, settings, period, progress)
        changes = applying.rehearse(program, settings, found, period, progress) if rehearse else None
    if out is not None:
        publish.write_page(out, proposals.rendered(program, settings, period, found, changes))
        click.echo(f"{visible(os.fspath(out))} ({bytes_text(out.stat().st_size)})", err=as_json)
    if as_json:
        click.echo(json.dumps(_as_json(settings, period, found, changes)))
    else:
        _print(settings, found, changes)
    if applies:
        applying.apply(file, settings, found)
        click.echo(f"written into {visible(os.fspath(file))}; {program.invocation} learn --revert takes it back")
        click.echo(f"for what is there already: {program.invocation} sweep --again; for a watcher: service restart")


def _as_json(settings: Settings, period: Period, found: "Learned", changes: Counter[str] | None) -> dict[str, Any]:
    return {
        "root": os.fspath(settings.root),
        "begin": period.begin.isoformat(),
        "end": period.end.isoformat(),
        "screens": found.looked_at,
        "clocks": [
            {"display": one.display, "ignore": [list(part) for part in one.rectangles], "screens": one.screens}
            for one in found.clocks
        ],
        "scenes": [
            {
                "name": one.scene.name,
                "display": one.display,
                "reference": os.fspath(one.reference.location),
                "ignore": [list(part) for part in one.scene.ignore],
                "captures": one.captures,
                "visits": one.visits,
            }
            for one in found.scenes
        ],
        "news": found.news,
        "restless": list(found.restless),
    } | ({} if changes is None else {"changes": dict(changes)})


def _print(settings: Settings, found: "Learned", changes: Counter[str] | None) -> None:
    rows = list(_rows(found))
    if found.news != settings.news:
        rows += [("news", f"{found.news}, now that clocks are out of the way: a notice, a typed word is kept")]
    elif not found.is_empty and not found.news:
        displays = " and ".join(map(str, found.restless))
        moves = f"something else moves on most screens of display {displays}"
        rows += [("news", f"not proposed: {moves if displays else f'guard is {settings.guard:g}'}")]
    if changes is not None:
        told = ", ".join(f"{count} {change}" for change, count in changes.most_common())
        rows += [("would change", told or "nothing")]
    print_table(rows or [("nothing", "no clock was found")], title=f"{settings.root}: {found.looked_at} screens")


def _rows(found: "Learned") -> Iterator[tuple[str, str]]:
    for clock in found.clocks:
        yield f"display {clock.display}", f"a clock, in {clock.screens} screens: {as_toml(clock.rectangles)}"
    for one in found.scenes:
        last = one.reference.verdict.capture.taken_at
        seen = f"{one.captures} kept screens in {one.visits} visits, the last of {last:%Y-%m-%d %H:%M}"
        yield f"display {one.display}", f"{one.scene.name}: {seen}, differ in {as_toml(one.scene.ignore)}"
