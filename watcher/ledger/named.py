"""Entries by what a person types for one: its file, its number, its name, or a part of that."""

import os
import re
from pathlib import Path

from watcher.errors import WatcherError
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.text import visible

_MOST_TOLD = 5


def entries_named(ledger: Ledger, words: str) -> list[Entry]:
    """The entries on the picture that *words* name, oldest first; none if there is no such picture.

    That is a path where it was or is, the number of an entry, the name of a file or a part of it. A time may be
    written as the log writes it: ``05-04 09:20:45``.

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
    paths = _paths(ledger, "= ?", words) or _paths(ledger, "LIKE ? ESCAPE '!'", _like(words))
    if len(paths) > 1:
        told = ", ".join(visible(os.fspath(one)) for one in paths[:_MOST_TOLD])
        more = f" and {len(paths) - _MOST_TOLD} more" if len(paths) > _MOST_TOLD else ""
        raise WatcherError(f"{visible(words)} is in the names of several pictures: {told}{more}")
    return ledger.about(paths[0]) if paths else []


_NUMBER = "SELECT id FROM picture WHERE id = ?"
_TIME = re.compile(r"(\d\d-\d\d) (\d[\d:]*)")


def _paths(ledger: Ledger, condition: str, name: str) -> list[Path]:
    """Where the pictures were captured whose name meets *condition*, the latest first."""
    rows = ledger.rows(
        f"SELECT max(id) AS id FROM picture WHERE CAST(name AS TEXT) {condition} GROUP BY root_id, folder, name"
        " ORDER BY max(id) DESC",
        [name],
    )
    return [ledger.entry(row["id"]).verdict.capture.path for row in rows]


def _like(words: str) -> str:
    """The pattern that finds *words* in a name."""
    words = _TIME.sub(lambda found: f"{found[1]}_{found[2].replace(':', '.')}", words)
    escaped = re.sub("[%_!]", r"!\g<0>", words)
    return f"%{escaped}%"
