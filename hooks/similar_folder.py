"""With ``on_similar = "set-aside"`` similar captures go to a folder of their own, which mirrors ROOT."""

from pathlib import Path

from watcher import Kind, Settings, Verdict, hookimpl


@hookimpl
def place(verdict: Verdict, settings: Settings) -> Path | None:
    """Mirror a similar capture's path below ROOT-similar, if the user wants that."""
    if verdict.kind is not Kind.SIMILAR or settings.on_similar != "set-aside":
        return None
    return settings.similar_dir / verdict.capture.path.relative_to(settings.root)
