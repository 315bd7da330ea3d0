"""A root that has moved, told late: what was judged in its new place before stays, and every picture comes back."""

import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.conftest import Framesift
from tests.desk import Desk, tree
from tests.flow.test_sweep import fill
from tests.pictures import screen, typed
from watcher.disk.listing import disk_of
from watcher.ledger.days import Days
from watcher.ledger.deletions import candidates
from watcher.model.entry import State


@pytest.fixture
def swept(desk: Desk, framesift: Framesift) -> dict[str, tuple[bytes, int, int]]:
    """An archive that was swept; what it held."""
    fill(desk, 40)
    before = tree(desk.root)
    assert framesift("sweep")[0] == 0
    assert framesift("purge", "--dry-run")[0] == 0
    return before


def renamed(desk: Desk) -> Path:
    """The root has another name, and the settings say so; the quarantine is where it was."""
    new = desk.root.rename(desk.base / "Elsewhere")
    desk.config.write_text(desk.config.read_text().replace(str(desk.root), str(new)))
    return new


def come_back(framesift: Framesift, new: Path, before: dict[str, tuple[bytes, int, int]]) -> None:
    code, output, errors = framesift("restore", "--all", "--yes")
    assert (code, errors) == (0, ""), output
    after = tree(new)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("first", ["sweep", "sweep again", "watch", "nothing"])
def test_what_was_judged_in_the_new_place_before_joins_what_is_known(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]], first: str
) -> None:
    old, new = desk.root, renamed(desk)
    if first == "watch":
        desk.start()
        desk.stop()
    elif first != "nothing":
        assert framesift("sweep")[0] == 0
    if first == "sweep again":
        assert framesift("sweep", "--again")[0] == 0
    if first.startswith("sweep"):
        desk.root = new
        late = fill(desk, 8, seed=6, first=1000)
        assert framesift("sweep")[0] == 0
        desk.root = old
    code, output, errors = framesift("relocate", old, new)
    assert (code, errors) == (0, ""), output
    with desk.ledger() as ledger:
        assert ledger.rows("PRAGMA foreign_key_check") == []
        assert [Path(row[0].decode()) for row in ledger.rows("SELECT path FROM root")] == [new]
        assert set(ledger.mirrors(new).values()) <= {disk_of(desk.base), ""}
        entries = list(ledger.entries())
        assert len({entry.verdict.capture.path for entry in entries}) == len(entries)
        assert all(entry.location.exists() for entry in entries)
        assert any(entry.state is State.QUARANTINED for entry in entries)
    code, _, errors = framesift("purge", "--dry-run")
    assert (code, errors) == (0, "")
    code, output, _ = framesift("sweep")
    assert "nothing is left to judge" in output or "judged nothing" in output
    come_back(framesift, new, swept)
    if first.startswith("sweep"):
        assert all(path.exists() for path in late)


def test_an_empty_quarantine_of_the_new_name_is_not_taken_for_the_full_one(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]]
) -> None:
    old, new = desk.root, renamed(desk)
    desk.start()
    desk.stop()
    assert (desk.base / "Elsewhere-quarantine").is_dir()
    output = framesift("relocate", old, new)[1]
    assert f"{desk.quarantine} is {desk.quarantine}" in output
    come_back(framesift, new, swept)


def test_two_quarantines_that_were_merged_are_one(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]]
) -> None:
    old, new = desk.root, renamed(desk)
    assert framesift("sweep")[0] == 0
    merged = desk.base / "Elsewhere-quarantine"
    shutil.copytree(desk.quarantine, merged, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".framesift"))
    shutil.rmtree(desk.quarantine)
    assert framesift("relocate", old, new)[0] == 0
    with desk.ledger() as ledger:
        assert ledger.rows("PRAGMA foreign_key_check") == []
    come_back(framesift, new, swept)


