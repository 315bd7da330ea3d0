"""Entries by what a person types for one: its file, its number, its name, or a part of that."""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.text import visible

_MOST_TOLD = 5


def entries_named(ledger: Ledger, words: str) -> list[Entry]:
    """The entries on the picture that *words* name, oldest first; none if there is no such picture.

    That is a path where it was or is, the number of an entry, the name of a file or a part of it, or its time as the
    log writes it, with its display or without: ``05-04 09:20:45 1``.

    Raises:
        WatcherError: several pictures have such a name.
    """
    path = Path(os.path.abspath(words))  # noqa: PTH100 - links stay
    real = Path(os.path.realpath(path.parent)) / path.name  # a link in the file's place is nobody's capture
    for place in dict.fromkeys((real, path)):
        if found := ledger.about(place):
            return found
    if words.isascii() and words.isdecimal() and (numbered := ledger.rows(_NUMBER, [int(words[:18])])):
        return [ledger.entry(numbered[0][0])]
    if os.sep in words:
        return []
    count, paths = next(filter(None, (_paths(ledger, *one) for one in _meanings(words))), (0, []))
    if count > 1:
        told = ", ".join(visible(os.fspath(one)) for one in paths)
        more = f" and {count - _MOST_TOLD} more" if count > _MOST_TOLD else ""
        raise WatcherError(f"{visible(words)} may be several pictures: {told}{more}")
    return ledger.about(paths[0]) if paths else []


_NUMBER = "SELECT id FROM picture WHERE id = ?"
_TIME = re.compile(r"(\d{4}-)?(\d\d-\d\d) (\d[\d:]*)(?:\s+(\d{1,9}))?", re.ASCII)


def _meanings(words: str) -> Iterator[tuple[str, list[object]]]:
    """Conditions on a picture that *words* may mean, with their values: the likeliest first."""
    yield "CAST(name AS TEXT) = ?", [words]
    if told := _TIME.fullmatch(words.strip()):
        year, day, clock, display = told.groups()
        this = f"{datetime.now().year:04}-"
        condition = "taken_at LIKE ?" + (" AND display = ?" if display else "")
        for years in (year,) if year else (this, "____-"):
            yield condition, [f"{years}{day}T{clock}%", *([int(display)] if display else [])]
    part = re.sub("[%_!]", r"!\g<0>", words)
    yield "CAST(name AS TEXT) LIKE ? ESCAPE '!'", [f"%{part}%"]


def _paths(ledger: Ledger, condition: str, values: Sequence[object]) -> tuple[int, list[Path]] | None:
    """How many pictures meet *condition*, and where the latest were captured; None if none does."""
    rows = ledger.rows(
        f"SELECT max(id) AS id, count(*) OVER () AS count FROM picture WHERE {condition}"
        " GROUP BY root_id, folder, name ORDER BY max(id) DESC LIMIT ?",
        [*values, _MOST_TOLD],
    )
    return (rows[0]["count"], [ledger.entry(row["id"]).verdict.capture.path for row in rows]) if rows else None
