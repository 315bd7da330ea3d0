"""What comes into a root and is known by its bytes is what it was, whoever brought it and whatever its times say."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.desk import CONTENT, Shelf, digested, land
from tests.pictures import chunk, screen
from watcher.errors import FaultError, NearestGoneError
from watcher.keep.homecoming import Met
from watcher.model.entry import Entry, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict

LATER = 1_999_999_999_000_000_000


@pytest.fixture
def shelf(shelf: Shelf) -> Shelf:
    shelf.takes_digests = True
    with shelf.desk.ledger() as ledger:
        ledger.see_mirror(shelf.desk.root, shelf.desk.quarantine, "")
    return shelf


@pytest.fixture
def kept(shelf: Shelf) -> Entry:
    return shelf.keep(0)


@pytest.fixture
def twin(shelf: Shelf, kept: Entry) -> Entry:
    (entry,) = shelf.twins(range(1, 2), kept)
    return entry


def met(shelf: Shelf, path: Path) -> Met | None:
    with shelf.at_work() as (_, custody):
        return custody.meet(digested(path))


def now(shelf: Shelf, entry: Entry) -> tuple[State, Path]:
    with shelf.desk.ledger() as ledger:
        assert len(ledger.about(entry.verdict.capture.path)) == 1
        found = ledger.entry(entry.id)
        status = found.location.stat()
        key = os.fsencode(found.location.name), status.st_size, status.st_mtime_ns
        is_passed_over = key in ledger.known(found.location.parent)
    assert is_passed_over == found.location.is_relative_to(shelf.desk.root)
    assert digested(found.location).digest == entry.verdict.capture.digest
    return found.state, found.location


def home(entry: Entry) -> Path:
    return entry.verdict.capture.path


def refusing(code: int) -> Callable[..., None]:
    """A door that the system keeps shut."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


def test_a_new_picture_is_to_be_judged(shelf: Shelf, kept: Entry) -> None:
    assert met(shelf, shelf.desk.put(5, screen(5))) is None
    assert met(shelf, shelf.desk.put(6, CONTENT)) is None, "the same bytes at another time are another picture"
    assert shelf.state(kept) is State.KEPT


def test_other_times_make_no_other_picture(shelf: Shelf, kept: Entry) -> None:
    os.utime(kept.location, ns=(1, LATER))
    assert met(shelf, kept.location) == Met(digested(kept.location))
    assert now(shelf, kept) == (State.KEPT, home(kept))


def test_a_duplicate_that_a_tool_has_copied_back_goes_out_again(shelf: Shelf, twin: Entry) -> None:
    shutil.copy(twin.location, home(twin))
    os.utime(home(twin), ns=(1, LATER))
    found = met(shelf, home(twin))
    assert found is not None
    assert "came back" in found.said
    assert not home(twin).exists()
    assert now(shelf, twin) == (State.QUARANTINED, twin.location)


@pytest.mark.parametrize("door", ["watcher.disk.names.Name.unlink", "watcher.keep.proof.check_whole"])
def test_one_that_cannot_be_put_aside_again_or_compared_ends_no_run(
    shelf: Shelf, twin: Entry, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    shutil.copy2(twin.location, home(twin))
    with monkeypatch.context() as shut:
        shut.setattr(door, refusing(errno.EACCES))
        text = shelf.run("sweep")
        assert f"{home(twin).name} is left alone: " in text
        assert "Permission denied" in text
    assert home(twin).exists()
    assert twin.location.exists()
    assert "came back, and its picture is in quarantine" in shelf.run("sweep")
    assert (home(twin).exists(), now(shelf, twin)) == (False, (State.QUARANTINED, twin.location))


def test_a_fault_of_the_disk_while_it_is_compared_is_one_to_wait_for(
    shelf: Shelf, twin: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy2(twin.location, home(twin))
    monkeypatch.setattr("watcher.keep.proof.check_whole", refusing(errno.EIO))
    with pytest.raises(FaultError, match="Input/output error"):
        met(shelf, home(twin))


def test_what_was_purged_and_lies_there_unreadable_holds_up_no_start(
    shelf: Shelf, twin: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "1 file" in shelf.run("purge", "--yes")
    land(twin.location, CONTENT)
    monkeypatch.setattr("watcher.keep.proof.check_whole", refusing(errno.EACCES))
    with shelf.at_work() as (_, custody):
        assert custody.recover() == []
    assert shelf.state(twin) is State.PURGED


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"rotten")])
def test_one_that_the_quarantine_has_no_longer_was_brought_back_and_stays(
    shelf: Shelf, twin: Entry, harm: object
) -> None:
    shutil.copy(twin.location, home(twin))
    harm(twin.location)  # type: ignore[operator]
    found = met(shelf, home(twin))
    assert found is not None
    assert "was brought back, and stays" in found.said
    assert now(shelf, twin) == (State.RESTORED, home(twin))


