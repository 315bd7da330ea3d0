"""``framesift restore``: put files back where the capture job wrote them."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from watcher.commands.options import as_period
from watcher.disk.mirror import quarantined, root_of
from watcher.errors import AwayError, ConflictError, FaultError, HeldError, NameRefusedError, WatcherError
from watcher.keep.restoring import obstacle_at, obstacle_to_restore, restore, restore_unrecorded
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, NamePattern
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
@click.option("--dry-run", is_flag=True, help="Only say what would be restored, and what could not; move nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
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
    yes: bool,
    quarantine: Path | None,
) -> None:
    """Put files back where the capture job wrote them.

    Bytes, modification time and mode stay as they are. PATHS are files, where they were or where they are now, or
    folders of either. What was restored is never judged again, and nothing is ever overwritten: a picture whose old
    place is taken stays where it is. --all and --day say how many that are, and ask; framesift sweep --again --restored
    takes that back.

    DAY is 2020-05-04, 2020-05 or 2020.

    \b
    Examples:
      framesift restore FILE
      framesift restore --day 2020-05-04 --dry-run
      framesift restore --all --quarantine ROOT-quarantine   if the ledger is lost

    Ends with 1 if nothing was there to restore, or not all could be; with 2 if it would have to ask and there is no
    terminal.
    """
    if bool(paths) + bool(day) + everything != 1:
        raise click.UsageError("say what to restore: PATH..., --day DAY or --all")
    named = tuple(path.absolute().parent.resolve() / path.name for path in paths) + _folders(paths)
    wanted = _Wanted(named, day, program.settings().names if day else NamePattern())
    asks = not (paths or yes or dry_run)
    with contextlib.ExitStack() as stack:
        if quarantine is not None:
            found = _in_folder(_ledger(stack, program), quarantine.resolve(), wanted)
        else:
            found = _in_ledger(stack.enter_context(program.existing_ledger()), wanted)
        if asks:
            found = iter(_agreed(found))
        _Telling(dry_run=dry_run, quiet=program.quiet).restore(found)


def _folders(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The folders among *paths*, whatever links lead to them; a link in the place of a file is nobody's capture."""
    return tuple(path.resolve() for path in paths if os.path.isdir(path))  # noqa: PTH112 - is_dir() may raise


@dataclass(frozen=True, slots=True)
class _Found:
    """A picture that is asked for."""

    target: Path
    obstacle: Callable[[], str]
    """Why it cannot be restored now; empty if it can."""
    restore: Callable[[], object]
    """Bring it back; raises ConflictError or OSError."""


def _agreed(found: Iterable[_Found]) -> list[_Found]:
    """What was *found*, if the user wants all of that."""
    everything = list(found)
    if not everything:
        return []
    count = f"{len(everything)} picture{'s' * (len(everything) != 1)}"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{count} would be restored; there is no terminal to ask at: say --yes if you mean it")
    click.confirm(f"Restore {count}?", err=True, abort=True)
    return everything


class _Telling:
    """Restores, and tells what became of each."""

    def __init__(self, *, dry_run: bool, quiet: bool) -> None:
        self._dry_run, self._quiet = dry_run, quiet

    def restore(self, found: Iterable[_Found]) -> None:
        done = failed = 0
        for one in found:
            obstacle = one.obstacle() if self._dry_run else _restored(one)
            done, failed = done + (not obstacle), failed + bool(obstacle)
            if obstacle:
                click.echo(visible(obstacle), err=True)
            elif self._dry_run or not self._quiet:
                would = "would restore" if self._dry_run else "restored"
                click.echo(f"{would} {visible(os.fspath(one.target))}")
        if not (done or failed):
            raise WatcherError("nothing to restore: no such picture is in quarantine")
        if failed:
            raise WatcherError(f"{done} {'would be ' * self._dry_run}restored, {failed} not")
        click.echo(f"{done} {'would be ' * self._dry_run}restored")


def _restored(one: _Found) -> str:
    """Restore it; returns why not."""
    try:
        one.restore()
    except ConflictError as conflict:
        return str(conflict)
    except OSError as error:
        return f"{one.target.name} cannot be restored: {error.strerror or error}"
    return ""


