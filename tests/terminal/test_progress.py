"""A long run tells how far it is: by a bar on a terminal, by lines elsewhere."""

import pytest

from tests.conftest import Framesift
from tests.desk import Desk
from tests.pictures import screen
from watcher.progress import NO_PROGRESS
from watcher.terminal import progress
from watcher.terminal.progress import bar_of_verb


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is worth a line."""
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0)


def test_where_there_is_no_terminal_lines_say_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    with bar_of_verb("report") as bar:
        assert list(bar.track("abc", 3, "screens [1] read")) == ["a", "b", "c"]
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [f"report: {done} of 3: screens [1] read" for done in range(3)]


def test_nothing_is_said_where_that_is_not_wanted(capfd: pytest.CaptureFixture[str]) -> None:
    with bar_of_verb("report", quiet=True) as bar:
        assert list(bar.track("abc", 3, "read")) == ["a", "b", "c"]
    assert list(NO_PROGRESS.track("abc", 3, "read")) == ["a", "b", "c"]
    assert capfd.readouterr() == ("", "")


def test_the_long_verbs_say_how_far_they_are(desk: Desk, framesift: Framesift) -> None:
    for tick in range(12):
        desk.put(tick, screen(int(tick == 7), tick=tick))
    assert framesift("sweep", desk.root)[0] == 0
    page = desk.base / "page.html"
    for words, steps in {
        ("highlights", "2020"): ("screens read", "highlights chosen"),
        ("report", "2020", "--html", page): ("screens read", "pictures drawn", "second looks drawn"),
        ("purge", "--dry-run"): ("looked at",),
        ("purge", "--yes"): ("looked at", "dealt with"),
    }.items():
        code, out, err = framesift(*words)
        assert code == 0, err
        for step in steps:
            assert f"{words[0]}: 0 of " in err
            assert step in err
            assert step not in out
        assert framesift("-q", *words)[2] == ""