def test_while_the_disk_of_the_quarantine_is_away_nobody_can_know(shelf: Shelf, twin: Entry) -> None:
    shutil.copy(twin.location, home(twin))
    shelf.desk.quarantine.rename(shelf.desk.base / "away")
    with shelf.desk.ledger() as ledger:
        ledger.see_mirror(shelf.desk.root, shelf.desk.quarantine, "another disk")
    with pytest.raises(FaultError, match="its disk is not mounted"):
        met(shelf, home(twin))
    assert shelf.state(twin) is State.QUARANTINED
    assert home(twin).exists()


def test_one_that_was_purged_and_is_back_from_a_backup_stays(shelf: Shelf, twin: Entry) -> None:
    shutil.copy2(twin.location, shelf.desk.base / "backup.png")
    shelf.run("purge", "--yes")
    shutil.copy2(shelf.desk.base / "backup.png", home(twin))
    met(shelf, home(twin))
    assert now(shelf, twin) == (State.RESTORED, home(twin))


@pytest.mark.parametrize("is_restored", [False, True])
def test_a_picture_that_was_away_and_is_back_is_what_it_was(
    shelf: Shelf, kept: Entry, twin: Entry, is_restored: bool
) -> None:
    entry = twin if is_restored else kept
    if is_restored:
        shelf.run("restore", home(twin))
    home(entry).rename(shelf.desk.base / "away.png")
    with shelf.desk.ledger() as ledger:
        ledger.lose(ledger.entry(entry.id))
    assert shelf.state(entry) is State.MISSING
    land(home(entry), (shelf.desk.base / "away.png").read_bytes(), LATER)
    found = met(shelf, home(entry))
    assert found is not None
    assert "is back" in found.said
    assert now(shelf, entry) == (State.RESTORED if is_restored else State.KEPT, home(entry))
    if not is_restored:
        shelf.run("purge", "--yes")
        assert shelf.state(twin) is State.PURGED


@pytest.mark.parametrize("which", ["kept", "restored", "dragged"])
def test_a_picture_with_another_name_is_the_same_picture(shelf: Shelf, kept: Entry, twin: Entry, which: str) -> None:
    entry, new = kept if which == "kept" else twin, shelf.desk.root / "holiday" / "invoice_1.png"
    new.parent.mkdir()
    if which == "restored":
        shelf.run("restore", home(twin))
    (twin.location if which == "dragged" else home(entry)).rename(new)
    met(shelf, new)
    with shelf.desk.ledger() as ledger:
        found = ledger.entry(entry.id)
        assert ledger.at_home(new) == [found]
    assert (found.location, found.verdict.capture.path) == (new, new)
    assert found.state is (State.KEPT if which == "kept" else State.RESTORED)


def test_what_a_person_has_drawn_into_is_theirs(shelf: Shelf, kept: Entry, twin: Entry) -> None:
    shelf.run("restore", home(twin))
    home(twin).write_bytes(screen(7))
    assert met(shelf, home(twin)) is None
    (drawn,) = shelf.record([home(twin)], Kind.DUPLICATE, kept)
    assert (drawn.state, drawn.location) == (State.RESTORED, home(twin))
    assert "by hand" in drawn.note
    assert shelf.state(twin) is State.MISSING
    shelf.run("sweep", "--again", "--restored", "--duplicate", 0.5, "--similar", 0.4)
    assert home(twin).read_bytes() == screen(7), "never moved, whatever is asked for"


