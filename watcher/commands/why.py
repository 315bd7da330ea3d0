"""``framesift why``: what was decided about one file, and where it is."""

import json
import os
import stat
from pathlib import Path

import click

from watcher.arrive.png import check_whole
from watcher.arrive.settling import key_of
from watcher.commands.options import PATH
from watcher.disk.listing import SEE_NAMES
from watcher.errors import NotWholeError, WatcherError
from watcher.ledger.ledger import Ledger
from watcher.ledger.named import entries_named
from watcher.model.capture import NamePattern
from watcher.model.entry import Entry
from watcher.program import Program
from watcher.settings.spelling import as_toml
from watcher.terminal.console import print_table
from watcher.text import place_text


@click.command(name="why")
@click.argument("file")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for each decision, as framesift history --json does."
)
@click.pass_obj
def command(program: Program, file: str, as_json: bool) -> None:
    """Tell what was decided about FILE, and where it is now.

    FILE is a capture, where the capture job wrote it or where it is now; or its number, its name, a part of that, or
    its time as the log writes it, with its display or without. It tells the verdict and by which numbers and
    which policy, the screen it is most like, and what happened to the file. If nothing was decided, it tells why not.

    \b
    Examples:
      framesift why ROOT/2020-05/2020-05-04/2020-05-04_09.10.01_1.png
      framesift why "05-04 09:10:01 1"

    Ends with 1 if nothing was decided about FILE.
    """
    path = PATH.convert(file, None, None).absolute()
    with program.existing_ledger() as ledger:
        entries = entries_named(ledger, file)
        if not entries:
            # Only the folder is resolved: a link in the file's place is nobody's capture.
            real = Path(os.path.realpath(path.parent)) / path.name
            raise WatcherError(f"{file}: {_why_not(real, ledger, program.settings().names)}")
    for entry in entries:
        if as_json:
            click.echo(json.dumps(entry.as_json()))
        else:
            print_table(_rows(entry), title=entry.verdict.capture.path.name)


def _why_not(path: Path, ledger: Ledger, names: NamePattern) -> str:
    try:
        status = path.lstat()
        if why := _name_is_why(path.name, names) or "it is no regular file" * (not stat.S_ISREG(status.st_mode)):
            return f"never judged: {why}"
        check_whole(path, key_of(status))
    except NotWholeError as error:
        return f"not judged, because it is not a whole PNG: {error}"
    except OSError as error:
        return f"not judged, and it cannot be read: {error.strerror}"
    key = os.fsencode(path.name), status.st_size, status.st_mtime_ns
    if key in ledger.left_to_sweep(path.parent):
        return "not judged; it was there before the first start, and is left to framesift sweep"
    if key in ledger.known(path.parent):
        return "never judged, because it was brought back by framesift restore"
    return "not judged yet"


def _name_is_why(name: str, names: NamePattern) -> str:
    """Why no file called *name* is ever judged; empty if its name is that of a capture."""
    if name.startswith("."):
        return "a hidden name is no capture's"
    if not names.fits(name):
        return f"its name is not that of a capture; {SEE_NAMES}"
    return names.refusal(name)


def _rows(entry: Entry) -> list[tuple[str, str]]:
    capture, score, policy = entry.verdict.capture, entry.verdict.score, entry.verdict.policy
    across = ", across displays" if policy.across_displays else ""
    ignored = policy.preparation(capture.display).ignored
    rows = [
        ("verdict", f"{entry.verdict.kind}{_by_how_much(entry)}"),
        ("because", entry.verdict.reason),
        ("nearest", os.fspath(score.nearest.path) if score.nearest else ""),
        ("scene", entry.verdict.scene),
        ("news", _news(entry)),
        ("worst tile", f"SSIM {score.worst_tile:.4f}{_by_guard(entry)}" if score.exact else ""),
        ("now", f"{entry.state}, {entry.location}"),
        ("note", entry.note),
        ("display", str(capture.display)),
        ("taken at", f"{capture.taken_at:%Y-%m-%d %H:%M:%S}"),
        ("judged at", f"{entry.recorded_at:%Y-%m-%d %H:%M:%S}"),
        ("policy", f"{policy.thresholds}, window {policy.window or 'unlimited'}{across}"),
        ("ignored", as_toml(ignored) if ignored else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _news(entry: Entry) -> str:
    """The widest change, and whether it is why a picture stays."""
    change, policy = entry.verdict.score.change, entry.verdict.policy
    if change is None:
        return ""
    place = place_text(*change)
    if entry.verdict.news is None:
        return f"none; the widest change is {place}, less than news {policy.news}"
    return f"{place}, as much as news {policy.news}: similar, though a duplicate by its SSIM"


def _by_guard(entry: Entry) -> str:
    guard = entry.verdict.policy.guard
    if not entry.verdict.guarded or entry.verdict.score.worst_tile >= guard:
        return ""
    return f", which is below guard {guard:g}: similar, though a duplicate by its SSIM"


def _by_how_much(entry: Entry) -> str:
    score = entry.verdict.score
    if score.exact:
        return f", SSIM {score.ssim:.6f}"
    return f", SSIM at most {score.ssim:.4f} with any screen of its window" if score.nearest else ""
