"""``framesift restore``: put files back where the capture job wrote them."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from watcher.commands.options import as_period
from watcher.disk.mirror import quarantined, root_of
from watcher.errors import ConflictError, WatcherError
from watcher.keep.custody import restore, restore_unrecorded
from watcher.ledger.ledger import Ledger
from watcher.model.capture import NamePattern
from watcher.model.entry import Entry, State
from watcher.model.period import Period
from watcher.program import Program
from watcher.text import visible


@click.command(name="restore")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--day",
    type=as_period,
    metavar="DAY",
    help="Restore everything captured on this day, in this month or in this year.",
)
@click.option("--all", "everything", is_flag=True, help="Restore everything that is in quarantine.")
@click.option("--dry-run", is_flag=True, help="Only say what would be restored; move nothing.")
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Restore from this folder (ROOT-quarantine or ROOT-similar), even if there is no ledger any more.",
)
@click.pass_obj
def command(
    program: Program,
    paths: tuple[Path, ...],
    day: Period | None,
    everything: bool,
    dry_run: bool,
    quarantine: Path | None,
) -> None:
    """Put files back where the capture job wrote them.

    Bytes, modification time and mode stay as they are. PATHS are files, where they were or where they are now, or
    folders of either. What was restored is never judged again, and nothing is ever overwritten: a picture whose old
    place is taken stays where it is.

    DAY is 2020-05-04, 2020-05 or 2020.

    \b
    Examples:
      framesift restore FILE
      framesift restore --day 2020-05-04 --dry-run
      framesift restore --all --quarantine ROOT-quarantine   if the ledger is lost

    Ends with 1 if nothing was there to restore, or not all could be.
    """
    if bool(paths) + bool(day) + everything != 1:
        raise click.UsageError("say what to restore: PATH..., --day DAY or --all")
    wanted = _Wanted(tuple(path.absolute().parent.resolve() / path.name for path in paths), day)
    if quarantine is not None:
        results = _from_folder(program, quarantine.resolve(), wanted, dry_run=dry_run)
    else:
        results = _from_ledger(program, wanted, dry_run=dry_run)
    done = failed = 0
    for target, conflict in results:
        done, failed = done + (not conflict), failed + bool(conflict)
        if conflict:
            click.echo(visible(conflict), err=True)
        elif dry_run or not program.quiet:
            click.echo(f"{'would restore' if dry_run else 'restored'} {visible(os.fspath(target))}")
    if not (done or failed):
        raise WatcherError("nothing to restore: no such picture is in quarantine")
    if failed:
        raise WatcherError(f"{done} restored, {failed} not")
    click.echo(f"{done} {'would be ' if dry_run else ''}restored")


class _Wanted:
    """What the user asked for."""

    def __init__(self, paths: tuple[Path, ...], day: Period | None) -> None:
        self.paths = paths
        self._day = day

    def entry(self, entry: Entry) -> bool:
        if self._day is not None:
            return entry.verdict.capture.taken_at in self._day
        return self.either(entry.location, entry.verdict.capture.path)

    def file(self, path: Path, target: Path) -> bool:
        if self._day is None:
            return self.either(path, target)
        pattern = NamePattern()
        if not pattern.matches(target.name):
            return False
        return pattern.parse(target, path.lstat()).taken_at in self._day

    def either(self, *places: Path) -> bool:
        return not self.paths or any(place.is_relative_to(path) for place in places for path in self.paths)


Result = tuple[Path, str]
"""Where a picture went, and a line about why it did not; empty if it did."""


def _from_ledger(program: Program, wanted: _Wanted, *, dry_run: bool) -> Iterator[Result]:
    with program.existing_ledger() as ledger:
        for entry in ledger.entries(state=State.QUARANTINED):
            if wanted.entry(entry):
                yield entry.verdict.capture.path, "" if dry_run else _restore(ledger, entry)
        for path in wanted.paths:
            for entry in ledger.about(path):
                if entry.state is State.PURGED:
                    yield path, f"{path} {entry.note}"


def _restore(ledger: Ledger, entry: Entry) -> str:
    try:
        restore(ledger, entry)
    except ConflictError as conflict:
        return str(conflict)
    return ""


def _from_folder(program: Program, quarantine: Path, wanted: _Wanted, *, dry_run: bool) -> Iterator[Result]:
    root = root_of(quarantine)
    with program.ledger() as ledger:
        for path, target in quarantined(quarantine, root):
            if not wanted.file(path, target):
                continue
            entries = [entry for entry in ledger.about(path) if entry.aside]
            if dry_run:
                yield target, ""
            elif entries:
                yield target, _restore(ledger, entries[-1])
            else:
                try:
                    restore_unrecorded(path, root, target, ledger.settle)
                except (ConflictError, OSError) as error:
                    yield target, f"{path}: {error}"
                else:
                    yield target, ""
