"""``framesift purge``: delete quarantined duplicates for good."""

import json
import math
import os
import sys
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import click

from watcher.commands.options import json_option, read_as, root_argument
from watcher.disk.mirror import Amount, held
from watcher.errors import WatcherError
from watcher.keep.deletion import Stray, Superfluous
from watcher.keep.purge import Limits, Purge, PurgeTally
from watcher.program import Program
from watcher.settings.spelling import parse_duration
from watcher.settings.types import parse_size
from watcher.terminal.progress import bar_of_verb
from watcher.text import visible


@click.command(name="purge")
@root_argument
@click.option(
    "--older-than",
    type=read_as(parse_duration),
    metavar="TEXT",
    help="Delete those that were quarantined longer ago than this, such as 30d, 2w or 12h.",
)
@click.option(
    "--keep-under",
    type=read_as(parse_size),
    metavar="TEXT",
    help="Delete the oldest, until the quarantine is smaller than this, such as 20GB.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Delete even what nothing proves: the screen is not kept, or no ledger knows the picture.",
)
@click.option("--dry-run", is_flag=True, help="Only list what would be deleted; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def command(
    program: Program,
    root: Path | None,
    older_than: timedelta | None,
    keep_under: int | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete quarantined duplicates for good.

    Without --older-than and --keep-under, all of them; with both, what either asks for. It says how many, and asks.

    Each is deleted only while the kept picture of its screen is read and found whole and unchanged. What cannot be
    proven stays, and it says why; --force deletes it as well, and pictures in the quarantine that no ledger knows.
    Pictures outside the quarantine, similar ones and restored ones are never touched.

    \b
    Examples:
      framesift purge --older-than 30d --dry-run
      framesift purge --keep-under 20GB

    Ends with 1 if what it was about to delete could not be deleted, or if it would have to ask and there is no
    terminal. That something stays which cannot be proven is no failure.
    """
    with program.existing_ledger() as ledger:
        place = program.settings_of_root(root, ledger).root
        limits = _limits(program, place, (older_than, keep_under), force=force)
        purge = Purge(ledger, place, program.quarantine(ledger, place), limits)
        work = _Work(purge, as_json=as_json, quiet=program.quiet)
        work.survey(listed=dry_run)
        if not dry_run and work.agreed(yes=yes):
            work.carry_out()
        work.end(dry_run=dry_run)


def _limits(program: Program, root: Path, given: tuple[timedelta | None, int | None], *, force: bool) -> Limits:
    now = datetime.now().astimezone()
    older_than, keep_under = given

    def is_old(one: Superfluous) -> bool:
        return given == (None, None) or (older_than is not None and now - _since(one) > older_than)

    under = math.inf if keep_under is None else keep_under
    if not force:
        return Limits(is_old, keep_under=under)
    is_stray = program.settings(root=root).names.matches
    return Limits(is_old, keep_under=under, force=True, is_stray=is_stray)


def _since(one: Superfluous) -> datetime:
    """When it came into the quarantine."""
    if isinstance(one, Stray):
        return one.changed
    return one.entry.aside_at or one.entry.recorded_at


class _Work:
    """One purge, and what is printed about it."""

    def __init__(self, purge: Purge, *, as_json: bool, quiet: bool) -> None:
        self._purge = purge
        self._as_json, self._quiet = as_json, quiet
        self._before = held(purge.quarantine)
        self._planned, self._done = PurgeTally(), PurgeTally()
        self._paths: dict[Path, None] = {}

    def survey(self, *, listed: bool) -> None:
        """Find out what is to be deleted; if *listed*, name each."""
        listed = listed and not self._as_json
        # A list on the terminal shows how far it is, and a bar would be torn by it.
        with bar_of_verb("purge", quiet=self._quiet or (listed and sys.stdout.isatty())) as progress:
            for outcome in progress.track(self._purge.survey(), self._before.files, "looked at"):
                self._planned.count([outcome])
                if outcome.refusal:
                    continue
                path = outcome.one.location
                self._paths[path] = None
                if listed:
                    click.echo(f"would delete {visible(os.fspath(path))}")

    def agreed(self, *, yes: bool) -> bool:
        """Whether the user wants it.

        Raises:
            WatcherError: there is nobody to ask.
        """
        if yes or not self._planned.purged.files:
            return True
        self._tell_plan()
        if not sys.stdin.isatty():
            raise WatcherError("nothing was purged: there is no terminal to ask at; say --yes if you mean it")

        return click.confirm(f"Delete {self._planned.purged} for good?", err=True)

    def _tell_plan(self) -> None:
        quarantine = visible(os.fspath(self._purge.quarantine))
        click.echo(f"{quarantine} holds {self._before}", err=self._as_json)
        if self._planned.refusals:
            click.echo(visible(self._planned.refusals), err=self._as_json)

    def carry_out(self) -> None:
        """Delete what was found, and not what has come since.

        Raises:
            FaultError: disk or ledger refuse.
        """
        self._purge.resume()
        outcomes = chain.from_iterable(self._purge.carry_out(among=self._paths))
        with bar_of_verb("purge", quiet=self._quiet) as progress:
            self._done.count(progress.track(outcomes, len(self._paths), "dealt with"))

    def end(self, *, dry_run: bool) -> None:
        """Say what was done.

        Raises:
            WatcherError: not all of what was to be deleted could be.
        """
        tally = self._planned if dry_run else self._done
        after = self._before - tally.purged if dry_run else held(self._purge.quarantine)
        if self._as_json:
            click.echo(json.dumps(self._report(tally, after, dry_run=dry_run)))
        else:
            self._tell_end(tally, after, "would be purged" if dry_run else "purged")
        if self._done.refused:
            raise WatcherError(f"not all could be deleted: {self._done.refusals}")

    def _tell_end(self, tally: PurgeTally, after: Amount, done: str) -> None:
        if self._planned.refusals:
            click.echo(visible(self._planned.refusals))
        quarantine = visible(os.fspath(self._purge.quarantine))
        held_before = f"{quarantine} held {self._before}"
        click.echo(f"{tally.purged} {done}; {held_before}, now {after}")

    def _report(self, tally: PurgeTally, after: Amount, *, dry_run: bool) -> dict[str, Any]:
        return {
            "root": os.fspath(self._purge.root),
            "quarantine": os.fspath(self._purge.quarantine),
            "dry_run": dry_run,
            "purged": asdict(tally.purged),
            "refused": dict(self._planned.refused + self._done.refused),
            "before": asdict(self._before),
            "after": asdict(after),
        } | ({"paths": [os.fspath(path) for path in self._paths]} if dry_run else {})
