"""The log as people and programs read it."""

import contextlib
import json
import os
import re
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.desk import START, name_of
from tests.pictures import screen
from watcher.errors import WatcherError
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State
from watcher.model.finding import Finding
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, decide, unreadable
from watcher.terminal import log_file
from watcher.terminal.console import Log, entry_line, print_error, print_findings, print_table
from watcher.text import visible

ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")
POLICY = Policy()


def capture(name: str = "", display: int = 1, size: int = 2_139_288) -> Capture:
    return Capture(Path("/screens") / (name or name_of(START, display)), display, START, size, 1)


def entry(score: Score = NOTHING_TO_COMPARE, one: Capture | None = None, **values: object) -> Entry:
    verdict = decide(one or capture(), score, POLICY)
    given = {"state": State.KEPT, "location": Path("/x"), "target": None, "becomes": None, "note": ""} | values
    return Entry(id=1, verdict=verdict, recorded_at=datetime(2020, 5, 4, 9, 0).astimezone(), **given)  # type: ignore[arg-type]


def exact(ssim: float, display: int = 1) -> Score:
    return Score(capture(display=display), ssim, exact=True, worst_tile=0.5)


@pytest.mark.parametrize(
    ("score", "kind", "shown"),
    [
        (NOTHING_TO_COMPARE, Kind.NEW, ""),
        (Score(capture(), 0.31415, exact=False, worst_tile=1.0), Kind.NEW, "<0.3142"),
        (Score(capture(), 0.95, exact=False, worst_tile=1.0), Kind.NEW, "<0.9500"),
        (exact(0.98999), Kind.SIMILAR, "0.9899"),
        (exact(0.99), Kind.SIMILAR, "0.9900"),
        (exact(0.990001), Kind.DUPLICATE, "0.9900"),
        (exact(0.99999), Kind.DUPLICATE, "0.9999"),
        (exact(1.0), Kind.DUPLICATE, "1.0000"),
    ],
)
def test_a_score_is_never_rounded_over_its_verdict(score: Score, kind: Kind, shown: str) -> None:
    line = entry_line(entry(score), 0.123).plain
    assert kind.value in line
    assert shown in line


def test_columns_stand_under_each_other_and_survive_80() -> None:
    entries = [
        entry(),
        entry(exact(0.97)),
        entry(exact(1.0, 12), capture(display=12, size=999_999_999)),
        entry(Score(capture(), 0.3, exact=False, worst_tile=1.0)),
    ]
    lines = [entry_line(one, seconds).plain for one, seconds in zip(entries, (0.001, 0.2, 12.3, 0.05), strict=True)]
    assert all(cell_len(line) <= 80 for line in lines)
    assert {line.rindex(" ms") for line in lines} == {len(lines[0]) - 3}
    assert {re.search("new|similar|duplicate", line).start() for line in lines} == {22}  # type: ignore[union-attr]


def test_a_line_leads_to_its_file_and_tells_the_year_if_it_is_not_this_one(tmp_path: Path) -> None:
    this_year = datetime.now().replace(month=5, day=4, hour=9, minute=10, second=11, microsecond=0)
    new = replace(capture(), taken_at=this_year)
    last_year = replace(new, taken_at=this_year.replace(year=this_year.year - 1))
    one = entry(one=new, location=Path("/q/a b\x1b_1.png"))
    other = entry(Score(last_year, 1.0, exact=True, worst_tile=1.0), new)
    assert entry_line(one).plain.startswith("05-04 09:10:11     1  new")
    assert entry_line(entry()).plain.startswith("2020-05-04 09:00   1  new")
    assert f"= {this_year.year - 1}-05-04 09h" in entry_line(other).plain
    with Log(terminal=False, file=tmp_path / "log") as log:
        log.entry(one)
    text = (tmp_path / "log").read_text()
    assert re.search(r"\x1b\]8;[^;]*;file:///q/a%20b%1B_1.png\x1b", text)
    with Log(terminal=False, file=tmp_path / "log") as log:  # which it knows for its own
        log.say("and on")
    plain = tmp_path / "plain"
    with Log(terminal=False, file=plain, color="never") as log:
        log.entry(one)
    assert "\x1b" not in plain.read_text()


