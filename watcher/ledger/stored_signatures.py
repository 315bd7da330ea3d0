"""Signatures of kept screens, as the ledger stores them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from watcher.ledger.conditions import AMONG, HAS_PICTURE, STAYS
from watcher.ledger.ledger import Ledger

_KEPT = f"""
    SELECT entry.id, display, taken_at, height, width, signature
    FROM frame JOIN picture AS entry ON entry.id = frame.entry_id
    WHERE {STAYS} AND {HAS_PICTURE} AND entry.id {AMONG}
"""


@dataclass(frozen=True, slots=True)
class StoredSignature:
    """The signature of a kept screen."""

    number: int
    """Id of its entry."""
    display: int
    taken_at: datetime
    height: int
    width: int
    """Of the frame, in pixels."""
    data: bytes
    """As :meth:`watcher.judge.signature.Signature.to_bytes` wrote it, maybe in the format of an older framesift."""


def stored_signatures(ledger: Ledger, numbers: Iterable[int]) -> list[StoredSignature]:
    """Those of the entries *numbers* whose screens are kept, in no order; each has some 30 kB."""
    rows = ledger.rows(_KEPT, [json.dumps(list(numbers))])
    return [StoredSignature(row[0], row[1], datetime.fromisoformat(row[2]), *row[3:]) for row in rows]
