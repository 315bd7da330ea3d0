"""The doctor finds what is wrong, says how to mend it, and calls nothing sick that is well."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pyvips
import torch
from PIL import Image

from tests.desk import Desk, Shelf, capture_of, on_its_way
from tests.pictures import png, screen
from watcher.disk.claims import claim, claim_folder
from watcher.disk.listing import key_in_folder
from watcher.disk.rootlock import RootLock
from watcher.doctor import capturing, seeing, setup, storage
from watcher.health.heartbeat import Heartbeat
from watcher.judge import decoding
from watcher.judge.decoding import decode
from watcher.model.capture import NamePattern
from watcher.model.entry import Entry, State
from watcher.model.finding import Finding, Grade, worst
from watcher.model.preparation import Preparation
from watcher.model.verdict import Kind
from watcher.services.job import Condition, Job

OTHER_VOLUME = Path("/dev/shm")  # noqa: S108 - a volume that is at hand


def now() -> datetime:
    return datetime.now().astimezone()


def ago(minutes: float) -> datetime:
    return now() - timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def _config_home(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.base / "config-home"))


def examined(shelf: Shelf, code: int | None = None) -> dict[str, dict[str, str]]:
    """The doctor's findings by name; *code* is the exit code that is expected, if it matters."""
    found: dict[str, Any] = {}
    for expected in (0, 4) if code is None else (code,):
        try:
            found = json.loads(shelf.run("doctor", "--json", code=expected))
        except AssertionError:
            continue
    assert found, f"another exit code than {code}"
    names = [one["name"] for one in found["findings"]]
    assert len(names) == len(set(names))
    assert all(one["mend"] or one["cause"] for one in found["findings"] if one["verdict"] == "odd")
    assert all(one["mend"] and one["cause"] for one in found["findings"] if one["verdict"] == "sick")
    return {one["name"]: one for one in found["findings"]}


@pytest.fixture
def watched(shelf: Shelf) -> Iterator[Shelf]:
    """As if a watcher were at work, and saw."""
    beat(shelf)
    with claim(claim_folder(shelf.desk.state, shelf.desk.root), shelf.desk.root):
        yield shelf


def beat(shelf: Shelf, **values: Any) -> None:
    moment = now()
    report = Heartbeat(
        at=moment.isoformat(), pid=os.getpid(), device="cpu", since=moment.isoformat(), root_there=True, events=True,
        last_scan=moment.timestamp(), quarantine=str(shelf.desk.quarantine),
    )  # fmt: skip
    with shelf.desk.ledger() as ledger:
        ledger.write_heartbeat(shelf.desk.root, replace(report, **values))


def grades(findings: dict[str, dict[str, str]], grade: str) -> set[str]:
    return {name for name, one in findings.items() if one["verdict"] == grade}


def judged(shelf: Shelf, moment: datetime, content: bytes, nearest: Entry | None = None, display: int = 1) -> Entry:
    """A capture of *moment* that is new, or a duplicate of *nearest*."""
    naive = moment.replace(tzinfo=None)
    path = shelf.desk.root / f"{naive:%Y-%m-%d_%H.%M.%S.%f}_{display}.png"
    path.write_bytes(content)
    (entry,) = shelf.record([path], Kind.DUPLICATE if nearest else Kind.NEW, nearest)
    return entry


def test_a_desk_that_is_well_is_called_so(watched: Shelf) -> None:
    for minute in range(30, 0, -5):
        first = judged(watched, ago(minute), screen(minute))
    judged(watched, now(), screen(5), first)
    findings = examined(watched, 0)
    assert grades(findings, "sick") == set()
    assert grades(findings, "odd") == {"service"}
    assert list(findings) == [
        "settings", "watcher", "seeing", "service", "one watcher", "root", "names", "watch limit", "quarantine",
        "free space", "privacy", "scenes", "hooks", "device", "decoder", "ledger", "moves", "pictures", "files",
        "capture job", "news", "clocks", "screens",
    ]  # fmt: skip
    assert "usually there is one every 5 min" in findings["capture job"]["found"]
    text = watched.run("doctor")
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert "well  watcher" in text
    assert [name for name in watched.desk.root.iterdir() if name.name.startswith(".")] == []


