"""Which screens of a period are asked for."""

from dataclasses import dataclass

from watcher.model.period import Period


@dataclass(frozen=True, slots=True)
class Query:
    """Which screens are asked for."""

    period: Period
    count: int = 20
    display: int | None = None
    """Only this display; None for all."""