def test_a_quarantine_that_is_not_found_is_told_and_can_follow_later(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]]
) -> None:
    old, new = desk.root, renamed(desk)
    away = desk.quarantine.rename(desk.base / "away")
    code, _, errors = framesift("relocate", old, new)
    assert (code, f"{desk.quarantine} is not found" in errors) == (0, True)
    away.rename(desk.base / "Elsewhere-quarantine")
    assert framesift("relocate", old, new)[0] == 0
    come_back(framesift, new, swept)


def test_a_root_that_is_there_still_is_not_joined(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]]
) -> None:
    assert swept
    copy = desk.base / "Copy"
    shutil.copytree(desk.root, copy)
    assert framesift("sweep", copy)[0] == 0
    code, _, errors = framesift("relocate", desk.root, copy)
    assert (code, "is there still" in errors) == (1, True)


def test_a_link_that_was_left_in_its_place_is_named(
    desk: Desk, framesift: Framesift, swept: dict[str, tuple[bytes, int, int]]
) -> None:
    old, new = desk.root, renamed(desk)
    old.symlink_to(new)
    code, _, errors = framesift("restore", "--all", "--yes")
    assert (code, f"framesift relocate {old} {new}" in errors) == (1, True)
    assert framesift("relocate", old, new)[0] == 0
    come_back(framesift, new, swept)


@pytest.fixture
def three(desk: Desk, framesift: Framesift) -> Path:
    """A screen, one that is like it, and another: judged so that each is kept; returns the one that is like it."""
    desk.put(0, screen(1))
    alike = desk.put(1, typed(1, 1))
    desk.put(2, screen(2))
    assert framesift("sweep", "--duplicate", "0.999999", "--similar", "0.99999")[0] == 0
    return alike


def states(desk: Desk) -> list[State]:
    with desk.ledger() as ledger:
        assert ledger.rows("PRAGMA foreign_key_check") == []
        return [entry.state for entry in sorted(ledger.entries(), key=lambda one: one.verdict.capture.path)]


