"""The first ten minutes of somebody new, in a real terminal: what the README says is typed, and everything goes on."""

import os
import re
import shutil
import sys
import sysconfig
import venv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.pictures import screen

if sys.platform != "win32":
    import pexpect

HOME = Path(__file__).parent.parent
BEGIN = datetime.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=1, hours=6)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="pexpect's terminals are POSIX's"),
]


class Somebody:
    """A person with a clone, an archive of their capture job's, and a terminal or two."""

    def __init__(self, base: Path) -> None:
        self.home, self.clone, self.opened = base / "home", base / "framesift", base / "opened"
        self.root = self.home / "Documents" / "ScreenRecord"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
        shutil.copytree(HOME, self.clone, ignore=ignored)
        (base / "bin").mkdir()
        # No viewer, but what is given to one; and the python3 that runs the tests.
        for name in ("xdg-open", "open"):
            (base / "bin" / name).write_text(f'#!/bin/sh\nfor file; do :; done\necho "$file" >> "{self.opened}"\n')
            (base / "bin" / name).chmod(0o755)
        (base / "bin" / "python3").symlink_to(sys.executable)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("FRAMESIFT_", "XDG_"))}
        path = f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"
        # What framesift needs is not downloaded once more: the environment that the README makes finds it in ours.
        extra = {"HOME": str(self.home), "PATH": path, "PS1": "READY> ", "PIP_NO_DEPS": "1", "TERM": "xterm-256color"}
        self._environment = ours | extra
        venv.create(self.clone / ".venv", symlinks=True, with_pip=True)
        (libraries,) = (self.clone / ".venv" / "lib").glob("*/site-packages")
        packages = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        (libraries / "others.pth").write_text("".join(f"{place}\n" for place in sorted(packages)))
        self._terminals: list[pexpect.spawn[str]] = []

    def capture(self, tick: int, content: bytes) -> Path:
        """What the capture job does, whole at once."""
        moment = BEGIN + timedelta(minutes=5 * tick)
        path = self.root / f"{moment:%Y-%m}" / f"{moment:%Y-%m-%d}" / f"{moment:%Y-%m-%d_%H.%M.%S.%f}_1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f".{path.name}")
        written.write_bytes(content)
        return written.rename(path)

    def mirrored(self, path: Path) -> Path:
        return self.root.with_name("ScreenRecord-quarantine") / path.relative_to(self.root)

    def terminal(self) -> "pexpect.spawn[str]":
        """A shell, as it is at first."""
        shell = pexpect.spawn(
            "bash",
            ["--norc", "--noprofile"],
            cwd=str(self.clone),
            env=self._environment,
            encoding="utf-8",
            dimensions=(40, 100),
            timeout=60,
        )
        self._terminals.append(shell)
        shell.expect("READY> ")
        return shell

    def leave(self) -> None:
        """Close every window."""
        for shell in self._terminals:
            shell.close(force=True)


_CODES = re.compile(r"\x1b\[[?0-9;]*[a-zA-Z]")
"""Of colours and modes."""


def run(shell: "pexpect.spawn[str]", line: str, *, code: int = 0) -> str:
    """Type *line*, and wait until it is done; returns what is seen of it."""
    shell.sendline(f"{line}; echo ENDED $?")
    shell.expect(r"ENDED (\d+)\r\n")
    seen = _CODES.sub("", str(shell.before))
    assert str(shell.after) == f"ENDED {code}\r\n", seen
    shell.expect("READY> ")
    return seen


@pytest.fixture
def somebody(tmp_path: Path) -> Iterator[Somebody]:
    made = Somebody(tmp_path)
    try:
        yield made
    finally:
        made.leave()


def the_real_thing() -> str:
    """The line of the README that installs and watches."""
    (line,) = re.findall(
        r"^python3 .+/framesift watch .+$", (HOME / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return str(line)


def test_the_first_ten_minutes(somebody: Somebody) -> None:
    for tick in range(24):
        somebody.capture(tick, screen(tick % 8 if tick % 3 else 0))
    window = somebody.terminal()
    window.sendline(the_real_thing())
    window.expect(r"24 captures are in .+ScreenRecord already\. They can be judged first:", timeout=120)
    window.expect(r"Judge them first\? \[Y/n\]: ")
    window.sendline("")
    window.expect("framesift sweeps ")
    window.expect(r"judged 8 new, 16 duplicate; .+ quarantined \(67% of them\)", timeout=120)
    window.expect("framesift .+ watches .+, 8 screens in it")

    fresh, twin = somebody.capture(100, screen(100)), somebody.capture(101, screen(100))
    window.expect(f"\x1b]8;[^;]*;{re.escape(fresh.as_uri())}\x1b.+new ")
    window.expect(f"\x1b]8;[^;]*;{re.escape(somebody.mirrored(twin).as_uri())}\x1b.+duplicate ")
    assert not twin.exists()

    other = somebody.terminal()
    run(other, "alias framesift=.venv/bin/framesift; shopt -s expand_aliases")
    status = run(other, "framesift status")
    assert re.search(r"state +watching \(process \d+, cpu\)", status)
    assert len(re.findall(r"\bsaved\b", status)) == 2, "one line, and the head of a column"
    name = twin.name.removesuffix("_1.png")
    assert "duplicate" in run(other, f"framesift why {name}")
    run(other, f"framesift open {name}")
    assert Path(somebody.opened.read_text().strip()).read_bytes().startswith(b"\x89PNG")
    assert name.partition("_")[2][:5].replace(".", ":") in run(other, "framesift history --since yesterday | tail -n 1")
    assert "restored" in run(other, f"framesift restore {name}")
    assert twin.read_bytes() == screen(100)

    assert "paused until" in run(other, "framesift pause 1h")
    window.expect("paused until")
    meanwhile = somebody.capture(102, screen(100))
    assert "degraded" in run(other, "framesift status", code=4)
    assert meanwhile.exists()
    run(other, "framesift resume")
    window.expect("the pause is over; going on")
    window.expect(f"{re.escape(somebody.mirrored(meanwhile).as_uri())}")
    assert somebody.mirrored(meanwhile).exists()

    window.sendintr()
    window.expect("stopped; judged 1 new, 2 duplicate; .+ quarantined in this run")
    window.expect("READY> ")
    assert "stopped" in run(other, "framesift status", code=4)
    assert not list((somebody.home / "Documents").glob("*similar*"))
    pictures = [*somebody.root.rglob("*.png"), *somebody.root.with_name("ScreenRecord-quarantine").rglob("*.png")]
    assert len(pictures) == 27, "each is in one place"
