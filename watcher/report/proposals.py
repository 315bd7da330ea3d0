"""What was learned, as a page: each clock and scene drawn into its screen."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from PIL import Image, ImageDraw

from watcher.errors import WatcherError
from watcher.flow.recurring import Recurring
from watcher.judge.regions import hull
from watcher.model.entry import Entry
from watcher.model.period import Period
from watcher.model.preparation import Box, Rectangle, boxes_within
from watcher.program import Program
from watcher.report.cards import title_of
from watcher.report.html import render
from watcher.report.page import Command, LearnedPage, Panel, Proposal
from watcher.report.thumbnails import Allowance, encoded, open_capture
from watcher.review.learning import Learned, PanelClock
from watcher.review.wording import counted, day_title
from watcher.review.wording import title_of as period_title
from watcher.settings.settings import Settings
from watcher.text import quoted, visible

_WHOLE = Allowance(1440, 145_000)
_DETAIL = Allowance(640, 22_000)
_SHOWN = 4
"""Captures whose place is shown."""
_AROUND = 40
"""Pixels of the capture that a detail shows around the place."""
_INSTANT = timedelta(microseconds=1)
_LINE, _HALO = "#d02020", "#ffffff"
_SHADE = 0.45
"""How much of its light the rest of the screen keeps."""


def rendered(
    program: Program, settings: Settings, period: Period, found: Learned, changes: Counter[str] | None
) -> bytes:
    """The page on what was *found* in *period*, and on the *changes* of verdicts, if they were rehearsed."""
    now = datetime.now()
    count = counted(len(found.clocks) + len(found.scenes), "place")
    page = LearnedPage(
        title=f"Learned from {period_title(period)}",
        lead=f"{counted(found.looked_at, 'kept screen')} were looked at: {count} where only time passes.",
        root=visible(os.fspath(settings.root)),
        made=f"{day_title(now)}, {now:%H:%M}",
        proposals=(*map(_clock, found.clocks), *map(_scene, found.scenes)),
        changes=tuple(_changes(settings, found, changes)),
        commands=tuple(_commands(program, settings, period, found)),
    )
    return render(page)


def _changes(settings: Settings, found: Learned, changes: Counter[str] | None) -> Iterator[str]:
    if found.is_empty:
        yield "Nothing: no clock was found."
        return
    yield "What is drawn does not count any more when captures are compared. No picture is changed."
    if found.news != settings.news:
        yield f"News: a duplicate stays if a place {found.news} pixels wide has changed in it, such as a word."
    if changes is not None:
        told = [f"{counted(count, 'capture')} {change}" for change, count in changes.most_common()]
        yield f"Judged once more, of the captures of this time change: {', '.join(told) or 'none'}."


def _commands(program: Program, settings: Settings, period: Period, found: Learned) -> Iterator[Command]:
    if found.is_empty:
        return
    root, days = quoted(settings.root), f"{period.begin:%Y-%m-%d}..{period.end - _INSTANT:%Y-%m-%d}"
    yield Command("Take it over", f"{program.invocation} learn {days} {root} --apply")
    yield Command("Then judge what is there once more", f"{program.invocation} sweep {root} --again")
    yield Command("Take it back", f"{program.invocation} learn --revert")


def _clock(clock: PanelClock) -> Proposal:
    evidence = f"It has changed in most of {counted(clock.screens, 'screen')} that were seen twice."
    return _proposal(f"Display {clock.display}{{size}}: a clock", evidence, clock.rectangles, clock.examples)


def _scene(learned: Recurring) -> Proposal:
    evidence = (
        f"{counted(learned.captures, 'kept screen')} differ in nothing else. This screen came {learned.visits} times,"
        f" the last on {day_title(learned.reference.verdict.capture.taken_at)}. It is ignored on this screen alone."
    )
    parts, title = learned.scene.ignore, f"Display {learned.display}{{size}}: {learned.scene.name}"
    return _proposal(title, evidence, parts, learned.examples[::-1])


def _proposal(title: str, evidence: str, parts: Sequence[Rectangle], examples: Sequence[Entry]) -> Proposal:
    images = [(entry, image) for entry in examples[:_SHOWN] if (image := _image(entry)) is not None]
    panels = [_panel(entry, _drawn(image, parts), "ignored: what is framed") for entry, image in images[:1]]
    details = [_panel(entry, image.crop(_around(image, parts)), "", _DETAIL) for entry, image in images]
    size = "".join(f" of {image.width} x {image.height}" for _, image in images[:1])
    return Proposal(title.format(size=size), evidence, tuple(panels), tuple(details))


def _image(entry: Entry) -> Image.Image | None:
    try:
        return open_capture(entry.verdict.capture, entry.location)
    except WatcherError:
        return None


def _panel(entry: Entry, image: Image.Image, remark: str, size: Allowance = _WHOLE) -> Panel:
    title = title_of(entry.verdict.capture)
    return Panel(encoded(image, size), ": ".join(filter(None, (title, remark))), f"{title}, {remark or 'that place'}")


def _drawn(image: Image.Image, parts: Sequence[Rectangle]) -> Image.Image:
    """*image* darkened but for *parts*, which are framed."""
    drawn = image.point(lambda shade: round(shade * _SHADE))
    line = max(2, image.width // 600)
    draw = ImageDraw.Draw(drawn)
    for left, top, right, bottom in boxes_within(parts, *image.size):
        drawn.paste(image.crop((left, top, right, bottom)), (left, top))
        draw.rectangle((left - 2 * line, top - 2 * line, right + 2 * line, bottom + 2 * line), None, _HALO, line)
        draw.rectangle((left - line, top - line, right + line, bottom + line), None, _LINE, line)
    return drawn


def _around(image: Image.Image, parts: Sequence[Rectangle]) -> Box:
    left, top, right, bottom = hull(boxes_within(parts, *image.size))
    return (
        max(0, left - _AROUND),
        max(0, top - _AROUND),
        min(image.width, right + _AROUND),
        min(image.height, bottom + _AROUND),
    )
