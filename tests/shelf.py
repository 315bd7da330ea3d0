"""Where :class:`tests.desk.Shelf` was; for rooms that have not moved to it."""

from tests.desk import CONTENT, SIZE, Shelf

__all__ = ["CONTENT", "SIZE", "Shelf"]
