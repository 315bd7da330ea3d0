"""What a sweep has done so far."""

from collections import Counter
from dataclasses import dataclass, field

from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind


@dataclass(slots=True)
class Tally:
    """What a sweep has done so far."""

    total: int = 0
    """Captures to be judged."""
    kinds: Counter[Kind] = field(default_factory=Counter)
    left: int = 0
    """Captures that could not be judged, and stay as they are."""
    known: int = 0
    """Captures that turned out to be what the ledger knows, under other times or another name."""
    moved: int = 0
    """Duplicates that were, or in a dry run would be, quarantined."""
    moved_bytes: int = 0
    """Of duplicates that were, or in a dry run would be, quarantined."""
    stopped: int = 0
    """The signal that ended it before all was judged; 0 for none."""

    @property
    def done(self) -> int:
        """Captures dealt with."""
        return self.kinds.total() + self.left + self.known

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.kinds[entry.verdict.kind] += 1
        if entry.verdict.kind is Kind.DUPLICATE and entry.state in (State.QUARANTINED, State.MOVING):
            self.moved += 1
            self.moved_bytes += entry.verdict.capture.size
