"""Hooks answer and listen; none of them can hurt a picture, another hook or the watcher."""

import contextlib
import http.server
import importlib.util
import json
import os
import py_compile
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk, capture_of, land
from tests.pictures import screen
from watcher.disk.mirror import mark
from watcher.errors import KnownError
from watcher.keep.custody import Custody
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry, State, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Policy, Score, Verdict, decide, unreadable
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

POLICY = Policy()


class Bench:
    """Hooks and custody on real files, with verdicts made by hand."""

    def __init__(self, desk: Desk, text: str = "", **hook_files: str) -> None:
        self.desk = desk
        desk.config.write_text(f"{desk.head}{text}")
        self.folders = Folders(desk.config, desk.state, desk.logs)
        self.folders.hooks_dir.mkdir(exist_ok=True)
        for name, source in hook_files.items():
            file = self.folders.hooks_dir / f"{name}.py"
            file.write_text(source)
            file.chmod(0o600)
        self.settings = Settings.load(self.folders, {}, {})
        self.complaints: list[str] = []
        self.hooks = Hooks(self.settings, self.folders.hooks_dir, self.complaints.append)
        self.ledger = Ledger.open(desk.state / "ledger.sqlite")
        self.ledger.adopt(desk.root, [])
        self.custody = Custody(self.ledger, self.hooks, Timeline(desk.root))

    def new(self, tick: int) -> Entry:
        capture = capture_of(self.desk.put(tick, screen(tick)))
        return self.custody.carry_out(decide(capture, NOTHING_TO_COMPARE, POLICY), KeptFrame(capture, 40, 48, b"s"))

    def later(self, tick: int, ssim: float, nearest: Entry) -> Entry:
        capture = capture_of(self.desk.put(tick, screen(tick)))
        score = Score(nearest.verdict.capture, ssim, exact=True, worst_tile=0.5)
        verdict = decide(capture, score, POLICY)
        return self.custody.carry_out(verdict, KeptFrame(capture, 40, 48, b"s") if verdict.stays else None)

    def duplicate(self, tick: int = 2) -> Entry:
        return self.later(tick, 0.999, self.new(1))


@pytest.fixture
def benches() -> Iterator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.ledger.close()


@pytest.fixture
def bench(desk: Desk, benches: list[Bench]) -> Any:
    def make(text: str = "", **hook_files: str) -> Bench:
        benches.append(Bench(desk, text, **hook_files))
        return benches[-1]

    return make


def test_a_duplicate_goes_to_the_mirror_and_new_and_similar_stay(desk: Desk, bench: Any) -> None:
    made = bench()
    first = made.new(1)
    similar = made.later(2, 0.97, first)
    duplicate = made.later(3, 0.995, first)
    assert (first.state, similar.state, duplicate.state) == (State.KEPT, State.KEPT, State.QUARANTINED)
    assert duplicate.location == desk.mirrored(desk.path(3))
    assert duplicate.location.exists()
    assert not desk.path(3).exists()
    assert made.complaints == []


def test_set_aside_moves_similar_ones_to_a_mirror_of_their_own(desk: Desk, bench: Any) -> None:
    made = bench('on_similar = "set-aside"')
    similar = made.later(2, 0.97, made.new(1))
    assert similar.location == desk.base / "ScreenRecord-similar" / desk.path(2).relative_to(desk.root)
    assert similar.location.exists()
    assert made.ledger.location(similar.verdict.capture) == similar.location


def test_a_blocked_hook_is_not_asked(desk: Desk, bench: Any) -> None:
    made = bench('hooks.blocked = ["quarantine"]')
    assert "quarantine" not in made.hooks.names
    assert made.duplicate().state is State.KEPT
    assert desk.path(2).exists()


def test_an_unreadable_capture_is_never_moved(desk: Desk, bench: Any) -> None:
    made = bench(everything=PLACE_EVERYTHING)
    entry = made.custody.carry_out(unreadable(capture_of(desk.put(1, b"x")), "broken", POLICY), None)
    assert entry.state is State.KEPT