def test_no_watcher(shelf: Shelf) -> None:
    findings = examined(shelf, 4)
    assert "no watcher is running" in findings["watcher"]["found"]
    assert "framesift service install" in findings["watcher"]["mend"]


def test_before_anything_was_judged(desk: Desk, shelf: Shelf) -> None:
    (desk.state / "ledger.sqlite").unlink()
    findings = examined(shelf, 4)
    assert findings["ledger"]["verdict"] == "odd"
    assert not (desk.state / "ledger.sqlite").exists()


@pytest.mark.parametrize(
    ("values", "name", "grade", "said"),
    [
        ({"at": "2020-05-04T09:00:00+00:00"}, "watcher", "sick", "has not reported for"),
        ({"root_there": False, "why": "waiting for /x: gone"}, "seeing", "sick", "waiting for /x"),
        ({"events": False, "why": "no events arrive"}, "seeing", "odd", "no events arrive"),
        ({"last_event": 0.0}, "seeing", "well", "no event came yet; everything was looked at"),
        ({"unlisted": {"/x/y": "Permission denied"}}, "seeing", "sick", "/x/y cannot be listed: Permission denied"),
        ({"fallback": "comparing on the CPU, since"}, "device", "odd", "comparing on the CPU, since"),
        ({"waiting": {"a_1.png": "incomplete"}}, "files", "odd", "1 left alone: a_1.png (incomplete)"),
    ],
)
def test_what_a_watcher_reports_of_itself(
    watched: Shelf, values: dict[str, Any], name: str, grade: str, said: str
) -> None:
    beat(watched, **values)
    finding = examined(watched)[name]
    assert (finding["verdict"], said in finding["found"]) == (grade, True), finding


def test_settings_that_cannot_be_right(shelf: Shelf) -> None:
    shelf.set("windw = 3\n")
    findings = examined(shelf, 4)
    assert list(findings) == ["settings"]
    assert "windw" in findings["settings"]["found"]


def test_a_hook_that_does_not_load(watched: Shelf) -> None:
    hooks = watched.desk.base / "hooks"
    hooks.mkdir()
    (hooks / "mine.py").write_text("import nothing_of_this_name\n")
    (hooks / "mine.py").chmod(0o600)
    assert "hook mine failed: ModuleNotFoundError" in examined(watched, 4)["hooks"]["found"]


def test_a_device_that_is_not_there() -> None:
    assert setup.device_is_there("cpu") == Finding.well("device", "cpu")
    finding = setup.device_is_there("mps" if sys.platform != "darwin" else "cuda")
    assert finding.verdict is Grade.SICK
    assert finding.cause


def test_a_decoder_that_does_not_load_is_named_and_pillow_takes_its_place(tmp_path: Path) -> None:
    assert setup.decoder_is_fast().verdict is Grade.WELL
    picture = tmp_path / "1_1.png"
    picture.write_bytes(screen(1))
    (tmp_path / "pyvips.py").write_text("raise OSError('cannot open shared object file: libvips.so.42')\n")
    program = (
        "import sys; from pathlib import Path; from watcher.doctor.setup import decoder_is_fast;"
        "from watcher.judge.decoding import decode; from watcher.model.preparation import Preparation;"
        "print(decoder_is_fast()); print(int(decode(Path(sys.argv[1]), Preparation(2)).sum()))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))}
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, picture], env=environment, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    assert "ODD" in told
    assert "almost twice the time: cannot open shared object file" in told
    assert told.splitlines()[-1] == str(int(decode(picture, Preparation(2)).sum()))


