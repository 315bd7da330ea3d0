"""What a purge of a quarantine deletes, oldest first: the same for the verb and for retention."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from watcher.disk import files, mirror
from watcher.disk.mirror import Amount
from watcher.keep.deletion import Outcome, delete, end_interrupted_deletion, objection
from watcher.ledger.deletions import BATCH, Candidate, candidates, is_known
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import State


@dataclass(frozen=True, slots=True)
class Limits:
    """Which of the quarantined duplicates go. Each limit holds for itself."""

    is_old: Callable[[Candidate], bool]
    """Candidates for which this is true go."""
    last: float = math.inf
    """No entry after this one is old, so that the rest, which may be years, need not be looked at."""
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
                self.purged += Amount(1, outcome.candidate.capture.size)

    @property
    def refusals(self) -> str:
        """The refused ones in words; empty if there are none."""
        reasons = "; ".join(f"{count} {reason}" for reason, count in self.refused.most_common())
        return f"{self.refused.total()} refused: {reasons}" if reasons else ""


@dataclass(frozen=True, slots=True)
class Purge:
    """A purge of the quarantine of one root."""

    ledger: Ledger
    root: Path
    quarantine: Path
    limits: Limits

    def survey(self) -> Iterator[Outcome]:
        """What would become of each picture that the limits ask for; nothing is changed."""
        return chain.from_iterable(self._batches())

    def resume(self) -> None:
        """Take back what a purge that was killed has marked and not deleted, and confirm what it has.

        Raises:
            FaultError: as for :meth:`carry_out`.
        """
        for entry in self.ledger.moving():
            if entry.becomes is State.PURGED:
                end_interrupted_deletion(self.ledger, entry)

    def carry_out(self) -> Iterator[list[Outcome]]:
        """Delete, some at a time, and yield what became of them.

        Raises:
            FaultError: disk or ledger refuse, and patience has ended; what is marked is then taken back later.
        """
        for batch in self._batches():
            wanted = [outcome.candidate for outcome in batch if not outcome.refusal]
            yield [outcome for outcome in batch if outcome.refusal] + (self._delete(wanted) if wanted else [])

    def _delete(self, wanted: list[Candidate]) -> list[Outcome]:
        done = delete(self.ledger, wanted, force=self.limits.force)
        for folder in {outcome.candidate.location.parent for outcome in done}:
            files.remove_empty(folder, self.quarantine)
        return done

    def _batches(self) -> Iterator[list[Outcome]]:
        limits = self.limits
        left = mirror.held(self.quarantine).bytes if limits.keep_under < math.inf else 0
        for some in chain(candidates(self.ledger, self.root), self._strays()):
            if some[0].number > limits.last and left < limits.keep_under:
                return
            batch = []
            for one in some:
                if limits.is_old(one) or left >= limits.keep_under:
                    batch.append(Outcome(one, self._objection(one)))
                    left -= 0 if batch[-1].refusal else one.capture.size
            yield batch

    def _objection(self, one: Candidate) -> str:
        if not one.location.is_relative_to(self.quarantine):
            return f"not in {self.quarantine}"
        return objection(one, force=self.limits.force)

    def _strays(self) -> Iterator[list[Candidate]]:
        if not self.limits.force or mirror.root_of(self.quarantine) != self.root:
            return
        strays = (
            _stray(path, original)
            for path, original in mirror.quarantined(self.quarantine, self.root)
            if self.limits.is_stray(original.name) and not is_known(self.ledger, path)
        )
        while some := list(islice(strays, BATCH)):
            yield some


def _stray(path: Path, original: Path) -> Candidate:
    """The picture at *path*, which no ledger knows; it is as old as its last change of place."""
    status = path.lstat()
    changed = datetime.fromtimestamp(status.st_ctime).astimezone()
    capture = Capture(original, 0, datetime.fromtimestamp(status.st_mtime), status.st_size, status.st_mtime_ns)
    return Candidate(0, path, capture, changed, None)
