"""Tables for the terminal that need more room than a line an event."""

import os
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.text import Text

from watcher.model.entry import Entry
from watcher.review.appearances import Choice
from watcher.review.highlights import Highlight, Review, restore_command
from watcher.text import visible

_HEADINGS = "when              on   stood times alike  most like"


def print_review(review: Review, root: Path, choice: Choice) -> None:
    """A period's highlights on standard output, and the commands that bring doubtful duplicates back."""
    console = Console(highlight=False)
    shown = len(review.highlights)
    title = Text.assemble(
        (f"{choice.period}: the {shown} most unusual of {review.screens} screens", "bold"),
        (f" in {review.captures} captures", "dim"),
    )
    console.print(title if shown else _nothing(review, choice))
    if shown:
        console.print(Text(_HEADINGS, "dim"), soft_wrap=True)
    for highlight in review.highlights:
        console.print(_line(highlight, root, console.width), soft_wrap=True)
    if 0 < shown < choice.count:
        console.print(Text("all others are like these, or usual", "dim"))
    if review.second_looks:
        _print_second_looks(console, review)


def _nothing(review: Review, choice: Choice) -> Text:
    return Text(f"{choice.period}: nothing unusual among {review.screens} screens in {review.captures} captures")


def _line(highlight: Highlight, root: Path, width: int) -> Text:
    """Fixed columns that survive 80, and the file: behind them where there is room, else below."""
    capture, showing = highlight.entry.verdict.capture, highlight.showing
    line = Text(f"{capture.taken_at:%Y-%m-%d %H:%M}").append(f"{capture.display:>4}", "bold")
    line.append(f"{_duration(showing.stood):>8}{showing.times:>6}")
    line.append(f"{highlight.alike or '':>6}  {_nearest(highlight):<17}", "dim")
    file = _relative(highlight.entry.location, root)
    line.append(f" {file}" if len(line) + len(file) < width else f"\n    {file}")
    return line


def _nearest(highlight: Highlight) -> str:
    if highlight.nearest is None or highlight.ssim is None:
        return "nothing"
    return f"{highlight.ssim:.2f} {highlight.nearest.verdict.capture.taken_at:%m-%d %H:%M}"


def _duration(stood: timedelta) -> str:
    minutes = round(stood.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest:02}" if hours else f"{minutes} min" if minutes else f"{stood.total_seconds():.0f} s"


def _relative(path: Path, root: Path) -> str:
    return visible(os.fspath(path.relative_to(root) if path.is_relative_to(root) else path))


def _print_second_looks(console: Console, review: Review) -> None:
    console.print()
    console.print(Text("quarantined, but one tile changed strongly:", "bold"))
    for entry in review.second_looks:
        console.print(_doubt(entry), soft_wrap=True)


def _doubt(entry: Entry) -> Text:
    """Not wrapped: the command is there to be copied."""
    verdict = entry.verdict
    what = (
        f"{verdict.capture.taken_at:%Y-%m-%d %H:%M} {verdict.capture.display:>2}  tile {verdict.score.worst_tile:.2f}"
    )
    return Text.assemble((f"{what}  ", "dim"), visible(restore_command(entry)))