@pytest.mark.parametrize("complaint", [pyvips.Error("no such operation"), UnicodeDecodeError("utf-8", b"", 0, 1, "?")])
def test_a_decoder_that_decodes_nothing_is_named_and_pillow_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complaint: Exception
) -> None:
    picture = tmp_path / "1_1.png"
    picture.write_bytes(screen(7))
    usual = decode(picture, Preparation(1))

    def refuses(*_: object, **__: object) -> None:
        raise complaint

    monkeypatch.setattr(pyvips.Image, "pngload_buffer", refuses)
    finding = setup.decoder_is_fast()
    assert finding.verdict is Grade.ODD
    assert "decodes no PNG data" in finding.found
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    assert torch.equal(decode(picture, Preparation(1)), usual)


def test_a_root_that_is_gone_or_may_not_be_read(tmp_path: Path) -> None:
    pattern = NamePattern()
    gone = seeing.root_is_listed(tmp_path / "gone", seeing.survey(tmp_path / "gone", pattern))
    assert (gone.verdict, "is not there" in gone.found) == (Grade.SICK, True)
    shut = seeing.Survey(unlisted=(f"{tmp_path}: Operation not permitted",))
    mac = seeing.root_is_listed(tmp_path, shut, "darwin")
    assert os.path.realpath(sys.executable) in mac.mend
    assert "Full Disk Access" in mac.mend
    assert seeing.root_is_listed(tmp_path, shut, "linux").verdict is Grade.SICK
    part = seeing.Survey(folders=3, unlisted=("/x: Permission denied",))
    assert "captures in there are not seen" in seeing.root_is_listed(tmp_path, part, "linux").cause
    assert seeing.root_is_listed(tmp_path, seeing.survey(tmp_path, pattern)).verdict is Grade.WELL


def test_a_survey_knows_the_latest_capture(shelf: Shelf) -> None:
    for tick in (3, 1, 2):
        shelf.desk.put(tick, screen(tick))
    found = seeing.survey(shelf.desk.root, NamePattern())
    assert (found.folders, found.captures, found.newest) == (3, 3, capture_of(shelf.desk.path(3)).taken_at)


def test_a_survey_does_not_ask_names_about_what_is_known(shelf: Shelf) -> None:
    for tick in (1, 2):
        shelf.desk.put(tick, screen(tick))
    known = {key_in_folder(capture_of(shelf.desk.path(2)))}
    found = seeing.survey(shelf.desk.root, NamePattern(), lambda *_: known)
    assert (found.captures, found.newest) == (2, capture_of(shelf.desk.path(1)).taken_at)


def test_names_that_are_not_those_of_captures(desk: Desk) -> None:
    def names() -> Finding:
        return seeing.names_are_captures(desk.root, seeing.survey(desk.root, NamePattern()).names, NamePattern())

    assert (names().verdict, names().found) == (Grade.WELL, "there are none yet")
    (desk.root / "Screenshot.png").write_bytes(b"")
    assert names().verdict is Grade.ODD
    assert "for example Screenshot.png" in names().found
    assert "name_pattern" in names().mend
    (desk.root / "0001-01-01_00.00.00_1.png").write_bytes(b"")
    assert names().verdict is Grade.ODD
    assert names().found.startswith("0001-01-01_00.00.00_1.png is left alone")
    (desk.root / "0001-01-01_00.00.00_1.png").rename(desk.root / "f_1.png")
    assert names().verdict is Grade.WELL


def test_a_job_whose_names_went_back_runs(watched: Shelf) -> None:
    """As after a flight to the west: the names are of nine hours ago and before, and later ones are there."""
    first = judged(watched, ago(-540), screen(1))
    second = judged(watched, ago(2), screen(2))
    found = examined(watched)["capture job"]["found"]
    assert found.startswith("the last capture is of")
    with watched.desk.ledger() as ledger:
        heartbeat = replace(ledger.heartbeat(watched.desk.root), arrivals=[first.id, second.id])
        ledger.write_heartbeat(watched.desk.root, heartbeat)
    assert examined(watched)["capture job"]["found"].startswith("last capture 2 min ago")


