"""A person who looks at no log hears of what matters: on the desktop, over a real session bus, or by a message."""

import asyncio
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.desk import Desk
from watcher.keep.plugins import Hooks
from watcher.model.notice import Notice, Topic
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

_SERVICE = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
_INTERFACE = f"""<node><interface name="{_SERVICE}">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
<arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
<arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
</interface></node>"""

Noticed = Callable[[str], list[str]]


@pytest.fixture
def noticed(desk: Desk) -> Noticed:
    """Gives a notice to the hooks of these settings; returns what they complain of."""

    def tell(text: str) -> list[str]:
        desk.config.write_text(f"{desk.head}{text}")
        complaints: list[str] = []
        folders = Folders(desk.config, desk.state, desk.logs)
        hooks = Hooks(Settings.load(folders, {}, {}), folders.hooks_dir, complaints.append)
        hooks.noticed(Notice(Topic.SILENCE, 'no capture; "quotes" & <b>', desk.root))
        return complaints

    return tell


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a session bus of the test's own."""
    if sys.platform != "linux" or shutil.which("dbus-daemon") is None:
        pytest.skip("no D-Bus, by which Linux desktops are spoken to")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        address = daemon.stdout.readline().strip()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        daemon.terminate()


class _Screen:
    """A desktop that takes notifications, or takes its time."""

    def __init__(self, address: str, *, answers: bool = True) -> None:
        self.shown: list[list[Any]] = []
        self._answers, self._ready, self._loop = answers, threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve(address)))
        self._thread.start()
        assert self._ready.wait(20)

    async def _serve(self, address: str) -> None:
        from dbus_fast.aio import MessageBus  # noqa: PLC0415 - only where Linux's desktops are

        bus = await MessageBus(address).connect()
        bus.add_message_handler(self._answer)
        await bus.request_name(_SERVICE)
        self._end = asyncio.Event()
        self._ready.set()
        await self._end.wait()
        bus.disconnect()

    def _answer(self, message: Any) -> Any:
        from dbus_fast import Message  # noqa: PLC0415 - as above

        if message.path != _PATH:
            return None
        if message.member == "Introspect":
            return Message.new_method_return(message, "s", [_INTERFACE])
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [["body"]])
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["Screen", "test", "1", "1.2"])
        self.shown.append(message.body)
        return Message.new_method_return(message, "u", [len(self.shown)]) if self._answers else True

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()


def test_a_notice_is_shown_on_the_desktop_if_that_is_switched_on(desk: Desk, bus: str, noticed: Noticed) -> None:
    screen = _Screen(bus)
    try:
        assert noticed("") == []
        assert screen.shown == []
        assert noticed("[hooks.desktop]\nnotices = true\n") == []
    finally:
        screen.close()
    ((application, _, _, title, text, *_),) = screen.shown
    assert application == "framesift"
    assert title == f"framesift: {desk.root.name}"
    assert text == 'no capture; "quotes" & <b>'


@pytest.mark.usefixtures("bus")
def test_a_desktop_that_takes_nothing_is_told_of(noticed: Noticed) -> None:
    (complaint,) = noticed("[hooks.desktop]\nnotices = true\n")
    assert complaint.startswith("hook desktop failed: RuntimeError: no desktop has taken the notification; ")
    assert "org.freedesktop" in complaint


def test_a_desktop_that_never_answers_is_not_waited_for(
    bus: str, noticed: Noticed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.hooks.desktop._SECONDS", 3)
    screen = _Screen(bus, answers=False)
    try:
        (complaint,) = noticed("[hooks.desktop]\nnotices = true\n")
    finally:
        screen.close()
    assert "hook desktop failed: TimeoutExpired" in complaint


def test_a_library_that_is_not_there_is_told_of(desk: Desk, noticed: Noticed, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = desk.base / "site" / "desktop_notifier.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    (complaint,) = noticed("[hooks.desktop]\nnotices = true\n")
    assert "desktop-notifier is not installed: framesift's extra notify has it" in complaint


class _Receiver(http.server.BaseHTTPRequestHandler):
    received: list[dict[str, Any]] = []  # noqa: RUF012 - one server a test

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_notice_is_sent_to_all_addresses_if_that_is_switched_on(desk: Desk, noticed: Noticed) -> None:
    _Receiver.received.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls = f'[hooks.notify]\nurls = ["json://127.0.0.1:{server.server_port}"]\n'
        assert noticed(urls) == []
        assert _Receiver.received == []
        assert noticed(f"{urls}notices = true\n") == []
        server.shutdown()
    (message,) = _Receiver.received
    assert message["title"] == f"framesift: {desk.root.name}"
    assert message["message"].startswith("no capture")
