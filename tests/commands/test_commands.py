"""What a person types, and what they get: each verb as a process of its own, after one real watcher has run."""

import contextlib
import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import Framesift
from tests.desk import CONTENT, Desk, Shelf, tree, wait_for
from tests.pictures import screen
from watcher.model.entry import State

NASTY = "x\x1b[31m[bold]\n_1.png"
SCREENS = [screen(1), screen(2), screen(1, tick=7), screen(2), screen(1)]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A root that a real watcher has gone through, and left."""
    desk = Desk(tmp_path_factory.mktemp("watched"))
    desk.root.mkdir()
    desk.start()
    for tick, content in enumerate(SCREENS):
        desk.put(tick, content)
    desk.put(2, screen(3, size=(15, 15)), display=2)
    (desk.root / NASTY).write_bytes(screen(4))
    wait_for(lambda: desk.judged() == len(SCREENS) + 2, 30)
    assert desk.stop() == 0
    return desk


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_history_tells_every_decision_newest_last(watched: Desk) -> None:
    entries = lines(watched.run("history", "--json").stdout)
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    kinds = {Path(entry["path"]).name: entry["kind"] for entry in entries}
    assert [kinds[watched.path(tick).name] for tick in range(5)] == [
        "new",
        "new",
        "duplicate",
        "duplicate",
        "duplicate",
    ]
    assert kinds[watched.path(2, 2).name] == "unreadable"
    assert kinds[NASTY] == "new"
    assert len(watched.run("history").stdout.splitlines()) == len(SCREENS) + 2


def test_history_can_be_narrowed(watched: Desk) -> None:
    assert len(lines(watched.run("history", "--json", "--kind", "duplicate").stdout)) == 3
    assert len(lines(watched.run("history", "--json", "--display", "2").stdout)) == 1
    assert len(lines(watched.run("history", "--json", "--limit", "2").stdout)) == 2
    day = lines(watched.run("history", "--json", "--since", "2020-05-04", "--until", "2020-05-04").stdout)
    assert len(day) == len(SCREENS) + 1
    part = lines(watched.run("history", "--json", "--since", "2020-05-04T09:05", "--until", "2020-05-04T09:09").stdout)
    assert [entry["path"] for entry in part] == [str(watched.path(1))]
    assert len(lines(watched.run("history", "--json", "--since", "yesterday").stdout)) == 1
    assert "no period" in watched.run("history", "--since", "someday", check=2).stderr
    for words in (["2020-05-04"], ["2020-05-04..2020-05-04", str(watched.root)], [str(watched.root), "2020-05-04"]):
        assert lines(watched.run("history", "--json", *words).stdout) == day
    assert "no period" in watched.run("history", "someday", check=2).stderr
    assert "either PERIOD" in watched.run("history", "today", "--until", "today", check=2).stderr
    nowhere = watched.base / "nowhere"
    assert f"nothing was judged in {nowhere} yet" in watched.run("history", str(nowhere), check=1).stderr


def test_why_tells_of_a_file_where_it_was_and_where_it_is(watched: Desk) -> None:
    was, now = watched.path(3), watched.mirrored(watched.path(3))
    for file in (was, now):
        (entry,) = lines(watched.run("why", "--json", str(file)).stdout)
        assert (entry["kind"], entry["state"], entry["location"]) == ("duplicate", "quarantined", str(now))
        assert entry["nearest"] == str(watched.path(1))
        assert entry["ssim"] == 1.0
    text = watched.run("why", str(was)).stdout
    assert "duplicate, SSIM 1.000000" in text
    assert "duplicate above 0.99, similar above 0.95, window 100" in text


def test_why_not(watched: Desk) -> None:
    broken = watched.base / "broken_1.png"
    broken.write_bytes(screen(1)[:-5])
    assert "not a whole PNG: incomplete" in watched.run("why", str(broken), check=1).stderr
    assert "No such file" in watched.run("why", str(watched.base / "nothing_1.png"), check=1).stderr
    for name in ("Screenshot.png", ".hidden_1.png", "9999-12-31_10.00.00_1.png"):
        (watched.root / name).write_bytes(screen(1))
        said = watched.run("why", str(watched.root / name), check=1).stderr
        assert "never judged: " in said
        assert "name" in said.partition("never judged: ")[2]
    assert "15 x 15" not in watched.run("why", str(watched.path(2, 2))).stdout
    assert "8 x 8 pixels" in watched.run("why", str(watched.path(2, 2))).stdout


def test_status_is_concluded_from_evidence(watched: Desk) -> None:
    done = watched.run("status", "--json", check=4)
    status = json.loads(done.stdout)
    assert (status["state"], status["pid"]) == ("stopped", None)
    assert status["captures"] == {"new": 3, "similar": 0, "duplicate": 3, "unreadable": 1}
    size = sum(len(SCREENS[tick]) for tick in (2, 3, 4))
    assert status["saved_bytes"] == size
    assert status["quarantine"] == {"path": str(watched.quarantine), "files": 3, "bytes": size}
    assert set(status["displays"]) == {"1", "2"}
    assert list(status) == [
        "root", "state", "reasons", "pid", "device", "since", "captures", "saved_bytes", "quarantine", "displays",
        "found_by_scan", "saved", "returning", "retention", "last_scan", "last_event",
    ]  # fmt: skip
    saved = {"files": 3, "bytes": size}
    assert status["saved"] == {"today": saved, "month": saved, "ever": saved}
    assert status["displays"]["1"]["saved"] == status["saved"]
    assert status["displays"]["2"]["saved"]["ever"] == {"files": 0, "bytes": 0}
    assert status["retention"] is None
    strip = status["displays"]["2"]["strip"]
    assert strip["day"] == "2020-05-04"
    assert strip["half_hours"].rstrip() == " " * 18 + "!", "an unreadable picture after nine, and nothing else"
    assert len(strip["half_hours"]) == 48
    text = watched.run("status", check=4).stdout
    assert "no watcher is running" in text
    assert "display 1  " in text
    assert f"|{strip['half_hours']}|" in text
    assert str(watched.logs / "framesift.log") in text.replace("\n", "").replace(" ", "")


def test_no_output_lets_a_name_command_the_terminal(watched: Desk) -> None:
    for verb in (["history"], ["why", str(watched.root / NASTY)], ["status"]):
        text = watched.run(*verb, check=None).stdout
        assert "\x1b[31m" not in text
        assert "_1.png" in text or verb == ["status"]
    log = (watched.logs / "framesift.log").read_text()
    assert r"x\x1b[31m[bold]\x0a_1.png" in log


def test_compare_tells_score_verdict_worst_tile_and_share(framesift: Framesift, tmp_path: Path) -> None:
    first, second, picture = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "map.png"
    first.write_bytes(screen(1))
    second.write_bytes(screen(1, tick=9))
    found = json.loads(framesift("compare", first, second, "--json", "--map", picture)[1])
    assert found["kind"] == "duplicate"
    assert 0.99 < found["ssim"] < 1
    assert found["worst_tile"] <= found["ssim"] + 1e-6
    assert 0 < found["changed"] < 0.01
    exact = json.loads(framesift("compare", first, second, "--json", "--reference")[1])
    assert found["ssim"] == pytest.approx(exact["ssim"], abs=1e-5)
    with Image.open(picture) as image:
        assert image.size == (48, 40)
        marked = {(x, y) for x in range(48) for y in range(40) if _is_red(image.getpixel((x, y)))}
    assert (38, 9) in marked
    assert all(abs(x - 38) <= 5 and abs(y - 9) <= 5 for x, y in marked), "no farther than the Gaussian reaches"
    code, text, _ = framesift("compare", first, second)
    assert code == 0
    assert "duplicate above 0.99" in text


def _is_red(pixel: Any) -> bool:
    return bool(pixel[0] > pixel[1])


def test_compare_refuses_in_one_line_and_overwrites_nothing(framesift: Framesift, tmp_path: Path) -> None:
    first, wide, text = tmp_path / "a.png", tmp_path / "w.png", tmp_path / "t.png"
    first.write_bytes(screen(1))
    wide.write_bytes(screen(1, size=(120, 80)))
    text.write_text("this is no picture at all")
    before = first.read_bytes()
    for other, said in ((wide, "different sizes"), (text, "not a PNG"), (tmp_path / "none", "No such file")):
        code, _, error = framesift("compare", first, other)
        assert code == 1
        assert said in error
        assert error.count("\n") == 1
    circle, late = tmp_path / "circle_1.png", tmp_path / "late_1.png"
    circle.symlink_to(circle)
    assert framesift("compare", first, circle)[0] == 1
    late.write_bytes(before)
    with contextlib.suppress(OSError):  # not every file system has such a time
        os.utime(late, (2**38, 2**38))
    assert framesift("compare", first, late)[0] == 0
    code, _, error = framesift("compare", first, first, "--map", first)
    assert (code, "exists" in error) == (1, True)
    assert first.read_bytes() == before


def test_a_map_is_for_its_owner_alone_and_follows_no_link(framesift: Framesift, tmp_path: Path) -> None:
    first, picture, link = tmp_path / "a.png", tmp_path / "map.png", tmp_path / "link.png"
    first.write_bytes(screen(1))
    link.symlink_to(tmp_path / "elsewhere.png")
    before = os.umask(0)
    try:
        assert framesift("compare", first, first, "--map", picture)[0] == 0
        assert framesift("compare", first, first, "--map", link)[0] == 1
    finally:
        os.umask(before)
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert not (tmp_path / "elsewhere.png").exists()


@pytest.mark.parametrize("verb", ["watch", "sweep"])
def test_no_log_is_written_among_pictures(desk: Desk, framesift: Framesift, verb: str) -> None:
    for file in (desk.path(1), desk.quarantine / "framesift.log", desk.base / "ScreenRecord-similar" / "log"):
        code, _, error = framesift(verb, "--log-file", file)
        assert (code, "would be taken for a picture" in error, error.count("\n")) == (1, True, 1)
        assert not file.exists()


def arranged(desk: Desk) -> dict[str, tuple[bytes, int, int]]:
    """A watcher has gone through a root with odd modes and times; returns the tree before."""
    desk.start()
    stage = desk.base / "stage"
    for tick, content in enumerate(SCREENS):
        path = stage / desk.path(tick).relative_to(desk.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod((0o600, 0o644, 0o640, 0o444, 0o755)[tick])
        os.utime(path, ns=(10**18, 10**18 + tick))
    before = tree(stage, "*.png")
    shutil.copytree(stage, desk.root, dirs_exist_ok=True)
    wait_for(lambda: desk.judged() == len(SCREENS), 30)
    desk.stop()
    assert len(tree(desk.root, "*.png")) == 2
    return before


def test_restore_gives_back_the_exact_tree_and_what_was_restored_is_never_judged_again(desk: Desk) -> None:
    before = arranged(desk)
    assert desk.run("restore", "--all", "--dry-run").stdout.count("would restore") == 3
    assert len(tree(desk.root, "*.png")) == 2
    assert "1 restored" in desk.run("restore", str(desk.path(2))).stdout
    assert "1 restored" in desk.run("restore", str(desk.mirrored(desk.path(3)))).stdout
    assert "1 restored" in desk.run("restore", "--day", "2020-05-04", "--yes").stdout
    assert tree(desk.root, "*.png") == before
    assert "nothing to restore" in desk.run("restore", "--all", "--yes", check=1).stderr
    assert {e["state"] for e in lines(desk.run("history", "--json", "--kind", "duplicate").stdout)} == {"restored"}
    desk.start()
    desk.put(9, screen(9))
    wait_for(lambda: desk.judged() == len(SCREENS) + 1)
    desk.stop()
    assert {name: tree(desk.root, "*.png")[name] for name in before} == before


def test_restore_needs_no_ledger(desk: Desk) -> None:
    before = arranged(desk)
    shutil.rmtree(desk.state)
    assert "3 restored" in desk.run("restore", "--all", "--yes", "--quarantine", str(desk.quarantine)).stdout
    assert tree(desk.root, "*.png") == before
    assert tree(desk.quarantine, "*.png") == {}


def test_restore_never_overwrites(desk: Desk) -> None:
    arranged(desk)
    desk.path(2).write_bytes(b"something else")
    done = desk.run("restore", "--all", "--yes", check=1)
    assert "2 restored, 1 not" in done.stderr
    assert f"{desk.path(2)} exists" in done.stderr
    assert desk.path(2).read_bytes() == b"something else"
    assert desk.mirrored(desk.path(2)).exists()
    desk.path(2).unlink()
    assert "1 restored" in desk.run("restore", str(desk.root)).stdout


def test_restore_refuses_a_folder_that_is_no_quarantine(desk: Desk) -> None:
    (desk.base / "holiday").mkdir()
    done = desk.run("restore", "--all", "--yes", "--quarantine", str(desk.base / "holiday"), check=1)
    assert "no quarantine of framesift's" in done.stderr


def test_without_a_ledger_verbs_say_so(desk: Desk) -> None:
    for verb in (["history"], ["why", "x_1.png"], ["restore", "--all", "--yes"]):
        assert "nothing was judged yet" in desk.run(*verb, check=1).stderr
    assert "nothing was judged in it yet" in desk.run("status", check=4).stdout
    assert f"{desk.root}x is not there" in desk.run("status", f"{desk.root}x", check=4).stdout
    assert not desk.state.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["restore"], 2, "say what to restore"),
        (["restore", "--all", "x"], 2, "say what to restore"),
        (["watch", "--window", "-1"], 2, "window"),
        (["watch", "--duplicate", "1.5"], 2, "duplicate"),
        (["watch", "--similar", "0.999"], 2, "similar"),
        (["watch", "--device", "gpu"], 2, "gpu"),
        (["no-such-verb"], 2, "No such command"),
        (["history", "--no-such-option"], 2, "No such option"),
        (["history", "--display", "9" * 30], 2, "--display"),
        (["history", "--limit", "9" * 30], 2, "--limit"),
        (["highlights", "--display", "9" * 30], 2, "--display"),
        (["highlights", "-n", "9" * 30], 2, "-n"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], code: int, said: str, framesift: Framesift
) -> None:
    found, _, error = framesift(*arguments)
    assert found == code
    assert said in error


def test_a_bug_ends_with_3_and_leaves_its_traceback_in_the_log_folder(
    desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(_: object) -> None:
        raise ZeroDivisionError("slack://A/hunter2 does not answer")

    monkeypatch.setattr("watcher.program.Program.existing_ledger", stumble)
    code, _, error = framesift("history")
    (report,) = desk.logs.glob("bug-*.txt")
    assert (code, str(report) in error) == (3, True)
    assert "ZeroDivisionError" in report.read_text()
    assert "hunter2" not in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_bug_is_told_though_no_log_folder_can_be_made(
    desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.program.Program.existing_ledger", lambda _: 1 // 0)
    desk.logs.write_text("a file is in its place")
    code, _, error = framesift("history")
    assert (code, error.count("\n")) == (3, 1)
    assert "ZeroDivisionError" in error


def test_what_may_not_be_entered_is_no_bug(desk: Desk, framesift: Framesift, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(desk.root))

    monkeypatch.setattr("watcher.program.Program.existing_ledger", refuse)
    assert framesift("history") == (1, "", f"framesift: {desk.root}: Permission denied\n")


def test_a_reader_that_leaves_early_is_no_fault(watched: Desk) -> None:
    pipeline = f"{sys.executable} -m watcher history --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", pipeline], env=watched.environment, capture_output=True, text=True, check=True, cwd="/"
    )
    assert json.loads(done.stdout)["id"] == 1
    assert done.stderr == ""


@pytest.mark.slow
def test_two_restores_at_once_bring_every_picture_back(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 41), shelf.keep(0))
    command = [sys.executable, "-m", "watcher", "restore", "--all", "--yes"]
    with (shelf.desk.base / "said").open("w") as said:
        both = [subprocess.Popen(command, env=shelf.desk.environment, cwd="/", stdout=said) for _ in range(2)]
        assert min(process.wait(100) for process in both) == 0  # a late one may find nothing left to restore
    assert all(twin.verdict.capture.path.read_bytes() == CONTENT for twin in twins)
    assert {shelf.state(twin) for twin in twins} == {State.RESTORED}


def test_a_picture_is_named_by_path_number_name_part_or_time(watched: Desk, framesift: Framesift) -> None:
    del framesift
    path, moved = watched.path(3), watched.mirrored(watched.path(3))
    (entry,) = lines(watched.run("why", "--json", str(path)).stdout)
    for words in (
        str(moved),
        str(entry["id"]),
        path.name,
        path.name[:-9],
        "09.15.00",
        "05-04 09:15:00",
        "05-04 09:15",
        "2020-05-04 09:15   1",
        "05-04 09:15:00     1 ",
    ):
        (found,) = lines(watched.run("why", "--json", words).stdout)
        assert found["id"] == entry["id"], words
    assert "05-04 09:1 may be several pictures: " in watched.run("why", "05-04 09:1", check=1).stderr
    assert "No such file" in watched.run("why", "%", check=1).stderr
    assert "No such file" in watched.run("why", "05-04 09:15 2", check=1).stderr, "display 2 had none then"
    assert "would restore" in watched.run("restore", "--dry-run", "05-04 09:15:00").stdout


def test_a_time_without_a_year_is_of_this_one_if_it_can_be(desk: Desk) -> None:
    year = datetime.now().year
    paths = [desk.root / f"{one}-02-03_04.05.06_{display}.png" for one in (2001, year, year - 1) for display in (1, 2)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(screen(number))
    desk.run("sweep")
    for words, path in {
        "02-03 04:05:06 2": paths[3],
        "2001-02-03 04:05 1": paths[0],
        f"{year - 1}-02-03 04:05 2": paths[5],
    }.items():
        (found,) = lines(desk.run("why", "--json", words).stdout)
        assert found["path"] == str(path)
    assert str(paths[2]) in (told := desk.run("why", "02-03 04:05:06", check=1).stderr)
    assert str(paths[0]) not in told


def test_open_shows_a_picture_beside_its_nearest_and_their_map(watched: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    watched.run("open", "05-04 09:20:00", "--out", str(out))
    with Image.open(out) as picture, Image.open(watched.path(0)) as own:
        assert picture.width == 3 * (own.width // 2) + 2 * 16
        assert picture.height == own.height // 2
    assert out.stat().st_mode & 0o777 == 0o600
    assert "exists" in watched.run("open", "05-04 09:20:00", "--out", str(out), check=1).stderr
    assert "no picture of that name" in watched.run("open", "nothing_1.png", check=1).stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the viewer is a stand-in for xdg-open")
def test_open_starts_the_viewer_of_the_system(watched: Desk, tmp_path: Path) -> None:
    viewer = tmp_path / "xdg-open"
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/shown\n')
    viewer.chmod(0o755)
    watched.environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    watched.run("open", "05-04 09:20:00")
    watched.run("open", "05-04 09:00:00")
    wait_for(lambda: len((tmp_path / "shown").read_text().splitlines()) == 2)
    both, alone = (tmp_path / "shown").read_text().splitlines()
    assert Path(both).parent == watched.state
    assert alone == str(watched.path(0)), "it is like nothing"
