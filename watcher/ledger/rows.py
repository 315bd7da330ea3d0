"""Between the rows of the ledger and the values of the program.

The ledger keeps paths relative to their root, or to the mirror of it in which a file lies, so that these can move. The
view ``located`` has the folders to which they are relative.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from watcher.errors import FaultError
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Policy, Score, Verdict


class Row(Protocol):
    """A row that answers by column."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of *column*."""


class Transaction(Protocol):
    """An open transaction."""

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ..., /) -> Any:
        """Run one statement; returns its cursor."""

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement for each of *values*."""


NEAR_CAPTURE = """near.folder AS near_folder, near.name AS near_name, near.display AS near_display,
           near.taken_at AS near_taken_at, near.size AS near_size, near.mtime_ns AS near_mtime_ns,
           near.digest AS near_digest"""
"""The columns of the capture in *near*, an ``entry`` of the same root, that ``capture_of(row, "near_")`` reads."""


def path_of(raw: bytes) -> Path:
    """The path that :func:`os.fsencode` made bytes of.

    Raises:
        FaultError: no path has such bytes.
    """
    if b"\0" in raw:
        raise FaultError(f"the ledger is damaged: {raw!r} is no path")
    return Path(os.fsdecode(raw))


def location_of(row: Row) -> Path:
    """Where the file of a row of ``located`` is now."""
    return path_of(row["mirror_path"] or row["root_path"]) / path_of(row["location"])


def target_of(row: Row) -> Path | None:
    """Where the file of a row of ``located`` is being moved to."""
    if row["target"] is None:
        return None
    return path_of(row["target_mirror_path"] or row["root_path"]) / path_of(row["target"])


def capture_of(row: Row, prefix: str = "") -> Capture:
    """The capture in the columns that begin with *prefix*."""
    return Capture(
        path=path_of(row["root_path"]) / path_of(row[f"{prefix}folder"]) / os.fsdecode(row[f"{prefix}name"]),
        display=row[f"{prefix}display"],
        taken_at=datetime.fromisoformat(row[f"{prefix}taken_at"]),
        size=row[f"{prefix}size"],
        mtime_ns=row[f"{prefix}mtime_ns"],
        digest=row[f"{prefix}digest"] or b"",
    )


def kept_of(row: Row) -> KeptFrame:
    """The kept frame in a row that is joined with its entry."""
    return KeptFrame(capture_of(row), row["height"], row["width"], row["signature"], row["checksum"])


def entry_of(row: Row) -> Entry:
    """The entry in a row that is joined with its policy and its nearest.

    Raises:
        FaultError: it holds what cannot be: the ledger is damaged, in a way that SQLite does not see.
    """
    try:
        return _entry_of(row)
    except (ValueError, TypeError, KeyError) as error:
        raise FaultError(f"the ledger is damaged: what it says of entry {row['id']} cannot be ({error})") from error


def _entry_of(row: Row) -> Entry:
    nearest = capture_of(row, "near_") if row["nearest_id"] is not None else None
    left, top, width, height = map(int, json.loads(row["change"] or "[0, 0, 0, 0]"))
    change = (left, top, width, height) if row["change"] else None
    score = Score(nearest, float(row["ssim"]), bool(row["exact"]), float(row["worst_tile"]), change)
    policy = Policy.from_json(json.loads(row["policy"]))
    return Entry(
        id=row["id"],
        verdict=Verdict(capture_of(row), Kind(row["kind"]), score, policy, row["reason"], row["scene"]),
        state=State(row["state"]),
        location=location_of(row),
        target=target_of(row),
        becomes=State(row["becomes"]) if row["becomes"] is not None else None,
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        note=row["note"],
        root=path_of(row["root_path"]),
        aside_at=datetime.fromisoformat(row["aside_at"]) if row["aside_at"] else None,
        version=row["version"],
    )
