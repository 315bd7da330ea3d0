"""Purging: what is proven superfluous goes for good, and nothing else does."""

import json
import os
import shutil
import stat
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.desk import CONTENT, SIZE, Shelf, capture_of, facts, on_its_way
from watcher.disk import files
from watcher.disk.mirror import Amount, held, mark, mark_anew
from watcher.health.heartbeat import Heartbeat
from watcher.keep.restoring import restore
from watcher.model.entry import Entry, State
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Kind, Policy, Score, Verdict


def test_what_is_proven_goes_and_the_picture_it_shows_stays(shelf: Shelf) -> None:
    kept = shelf.keep(0)
    before = facts(kept.location)
    twins = shelf.twins(range(1, 4), kept)
    text = shelf.run("purge", "--yes")
    assert f"3 files, {3 * SIZE / 1000:.1f} kB purged" in text
    assert f"held 3 files, {3 * SIZE / 1000:.1f} kB, now 0 files, 0 bytes" in text
    assert [shelf.state(twin) for twin in twins] == [State.PURGED] * 3
    assert facts(kept.location) == before
    assert [path.name for path in shelf.desk.quarantine.iterdir()] == [".framesift"], "empty folders are gone"
    assert "0 files, 0 bytes purged" in shelf.run("purge", "--yes")


def test_a_dry_run_lists_and_changes_nothing(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 3), shelf.keep(0))
    text = shelf.run("purge", "--dry-run")
    for twin in twins:
        assert f"would delete {twin.location}" in text
        assert twin.location.exists()
        assert shelf.state(twin) is State.QUARANTINED
    assert "would be purged" in text
    report = json.loads(shelf.run("purge", "--dry-run", "--json"))
    assert report["paths"] == [str(twin.location) for twin in twins]
    assert report["purged"] == report["before"] == {"files": 2, "bytes": 2 * SIZE}
    assert report["after"] == {"files": 0, "bytes": 0}


def _linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _lost(shelf: Shelf, kept: Entry) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.lose(kept)


def _moving(shelf: Shelf, kept: Entry) -> None:
    with shelf.desk.ledger() as ledger:
        on_its_way(ledger, kept, shelf.desk.base / "there", State.QUARANTINED)


def _duplicate(shelf: Shelf, kept: Entry) -> None:
    with shelf.desk.ledger() as ledger:
        ledger.rows("UPDATE picture SET kind = 'duplicate' WHERE id = ?", [kept.id])


Spoil = Callable[[Shelf, Entry], object]

UNPROVEN: dict[str, tuple[str, Spoil]] = {
    "gone": ("is gone or was changed", lambda _, kept: kept.location.unlink()),
    "changed": ("is damaged", lambda _, kept: kept.location.write_bytes(b"x")),
    "touched": ("is gone or was changed", lambda _, kept: os.utime(kept.location)),
    "a link": ("is gone or was changed", lambda _, kept: _linked(kept.location)),
    "lost": ("is not kept", _lost),
    "moving": ("is not kept", _moving),
    "a quarantined duplicate": ("is not kept", _duplicate),
}


@pytest.mark.parametrize(("reason", "spoil"), UNPROVEN.values(), ids=UNPROVEN)
def test_what_is_not_proven_is_refused_unless_forced(shelf: Shelf, reason: str, spoil: Spoil) -> None:
    kept = shelf.keep(0)
    (twin,) = shelf.twins(range(1, 2), kept)
    spoil(shelf, kept)
    text = shelf.run("purge", "--yes")
    assert "1 refused: 1 " in text
    assert reason in text
    assert twin.location.exists()
    assert shelf.state(twin) is State.QUARANTINED
    shelf.run("purge", "--yes", "--force")
    assert not twin.location.exists()
    assert shelf.state(twin) is State.PURGED


