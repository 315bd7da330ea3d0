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
