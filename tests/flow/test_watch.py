"""The whole watcher as users run it: a process of its own, real files, signals, and the ledger it leaves behind."""

import contextlib
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from pytorch_msssim import ssim

from tests.desk import (
    LONG_AGO,
    START,
    Desk,
    capture_of,
    colorless,
    facts,
    judge_all,
    land,
    name_of,
    tree,
    wait_for,
    working_desk,
)
from tests.pictures import screen, typed
from watcher.judge.frame import load
from watcher.judge.pipeline import Judged
from watcher.judge.windows import Windows
from watcher.model.verdict import Kind, Policy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, modes and links as POSIX has them")

_CAPTURE_LINE = re.compile(r"^(?:\d{4}-)?\d\d-\d\d \d\d:\d\d(?::\d\d)? +\d+  (?:new|similar|duplicate|unreadable) ")


def capture_lines(text: str) -> list[str]:
    """The lines about captures, as far as their columns tell of the capture and not of the run."""
    lines = [line for line in text.splitlines() if _CAPTURE_LINE.match(line)]
    return [re.sub(r" +\d+ ms.*", "", line) for line in lines]


def kinds(desk: Desk) -> dict[str, str]:
    """The verdict on each capture, by its file name."""
    return {Path(path).name: str(said[0]) for path, said in desk.decisions().items()}


def until_told(desk: Desk, count: int) -> None:
    wait_for(lambda: len(capture_lines(desk.output())) >= count)


def ended_by(process: "subprocess.Popen[str]", number: signal.Signals) -> int:
    """The exit code after a signal, which is obeyed within 5 s."""
    process.send_signal(number)
    return process.wait(5)


def test_a_watcher_that_is_told_to_stop_while_it_starts_ends_well(desk: Desk) -> None:
    process = desk.start(ready=False)
    wait_for(lambda: "is starting" in desk.output(), 60)
    assert ended_by(process, signal.SIGTERM) == 0
    assert "Traceback" not in desk.output()


@pytest.mark.slow
def test_duplicates_leave_unchanged_for_the_mirror_and_each_capture_has_one_line(desk: Desk) -> None:
    process = desk.start()
    neighbour = land(desk.base / "neighbour" / "picture_1.png", screen(1))
    hidden = land(desk.root / ".hidden" / "picture_1.png", screen(1))
    stream = [
        (desk.path(1), screen(1), "new"),
        (desk.path(1, 2), screen(2), "new"),
        (desk.path(2), typed(1, 1), "duplicate"),
        (desk.path(2, 2), typed(2, 3), "similar"),
        (desk.path(3), screen(1), "duplicate"),
        (desk.path(3, 2), screen(3), "new"),
        (desk.path(400), screen(1), "duplicate"),
        (desk.path(400, 2), typed(2, 3), "duplicate"),
        (desk.path(401), screen(2), "new"),
        (desk.root / "no time in it_1.png", screen(1), "duplicate"),
    ]
    before = {hidden: facts(hidden)}
    modes = (0o644, 0o600, 0o444, 0o604, 0o755)
    for number, (path, content, _) in enumerate(stream):
        if number == len(stream) - 1:
            desk.until_judged(number)  # this one has the earliest time and would go first
        before[path] = content, LONG_AGO + number, modes[number % len(modes)]
        land(path, *before[path])
    desk.until_judged(len(stream))
    with ThreadPoolExecutor() as pool:
        # Another state folder makes no difference: it is the folder that has one watcher.
        others = [("watch",), ("--state-dir", str(desk.base / "other"), "watch")]
        refused = list(pool.map(lambda arguments: desk.run(*arguments, check=1), others))
    assert ended_by(process, signal.SIGTERM) == 0

    assert kinds(desk) == {path.name: kind for path, _, kind in stream}
    left = [path for path, _, kind in stream if kind == "duplicate"]
    stayed = [path for path in before if path not in left]
    assert tree(desk.root) == {str(path.relative_to(desk.root)): before[path] for path in stayed}
    assert facts(neighbour)[0] == screen(1)
    mirror = {name: what for name, what in tree(desk.quarantine).items() if not name.startswith(".framesift/")}
    assert mirror == {str(path.relative_to(desk.root)): before[path] for path in left}

    output = desk.output()
    assert len(capture_lines(output)) == len(stream)
    for path, _, kind in stream[:-1]:
        day, clock, display = path.stem.split("_")
        start = f"{day} {clock[:5].replace('.', ':')} {display:>3}  {kind} "  # of another year
        assert sum(line.startswith(start) for line in capture_lines(output)) == 1
    for other in refused:
        assert len(other.stderr.splitlines()) == 1
        assert re.search("another framesift.* is running", other.stderr)
    log = (desk.logs / "framesift.log").read_text()
    own = [line for line in colorless(log).splitlines() if line not in "".join(one.stdout for one in refused)]
    assert own == output.splitlines()
    assert "\x1b[" in log


