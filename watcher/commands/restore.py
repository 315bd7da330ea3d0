"""``framesift restore``: put files back where the capture job wrote them."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import click

from watcher.commands.options import PATH, as_period
from watcher.disk.mirror import quarantined, root_of
from watcher.errors import (
    AwayError,
    ConflictError,
    FaultError,
    HeldError,
    NameRefusedError,
    WatcherError,
)
from watcher.keep.restoring import Unrecorded, obstacle_to_restore, restore, was_changed
from watcher.ledger.ledger import Ledger
from watcher.ledger.named import entries_named
from watcher.model.capture import NamePattern
from watcher.model.entry import Entry, State
from watcher.model.period import Period
from watcher.program import Program
from watcher.text import visible


@click.command(name="restore")
@click.argument("paths", nargs=-1, type=PATH)
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
    type=PATH,
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
    folders of either; or a number, a name or a part of one, as framesift why takes them. What was restored is never
    judged again, and nothing is ever overwritten: a picture whose old place is taken stays where it is. --all and --day
    say how many that are, and ask; framesift sweep --again --restored takes that back.

    DAY is 2020-05-04, 2020-05 or 2020.

    \b
    Examples:
      framesift restore FILE
      framesift restore --day 2020-05-04 --dry-run
      framesift restore --all --quarantine ROOT-quarantine   if the ledger is lost

    With --quarantine, a picture that was changed in there comes back as it is now.

    Ends with 1 if nothing was there to restore, or not all of it could be; with 2 if it would have to ask and there is
    no terminal.
    """
    if bool(paths) + bool(day) + everything != 1:
        raise click.UsageError("say what to restore: PATH..., --day DAY or --all")
    wanted = _Wanted(paths, day, program.settings().names if day else NamePattern())
    with contextlib.ExitStack() as stack:
        if quarantine is not None:
            found = _in_folder(_ledger(stack, program), quarantine.absolute(), wanted)
        else:
            ledger = stack.enter_context(program.existing_ledger())
            wanted.find_names(ledger)
            found = _in_ledger(ledger, wanted)
        if not (paths or yes or dry_run):
            found = iter(everything_found := list(found))
            if everything_found and not _agreed(len(everything_found)):
                return
        _Telling(program, dry_run=dry_run).restore(chain(found, wanted.missed()))


@dataclass(frozen=True, slots=True)
class _Found:
    """A picture that is asked for."""

    target: Path
    obstacle: Callable[[], str]
    """Why it cannot be restored now; empty if it can."""
    restore: Callable[[], object]
    """Bring it back; raises ConflictError or OSError."""


def _agreed(count: int) -> bool:
    """Whether the user wants so many restored."""
    pictures = f"{count} picture{'s' * (count != 1)}"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{pictures} would be restored; there is no terminal to ask at: say --yes to mean it")
    return click.confirm(f"Restore {pictures}?", err=True)


class _Telling:
    """Restores, and tells what became of each."""

    def __init__(self, program: Program, *, dry_run: bool) -> None:
        self._program, self._dry_run, self._quiet = program, dry_run, program.quiet

    def restore(self, found: Iterable[_Found]) -> None:
        done = failed = 0
        for one in found:
            obstacle = one.obstacle() if self._dry_run else _restored(one)
            done, failed = done + (not obstacle), failed + bool(obstacle)
            if obstacle:
                click.echo(visible(self._program.pasteable(obstacle, one.target)), err=True)
            elif self._dry_run or not self._quiet:
                would = "would restore" if self._dry_run else "restored"
                click.echo(f"{would} {visible(os.fspath(one.target))}")
        if not (done or failed):
            raise WatcherError("nothing to restore: no such picture is in quarantine")
        if failed:
            raise WatcherError(f"{done} {'would be ' * self._dry_run}restored, {failed} not")
        if self._dry_run or not self._quiet:
            click.echo(f"{done} {'would be ' * self._dry_run}restored")


def _restored(one: _Found) -> str:
    """Restore it; returns why not."""
    try:
        one.restore()
    except (HeldError, AwayError):
        raise
    except WatcherError as error:
        return str(error)
    except OSError as error:
        return f"{one.target.name} cannot be restored: {error.strerror or error}"
    return ""


