"""How far a long look through many things is, told while it lasts."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

Thing = TypeVar("Thing")


class Progress(Protocol):
    """Tells how far it is."""

    def track(self, things: Iterable[Thing], total: int, words: str) -> Iterator[Thing]:
        """The *things*, about *total* of them, one by one; *words* say what is done to them, such as "screens read"."""


class NoProgress:
    """Tells nothing."""

    def track(self, things: Iterable[Thing], total: int, words: str) -> Iterator[Thing]:  # noqa: ARG002
        """The *things*."""
        return iter(things)


NO_PROGRESS = NoProgress()
