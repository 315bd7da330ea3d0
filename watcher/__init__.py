"""framesift: keeps the distinct screens of a folder of screen captures, and quarantines the rest.

The names here are what hooks are written with.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Capture",
    "Entry",
    "Kind",
    "Notice",
    "Policy",
    "Score",
    "Settings",
    "State",
    "Topic",
    "Verdict",
    "__version__",
    "hookimpl",
]

if TYPE_CHECKING:
    from watcher.keep.hookspecs import hookimpl
    from watcher.model.capture import Capture
    from watcher.model.entry import Entry, State
    from watcher.model.notice import Notice, Topic
    from watcher.model.verdict import Kind, Policy, Score, Verdict
    from watcher.settings.settings import Settings
else:
    _HOMES = {
        "Capture": "model.capture",
        "Entry": "model.entry",
        "Kind": "model.verdict",
        "Notice": "model.notice",
        "Policy": "model.verdict",
        "Score": "model.verdict",
        "Settings": "settings.settings",
        "State": "model.entry",
        "Topic": "model.notice",
        "Verdict": "model.verdict",
        "hookimpl": "keep.hookspecs",
    }

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers read the branch above
        """Load a name when it is first asked for: whoever asks for help, or for the version, needs none of them."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