def test_a_name_that_does_not_tell_the_time_is_told() -> None:
    assert "f_1.png" in entry_line(entry(one=capture("f_1.png"))).plain
    assert ".png" not in entry_line(entry()).plain


def test_why_a_file_is_unreadable_or_stays_is_told() -> None:
    broken = Entry(1, unreadable(capture(), "broken image data", POLICY), State.KEPT, Path("/x"), None, None, START)
    assert "broken image data" in entry_line(broken).plain
    assert "disk says no" in entry_line(entry(exact(1.0), note="disk says no")).plain


def test_what_the_guard_kept_tells_its_worst_tile() -> None:
    verdict = decide(capture(), replace(exact(0.995), worst_tile=0.61239), Policy(guard=0.7))
    guarded = Entry(1, verdict, State.KEPT, Path("/x"), None, None, START)
    assert entry_line(guarded, 0.1).plain.endswith(" ms  worst tile 0.6123")
    assert "worst tile" not in entry_line(entry(exact(0.97)), 0.1).plain


def test_on_request_a_line_tells_where_the_picture_is() -> None:
    assert entry_line(entry(exact(1.0), location=Path("/q/\x1b_1.png")), verbose=True).plain.endswith(r"/q/\x1b_1.png")


def test_a_dry_run_tells_where_the_file_would_go() -> None:
    line = entry_line(entry(exact(1.0), state=State.MOVING, target=Path("/q/a_1.png"), becomes=State.QUARANTINED)).plain
    assert "would go to /q/a_1.png" in line


