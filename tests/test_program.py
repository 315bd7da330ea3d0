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
from tests.conftest import Framesift
from tests.desk import Desk, land
from tests.pictures import screen
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


ROOT_VERBS = [["status"], ["doctor"], ["purge", "--dry-run"], ["highlights"], ["report"], ["history"], ["sweep"]]


@pytest.fixture
def two(desk: Desk, framesift: Framesift) -> list[Path]:
    """Two roots that the ledger knows, and settings that name none."""
    other = desk.base / "Other"
    for root in (desk.root, other):
        land(root / "2020-05-04_09.00.00_1.png", screen(1))
        assert framesift("sweep", root)[0] == 0
    desk.config.write_text('settle = "0.2s"\n')
    return sorted([desk.root, other])


@pytest.mark.parametrize(
    "verb", [*ROOT_VERBS[1:], ["status", "--json"], ["service", "status"], ["watch"]], ids=" ".join
)
def test_where_several_roots_are_known_none_is_guessed(verb: list[str], two: list[Path], framesift: Framesift) -> None:
    code, _, errors = framesift(*verb)
    assert (code, errors) == (2, f"framesift: which folder is meant? known are {two[0]}, {two[1]}\n")


def test_status_tells_of_each_root_where_none_is_named(two: list[Path], framesift: Framesift) -> None:
    code, output, errors = framesift("status")
    assert (code, errors) == (4, "")
    assert [line for line in output.splitlines() if line.startswith("/")] == [str(root) for root in two]


@pytest.mark.parametrize("verb", ROOT_VERBS, ids=" ".join)
def test_the_root_that_is_named_is_meant_else_that_of_the_settings_else_the_only_one(
    verb: list[str], desk: Desk, two: list[Path], framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.base)  # where the report is written
    period = ["2020"] * (verb[0] in ("highlights", "report"))
    assert framesift(*verb, *period, two[1])[0] in (0, 4)
    assert framesift(*verb, two[1], *period)[0] in (0, 4)
    monkeypatch.setenv("FRAMESIFT_ROOT", str(two[0]))
    assert framesift(*verb, *period)[0] in (0, 4)
    monkeypatch.delenv("FRAMESIFT_ROOT")
    with desk.ledger() as ledger:
        ledger.rows("DELETE FROM baseline")
        ledger.rows("UPDATE root SET adopted = 0")
        ledger.rows("DELETE FROM place")
        ledger.rows("DELETE FROM frame")
        ledger.rows("DELETE FROM picture WHERE root_id = (SELECT id FROM root WHERE path = ?)", [bytes(two[1])])
        assert ledger.roots() == [two[0]]
    assert framesift(*verb, *period)[0] in (0, 1, 4)
    assert "which folder" not in framesift(*verb, *period)[2]


@pytest.mark.parametrize("words", [["status", "-q"], ["service", "status", "--config"], ["history", "--limit", "1"]])
def test_common_options_stand_before_the_verb_or_after_it(
    words: list[str], desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(desk.root / "2020-05-04_09.00.00_1.png", screen(1))
    assert framesift("sweep")[0] == 0
    state = desk.state.rename(desk.base / "another state")
    monkeypatch.delenv("FRAMESIFT_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(desk.base / "nothing"))
    words = [*words, str(desk.config)] if words[-1] == "--config" else words
    before, after = framesift("--state-dir", state, *words), framesift(*words, "--state-dir", state)
    assert before[0] == after[0]
    assert before[1].splitlines()[:1] == after[1].splitlines()[:1]
    assert framesift(*words)[1] != after[1] or words[0] == "service"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("framesift service install, or framesift watch", "{0} service install /r, or {0} watch /r"),
        ("mount it; framesift watch --new-disk goes on", "mount it; {0} watch --new-disk /r goes on"),
        ("framesift purge --older-than 30d deletes", "{0} purge --older-than 30d /r deletes"),
        ("framesift restore --all --quarantine /q brings", "{0} restore --all --quarantine /q brings"),
        ("paused; framesift resume", "paused; {0} resume /r"),
        ("if it has moved, framesift relocate /a NEW", "if it has moved, {0} relocate /a NEW"),
        ("no other framesift works on this folder", "no other framesift works on this folder"),
        ("a newer framesift wrote it", "a newer framesift wrote it"),
    ],
)
def test_commands_can_be_pasted(text: str, shown: str) -> None:
    program = Program(Folders.choose(state_dir=Path("/s")), quiet=False, verbose=False, started=0)
    assert program.pasteable(text, Path("/r")) == shown.format("framesift --state-dir /s")
