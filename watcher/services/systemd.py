"""Linux: a unit of systemd's user manager."""

import os
import re
from pathlib import Path
from string import Template

from watcher.errors import WatcherError
from watcher.services.job import Condition, Job, run_checked, template

_SYSTEMCTL = ("systemctl", "--user")
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class Systemd:
    """The user manager, asked by ``systemctl --user``."""

    def __init__(self, config_home: Path) -> None:
        """Write units below *config_home*, which is usually ``~/.config``."""
        self._folder = config_home / "systemd" / "user"

    def file(self, job: Job) -> Path:
        """``~/.config/systemd/user/framesift.service``."""
        return self._folder / _unit(job)

    def render(self, job: Job) -> bytes:
        """The unit."""
        # With a full stop: a backslash at the end of a line would take the next one along.
        description = f"{job.description}.".replace("%", "%%")
        text = Template(template("service").decode())
        return text.substitute(description=description, command=command_line(job.command)).encode()

    def begin(self, job: Job, *, again: bool) -> None:
        """Enable and start, or start anew; returns when the watcher says that it has begun."""
        # By its path: this shell's XDG_CONFIG_HOME may not be the manager's.
        unit = os.fspath(self.file(job))
        run_checked(*_SYSTEMCTL, "daemon-reload")
        if again:
            run_checked(*_SYSTEMCTL, "enable", "--quiet", unit)
            run_checked(*_SYSTEMCTL, "restart", _unit(job))
        else:
            run_checked(*_SYSTEMCTL, "enable", "--now", "--quiet", unit)

    def start(self, job: Job) -> None:
        """Start; returns when the watcher says that it has begun."""
        run_checked(*_SYSTEMCTL, "start", _unit(job))

    def stop(self, job: Job) -> None:
        """Stop."""
        run_checked(*_SYSTEMCTL, "stop", _unit(job))

    def end(self, job: Job) -> None:
        """Stop and disable."""
        run_checked(*_SYSTEMCTL, "disable", "--now", "--quiet", _unit(job))

    def forget(self, _: Job) -> None:
        """Let it notice that the unit is gone."""
        run_checked(*_SYSTEMCTL, "daemon-reload")

    def condition(self, job: Job) -> Condition:
        """As ``systemctl show`` tells."""
        properties = "--property=ActiveState,SubState,UnitFileState,StatusText"
        answer = run_checked(*_SYSTEMCTL, "show", _unit(job), properties)
        found = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
        said = [f"{found.get('ActiveState', 'unknown')} ({found.get('SubState', '')})", found.get("StatusText", "")]
        return Condition(
            enabled=found.get("UnitFileState") == "enabled",
            running=found.get("ActiveState") == "active",
            said=": ".join(filter(None, said)),
        )

    def advice(self, _: Job) -> str:
        """Lingering."""
        return "It runs while you are logged in; `loginctl enable-linger` lets it run from boot on."


def command_line(argv: tuple[str, ...]) -> str:
    """The value of ``ExecStart`` that systemd splits into exactly *argv*.

    Raises:
        WatcherError: systemd takes no program of such a name.
    """
    program, *_ = argv
    if set(program) & set("\"'\\"):
        raise WatcherError(f"systemd starts no program with quotes or backslashes in its path: {program}")
    words = [quoted(word) for word in argv]
    if "$" in program:
        # Variables are replaced in the first argument but not in the program's path: so both are given, each its way.
        words.insert(0, quoted(f"@{program}").replace("$$", "$"))
    return " ".join(words)


def quoted(word: str) -> str:
    """*word* so that systemd's quoting, its specifiers and its variables leave it as it is."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _unit(job: Job) -> str:
    return f"{job.name}.service"
