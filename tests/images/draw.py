"""Draws the README's picture anew, from a real demo: ``python tests/images/draw.py``."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

SECONDS = "16"
LINK = re.compile(r"\x1b\]8;[^\x1b]*\x1b\\")
"""A picture of a terminal leads nowhere."""
FOLDER = re.compile(r"\S*/framesift-demo-\w+/")


def main() -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "watcher", "demo", "--seconds", SECONDS],
        env=os.environ | {"FORCE_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = Text.from_ansi(FOLDER.sub("/tmp/demo/", LINK.sub("", demo.stdout)).rstrip())  # noqa: S108 - shown, not used
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=112, file=nowhere, force_terminal=True)
        console.print(Text("$ framesift demo", style="bold"))
        console.print(text)
    console.save_svg(str(Path(__file__).with_name("demo.svg")), title="framesift")


if __name__ == "__main__":
    main()
