"""A real browser without a window, driven through a pipe by Chrome's own protocol: no driver to install or download."""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROGRAM = next((found for name in _NAMES if (found := shutil.which(name))), None)
"""Where a browser is that speaks this protocol; None if there is none."""

PHONE, DESKTOP = (390, 844), (1280, 900)

_FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none"),
)
_PIECE = 1 << 16
_FREE = 10
_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27, "Tab": 9}


@dataclass
class Browser:
    """One tab."""

    _to: BinaryIO
    _from: int
    events: list[dict[str, Any]] = field(default_factory=list)
    """Everything that happened in it, oldest first."""
    _session: str = ""
    _number: int = 0
    _read: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            piece = os.read(self._from, _PIECE)
            assert piece, "the browser has ended"
            self._read += piece
        message, _, self._read = self._read.partition(b"\0")
        return dict(json.loads(message))

    # --- what a person does ---

    def look_like(self, size: tuple[int, int], scheme: str = "light", *, touch: bool = False) -> None:
        """Have a window of *size* pixels, and a *scheme* of colours: ``light`` or ``dark``."""
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=touch)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, file: Path) -> None:
        """Open *file* and wait until it is loaded."""
        begin = len(self.events)
        self.ask("Page.navigate", url=file.absolute().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events[begin:]):
            self.events.append(self._next())

    def press(self, key: str) -> None:
        """Press one key, by the name that pages know it by."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **code, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **code)

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    # --- what a person sees ---

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, *, whole: bool = False) -> bytes:
        """What is seen, or the *whole* page, as a PNG file."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def names(self, role: str) -> list[str]:
        """What a screen reader says of everything that has this *role*, in order."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        shown = [node for node in nodes if not node.get("ignored") and node["role"]["value"] == role]
        return [node.get("name", {}).get("value", "") for node in shown]

    def complaints(self) -> list[str]:
        """Errors of scripts, refusals of the page's policy, and everything else that the console shows."""
        texts = []
        for event in self.events:
            params = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    texts.append(str(params["exceptionDetails"]))
                case "Log.entryAdded":
                    texts.append(params["entry"]["text"])
                case "Runtime.consoleAPICalled":
                    texts.append(str(params["args"]))
        return texts

    def requests(self) -> list[str]:
        """What was asked of the network or the disk."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        addresses = [event["params"]["request"]["url"] for event in sent]
        return [address for address in addresses if not address.startswith("data:")]


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps what is its own in *folder*; ended at the end."""
    assert PROGRAM is not None
    pipes = [os.pipe() for _ in range(2)]
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, _FREE) for end in (pipes[0][0], pipes[1][1])]
    command = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
    process = subprocess.Popen(
        ["bash", "-c", command, "bash", PROGRAM, *_FLAGS, f"--user-data-dir={folder}"],
        pass_fds=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder)},
    )
    for end in (*theirs, pipes[0][0], pipes[1][1]):
        os.close(end)
    try:
        with os.fdopen(pipes[0][1], "wb") as to:
            found = Browser(to, pipes[1][0])
            found.begin()
            yield found
    finally:
        os.close(pipes[1][0])
        process.kill()
        process.wait()
