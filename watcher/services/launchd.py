"""macOS: a LaunchAgent."""

import os
import plistlib
import re
import time
from pathlib import Path

from watcher.services.job import Condition, Job, run, run_checked, template

_GONE_SECONDS = 60.0
"""How long to wait until a stopped agent is gone: the time it may take to finish (ExitTimeOut), and some."""


class Launchd:
    """The user's launchd, asked by ``launchctl``."""

    def __init__(self, home: Path, uid: int) -> None:
        """Agents are in the library of *home*, and run in the login session of the user *uid*."""
        self._folder = home / "Library" / "LaunchAgents"
        self._domain = f"gui/{uid}"

    def file(self, job: Job) -> Path:
        """``~/Library/LaunchAgents/local.framesift.plist``."""
        return self._folder / f"{_label(job)}.plist"

    def render(self, job: Job) -> bytes:
        """The property list."""
        filled = {
            "Label": _label(job),
            "ServiceDescription": job.description,
            "ProgramArguments": list(job.command),
            # The watcher keeps a log of its own; here is what it can no longer write there.
            "StandardErrorPath": os.fspath(job.log_file.with_suffix(".err")),
        }
        return plistlib.dumps(filled | plistlib.loads(template("plist")), sort_keys=False)

    def begin(self, job: Job, *, again: bool) -> None:
        """Load it, which starts it; an earlier one is unloaded first."""
        if again:
            self._unload(job)
        run_checked("launchctl", "enable", self._target(job))
        run_checked("launchctl", "bootstrap", self._domain, os.fspath(self.file(job)))

    def start(self, job: Job) -> None:
        """Load it if it is not, and start it."""
        if run("launchctl", "print", self._target(job)).returncode:
            run_checked("launchctl", "bootstrap", self._domain, os.fspath(self.file(job)))
        else:
            run_checked("launchctl", "kickstart", self._target(job))

    def stop(self, job: Job) -> None:
        """Unload it, which stops it; it is loaded at the next login."""
        self._unload(job)

    def end(self, job: Job) -> None:
        """Unload it, which stops it."""
        self._unload(job)

    def forget(self, job: Job) -> None:
        """Nothing to do: launchd keeps nothing of what is unloaded."""

    def condition(self, job: Job) -> Condition:
        """As ``launchctl print`` tells."""
        done = run("launchctl", "print", self._target(job))
        state = re.search(r"^\s*state = (.+)$", done.stdout, re.MULTILINE) if done.returncode == 0 else None
        disabled = run_checked("launchctl", "print-disabled", self._domain)
        return Condition(
            enabled=not re.search(rf'"{re.escape(_label(job))}" => (?:true|disabled)', disabled),
            running=state is not None and state[1] == "running",
            said=state[1] if state else "not loaded",
        )

    def advice(self, job: Job) -> str:
        """Rights to Documents."""
        return (
            "macOS grants access to Documents, Desktop and removable disks to the very program: if the log says that "
            f"ROOT cannot be read, allow {os.path.realpath(job.command[0])} under Privacy & Security, Full Disk Access."
        )

    def _unload(self, job: Job) -> None:
        if run("launchctl", "print", self._target(job)).returncode:
            return
        run("launchctl", "bootout", self._target(job))  # it complains while the agent takes its time to end
        deadline = time.monotonic() + _GONE_SECONDS
        while run("launchctl", "print", self._target(job)).returncode == 0 and time.monotonic() < deadline:
            time.sleep(0.2)

    def _target(self, job: Job) -> str:
        return f"{self._domain}/{_label(job)}"


def _label(job: Job) -> str:
    return f"local.{job.name}"
