"""A real cron runs a capture script that knows nothing of framesift, and framesift works beside it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from tests.desk import Desk, colorless, wait_for
from watcher.demo.scenes import scene_at

# As people have it: folders by month and day, the moment in the name, one file a display.
CAPTURE_SCRIPT = """\
#!/bin/bash
cd "$(dirname "$0")" || exit 1
d=$(date +%Y-%m-%d)
folder=ScreenRecord/${d%-*}/$d
mkdir -p "$folder"
f=$folder/$(date +%Y-%m-%d_%H.%M.%S.%6N)
screencapture -x "${f}_1.png" "${f}_2.png" "${f}_3.png"
"""

# Draws aside first, so that there is something to compare with, and then writes each file in pieces. The pauses are
# longer than the watcher lets a file rest before it looks: only the picture's structure tells that it is not whole.
SCREENCAPTURE = """\
#!/bin/bash
set -e
shift
aside=()
for file; do aside+=("$DRAWN/${file##*/}"); done
"$PYTHON" -m watcher.demo.recorder -x --state "$COUNTER" "${aside[@]}"
for file; do
  whole=$DRAWN/${file##*/}
  [ -f "$whole" ] || continue
  size=$(stat -c %s "$whole")
  piece=$((size / 4 + 1))
  for ((at = 0; at < size; at += piece)); do
    tail -c "+$((at + 1))" "$whole" | head -c "$piece" >> "$file"
    sleep 0.3
  done
done
echo taken >> "$DRAWN/log"
"""

# A cron of our own, whatever the system's does: its tables, its lock and its processes are not seen outside.
PRIVATE_CRON = """\
mount -t tmpfs none /run
mount -t tmpfs none /var/spool/cron
mkdir /var/spool/cron/crontabs
mount --bind /dev/null /etc/crontab
mount --bind "$1" /etc/cron.d
exec cron -f
"""

FIRST_TICK, RUNS_A_MINUTE, MINUTES = 4, 3, 2
"""A stretch of the drawn story with screens that stay, screens that come back, and a third display that is off."""


def missing() -> str:
    """What this machine lacks for the test; empty if nothing."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "only root may start a cron daemon"
    if shutil.which("cron", path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        return "cron is not installed"
    apart = shutil.which("unshare")
    if apart is None or subprocess.run([apart, "--mount", "--pid", "--fork", "true"], check=False).returncode != 0:
        return "a cron apart from the system's needs namespaces, which are not to be had here"
    return ""


@pytest.fixture
def _own_cron() -> None:
    """Skip where there can be no cron of our own; where it is sure to be, its absence is a failure."""
    if lack := missing():
        if os.environ.get("CI"):
            pytest.fail(lack)
        pytest.skip(lack)


@contextmanager
def cron(table: Path) -> Iterator[None]:
    """A cron daemon at work on *table*; whatever it started ends with it."""
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    process = subprocess.Popen(
        [*apart, "sh", "-ec", PRIVATE_CRON, "sh", str(table.parent)], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    try:
        yield
        assert process.poll() is None, "cron has ended by itself"
    finally:
        # The first process of a namespace takes all others with it.
        for first in psutil.Process(process.pid).children():
            first.kill()
        process.wait(20)


def install(desk: Desk, drawn: Path) -> tuple[Path, Path]:
    """The capture script and a crontab for it, with the stand-in for the system's ``screencapture`` on its path."""
    drawn.mkdir()
    counter = desk.base / "counter"
    counter.write_text(f"{FIRST_TICK}\n")
    script, stand_in = desk.base / "capture", desk.base / "bin" / "screencapture"
    stand_in.parent.mkdir()
    for file, content in ((script, CAPTURE_SCRIPT), (stand_in, SCREENCAPTURE)):
        file.write_text(content)
        file.chmod(0o755)
    table = desk.base / "cron.d" / "capture"
    table.parent.mkdir()
    settings = {
        "PATH": f"{stand_in.parent}:/usr/bin:/bin",
        "PYTHON": sys.executable,
        "DRAWN": drawn,
        "COUNTER": counter,
        "PYTHONDONTWRITEBYTECODE": 1,
    }
    runs = "; sleep 3; ".join([shlex.quote(str(script))] * RUNS_A_MINUTE)
    lines = [*(f"{name}={value}" for name, value in settings.items()), f"* * * * * root {runs}"]
    table.write_text("".join(f"{line}\n" for line in lines))
    return script, table


def told_of(path: Path) -> tuple[str, str]:
    """Time and display as the console shows them, from a capture's name."""
    moment, _, display = path.stem.rpartition("_")
    return f"{datetime.strptime(moment, '%Y-%m-%d_%H.%M.%S.%f'):%m-%d %H:%M:%S}", display


def repeats(pictures: list[Path]) -> set[Path]:
    """Those that show what their display has shown before, as the story tells it."""
    runs = sorted({path.stem.rpartition("_")[0] for path in pictures})
    seen, found = set(), set()
    for path in sorted(pictures):
        moment, _, display = path.stem.rpartition("_")
        scene = scene_at(int(display), FIRST_TICK + runs.index(moment), datetime(2020, 5, 4))
        assert scene, "a display that is off has no picture"
        shown = display, scene.kind, scene.topic, scene.step
        if shown in seen:
            found.add(path)
        seen.add(shown)
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_own_cron")
def test_beside_an_untouched_cron_job_duplicates_leave_and_every_picture_is_in_one_place(desk: Desk) -> None:
    drawn = desk.base / "drawn"
    script, table = install(desk, drawn)
    before = script.read_bytes(), script.stat().st_mtime_ns
    desk.start(str(desk.root))
    with cron(table):
        log = drawn / "log"
        wait_for(lambda: log.exists() and log.read_text().count("taken") == RUNS_A_MINUTE * MINUTES, 220)
    pictures = sorted(drawn.glob("*.png"))
    wait_for(lambda: desk.judged() == len(pictures), 30)
    assert desk.stop() == 0

    repeated = repeats(pictures)
    assert len({path.name[:16] for path in pictures}) == MINUTES, "cron has run the script in each of them"
    assert {path.stem[-1] for path in repeated} == {"1", "2", "3"}
    assert any(not path.with_name(f"{path.stem[:-1]}3.png").exists() for path in pictures), "display 3 was off once"

    stayed, left = {p.name: p for p in desk.root.rglob("*.png")}, {p.name: p for p in desk.quarantine.rglob("*.png")}
    assert left.keys() == {path.name for path in repeated}
    assert stayed.keys() == {path.name for path in pictures} - left.keys()
    for path in pictures:
        place = stayed.get(path.name) or left[path.name]
        assert place.read_bytes() == path.read_bytes()
        assert place.parts[-3:-1] == (path.name[:7], path.name[:10])

    lines = colorless((desk.logs / "framesift.log").read_text()).splitlines()
    told = re.compile(r"(\d\d-\d\d \d\d:\d\d:\d\d) +(\d+)  (new|similar|duplicate|unreadable)\b")
    assert sorted(match.groups() for line in lines if (match := told.match(line))) == sorted(
        (*told_of(path), "duplicate" if path in repeated else "new") for path in pictures
    )
    assert (script.read_bytes(), script.stat().st_mtime_ns) == before
