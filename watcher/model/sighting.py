"""A capture as the ledger knows it: which screen a display showed, and when."""

from dataclasses import dataclass
from datetime import datetime

from watcher.model.verdict import Kind


@dataclass(frozen=True, slots=True)
class Sighting:
    """One capture, and the screen that it shows."""

    display: int
    taken_at: datetime
    kind: Kind
    shows: int
    """Id of the entry whose screen it shows: its own, or for a duplicate that of the screen which it is like."""
