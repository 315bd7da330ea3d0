"""Is the ledger whole, and is everything where it says?"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from watcher.disk.mirror import quarantined
from watcher.doctor import first_few
from watcher.errors import FaultError
from watcher.keep.moves import without_links
from watcher.ledger.ledger import Ledger
from watcher.ledger.schema import MIGRATIONS
from watcher.ledger.totals import Totals
from watcher.model.entry import State
from watcher.model.finding import Finding
from watcher.text import quoted

_FEW = 3
"""So many files are named in a command that a person may copy."""
_PATIENCE = timedelta(minutes=5)
"""A copy of one picture to another volume takes seconds."""


def ledger_is_whole(ledger: Ledger) -> Finding:
    """Whether SQLite finds its file sound."""
    try:
        problems, entries = ledger.problems(), ledger.count()
    except FaultError as fault:
        problems, entries = [str(fault)], 0
    if problems:
        return Finding.sick(
            "ledger",
            f"{ledger.path} is damaged: {first_few(problems)}",
            "a disk that fails, or that lies about what it has written",
            "stop the watcher, put it back from a backup; restore --all --quarantine works without any",
        )
    size = sum(file.stat().st_size for file in _parts(ledger.path))
    return Finding.well("ledger", f"{entries} entries, {size / 1e6:.1f} MB, version {len(MIGRATIONS)}: {ledger.path}")


def _parts(path: Path) -> list[Path]:
    return [part for end in ("", "-wal") if (part := path.with_name(path.name + end)).exists()]


def moves_are_finished(ledger: Ledger, now: datetime) -> Finding:
    """Whether every move that was begun has ended."""
    stuck = [entry for entry in ledger.moving() if now - entry.recorded_at > _PATIENCE]
    if not stuck:
        return Finding.well("moves", "every move that was begun is finished")
    return Finding.sick(
        "moves",
        f"{len(stuck)} begun and not finished: {first_few(entry.verdict.capture.path.name for entry in stuck)}",
        "killed in the middle, or the disk refuses; each picture is whole in one of its two places",
        "the next start of framesift watch finishes them; if it runs, its log says what the disk refuses",
    )


def pictures_are_in_place(ledger: Ledger, root: Path, quarantine: Path) -> Finding:
    """Whether every quarantined picture is on disk, and every picture in the quarantine is in the ledger."""
    known = {without_links(path): state for path, state in Totals(ledger, root).set_aside().items()}
    aside = [path for path, state in known.items() if state is State.QUARANTINED]
    missing = [path for path in aside if _is_gone(path)]
    unknown = [path for path, _ in quarantined(quarantine, root) if path not in known]
    if missing and not quarantine.exists():
        return Finding.sick(
            "pictures",
            f"{quarantine} is gone, and {len(missing)} pictures with it",
            "its disk is not mounted, or it was deleted or moved by hand",
            "mount it, or put it back; pictures that are deleted cannot be restored",
        )
    if missing:
        return Finding.odd(
            "pictures",
            f"{len(missing)} of {len(aside)} set aside are gone: {first_few(path.name for path in missing)}",
            "deleted or moved by another program; they cannot be restored",
            "framesift purge is the way to delete: it keeps the ledger right",
        )
    if orphans := Totals(ledger, root).orphaned():
        few = list(orphans.values())[:_FEW]
        more = ", and so on" if len(orphans) > len(few) else ""
        return Finding.odd(
            "pictures",
            f"{len(orphans)} kept in ROOT are gone, though duplicates of them are in quarantine:"
            f" {first_few(path.name for path in orphans)}",
            "deleted or moved by another program",
            f"bring a duplicate of each back: framesift restore {' '.join(map(quoted, few))}{more}",
        )
    if unknown:
        return Finding.odd(
            "pictures",
            f"{len(unknown)} in {quarantine} that no ledger knows: {first_few(path.name for path in unknown)}",
            "put there by hand, or the ledger was lost",
            f"framesift restore --all --quarantine {quoted(quarantine)} brings them back to ROOT",
        )
    return Finding.well("pictures", f"all {len(aside)} that were set aside are where the ledger says")


def _is_gone(path: Path) -> bool:
    """Whether nothing is at *path*; what may not be looked at is not known to be gone.

    Raises:
        OSError: nobody can know.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    return False


def files_are_whole(waiting: Mapping[str, str]) -> Finding:
    """Whether the watcher waits for files that never become whole, by name with the reason."""
    if not waiting:
        return Finding.well("files", "none that is not whole")
    return Finding.odd(
        "files",
        f"{len(waiting)} left alone: {first_few(f'{name} ({why})' for name, why in sorted(waiting.items()))}",
        "the capture job was interrupted while it wrote them, or they are no PNG",
        "delete them if they are of no use; they are looked at again now and then",
    )
