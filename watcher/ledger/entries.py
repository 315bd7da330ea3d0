"""One row of the ledger, written: the verdict on a capture, its policy, and the move it leads to."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.errors import KnownError
from watcher.ledger.rows import IS_CAPTURE, Transaction, capture_columns, path_columns
from watcher.model.capture import Capture
from watcher.model.entry import Move, State, Timeline
from watcher.model.verdict import Policy, Verdict


def write_entry(db: Transaction, timeline: Timeline, verdict: Verdict, move: Move | None) -> int:
    """Insert the entry of a verdict, or put it in the place of an earlier round's; returns its id."""
    capture = verdict.capture
    written = db.execute(
        "INSERT INTO entry (root_id, folder, name, size, mtime_ns, display, taken_at, kind, ssim, exact,"
        " worst_tile, nearest_id, reason, policy_id, state, location, target, becomes, recorded_at, round)"
        " VALUES ((SELECT id FROM root WHERE path = ?), ?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (folder, name, size, mtime_ns) DO UPDATE SET kind = excluded.kind, ssim = excluded.ssim,"
        " exact = excluded.exact, worst_tile = excluded.worst_tile, nearest_id = excluded.nearest_id,"
        " reason = excluded.reason, policy_id = excluded.policy_id, target = excluded.target,"
        " state = CASE WHEN excluded.target IS NULL THEN state ELSE excluded.state END,"
        " becomes = excluded.becomes, note = '', recorded_at = excluded.recorded_at, round = excluded.round"
        " WHERE round < excluded.round",
        [
            *(os.fsencode(timeline.root), *_verdict_values(db, verdict), *_move_values(capture.path, move)),
            *(_now(), timeline.round),
        ],
    )
    if not written.rowcount:
        raise KnownError(f"{capture.path.name} was judged already")
    db.execute(f"DELETE FROM baseline WHERE {IS_CAPTURE}", capture_columns(capture))
    return number_of(db, capture)


def _verdict_values(db: Transaction, verdict: Verdict) -> list[Any]:
    capture, score = verdict.capture, verdict.score
    return [
        *path_columns(capture.path),
        capture.size,
        capture.mtime_ns,
        capture.display,
        capture.taken_at.isoformat(),
        verdict.kind.value,
        score.ssim,
        score.exact,
        score.worst_tile,
        None if score.nearest is None else number_of(db, score.nearest),
        verdict.reason,
        policy_number(db, verdict.policy),
    ]


def _move_values(path: Path, move: Move | None) -> list[Any]:
    if move is None:
        return [State.KEPT.value, os.fsencode(path), None, None]
    return [State.MOVING.value, os.fsencode(path), os.fsencode(move.target), move.becomes.value]


def number_of(db: Transaction, capture: Capture) -> int:
    """The id of the entry on *capture*, which has one."""
    row = db.execute(f"SELECT id FROM entry WHERE {IS_CAPTURE}", capture_columns(capture)).fetchone()
    return int(row[0])


def policy_number(db: Transaction, policy: Policy) -> int:
    """The id of *policy* in the ledger, which gets one if it has none."""
    text = json.dumps(policy.as_json(), sort_keys=True)
    db.execute("INSERT OR IGNORE INTO policy (json) VALUES (?)", [text])
    return int(db.execute("SELECT id FROM policy WHERE json = ?", [text]).fetchone()[0])


def _now() -> str:
    return datetime.now().astimezone().isoformat()