@pytest.mark.slow
def test_what_was_there_before_is_left_to_sweep_and_what_comes_while_stopped_is_judged(desk: Desk) -> None:
    old = {path: facts(path) for path in (desk.put(tick, screen(1)) for tick in range(3))}
    process = desk.start()
    assert "; 3 captures from before its first start are left to framesift sweep" in desk.output()
    land(desk.path(10), screen(1))
    desk.until_judged(1)
    assert ended_by(process, signal.SIGINT) == 130

    land(desk.path(11), screen(1))
    land(desk.path(-5000), screen(1), LONG_AGO)
    attic = desk.base / "attic" / "2009-02"
    attic.mkdir(parents=True)
    (attic / "2009-02-13_23.31.30.000000_1.png").write_bytes(screen(2))
    os.utime(attic / "2009-02-13_23.31.30.000000_1.png", ns=(LONG_AGO, LONG_AGO))
    subprocess.run(["cp", "-a", attic, desk.root], check=True)
    rewritten = next(iter(old))
    old.pop(rewritten)
    rewritten.write_bytes(screen(5))

    process = desk.start()
    desk.until_judged(5)
    assert "; 3 captures from before its first start are left to framesift sweep" in desk.output()
    assert ended_by(process, signal.SIGTERM) == 0
    assert kinds(desk) == {
        desk.path(10).name: "new",
        desk.path(11).name: "duplicate",
        desk.path(-5000).name: "duplicate",
        "2009-02-13_23.31.30.000000_1.png": "new",
        rewritten.name: "new",
    }
    assert {path: facts(path) for path in old} == old


