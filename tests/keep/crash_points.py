"""One system call after another kills a process, or is refused by the disk; strace, which counts, chooses the call."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from watcher.errors import ConflictError, FaultError

KILL, FAIL = "signal=KILL", "error=EIO"

_MOST = 400
"""More than one process makes of any call below; the call of this number is the one that fails, or kills."""
_NOT_REACHED = 9
_NOWHERE = Path("/nowhere/at/all")

Met = tuple[Any, ...]
"""A crash point (call and number), and what its subject found afterwards."""


def _renameat2() -> None:
    ctypes.CDLL(None, use_errno=True).renameat2(-1, bytes(_NOWHERE), -1, bytes(_NOWHERE), 1)
    raise OSError(ctypes.get_errno(), "refused")


CALLS: dict[str, Callable[[int], object]] = {
    "pwrite64": lambda null: os.pwrite(null, b"", 0),
    "write": lambda null: os.write(null, b""),
    "fsync": os.fsync,
    "fdatasync": os.fdatasync,
    "ftruncate": lambda null: os.ftruncate(null, 0),
    "fchmod": lambda _: os.fchmod(-1, 0),
    "utimensat": lambda _: os.utime(_NOWHERE),
    "mkdir": lambda _: Path("/").mkdir(),
    "rename": lambda _: _NOWHERE.rename(_NOWHERE),
    "renameat": lambda null: os.rename(_NOWHERE, _NOWHERE, src_dir_fd=null, dst_dir_fd=null),
    "renameat2": lambda _: _renameat2(),
    "linkat": lambda null: os.link(_NOWHERE, _NOWHERE, src_dir_fd=null),
    "unlink": lambda _: _NOWHERE.unlink(),
    "unlinkat": lambda null: os.unlink("nowhere", dir_fd=null),
    "rmdir": lambda _: _NOWHERE.rmdir(),
}
"""All calls that change a disk, each made without effect."""


class Subject(Protocol):
    """What is killed, or fails, at every call that it makes."""

    def prepare(self) -> None:
        """Make everything as it is at first."""

    def cycle(self) -> None:
        """Do all there is to do; what is done already is not done again."""

    def look_after(self, number: int) -> Sequence[object]:
        """Start after the point of this *number*: all is in order. Returns what was found, as JSON values."""

    def look_at_the_end(self) -> None:
        """After one more cycle all is done."""


def in_child(action: Callable[[], object]) -> int:
    """Run *action* in a process of its own; returns how it ended, as :func:`os.waitpid` tells."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        action()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def _is_refused(call: str, null: int) -> bool:
    try:
        CALLS[call](null)
    except OSError as error:
        return error.errno == errno.EIO
    return False


def _meet(subject: Subject, deed: str, call: str, number: int) -> None:
    """Run the cycle so that its *number*-th *call* is the one that strace waits for; it counts them per process."""
    null = os.open(os.devnull, os.O_RDWR)
    for _ in range(_MOST - number):
        _is_refused(call, null)
    told = (FaultError, ConflictError) if deed == FAIL else ()
    with contextlib.suppress(*told):  # what a person is told, and nothing else
        subject.cycle()
    if deed == KILL or any(_is_refused(call, null) for _ in range(_MOST)):
        os._exit(_NOT_REACHED)


def _look_after(subject: Subject, call: str, number: int, met: Path) -> None:
    found = subject.look_after(number)
    with met.open("a") as file:
        file.write(json.dumps([call, number, *found]) + "\n")
    subject.cycle()
    subject.look_at_the_end()


def go_through(subject: Subject, deed: str, met: Path, calls: Sequence[str]) -> None:
    """All points of all *calls*, under the strace of :func:`met_at_every`; what is found is written to *met*."""
    for call in calls:
        for number in range(1, _MOST):
            assert in_child(subject.prepare) == 0
            status = in_child(partial(_meet, subject, deed, call, number))
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _NOT_REACHED:
                break
            assert status == (signal.SIGKILL if deed == KILL else 0), f"{call} {number}: ended with {status}"
            assert in_child(partial(_look_after, subject, call, number, met)) == 0, f"after {call} {number}"
        else:
            raise AssertionError(f"more than {_MOST} calls of {call}")


def met_at_every(
    program: Sequence[object], deed: str, met: Path, calls: Sequence[str], *, refused: Mapping[str, str] | None = None
) -> list[Met]:
    """What was found after *deed* at every one of *calls*, on a system that refuses some others.

    Args:
        program: a module with its first arguments, which calls :func:`go_through`; the others are the next three here.
        deed: ``KILL`` or ``FAIL``.
        met: the file to which is written what is found.
        calls: of ``CALLS``.
        refused: calls that the system does not have, each with the error that it answers with.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace, which kills or fails at a chosen system call, is not there")
    joined, refused = ",".join(calls), refused or {}
    rules = [f"trace={','.join([*calls, *refused])}", f"inject={joined}:{deed}:when={_MOST}"]
    rules += [f"inject={call}:error={error}" for call, error in refused.items()]
    options = [word for rule in rules for word in ("-e", rule)]
    # With a filter of the kernel's the other calls cost nothing; strace 6.1 then fails a call, and sends no signal.
    fast = ["--seccomp-bpf"] * (deed == FAIL)
    done = subprocess.run(
        [
            *("strace", "-f", *fast),
            "-qq",
            "-o",
            os.devnull,
            *options,
            sys.executable,
            "-m",
            *map(str, [*program, deed, met, *calls]),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"may not trace: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in met.read_text().splitlines()]