PLACE_EVERYTHING = """
import watcher

@watcher.hookimpl
def place(verdict, settings):
    return settings.root.parent / "mine" / verdict.capture.path.name
"""


def test_a_users_hook_is_asked_before_ours(desk: Desk, bench: Any) -> None:
    entry = bench(mine=PLACE_EVERYTHING).duplicate()
    assert entry.location == desk.base / "mine" / desk.path(2).name
    assert entry.location.exists()


@pytest.mark.parametrize(
    "answer",
    [
        *("1 / 0", "42", "'relative/path.png'", "settings.root / 'again_1.png'"),
        *(
            "sys.exit('out of here')",
            "sys.exit()",
            "settings.root.parent / 'x' / '..' / 'ScreenRecord' / 'again_1.png'",
        ),
        *("settings.root.parent / 'link' / 'again_1.png'", "settings.root.parent / 'other' / 'deep' / 'again_1.png'"),
        "settings.root.parent / 'zero\\0' / 'again_1.png'",
    ],
)
def test_a_place_hook_that_fails_leaves_the_file_alone(desk: Desk, bench: Any, answer: str) -> None:
    source = f"import sys, watcher\n\n@watcher.hookimpl\ndef place(verdict, settings):\n    return {answer}\n"
    made = bench(bad=source)
    (desk.base / "link").symlink_to(desk.root)
    mark(desk.base / "other", desk.base / "another root")
    entry = made.duplicate()
    assert entry.state is State.KEPT
    assert desk.path(2).exists()
    assert len(made.complaints) == 2, "one line for each capture"
    assert all("the file stays" in line for line in made.complaints)
    assert sorted(path.name for path in desk.base.rglob("*.png*")) == [desk.path(1).name, desk.path(2).name]


def test_an_interrupt_within_a_hook_is_one(desk: Desk, bench: Any) -> None:
    raises = "import watcher\n\n@watcher.hookimpl\ndef {}:\n    raise KeyboardInterrupt\n"
    for source in (raises.format("place(verdict)"), raises.format("recorded(entry)")):
        made = bench(bad=source)
        with pytest.raises(KeyboardInterrupt):
            made.new(1)
        desk.path(1).unlink()


LISTENER = """
import watcher

@watcher.hookimpl
def recorded(entry):
    with open({file!r}, "a") as stream:
        print(entry.id, entry.state, file=stream)
"""


def test_every_listener_hears_of_every_entry_once_and_a_failing_one_harms_no_other(desk: Desk, bench: Any) -> None:
    heard = desk.base / "heard"
    bad = "import watcher\n\n@watcher.hookimpl\ndef recorded(entry, settings):\n    raise {}\n"
    listener = LISTENER.format(file=str(heard))
    made = bench(a=listener, b=bad.format("ValueError('no')"), c=listener, d=bad.format("SystemExit"))
    made.duplicate()
    assert heard.read_text().splitlines() == ["1 kept", "1 kept", "2 quarantined", "2 quarantined"]
    assert made.complaints == ["hook d failed: SystemExit", "hook b failed: ValueError: no"] * 2


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def oops(:", "hook bad failed: SyntaxError"),
        ("import nowhere_to_be_found", "hook bad failed: ModuleNotFoundError"),
        ("import sys; sys.exit(0)", "hook bad failed: SystemExit: 0"),
        ("import watcher\n\n@watcher.hookimpl\ndef plaice(verdict):\n    pass\n", "hook bad failed: PluginValidation"),
        (
            "import watcher\n\n@watcher.hookimpl\ndef place(verdict, typo):\n    pass\n",
            "hook bad failed: PluginValidation",
        ),
    ],
)
def test_a_hook_that_cannot_be_used_is_told_of_and_left_out(bench: Any, source: str, complaint: str) -> None:
    made = bench(bad=source)
    assert [line for line in made.complaints if line.startswith(complaint)]
    assert made.duplicate().state is State.QUARANTINED


