"""The order in which captures came, which names need not tell: local time goes back with zones and clocks."""

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from watcher.ledger.conditions import OF_ROOT, SHOWS
from watcher.ledger.ledger import Ledger
from watcher.ledger.rows import Row, path_of

_ENTRY = f"SELECT id, display, taken_at, {SHOWS} AS shows FROM picture"
_LATER = """
    SELECT 1 FROM picture AS last
    JOIN picture AS entry ON entry.root_id = last.root_id AND entry.taken_at > last.taken_at
    WHERE last.id = ? AND entry.id > last.id LIMIT 1
"""


class Arrivals:
    """The captures of one root, the one that came last first: as its watchers have told, before that by their names.

    What sweeps judge is told by no watcher. It is old as a rule, and has its place by the time in its name.
    """

    def __init__(self, ledger: Ledger, root: bytes, told: Sequence[int] | None = None) -> None:
        """Go by *told*, the entries of watchers in their order; None for those that the last watcher wrote down."""
        self._ledger, self._root = ledger, root
        self.told = list(told) if told is not None else self._written()

    def _written(self) -> list[int]:
        """Nothing if a sweep has judged since what is later by its name: then no watcher knows what came last."""
        told = self._ledger.heartbeat(path_of(self._root)).arrivals
        return [] if told and self._ledger.rows(_LATER, told[-1:]) else told

    def latest(self, count: int, where: str = "TRUE", *values: Any) -> list[Row]:
        """The last *count* entries for which *where* holds, each with the entry that it *shows*."""
        came = self._told(where, *values)[:count]
        return came + self._others("*", where, *values, count - len(came))

    def run(self, where: str, *values: Any) -> tuple[str, int]:
        """Since when the last entries for which *where* holds show one screen, and how many these are."""
        last = self.latest(1, where, *values)
        if not last:
            return "", 0
        shows = last[0]["shows"]
        came = self._told(where, *values)
        same = list(takewhile(lambda row: row["shows"] == shows, came))
        if len(same) < len(came):
            return same[-1]["taken_at"], len(same)
        other = self._others("*", f"{where} AND {SHOWS} != ?", *values, shows, 1)
        own, after = f"{where} AND {SHOWS} = ? AND taken_at > ?", other[0]["taken_at"] if other else ""
        older = self._others("min(taken_at) AS since, count(*) AS count", own, *values, shows, after, -1)[0]
        return older["since"] or same[-1]["taken_at"], len(same) + older["count"]

    def _told(self, where: str, *values: Any) -> list[Row]:
        return list(
            self._ledger.rows(
                f"SELECT told.* FROM json_each(?) AS number JOIN ({_ENTRY} WHERE {OF_ROOT} AND {where}) AS told"
                " ON told.id = number.value ORDER BY number.key DESC",
                [json.dumps(self.told), self._root, *values],
            )
        )

    def _others(self, columns: str, where: str, *values: Any) -> list[Row]:
        """What no watcher has told, by its names; the last of *values* is how much of it."""
        return list(
            self._ledger.rows(
                f"SELECT {columns} FROM ({_ENTRY} WHERE {OF_ROOT} AND {where}"
                " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY taken_at DESC, id DESC LIMIT ?)",
                [self._root, *values[:-1], json.dumps(self.told), values[-1]],
            )
        )
