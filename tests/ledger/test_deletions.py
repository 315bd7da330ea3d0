"""What the ledger says of a deletion: another process's work on an entry is left as it is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.desk import START
from watcher.ledger import deletions
from watcher.ledger.deletions import Candidate, candidates, end_deletion, is_known, mark_for_deletion, still_marked
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


def found(ledger: Ledger, entry: Entry) -> Candidate:
    return next(one for some in candidates(ledger, ROOT) for one in some if one.number == entry.id)


def restoring(ledger: Ledger, entry: Entry) -> Entry:
    return ledger.intend(entry, Move(entry.verdict.capture.path, State.RESTORED))


def test_only_what_lies_in_quarantine_is_marked(ledger: Ledger) -> None:
    stays, free, other, moving = kept(ledger), twin(ledger, 1), twin(ledger, 2), twin(ledger, 3)
    moving = restoring(ledger, moving)
    restored = ledger.confirm(restoring(ledger, twin(ledger, 4)))
    known = found(ledger, free)
    wanted = [replace(known, number=one.id, recorded_at=one.recorded_at) for one in (stays, free, moving, restored)]
    assert mark_for_deletion(ledger, [*wanted, replace(known, number=99)]) == [known]
    assert [ledger.entry(one.id) for one in (stays, other, moving, restored)] == [stays, other, moving, restored]
    marked = ledger.entry(free.id)
    assert (marked.state, marked.becomes, marked.target) == (State.MOVING, State.PURGED, free.location)
    assert mark_for_deletion(ledger, [known]) == [], "it is somebody's already"


@pytest.mark.parametrize("ssim", [0.5, 0.97, 1.0])
def test_what_has_been_judged_anew_since_it_was_read_is_not_marked(ledger: Ledger, ssim: float) -> None:
    """Even as a duplicate it is another one: how old it is, and what proves it, is to be asked anew."""
    kept(ledger)
    entry = twin(ledger, 1)
    read = found(ledger, entry)
    verdict = decide(capture(1), Score(capture(0), ssim, exact=True, worst_tile=1.0), Policy())
    anew = ledger.record(Timeline(ROOT, "again", 1), verdict, None, None)
    assert anew.state is State.QUARANTINED
    assert mark_for_deletion(ledger, [read]) == []
    assert ledger.entry(entry.id) == anew


def test_what_is_marked_has_the_proof_of_now(ledger: Ledger) -> None:
    stays = kept(ledger)
    read = found(ledger, twin(ledger, 1))
    ledger.lose(stays.verdict.capture)
    (marked,) = mark_for_deletion(ledger, [read])
    assert read.proof is not None
    assert marked.proof is None


def test_the_end_of_a_deletion_is_written_to_what_was_marked(ledger: Ledger) -> None:
    kept(ledger)
    gone, stays = twin(ledger, 1), twin(ledger, 2)
    mark_for_deletion(ledger, [found(ledger, one) for one in (gone, stays)])
    end_deletion(ledger, [gone.id], [stays.id], PURGED)
    gone, stays = ledger.entry(gone.id), ledger.entry(stays.id)
    assert (gone.state, gone.target, gone.becomes, gone.note) == (State.PURGED, None, None, PURGED)
    assert (stays.state, stays.target, stays.becomes, stays.note) == (State.QUARANTINED, None, None, "")


def test_a_mark_that_another_process_has_finished_or_taken_back_is_none(ledger: Ledger) -> None:
    kept(ledger)
    gone, back, ours = (found(ledger, twin(ledger, number)) for number in (1, 2, 3))
    stray = replace(ours, number=0)
    mark_for_deletion(ledger, [gone, back, ours])
    end_deletion(ledger, [gone.number], [back.number], PURGED)
    assert still_marked(ledger, [gone, back, ours, stray]) == [ours, stray]


def test_what_another_process_has_ended_or_taken_back_meanwhile_is_left_to_it(ledger: Ledger) -> None:
    stays = kept(ledger)
    quarantined, moving = twin(ledger, 1), restoring(ledger, twin(ledger, 2))
    restored = ledger.confirm(restoring(ledger, twin(ledger, 3)))
    left = [stays, quarantined, moving, restored]
    numbers = [one.id for one in left]
    end_deletion(ledger, numbers, [], PURGED)
    end_deletion(ledger, [], numbers, PURGED)
    assert [ledger.entry(number) for number in numbers] == left


def test_the_candidates_are_the_quarantined_ones_in_the_order_in_which_they_were_judged(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "BATCH", 2)
    stays, twins = kept(ledger), [twin(ledger, number) for number in range(1, 6)]
    restoring(ledger, twins[1])
    batches = list(candidates(ledger, ROOT))
    assert [[one.number for one in batch] for batch in batches] == [
        [twins[0].id, twins[2].id],
        [twins[3].id, twins[4].id],
    ]
    proof = batches[0][0].proof
    assert proof is not None
    assert (proof.location, proof.capture) == (stays.location, stays.verdict.capture)
    assert list(candidates(ledger, Path("/another"))) == []


def test_a_picture_is_known_where_it_lies_and_where_it_is_on_its_way_to(ledger: Ledger) -> None:
    stays = kept(ledger)
    away = Path("/away/f0_1.png")
    assert not is_known(ledger, away)
    moving = ledger.intend(stays, Move(away, State.QUARANTINED))
    assert is_known(ledger, stays.location)
    assert is_known(ledger, away)
    ledger.give_up(moving, State.KEPT, "")
    assert not is_known(ledger, away)
