"""Markdown for people who read it on a terminal. A module of its own, because its library takes time to load."""

import re

from rich.console import Console
from rich.markdown import Markdown

_COLUMNS = 100
"""Longer lines are hard to read."""
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def print_markdown(text: str) -> bool:
    """Print *text* as a formatted page, if standard output is a terminal; False if it is not, and nothing is printed.

    Of a link the words are shown alone: it names a file beside the page, which a terminal cannot follow.
    """
    console = Console()
    if console.is_terminal:
        page = Markdown(_LINK.sub(r"\1", text), code_theme="ansi_dark")
        console.print(page, width=min(console.width, _COLUMNS))
    return console.is_terminal
