"""Draws the README's picture of a report anew, from drawn screens: ``python -m tests.images.report``."""

import io
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from PIL import Image

from tests.album import Plan, Weeks
from tests.browser import browser
from tests.desk import Desk

WINDOW = (1280, 2060)
WIDTH = 1040
SIZES = ((1440, 900), (1280, 720), (540, 960))


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        desk = Desk(Path(name))
        desk.root.mkdir()
        Weeks(desk, Plan(datetime(2020, 5, 4), 7, hours=(8, 19), sizes=SIZES, topics=60)).fill()
        out = desk.base / "out.html"
        command = [sys.executable, "-m", "watcher", "report", "2020-05-04..2020-05-10", "--html", str(out)]
        subprocess.run(command, env=os.environ | desk.environment, check=True)
        with browser(desk.base / "browser") as tab:
            tab.look_like(WINDOW)
            tab.open(out)
            tab.value(
                "Promise.all([...document.images].filter(i => i.src).map(i => (i.loading = 'eager', i.decode())))"
            )
            picture = Image.open(io.BytesIO(tab.picture())).convert("RGB")
    height = round(picture.height * WIDTH / picture.width)
    small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.save(Path(__file__).with_name("report.webp"), quality=82, method=6)


if __name__ == "__main__":
    main()