def test_what_was_kept_and_is_set_aside_there_is_one_picture(desk: Desk, framesift: Framesift, three: Path) -> None:
    old, new = desk.root, renamed(desk)
    assert framesift("sweep")[0] == 0
    assert framesift("relocate", old, new)[0] == 0
    assert states(desk) == [State.KEPT, State.QUARANTINED, State.KEPT]
    assert framesift("sweep", "--again")[0] == 0
    aside = desk.base / "Elsewhere-quarantine" / three.relative_to(old)
    os.utime(aside, ns=(1, aside.stat().st_mtime_ns // 10**9 * 10**9))  # as on a volume with coarser times
    assert framesift("restore", "--all", "--yes")[0] == 0
    assert (new / three.relative_to(old)).exists()
    assert framesift("sweep", "--again", "--restored")[0] == 0
    assert states(desk) == [State.KEPT, State.QUARANTINED, State.KEPT]


@pytest.mark.parametrize("where", ["in the old place", "in the new place"])
def test_what_a_person_has_brought_back_in_either_place_stays(
    desk: Desk, framesift: Framesift, three: Path, where: str
) -> None:
    if where == "in the old place":
        assert framesift("sweep", "--again")[0] == 0
        assert framesift("restore", "--all", "--yes")[0] == 0
    old, new = desk.root, renamed(desk)
    assert framesift("sweep", *["--duplicate", "0.999999", "--similar", "0.99999"] * (where[7:10] == "old"))[0] == 0
    if where == "in the new place":
        assert framesift("restore", "--all", "--yes")[0] == 0
    assert framesift("relocate", old, new)[0] == 0
    assert states(desk) == [State.KEPT, State.RESTORED, State.KEPT]
    assert framesift("sweep", "--again")[0] == 0
    assert (new / three.relative_to(old)).exists()


def test_what_is_away_from_the_new_quarantine_is_found_when_it_is_back(
    desk: Desk, framesift: Framesift, three: Path
) -> None:
    old, new = desk.root, renamed(desk)
    assert framesift("sweep")[0] == 0
    aside = desk.base / "Elsewhere-quarantine" / three.relative_to(old)
    away = aside.rename(desk.base / "away.png")
    with desk.ledger() as ledger:
        (entry,) = ledger.entries(state=State.QUARANTINED)
        ledger.lose(entry, "away")
    assert framesift("relocate", old, new)[0] == 0
    away.rename(aside)
    assert framesift("restore", "--all", "--yes")[0] == 0
    assert (new / three.relative_to(old)).exists()


def test_retention_does_not_count_days_from_before_a_picture_was_set_aside(
    desk: Desk, framesift: Framesift, three: Path
) -> None:
    assert three.exists()
    today = date.today()
    with desk.ledger() as ledger:
        for ago in range(10, 0, -1):
            assert Days(ledger, desk.root).see(today - timedelta(days=ago), -ago * 86_400.0)
    old, new = desk.root, renamed(desk)
    assert framesift("sweep")[0] == 0
    assert framesift("relocate", old, new)[0] == 0
    with desk.ledger() as ledger:
        (one,) = (one for some in candidates(ledger, new) for one in some)
        assert one.aside_day >= Days(ledger, new).begun(0) > Days(ledger, new).begun(3) > 0


@pytest.mark.parametrize("timeline", ["watch", "sweep"])
def test_windows_go_on_with_the_order_of_use(desk: Desk, framesift: Framesift, timeline: str) -> None:
    desk.config.write_text(desk.config.read_text() + "window = 2\n")
    desk.put(0, screen(1))
    desk.put(1, screen(2))
    assert framesift("sweep")[0] == 0
    with desk.ledger() as ledger:
        ledger.rows("UPDATE place SET timeline = ?", [timeline])
    old, new = desk.root, renamed(desk)
    desk.root = new
    assert framesift("sweep")[0] == 0
    desk.put(2, screen(1))
    assert framesift("sweep")[0] == 0
    assert framesift("relocate", old, new)[0] == 0
    desk.put(3, screen(3))  # the one that was not shown again falls out
    last = desk.put(4, screen(1))
    assert framesift("sweep")[0] == 0
    assert desk.decisions()[desk.relative(last)][0] == "duplicate"


def test_what_an_older_framesift_knew_twice_or_by_other_times_is_one_picture(
    desk: Desk, framesift: Framesift, three: Path
) -> None:
    with desk.ledger() as ledger:
        columns = ", ".join(row["name"] for row in ledger.rows("PRAGMA table_info(picture)") if row["name"] != "id")
        doubled = columns.replace("digest", "NULL").replace("mtime_ns", "mtime_ns + 1")
        ledger.rows(f"INSERT INTO picture ({columns}) SELECT {doubled} FROM picture WHERE id = 1")  # noqa: S608
        ledger.rows("UPDATE picture SET digest = NULL WHERE id = 2")
    old, new = desk.root, renamed(desk)
    for path in new.rglob("*.png"):
        os.utime(path, ns=(1, 10**18))
    assert framesift("sweep")[0] == 0
    assert framesift("relocate", old, new)[0] == 0
    assert states(desk) == [State.KEPT, State.QUARANTINED, State.KEPT]
    assert framesift("sweep", "--again")[0] == 0
    assert framesift("restore", "--all", "--yes")[0] == 0
    assert (new / three.relative_to(old)).exists()


def test_a_root_whose_pictures_the_new_one_has_set_aside_is_there(desk: Desk, framesift: Framesift) -> None:
    for tick in range(6):
        desk.put(tick, screen(1))
    assert framesift("sweep")[0] == 0
    assert framesift("restore", "--all", "--yes")[0] == 0
    old, new = desk.root, renamed(desk)
    assert framesift("sweep")[0] == 0
    assert len(list(new.rglob("*.png"))) == 1
    code, output, _ = framesift("relocate", old, new)
    assert (code, output.splitlines()[0].split(" of the latest")[0]) == (0, "6 of 6")