def test_the_watch_limit_is_named_with_the_value_that_is_wanted() -> None:
    assert seeing.folders_are_watched(5000, ("fs.inotify.max_user_watches", 100_000)).verdict is Grade.WELL
    assert seeing.folders_are_watched(5000, None).verdict is Grade.WELL
    few = seeing.folders_are_watched(30_000, ("fs.inotify.max_user_watches", 8192))
    assert few.verdict is Grade.ODD
    assert "fs.inotify.max_user_watches=120000" in few.mend


def test_another_ledger_at_work_on_the_root(shelf: Shelf) -> None:
    with RootLock(shelf.desk.root, lambda: False) as other:
        other.take()
        assert "another framesift works on" in examined(shelf, 4)["one watcher"]["found"]
    assert examined(shelf)["one watcher"]["verdict"] == "well"


def test_a_quarantine_of_another_root_or_that_takes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    root, quarantine = shelf.desk.root, shelf.desk.quarantine
    assert storage.quarantine_takes(root, quarantine).verdict is Grade.WELL
    assert "is that of" in storage.quarantine_takes(tmp_path, quarantine).found
    assert storage.quarantine_takes(root, tmp_path / "new" / "one").verdict is Grade.WELL
    mark = quarantine / ".framesift"
    (mark / "root").rename(tmp_path / "root")
    broken = storage.quarantine_takes(root, quarantine)
    assert (broken.verdict, "no quarantine of framesift's" in broken.found) == (Grade.SICK, True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_quarantine_that_may_not_be_written(shelf: Shelf) -> None:
    mark = shelf.desk.quarantine / ".framesift"
    mark.chmod(0o500)
    try:
        finding = storage.quarantine_takes(shelf.desk.root, shelf.desk.quarantine)
    finally:
        mark.chmod(0o700)
    assert (finding.verdict, "Permission denied" in finding.found) == (Grade.SICK, True)


@pytest.mark.skipif(not OTHER_VOLUME.is_dir(), reason="needs a second volume")
def test_a_quarantine_on_another_volume(tmp_path: Path) -> None:
    other = OTHER_VOLUME / f"framesift-test-{os.getpid()}"
    (other / ".framesift").mkdir(parents=True)
    try:
        if other.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("one volume")
        (other / ".framesift" / "root").write_bytes(os.fsencode(tmp_path) + b"\n")
        finding = storage.quarantine_takes(tmp_path, other)
        assert (finding.verdict, "another volume" in finding.found) == (Grade.ODD, True)
        assert [path.name for path in (other / ".framesift").iterdir()] == ["root"]
        assert not list(tmp_path.glob(".framesift*"))
    finally:
        subprocess.run(["rm", "-r", str(other)], check=True)


def test_disks_that_are_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.there_is_room({"log": tmp_path / "not" / "yet"}).found.endswith("GB for log")
    for left, grade in ((storage.LITTLE - 1, Grade.ODD), (storage.NOTHING - 1, Grade.SICK)):
        monkeypatch.setattr(storage, "_free", lambda _, left=left: left)
        finding = storage.there_is_room({"ledger": tmp_path})
        assert finding.verdict is grade
        assert "framesift purge" in finding.mend


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_what_others_may_read(watched: Shelf) -> None:
    desk = watched.desk
    desk.state.chmod(0o755)
    finding = examined(watched, 4)["privacy"]
    assert (str(desk.state) in finding["found"], "chmod -R go-rwx" in finding["mend"]) == (True, True)
    desk.state.chmod(0o700)
    assert examined(watched)["privacy"]["verdict"] == "well"
    desk.root.chmod(0o700)
    desk.quarantine.chmod(0o755)
    assert str(desk.quarantine) in examined(watched, 4)["privacy"]["found"]
    desk.root.chmod(0o755)
    assert examined(watched)["privacy"]["verdict"] == "well", "who may read ROOT reads nothing new in its quarantine"
    assert stat.S_IMODE(desk.quarantine.stat().st_mode) == 0o755, "the doctor changes nothing"


def test_a_damaged_ledger(watched: Shelf) -> None:
    for tick in range(40):
        watched.keep(tick)
    file = watched.desk.state / "ledger.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry_location'").fetchone()
    db.close()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(b"\x00" * 4096)
    finding = examined(watched, 4)["ledger"]
    assert "restore --all --quarantine" in finding["mend"]


