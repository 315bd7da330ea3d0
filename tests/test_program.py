"""The command lines that a person is given to copy."""

import html
import json
import os
import re
import shlex
from datetime import datetime
from pathlib import Path

import pytest

from tests.album import Plan, Weeks
from tests.desk import Desk
from watcher.cli import main
from watcher.program import Program
from watcher.settings.folders import FOLDER_VARIABLES, Folders


def invocation(config: Path | None = None, state_dir: Path | None = None) -> str:
    return Program(Folders.choose(config, state_dir), quiet=False, verbose=False, started=0).invocation


def test_only_what_the_command_line_chose_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert invocation() == "framesift"
    assert shlex.split(invocation(Path("/a b/c.toml"))) == ["framesift", "--config", "/a b/c.toml"]
    assert shlex.split(invocation(state_dir=Path("/it's"))) == ["framesift", "--state-dir", "/it's"]
    monkeypatch.setenv("FRAMESIFT_CONFIG", "/c.toml")
    monkeypatch.setenv("FRAMESIFT_STATE_DIR", "/s")
    assert invocation() == invocation(Path("/c.toml"), Path("/s")) == "framesift"
    both = ["framesift", "--config", "/other.toml", "--state-dir", "/other"]
    assert shlex.split(invocation(Path("/other.toml"), Path("/other"))) == both


@pytest.mark.skipif(os.name == "nt", reason="the words of a POSIX shell")
def test_every_restore_command_finds_the_ledger_it_was_told_from(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, str(desk.base / "elsewhere" / name))
    Weeks(desk, Plan(datetime(2020, 5, 4), 2, hours=(9, 13))).fill()
    state, config = desk.state.rename(desk.base / "a state"), desk.config.rename(desk.base / "my settings.toml")

    def run(*arguments: str) -> str:
        assert main(["--config", str(config), "--state-dir", str(state), *arguments]) == 0
        return capfd.readouterr().out

    page = desk.base / "out.html"
    on_terminal = run("highlights", "2020-05", "--html", str(page)).splitlines()[-1]
    in_json = json.loads(run("highlights", "2020-05", "--json"))["second_looks"][0]["restore"]
    on_page = re.findall(r"<code>(framesift [^<]*restore [^<]+)</code>", page.read_text())[0]
    for command in (f"framesift {on_terminal.partition('framesift ')[2]}", in_json, html.unescape(on_page)):
        program, *words = shlex.split(command)
        assert program == "framesift"
        assert words[:5] == ["--config", str(config), "--state-dir", str(state), "restore"]
        assert main([*words, "--dry-run"]) == 0
        assert Path(words[-1]).name in capfd.readouterr().out
