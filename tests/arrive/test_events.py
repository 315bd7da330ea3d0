"""That no events arrive is found out and told: observers that are deaf for real, and roots that are exchanged."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.events import FileSystemEvent

from tests.arrive.test_live import Seeing
from tests.desk import Desk, wait_for
from tests.pictures import screen
from watcher.arrive import events, observer, tree
from watcher.arrive.events import Events

WHOLE = screen(5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes become seconds."""
    monkeypatch.setattr(tree, "ALL_SECONDS", 1.0)
    monkeypatch.setattr(tree, "LATEST_SECONDS", 0.3)
    monkeypatch.setattr(events, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(events, "RETRY_SECONDS", 1.0)


@pytest.fixture
def seeing(desk: Desk) -> Iterator[Seeing]:
    with Seeing(desk.root) as seeing:
        yield seeing


def deafen(seeing: Seeing) -> None:
    """Take the observer's watches from it: its threads live, and nothing is heard any more."""
    observer = seeing.live._events._observer._observer
    assert observer is not None
    observer.unschedule_all()


def names_below(root: Path) -> list[str]:
    return [name for _, folders, files in os.walk(root) for name in (*folders, *files)]


def test_nothing_is_written_into_a_quiet_root(desk: Desk, seeing: Seeing) -> None:
    before, looked = desk.root.stat(), seeing.live.status.last_scan
    wait_for(lambda: seeing.live.status.last_scan > looked + 2)
    assert seeing.live.status.events
    assert names_below(desk.root) == []
    after = desk.root.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
    assert (seeing.said, seeing.captures) == ([], [])


def test_what_a_look_sees_before_the_event_is_not_taken_for_untold(
    desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "LATEST_SECONDS", 0.0)
    first = seeing.live._events._observer._observer
    for tick in range(10):
        desk.put(tick, WHOLE)
        time.sleep(0.3)
    wait_for(lambda: len(seeing.captures) == 10)
    time.sleep(1.5)
    assert (seeing.live.status.events, seeing.live.status.found_by_scan, seeing.said) == (True, 0, [])
    assert seeing.live._events._observer._observer is first


@pytest.mark.slow
def test_a_deaf_observer_is_replaced_after_one_capture_without_an_alarm(desk: Desk, seeing: Seeing) -> None:
    deaf = seeing.live._events._observer._observer
    deafen(seeing)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])
    wait_for(lambda: seeing.live.status.found_by_scan == 1)
    wait_for(lambda: seeing.live._events._observer._observer is not deaf)
    looked = seeing.live.status.last_scan
    wait_for(lambda: seeing.live.status.last_scan > looked)
    heard = seeing.live.status.last_event
    other = desk.put(2, WHOLE)
    wait_for(lambda: seeing.names() == [path.name, other.name])
    wait_for(lambda: seeing.live.status.last_event > heard)
    assert (seeing.live.status.events, seeing.live.status.found_by_scan, seeing.said) == (True, 1, [])


@pytest.mark.slow
def test_observers_that_stay_deaf_are_told_of_and_captures_found_by_looking(
    desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RETRY_SECONDS", 1000.0)  # each new observer would miss what comes while it is built
    with monkeypatch.context() as deaf:
        deaf.setattr(observer.TreeObserver, "on_any_event", lambda *_: None)
        for tick in range(4):
            path = desk.put(tick, WHOLE)
            wait_for(lambda path=path: path.name in seeing.names(), 3)  # type: ignore[misc]
            wait_for(lambda tick=tick: seeing.live.status.found_by_scan == tick + 1)  # type: ignore[misc]
            assert seeing.live.status.events == (tick == 0), "one miss alone is no alarm"
            looked = seeing.live.status.last_scan
            wait_for(lambda looked=looked: seeing.live.status.last_scan > looked)  # type: ignore[misc]
    assert seeing.live.status.why == "no events arrive; looking every 10 s"
    desk.put(9, WHOLE)
    wait_for(lambda: seeing.live.status.events)
    assert seeing.said == ["no events arrive; looking every 10 s", "events arrive again"]


def test_an_observer_that_has_ended_is_told_of_and_replaced_at_once(desk: Desk, seeing: Seeing) -> None:
    ended = seeing.live._events._observer._observer
    assert ended is not None
    next(iter(ended.emitters)).stop()
    wait_for(lambda: seeing.live._events._observer._observer not in (ended, None))
    wait_for(lambda: seeing.live.status.why == "no events arrive: the observer has ended; looking every 10 s")
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name] and seeing.live.status.events)
    assert seeing.said == ["no events arrive: the observer has ended; looking every 10 s", "events arrive again"]
    assert seeing.live.status.found_by_scan == 0


