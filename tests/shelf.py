"""A desk on which tests judge pictures by hand, so that what follows from verdicts is tested in milliseconds."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.conftest import Desk, capture_of, screen
from watcher.cli import main
from watcher.disk.mirror import mark
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict
from watcher.settings.folders import FOLDER_VARIABLES, Folders
from watcher.settings.settings import Settings

CONTENT = screen(1)
SIZE = len(CONTENT)


class Shelf:
    """A desk on which pictures are judged by hand, without a look at them."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.desk, self._capfd = desk, capfd
        for name in FOLDER_VARIABLES:
            monkeypatch.setenv(name, desk.environment[name])
        mark(desk.quarantine, desk.root)
        with desk.ledger() as ledger:
            ledger.adopt(desk.root, [])

    @contextlib.contextmanager
    def at_work(self) -> Iterator[tuple[Ledger, Custody]]:
        complaints: list[str] = []
        with self.desk.ledger() as ledger:
            hooks = Hooks(self.settings(), self.desk.base / "hooks", complaints.append)
            yield ledger, Custody(ledger, hooks, Timeline(self.desk.root))
        assert complaints == []

    def keep(self, tick: int, kind: Kind = Kind.NEW) -> Entry:
        """A picture that stays."""
        capture = capture_of(self.desk.put(tick, CONTENT))
        with self.at_work() as (_, custody):
            return custody.carry_out(
                Verdict(capture, kind, NOTHING_TO_COMPARE, Policy()), KeptFrame(capture, 9, 9, b"s")
            )

    def twins(self, ticks: range, of: Entry) -> list[Entry]:
        """Duplicates of the picture of the entry *of*, which go to the quarantine."""
        score = Score(of.verdict.capture, 1.0, exact=True, worst_tile=1.0)
        captures = [capture_of(self.desk.put(tick, CONTENT)) for tick in ticks]
        with self.at_work() as (_, custody):
            return [custody.carry_out(Verdict(one, Kind.DUPLICATE, score, Policy()), None) for one in captures]

    def state(self, entry: Entry) -> State:
        with self.desk.ledger() as ledger:
            return ledger.entry(entry.id).state

    def settings(self) -> Settings:
        """What the settings file says now."""
        return Settings.load(Folders.choose())

    def set(self, text: str) -> None:
        """Add to the settings file."""
        self.desk.config.write_text(self.desk.config.read_text() + text)

    def recorded(self, entry: Entry, days_ago: float) -> None:
        """As if *entry* had been recorded then."""
        moment = datetime.now().astimezone() - timedelta(days=days_ago)
        with self.desk.ledger() as ledger:
            ledger.rows("UPDATE entry SET recorded_at = ? WHERE id = ?", [moment.isoformat(), entry.id])

    def run(self, *arguments: object, code: int = 0) -> str:
        """What framesift writes, in this process."""
        found = main([str(argument) for argument in arguments])
        written = self._capfd.readouterr()
        assert found == code, written
        return written.out + written.err
