"""What a person should hear of though they look at no log."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Topic(StrEnum):
    """What a notice is about."""

    START = "start"
    """The watcher has begun: also the proof that notices arrive."""
    SILENCE = "silence"
    """No captures come any more, or nothing new on any of them."""
    BACK = "back"
    """They come again."""
    WEEK = "week"
    """What the week that has ended came to."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for a person."""

    topic: Topic
    text: str
    root: Path
    """The folder it is about."""


RETURNING_DAYS = 14
"""How far back it is looked for screens that keep coming back with only their clock moved on."""
_MANY = 6
"""Of them from which on it is worth a word."""


def returning_text(count: int) -> str:
    """What is to be said of *count* kept screens that show nothing but another time; nothing of a few."""
    found = f"{count} kept screens of the last {RETURNING_DAYS} days show nothing but another time"
    return f"{found}; framesift learn makes them one" if count >= _MANY else ""