@pytest.mark.slow
def test_a_volume_that_tells_of_our_own_doing_alone_is_polled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = observer.TreeObserver.on_any_event

    def of_ours(handler: observer.TreeObserver, event: FileSystemEvent) -> None:
        if event.event_type == "deleted":
            heard(handler, event)

    monkeypatch.setattr(observer.TreeObserver, "on_any_event", of_ours)
    with Seeing(desk.root) as seeing:
        for tick in range(5):
            path = desk.put(tick, WHOLE)
            wait_for(lambda path=path: path.name in seeing.names())  # type: ignore[misc]
            path.unlink()  # as a move does
            time.sleep(1.5)
        wait_for(lambda: not seeing.live.status.events)
        assert "as on a network volume; looking every" in seeing.live.status.why
        time.sleep(2)
        assert not seeing.live.status.events
        monkeypatch.setattr(observer.TreeObserver, "on_any_event", heard)
        desk.put(9, WHOLE)
        wait_for(lambda: seeing.live.status.events)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a file system of Linux's")
def test_what_comes_from_elsewhere_to_a_volume_that_does_not_tell_is_found_and_the_volume_polled(desk: Desk) -> None:
    """What is written into an overlay's upper folder raises no event above it, as what another machine writes."""
    layers, day = desk.base / "layers", desk.path(0).parent.relative_to(desk.root)
    layers.mkdir()
    mount(layers, "-t", "tmpfs", "none")
    lower, upper, work = [layers / name for name in ("lower", "upper", "work")]
    for folder in (lower, upper / day, work):
        folder.mkdir(parents=True)
    try:
        mount(desk.root, "-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", "none")
        with Seeing(desk.root) as seeing:
            for tick in range(4):
                (upper / day / desk.path(tick).name).write_bytes(WHOLE)
                wait_for(lambda tick=tick: len(seeing.captures) > tick)  # type: ignore[misc]
                time.sleep(1.5)
            wait_for(lambda: not seeing.live.status.events)
            assert "as on a network volume; looking every" in seeing.live.status.why
            assert seeing.live.status.found_by_scan >= 2
            assert seeing.live.status.root_there
    finally:
        subprocess.run(["umount", "--lazy", desk.root], check=False, capture_output=True)
        subprocess.run(["umount", "--lazy", layers], check=False)