def arrivals(count: int, seed: int, window: int) -> list[list[tuple[int, int, bytes]]]:
    """Captures (tick, display, content) in parts that arrive at once, of more screens than a window holds."""
    rng = random.Random(seed)
    stream = []
    for tick in range(count // 2):
        for display in (1, 2):
            number = rng.randrange(window + 3) * 2 + display
            content = typed(number, rng.choice((0, 0, 1, 3, 4)))
            stream.append((tick, display, content))
    part = count // 2
    return [stream[start : start + part] for start in range(0, count, part)]


def arrive(desk: Desk, part: int, captures: Sequence[tuple[int, int, bytes]]) -> None:
    """Let a folder of captures appear at once."""
    folder = desk.base / "landing"
    for tick, display, content in captures:
        land(folder / desk.path(tick, display).name, content, LONG_AGO + tick)
    folder.rename(desk.root / f"part-{part}")


@pytest.mark.slow
def test_a_stream_cut_into_several_runs_leaves_the_ledger_and_windows_of_an_unbroken_one(
    desk: Desk, tmp_path: Path
) -> None:
    window = 4
    parts = arrivals(120, seed=3, window=window)
    (tmp_path / "unbroken").mkdir()
    with working_desk(tmp_path / "unbroken") as unbroken:
        unbroken.start("--window", str(window))
        done = cut = 0
        for number, part in enumerate(parts):
            process = desk.start("--window", str(window))
            arrive(unbroken, number, part)
            desk.until_judged(done)
            arrive(desk, number, part)
            enough = done + len(part) // 4
            wait_for(lambda enough=enough: desk.judged() >= enough)  # type: ignore[misc]
            assert ended_by(process, signal.SIGTERM) == 0
            done += len(part)
            cut += desk.judged() < done
            unbroken.until_judged(done)
        process = desk.start("--window", str(window))
        desk.until_judged(done)
        assert cut, "no run was stopped in the middle of a part"
        assert ended_by(process, signal.SIGTERM) == 0
        assert unbroken.stop() == 0

        decisions = unbroken.decisions()
        found = [kind for kind, *_ in decisions.values()]
        assert min(found.count(kind) for kind in ("new", "similar", "duplicate")) >= 10
        assert desk.decisions() == decisions
        assert desk.windows(window) == unbroken.windows(window)
        assert [len(frames) for frames in desk.windows(10 * window).values()] == [window, window]
    assert sum("stopped; judged" in (tmp_path / f"watch-{run}.out").read_text() for run in range(3)) == 3


@pytest.mark.slow
def test_a_dry_run_tells_the_same_verdicts_and_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    captures = [capture for part in arrivals(18, seed=5, window=2) for capture in part]
    (tmp_path / "dry").mkdir()
    with working_desk(tmp_path / "dry") as dry:
        dry.start("--dry-run")
        desk.start()
        for one in (desk, dry):
            arrive(one, 0, captures)
        for one in (desk, dry):
            until_told(one, len(captures))
        assert [dry.stop(), desk.stop()] == [0, 0]
        assert capture_lines(dry.output()) == capture_lines(desk.output())
        duplicates = sum(kind == "duplicate" for kind in kinds(desk).values())
        assert 3 <= duplicates == dry.output().count(f"would go to {dry.quarantine}") < len(captures)
        assert len(tree(dry.root)) == len(captures)
        assert not dry.quarantine.exists()
        assert not dry.state.exists()

    # The same beside a ledger: it is read, and left as it is.
    before = tree(desk.state), tree(desk.quarantine)
    desk.start("--dry-run")
    again = land(desk.path(50), captures[-2][2])
    until_told(desk, 1)
    assert desk.stop() == 0
    assert " duplicate " in capture_lines(desk.output())[0]
    assert again.read_bytes() == captures[-2][2]
    assert (tree(desk.state), tree(desk.quarantine)) == before


@pytest.mark.slow
def test_a_root_behind_links_is_waited_for_and_then_watched(desk: Desk) -> None:
    desk.root.rmdir()
    disk = desk.base / "disk"
    disk.mkdir()
    (desk.base / "mounted").symlink_to(disk)
    link = desk.base / "link"
    link.symlink_to(desk.base / "mounted" / "ScreenRecord")
    desk.config.write_text('log_color = "never"\nsettle = "0.2s"\n')
    process = desk.start(str(link), ready=False)
    wait_for(lambda: "waiting for" in desk.output(), 60)
    (disk / "ScreenRecord").mkdir()
    wait_for(lambda: " watches " in desk.output())
    for tick in range(3):
        land(disk / "ScreenRecord" / desk.path(tick).name, screen(tick % 2))
        until_told(desk, tick + 1)
    assert ended_by(process, signal.SIGTERM) == 0
    moved = disk / "ScreenRecord-quarantine" / desk.path(2).name
    assert moved.read_bytes() == screen(0)
    assert sorted(path.name for path in (disk / "ScreenRecord").iterdir()) == [desk.path(0).name, desk.path(1).name]
    lines = desk.output().splitlines()
    assert sum("waiting for" in line for line in lines) == 1
    assert (desk.logs / "framesift.log").read_text().splitlines() == lines
    assert json.loads(desk.run("status", "--json", str(link), check=4).stdout)["captures"]["duplicate"] == 1


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_set_aside_json_lines_and_private_files_whatever_the_umask(desk: Desk) -> None:
    with desk.config.open("a") as config:
        config.write('on_similar = "set-aside"\nlog_format = "json"\n')
    with umask(0):
        process = desk.start()
        stream = {1: screen(1), 2: typed(1, 3), 3: typed(1, 3), 4: screen(1)}
        for tick, content in stream.items():
            land(desk.path(tick), content)
            desk.until_judged(tick)
    assert ended_by(process, signal.SIGTERM) == 0

    similar = desk.base / "ScreenRecord-similar"
    assert (similar / desk.path(2).relative_to(desk.root)).read_bytes() == stream[2]
    # What was set aside is still compared with.
    assert kinds(desk) == {
        desk.path(tick).name: kind for tick, kind in enumerate(("new", "similar", "duplicate", "duplicate"), start=1)
    }
    assert desk.mirrored(desk.path(3)).read_bytes() == stream[3]

    log = (desk.logs / "framesift.log").read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert [json.loads(line) for line in desk.output().splitlines()] == events
    told = [event for event in events if event["event"] == "capture"]
    assert [(event["kind"], event["state"]) for event in told] == [
        ("new", "kept"),
        ("similar", "quarantined"),
        ("duplicate", "quarantined"),
        ("duplicate", "quarantined"),
    ]
    assert [event["location"] for event in told] == [
        str(desk.path(1)),
        str(similar / desk.path(2).relative_to(desk.root)),
        str(desk.mirrored(desk.path(3))),
        str(desk.mirrored(desk.path(4))),
    ]
    for folder in (desk.state, desk.logs, desk.quarantine, similar):
        for path in (folder, *folder.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            if path.is_dir():
                assert mode == 0o700, path
            elif path.suffix != ".png":
                assert mode == 0o600, path


@pytest.mark.slow
def test_nothing_is_the_duplicate_of_a_picture_that_was_deleted_or_replaced(desk: Desk) -> None:
    desk.environment["NO_COLOR"] = "1"
    process = desk.start()
    judged = 0

    def show(content: bytes) -> Path:
        nonlocal judged
        judged += 1
        path = land(desk.path(judged), content)
        desk.until_judged(judged)
        return path

    first = show(screen(1))
    first.unlink()
    second = show(screen(1))
    show(screen(1))
    second.write_bytes(screen(7))
    judged += 1
    desk.until_judged(judged)
    third = show(screen(1))
    show(screen(1))
    assert ended_by(process, signal.SIGTERM) == 0
    third.unlink()
    process = desk.start()
    last = show(screen(1))
    assert ended_by(process, signal.SIGTERM) == 0

    with desk.ledger() as ledger:
        entries = list(ledger.entries())
    assert [(entry.verdict.capture.path, entry.verdict.kind.value) for entry in entries] == [
        (first, "new"),
        (second, "new"),
        (desk.path(3), "duplicate"),
        (second, "new"),
        (third, "new"),
        (desk.path(6), "duplicate"),
        (last, "new"),
    ]
    assert [entry.state.value for entry in entries] == [
        *("missing", "missing", "quarantined", "restored", "missing", "quarantined", "kept")
    ]
    assert "\x1b" not in (desk.logs / "framesift.log").read_text()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own at *folder*."""
    folder.mkdir(mode=0o700)
    if not sys.platform.startswith("linux"):
        pytest.skip("needs a tmpfs")
    options = f"size={size},mode=700,uid={os.getuid()}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount a small disk: {done.stderr.decode().strip().splitlines()[0]}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Write a file until the disk of *folder* is full."""
    ballast = folder / ".ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


@pytest.mark.slow
def test_a_full_disk_loses_nothing_says_one_line_and_is_survived(desk: Desk) -> None:
    with small_disk(desk.quarantine, "128k"), small_disk(desk.state, "512k"):
        process = desk.start()
        land(desk.path(1), screen(1))
        desk.until_judged(1)

        ballast = fill(desk.quarantine)
        waiting = [land(desk.path(tick), screen(1), LONG_AGO) for tick in (2, 3)]
        land(desk.path(4), screen(2))
        wait_for(lambda: "No space left on device; nothing is moved until this is mended" in desk.output())
        time.sleep(3)  # longer than it takes to try again
        assert desk.output().count("No space left on device") == 1
        assert [facts(path) for path in waiting] == [(screen(1), LONG_AGO, 0o644)] * 2
        assert not [path for path in desk.quarantine.rglob("*.png*") if path.is_file()]
        ballast.unlink()
        desk.until_judged(4)
        assert desk.output().count("that is mended; going on") == 1
        assert [facts(desk.mirrored(path)) for path in waiting] == [(screen(1), LONG_AGO, 0o644)] * 2

        ballast = fill(desk.state)
        late = land(desk.path(5), screen(2), LONG_AGO)
        wait_for(lambda: "cannot be used: database or disk is full" in desk.output())
        assert ended_by(process, signal.SIGTERM) == 0
        assert "stopped; judged 2 new, 2 duplicate" in desk.output()
        assert facts(late) == (screen(2), LONG_AGO, 0o644)
        ballast.unlink()
        process = desk.start()
        desk.until_judged(5)
        assert ended_by(process, signal.SIGTERM) == 0
        assert facts(desk.mirrored(late)) == (screen(2), LONG_AGO, 0o644)
        assert list(kinds(desk).values()) == ["new", "duplicate", "duplicate", "new", "duplicate"]


@dataclass
class Shown:
    """What one display shows: an application, what was typed into it, and the time of the clock in the corner."""

    number: int
    letters: int = 0
    minute: int = 0

    def picture(self, size: tuple[int, int], mode: str) -> Image.Image:
        rng = random.Random(self.number)
        image = Image.new("RGB", size, rng.randrange(2**24))
        draw = ImageDraw.Draw(image)
        for _ in range(20):
            x, y = rng.randrange(size[0]), rng.randrange(size[1])
            draw.rectangle((x, y, x + rng.randrange(8, 40), y + rng.randrange(4, 20)), fill=rng.randrange(2**24))
        draw.rectangle((10, 20, size[0] - 10, size[1] - 15), fill=0xF0F0F0)
        for letter in range(self.letters):
            row, column = divmod(letter, (size[0] - 30) // 4)
            x, y = 14 + column * 4, 24 + row * 6 % (size[1] - 46)
            draw.line((x, y, x + 1 + letter * 7 % 2, y + 3), fill=0x202020 + self.number)
        for bit in range(6):
            draw.point((size[0] - 12 + bit * 2, 4), fill=0xFFFFFF * (self.minute >> bit & 1))
        if mode == "RGBA":
            image.putalpha(Image.linear_gradient("L").resize(size))
        return image


def working_day(folder: Path, count: int) -> Iterator[Path]:
    """Captures of three displays on which applications come and return, clocks tick and people type."""
    rng = random.Random(11)
    forms = {1: ((160, 100), "RGB"), 2: ((121, 93), "RGB"), 3: ((160, 100), "RGBA")}
    open_apps = {display: [Shown(display * 100)] for display in forms}
    for number in range(count):
        display = number % 3 + 1
        apps = open_apps[display]
        size, mode = forms[display]
        app = apps[-1]
        chance = rng.random()
        if chance < 0.15:
            app = Shown(app.number + len(apps), rng.randrange(150))
            apps.append(app)
        elif chance < 0.45:
            app = rng.choice(apps)
            apps.remove(app)
            apps.append(app)
        elif chance < 0.75:
            app.letters += rng.choice((1, 2, 4, 8, 16, 32))
        for one in apps:
            one.minute = number // 3
        if display == 2 and number % 5 == 0:
            size = (93, 121)  # somebody turns the second display now and then
        path = folder / name_of(START + timedelta(seconds=number), display)
        app.picture(size, mode).save(path, compress_level=1)
        yield path


@dataclass(frozen=True)
class Expected:
    """The verdict of the loop below, and the SSIM with every frame of the window, by path."""

    kind: str
    nearest: Path | None
    scores: dict[Path, float]


def brute_force(paths: Iterable[Path], window: int) -> Iterator[Expected]:
    """The verdicts by definition: SSIM with every frame of a plain list, most recently used first."""
    windows: dict[tuple[str, tuple[int, int]], list[tuple[Path, torch.Tensor]]] = {}
    for path in paths:
        with Image.open(path) as image:
            halved = image.convert("RGB").reduce(2)
        flat = torch.frombuffer(bytearray(halved.tobytes()), dtype=torch.uint8)
        frame = flat.view(1, halved.height, halved.width, 3).permute(0, 3, 1, 2).float()
        frames = windows.setdefault((path.stem[-1], halved.size), [])
        scores = {one: ssim(frame, other, data_range=255, size_average=False).item() for one, other in frames}
        nearest = max(scores, key=scores.__getitem__, default=None)
        best = scores[nearest] if nearest else -1.0
        if best > 0.99:
            place = next(number for number, (one, _) in enumerate(frames) if one == nearest)
            frames.insert(0, frames.pop(place))
        else:
            frames.insert(0, (path, frame))
            del frames[window:]
        yield Expected("duplicate" if best > 0.99 else "similar" if best > 0.95 else "new", nearest, scores)


def test_verdicts_are_those_of_a_brute_force_loop_over_the_definition(tmp_path: Path) -> None:
    torch.set_num_threads(1)  # more of them make small work slower, by orders of magnitude where others work, too
    policy = Policy(window=7)
    paths = list(working_day(tmp_path, 310))
    read = partial(load, device=torch.device("cpu"), policy=policy)
    windows = Windows(policy, read)
    found = judge_all(map(capture_of, paths), windows, policy, read)
    counts: dict[str, int] = {}
    for judged, expected in zip(found, brute_force(paths, window=7), strict=True):
        assert isinstance(judged, Judged)
        score = judged.verdict.score
        best = max(expected.scores.values(), default=-1.0)
        assert judged.verdict.kind == expected.kind, (judged.capture.path.name, best, score)
        counts[expected.kind] = counts.get(expected.kind, 0) + 1
        if judged.verdict.kind is Kind.NEW:
            assert score.ssim >= best - 1e-5
            assert (score.nearest is None) == (not expected.scores)
        else:
            assert score.nearest is not None
            assert score.exact
            assert abs(score.ssim - best) <= 1e-5
            assert score.nearest.path == expected.nearest or abs(expected.scores[score.nearest.path] - best) <= 1e-6
    assert min(counts[kind] for kind in ("new", "similar", "duplicate")) >= 30, counts


def test_a_watcher_rests_when_it_is_told_and_judges_afterwards_what_came(desk: Desk) -> None:
    assert "no watcher is running" in desk.run("pause", check=1).stderr
    desk.start()
    assert f"{desk.root}: paused; what comes meanwhile is judged afterwards" in desk.run("pause").stdout
    wait_for(lambda: "· paused" in desk.output())
    for tick in (1, 2):
        desk.put(tick, screen(1))
    status = json.loads(desk.run("status", "--json", check=4).stdout)
    assert (status["state"], status["reasons"]) == ("degraded", [f"paused; framesift resume {desk.root}"])
    assert "odd   watcher" in desk.run("doctor", check=None).stdout
    time.sleep(2)
    assert desk.judged() == 0
    assert desk.stop() == 0
    desk.start()
    time.sleep(2)
    assert desk.judged() == 0, "a pause outlives the watcher"
    assert "goes on" in desk.run("resume").stdout
    desk.until_judged(2)
    assert desk.mirrored(desk.path(2)).exists()
    assert "is not paused" in desk.run("resume", check=1).stderr
    assert "paused until" in desk.run("pause", "1s").stdout
    wait_for(lambda: desk.output().count("the pause is over; going on") == 2)


def test_what_is_there_already_is_swept_first_if_that_is_wanted(desk: Desk) -> None:
    for tick in range(4):
        desk.put(tick, screen(tick % 2))
    desk.start("--sweep")
    assert "judged 2 new, 2 duplicate; " in desk.output()
    assert "quarantined (50% of them)" in desk.output()
    assert "2 screens in it" in desk.output()
    path = desk.put(9, screen(1))
    wait_for(desk.mirrored(path).exists)
    assert desk.stop() == 0


def test_a_watcher_that_was_there_first_goes_on_with_the_windows_of_a_sweep(desk: Desk) -> None:
    desk.put(0, screen(1))
    desk.start("--no-sweep")
    desk.run("sweep")
    path = desk.put(1, screen(1))
    wait_for(lambda: desk.mirrored(path).exists() or desk.judged() == 2)
    assert desk.mirrored(path).exists(), "it shows what was swept"


def test_a_mistyped_root_leaves_nothing_behind_and_is_meant_by_nobody_else(desk: Desk) -> None:
    wrong = desk.base / "SreenRecord"
    desk.config.write_text('settle = "0.2s"\n')
    desk.put(0, screen(1))
    desk.run("sweep", str(desk.root))
    desk.start(str(wrong), ready=False)
    wait_for(lambda: f"waiting for {wrong}" in desk.output())
    assert desk.stop() == 0
    assert sorted(path.name for path in desk.base.glob("S*")) == ["ScreenRecord", "ScreenRecord-quarantine"]
    assert str(desk.root) in desk.run("status", check=4).stdout
    desk.start(str(wrong), ready=False)
    wait_for(lambda: f"waiting for {wrong}" in desk.output())
    land(wrong / "2020-05-04_09.00.00_1.png", screen(1))
    wait_for((desk.base / "SreenRecord-quarantine" / ".framesift" / "root").exists)
    assert desk.stop() == 0
