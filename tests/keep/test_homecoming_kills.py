"""Pictures that come back, and a root that has moved: killed, or refused, at any call that changes a disk."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.desk import digested
from tests.keep.crash_points import FAIL, KILL, Met, go_through, met_at_every
from tests.keep.test_kills import Bench
from watcher.disk.mirror import owner_of
from watcher.errors import FaultError
from watcher.keep.relocation import carry_out, plan
from watcher.keep.restoring import restore
from watcher.ledger.totals import Totals
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and its tools as POSIX has them"),
]


class Returned(Bench):
    """A picture that was quarantined lies in its root again."""

    name = ""
    """What it is called there; as before if empty."""

    def make(self) -> None:
        super().make()
        with self.at_work() as (_, custody):
            custody.carry_out(self.twin(), None)
        self.return_to(self.place)

    @property
    def place(self) -> Path:
        """Where it is met in its root."""
        return self.duplicate.with_name(self.name) if self.name else self.duplicate

    def return_to(self, place: Path) -> None:
        """A person brings it back."""
        self.mirrored.rename(place)

    def cycle(self) -> None:
        """A look finds it."""
        with self.at_work() as (_, custody):
            if self.place.exists():
                assert custody.meet(digested(self.place)) is not None

    def look_after(self, _: int) -> Sequence[object]:
        """Its state after a start, and whether it is in its root."""
        return self.known().state, self.place.exists()

    def look_at_the_end(self) -> None:
        entry = self.known()
        assert (entry.state, entry.location) == (State.RESTORED, self.place)
        self.check_files(self.kept, self.place)

    def known(self) -> Entry:
        """The one entry on it; wherever it lies it is whole, and lies somewhere."""
        with self.at_work() as (ledger, custody):
            assert custody.recover() == []
            (entry,) = ledger.entries(kind=Kind.DUPLICATE)
        there = [path for path in (self.place, self.mirrored) if path.exists()]
        assert there
        self.check_files(self.kept, *there)
        return entry


class Renamed(Returned):
    """A person has given it another name, too."""

    name = "2020-05-04_09.30.00.000000_1.png"


class Synced(Returned):
    """A tool has copied it there, and it is in quarantine still."""

    def return_to(self, place: Path) -> None:
        shutil.copy2(self.mirrored, place)

    def look_at_the_end(self) -> None:
        entry = self.known()
        assert (entry.state, entry.location) == (State.QUARANTINED, self.mirrored)
        self.check_files(self.kept, self.mirrored)


class Relocated(Bench):
    """A root and its quarantine have moved, and the ledger is told; then the duplicate is restored."""

    def __init__(self, base: Path, quarantine: Path) -> None:
        super().__init__(base, quarantine)
        self.was, self.was_quarantine = self.root, self.quarantine
        self.root = base / "elsewhere" / self.root.name
        self.quarantine = self.root.with_name("ScreenRecord-quarantine")
        self.tops[:2] = self.root, self.quarantine

    def make(self) -> None:
        before = Bench(self.was.parent, self.was_quarantine)
        before.make()
        with before.at_work() as (_, keeper):
            keeper.carry_out(before.twin(), None)
        self.root.parent.mkdir(exist_ok=True)
        self.was.rename(self.root)
        self.was_quarantine.rename(self.quarantine)

    def cycle(self) -> None:
        with self.at_work() as (ledger, _):
            if not Totals(ledger, self.root).is_there():
                try:
                    carry_out(ledger, plan(ledger, self.was, self.root))
                except OSError as error:
                    raise FaultError(str(error)) from error  # as the verb tells it

    def look_after(self, _: int) -> Sequence[object]:
        """Whether the mark names the root that is there now, and whether the ledger does."""
        self.check_files(self._now(self.kept), self._now(self.duplicate, self.quarantine))
        told = self._told()
        assert told in ((self.was, self.was_quarantine), (self.root, self.quarantine))
        return owner_of(self.quarantine) == self.root, told == (self.root, self.quarantine)

    def look_at_the_end(self) -> None:
        """The ledger finds everything, and the duplicate comes back into the root that is there now."""
        with self.at_work() as (ledger, _):
            for entry in ledger.entries():
                assert entry.location.exists()
                if entry.state is State.QUARANTINED:
                    restore(ledger, entry)
        self.check_files(self._now(self.kept), self._now(self.duplicate))

    def _told(self) -> tuple[Path, Path]:
        """The root and its quarantine, by the ledger."""
        with self.at_work() as (ledger, _):
            (root,) = {entry.root for entry in ledger.entries()}
            (mirror,) = ledger.mirrors(root)
        return root, mirror

    def _now(self, path: Path, top: Path | None = None) -> Path:
        return (top or self.root) / path.relative_to(self.was)


BENCHES = {"brought": Returned, "renamed": Renamed, "synced": Synced, "relocated": Relocated}


def met_at_each(name: str, deed: str, base: Path, *calls: str) -> list[Met]:
    program = [__name__, name, base, base / "ScreenRecord-quarantine"]
    return met_at_every(program, deed, base / "met", calls)


@pytest.mark.parametrize("deed", [KILL, FAIL])
def test_what_a_tool_has_copied_back_goes_out_again_and_its_twin_is_never_touched(tmp_path: Path, deed: str) -> None:
    met = met_at_each("synced", deed, tmp_path, "fsync", "unlinkat", "pwrite64")
    assert {"fsync", "unlinkat"} <= {call for call, *_ in met}
    assert {(state, twin) for *_, state, twin in met} == {("quarantined", True), ("quarantined", False)}


@pytest.mark.parametrize(("name", "deed"), [("brought", KILL), ("brought", FAIL), ("renamed", KILL)])
def test_what_a_person_has_brought_back_is_written_down_as_restored(tmp_path: Path, name: str, deed: str) -> None:
    met = met_at_each(name, deed, tmp_path, "pwrite64", "fdatasync")
    assert {"pwrite64", "fdatasync"} == {call for call, *_ in met}
    assert {(state, there) for *_, state, there in met} == {("quarantined", True), ("restored", True)}


@pytest.mark.parametrize("deed", [KILL, FAIL])
def test_a_relocation_is_told_to_the_marks_first_and_is_done_once_more(tmp_path: Path, deed: str) -> None:
    calls = ["write", "fsync", "rename", "pwrite64", "fdatasync"]
    met = met_at_each("relocated", deed, tmp_path, *calls)
    assert {call for call, *_ in met} == set(calls)
    assert {(marked, told) for *_, marked, told in met} == {(False, False), (True, False), (True, True)}


if __name__ == "__main__":
    name, base, quarantine, deed, met, *calls = sys.argv[1:]
    go_through(BENCHES[name](Path(base), Path(quarantine)), deed, Path(met), calls)
