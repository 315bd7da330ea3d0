"""A root that has moved, told late: what was judged in its new place before stays, and every picture comes back."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Framesift
from tests.desk import Desk, tree
from tests.flow.test_sweep import fill
from watcher.disk.listing import disk_of
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
