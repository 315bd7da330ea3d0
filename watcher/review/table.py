"""A review as lines for the terminal."""

import os
from collections.abc import Iterator
from pathlib import Path

from watcher.model.entry import Entry
from watcher.model.query import Query
from watcher.review.result import Highlight, Review, restore_command
from watcher.terminal.console import Line
from watcher.text import duration_text, visible

_HEADINGS = "when              on       stood times alike  most like"


def review_lines(review: Review, query: Query, root: Path, invocation: str, width: int) -> Iterator[Line]:
    """The highlights of a period, and the commands that bring doubtful duplicates back.

    Args:
        review: what was found.
        query: what was asked for.
        root: paths of files in it are shown relative to it.
        invocation: how framesift is called in the commands.
        width: of the terminal, in characters.
    """
    highlights = review.highlights
    if not highlights:
        nothing = f"nothing unusual among {review.screens} screens in {review.captures} captures"
        yield [(f"{query.period}: {nothing}", "")]
    else:
        title = f"{query.period}: the {len(highlights)} most unusual of {review.screens} screens"
        yield [(title, "bold"), (f" in {review.captures} captures", "dim")]
        yield [(_HEADINGS, "dim")]
    for highlight in highlights:
        yield from _highlight_lines(highlight, root, width)
    if 0 < len(highlights) < query.count:
        yield [("all others are like these, or usual", "dim")]
    if review.second_looks:
        yield []
        yield [("quarantined, but one tile changed strongly:", "bold")]
        yield from (_second_look(entry, invocation) for entry in review.second_looks)


def _highlight_lines(highlight: Highlight, root: Path, width: int) -> Iterator[Line]:
    """Fixed columns that survive 80, and the file: behind them where there is room, else below."""
    capture, appearance = highlight.entry.verdict.capture, highlight.appearance
    columns = [
        (f"{capture.taken_at:%Y-%m-%d %H:%M}", ""),
        (f"{capture.display:>4}", "bold"),
        (f"{duration_text(appearance.stood.total_seconds()):>12}{appearance.times:>6}", ""),
        (f"{highlight.alike or '':>6}  {_nearest(highlight):<17}", "dim"),
    ]
    file = _relative(highlight.entry.location, root)
    if sum(len(text) for text, _ in columns) + len(file) < width:
        yield [*columns, (f" {file}", "")]
    else:
        yield columns
        yield [(f"    {file}", "")]


def _nearest(highlight: Highlight) -> str:
    if highlight.nearest is None or highlight.ssim is None:
        return "nothing"
    return f"{highlight.ssim:.2f} {highlight.nearest.verdict.capture.taken_at:%m-%d %H:%M}"


def _relative(path: Path, root: Path) -> str:
    return visible(os.fspath(path.relative_to(root) if path.is_relative_to(root) else path))


def _second_look(entry: Entry, invocation: str) -> Line:
    capture, worst = entry.verdict.capture, entry.verdict.score.worst_tile
    what = f"{capture.taken_at:%Y-%m-%d %H:%M} {capture.display:>2}  tile {worst:.2f}"
    return [(f"{what}  ", "dim"), (visible(restore_command(entry, invocation)), "")]
