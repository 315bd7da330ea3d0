"""What the ledger says of a deletion: another process's work on an entry is left as it is."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.desk import START, on_its_way
from watcher.ledger import deletions
from watcher.ledger.deletions import candidate, candidates, condemn, end_deletion
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Move, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Policy, Score, decide

ROOT, QUARANTINE = Path("/screens"), Path("/quarantine")
PURGED = "was purged"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.copy(Path("/nowhere")) as ledger:
        ledger.adopt(ROOT, [])
        yield ledger


def capture(number: int) -> Capture:
    return Capture(ROOT / f"f{number}_1.png", 1, START + timedelta(minutes=number), 100, number)


def kept(ledger: Ledger) -> Entry:
    frame = KeptFrame(capture(0), 40, 48, b"s")
    return ledger.record(Timeline(ROOT), decide(frame.capture, NOTHING_TO_COMPARE, Policy()), frame, None)


def twin(ledger: Ledger, number: int) -> Entry:
    """A duplicate of what was kept, in quarantine."""
    one = capture(number)
    verdict = decide(one, Score(capture(0), 1.0, exact=True, worst_tile=1.0), Policy())
    move = Move(QUARANTINE / one.path.name, State.QUARANTINED)
    return ledger.confirm(ledger.record(Timeline(ROOT), verdict, None, move))


def restoring(ledger: Ledger, entry: Entry) -> Entry:
    return ledger.intend(entry, Move(entry.verdict.capture.path, State.RESTORED))


def test_only_what_lies_in_quarantine_is_condemned(ledger: Ledger) -> None:
    stays, free, other, moving = kept(ledger), twin(ledger, 1), twin(ledger, 2), twin(ledger, 3)
    moving = restoring(ledger, moving)
    restored = ledger.confirm(restoring(ledger, twin(ledger, 4)))
    (marked,) = condemn(ledger, [stays, free, moving, restored])
    assert [ledger.entry(one.id) for one in (stays, other, moving, restored)] == [stays, other, moving, restored]
    assert (marked.id, marked.state, marked.becomes) == (free.id, State.MOVING, State.PURGED)
    assert marked.target == marked.location == free.location
    assert condemn(ledger, [free]) == condemn(ledger, [marked]) == [], "it is somebody's already"


@pytest.mark.parametrize("ssim", [0.5, 0.97, 1.0])
def test_what_has_been_judged_anew_since_it_was_read_is_not_condemned(ledger: Ledger, ssim: float) -> None:
    """Even as a duplicate it is another one: what proves it is to be asked anew."""
    kept(ledger)
    entry = twin(ledger, 1)
    verdict = decide(capture(1), Score(capture(0), ssim, exact=True, worst_tile=1.0), Policy())
    anew = ledger.record(Timeline(ROOT, "again", 1), verdict, None, None, entry)
    assert anew.state is State.QUARANTINED
    assert condemn(ledger, [entry]) == []
    assert ledger.entry(entry.id) == anew


def test_a_candidate_has_the_proof_of_now(ledger: Ledger) -> None:
    stays = kept(ledger)
    entry = twin(ledger, 1)
    before = candidate(ledger, entry.id)
    ledger.lose(stays)
    after = candidate(ledger, entry.id)
    assert before is not None
    assert before.proof == stays
    assert after is not None
    assert after.proof is None
    assert candidate(ledger, stays.id) is None
    assert candidate(ledger, restoring(ledger, entry).id) is None


def test_the_end_of_a_deletion_is_written_to_what_was_condemned(ledger: Ledger) -> None:
    kept(ledger)
    gone, stays = condemn(ledger, [twin(ledger, 1), twin(ledger, 2)])
    end_deletion(ledger, [(gone, True), (stays, False)], PURGED)
    gone, stays = ledger.entry(gone.id), ledger.entry(stays.id)
    assert (gone.state, gone.target, gone.becomes, gone.note) == (State.PURGED, None, None, PURGED)
    assert (stays.state, stays.target, stays.becomes, stays.note) == (State.QUARANTINED, None, None, "")


@pytest.mark.parametrize("is_gone", [True, False])
def test_what_was_not_condemned_or_is_ended_already_has_no_end(ledger: Ledger, is_gone: bool) -> None:
    stays = kept(ledger)
    quarantined, moving = twin(ledger, 1), restoring(ledger, twin(ledger, 2))
    (ended,) = condemn(ledger, [twin(ledger, 3)])
    end_deletion(ledger, [(ended, not is_gone)], PURGED)
    left = [ledger.entry(one.id) for one in (stays, quarantined, moving, ended)]
    end_deletion(ledger, [(one, is_gone) for one in (*left, ended)], PURGED)
    assert [ledger.entry(one.id) for one in left] == left


def test_the_candidates_are_the_quarantined_ones_in_the_order_in_which_they_were_quarantined(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "BATCH", 2)
    stays, twins = kept(ledger), [twin(ledger, number) for number in range(1, 6)]
    restoring(ledger, twins[1])
    ledger.rows("UPDATE picture SET aside_day = 1 WHERE id = ?", [twins[0].id])
    batches = list(candidates(ledger, ROOT))
    assert [[one.entry.id for one in batch] for batch in batches] == [
        [twins[2].id, twins[3].id],
        [twins[4].id, twins[0].id],
    ]
    assert batches[0][0].proof == stays
    assert list(candidates(ledger, Path("/another"))) == []


def test_a_picture_is_known_where_it_lies_and_where_it_is_on_its_way_to(ledger: Ledger) -> None:
    stays = kept(ledger)
    away = Path("/away/f0_1.png")
    assert not ledger.is_known(away)
    moving = on_its_way(ledger, stays, away, State.QUARANTINED)
    assert ledger.is_known(stays.location)
    assert ledger.is_known(away)
    ledger.give_up(moving, State.KEPT, "")
    assert not ledger.is_known(away)
