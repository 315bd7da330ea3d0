"""What framesift prints: in every encoding, to readers that leave, to disks that are full, and to nobody at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desk import Desk, Shelf, wait_for
from tests.pictures import screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell and its descriptors")

JAPANESE = "画面 記録_1.png"
FRAMESIFT = f"{sys.executable} -m watcher"


def shell(desk: Desk, command: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """What a line of bash does, in which the command framesift is known."""
    line = f'set -o pipefail; framesift() {{ {FRAMESIFT} "$@"; }}; {command}'
    environment = desk.environment | environment
    return subprocess.run(["bash", "-c", line], env=environment, cwd="/", capture_output=True, check=False, timeout=100)


@pytest.fixture
def judged(shelf: Shelf) -> Desk:
    """A shelf with a name that few encodings can show."""
    shelf.keep(0)
    path = shelf.desk.root / JAPANESE
    path.write_bytes(screen(2))
    shelf.run("sweep")
    return shelf.desk


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize("verb", [["why", JAPANESE], ["history"], ["history", "--json"], ["status"], ["restore", "X"]])
def test_what_an_encoding_cannot_show_is_escaped(judged: Desk, encoding: str, verb: list[str]) -> None:
    words = [str(judged.root / word) if word.endswith(".png") else word for word in verb]
    command = [sys.executable, "-m", "watcher", *words]
    environment = judged.environment | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "300"}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode(encoding.partition(":")[0])
    assert done.returncode == {"status": 4, "restore": 1}.get(verb[0], 0), text
    if verb == ["why", JAPANESE]:
        assert (JAPANESE if encoding == "utf-8" else r"\u753b\u9762 \u8a18\u9332_1.png") in text


def test_a_reader_that_has_read_enough_ends_nothing_badly(judged: Desk) -> None:
    for verb in ("history", "history --json", "status", "config show", "help settings", "--help"):
        done = shell(judged, f"framesift {verb} | true; echo ${{PIPESTATUS[0]}}")
        assert (done.stdout.decode(), done.stderr) == ("4\n" if verb == "status" else "0\n", b"")
    assert shell(judged, "framesift no-such-verb 2>&1 | true; echo ${PIPESTATUS[0]}").stdout == b"2\n"


def test_what_acts_finishes_though_nobody_reads(shelf: Shelf) -> None:
    twins = shelf.twins(range(1, 4), shelf.keep(0))
    done = shell(shelf.desk, "framesift restore --all --yes | true")
    assert (done.returncode, done.stderr) == (0, b"")
    assert all(twin.verdict.capture.path.exists() for twin in twins)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
def test_output_that_is_not_whole_is_told(judged: Desk) -> None:
    done = shell(judged, "framesift history > /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode() == "framesift: standard output could not be written: No space left on device\n"
    assert shell(judged, "framesift sweep > /dev/full 2> /dev/full").returncode == 0


def test_streams_that_are_closed_are_no_place_for_a_ledger(judged: Desk) -> None:
    done = shell(judged, "framesift history <&- >&- 2>&-")
    assert done.returncode == 0
    code = "import os\nwith lasting_streams():\n print(1)\n assert os.open(os.devnull, os.O_RDONLY) > 2"
    program = f"from watcher.terminal.streams import lasting_streams\n{code}"
    assert shell(judged, f"{sys.executable} -c '{program}' <&- >&- 2>&-").returncode == 0


def test_a_watcher_whose_reader_has_gone_lives_on_and_writes_its_log(desk: Desk) -> None:
    command = [sys.executable, "-m", "watcher", "watch"]
    watcher = subprocess.Popen(command, env=desk.environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert watcher.stdout is not None
    assert watcher.stderr is not None
    watcher.stdout.readline()
    watcher.stdout.close()
    log = desk.logs / "framesift.log"
    try:
        wait_for(lambda: " watches " in log.read_text() or watcher.poll() is not None, 60)
        desk.put(1, screen(1))
        wait_for(lambda: desk.judged() == 1)
    finally:
        watcher.terminate()
    assert (watcher.wait(20), watcher.stderr.read()) == (0, b"")
    watcher.stderr.close()
    assert "judged 1 new" in log.read_text()


def test_a_watcher_under_nohup_outlives_its_terminal(desk: Desk) -> None:
    watcher = desk.start(prefix=["nohup"])
    os.kill(watcher.pid, 1)
    desk.put(1, screen(1))
    desk.until_judged(1)
    assert watcher.poll() is None
    assert desk.stop() == 0


def test_a_pipe_that_nobody_shall_wait_for_is_waited_for() -> None:
    """Whoever shares a pipe or a terminal may set it so, and it is full."""
    program = (
        "import fcntl, os, sys, threading, time\n"
        "read, write = os.pipe()\n"
        "os.set_blocking(write, False)\n"
        "try:\n"
        "    while True: os.write(write, b'x' * 4096)\n"
        "except BlockingIOError: pass\n"
        "os.dup2(write, 1)\n"
        "text = []\n"
        "def drain():\n"
        "    time.sleep(0.3)\n"
        "    while piece := os.read(read, 65536): text.append(piece)\n"
        "thread = threading.Thread(target=drain); thread.start()\n"
        "from watcher.terminal.streams import lasting_streams\n"
        "with lasting_streams():\n"
        "    print('whole' * 50_000)\n"
        "os.close(write); os.close(1); thread.join()\n"
        "assert b''.join(text).count(b'whole') == 50_000\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
