"""What the log and ``status`` tell of days: savings on a day, in its month, ever, and what the quarantine holds."""

import json
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
import torch

from tests.conftest import Watch
from tests.desk import SIZE, Desk, Shelf
from tests.pictures import screen
from watcher.cli import main
from watcher.disk.mirror import Amount
from watcher.flow.journal import Journal
from watcher.health import silence
from watcher.health.heartbeat import SourceStatus
from watcher.judge.device import DeviceBudget
from watcher.ledger.totals import Savings, Totals
from watcher.model.notice import Notice, Topic
from watcher.model.period import Period
from watcher.terminal.console import Log
from watcher.text import bytes_text

TODAY = date.today()
FIRST = TODAY.replace(day=1)


def some(files: int) -> Amount:
    return Amount(files, files * SIZE)


def test_savings_are_those_of_a_day_its_month_and_ever_and_purging_loses_none(shelf: Shelf) -> None:
    kept = shelf.keep(0)
    twins = shelf.twins(range(1, 5), kept)
    before = FIRST - timedelta(days=1)
    shelf.recorded(twins[0], (TODAY - before).days)
    shelf.recorded(twins[1], (TODAY - before.replace(day=1)).days)
    shelf.run("purge", "--yes", "--older-than", "1h")
    with shelf.desk.ledger() as ledger:
        totals = Totals(ledger, shelf.desk.root)
        assert totals.savings(TODAY) == {1: Savings(some(2), some(2), some(4))}
        assert totals.savings(before) == {1: Savings(some(1), some(2), some(4))}
        assert totals.savings(before - timedelta(days=400)) == {1: Savings(some(0), some(0), some(4))}
        assert totals.saved_bytes() == 4 * SIZE
        assert Totals(ledger, Path("/other")).savings(TODAY) == {}
    shelf.run("restore", "--all", "--yes")
    with shelf.desk.ledger() as ledger:
        assert Totals(ledger, shelf.desk.root).savings(TODAY) == {1: Savings(some(0), some(0), some(2))}


def test_the_end_of_a_day_is_told_with_its_savings(shelf: Shelf, tmp_path: Path) -> None:
    kept = shelf.keep(0)
    twins = shelf.twins(range(1, 4), kept)
    for twin in twins[:2]:
        shelf.recorded(twin, 1)
    file = tmp_path / "log"
    with shelf.desk.ledger() as ledger, Log(terminal=False, file=file, color="never") as log:
        journal = Journal(log, ledger, shelf.settings(), SourceStatus(), DeviceBudget(torch.device("cpu"), 0), print)
        journal._day = TODAY - timedelta(days=1)
        journal.idle()
        journal.idle()
    (line,) = (line for line in file.read_text().splitlines() if "saved" in line)
    assert f"{TODAY - timedelta(days=1)}: {some(2)} of duplicates saved (display 1: {some(2)});" in line
    assert f"{some(3)} ever; the quarantine holds {some(3)}" in line


def test_what_a_person_should_know_is_told_once_a_week_to_whoever_is_there(shelf: Shelf, tmp_path: Path) -> None:
    kept = shelf.keep(0)
    twin = shelf.twins(range(1, 2), kept)[0]
    told: list[Notice] = []

    def started() -> Journal:
        budget = DeviceBudget(torch.device("cpu"), 0)
        return Journal(log, ledger, shelf.settings(), SourceStatus(), budget, told.append)

    with shelf.desk.ledger() as ledger, Log(terminal=False, file=tmp_path / "log", color="never") as log:
        started().begin()
        journal = started()
        journal.entry(kept, 0.1)
        assert [notice.topic for notice in told] == [Topic.START], "nobody has watched in the week before"
        journal.end()
        last_week = Period.parse("last week").begin
        (count,) = ledger.rows("SELECT count(*) FROM picture")[0]
        ledger.write(lambda db: db.execute("UPDATE picture SET taken_at = ?", [last_week.isoformat()]))
        journal = started()
        journal._told_week = "2020-W01"
        journal.entry(twin, 0.1)
        assert len(told) == 1, "a duplicate does not tell that somebody looks"
        journal.entry(kept, 0.1)
        journal.entry(kept, 0.1)
        journal.end()
        started().entry(kept, 0.1)
    assert [notice.topic for notice in told] == [Topic.START, Topic.WEEK]
    saved = some(1)
    text = f"last week: 1 of {count} captures showed nothing new; {bytes_text(saved.bytes)} saved"
    assert told[1].text.startswith(text)
    assert text in (tmp_path / "log").read_text()


