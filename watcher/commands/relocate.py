"""``framesift relocate``: a ROOT, and its quarantine, have moved."""

from pathlib import Path

import click

from watcher.commands.options import PATH
from watcher.disk.claims import WORKS, claim_folder, is_claimed
from watcher.errors import BusyError, WatcherError
from watcher.keep import relocation
from watcher.program import Program
from watcher.settings.folders import absolute
from watcher.text import visible


@click.command(name="relocate")
@click.argument("old", type=PATH)
@click.argument("new", type=PATH)
@click.option("--dry-run", is_flag=True, help="Only say what was found; change nothing.")
@click.pass_obj
def command(program: Program, old: Path, new: Path, dry_run: bool) -> None:
    """Tell the ledger that ROOT has moved.

    OLD is where it was, and NEW where it is: renamed, on another disk, or on another machine with its ledger. No
    picture is moved: it looks whether those that the ledger expects are in NEW, and in the quarantine beside it, and
    writes down that they are there. What was judged in NEW meanwhile stays. Settings that name OLD are yours to change.

    \b
    Example:
      framesift relocate ~/Documents/ScreenRecord /Volumes/big/ScreenRecord

    Ends with 1 if less than half of what the ledger expects is in NEW; a quarantine of which less than half is found
    stays where it was for the ledger.
    """
    was, now = absolute(old), absolute(new).resolve()
    with program.existing_ledger() as ledger:
        for root in (was, now):
            if any(is_claimed(claim_folder(program.folders.state_dir, root), work) for work in WORKS):
                raise BusyError(f"framesift is at work on {root}: stop it first")
        found = relocation.plan(ledger, was, now)
        click.echo(f"{found.in_root} of the latest pictures kept in {visible(str(was))} are in {visible(str(now))}")
        for before, after in found.mirrors.items():
            click.echo(f"{visible(str(before))} is {visible(str(after))}")
        for mirror in found.missed:
            click.echo(f"{visible(str(mirror))} is not found: once it is back, or beside NEW, do this again", err=True)
        if found.in_mirrors.expected:
            click.echo(f"{found.in_mirrors} of the latest that were set aside are there")
        if dry_run:
            return
        try:
            relocation.carry_out(ledger, found)
        except OSError as error:
            raise WatcherError(f"a quarantine cannot be marked: {error.strerror or error}") from error
        click.echo("the ledger knows it now")
