"""What to do while disk or ledger refuse: wait and try again, or say so and end."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from watcher.errors import FaultError, HeldError

Result = TypeVar("Result")

_TURNS = 10
"""How often a verb asks for its turn, each time a few seconds, before it ends."""


class Patience(Protocol):
    """What to do while disk or ledger refuse."""

    def wait(self, fault: FaultError) -> None:
        """Return when it is time to try again, or raise *fault*."""

    def over(self) -> None:
        """The last try has succeeded."""


class NoPatience:
    """What ends waits for nothing."""

    def wait(self, fault: FaultError) -> None:
        """Raise *fault*."""
        raise fault

    def over(self) -> None:
        """Nothing was waited for."""


class Turns:
    """At a terminal, whoever sees the one line about a fault mends it and calls again.

    Only another process's turn is waited for, a while.
    """

    def __init__(self) -> None:
        self._turns = 0

    def wait(self, fault: FaultError) -> None:
        """Raise *fault*, unless another process may still be done soon."""
        self._turns += 1
        if not isinstance(fault, HeldError) or self._turns > _TURNS:
            raise fault

    def over(self) -> None:
        """It was."""
        self._turns = 0


def retry(action: Callable[[], Result], patience: Patience) -> Result:
    """Do *action* again, from its beginning, until disk and ledger allow it, or *patience* ends.

    Raises:
        FaultError: patience has ended.
    """
    while True:
        try:
            result = action()
        except FaultError as fault:
            patience.wait(fault)
        else:
            patience.over()
            return result
