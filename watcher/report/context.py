"""What a report is on, and how its reader calls framesift."""

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State
from watcher.model.period import Period
from watcher.report.page import Command
from watcher.text import quoted

GONE = {State.PURGED: "its picture was purged", State.MISSING: "its picture is gone"}
"""States without a picture, in words."""
_OPENERS = {"darwin": "open", "win32": 'start ""'}


@dataclass(frozen=True, slots=True)
class Calls:
    """The command lines of a page."""

    program: str = "framesift"
    """How framesift is called so that it finds the ledger that the page is made of."""

    def of(self, entry: Entry) -> tuple[Command, ...]:
        """What can be done with the file of *entry*."""
        found = [Command("Open it", f"{_OPENERS.get(sys.platform, 'xdg-open')} {quoted(entry.location)}")]
        if entry.aside:
            found.append(Command("Restore it", f"{self.program} restore {quoted(entry.location)}"))
        return tuple(found) if entry.state not in GONE else ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is on."""

    ledger: Ledger
    root: Path
    quarantine: Path
    period: Period
    now: datetime
    calls: Calls

    def rows(self, sql: str, begin: datetime, end: datetime) -> list[Any]:
        """The rows of a statement on the root's captures from *begin* up to *end*."""
        return self.ledger.rows(sql, [os.fsencode(self.root), begin.isoformat(), end.isoformat()])
