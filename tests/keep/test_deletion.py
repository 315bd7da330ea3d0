"""What the system says to a deletion is told; where the disk itself refuses, nothing is concluded of any picture."""

import contextlib
import errno
from collections.abc import Callable

import pytest

from tests.desk import Shelf
from watcher.disk import files
from watcher.errors import FaultError
from watcher.keep.deletion import Deletion, Outcome, end_interrupted_deletion
from watcher.ledger.deletions import Candidate, candidates, condemn
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Move, State
from watcher.patience import NoPatience

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


def delete(ledger: Ledger, wanted: list[Candidate], *, force: bool) -> list[Outcome]:
    return Deletion(ledger, force=force).carry_out(wanted)


def objection(shelf: Shelf, one: Candidate, *, force: bool) -> str:
    with shelf.desk.ledger() as ledger:
        return Deletion(ledger, force=force).objection(one)


def state(shelf: Shelf, twin: Candidate) -> State:
    with shelf.desk.ledger() as ledger:
        return ledger.entry(twin.entry.id).state


@pytest.mark.parametrize(("error", "said"), SAID)
def test_a_picture_that_cannot_be_looked_at_is_not_deleted(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    assert objection(shelf, twin, force=False) == ""
    monkeypatch.setattr(files, "is_still", raising(error))
    assert objection(shelf, twin, force=True) == f"cannot be looked at: {said}"


@pytest.mark.parametrize(("error", "said"), SAID)
def test_a_deletion_that_is_refused_leaves_the_picture_in_quarantine_and_says_why(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    with monkeypatch.context() as refusing, shelf.desk.ledger() as ledger:
        refusing.setattr(files.Emptied, "delete", raising(error))
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


def test_a_disk_that_refuses_is_a_fault_and_what_was_begun_is_taken_back_at_once(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken, shelf.desk.ledger() as ledger:
        broken.setattr(files.Emptied, "delete", raising(BROKEN))
        with pytest.raises(FaultError, match="the quarantine cannot be purged: I/O error"):
            delete(ledger, [twin], force=False)
    assert (state(shelf, twin), twin.location.exists()) == (State.QUARANTINED, True)


@pytest.mark.parametrize("error", [DENIED, BROKEN])
def test_what_a_crash_has_left_is_not_said_to_be_deleted_while_it_cannot_be_looked_at(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    with monkeypatch.context() as refusing, shelf.desk.ledger() as ledger:
        condemn(ledger, [twin.entry])
        refusing.setattr(files.Emptied, "has", raising(error))
        fault = pytest.raises(FaultError) if error is BROKEN else contextlib.nullcontext()
        with fault:
            end_interrupted_deletion(ledger, ledger.entry(twin.entry.id))
    assert state(shelf, twin) is (State.MOVING if error is BROKEN else State.QUARANTINED)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupted_in_the_middle_it_leaves_nothing_that_deletes(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    def stop(*_: object) -> None:
        raise interrupt

    monkeypatch.setattr(files.Emptied, "delete", stop)
    with shelf.desk.ledger() as ledger, pytest.raises(interrupt):
        delete(ledger, [twin], force=False)
    assert (state(shelf, twin), twin.location.exists()) == (State.QUARANTINED, True)


def test_where_the_disk_refused_once_another_try_goes_on_with_what_was_spared(
    shelf: Shelf, twin: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, remove = list[str](), files.Emptied.delete

    def refuse_once(emptied: files.Emptied, name: str, capture: Capture) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise BROKEN
        remove(emptied, name, capture)

    class Once(NoPatience):
        def wait(self, fault: FaultError) -> None:
            assert "I/O error" in str(fault)

    monkeypatch.setattr(files.Emptied, "delete", refuse_once)
    with shelf.desk.ledger() as ledger:
        ledger.patience = Once()
        (outcome,) = delete(ledger, [twin], force=False)
    assert outcome.refusal == ""
    assert (state(shelf, twin), twin.location.exists()) == (State.PURGED, False)


def test_what_somebody_else_has_moved_meanwhile_is_left_to_them(shelf: Shelf, twin: Candidate) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.intend(twin.entry, Move(twin.entry.verdict.capture.path, State.RESTORED))
        assert delete(ledger, [twin], force=True) == []
    assert twin.location.exists()
