"""What the system says to a deletion is told; where the disk itself refuses, nothing is concluded of any picture."""

import contextlib
import errno
from collections.abc import Callable

import pytest

from tests.desk import Shelf
from watcher.disk import files
from watcher.errors import FaultError
from watcher.keep.deletion import delete, end_interrupted_deletion, objection
from watcher.ledger.deletions import Candidate, candidates, mark_for_deletion
from watcher.ledger.ledger import Ledger
from watcher.model.entry import State

DENIED, BROKEN, ODD = OSError(errno.EACCES, "Permission denied"), OSError(errno.EIO, "I/O error"), OSError("odd")
SAID = [(DENIED, "Permission denied"), (ODD, "odd")]


def raising(error: OSError) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise error

    return refuse


@pytest.fixture
def twin(shelf: Shelf) -> Candidate:
    shelf.twins(range(1, 2), shelf.keep(0))
    with shelf.desk.ledger() as ledger:
        ((one,),) = candidates(ledger, shelf.desk.root)
    return one


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


def test_what_proves_it_is_looked_at_again_when_it_is_deleted(shelf: Shelf, twin: Candidate) -> None:
    assert twin.proof is not None
    twin.proof.location.unlink()
    with shelf.desk.ledger() as ledger:
        (outcome,) = delete(ledger, [twin], force=False)
    assert outcome.refusal == "the picture it duplicates is gone or was changed"
    assert (state(shelf, twin), twin.location.exists()) == (State.QUARANTINED, True)


def test_a_disk_that_refuses_is_a_fault_and_what_was_begun_is_taken_back_later(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken, shelf.desk.ledger() as ledger:
        broken.setattr(files.Emptied, "delete", raising(BROKEN))
        with pytest.raises(FaultError, match="the quarantine cannot be purged: I/O error"):
            delete(ledger, [twin], force=False)
    assert (state(shelf, twin), twin.location.exists()) == (State.MOVING, True)
    with shelf.at_work() as (_, custody):
        assert [entry.state for entry in custody.recover()] == [State.QUARANTINED]
    assert twin.location.exists()


@pytest.mark.parametrize("error", [DENIED, BROKEN])
def test_what_a_crash_has_left_is_not_said_to_be_deleted_while_it_cannot_be_looked_at(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    with monkeypatch.context() as refusing, shelf.desk.ledger() as ledger:
        mark_for_deletion(ledger, [twin])
        refusing.setattr(files.Emptied, "has", raising(error))
        fault = pytest.raises(FaultError) if error is BROKEN else contextlib.nullcontext()
        with fault:
            end_interrupted_deletion(ledger, ledger.entry(twin.number))
    assert state(shelf, twin) is (State.MOVING if error is BROKEN else State.QUARANTINED)


def test_what_another_process_takes_back_before_it_is_deleted_stays(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def taken_back_in_between(ledger: Ledger, action: Callable[[], object]) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:  # after the intent, before the deletion
            with shelf.at_work() as (_, custody):
                assert [entry.state for entry in custody.recover()] == [State.QUARANTINED]
        return exclusively(ledger, action)

    exclusively = Ledger.exclusively
    with shelf.desk.ledger() as ledger:
        monkeypatch.setattr(Ledger, "exclusively", taken_back_in_between)
        assert delete(ledger, [twin], force=True) == []
    assert (state(shelf, twin), twin.location.exists()) == (State.QUARANTINED, True)


def test_what_somebody_else_has_moved_meanwhile_is_left_to_them(shelf: Shelf, twin: Candidate) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.give_up(ledger.entry(twin.number), State.MISSING, "")
        assert delete(ledger, [twin], force=True) == []
    assert twin.location.exists()
