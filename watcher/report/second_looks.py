"""The quarantined duplicates that deserve a second look: those in which one place changed most."""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from PIL import Image

from watcher.errors import WatcherError
from watcher.judge.difference import compare
from watcher.ledger.sightings import doubtful_duplicates
from watcher.model.capture import Capture
from watcher.model.entry import Entry
from watcher.model.preparation import Box, Rectangle
from watcher.model.query import Query
from watcher.report.cards import commands_of, title_of
from watcher.report.context import ReportContext
from watcher.report.page import Panel, SecondLook
from watcher.report.thumbnails import Allowance, encoded, open_capture
from watcher.text import visible

SECOND_LOOKS = 8
_TRIED = 4 * SECOND_LOOKS
"""Some of which may be gone, or kept beside a screen that is."""
_EQUAL = 1.0
"""The worst tile of pictures that differ in nothing."""
_WHOLE = Allowance(960, 60_000)
_DETAIL = Allowance(640, 22_000)
_DETAIL_PART, _AROUND, _SHAPE = 5, 2, 1.6
"""A detail has this part of the picture's width, and so many times the worst tile's at least; width to height."""


def second_looks(context: ReportContext, device: str) -> Iterator[SecondLook]:
    """Quarantined duplicates, the least alike first, at most one for each screen and ``SECOND_LOOKS`` in all.

    Raises:
        WatcherError: there is no such *device*.
        FaultError: the ledger cannot be read.
    """
    least_alike = doubtful_duplicates(context.ledger, context.root, Query(context.period), _EQUAL, _TRIED)
    looks = (_look(context, entry, device) for entry in least_alike)
    yield from islice((look for look in looks if look), SECOND_LOOKS)


def _look(context: ReportContext, entry: Entry, device: str) -> SecondLook | None:
    nearest = entry.verdict.score.nearest
    if nearest is None:
        return None
    kept = replace(nearest, path=context.ledger.location(nearest))
    set_aside = replace(entry.verdict.capture, path=entry.location)
    try:
        images = open_capture(kept, kept.path), open_capture(set_aside, set_aside.path)
        difference = compare(kept, set_aside, entry.verdict.policy, device, by_reference=False)
    except WatcherError:
        return None  # one of them is gone, or another file by now: there is nothing to see
    score = difference.verdict.score
    return SecondLook(
        title=title_of(set_aside),
        numbers=f"SSIM {score.ssim:.4f}, in its worst tile {score.worst_tile:.3f}",
        panels=(*_pair((kept, set_aside), images, _WHOLE), _map(difference.draw(), images[1].size)),
        details=_pair((kept, set_aside), [image.crop(_around(difference.box, image)) for image in images], _DETAIL),
        path=visible(os.fspath(entry.location)),
        commands=commands_of(entry, context.invocation),
    )


def _pair(
    captures: tuple[Capture, Capture], images: "tuple[Image.Image, ...] | list[Image.Image]", size: Allowance
) -> tuple[Panel, ...]:
    words = ("kept", "quarantined")
    part = "detail of the " if size is _DETAIL else ""
    return tuple(
        Panel(encoded(image, size), f"{word}, {capture.taken_at:%H:%M}", f"{part}{word} picture: {title_of(capture)}")
        for word, capture, image in zip(words, captures, images, strict=True)
    )


def _map(image: Image.Image, size: tuple[int, int]) -> Panel:
    """The map as large as the two pictures of *size* beside it, so that flipping through them moves nothing."""
    width = min(_WHOLE.width, size[0])
    drawn = image.resize((width, max(1, round(size[1] * width / size[0]))))
    return Panel(encoded(drawn, _WHOLE), "where they differ", "the quarantined picture, pale, with what differs in red")


def _around(box: Rectangle, image: Image.Image) -> Box:
    """The worst tile with what is around it."""
    left, top, width, height = box
    wide = min(image.width, max(image.width // _DETAIL_PART, _AROUND * width))
    high = min(image.height, max(round(wide / _SHAPE), height))
    x = max(0, min(left + (width - wide) // 2, image.width - wide))
    y = max(0, min(top + (height - high) // 2, image.height - high))
    return x, y, x + wide, y + high