def test_a_file_that_is_no_ledger(shelf: Shelf) -> None:
    for end in ("", "-wal", "-shm"):
        (shelf.desk.state / f"ledger.sqlite{end}").unlink(missing_ok=True)
    (shelf.desk.state / "ledger.sqlite").write_bytes(b"this is no database at all" * 100)
    findings = examined(shelf, 4)
    assert "file is not a database" in findings["ledger"]["found"]
    assert findings["root"]["verdict"] == "well"


def test_a_move_that_was_never_finished(watched: Shelf) -> None:
    entry = watched.keep(1)
    with watched.desk.ledger() as ledger:
        on_its_way(ledger, entry, watched.desk.mirrored(entry.location), State.QUARANTINED)
    assert examined(watched)["moves"]["verdict"] == "well", "it may be on its way"
    watched.recorded(entry, 1)
    finding = examined(watched, 4)["moves"]
    assert entry.location.name in finding["found"]


def test_a_kept_picture_that_is_gone_while_a_duplicate_of_it_is_in_quarantine(watched: Shelf) -> None:
    kept = watched.keep(0)
    *_, last = watched.twins(range(1, 4), kept)
    kept.location.unlink()
    finding = examined(watched)["pictures"]
    assert (finding["verdict"], kept.location.name in finding["found"]) == ("odd", True)
    command = finding["mend"].partition("framesift ")[2].partition(";")[0]
    assert command == f"restore {last.location}"
    watched.run(*command.split())
    assert last.verdict.capture.path.exists()


def test_pictures_that_are_gone_and_some_that_nobody_knows(watched: Shelf) -> None:
    twins = watched.twins(range(1, 6), watched.keep(0))
    assert "all 5" in examined(watched)["pictures"]["found"]
    stranger = watched.desk.quarantine / "stranger_1.png"
    stranger.write_bytes(screen(1))
    assert "stranger_1.png" in examined(watched)["pictures"]["found"]
    for twin in twins[:4]:
        twin.location.unlink()
    found = examined(watched)["pictures"]["found"]
    assert "4 of 5 set aside are gone" in found
    assert "and 1 more" in found


def test_a_quarantine_that_is_not_mounted(shelf: Shelf) -> None:
    shelf.twins(range(1, 3), shelf.keep(0))
    shelf.desk.quarantine.rename(shelf.desk.base / "unplugged")
    assert "2 pictures with it" in examined(shelf, 4)["pictures"]["found"]


@pytest.mark.parametrize(
    ("minutes", "gap", "grade"),
    [
        (4, 300, Grade.WELL),
        (16, 300, Grade.ODD),
        (70, 300, Grade.SICK),
        (-60, 300, Grade.ODD),
        (999, None, Grade.WELL),
        (9999, None, Grade.ODD),
    ],
)
def test_silence_is_measured_by_what_is_usual(minutes: float, gap: float | None, grade: Grade) -> None:
    now = datetime(2020, 5, 4, 12)
    interval = None if gap is None else timedelta(seconds=gap)
    assert capturing.job_runs(now - timedelta(minutes=minutes), interval, now).verdict is grade


def test_no_capture_at_all() -> None:
    assert capturing.job_runs(None, None, datetime(2020, 5, 4)).verdict is Grade.ODD