def test_a_proof_that_is_lost_while_purging_is_no_proof(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kept picture goes between survey and deletion; it is looked at right before."""
    kept = shelf.keep(0)
    (twin,) = shelf.twins(range(1, 2), kept)
    monkeypatch.setattr("sys.stdin", _Answer(kept.location.unlink))
    assert "not all could be deleted: 1 refused: 1 the picture" in shelf.run("purge", code=1)
    assert twin.location.exists()
    assert shelf.state(twin) is State.QUARANTINED


class _Answer:
    """Someone at a terminal who does something and then says yes."""

    def __init__(self, action: Callable[[], object], word: str = "y") -> None:
        self._action, self._word = action, word

    def isatty(self) -> bool:
        return True

    def readline(self, _: int = -1) -> str:
        self._action()
        return f"{self._word}\n"


@pytest.mark.parametrize(("word", "goes"), [("y", True), ("n", False), ("", False)])
def test_it_asks_and_takes_nothing_for_a_no(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, word: str, goes: bool
) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    monkeypatch.setattr("sys.stdin", _Answer(lambda: None, word))
    assert "for good? [y/N]" in shelf.run("purge")
    assert twin.location.exists() is not goes


def test_what_comes_while_it_asks_is_not_deleted(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = shelf.keep(0)
    (twin,) = shelf.twins(range(1, 2), kept)
    late: list[Entry] = []
    monkeypatch.setattr("sys.stdin", _Answer(lambda: late.extend(shelf.twins(range(2, 3), kept))))
    shelf.run("purge")
    assert not twin.location.exists()
    assert late[0].location.exists()


def test_without_a_terminal_it_refuses_unless_told_yes(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    assert "nothing was purged: there is no terminal to ask at" in shelf.run("purge", code=1)
    assert twin.location.exists()


def test_changed_gone_and_linked_pictures_are_refused_even_if_forced(shelf: Shelf) -> None:
    changed, gone, linked, good = shelf.twins(range(1, 5), shelf.keep(0))
    os.utime(changed.location)
    gone.location.unlink()
    _linked(linked.location)
    report = json.loads(shelf.run("purge", "--yes", "--force", "--json"))
    assert report["refused"] == {"changed since it was judged": 2, "no longer there": 1}
    assert changed.location.exists()
    assert linked.location.is_symlink()
    assert linked.location.with_name("elsewhere").exists()
    assert shelf.state(good) is State.PURGED
    assert {shelf.state(one) for one in (changed, gone, linked)} == {State.QUARANTINED}


def test_a_folder_swapped_for_a_link_loses_nothing(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    elsewhere = shelf.desk.base / "elsewhere"
    twin.location.parent.rename(elsewhere)
    twin.location.parent.symlink_to(elsewhere)
    assert "not all could be deleted: 1 refused: 1 cannot be deleted" in shelf.run("purge", "--yes", code=1)
    assert (elsewhere / twin.location.name).exists()
    assert shelf.state(twin) is State.QUARANTINED


def test_restored_similar_and_foreign_pictures_are_never_touched(shelf: Shelf) -> None:
    shelf.set('on_similar = "set-aside"\n')
    kept = shelf.keep(0)
    similar = shelf.keep(1, Kind.SIMILAR)
    back, elsewhere = shelf.twins(range(2, 4), kept)
    with shelf.desk.ledger() as ledger:
        back = restore(ledger, back)
        target = shelf.desk.base / "elsewhere" / elsewhere.location.name
        target.parent.mkdir()
        elsewhere.location.rename(target)
        elsewhere = ledger.confirm(on_its_way(ledger, elsewhere, target, State.QUARANTINED))
    foreign = shelf.desk.quarantine / "notes.txt"
    foreign.write_text("mine")
    text = shelf.run("purge", "--yes", "--force")
    assert f"1 not in {shelf.desk.quarantine}" in text
    assert all(entry.location.exists() for entry in (kept, similar, back, elsewhere))
    assert foreign.exists()
    assert similar.location.is_relative_to(shelf.desk.base / "ScreenRecord-similar")


def test_a_similar_picture_set_aside_is_a_proof_where_it_is(shelf: Shelf) -> None:
    shelf.set('on_similar = "set-aside"\n')
    similar = shelf.keep(0, Kind.SIMILAR)
    one, other = shelf.twins(range(1, 3), similar)
    shelf.recorded(one, 9)
    shelf.run("purge", "--yes", "--older-than", "3d")
    assert (shelf.state(one), shelf.state(other)) == (State.PURGED, State.QUARANTINED)
    similar.location.unlink()
    assert "1 refused" in shelf.run("purge", "--yes")


def test_a_picture_that_no_ledger_knows_goes_by_force_alone(shelf: Shelf) -> None:
    shelf.twins(range(1, 2), shelf.keep(0))
    stray = shelf.desk.quarantine / "2019-01" / "2019-01-01_09.00.00_1.png"
    numbered = stray.with_name(f"{stray.name}.~1~")
    hidden, link = stray.with_name(f".{stray.name}"), stray.with_name("link_1.png")
    stray.parent.mkdir()
    for path in (stray, numbered, hidden):
        path.write_bytes(CONTENT)
    link.symlink_to(stray)
    shelf.run("purge", "--yes")
    assert stray.exists()
    report = json.loads(shelf.run("purge", "--yes", "--force", "--json"))
    assert report["purged"] == {"files": 2, "bytes": 2 * SIZE}
    assert [path.exists() for path in (stray, numbered, hidden)] == [False, False, True]
    assert link.is_symlink()


def test_the_age_is_that_of_the_ledger(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 4), shelf.keep(0))
    for twin, days in zip(twins, (40, 31, 29), strict=True):
        shelf.recorded(twin, days)
    shelf.run("purge", "--yes", "--older-than", "30d")
    assert [shelf.state(twin) for twin in twins] == [State.PURGED, State.PURGED, State.QUARANTINED]


def test_the_oldest_go_until_the_quarantine_is_small_enough(shelf: Shelf) -> None:
    kept, other = shelf.keep(0), shelf.keep(1)
    twins = shelf.twins(range(2, 4), kept) + shelf.twins(range(4, 5), other) + shelf.twins(range(5, 8), kept)
    other.location.unlink()
    text = shelf.run("purge", "--yes", "--keep-under", f"{3 * SIZE + 1} B")
    assert [shelf.state(twin) is State.PURGED for twin in twins] == [True, True, False, True, False, False]
    assert "1 refused" in text
    assert held(shelf.desk.quarantine) == Amount(3, 3 * SIZE)


def test_each_limit_holds_for_itself(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 5), shelf.keep(0))
    shelf.recorded(twins[2], 40)
    shelf.run("purge", "--yes", "--older-than", "30d", "--keep-under", f"{3 * SIZE + 1} B")
    assert [shelf.state(twin) is State.PURGED for twin in twins] == [True, False, True, False]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--older-than", "soon"),
        ("--older-than", ""),  # as of a variable in a script that is not set
        ("--keep-under", "little"),
        ("--keep-under", "-1 GB"),
        ("--keep-under", ""),
    ],
    ids=" ".join,
)
def test_nonsense_is_wrong_usage(shelf: Shelf, arguments: tuple[str, str]) -> None:
    assert "is not a" in shelf.run("purge", *arguments, code=2)


def test_strays_in_a_folder_that_is_marked_for_another_root_stay(shelf: Shelf) -> None:
    stray = shelf.desk.quarantine / "2019-01-01_09.00.00_1.png"
    stray.write_bytes(CONTENT)
    mark_anew(shelf.desk.quarantine, shelf.desk.base / "other")
    shelf.run("purge", "--yes", "--force")
    assert stray.exists()


def test_the_quarantine_is_that_of_the_watcher_that_ran(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 3), shelf.keep(0))
    with shelf.desk.ledger() as ledger:
        other = shelf.desk.base / "its-own" / twins[0].location.name
        other.parent.mkdir()
        twins[0].location.rename(other)
        ledger.confirm(on_its_way(ledger, twins[0], other, State.QUARANTINED))
        ledger.write_heartbeat(shelf.desk.root, Heartbeat(at="2026", quarantine=str(other.parent)))
    assert f"1 not in {other.parent}" in shelf.run("purge", "--yes")
    assert [shelf.state(twin) for twin in twins] == [State.PURGED, State.QUARANTINED]


def test_a_root_can_be_named(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    (shelf.desk.base / "other").mkdir()
    shelf.run("purge", shelf.desk.base / "other", "--yes")
    assert twin.location.exists()
    shelf.run("purge", shelf.desk.root, "--yes")
    assert not twin.location.exists()


def test_a_folder_that_may_not_be_changed_is_told_and_nothing_is_lost(shelf: Shelf) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to root")
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    twin.location.parent.chmod(0o500)
    assert "cannot be deleted: Permission denied" in shelf.run("purge", "--yes", code=1)
    assert shelf.state(twin) is State.QUARANTINED
    twin.location.parent.chmod(0o700)


# Crashes and other processes; each of these is what a kill, or a race, leaves behind.


def intended(shelf: Shelf, twin: Entry) -> None:
    with shelf.desk.ledger() as ledger:
        assert on_its_way(ledger, twin, twin.location, State.PURGED).state is State.MOVING


def test_killed_after_the_intent_a_start_deletes_nothing(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    intended(shelf, twin)
    with shelf.at_work() as (_, custody):
        assert [entry.state for entry in custody.recover()] == [State.QUARANTINED]
    assert twin.location.exists()


def test_killed_after_the_intent_a_purge_deletes_only_what_it_has_told_of(shelf: Shelf) -> None:
    first, second = shelf.twins(range(1, 3), shelf.keep(0))
    intended(shelf, first)
    shelf.run("purge", "--yes")
    assert [shelf.state(twin) for twin in (first, second)] == [State.QUARANTINED, State.PURGED]
    assert first.location.exists()
    shelf.run("purge", "--yes")
    assert shelf.state(first) is State.PURGED


def test_killed_after_deleting_the_next_start_or_purge_confirms(shelf: Shelf) -> None:
    first, second = shelf.twins(range(1, 3), shelf.keep(0))
    for twin in (first, second):
        intended(shelf, twin)
        twin.location.unlink()
        if twin is first:
            with shelf.at_work() as (_, custody):
                assert [entry.state for entry in custody.recover()] == [State.PURGED]
        else:
            assert "0 files, 0 bytes purged" in shelf.run("purge", "--yes")
        assert shelf.state(twin) is State.PURGED


def test_after_a_kill_a_picture_whose_folder_is_not_there_is_not_said_to_be_deleted(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    intended(shelf, twin)
    shelf.desk.quarantine.rename(shelf.desk.base / "unmounted")
    with shelf.at_work() as (_, custody):
        assert [entry.state for entry in custody.recover()] == [State.QUARANTINED]


def test_what_another_process_is_restoring_is_left_to_it(shelf: Shelf) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    with shelf.desk.ledger() as ledger:
        on_its_way(ledger, twin, twin.verdict.capture.path, State.RESTORED)
    shelf.run("purge", "--yes", "--force")
    assert twin.location.exists()
    with shelf.at_work() as (_, custody):
        assert [entry.state for entry in custody.recover()] == [State.RESTORED]
    assert twin.verdict.capture.path.exists()


# Restoring beside it.


def test_restore_says_what_was_purged_and_when(shelf: Shelf) -> None:
    gone, there = shelf.twins(range(1, 3), shelf.keep(0))
    shelf.recorded(gone, 9)
    shelf.run("purge", "--yes", "--older-than", "3d")
    for name in (gone.verdict.capture.path, gone.location):
        text = shelf.run("restore", name, code=1)
        assert f"{name} was purged on {datetime.now():%Y-%m-%d}" in text
    assert f"was purged on {datetime.now():%Y-%m-%d}" in shelf.run("why", gone.location)
    assert "1 restored" in shelf.run("restore", "--all", "--yes")
    assert shelf.state(there) is State.RESTORED


def whole(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below *root*: folders and links too."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[str(path.relative_to(root))] = ("link", path.readlink())
        elif path.is_dir():
            found[str(path.relative_to(root))] = ("folder", mode)
        else:
            found[str(path.relative_to(root))] = facts(path)
    return found


def furnished(shelf: Shelf) -> tuple[dict[str, tuple[object, ...]], list[Entry]]:
    """A root with links, odd modes and odd times, before its duplicates leave it; and these."""
    shelf.set('on_similar = "set-aside"\n')
    root = shelf.desk.root
    mark(root.with_name("ScreenRecord-similar"), root)
    kept = shelf.keep(0)
    ticks = range(1, 900, 300)  # on several days
    captures = [capture_of(_odd(shelf.desk.put(tick, CONTENT), tick)) for tick in [*ticks, 2000]]
    (root / "empty").mkdir()
    (root / "link_1.png").symlink_to(kept.location)
    (root / "away").symlink_to("/nowhere")
    before = whole(root)
    score = Score(kept.verdict.capture, 1.0, exact=True, worst_tile=1.0)
    with shelf.at_work() as (_, custody):
        entries = [custody.carry_out(Verdict(one, Kind.DUPLICATE, score, Policy()), None) for one in captures[:-1]]
        similar = Verdict(captures[-1], Kind.SIMILAR, score, Policy())
        entries.append(custody.carry_out(similar, KeptFrame(captures[-1], 9, 9, b"s")))
    assert {entry.state for entry in entries} == {State.QUARANTINED}
    return before, entries


def _odd(path: Path, tick: int) -> Path:
    path.chmod(0o400 + tick % 0o77)
    os.utime(path, ns=(10**18, 10**18 + tick))
    return path


def test_restoring_all_gives_back_the_very_tree(shelf: Shelf) -> None:
    before, entries = furnished(shelf)
    shutil.rmtree(shelf.desk.path(600).parent)  # its folder has gone meanwhile, with all that was left in it
    assert f"{len(entries)} restored" in shelf.run("restore", "--all", "--yes")
    assert whole(shelf.desk.root) == before


def test_restoring_all_gives_back_the_very_tree_without_a_ledger(shelf: Shelf) -> None:
    before, _ = furnished(shelf)
    shutil.rmtree(shelf.desk.state)
    similar = shelf.desk.root.with_name("ScreenRecord-similar")
    assert "3 restored" in shelf.run("restore", "--all", "--yes", "--quarantine", shelf.desk.quarantine)
    assert "1 restored" in shelf.run("restore", "--all", "--yes", "--quarantine", similar)
    assert whole(shelf.desk.root) == before


@pytest.mark.parametrize("ledger", [True, False])
def test_a_conflict_overwrites_nothing_and_names_both_files(shelf: Shelf, ledger: bool) -> None:
    (twin,) = shelf.twins(range(1, 2), shelf.keep(0))
    twin.verdict.capture.path.write_bytes(b"another")
    arguments = [] if ledger else ["--quarantine", shelf.desk.quarantine]
    if not ledger:
        shutil.rmtree(shelf.desk.state)
    text = shelf.run("restore", "--all", "--yes", *arguments, code=1)
    assert str(twin.location) in text
    assert f"{twin.verdict.capture.path} exists" in text
    assert twin.verdict.capture.path.read_bytes() == b"another"
    assert twin.location.read_bytes() == CONTENT


def test_a_folder_tidied_away_under_a_move_is_made_again(shelf: Shelf) -> None:
    """Somebody else removes empty folders all the time."""
    done = threading.Event()

    def tidy() -> None:
        while not done.is_set():
            for month in shelf.desk.quarantine.glob("2*"):
                for day in (*month.glob("*"), month):
                    files.remove_empty(day, shelf.desk.quarantine)
            time.sleep(0.001)

    other = threading.Thread(target=tidy)
    kept = shelf.keep(0)
    other.start()
    try:
        twins = shelf.twins(range(1, 6_000, 300), kept)
    finally:
        done.set()
        other.join()
    assert {twin.state for twin in twins} == {State.QUARANTINED}
