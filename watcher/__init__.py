"""framesift: keeps the distinct screens of a folder of screen captures, and quarantines the rest.

The names here are what hooks are written with.
"""

import pluggy

from watcher.capture import Capture
from watcher.entry import Entry, State
from watcher.verdict import Kind, Policy, Score, Verdict

__version__ = "0.1.0"

__all__ = ["Capture", "Entry", "Kind", "Policy", "Score", "State", "Verdict", "__version__", "hookimpl"]

hookimpl = pluggy.HookimplMarker("framesift")
"""Marks a function of a hook; see :mod:`watcher.hookspecs` for the names and their arguments."""
