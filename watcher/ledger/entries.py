"""One row of the ledger, written: the verdict on a capture, its policy, and the move it leads to."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.errors import KnownError, NearestGoneError, StaleError
from watcher.ledger.conditions import HAS_PICTURE, STAYS
from watcher.ledger.places import homes, numbers_in, numbers_of, placed, relative, root_number
from watcher.ledger.rows import Transaction, path_of
from watcher.ledger.transitions import change
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.verdict import Kind, Policy, Verdict


def insert_entry(db: Transaction, timeline: Timeline, verdict: Verdict, move: Move | None, stays: Entry | None) -> int:
    """The entry of a verdict on a picture that has none; returns its id.

    It is kept or, if *stays* is what was at its path before, a person has put it there: it is restored.

    Raises:
        NearestGoneError: what it duplicates is no longer kept.
    """
    root_id = root_number(db.execute, timeline.root)
    path = verdict.capture.path
    home = relative(path, timeline.root)
    state = State.MOVING if move else State.RESTORED if stays else State.KEPT
    columns = {
        "root_id": root_id,
        "folder": relative(path.parent, timeline.root),
        "name": os.fsencode(path.name),
        "display": verdict.capture.display,
        "taken_at": verdict.capture.taken_at.isoformat(),
        "state": state.value,
        "location": home,
        "note": "was changed by hand, and stays" if stays else "",
        "becomes": move and move.becomes.value,
        **content_columns(verdict.capture),
        **_verdict_columns(db, root_id, timeline, verdict),
        **target_columns(db, root_id, move),
    }
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    number = int(db.execute(f"INSERT INTO picture ({names}) VALUES ({marks})", [*columns.values()]).lastrowid)
    settle_nothing(db, path)
    return number


def judge_anew(db: Transaction, timeline: Timeline, verdict: Verdict, move: Move | None, entry: Entry) -> None:
    """Put a verdict in the place of an earlier round's, which *entry* tells.

    Raises:
        KnownError: a person or another process has dealt with it meanwhile.
        NearestGoneError: what it duplicates is no longer kept.
    """
    root_id = root_number(db.execute, timeline.root)
    values = {
        **content_of(db, entry.id, root_id, verdict.capture),
        **_verdict_columns(db, root_id, timeline, verdict),
        **target_columns(db, root_id, move),
        "note": "",
    }
    state = State.MOVING if move else entry.state
    if entry.location == verdict.capture.path:
        settle_nothing(db, entry.location)  # it may have been listed by other times
    try:
        change(db, entry, "judge anew", state, move.becomes if move else None, **values)
    except StaleError as error:
        raise KnownError(str(error)) from error


def settle_nothing(db: Transaction, path: Path) -> None:
    """Nothing that was at *path* before is left to sweeps any more, or settled: there is an entry on what is there."""
    for root_id, folder in homes(db.execute, path.parent):
        where = "root_id = ? AND folder = ? AND name = ?"
        db.execute(f"DELETE FROM baseline WHERE {where}", [root_id, folder, os.fsencode(path.name)])


def content_columns(capture: Capture) -> dict[str, Any]:
    """What the file is known by."""
    return {"size": capture.size, "mtime_ns": capture.mtime_ns, "digest": capture.digest or None}


def content_of(db: Transaction, number: int, root_id: int, capture: Capture) -> dict[str, Any]:
    """What the file of the entry *number* is known by; framesift 0.1 may have judged one file twice, by two times.

    The other entry has its digest then.
    """
    columns = content_columns(capture)
    (root,) = db.execute("SELECT path FROM root WHERE id = ?", [root_id]).fetchone()
    twin = "SELECT 1 FROM picture WHERE root_id = ? AND folder = ? AND name = ? AND digest = ? AND id != ?"
    folder = relative(capture.path.parent, path_of(root))
    if db.execute(twin, [root_id, folder, os.fsencode(capture.path.name), capture.digest, number]).fetchone():
        columns["digest"] = None
    return columns


def target_columns(db: Transaction, root_id: int, move: Move | None) -> dict[str, Any]:
    """Where the file shall go."""
    mirror, target = placed(db.execute, root_id, move.target) if move else (None, None)
    return {"target_mirror_id": mirror, "target": target}


def _verdict_columns(db: Transaction, root_id: int, timeline: Timeline, verdict: Verdict) -> dict[str, Any]:
    score = verdict.score
    return {
        "kind": verdict.kind.value,
        "ssim": score.ssim,
        "exact": score.exact,
        "worst_tile": score.worst_tile,
        "nearest_id": _nearest(db, root_id, timeline, verdict),
        "reason": verdict.reason,
        "change": None if score.change is None else json.dumps(score.change),
        "scene": verdict.scene,
        "policy_id": policy_number(db, verdict.policy),
        "recorded_at": datetime.now().astimezone().isoformat(),
        "round": timeline.round,
    }


def _nearest(db: Transaction, root_id: int, timeline: Timeline, verdict: Verdict) -> int | None:
    nearest = verdict.score.nearest
    if nearest is None:
        return None
    folder = relative(nearest.path.parent, timeline.root)
    number = next(iter(numbers_in(db.execute, root_id, folder, nearest)), None)
    if verdict.kind is Kind.DUPLICATE:
        kept = f"SELECT 1 FROM picture WHERE id = ? AND {STAYS} AND {HAS_PICTURE}"
        if number is None or not db.execute(kept, [number]).fetchone():
            raise NearestGoneError(f"{nearest.path.name} is no longer kept")
    return number


def number_of(db: Transaction, capture: Capture) -> int | None:
    """The id of the entry on *capture*; None if it has none, or none any more."""
    return next(iter(numbers_of(db.execute, capture)), None)


def policy_number(db: Transaction, policy: Policy) -> int:
    """The id of *policy* in the ledger, which gets one if it has none."""
    text = json.dumps(policy.as_json(), sort_keys=True)
    db.execute("INSERT OR IGNORE INTO policy (json) VALUES (?)", [text])
    return int(db.execute("SELECT id FROM policy WHERE json = ?", [text]).fetchone()[0])
