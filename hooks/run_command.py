"""Runs a program for each recorded entry, with the entry as JSON on its standard input."""

import json
import subprocess

from watcher import Entry, Settings, hookimpl


@hookimpl
def recorded(entry: Entry, settings: Settings) -> None:
    """Run ``hooks.run_command.argv``, an argument list that no shell sees; what it prints is dropped.

    Raises:
        subprocess.SubprocessError: it failed, or ran longer than ``hooks.run_command.timeout`` seconds and was killed.
        OSError: it cannot be started.
    """
    options = settings.hooks.run_command
    if options.argv:
        subprocess.run(  # noqa: S603 - the user's own list, from their own settings
            options.argv,
            input=json.dumps(entry.as_json()).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=options.timeout,
            check=True,
        )