def mount(folder: Path, *words: str) -> None:
    done = subprocess.run(["mount", *words, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount it: {done.stderr.strip()}")


def become_deaf(seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no event is heard, nobody notices, and no look is due."""
    for module, name in ((tree, "ALL_SECONDS"), (tree, "LATEST_SECONDS"), (events, "PATIENCE_SECONDS")):
        monkeypatch.setattr(module, name, 1000.0)
    folders = seeing.live._tree
    wait_for(lambda: min(folders._next_all, folders._next_latest) > time.monotonic() + 100)
    monkeypatch.setattr(observer.TreeObserver, "on_any_event", lambda *_: None)


def test_a_lost_event_is_scanned_for_at_once(desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "CALM_SECONDS", 0.0)
    become_deaf(seeing, monkeypatch)
    desk.put(1, WHOLE)
    time.sleep(1)
    assert seeing.captures == []
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
    wait_for(lambda: len(seeing.captures) == 1)


@pytest.mark.parametrize("jump", [-86_400, 7200])
def test_a_clock_that_jumps_and_a_machine_that_slept_mean_a_look_at_everything(
    desk: Desk, seeing: Seeing, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    become_deaf(seeing, monkeypatch)
    path = desk.put(1, WHOLE)
    time.sleep(0.5)
    assert seeing.captures == []
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + jump)
    wait_for(lambda: seeing.names() == [path.name])


def test_a_root_that_may_not_be_listed_is_no_root_that_is_seen(desk: Desk, seeing: Seeing) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may list everything")
    desk.root.chmod(0)
    wait_for(lambda: not seeing.live.status.root_there)
    assert seeing.live.status.why == f"waiting for {desk.root}: Permission denied"
    desk.root.chmod(0o755)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])


def test_a_root_that_becomes_a_link_is_not_followed(desk: Desk, seeing: Seeing) -> None:
    desk.root.rename(desk.base / "elsewhere")
    desk.root.symlink_to(desk.base / "elsewhere")
    wait_for(lambda: not seeing.live.status.root_there)
    assert f"it leads to {desk.base / 'elsewhere'} by a link" in seeing.live.status.why
    desk.put(1, WHOLE)
    time.sleep(0.5)
    assert seeing.captures == []


def test_a_root_that_becomes_a_file_is_waited_for(desk: Desk, seeing: Seeing) -> None:
    desk.root.rmdir()
    desk.root.write_text("no folder")
    wait_for(lambda: "no folder" in seeing.live.status.why)
    desk.root.unlink()
    desk.root.mkdir()
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name])


def test_a_folder_that_cannot_be_listed_is_named_until_it_can(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir, path = os.scandir, desk.put(1, WHOLE)
    os.utime(path.parent, (1e9, 1e9))  # no look lists it, for a folder that is shut has not changed

    def shut(folder: str | bytes | Path) -> object:
        """A folder of mode 0 keeps even root out."""
        if not Path(os.fsdecode(folder)).stat().st_mode & 0o777:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", shut)
    with Seeing(desk.root) as seeing:
        wait_for(lambda: len(seeing.captures) == 1)
        path.parent.chmod(0)
        wait_for(lambda: seeing.live.status.unlisted == {str(path.parent): "Permission denied"})
        assert seeing.live.status.root_there
        path.parent.chmod(0o755)
        wait_for(lambda: not seeing.live.status.unlisted)


LIMITED = """
import os, sys, time
from pathlib import Path
from watcher.arrive import events, tree
events.PATIENCE_SECONDS, tree.ALL_SECONDS = 1.0, 1.0
from tests.desk import wait_for
from tests.arrive.test_live import Seeing, WHOLE
Path("/proc/sys/user/max_inotify_watches").write_text("3")
root = Path(sys.argv[1])
with Seeing(root) as seeing:
    print("watches", seeing.live.status.events, flush=True)
    for day in range(4):
        (root / f"day-{day}").mkdir()
        time.sleep(0.3)
    (root / "day-3" / "f_1.png").write_bytes(WHOLE)
    wait_for(lambda: seeing.names() == ["f_1.png"], 30)
    wait_for(lambda: not seeing.live.status.events, 30)
    print(seeing.live.status.why)
"""
NONE = LIMITED.replace('write_text("3")', 'write_text("0")')


def in_a_namespace(script: str, root: Path) -> str:
    done = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", script, str(root)],
        capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    if "unshare" in done.stderr or "max_inotify_watches" in done.stderr:
        pytest.skip(f"no limit of one's own here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_past_the_watch_limit_the_sysctl_is_named_and_every_capture_found(desk: Desk) -> None:
    said = in_a_namespace(LIMITED, desk.root)
    assert "no events arrive: 3 of 5 folders are watched; raise user.max_inotify_watches, which is 3" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_a_root_that_cannot_be_observed_at_all_is_scanned(desk: Desk) -> None:
    said = in_a_namespace(NONE, desk.root)
    assert "watches False" in said
    assert "raise user.max_inotify_watches, which is 0" in said


FLOODED = """
import subprocess, sys
from pathlib import Path
from watcher.arrive import tree
tree.CALM_SECONDS = 0.0
from tests.desk import wait_for
from tests.arrive.test_live import Seeing
root, flood = Path(sys.argv[1]), sys.argv[2]
for name in ("many", "few"):
    (root / name).mkdir()
with Seeing(root) as seeing:
    subprocess.run([sys.executable, "-c", flood, str(root)], check=True)
    wait_for(lambda: len(seeing.captures) == seeing.live.status.found_by_scan == 5, 30)
    print(seeing.live.status.found_by_scan, seeing.live.status.events)
"""
FLOOD = """
import os, signal, sys
from pathlib import Path
from tests.arrive.test_live import WHOLE
root = Path(sys.argv[1])
os.kill(os.getppid(), signal.SIGSTOP)
most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
for number in range(most // 2):
    (root / "many" / f"{number}.txt").touch()
for number in range(5):
    (root / "few" / f"f{number}_1.png").write_bytes(WHOLE)
os.kill(os.getppid(), signal.SIGCONT)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the queue of Linux")
def test_a_queue_that_overflows_for_real_loses_no_capture(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FLOODED, str(desk.root), FLOOD],
        capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["5", "True"]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Events]:
    """Events of a root with a folder, with the real observer; looks and clock are the test's."""
    threads = threading.active_count()
    (tmp_path / "day").mkdir()
    told = Events(tmp_path)
    told.begin()
    told.looked([], 0.0)
    try:
        yield told
    finally:
        told.end()
    assert threading.active_count() <= threads


def heard(told: Events) -> list[Path]:
    return [change.path for change in told.wait(1)]


def miss(told: Events, path: Path, now: float) -> None:
    """A look finds *path*, and no event tells of it. The look after it finds nothing."""
    told.looked([path], now)
    told.attend(lambda: 2, now + 10)
    told.looked([], now + 11)


def test_two_misses_in_a_row_are_an_alarm_and_an_event_ends_it(tmp_path: Path, told: Events) -> None:
    path, now = tmp_path / "day" / "f_1.png", time.monotonic()
    miss(told, path, now)
    assert (told.works, told.unannounced) == (True, 1)
    miss(told, path, now + 100)
    assert (told.works, told.why, told.unannounced) == (False, "no events arrive", 2)
    path.write_bytes(WHOLE)
    wait_for(lambda: path in heard(told))
    assert (told.works, told.why) == (True, "")
    miss(told, path, now + 200)
    assert told.works, "the first one since events were heard"


def test_an_event_between_two_misses_means_no_alarm(tmp_path: Path, told: Events) -> None:
    path, now = tmp_path / "day" / "f_1.png", time.monotonic()
    miss(told, path, now)
    path.write_bytes(WHOLE)
    wait_for(lambda: path in heard(told))
    miss(told, path, now + 100)
    assert (told.works, told.unannounced) == (True, 2)


def test_what_an_event_tells_of_after_a_look_has_found_it_is_no_miss(tmp_path: Path, told: Events) -> None:
    path, now = tmp_path / "day" / "f_1.png", time.monotonic()
    told.looked([path], now)
    path.write_bytes(WHOLE)
    wait_for(lambda: path in heard(told))
    told.attend(lambda: 2, now + 10)
    assert (told.works, told.unannounced) == (True, 0)


def test_what_a_new_observer_could_not_tell_of_is_no_miss(tmp_path: Path, told: Events) -> None:
    path, now = tmp_path / "day" / "f_1.png", time.monotonic()
    told.looked([path], now)
    told.attend(lambda: 2, now + 10)
    told.looked([path], now + 11)  # came while the new observer was built
    told.attend(lambda: 2, now + 50)
    assert (told.works, told.unannounced) == (True, 2)


@pytest.mark.parametrize("go", [Path.unlink, lambda path: path.rename(path.with_name(".hidden"))])
def test_that_something_goes_is_no_sign_that_captures_are_told_of(
    tmp_path: Path, told: Events, go: Callable[[Path], object]
) -> None:
    path, now = tmp_path / "day" / "f_1.png", time.monotonic()
    path.write_bytes(WHOLE)
    wait_for(lambda: path in heard(told))
    time.sleep(1)
    told.wait(0)
    miss(told, path, now)
    miss(told, path, now + 100)
    go(path)
    wait_for(lambda: path in heard(told))
    assert not told.works


@pytest.mark.skipif(sys.platform != "linux", reason="the thread that reads inotify")
def test_a_reader_that_has_died_is_an_observer_that_has_ended(desk: Desk, seeing: Seeing) -> None:
    assert seeing.live._events._observer.is_alive()
    reader = seeing.live._events._observer._observer._inotify_fd  # type: ignore[union-attr]
    reader.stop()
    reader.join(5)
    assert not reader.is_alive()
    wait_for(lambda: "no events arrive: the observer has ended; looking every 10 s" in seeing.said)
    path = desk.put(1, WHOLE)
    wait_for(lambda: seeing.names() == [path.name] and seeing.live.status.events)


def test_a_flood_that_nobody_takes_is_kept_within_bounds_and_is_a_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MOST", 10)
    flooded = Events(tmp_path)
    for number in range(25):
        flooded._hear_of(observer.Change(tmp_path / f"{number}_1.png", is_folder=False, has_come=True))
    assert len(flooded.wait(0.01)) == 10
    assert (flooded.has_lost(), flooded.has_lost()) == (True, False)