def test_nothing_new_for_longer_than_the_alarm(watched: Shelf) -> None:
    first = judged(watched, ago(1800), screen(1))
    judged(watched, ago(600), screen(1), first)
    assert examined(watched)["news"]["verdict"] == "well"
    judged(watched, now(), screen(1), first)
    finding = examined(watched, 4)["news"]
    assert "nothing new on any display for 30 h" in finding["found"]


def test_a_recorder_that_shows_one_colour_only(watched: Shelf) -> None:
    black = png(Image.new("RGB", (96, 80)))
    first = judged(watched, ago(10), black)
    judged(watched, ago(5), black, first)
    finding = examined(watched, 4)["screens"]
    assert "the last 2 captures of display 1 are all of one colour, RGB (0, 0, 0)" in finding["found"]
    assert "Screen Recording" in finding["mend"]
    judged(watched, ago(4), screen(2), display=2)
    assert examined(watched)["screens"]["verdict"] == "odd"
    judged(watched, now(), screen(3))
    assert examined(watched)["screens"]["verdict"] == "well"


def test_one_colour_is_known_however_it_is_packed(tmp_path: Path) -> None:
    for level in (0, 1, 9):
        Image.new("RGB", (800, 600), (9, 10, 11)).save(tmp_path / "picture.png", compress_level=level)
        assert capturing.flat_color(tmp_path / "picture.png") == (9, 10, 11)


@pytest.mark.parametrize(
    ("image", "color"),
    [
        (Image.new("RGB", (40, 40), (9, 10, 11)), (9, 10, 11)),
        (Image.new("RGBA", (40, 40), (9, 10, 11, 255)), (9, 10, 11)),
        (Image.new("1", (40, 40)), (0, 0, 0)),
        (Image.linear_gradient("L"), None),
    ],
)
def test_one_colour_is_known_in_every_mode(image: Image.Image, color: tuple[int, ...] | None, tmp_path: Path) -> None:
    image.save(tmp_path / "picture.png", icc_profile=bytes(2_000_000))  # more than Pillow reads
    assert capturing.flat_color(tmp_path / "picture.png") == color
    assert capturing.flat_color(tmp_path / "none.png") is None


class Clerk:
    """A service manager that says what it is told to; its file is real."""

    def __init__(self, folder: Path, condition: Condition) -> None:
        self._file, self._condition = folder / "service", condition

    def file(self, _: Job) -> Path:
        return self._file

    def render(self, job: Job) -> bytes:
        return job.name.encode()

    def condition(self, _: Job) -> Condition:
        return self._condition

    def begin(self, job: Job, *, again: bool) -> None: ...

    def start(self, job: Job) -> None: ...

    def stop(self, job: Job) -> None: ...

    def end(self, job: Job) -> None: ...

    def forget(self, job: Job) -> None: ...

    def advice(self, _: Job) -> str:
        return ""


@pytest.mark.parametrize(
    ("content", "enabled", "running", "grade"),
    [
        (None, True, True, Grade.ODD),
        (b"framesift", True, True, Grade.WELL),
        (b"older", True, True, Grade.ODD),
        (b"framesift", False, True, Grade.ODD),
        (b"framesift", True, False, Grade.SICK),
    ],
)
def test_the_service_as_its_manager_sees_it(
    tmp_path: Path, content: bytes | None, enabled: bool, running: bool, grade: Grade
) -> None:
    clerk = Clerk(tmp_path, Condition(enabled, running, "so it says"))
    if content is not None:
        (tmp_path / "service").write_bytes(content)
    job = Job("framesift", tmp_path, ("framesift",), tmp_path / "log")
    assert seeing.service_runs(clerk, job).verdict is grade


def test_a_service_manager_that_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    clerk = Clerk(tmp_path / "file", Condition(enabled=True, running=True, said=""))
    assert seeing.service_runs(clerk, Job("x", tmp_path, ("x",), tmp_path)).verdict is Grade.ODD


def test_the_worst_counts() -> None:
    assert worst([]) is Grade.WELL
    assert worst([Grade.WELL, Grade.SICK, Grade.ODD]) is Grade.SICK
