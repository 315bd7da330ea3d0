"""Between the rows of the ledger and the values of the program."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

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


IS_CAPTURE = "folder = ? AND name = ? AND size = ? AND mtime_ns = ?"
"""Holds for the row of one capture; its values are :func:`capture_columns`."""


NEAR_CAPTURE = """near.folder AS near_folder, near.name AS near_name, near.display AS near_display,
           near.taken_at AS near_taken_at, near.size AS near_size, near.mtime_ns AS near_mtime_ns"""
"""The columns of the capture in *near*, a second ``entry``, that ``capture_of(row, "near_")`` reads."""


def path_columns(path: Path) -> tuple[bytes, bytes]:
    """Folder and name as the bytes that the file system knows: they may be no UTF-8."""
    return os.fsencode(path.parent), os.fsencode(path.name)


def capture_columns(capture: Capture) -> list[Any]:
    """What a capture is known by: folder, name, size, mtime_ns."""
    return [*path_columns(capture.path), capture.size, capture.mtime_ns]


def path_of(raw: bytes) -> Path:
    """The path that :func:`os.fsencode` made bytes of."""
    return Path(os.fsdecode(raw))


def capture_of(row: Row, prefix: str = "") -> Capture:
    """The capture in the columns that begin with *prefix*."""
    return Capture(
        path=path_of(row[f"{prefix}folder"]) / os.fsdecode(row[f"{prefix}name"]),
        display=row[f"{prefix}display"],
        taken_at=datetime.fromisoformat(row[f"{prefix}taken_at"]),
        size=row[f"{prefix}size"],
        mtime_ns=row[f"{prefix}mtime_ns"],
    )


def kept_of(row: Row) -> KeptFrame:
    """The kept frame in a row that is joined with its entry."""
    return KeptFrame(capture_of(row), row["height"], row["width"], row["signature"])


def entry_of(row: Row) -> Entry:
    """The entry in a row that is joined with its policy and its nearest."""
    nearest = capture_of(row, "near_") if row["nearest_id"] is not None else None
    score = Score(nearest, row["ssim"], bool(row["exact"]), row["worst_tile"])
    policy = Policy.from_json(json.loads(row["policy"]))
    return Entry(
        id=row["id"],
        verdict=Verdict(capture_of(row), Kind(row["kind"]), score, policy, row["reason"]),
        state=State(row["state"]),
        location=path_of(row["location"]),
        target=path_of(row["target"]) if row["target"] is not None else None,
        becomes=State(row["becomes"]) if row["becomes"] is not None else None,
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        note=row["note"],
    )
