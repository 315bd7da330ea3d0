"""What a person sees: one line for each event, on the terminal and in the log file."""

import io
import json
import math
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import wrap
from typing import Self, TypeAlias

from rich.console import Console
from rich.style import Style
from rich.text import Text

from watcher.errors import BusyError, WatcherError
from watcher.model.entry import Entry, State
from watcher.model.finding import Finding, Grade
from watcher.model.verdict import Kind
from watcher.terminal.log_file import LogFile
from watcher.text import bytes_text, place_text, visible, without_secrets

Line: TypeAlias = list[tuple[str, str]]
"""Pieces of text, each with its style: "" for none, "dim", "bold"."""

_STYLES = {
    Kind.NEW: "bold green",
    Kind.SIMILAR: "yellow",
    Kind.DUPLICATE: "bright_blue",
    Kind.UNREADABLE: "bold red",
}
_GRADES = {Grade.WELL: "green", Grade.ODD: "yellow", Grade.SICK: "bold red"}
_TONES = {"note": "cyan", "good": "green", "warning": "bold yellow", "error": "bold red"}


def entry_line(entry: Entry, seconds: float | None = None, *, verbose: bool = False) -> Text:
    """One entry in fixed columns: time, display, verdict, score, nearest, size, milliseconds.

    The time is a link (OSC 8) to where the picture is now; *verbose* writes that behind the columns.
    """
    verdict = entry.verdict
    style = _STYLES[verdict.kind]
    line = Text(no_wrap=True, overflow="ignore")
    when = _when(verdict.capture.taken_at)
    line.append(when, Style(dim=True, link=_link(entry.location)))
    # One span, so that a search for "2  new" finds it in the file as well.
    shown = f"{verdict.capture.display:>3}  {verdict.kind:<11}{_score(entry):>7}"
    line.append(f"{'':<{_TIME_WIDTH - len(when)}} ").append(shown, style).append("  ")
    # Where another display may be named there is room for it in every line.
    line.append(f"{_nearest(entry):<{19 if verdict.policy.across_displays else 17}}", "dim")
    line.append(f"{bytes_text(verdict.capture.size):>10}")
    if seconds is not None:
        line.append(f"{seconds * 1000:>6.0f} ms", "dim")
    if said := _remark(entry):
        line.append(f"  {said}", "red" if verdict.reason or entry.note else "dim")
    if verbose:
        line.append(f"  {visible(os.fspath(entry.location))}", "dim")
    return line


_TIME_WIDTH = 16


def _when(moment: datetime) -> str:
    """A time to the second or, if it is not of this year, with the year, to the minute."""
    is_now = moment.year == datetime.now().year
    return f"{moment:%m-%d %H:%M:%S}" if is_now else f"{moment.year:04}-{moment:%m-%d %H:%M}"


def _link(path: Path) -> str | None:
    """The address of a file, in which nothing stands that a terminal obeys; None if it can have none."""
    try:
        return path.as_uri()
    except ValueError:  # of a relative path
        return None


def _score(entry: Entry) -> str:
    score = entry.verdict.score
    if score.nearest is None:
        return ""
    return _rounded_down(score.ssim) if score.exact else f"<{math.ceil(score.ssim * 10_000) / 10_000:.4f}"


def _rounded_down(ssim: float) -> str:
    """To four digits, towards the verdict's side: 0.98999 must not read as 0.9900 beside "similar"."""
    return f"{math.floor(ssim * 10_000) / 10_000:.4f}"


def _nearest(entry: Entry) -> str:
    nearest = entry.verdict.score.nearest
    if nearest is None or not entry.verdict.score.exact:
        return ""
    sign = "=" if entry.verdict.kind is Kind.DUPLICATE else "~"
    display = "" if nearest.display == entry.verdict.capture.display else f"{nearest.display:>2}:"
    then = nearest.taken_at
    is_near = then.year == entry.verdict.capture.taken_at.year
    return f"{sign}{display} {f'{then:%m-%d %H:%M:%S}' if is_near else f'{then.year:04}-{then:%m-%d %Hh}'}"


def _remark(entry: Entry) -> str:
    """What the columns cannot say: why not, why similar, where to, or a name that does not tell the time."""
    said = [visible(text) for text in (entry.verdict.reason, entry.note) if text]
    name = entry.verdict.capture.path.name
    if said or not name.startswith(f"{entry.verdict.capture.taken_at:%Y-%m-%d_%H.%M.%S}"):
        said.insert(0, visible(name))
    if entry.verdict.scene:
        said.append(visible(entry.verdict.scene))
    if entry.verdict.news:
        said.append(f"news in {place_text(*entry.verdict.news)}")
    elif entry.verdict.guarded:
        said.append(f"worst tile {_rounded_down(entry.verdict.score.worst_tile)}")
    if entry.state is State.MOVING and entry.target is not None:
        said.append(f"would go to {visible(os.fspath(entry.target))}")
    return ": ".join(said)


