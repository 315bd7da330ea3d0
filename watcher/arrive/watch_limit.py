"""How many folders the system lets be observed."""

import contextlib
import errno
from pathlib import Path

_INSTANCES = "fs.inotify.max_user_instances"


def watch_limit() -> tuple[str, int] | None:
    """The name and value of the sysctl that limits how many folders can be observed; None where none does."""
    limits = [(value, name) for name in ("fs.inotify.max_user_watches", "user.max_inotify_watches")
              if (value := _number(name)) is not None]  # fmt: skip
    return (min(limits)[1], min(limits)[0]) if limits else None


def shortage(folders: int) -> str:
    """That this process observes fewer than *folders*, with the limit to raise; empty if it does not, or none tells."""
    watches = _watches()
    if 0 < watches < folders and (limit := watch_limit()):
        return f"no events arrive: {watches} of {folders} folders are watched; raise {limit[0]}, which is {limit[1]}"
    return ""


def refusal(error: Exception) -> str:
    """Why nothing can be observed, when the system has answered with *error*: it names the limit to raise."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOSPC and (limit := watch_limit()):
        return f"no events: no folder more can be watched; raise {limit[0]}, which is {limit[1]}"
    if number == errno.EMFILE:
        return f"no events: too many programs watch folders; raise {_INSTANCES}, which is {_number(_INSTANCES)}"
    return f"no events: {error}"


def _number(sysctl: str) -> int | None:
    try:
        return int(Path("/proc/sys", *sysctl.split(".")).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _watches() -> int:
    """How many folders the system watches for this process; 0 where it does not tell."""
    watches = 0
    for file in Path("/proc/self/fdinfo").glob("*"):
        with contextlib.suppress(OSError):  # another thread has closed it
            watches += file.read_text(encoding="ascii").count("inotify wd:")
    return watches
