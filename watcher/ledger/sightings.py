"""Captures of a period: which screens they show, and which duplicates are doubtful."""

import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from watcher.ledger.conditions import AMONG, OF_ROOT, SHOWS
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind

_IN_PERIOD = f"{OF_ROOT} AND taken_at >= ? AND taken_at < ?"
_DOUBTFUL = f"""
    SELECT id FROM (
        SELECT id, taken_at, worst_tile,
               row_number() OVER (PARTITION BY nearest_id ORDER BY worst_tile, taken_at, id) AS rank
        FROM picture WHERE {_IN_PERIOD} AND (? IS NULL OR display = ?)
        AND kind = 'duplicate' AND state = 'quarantined' AND exact AND worst_tile < ?)
    WHERE rank = 1 ORDER BY worst_tile, taken_at, id LIMIT ?
"""


def sightings(ledger: Ledger, root: Path, period: Period) -> list[Sighting]:
    """What each capture of *period* in *root* shows, in order of time."""
    rows = ledger.rows(
        f"SELECT display, taken_at, kind, {SHOWS} FROM picture WHERE {_IN_PERIOD} ORDER BY taken_at, id",
        _bounds(root, period),
    )
    return [Sighting(row[0], datetime.fromisoformat(row[1]), Kind(row[2]), row[3]) for row in rows]


def was_seen_before(ledger: Ledger, root: Path, moment: datetime) -> bool:
    """Whether the ledger knows a capture in *root* from before *moment*."""
    values = _bounds(root, Period(datetime.min, moment))
    return bool(ledger.rows(f"SELECT 1 FROM picture WHERE {_IN_PERIOD} LIMIT 1", values))


def doubtful_duplicates(ledger: Ledger, root: Path, query: Query, below: float, limit: int) -> list[Entry]:
    """Quarantined duplicates whose worst tile is *below*, the lowest first; one for each screen, at most *limit*."""
    rows = ledger.rows(_DOUBTFUL, [*_bounds(root, query.period), query.display, query.display, below, limit])
    return [ledger.entry(row[0]) for row in rows]


def twins_of(ledger: Ledger, numbers: Sequence[int]) -> dict[int, int]:
    """The last duplicate of each of the entries *numbers* that has one in quarantine."""
    rows = ledger.rows(
        f"SELECT nearest_id, max(id) FROM picture WHERE nearest_id {AMONG} AND kind = 'duplicate'"
        " AND state = 'quarantined' AND ssim < 1 GROUP BY nearest_id",
        [json.dumps(list(numbers))],
    )
    return {row[0]: row[1] for row in rows}


def _bounds(root: Path, period: Period) -> list[object]:
    """The values of ``_IN_PERIOD``."""
    return [os.fsencode(root), period.begin.isoformat(), period.end.isoformat()]