class _Wanted:
    """What the user asked for."""

    def __init__(self, paths: Sequence[Path], day: Period | None, names: NamePattern) -> None:
        self._places = {path: _places(path) for path in paths}
        self._day, self._names = day, names
        self._unmatched = dict.fromkeys(paths)

    def find_names(self, ledger: Ledger) -> None:
        """What is no file or folder may be a number, a name, or a part of one.

        Raises:
            WatcherError: several pictures have such a name.
        """
        for path, places in self._places.items():
            is_known = os.path.lexists(path) or any(map(ledger.about, places))
            if not is_known and (named := entries_named(ledger, os.fspath(path))):
                places[:] = [named[-1].verdict.capture.path]

    @property
    def places(self) -> list[Path]:
        """Where the paths lead."""
        return [place for places in self._places.values() for place in places]

    def entry(self, entry: Entry) -> bool:
        """Whether the picture of *entry* is asked for."""
        if self._day is not None:
            return entry.verdict.capture.taken_at in self._day
        return self.either(entry.location, entry.verdict.capture.path)

    def file(self, path: Path, target: Path) -> bool:
        """Whether a picture at *path* is asked for that was captured at *target*."""
        if self._day is None:
            return self.either(path, target)
        try:
            return self._names.fits(target.name) and self._names.parse(target, path.lstat()).taken_at in self._day
        except (NameRefusedError, OSError, ValueError, OverflowError):
            return False

    def either(self, *ends: Path) -> bool:
        """Whether one of the *ends* of a picture's way is asked for."""
        found = [path for path, places in self._places.items() if any(map(_lies_in(places), ends))]
        for path in found:
            self._unmatched.pop(path, None)
        return bool(found) or not self._places

    def missed(self) -> Iterator[_Found]:
        """Each path for which there was nothing, as what cannot be restored."""
        for path in self._unmatched:
            yield _gone(path, f"{path}: no such picture is in quarantine")


def _lies_in(places: Iterable[Path]) -> Callable[[Path], bool]:
    return lambda end: any(end.is_relative_to(place) for place in places)


def _places(path: Path) -> list[Path]:
    """Where *path* may lead: a link in the place of a file is nobody's capture, to a folder any link may lead."""
    asked = path.absolute()
    named = [asked, Path(os.path.realpath(asked.parent)) / asked.name]
    return [*named, Path(os.path.realpath(path))] if os.path.isdir(path) else named  # noqa: PTH112 - is_dir() may raise


def _in_ledger(ledger: Ledger, wanted: _Wanted) -> Iterator[_Found]:
    for entry in ledger.restorable():
        if wanted.entry(entry) and (entry.state is not State.MISSING or os.path.lexists(entry.location)):
            yield _known(ledger, entry)
    for path in wanted.places:
        for entry in ledger.about(path):
            if entry.state is State.PURGED and wanted.entry(entry):
                is_back = os.path.lexists(entry.location)  # as from a backup
                yield _known(ledger, entry) if is_back else _gone(path, f"{path} {entry.note}")


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
    real = Path(os.path.realpath(quarantine))
    root = _root_now(real)
    for path, target in quarantined(real, root):
        if not wanted.file(path, target):
            continue
        # A quarantine may have been moved, and a link left, by which the ledger knows what is in it.
        entry = _entry(ledger, path) or _entry(ledger, quarantine / path.relative_to(real))
        alone = Unrecorded(path, target, root, real)
        obstacle, by_place = alone.obstacle, partial(alone.restore, None)
        if ledger is None or (entry is not None and entry.root != root):
            by_ledger: Callable[[], object] = by_place
        elif entry is None or was_changed(entry, path):
            by_ledger = partial(alone.restore, ledger, entry)
        else:
            known = _known(ledger, entry)
            obstacle, by_ledger = known.obstacle, known.restore
        yield _Found(target, obstacle, partial(_whatever_the_ledger_says, by_ledger, by_place))


def _whatever_the_ledger_says(by_ledger: Callable[[], object], by_place: Callable[[], object]) -> None:
    """Bring a picture back with the ledger or, if that fails, by its place alone."""
    try:
        by_ledger()
    except (HeldError, AwayError):
        raise
    except FaultError:
        by_place()


_TO_RESTORE = {State.QUARANTINED, State.MOVING, State.MISSING, State.PURGED}
"""States in which a picture may lie in quarantine, though the ledger may not know."""


def _entry(ledger: Ledger | None, path: Path) -> Entry | None:
    """What a ledger that can be read says of the picture at *path*."""
    if ledger is None:
        return None
    try:
        return next((one for one in reversed(ledger.about(path)) if one.state in _TO_RESTORE), None)
    except FaultError:
        return None


def _root_now(quarantine: Path) -> Path:
    """The root whose captures lie in *quarantine*: by its mark or, if that root is gone, by its name and place."""
    root = root_of(quarantine)
    for ending in ("-quarantine", "-similar"):
        beside = quarantine.with_name(quarantine.name.removesuffix(ending))
        if quarantine.name.endswith(ending) and beside.is_dir() and not root.is_dir():
            click.echo(f"{visible(os.fspath(root))} is not there; restoring to {visible(os.fspath(beside))}", err=True)
            return beside
    return root
