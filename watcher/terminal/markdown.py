"""Markdown for people who read it on a terminal. A module of its own, because its library takes time to load."""

import re

from rich.console import Console
from rich.markdown import Markdown
from rich.theme import Theme

_COLUMNS = 100
"""Longer lines are hard to read."""
_THEME = Theme({"markdown.code": "cyan"})
"""Code in a sentence without rich's black ground, which is loud on a bright terminal."""
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def print_markdown(text: str) -> bool:
    """Print *text* as a formatted page, if standard output is a terminal; False if it is not, and nothing is printed.

    Of a link the words are shown alone: it names a file beside the page, which a terminal cannot follow.
    """
    console = Console(theme=_THEME)
    if console.is_terminal:
        page = Markdown(_LINK.sub(r"\1", text), code_theme="ansi_dark")
        console.print(page, width=min(console.width, _COLUMNS))
    return console.is_terminal
