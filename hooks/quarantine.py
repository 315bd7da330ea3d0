"""Duplicates go to the quarantine, which mirrors ROOT: a restore needs nothing but the path."""

from pathlib import Path

from watcher import Kind, Settings, Verdict, hookimpl


@hookimpl
def place(verdict: Verdict, settings: Settings) -> Path | None:
    """Mirror a duplicate's path below the quarantine."""
    if verdict.kind is not Kind.DUPLICATE:
        return None
    return settings.quarantine_dir / verdict.capture.path.relative_to(settings.root)