def test_that_screens_keep_coming_back_is_said_once_and_stands_in_the_status(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept, file = shelf.keep(0), tmp_path / "log"
    counts = [5, 6, 9, 2, 7]
    looked = iter(counts)
    monkeypatch.setattr("watcher.flow.journal.returning", lambda *_: next(looked))
    said, stands = [], []
    for number in range(len(counts)):
        with shelf.desk.ledger() as ledger, Log(terminal=False, file=file, color="never") as log:
            journal = Journal(
                log, ledger, shelf.settings(), SourceStatus(), DeviceBudget(torch.device("cpu"), 0), lambda _: None
            )
            journal.entry(kept, 0.1)
            journal.entry(kept, 0.1)  # on one day it is looked once
            journal.end()
        said.append(file.read_text().count("show nothing but another time"))
        capfd.readouterr()
        main(["status", "--json", str(shelf.desk.root)])
        stands.append(json.loads(capfd.readouterr().out)["returning"])
        main(["status", str(shelf.desk.root)])
        text = " ".join(capfd.readouterr().out.split())
        assert ("show nothing but another time; framesift learn makes them one" in text) == (counts[number] >= 6)
    assert said == [0, 1, 1, 1, 2]
    assert stands == counts


def test_a_watcher_writes_down_in_which_order_captures_came(desk: Desk, watch_here: Watch) -> None:
    watch_here((desk.path(200), screen(1)))
    watch_here((desk.path(2), screen(2)), (desk.path(1), screen(3)))
    with desk.ledger() as ledger:
        assert ledger.heartbeat(desk.root).arrivals == [1, 2, 3]
        (last,) = Totals(ledger, desk.root).last_of_displays()
    assert last.verdict.capture.path == desk.path(1)


@pytest.mark.parametrize(("settle", "alarms"), [("0.05s", True), ("1h", False)])
def test_captures_that_cannot_have_settled_yet_are_not_missed(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settle: str, alarms: bool
) -> None:
    shelf.desk.config.write_text(f'root = "{shelf.desk.root}"\nsettle = "{settle}"\n')
    for tick in range(8):
        shelf.keep(tick)
    file = tmp_path / "log"
    with shelf.desk.ledger() as ledger, Log(terminal=False, file=file, color="never") as log:
        journal = Journal(log, ledger, shelf.settings(), SourceStatus(), DeviceBudget(torch.device("cpu"), 0), print)
        now = time.monotonic() + 30 * 60
        monkeypatch.setattr(time, "monotonic", lambda: now)
        journal.idle()
        log.say("the end")
    assert ("no new capture for" in file.read_text()) == alarms


@pytest.mark.slow
def test_a_watcher_tells_when_nothing_new_comes_and_when_nothing_comes_at_all(
    desk: Desk, watch_here: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interval is the one learned from the captures in the ledger; only what is long is made short here."""
    desk.config.write_text(f'{desk.head}alarm_after = "1s"\nlog_format = "json"\n')
    watch_here(*((desk.path(tick), screen(1)) for tick in range(8)))
    monkeypatch.setattr(silence, "SILENT_INTERVALS", 0)
    monkeypatch.setattr(silence, "SHORTEST_SILENCE", 0.0)
    watch_here(*((desk.path(tick), screen(tick)) for tick in range(8, 10)))
    told = [json.loads(line) for line in (desk.logs / "framesift.log").read_text().splitlines()]
    warnings = [event["text"] for event in told if event["event"] == "warning"]
    assert [text for text in warnings if text.startswith("nothing new on any display for")] != []
    assert [text for text in warnings if text.endswith("usually there is one every 5 min")] != []
    assert any("captures are coming again after" in event.get("text", "") for event in told)