class Log:
    """The console log of a run."""

    def __init__(
        self,
        *,
        terminal: bool,
        file: Path | None,
        color: str = "always",
        as_json: bool = False,
        verbose: bool = False,
    ) -> None:
        """Write to standard output if *terminal*, and to *file* if given; *color* is that of the file.

        Raises:
            WatcherError: the log file is no log, or cannot be opened.
        """
        self.file = file
        self.terminal = Console(highlight=False, soft_wrap=True, emoji=False) if terminal else None
        self._file = LogFile(file) if file else None
        self._color = color == "always" and not os.environ.get("NO_COLOR")
        self._as_json = as_json
        self._verbose = verbose

    def entry(self, entry: Entry, seconds: float | None = None, *, shown: bool = True) -> None:
        """One line for one capture, for the file alone unless *shown*; *seconds* from whole file to ledger."""
        line = entry_line(entry, seconds, verbose=self._verbose)
        self._write(line, {"event": "capture", **entry.as_json()}, shown=shown)

    def say(self, text: str, tone: str = "note", *, shown: bool = True) -> None:
        """One line about anything else, for the file alone unless *shown*; *tone* is note, good, warning or error."""
        now = datetime.now()
        line = Text(no_wrap=True, overflow="ignore")
        line.append(f"{now:%m-%d %H:%M:%S}  ", "dim").append("   · ").append(visible(text), _TONES[tone])
        self._write(line, {"event": tone, "at": now.astimezone().isoformat(), "text": text}, shown=shown)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        # The terminal has it from the program's boundary.
        if isinstance(error, WatcherError):
            if not isinstance(error, BusyError):  # the log of a watcher at work is not for those that it keeps out
                self.say(str(error), "error", shown=False)
        elif isinstance(error, Exception):
            self.say(f"ended by {type(error).__name__}: {without_secrets(str(error))}", "error", shown=False)
        if self._file is not None:
            self._file.close()

    def _write(self, line: Text, values: dict[str, object], *, shown: bool = True) -> None:
        rendered = json.dumps(values) if self._as_json else None
        if self.terminal is not None and shown:
            self.terminal.print(rendered if rendered is not None else line, markup=False)
        if self._file is not None:
            self._file.write_line(rendered if rendered is not None else _ansi(line, color=self._color))


def _ansi(line: Text, *, color: bool) -> str:
    if not color:
        return line.plain
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False, width=10_000)
    with console.capture() as capture:
        console.print(line, end="", soft_wrap=True)
    return capture.get()


def print_line(entry: Entry) -> None:
    """One entry on standard output."""
    Console(highlight=False, soft_wrap=True).print(entry_line(entry), markup=False)


def print_lines(lines: Iterable[Line]) -> None:
    """Lines on standard output, none of which is wrapped: what is in them may be there to be copied."""
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))


def terminal_width() -> int:
    """How many characters a line of the terminal has."""
    return Console().width


def print_table(rows: Sequence[tuple[str, str]], title: str = "") -> None:
    """Names and values on standard output, in two columns; on a terminal values are wrapped between words."""
    width = max((len(name) for name, _ in rows), default=0)
    _print_hanging([([(f"{name:<{width}}  ", "dim")], value, "") for name, value in rows], title)


def print_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output; each title of its *head* begins with ``<`` or ``>``, the side where it is flush."""
    console = Console(highlight=False, soft_wrap=True)
    table = [[title[1:] for title in head], *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, row in enumerate(table):
        cells = (f"{cell:{title[0]}{width}}" for cell, title, width in zip(row, head, widths, strict=True))
        console.print(Text(visible("  ".join(cells).rstrip()), "" if number else "dim"))


def print_findings(findings: Sequence[Finding], title: str) -> None:
    """What the doctor found, on standard output: verdict, name, and below what is not well its cause and its mend.

    A mend is one line, which may be there to be copied.
    """
    width = max((len(one.name) for one in findings), default=0)
    rows: list[_Row] = []
    for one in findings:
        head = [(f"{one.verdict:<5} ", _GRADES[one.verdict]), (f"{one.name:<{width}}  ", "dim")]
        rows.append((head, one.found, ""))
        rows += [([(f"{'':<6}{'cause':<{width}}  ", "dim")], one.cause, "dim")] * bool(one.cause)
        rows += [([(f"{'':<6}{'mend':<{width}}  ", "dim")], one.mend, _WHOLE)] * bool(one.mend)
    _print_hanging(rows, title)


_WHOLE = "cyan"
"""The style of what is never wrapped."""
_Row: TypeAlias = tuple[Line, str, str]
"""What stands before a text, the text, and its style."""
_NARROWEST = 24
"""Characters of a text beside its head at least: below that nothing is gained by wrapping it."""


def _print_hanging(rows: Iterable[_Row], title: str) -> None:
    """Print *rows* below their *title*: on a terminal with the lines of a text under each other, else one line each."""
    console = Console(highlight=False, soft_wrap=True)
    if title:
        console.print(Text(visible(title), "bold"))
    for head, text, style in rows:
        begin = sum(len(piece) for piece, _ in head)
        room = console.width - begin
        shown = visible(text)
        is_wrapped = console.is_terminal and style != _WHOLE and room >= _NARROWEST
        lines = wrap(shown, room, break_long_words=False, break_on_hyphens=False) if is_wrapped else [shown]
        first = Text.assemble(*head, (next(iter(lines), ""), style))
        first.rstrip()
        console.print(first)
        for line in lines[1:]:
            console.print(Text.assemble(" " * begin, (line, style)))


def print_error(*lines: str) -> None:
    """One clear line, or several, on standard error."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(("framesift: ", "bold red"), visible(line)))
