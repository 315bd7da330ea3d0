"""How far a sweep is: a bar with rate, time left, and what was found."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from watcher.model.tally import Tally
from watcher.model.verdict import Kind
from watcher.terminal.console import Log
from watcher.text import bytes_text


class _Rate(ProgressColumn):
    """Captures per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", "dim")


_LINE_SECONDS = 30.0
"""Between two lines where there is no terminal for a bar."""


class Bar:
    """The bar of one sweep, or its lines; it appears when there is something to show."""

    def __init__(self, progress: Progress, log: Log) -> None:
        self._progress, self._log = progress, log
        self._task = progress.add_task("")
        self._next_line = time.monotonic() + _LINE_SECONDS

    def show(self, tally: Tally) -> None:
        """Show how far it is."""
        if self._progress.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            self._log.say(f"{tally.done} of {tally.total}: {Text.from_markup(_found(tally)).plain}")
        self._progress.update(self._task, total=tally.total, completed=tally.done, description=_found(tally))
        self._progress.start()


@contextlib.contextmanager
def bar(log: Log) -> Iterator[Bar]:
    """A bar below the lines of *log* on its terminal; on standard error if it has none; nowhere if that is none."""
    console = log.terminal or Console(stderr=True)
    columns = (
        *(BarColumn(bar_width=20), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(compact=True)),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    try:
        yield Bar(progress, log)
    finally:
        progress.stop()


def _found(tally: Tally) -> str:
    kinds = tally.kinds
    kept = f"[green]{kinds[Kind.NEW]} new[/] [yellow]{kinds[Kind.SIMILAR]} similar[/]"
    return f"{kept} [bright_blue]{kinds[Kind.DUPLICATE]} duplicate[/] {bytes_text(tally.moved_bytes)}"