class _Wanted:
    """What the user asked for."""

    def __init__(self, paths: tuple[Path, ...], day: Period | None, names: NamePattern) -> None:
        self.paths = paths
        self._day, self._names = day, names

    def entry(self, entry: Entry) -> bool:
        if self._day is not None:
            return entry.verdict.capture.taken_at in self._day
        return self.either(entry.location, entry.verdict.capture.path)

    def file(self, path: Path, target: Path) -> bool:
        if self._day is None:
            return self.either(path, target)
        try:
            return self._names.fits(target.name) and self._names.parse(target, path.lstat()).taken_at in self._day
        except NameRefusedError:
            return False

    def either(self, *places: Path) -> bool:
        return not self.paths or any(place.is_relative_to(path) for place in places for path in self.paths)


def _in_ledger(ledger: Ledger, wanted: _Wanted) -> Iterator[_Found]:
    for entry in ledger.restorable():
        if wanted.entry(entry) and (entry.state is not State.MISSING or os.path.lexists(entry.location)):
            yield _known(ledger, entry)
    for path in wanted.paths:
        for entry in ledger.about(path):
            if entry.state is State.PURGED and os.path.lexists(entry.location):
                yield _known(ledger, entry)  # as from a backup
            elif entry.state is State.PURGED:
                yield _gone(path, f"{path} {entry.note}")


def _known(ledger: Ledger, entry: Entry) -> _Found:
    return _Found(entry.verdict.capture.path, partial(obstacle_to_restore, entry), partial(restore, ledger, entry))


def _gone(path: Path, why: str) -> _Found:
    def refuse() -> None:
        raise ConflictError(why)

    return _Found(path, lambda: why, refuse)


def _ledger(stack: contextlib.ExitStack, program: Program) -> Ledger | None:
    """The ledger; None if it cannot be used, which keeps no picture from coming back."""
    try:
        return stack.enter_context(program.ledger())
    except WatcherError as error:
        click.echo(f"{visible(str(error))}; going on without it", err=True)
        return None


def _in_folder(ledger: Ledger | None, quarantine: Path, wanted: _Wanted) -> Iterator[_Found]:
    root = _root_now(quarantine)
    for path, target in quarantined(quarantine, root):
        if not wanted.file(path, target):
            continue
        entries = _entries(ledger, path)
        alone = partial(restore_unrecorded, path, root, target, _settle(ledger))
        if ledger is not None and entries:
            known = _known(ledger, entries[-1])
            yield _Found(target, known.obstacle, partial(_whatever_the_ledger_says, known.restore, alone))
        else:
            yield _Found(target, partial(obstacle_at, path, root, target), alone)


def _whatever_the_ledger_says(restore_known: Callable[[], object], restore_alone: Callable[[], object]) -> None:
    """Bring a picture back by its entry or, if the ledger fails, by its place alone."""
    try:
        restore_known()
    except (HeldError, AwayError):
        raise
    except FaultError:
        restore_alone()


_TO_RESTORE = {State.QUARANTINED, State.MOVING, State.MISSING, State.PURGED}
"""States in which a picture may lie in quarantine, though the ledger may not know."""


def _entries(ledger: Ledger | None, path: Path) -> list[Entry]:
    """What a ledger that can be read says of the picture at *path*."""
    if ledger is None:
        return []
    try:
        return [entry for entry in ledger.about(path) if entry.state in _TO_RESTORE]
    except FaultError:
        return []


def _settle(ledger: Ledger | None) -> Callable[[Path, Capture], None]:
    """Remember that a picture was brought back, if a ledger takes that."""

    def settle(root: Path, capture: Capture) -> None:
        if ledger is not None:
            with contextlib.suppress(FaultError):
                ledger.settle(root, capture)

    return settle


def _root_now(quarantine: Path) -> Path:
    """The root whose captures lie in *quarantine*: by its mark or, if that root is gone, by its name and place."""
    root = root_of(quarantine)
    for ending in ("-quarantine", "-similar"):
        beside = quarantine.with_name(quarantine.name.removesuffix(ending))
        if quarantine.name.endswith(ending) and beside.is_dir() and not root.is_dir():
            click.echo(f"{visible(os.fspath(root))} is not there; restoring to {visible(os.fspath(beside))}", err=True)
            return beside
    return root
