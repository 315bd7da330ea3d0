"""How far a long run is: a bar with rate and time left on a terminal, elsewhere a line now and then."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from watcher.terminal.console import Log

Thing = TypeVar("Thing")


class _Rate(ProgressColumn):
    """Things per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", "dim")


_LINE_SECONDS = 30.0
"""Between two lines where there is no terminal for a bar."""


class Bar:
    """The bar of one run, or its lines; it appears when there is something to show."""

    def __init__(self, progress: Progress, say: Callable[[str], None]) -> None:
        self._progress, self._say = progress, say
        self._task = progress.add_task("")
        self._words = ""
        self._next_line = time.monotonic() + _LINE_SECONDS

    def show(self, done: int, total: int, words: str) -> None:
        """Show how far it is; *words*, in rich's markup, say what was done or found."""
        if self._progress.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            self._say(f"{done} of {total}: {Text.from_markup(words).plain}")
        self._progress.update(self._task, total=total, completed=done, description=words)
        self._progress.start()

    def track(self, things: Iterable[Thing], total: int, words: str) -> Iterator[Thing]:
        """As :class:`watcher.progress.Progress` has it: the time left is that of these *things*."""
        self._progress.reset(self._task)
        for done, thing in enumerate(things):
            self.show(done, total, words)
            yield thing


@contextlib.contextmanager
def bar(log: Log) -> Iterator[Bar]:
    """A bar below the lines of *log* on its terminal; on standard error if it has none."""
    with _bar(log.terminal or Console(stderr=True), log.say) as shown:
        yield shown


@contextlib.contextmanager
def bar_of_verb(name: str, *, quiet: bool = False) -> Iterator[Bar]:
    """A bar on standard error while the verb *name* works, or its lines; nothing of it if *quiet*."""
    console = Console(stderr=True, quiet=quiet)

    def say(line: str) -> None:
        console.print(f"{name}: {line}", markup=False, highlight=False, soft_wrap=True)

    with _bar(console, say) as shown:
        yield shown


@contextlib.contextmanager
def _bar(console: Console, say: Callable[[str], None]) -> Iterator[Bar]:
    columns = (
        *(BarColumn(bar_width=20), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(compact=True)),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
    try:
        yield Bar(progress, say)
    finally:
        progress.stop()
