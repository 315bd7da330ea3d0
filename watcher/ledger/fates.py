"""What becomes of pictures, one transition at a time; :mod:`watcher.ledger.transitions` has the table of them."""

import os
from dataclasses import replace
from typing import Any

from watcher.errors import StaleError
from watcher.ledger import stored_windows as windows
from watcher.ledger.entries import content_of, settle_nothing, target_columns
from watcher.ledger.places import placed, relative
from watcher.ledger.questions import Questions
from watcher.ledger.rows import Transaction
from watcher.ledger.transitions import change
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State


class Fates(Questions):
    """A ledger that takes what has become of pictures. Each method is one transaction, durable when it returns.

    Each raises StaleError if the row is no longer what it was when the entry was read; nothing is changed then.
    """

    def intend(self, entry: Entry, move: Move) -> Entry:
        """Write down that the picture of *entry*, which is in quarantine, is about to be restored.

        Raises:
            StaleError: the row is no longer what it was when *entry* was read. So it is for all that follow.
        """

        def made(db: Transaction) -> Entry:
            (row,) = db.execute("SELECT root_id FROM picture WHERE id = ?", [entry.id])
            change(db, entry, "restore", State.MOVING, move.becomes, **target_columns(db, row[0], move))
            return self.entry(entry.id)

        return self.write(made)

    def confirm(self, entry: Entry) -> Entry:
        """Write down that the move of *entry* is done."""
        if entry.target is None or entry.becomes is None:
            raise ValueError(f"entry {entry.id} is not moving")
        state, target = entry.becomes, entry.target

        def made(db: Transaction) -> Entry:
            (row,) = db.execute("SELECT root_id FROM picture WHERE id = ?", [entry.id])
            mirror, location = placed(db.execute, row[0], target)
            change(db, entry, "arrive", state, mirror_id=mirror, location=location)
            return self.entry(entry.id)

        return self.write(made)

    def give_up(self, entry: Entry, state: State, note: str) -> Entry:
        """Write down that the move of *entry* does not take place, and why."""
        return self._changed(entry, "lose" if state is State.MISSING else "stay", state, note=note)

    def find(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that the picture of *entry*, which was missing, lies where the capture job wrote it."""
        return self._at_home(entry, "find", entry.becomes or State.KEPT, capture)

    def find_aside(self, entry: Entry) -> Entry:
        """Write down that the picture of *entry*, which was missing or purged, lies where it was set aside."""
        return self._changed(entry, "find aside", State.QUARANTINED, note="")

    def bring_back(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that a person has brought the picture of *entry* back into its root, as *capture*."""
        return self._at_home(entry, "bring back", State.RESTORED, capture)

    def learn(self, entry: Entry, capture: Capture) -> Entry:
        """Write down that the picture of *entry* has times and bytes of *capture* and, if it is at home, its path."""

        def made(db: Transaction) -> Entry:
            bump = "UPDATE picture SET version = version + 1 WHERE id = ? AND version = ?"
            if not db.execute(bump, [entry.id, entry.version]).rowcount:
                raise StaleError(f"{entry.verdict.capture.path.name} has been dealt with otherwise meanwhile")
            self._set_content(db, entry, capture, is_home=entry.location == entry.verdict.capture.path)
            return self.entry(entry.id)

        return self.write(made)

    def lose(self, entry: Entry, note: str = "") -> Entry:
        """Write down that the file of *entry* is gone, so that nothing can be a duplicate of it any more."""

        def made(db: Transaction) -> Entry:
            lose(db, entry, note)
            return self.entry(entry.id)

        return self.write(made)

    def _at_home(self, entry: Entry, name: str, state: State, capture: Capture) -> Entry:
        def made(db: Transaction) -> Entry:
            change(db, entry, name, state, note="")
            self._set_content(db, entry, capture, is_home=True)
            return self.entry(entry.id)

        return self.write(made)

    def _set_content(self, db: Transaction, entry: Entry, capture: Capture, *, is_home: bool) -> None:
        path = capture.path if is_home else entry.verdict.capture.path
        (row,) = db.execute("SELECT root_id FROM picture WHERE id = ?", [entry.id])
        columns = content_of(db, entry.id, row[0], replace(capture, path=path))
        if is_home:
            home = {"folder": relative(path.parent, entry.root), "name": os.fsencode(path.name)}
            columns |= home | {"location": relative(path, entry.root), "mirror_id": None}
            settle_nothing(db, path)  # it may have been listed by other times
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE picture SET {names} WHERE id = ?", [*columns.values(), entry.id])

    def _changed(self, entry: Entry, name: str, state: State, **values: Any) -> Entry:
        def made(db: Transaction) -> Entry:
            change(db, entry, name, state, **values)
            if state is State.MISSING:
                windows.leave(db, entry.id)
            return self.entry(entry.id)

        return self.write(made)


def lose(db: Transaction, entry: Entry, note: str) -> None:
    """The file of *entry* is gone, within a transaction: it is in no window any more.

    Raises:
        StaleError: the row is no longer what it was when *entry* was read; nothing was changed.
    """
    found = State.RESTORED if entry.state is State.RESTORED else None
    change(db, entry, "lose", State.MISSING, becomes=found, note=note)
    windows.leave(db, entry.id)
