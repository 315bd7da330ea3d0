"""Does the capture job run, and does it see the screens?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image

from watcher.flow.recurring import returning
from watcher.health.silence import SHORTEST_SILENCE, silence
from watcher.judge.chunks import PixelChunks
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.finding import Finding
from watcher.model.notice import returning_text
from watcher.settings.settings import Settings
from watcher.text import duration_text

_LOOKED_AT = 20
"""Captures of a display, newest first, whose screens are looked at."""
_FLAT = 3
"""Levels of 255 by which a picture of one colour may vary."""
_PACKED = 100
"""A PNG of one colour is smaller than its pixels by more than this factor, or not packed at all."""
_SMALL = 2**14
"""Bytes that are decoded in no time."""
_DAY_SECONDS = 86_400
_STILL = (
    "the machine slept, or the job does not run any more",
    "crontab -l, or the job's own log; macOS: cron needs Full Disk Access and Screen Recording",
)
"""Cause and mend where no captures come."""
_GRAVE = 4
"""Times the silence that is worth a look: reason to act."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the last captures of a display show."""

    display: int
    captures: int
    flat: int
    """How many of them show one colour only."""
    color: tuple[int, ...] = ()
    """That of the latest flat one, RGB."""


def job_runs(newest: datetime | None, interval: timedelta | None, now: datetime) -> Finding:
    """Whether captures come as they use to, at the usual *interval*; times are local."""
    if newest is None:
        return Finding.odd("capture job", "there is no capture yet", mend="does the capture job write into ROOT?")
    silent = (now - newest).total_seconds()
    if silent < -SHORTEST_SILENCE:
        return Finding.odd(
            "capture job",
            f"the last capture is of {newest:%Y-%m-%d %H:%M}",
            "a clock was set back, or names count the years in another way",
        )
    if interval is None:
        found = f"last capture {duration_text(silent)} ago; the usual interval is not known yet"
        late = silent > _DAY_SECONDS
        return Finding.odd("capture job", found, *_STILL) if late else Finding.well("capture job", found)
    every = duration_text(interval.total_seconds())
    usual = f"last capture {duration_text(silent)} ago; usually there is one every {every}"
    limit = silence(interval)
    if silent <= limit:
        return Finding.well("capture job", usual)
    return (Finding.sick if silent > _GRAVE * limit else Finding.odd)("capture job", usual, *_STILL)


def clocks_are_known(ledger: Ledger, settings: Settings) -> Finding:
    """Whether screens keep coming back with only a small place changed, each of which is kept."""
    if text := returning_text(returning(ledger, settings)):
        found, _, _ = text.partition("; ")
        return Finding.odd("clocks", found, "such as a lock screen, whose clock is large", "framesift learn")
    return Finding.well("clocks", "no screen keeps coming back with only its clock moved on")


def news_come(ledger: Ledger, root: Path, alarm_after: timedelta) -> Finding:
    """Whether some display has shown something new within *alarm_after* of the last capture."""
    last, distinct = Totals(ledger, root).last_news()
    if last is None or distinct is None:
        return Finding.well("news", "nothing was judged yet")
    same = last - distinct
    if same <= alarm_after:
        return Finding.well("news", f"the last distinct screen is of {distinct:%Y-%m-%d %H:%M}")
    return Finding.sick(
        "news",
        f"nothing new on any display for {duration_text(same.total_seconds())}, though captures came",
        "the screens did not change, or the capture job does not see them",
        "look at the last capture; macOS: Privacy & Security, Screen Recording",
    )


def shown(ledger: Ledger, root: Path) -> list[Shown]:
    """What the last captures of each display show, looked at in the pictures that are kept of them."""
    return [_shown(display, pictures) for display, pictures in Totals(ledger, root).last_shown(_LOOKED_AT).items()]


def _shown(display: int, pictures: Sequence[Path]) -> Shown:
    colors = {picture: flat_color(picture) for picture in set(pictures)}
    flat = [color for picture in pictures if (color := colors[picture]) is not None]
    return Shown(display, len(pictures), len(flat), flat[0] if flat else ())


def flat_color(picture: Path) -> tuple[int, ...] | None:
    """The RGB colour of a picture that has one only; None of any other, and of one that cannot be read."""
    try:
        with picture.open("rb") as file, Image.open(PixelChunks(file).opened(), formats=["PNG"]) as image:
            size = picture.stat().st_size
            raw = image.width * image.height * len(image.getbands())
            if size > _SMALL and raw / _PACKED < size < raw / 2:
                return None  # decoded in vain
            extremes = image.convert("RGB").getextrema()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    levels = [(int(low), int(high)) for low, high in extremes]  # type: ignore[misc]
    return tuple(low for low, _ in levels) if all(high - low < _FLAT for low, high in levels) else None


def screens_are_seen(displays: list[Shown]) -> Finding:
    """Whether what is captured is more than one colour. A wallpaper alone, with all else left out, cannot be told."""
    blank = [one for one in displays if one.captures and one.flat == one.captures]
    if not blank:
        return Finding.well("screens", f"{len(displays)} displays show pictures" if displays else "nothing to see yet")
    found = "; ".join(
        f"the last {one.captures} captures of display {one.display} are all of one colour, RGB {one.color}"
        for one in blank
    )
    cause = "the display is off or locked; or macOS withholds the screen from the capture job"
    mend = "Privacy & Security, Screen Recording: allow the program that runs screencapture, cron or the terminal"
    return (Finding.sick if len(blank) == len(displays) else Finding.odd)("screens", found, cause, mend)
