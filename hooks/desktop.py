"""Shows notices on the desktop, through desktop-notifier, which the extra ``notify`` installs."""

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from watcher import Notice, Settings, hookimpl

if TYPE_CHECKING:
    from desktop_notifier import DesktopNotifier

_SECONDS = 20
"""What a desktop does not take in this time is not waited for: captures are."""
_SCRIPT = "on run {title, message}\ndisplay notification message with title title\nend run"


@hookimpl
def noticed(notice: Notice, settings: Settings) -> None:
    """Show *notice* if ``hooks.desktop.notices`` is on.

    Raises:
        RuntimeError: no desktop has taken it, or desktop-notifier is not installed.
        subprocess.TimeoutExpired: nor was it refused in time.
    """
    if settings.hooks.desktop.notices:
        # In a process of its own: whatever a desktop's library does wrong, or for ever, ends with it.
        command = [sys.executable, "-m", __name__, f"framesift: {notice.root.name}", notice.text]
        done = subprocess.run(  # noqa: S603 - no shell sees it
            command, timeout=_SECONDS, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise RuntimeError("; ".join(reversed(done.stderr.splitlines()[-2:])))  # our line, and the library's reason


async def _show(notifier: "DesktopNotifier", title: str, text: str) -> None:
    """Show it, or end the process with why not."""
    taken: list[bool] = []
    await notifier.request_authorisation()
    await notifier.send(title, text, on_dispatched=lambda: taken.append(True))
    if not taken and sys.platform == "darwin":
        # A Python that is no application, such as that of a virtual environment may be, can show nothing itself.
        subprocess.run(["/usr/bin/osascript", "-e", _SCRIPT, title, text], check=True)  # noqa: ASYNC221, S603
    elif not taken:
        sys.exit("no desktop has taken the notification")


if __name__ == "__main__":
    try:
        from desktop_notifier import DesktopNotifier
    except ImportError:
        sys.exit("desktop-notifier is not installed: framesift's extra notify has it (framesift help hooks)")
    asyncio.run(_show(DesktopNotifier(app_name="framesift", app_icon=None), *sys.argv[1:]))
