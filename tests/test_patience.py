from collections.abc import Callable

import pytest

from watcher.errors import ConflictError, FaultError, HeldError
from watcher.patience import NoPatience, Patience, Turns, retry


class Limited:
    """Waits so many times."""

    def __init__(self, times: int) -> None:
        self._left = times
        self.told: list[str] = []

    def wait(self, fault: FaultError) -> None:
        self.told.append(str(fault))
        if not self._left:
            raise fault
        self._left -= 1

    def over(self) -> None:
        self.told.append("over")


def raising(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    def action() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return action


def test_an_action_is_repeated_as_long_as_patience_lasts() -> None:
    patience = Limited(2)
    assert retry(raising(FaultError("one"), FaultError("two")), patience) == "done"
    assert patience.told == ["one", "two", "over"]


def test_the_last_fault_is_raised_when_patience_ends() -> None:
    patience = Limited(1)
    with pytest.raises(FaultError, match="two"):
        retry(raising(FaultError("one"), FaultError("two")), patience)
    assert patience.told == ["one", "two"]


def test_nothing_but_a_fault_is_waited_out() -> None:
    patience = Limited(9)
    with pytest.raises(ConflictError):
        retry(raising(ConflictError("taken")), patience)
    assert patience.told == []


@pytest.mark.parametrize("patience", [NoPatience(), Turns()])
def test_at_a_terminal_nothing_is_waited_for(patience: Patience) -> None:
    with pytest.raises(FaultError, match="full"):
        retry(raising(FaultError("full")), patience)


def test_at_a_terminal_another_process_has_its_turn_but_not_for_ever() -> None:
    held = HeldError("another process")
    assert retry(raising(held, held, held), Turns()) == "done"
    with pytest.raises(HeldError):
        retry(raising(*[held] * 99), Turns())
    with pytest.raises(HeldError):
        retry(raising(held), NoPatience())
