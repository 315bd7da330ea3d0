"""Captures as a page shows them: in words, in small pictures, and with the commands that lead to their files."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.progress import Progress
from watcher.report.page import Card, Command
from watcher.report.thumbnails import Allowance, Picture, Wanted, load_all
from watcher.review.wording import day_title
from watcher.text import quoted, visible

SMALL = Allowance(640, 20_000)
LARGE = Allowance(1440, 145_000)
_GONE = {State.PURGED: "its picture was purged", State.MISSING: "its picture is gone"}
"""States without a picture, in words."""
_OPENERS = {"darwin": "open", "win32": 'start ""'}


def title_of(capture: Capture) -> str:
    """A capture by its display and time."""
    return f"Display {capture.display}, {capture.taken_at:%H:%M} on {day_title(capture.taken_at)}"


def commands_of(entry: Entry, invocation: str) -> tuple[Command, ...]:
    """What can be done with the file of *entry*; *invocation* stands before framesift's verbs."""
    if entry.state in _GONE:
        return ()
    opening = Command("Open it", f"{_OPENERS.get(sys.platform, 'xdg-open')} {quoted(entry.location)}")
    if not entry.aside:
        return (opening,)
    return opening, Command("Restore it", f"{invocation} restore {quoted(entry.location)}")


@dataclass(slots=True)
class Cards:
    """The captures that a page shows, each of which is opened once."""

    ledger: Ledger
    invocation: str
    _sizes: dict[int, tuple[Allowance, ...]] = field(default_factory=dict)
    _entries: dict[int, Entry] = field(default_factory=dict)
    _pictures: dict[int, tuple[Picture, ...]] = field(default_factory=dict)

    def want(self, numbers: Iterable[int], *sizes: Allowance) -> None:
        """Show the entries *numbers* in *sizes*, smallest first; those that are shown already stay as they are."""
        for number in numbers:
            self._sizes.setdefault(number, sizes)

    def load(self, progress: Progress) -> None:
        """Open the pictures of all that is wanted, and tell *progress*."""
        self._entries = {number: self.ledger.entry(number) for number in self._sizes}
        there = {number: entry for number, entry in self._entries.items() if entry.state not in _GONE}
        wanted = [Wanted(entry.verdict.capture, entry.location, self._sizes[number]) for number, entry in there.items()]
        drawn = progress.track(load_all(wanted), len(wanted), "pictures drawn")
        self._pictures = dict(zip(there, drawn, strict=True))

    def card(self, number: int, remarks: Sequence[str]) -> Card:
        """The entry *number*, with *remarks*."""
        entry = self._entries[number]
        capture = entry.verdict.capture
        pictures = self._pictures.get(number, ())
        missing = () if pictures else (_GONE.get(entry.state, "its picture cannot be shown"),)
        return Card(
            title=title_of(capture),
            moment=capture.taken_at.isoformat(timespec="minutes"),
            clock=f"{capture.taken_at:%H:%M}",
            place=f"{capture.taken_at.day} {capture.taken_at:%B}, display {capture.display}",
            remarks=(*remarks, *missing),
            picture=pictures[0] if pictures else None,
            large=pictures[-1] if len(pictures) > 1 else None,
            path=visible(os.fspath(entry.location)),
            address=entry.location.as_uri() if pictures else "",
            commands=commands_of(entry, self.invocation),
        )
