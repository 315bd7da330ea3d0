"""What a report is made of and for."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watcher.ledger.ledger import Ledger
from watcher.model.period import Period


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report is made of and for."""

    ledger: Ledger
    root: Path
    quarantine: Path
    period: Period
    now: datetime
    invocation: str
    """How its reader calls framesift so that it finds this ledger: what stands before the verb."""
