"""Captures that lie in a root and have not been judged."""

from collections.abc import Callable, Iterator
from pathlib import Path

from watcher.disk.listing import Names, key_in_folder, walk
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture, NamePattern


def unjudged(
    ledger: Ledger,
    root: Path,
    pattern: NamePattern,
    unlisted: Callable[[Path, OSError], object] = lambda *_: None,
    names: Names | None = None,
) -> Iterator[tuple[Capture, bool]]:
    """Every capture in *root* that a watcher or a sweep is still to judge, and whether it is left to sweeps.

    A folder that cannot be listed has none; *unlisted* hears of it. What names came to is added to *names*.
    """
    for folder, listing in walk(root, pattern, unlisted):
        if names is not None:
            names.add(listing.names)
        known, left = ledger.known(folder), ledger.left_to_sweep(folder)
        for capture in listing.captures:
            key = key_in_folder(capture)
            if key in left or key not in known:
                yield capture, key in left