@pytest.mark.parametrize("has_same_pixels", [True, False])
def test_an_optimiser_leaves_the_same_screen(shelf: Shelf, kept: Entry, twin: Entry, has_same_pixels: bool) -> None:
    path = kept.location
    frame = KeptFrame(kept.verdict.capture, 9, 9, b"s", checksum=123)
    with shelf.at_work() as (ledger, custody):
        ledger.renew(frame)
        path.write_bytes(screen(0))
        again = digested(path)
        assert custody.meet(again) is None
        shown = replace(frame, capture=again, checksum=123 if has_same_pixels else 124)
        assert custody.rewritten(again, lambda: shown) == has_same_pixels
        assert custody.rewritten(again, lambda: None) is False
    if has_same_pixels:
        with shelf.desk.ledger() as ledger:
            assert ledger.entry(kept.id).verdict.capture.digest == again.digest
            assert ledger.frames(Timeline(shelf.desk.root), 9)[0].capture.identity == again.identity
        shelf.run("purge", "--yes")
        assert shelf.state(twin) is State.PURGED


def test_what_is_found_missing_while_its_disk_is_away_is_not_lost(shelf: Shelf, kept: Entry) -> None:
    shelf.desk.root.rename(shelf.desk.base / "away")
    with shelf.at_work() as (_, custody):
        with pytest.raises(FaultError, match="is not there"):
            custody.note(Changes((kept.verdict.capture,)))
        (shelf.desk.base / "away").rename(shelf.desk.root)
        kept.location.write_bytes(bytes(kept.verdict.capture.size))
        custody.note(Changes((kept.verdict.capture,)))
    assert shelf.state(kept) is State.MISSING


def test_what_was_brought_back_when_no_ledger_knew_it_is_known_by_its_path(shelf: Shelf, twin: Entry) -> None:
    shutil.rmtree(shelf.desk.state)
    shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    os.utime(home(twin), ns=(1, LATER))
    assert met(shelf, home(twin)) == Met(digested(home(twin)))
    home(twin).write_bytes(screen(7))
    assert met(shelf, home(twin)) == Met(digested(home(twin)))


def test_what_is_left_to_sweep_is_left_to_it_whatever_its_time_says(shelf: Shelf) -> None:
    left = shelf.desk.put(3, screen(3))
    with shelf.desk.ledger() as ledger:
        ledger.leave_to_sweep(shelf.desk.root, [digested(left)])
    os.utime(left, ns=(1, LATER))
    assert met(shelf, left) == Met(digested(left))
    with shelf.desk.ledger() as ledger:
        assert (os.fsencode(left.name), left.stat().st_size, LATER) in ledger.left_to_sweep(left.parent)


def test_a_verdict_on_what_has_gone_meanwhile_is_not_written_down(shelf: Shelf) -> None:
    path = shelf.desk.put(4, screen(4))
    verdict = Verdict(digested(path), Kind.NEW, NOTHING_TO_COMPARE, Policy())
    path.unlink()
    with shelf.at_work() as (ledger, custody):
        with pytest.raises(Exception, match="no longer there"):
            custody.carry_out(verdict, KeptFrame(verdict.capture, 9, 9, b"s"))
        assert ledger.about(path) == []


def test_a_picture_with_another_name_is_known_though_something_else_is_in_its_place(shelf: Shelf, twin: Entry) -> None:
    shelf.run("restore", home(twin))
    new = home(twin).rename(home(twin).with_name("invoice_1.png"))
    land(home(twin), screen(8))
    assert met(shelf, new) == Met(digested(new))
    with shelf.desk.ledger() as ledger:
        assert (ledger.entry(twin.id).state, ledger.entry(twin.id).location) == (State.RESTORED, new)


def older(shelf: Shelf, *entries: Entry) -> None:
    """As framesift 0.1 has left these: it took no digests."""
    with shelf.desk.ledger() as ledger:
        for entry in entries:
            ledger.rows("UPDATE picture SET digest = NULL WHERE id = ?", [entry.id])


def same_size(content: bytes, size: int) -> bytes:
    """A PNG of that size."""
    return content[:33] + chunk(b"tEXt", b"x\0" + b"y" * (size - len(content) - 14)) + content[33:]


