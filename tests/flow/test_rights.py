"""Rights that are lost while a real watcher runs: it says which, loses nothing, and goes on when they are back."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.desk import LONG_AGO, START, Desk, facts, land, wait_for, without_rights
from tests.flow.test_watch import until_told
from tests.pictures import screen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them"),
]


@contextlib.contextmanager
def shut(folder: Path, mode: int = 0) -> Iterator[None]:
    before = folder.stat().st_mode
    folder.chmod(mode)
    try:
        yield
    finally:
        folder.chmod(before)


def test_a_folder_that_is_shut_at_the_very_first_start_is_told_of(desk: Desk) -> None:
    day = land(desk.path(0), screen(1)).parent
    land(desk.path_at(START - timedelta(days=1)), screen(1))
    with shut(day):
        desk.start(prefix=without_rights())
        assert f"{day} cannot be listed: Permission denied; what is in it will count as new once it can" in (
            desk.output()
        )
    assert "1 captures from before its first start are left to framesift sweep" in desk.output()


def test_a_quarantine_that_may_not_be_entered_stops_no_status(desk: Desk) -> None:
    for tick in (0, 1):
        land(desk.path(tick), screen(1))
    desk.run("sweep")
    assert desk.mirrored(desk.path(1)).exists()
    with shut(desk.mirrored(desk.path(1)).parent, 0o444):
        command = [*without_rights(), sys.executable, "-m", "watcher", "status", "--json"]
        done = subprocess.run(command, env=desk.environment, cwd="/", capture_output=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["quarantine"]["files"]) == (4, 0)


def test_rights_lost_while_running_are_named_and_cost_no_picture(desk: Desk) -> None:
    desk.start(prefix=without_rights())
    day = land(desk.path(0), screen(1)).parent
    desk.until_judged(1)

    with shut(desk.root):
        wait_for(lambda: f"waiting for {desk.root}: Permission denied" in desk.output())
        assert json.loads(desk.run("status", "--json", check=4).stdout)["state"] == "blind"
    wait_for(lambda: f"{desk.root} is there" in desk.output())

    with shut(day):
        hidden = land(desk.path(1), screen(2))
        wait_for(
            lambda: f"{day} cannot be listed: Permission denied" in desk.run("status", "--json", check=None).stdout
        )
    desk.until_judged(2)
    assert facts(hidden)[0] == screen(2)

    for tick, folder in enumerate((desk.quarantine, day), 2):
        with shut(folder, 0o500):
            land(desk.path(tick), screen(1), LONG_AGO)
            until_told(desk, tick + 1)
        assert facts(desk.path(tick)) == (screen(1), LONG_AGO, 0o644)
    assert desk.output().count("cannot be moved: Permission denied") == 2

    with shut(desk.state):
        land(desk.path(4), screen(1), LONG_AGO)
        wait_for(lambda: "cannot be locked: Permission denied; nothing is moved until this is mended" in desk.output())
    wait_for(desk.mirrored(desk.path(4)).exists)
    desk.until_judged(5)
    assert desk.stop() == 0
    assert facts(desk.mirrored(desk.path(4))) == (screen(1), LONG_AGO, 0o644)
    states = [said[4] for said in desk.decisions().values()]
    assert states == ["kept", "kept", "kept", "kept", "quarantined"]
