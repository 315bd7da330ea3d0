"""What a purge of a quarantine deletes, oldest first: the same for the verb and for retention."""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from watcher.disk import files, mirror
from watcher.disk.mirror import Amount
from watcher.keep.deletion import AT_ONCE, Deletion, Outcome, Stray, Superfluous, end_interrupted_deletion
from watcher.ledger.deletions import BATCH, Candidate, candidates
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import State


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the quarantined duplicates go. Each limit holds for itself."""

    is_old: Callable[[Superfluous], bool]
    """Those for which this is true go."""
    days: float = math.inf
    """Nothing that was quarantined on this day or after is old, so that the rest, which may be years, stays unread."""
    keep_under: float = math.inf
    """The oldest go until the quarantine on disk has fewer bytes."""
    force: bool = False
    """Whether candidates without a proof that their screen is kept go as well."""
    is_stray: Callable[[str], bool] = lambda _: False
    """If *force*, pictures that no ledger knows go as well, if this is true of their names."""


@dataclass(slots=True)
class PurgeTally:
    """What was purged so far, and how many were refused, by reason."""

    purged: Amount = field(default_factory=Amount)
    refused: Counter[str] = field(default_factory=Counter)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add *outcomes*."""
        for outcome in outcomes:
            if outcome.refusal:
                self.refused[outcome.refusal] += 1
            else:
                self.purged += Amount(1, outcome.one.size)

    @property
    def refusals(self) -> str:
        """The refused ones in words; empty if there are none."""
        reasons = "; ".join(f"{count} {reason}" for reason, count in self.refused.most_common())
        return f"{self.refused.total()} refused: {reasons}" if reasons else ""


class Purge:
    """A purge of the quarantine of one root."""

    def __init__(self, ledger: Ledger, root: Path, quarantine: Path, limits: Limits) -> None:
        self.root, self.quarantine = root, quarantine
        self._ledger, self._limits = ledger, limits
        self._deletion = Deletion(ledger, force=limits.force)

    def survey(self) -> Iterator[Outcome]:
        """What would become of each picture that the limits ask for; nothing is deleted."""
        return chain.from_iterable(self._batches())

    def resume(self) -> None:
        """Take back what a purge that was killed has marked and not deleted, and confirm what it has.

        Raises:
            FaultError: as for :meth:`carry_out`.
        """

        def end() -> None:
            for entry in self._ledger.moving(self.root):
                if entry.becomes is State.PURGED:
                    end_interrupted_deletion(self._ledger, entry)

        self._ledger.exclusively(end)

    def carry_out(self, among: Container[Path] | None = None) -> Iterator[list[Outcome]]:
        """Delete what the limits ask for or, of that, what lies *among* these places; yield what became of it.

        Raises:
            FaultError: disk or ledger refuse, and patience has ended; what is marked is then taken back later.
        """
        for batch in self._batches():
            asked = [outcome for outcome in batch if among is None or outcome.one.location in among]
            wanted = [outcome.one for outcome in asked if not outcome.refusal]
            refused = [outcome for outcome in asked if outcome.refusal]
            for first in range(0, max(1, len(wanted)), AT_ONCE):
                yield refused + self._delete(wanted[first : first + AT_ONCE])
                refused = []

    def _delete(self, wanted: list[Superfluous]) -> list[Outcome]:
        done = self._deletion.carry_out(wanted) if wanted else []
        for folder in {outcome.one.location.parent for outcome in done}:
            files.remove_empty(folder, self.quarantine)
        return done

    def _batches(self) -> Iterator[list[Outcome]]:
        limits = self._limits
        left = mirror.held(self.quarantine).bytes if limits.keep_under < math.inf else 0
        for some in chain[list[Superfluous]](self._candidates(), self._strays()):
            first = some[0]
            if isinstance(first, Candidate) and first.aside_day >= limits.days and left < limits.keep_under:
                return
            batch = []
            for one in some:
                if limits.is_old(one) or left >= limits.keep_under:
                    batch.append(Outcome(one, self._objection(one)))
                    left -= 0 if batch[-1].refusal else one.size
            yield batch

    def _objection(self, one: Superfluous) -> str:
        if not one.location.is_relative_to(self.quarantine):
            return f"not in {self.quarantine}"
        return self._deletion.objection(one)

    def _candidates(self) -> Iterator[list[Superfluous]]:
        return ([*some] for some in candidates(self._ledger, self.root) if some)

    def _strays(self) -> Iterator[list[Superfluous]]:
        if not self._limits.force or mirror.root_of(self.quarantine) != self.root:
            return
        strays = (
            _stray(path, original)
            for path, original in mirror.quarantined(self.quarantine, self.root)
            if self._limits.is_stray(original.name) and not self._ledger.is_known(path)
        )
        while some := list[Superfluous](islice(filter(None, strays), BATCH)):
            yield some


def _stray(path: Path, original: Path) -> Stray | None:
    """The picture at *path*, which no ledger knows; it is as old as its last change of place. None if it has left."""
    try:
        status = path.lstat()
        changed = datetime.fromtimestamp(status.st_ctime).astimezone()
    except (OSError, ValueError, OverflowError):
        return None
    return Stray(path, Capture(original, 0, datetime.min, status.st_size, status.st_mtime_ns), changed)