@given(st.text(max_size=60))
def test_no_text_commands_a_terminal(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf\udce9", r"caf\xe9"),
        ("a\nb", r"a\x0ab"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202egnp", r"\u202egnp"),
        ("é", "é"),
    ],
)
def test_what_is_hidden_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_search_for_display_and_verdict_finds_them_through_the_colours(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with Log(terminal=False, file=file) as log:
        log.entry(entry())
        log.entry(entry(Score(capture(), 0.99991, exact=True, worst_tile=1.0), capture(display=12)))
    coloured = file.read_text()
    assert "\x1b[" in coloured
    assert "  1  new " in coloured
    assert " 12  duplicate   0.9999" in coloured


def test_names_with_markup_stay_text(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with Log(terminal=False, file=file) as log:
        log.entry(entry(one=capture("[bold red]x\x1b[5m_1.png")), 0.1)
        log.say("[link=file:///]y[/link]")
    plain = ANSI.sub("", file.read_text())
    assert r"[bold red]x\x1b[5m_1.png" in plain
    assert "[link=file:///]y[/link]" in plain


@pytest.mark.parametrize(
    ("color", "no_color", "colored"), [("always", "", True), ("never", "", False), ("always", "1", False)]
)
def test_the_log_file_is_coloured_unless_told_otherwise(
    tmp_path: Path, color: str, no_color: str, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    with Log(terminal=False, file=tmp_path / "log", color=color) as log:
        log.entry(entry(), 0.1)
        log.say("hello", "warning")
    text = (tmp_path / "log").read_text()
    assert bool(ANSI.search(text)) is colored
    assert len(text.splitlines()) == 2


def test_json_lines_carry_the_entry(tmp_path: Path) -> None:
    with Log(terminal=False, file=tmp_path / "log", as_json=True) as log:
        log.entry(entry(exact(1.0)), 0.1)
        log.say("careful\n", "warning")
    first, second = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert first == {"event": "capture"} | entry(exact(1.0)).as_json()
    assert (second["event"], second["text"]) == ("warning", "careful\n")


def test_the_log_rotates_is_bounded_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "LOG_BYTES", 4_000)
    monkeypatch.setattr(log_file, "LOG_FILES", 2)
    before = os.umask(0)
    try:
        with Log(terminal=False, file=tmp_path / "deep" / "log") as log:
            for number in range(500):
                log.say(f"line {number}")
    finally:
        os.umask(before)
    files = sorted((tmp_path / "deep").iterdir())
    assert [file.name for file in files] == ["log", "log.1", "log.2"]
    assert all(file.stat().st_size <= 4_000 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert "line 499" in files[0].read_text()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_log_is_written_on(tmp_path: Path, as_json: bool) -> None:
    file = tmp_path / "what happened.txt"
    for text in ("one", "two"):
        with Log(terminal=False, file=file, as_json=as_json) as log:
            log.say(text)
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize("content", [b"a job of cron: done\n", "é\n".encode(), b"\0" * 5000, b""])
def test_text_that_is_called_a_log_is_written_on_even_after_a_power_cut(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "my.log"
    file.write_bytes(content)
    with Log(terminal=False, file=file) as log:
        log.say("hello")
    assert file.read_bytes().startswith(content)
    assert b"hello" in file.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", screen(1)),
        ("a.log", screen(1)),
        ("framesift.toml", b"window = 7\n"),
        ("notes.txt", b"mine\n"),
        ("zeros.img", b"\0" * 5000),
    ],
)
def test_what_is_no_log_is_not_written_to(tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    before = file.stat().st_mtime_ns
    with pytest.raises(WatcherError, match="is no log of framesift's"):
        Log(terminal=False, file=file)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (content, before)


def test_a_folder_or_a_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", tmp_path):
        with pytest.raises(WatcherError, match="the log file"):
            Log(terminal=False, file=file)


def test_a_log_that_cannot_be_written_stops_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Log(terminal=True, file=Path("/dev/full")) as log:
        log.say("still here")
        log.say("and here")
    output = capfd.readouterr()
    assert "still here" in output.out
    assert "and here" in output.out
    assert output.err == ""


def test_a_log_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "framesift.log"
    with Log(terminal=False, file=file) as log:
        log.say("one")
        file.rename(tmp_path / "old.log")
        log.say("two")
        file.unlink()
        log.say("three")
        file.unlink()
        file.write_bytes(screen(1))  # what is no log is not written to, however it came there
        log.say("lost")
        file.unlink()
        log.say("four")
    assert "one" in (tmp_path / "old.log").read_text()
    assert [line.split("· ")[1] for line in ANSI.sub("", file.read_text()).splitlines()] == ["four"]


def test_a_bug_stands_in_the_log_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "framesift.log"
    with contextlib.suppress(KeyError), Log(terminal=False, file=file):
        raise KeyError("https://user:secret@host")
    assert "ended by KeyError: 'https://***" in file.read_text()
    assert "secret" not in file.read_text()


def test_json_on_the_terminal_is_what_it_is_in_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Log(terminal=True, file=tmp_path / "log", as_json=True) as log:
        log.say("a :warning: and [bold]")
    assert capfd.readouterr().out == (tmp_path / "log").read_text()


def test_what_is_wrong_is_one_line_whatever_is_in_a_name(capfd: pytest.CaptureFixture[str]) -> None:
    print_error("/x\nframesift: all is well")
    assert capfd.readouterr().err == "framesift: /x\\x0aframesift: all is well\n"


def test_a_table_that_is_not_for_a_terminal_is_folded_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    long = f"/{'very long ' * 30}folder"
    print_table([("name", long), ("", "more"), ("other", "")], title="Title")
    assert capfd.readouterr().out == f"Title\nname   {long}\n       more\nother\n"


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_findings_are_wrapped_between_words_and_their_mends_never(
    columns: int, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    found, mend = "one two three " * 12, f"framesift restore '/{'a b/' * 30}c'"
    print_findings([Finding.odd("quarantine", found, "why " * 40, mend)], title="")
    lines = ANSI.sub("", capfd.readouterr().out).splitlines()
    assert f"      mend        {mend}" in lines
    others = [line for line in lines if "mend" not in line]
    assert max(map(len, others)) <= columns
    assert " ".join(" ".join(others).split()) == f"odd quarantine {found.strip()} cause {('why ' * 40).strip()}"
