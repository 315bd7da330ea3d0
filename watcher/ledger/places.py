"""Between paths and what the ledger keeps of them: relative to a root, or to one of its mirrors."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from watcher.ledger.rows import Transaction, path_of
from watcher.model.capture import Capture

Query: TypeAlias = Callable[[str, Sequence[Any]], Iterable[Any]]
"""Answers a reading statement with rows, within a transaction or without."""

NO_ROOT = 0
"""Stands for the root of what was settled while no root was known; its folder is absolute."""


def relative(folder: Path, base: Path) -> bytes:
    """*folder* as the ledger keeps it; nothing for *base* itself, and absolute if it does not lie below it."""
    if folder == base:
        return b""
    return os.fsencode(folder.relative_to(base) if folder.is_relative_to(base) else folder)


def root_number(query: Query, root: Path) -> int:
    """The id of *root*, which the ledger knows."""
    (row,) = query("SELECT id FROM root WHERE path = ?", [os.fsencode(root)])
    return int(row[0])


def entered(db: Transaction, root: Path) -> int:
    """The id of *root*, which the ledger knows from now on."""
    db.execute("INSERT OR IGNORE INTO root (path) VALUES (?)", [os.fsencode(root)])
    return root_number(db.execute, root)


def homes(query: Query, folder: Path) -> list[tuple[int, bytes]]:
    """Every root that *folder* lies in, for one root may lie in another: its id, and the folder relative to it."""
    roots = [(row[0], path_of(row[1])) for row in query("SELECT id, path FROM root", [])]
    inside = [(number, relative(folder, root)) for number, root in roots if folder.is_relative_to(root)]
    return [*inside, (NO_ROOT, os.fsencode(folder))]


def numbers_of(query: Query, capture: Capture) -> list[int]:
    """The ids of the entries on *capture*, latest first: those on its path, and on its bytes if they are known."""
    return [
        number
        for root_id, inside in homes(query, capture.path.parent)
        for number in numbers_in(query, root_id, inside, capture)
    ]


def numbers_in(query: Query, root_id: int, folder: bytes, capture: Capture) -> list[int]:
    """The same for one root, in whose *folder* the capture is."""
    rows = query(
        "SELECT id, size, mtime_ns, digest FROM picture WHERE root_id = ? AND folder = ? AND name = ? ORDER BY id DESC",
        [root_id, folder, os.fsencode(capture.path.name)],
    )
    return [row["id"] for row in rows if _is_of(row, capture)]


def _is_of(row: Any, capture: Capture) -> bool:
    if row["digest"] and capture.digest:
        return bool(row["digest"] == capture.digest)
    return (row["size"], row["mtime_ns"]) == (capture.size, capture.mtime_ns)


def placed(query: Query, root_id: int, path: Path) -> tuple[int | None, bytes]:
    """*path* as the ledger keeps it: the mirror in which it lies, None for the root, and the path relative to that."""
    rows = query("SELECT id, path FROM mirror WHERE root_id = ? ORDER BY length(path) DESC", [root_id])
    for number, mirror in [(row[0], path_of(row[1])) for row in rows]:
        if path.is_relative_to(mirror):
            return number, relative(path, mirror)
    (row,) = query("SELECT path FROM root WHERE id = ?", [root_id])
    return None, relative(path, path_of(row[0]))
