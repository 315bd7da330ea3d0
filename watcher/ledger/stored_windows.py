"""The windows as the ledger keeps them: which frames have a place in them, and how recently each was used.

What falls out of a window never comes back, so that a restart finds the very window of an unbroken run.
"""

import os
from typing import Any

from watcher.ledger.conditions import HAS_PICTURE
from watcher.ledger.rows import Transaction
from watcher.model.entry import Timeline
from watcher.model.kept_frame import KeptFrame

_ROOT = "(SELECT id FROM root WHERE path = ?)"
_WINDOW = "timeline = :timeline AND root_id = :root_id AND display = :display AND height = :height AND width = :width"

PLACED = f"""
    SELECT entry_id FROM (
        SELECT entry_id, used, row_number() OVER (PARTITION BY display, height, width ORDER BY used DESC) AS rank
        FROM place WHERE timeline = ? AND root_id = {_ROOT})
    WHERE rank <= ? ORDER BY used DESC
"""
"""The entries in the windows of a timeline, most recently used first; values: its name, its root, their length."""

KEPT = f"""
    SELECT entry.id AS entry_id FROM picture AS entry JOIN frame ON frame.entry_id = entry.id
    LEFT JOIN place ON place.entry_id = entry.id AND place.timeline = ?
    WHERE entry.root_id = {_ROOT} AND entry.{HAS_PICTURE}
    ORDER BY place.used IS NULL, place.used DESC, entry.id DESC
"""
"""All entries that a window without end holds, most recently used first; values: the timeline's name, its root."""


def admit(db: Transaction, timeline: Timeline, number: int, kept: KeptFrame, window: int) -> None:
    """Keep the frame of entry *number*, and put it to the front of its window of at most *window* (0: all) frames."""
    db.execute(
        "INSERT OR REPLACE INTO frame (entry_id, height, width, signature, checksum) VALUES (?, ?, ?, ?, ?)",
        [number, *kept.shows()],
    )
    touch(db, timeline, number)
    if window:
        where = _window_of(db, timeline, number)
        last = f"SELECT used FROM place WHERE {_WINDOW} ORDER BY used DESC LIMIT 1 OFFSET :length"
        db.execute(f"DELETE FROM place WHERE {_WINDOW} AND used <= ({last})", where | {"length": window})


def touch(db: Transaction, timeline: Timeline, number: int) -> None:
    """Move the frame of entry *number*, if it still is kept, to the front of its window."""
    where = _window_of(db, timeline, number)
    if where:
        db.execute(
            "INSERT INTO place (timeline, root_id, display, height, width, used, entry_id)"
            " SELECT :timeline, :root_id, :display, :height, :width, coalesce(max(used), 0) + 1, :number"
            f" FROM place WHERE {_WINDOW}"
            " ON CONFLICT (entry_id, timeline) DO UPDATE SET used = excluded.used",
            where | {"number": number},
        )


def forget(db: Transaction, number: int) -> None:
    """Take the frame of entry *number* out of every window: its capture is no distinct screen any more."""
    leave(db, number)
    db.execute("DELETE FROM frame WHERE entry_id = ?", [number])


def leave(db: Transaction, number: int) -> None:
    """Take the frame of entry *number* out of every window: its file is gone."""
    db.execute("DELETE FROM place WHERE entry_id = ?", [number])


def are_empty(db: Transaction, timeline: Timeline) -> bool:
    """Whether nothing has a place in the windows of *timeline*."""
    some = f"SELECT 1 FROM place WHERE timeline = ? AND root_id = {_ROOT} LIMIT 1"
    return db.execute(some, _named(timeline)).fetchone() is None


def clear(db: Transaction, timeline: Timeline) -> None:
    """Empty the windows of *timeline*."""
    db.execute(f"DELETE FROM place WHERE timeline = ? AND root_id = {_ROOT}", _named(timeline))


def take_over(db: Transaction, timeline: Timeline, other: Timeline) -> None:
    """Let the windows of *timeline* be those that *other* has now."""
    clear(db, timeline)
    db.execute(
        "INSERT INTO place SELECT ?, root_id, display, height, width, used, entry_id FROM place"
        f" WHERE timeline = ? AND root_id = {_ROOT}",
        [timeline.name, *_named(other)],
    )


def _named(timeline: Timeline) -> list[Any]:
    return [timeline.name, os.fsencode(timeline.root)]


def _window_of(db: Transaction, timeline: Timeline, number: int) -> dict[str, Any]:
    """The window that entry *number* belongs to; empty if its frame is not kept."""
    row = db.execute(
        "SELECT root_id, display, height, width FROM frame JOIN picture ON picture.id = entry_id WHERE entry_id = ?",
        [number],
    ).fetchone()
    return {"timeline": timeline.name, **dict(row)} if row else {}
