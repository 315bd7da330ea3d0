"""The whole hook contract. A hook answers or listens; it never moves a file itself.

A hook is a function named as below and marked ``@watcher.hookimpl``, in a file of the hooks folder
(``framesift config path`` names it) or in a package with the entry point group ``framesift``.
It may leave out arguments that it does not need.
"""

from pathlib import Path

import pluggy

from watcher.model.entry import Entry
from watcher.model.notice import Notice
from watcher.model.verdict import Verdict
from watcher.settings.settings import Settings

PROJECT = "framesift"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a hook; hook files take it from ``watcher``."""


@hookspec(firstresult=True)
def place(verdict: Verdict, settings: Settings) -> Path | None:
    """Say where the file of this capture should go, or None to leave it to the next hook, and at last where it is.

    The answer is a whole path (folder and name) without "..", outside ROOT and the quarantines of other roots. The
    first answer counts; hooks of the user are asked before the built-in ones. A hook that raises, or exits, leaves the
    file where it is. With ``--dry-run`` hooks are asked as
    well, and nothing is moved.
    """


@hookspec
def recorded(entry: Entry, settings: Settings) -> None:
    """Hear of an entry after it was written to the ledger and its file has arrived at its place.

    Called once for each capture, one hook after the other, on the thread that judges: what takes long belongs into a
    program of its own. A hook that raises, or exits, is logged and harms no other.
    """


@hookspec
def noticed(notice: Notice, settings: Settings) -> None:
    """Hear of what a person should hear of: that the watcher began, that captures stay away or come again, each week.

    Called as :func:`recorded` is, and only by a watcher; with ``--dry-run`` not at all.
    """