def test_what_an_older_framesift_judged_is_not_believed_by_its_size_alone(shelf: Shelf, kept: Entry) -> None:
    size = len(CONTENT) + 2000
    path = shelf.desk.put(5, same_size(CONTENT, size))
    (one,) = shelf.record([path], Kind.NEW)
    (aside,) = shelf.record([shelf.desk.put(6, same_size(CONTENT, size))], Kind.DUPLICATE, one)
    older(shelf, one, aside)
    for place in (path, home(aside)):
        place.write_bytes(same_size(screen(9), size))
        assert met(shelf, place) is None, "it is judged, as a person's work"
    with shelf.desk.ledger() as ledger:
        assert (ledger.entry(one.id).verdict.capture.digest, ledger.entry(aside.id).state) == (b"", State.QUARANTINED)
    shutil.copy(aside.location, home(aside))
    assert met(shelf, home(aside)) is not None, "its picture in quarantine has these very bytes"
    assert not home(aside).exists()
    assert kept.location.exists()


def test_a_settled_picture_that_was_renamed_takes_its_rest_with_it_and_no_other_capture(shelf: Shelf) -> None:
    path = shelf.desk.put(3, screen(3))
    with shelf.desk.ledger() as ledger:
        ledger.settle(shelf.desk.root, digested(path))
    renamed = path.rename(shelf.desk.path(4))
    later = [shelf.desk.put(tick, screen(3)) for tick in (5, 6)]
    assert met(shelf, renamed) == Met(digested(renamed))
    assert [met(shelf, one) for one in later] == [None, None]
    assert met(shelf, renamed) == Met(digested(renamed))


def test_no_row_is_given_the_file_of_another(shelf: Shelf, kept: Entry, twin: Entry) -> None:
    """As by a hook with one folder for all: what was purged was at a place where another picture is now."""
    shelf.run("purge", "--yes")
    with shelf.desk.ledger() as ledger:
        twin.location.parent.mkdir(parents=True)
        shutil.copy2(kept.location, twin.location)
        kept.location.unlink()
        ledger.rows(
            "UPDATE picture SET state = 'quarantined', mirror_id = 1, location = (SELECT location FROM picture"
            " WHERE id = ?) WHERE id = ?",
            [twin.id, kept.id],
        )
        assert ledger.entry(kept.id).location == twin.location
    home(twin).write_bytes(b"something else")
    shelf.run("restore", home(twin), code=1)
    with shelf.desk.ledger() as ledger:
        assert ledger.entry(twin.id).state is State.PURGED
        ledger.rows("UPDATE picture SET state = 'quarantined' WHERE id = ?", [twin.id])
    text = shelf.run("purge", "--yes")
    assert "it is the kept picture of its screen itself" in text
    assert twin.location.exists()


def test_no_duplicate_leaves_when_its_kept_picture_has_gone_since_it_was_judged(shelf: Shelf, kept: Entry) -> None:
    path = shelf.desk.put(4, CONTENT)
    score = Score(kept.verdict.capture, 1.0, exact=True, worst_tile=1.0)
    verdict = Verdict(digested(path), Kind.DUPLICATE, score, Policy())
    kept.location.unlink()
    with shelf.at_work() as (ledger, custody):
        with pytest.raises(NearestGoneError, match="is no longer kept"):
            custody.carry_out(verdict, None)
        assert ledger.about(path) == []
    assert path.exists()


def test_two_entries_of_an_older_framesift_on_one_file_end_no_purge(shelf: Shelf, kept: Entry) -> None:
    """It knew a file by its times: after summer time had come it judged one once more."""
    with shelf.desk.ledger() as ledger:
        columns = ", ".join(row["name"] for row in ledger.rows("PRAGMA table_info(picture)") if row["name"] != "id")
        doubled = columns.replace("digest", "NULL").replace("mtime_ns", "mtime_ns + 1")
        ledger.rows(f"INSERT INTO picture ({columns}) SELECT {doubled} FROM picture WHERE id = ?", [kept.id])  # noqa: S608
        double = ledger.entry(kept.id + 1)
        ledger.learn(double, replace(double.verdict.capture, digest=kept.verdict.capture.digest))
        assert [ledger.entry(one).verdict.capture.digest for one in (kept.id, double.id)] == [
            kept.verdict.capture.digest,
            b"",
        ]