def test_a_hook_file_that_others_can_write_is_not_run(desk: Desk, bench: Any) -> None:
    folder = Folders(desk.config, desk.state, desk.logs).hooks_dir
    folder.mkdir()
    file = folder / "open.py"
    file.write_text(f"open({str(desk.base / 'ran')!r}, 'w')")
    file.chmod(0o666)
    made = bench()
    assert any("can be written by others" in line for line in made.complaints)
    assert not (desk.base / "ran").exists()


def test_no_hook_of_a_folder_that_others_can_write_is_run_and_one_line_says_so(desk: Desk, bench: Any) -> None:
    folder = Folders(desk.config, desk.state, desk.logs).hooks_dir
    folder.mkdir()
    folder.chmod(0o777)
    made = bench(one="1 / 0", two="1 / 0")
    (complaint,) = made.complaints
    assert "can be written by others; chmod go-w" in complaint
    assert made.duplicate().state is State.QUARANTINED


def test_what_is_compiled_beside_a_hook_is_neither_read_nor_written(desk: Desk, bench: Any) -> None:
    planted, file = desk.base / "planted.py", desk.base / "hooks" / "one.py"
    compiled = Path(importlib.util.cache_from_source(str(file)))
    bench(one="import pathlib; assert pathlib.Path(__file__).name == 'one.py'")
    assert not compiled.exists()
    planted.write_text("1 / 0")
    py_compile.compile(str(planted), str(compiled), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    made = bench(one=PLACE_EVERYTHING)
    assert made.complaints == []
    assert made.duplicate().location == desk.base / "mine" / desk.path(2).name


@pytest.mark.parametrize(
    "says", ["Max retries exceeded with url: /services/A/hunter2 (no route)", "json://me:hunter2@host"]
)
def test_what_a_hook_says_of_an_address_is_its_scheme(bench: Any, says: str) -> None:
    made = bench(bad=f"import watcher\n\n@watcher.hookimpl\ndef recorded(entry):\n    raise ValueError({says!r})\n")
    made.new(1)
    (complaint,) = made.complaints
    assert "hunter2" not in complaint
    assert "***" in complaint


def test_run_command_gets_the_entry_as_json_and_no_shell(desk: Desk, bench: Any) -> None:
    script = desk.base / "script.py"
    script.write_text("import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')")
    out = desk.base / "out; touch pwned $(id)"
    argv = json.dumps([sys.executable, str(script), str(out)])
    entry = bench(f"[hooks.run_command]\nargv = {argv}").duplicate()
    assert [json.loads(line) for line in out.read_text().splitlines()][-1] == entry.as_json()


def test_a_command_that_hangs_is_killed_and_told_of(bench: Any) -> None:
    argv = json.dumps([sys.executable, "-c", "import time; time.sleep(60)"])
    begun = datetime.now()
    made = bench(f"[hooks.run_command]\nargv = {argv}\ntimeout = 0.3")
    made.new(1)
    assert (datetime.now() - begun).total_seconds() < 10
    assert any("timed out" in line for line in made.complaints)


@pytest.mark.parametrize("argv", [["/nowhere/to/be/found"], [sys.executable, "-c", "raise SystemExit(3)"]])
def test_a_command_that_fails_is_told_of(bench: Any, argv: list[str]) -> None:
    made = bench(f"[hooks.run_command]\nargv = {json.dumps(argv)}")
    made.new(1)
    assert len(made.complaints) == 1
    assert "hook run_command failed" in made.complaints[0]


class _Receiver(http.server.BaseHTTPRequestHandler):
    received: list[dict[str, Any]] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(json.loads(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_notify_sends_the_kinds_that_were_asked_for(bench: Any) -> None:
    _Receiver.received.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"json://127.0.0.1:{server.server_port}"
        made = bench(f'[hooks.notify]\nurls = ["{url}"]\nkinds = ["new"]')
        made.duplicate()
        server.shutdown()
    assert made.complaints == []
    assert [message["title"] for message in _Receiver.received] == ["Display 1: new"]


def test_notify_that_reaches_nobody_is_told_of(bench: Any) -> None:
    made = bench('[hooks.notify]\nurls = ["json://127.0.0.1:9"]\nkinds = ["new"]')
    made.new(1)
    assert any("not delivered" in line for line in made.complaints)


def test_a_hook_from_an_installed_package_is_found(desk: Desk, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    package = desk.base / "site"
    info = package / "friendly-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "friendly.py").write_text(LISTENER.format(file=str(desk.base / "heard")))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: friendly\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[framesift]\nfriendly = friendly\n")
    monkeypatch.syspath_prepend(str(package))
    made = bench()
    assert "friendly" in made.hooks.names
    made.new(1)
    assert (desk.base / "heard").read_text() == "1 kept\n"


def test_a_taken_name_in_the_quarantine_is_not_overwritten(desk: Desk, bench: Any) -> None:
    made = bench()
    taken = desk.mirrored(desk.path(2))
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"an earlier picture of that name")
    entry = made.duplicate()
    assert taken.read_bytes() == b"an earlier picture of that name"
    assert entry.location == taken.with_name(taken.name + ".~1~")
    assert entry.location.exists()


def test_a_capture_that_was_replaced_meanwhile_stays(desk: Desk, bench: Any) -> None:
    made = bench()
    first = made.new(1)
    capture = capture_of(desk.put(2, screen(1)))
    desk.put(2, screen(9))
    os.utime(desk.path(2), ns=(1, capture.mtime_ns + 1))
    verdict: Verdict = decide(capture, Score(first.verdict.capture, 1.0, exact=True, worst_tile=1.0), POLICY)
    with pytest.raises(KnownError, match="no longer there, or was changed"):
        made.custody.carry_out(verdict, None)
    assert made.ledger.about(desk.path(2)) == []
    assert desk.path(2).read_bytes() == screen(9)


SWAPS = """
import pathlib, watcher
@watcher.hookimpl
def place(verdict, settings):
    if verdict.stays:
        return
    own = verdict.capture.path
    swapped = {"file": own, "folder": own.parent, "mirror": settings.quarantine_dir / own.parent.name}["WHICH"]
    swapped.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = settings.root.parent / "elsewhere"
    if swapped.exists():
        swapped.rename(elsewhere)
    else:
        elsewhere.mkdir()
    swapped.symlink_to(elsewhere)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
@pytest.mark.parametrize("which", ["file", "folder", "mirror"])
def test_a_file_or_a_folder_swapped_for_a_link_between_judgement_and_move_moves_nothing(
    desk: Desk, bench: Any, which: str
) -> None:
    made = bench(swaps=SWAPS.replace("WHICH", which))
    kept = capture_of(land(desk.root / "kept" / desk.path(1).name, screen(1)))
    made.custody.carry_out(decide(kept, NOTHING_TO_COMPARE, POLICY), KeptFrame(kept, 40, 48, b"s"))
    twin = capture_of(land(desk.root / "twins" / desk.path(2).name, screen(1)))
    verdict = decide(twin, Score(kept, 1.0, exact=True, worst_tile=1.0), POLICY)
    with contextlib.suppress(KnownError):  # of a link nothing is written down
        entry = made.custody.carry_out(verdict, None)
        assert (entry.state, entry.location) == (State.KEPT, twin.path)
    elsewhere = desk.base / "elsewhere"
    assert made.complaints == []
    assert elsewhere.exists()
    assert twin.path.read_bytes() == kept.path.read_bytes() == screen(1)
    assert [path for path in desk.quarantine.rglob("*.png*") if path.is_file()] == []
    assert list(elsewhere.iterdir() if which == "mirror" else []) == []
