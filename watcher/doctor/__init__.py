"""What the doctor looks at: each check takes evidence and returns findings; none changes anything that stays."""

from collections.abc import Iterable

_NAMES = 3


def first_few(things: Iterable[str]) -> str:
    """The first few of *things*, and how many more there are."""
    every = list(things)
    more = f"; and {len(every) - _NAMES} more" if len(every) > _NAMES else ""
    return "; ".join(every[:_NAMES]) + more
