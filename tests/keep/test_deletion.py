"""What the system says to a deletion is told; where the disk itself refuses, nothing is concluded of any picture."""

import errno
from collections.abc import Callable

import pytest

from tests.desk import Shelf
from watcher.disk import files
from watcher.errors import FaultError
from watcher.keep.deletion import delete, objection
from watcher.ledger.deletions import Candidate, candidate
from watcher.model.entry import State

DENIED, BROKEN, ODD = OSError(errno.EACCES, "Permission denied"), OSError(errno.EIO, "I/O error"), OSError("odd")
SAID = [(DENIED, "Permission denied"), (ODD, "odd")]


def raising(error: OSError) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise error

    return refuse


@pytest.fixture
def twin(shelf: Shelf) -> Candidate:
    (entry,) = shelf.twins(range(1, 2), shelf.keep(0))
    with shelf.desk.ledger() as ledger:
        return candidate(ledger, entry.id)


def state(shelf: Shelf, twin: Candidate) -> State:
    with shelf.desk.ledger() as ledger:
        return ledger.entry(twin.number).state


@pytest.mark.parametrize(("error", "said"), SAID)
def test_a_picture_that_cannot_be_looked_at_is_not_deleted(
    twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    assert objection(twin, force=False) == ""
    monkeypatch.setattr(files, "is_still", raising(error))
    assert objection(twin, force=True) == f"cannot be looked at: {said}"


@pytest.mark.parametrize(("error", "said"), SAID)
def test_a_deletion_that_is_refused_leaves_the_picture_in_quarantine_and_says_why(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    for place in ("has", "delete"):
        with monkeypatch.context() as refusing, shelf.desk.ledger() as ledger:
            refusing.setattr(files.Emptied, place, raising(error))
            (outcome,) = delete(ledger, [twin], force=False)
        assert outcome.refusal == f"cannot be deleted: {said}"
        assert (state(shelf, twin), twin.location.exists()) == (State.QUARANTINED, True)


def test_a_disk_that_refuses_is_a_fault_and_what_was_begun_is_finished_later(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken, shelf.desk.ledger() as ledger:
        broken.setattr(files.Emptied, "delete", raising(BROKEN))
        with pytest.raises(FaultError, match="the quarantine cannot be purged: I/O error"):
            delete(ledger, [twin], force=False)
    assert (state(shelf, twin), twin.location.exists()) == (State.MOVING, True)
    with shelf.at_work() as (_, custody):
        assert [entry.state for entry in custody.recover()] == [State.PURGED]
    assert not twin.location.exists()


def test_what_somebody_else_has_moved_meanwhile_is_left_to_them(shelf: Shelf, twin: Candidate) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.give_up(ledger.entry(twin.number), State.MISSING, "")
        assert delete(ledger, [twin], force=True) == []
    assert twin.location.exists()
