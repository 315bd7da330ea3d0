"""What was learned, in the settings: tried out, or written into their file, and taken back.

The comments and the order in the file stay.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from watcher.disk.files import make_private_folder, remove_written, write_new, write_private
from watcher.errors import WatcherError
from watcher.flow.sweep import Scope, sweep
from watcher.flow.task import Task
from watcher.model.period import Period
from watcher.model.preparation import Rectangle
from watcher.model.scene import Scene
from watcher.model.tally import Tally
from watcher.model.verdict import Kind
from watcher.program import Program
from watcher.progress import Progress
from watcher.review.learning import Learned
from watcher.settings.settings import Settings
from watcher.terminal.console import Log

SCENES = "scenes"
"""The folder of references, beside the settings file."""


def _flags(settings: Settings, learned: Learned) -> dict[str, Any]:
    """The settings that are others with what was *learned*, as flags, so that it can be tried out."""
    scenes = [_table(scene, *(one.file for one in scene.references)) for scene in settings.policy.scenes]
    scenes += [_table(one.scene, one.reference.location) for one in learned.scenes]
    return {"ignore": _ignored(settings, learned), "scene": scenes, "news": learned.news}


def rehearse(
    program: Program, settings: Settings, learned: Learned, period: Period, progress: Progress
) -> Counter[str]:
    """How many captures of *period*, judged once more, get which other verdict: ``duplicate -> new`` and the like.

    Raises:
        WatcherError: it cannot start.
    """
    before = _kinds(program, settings, period)
    changes, tally = Counter[str](), Tally()
    scope = Scope(period.begin, period.end, again=True)
    with Log(terminal=False, file=None) as log:
        task = Task(program, program.settings(root=settings.root, **_flags(settings, learned)), log, dry_run=True)
        for entry in progress.track(sweep(task, scope, tally), len(before), "judged once more"):
            if entry is not None:
                was, now = before.get(entry.verdict.capture.path), entry.verdict.kind
                changes[f"{was} -> {now}"] += was is not None and was is not now
    return +changes


def _kinds(program: Program, settings: Settings, period: Period) -> dict[Path, Kind]:
    with program.existing_ledger() as ledger:
        entries = ledger.entries(settings.root, since=period.begin, until=period.end)
        return {entry.verdict.capture.path: entry.verdict.kind for entry in entries}


def apply(file: Path, settings: Settings, learned: Learned) -> None:
    """Write what was *learned* into the settings *file*, and its references into a folder beside it.

    What the file was is kept beside it, for :func:`revert`.

    Raises:
        WatcherError: there is nothing to apply, or a file cannot be read or written.
    """
    if learned.is_empty:
        raise WatcherError("there is nothing to apply")
    try:
        before = file.read_bytes() if os.path.lexists(file) else b""
        document = tomlkit.parse(before.decode("utf-8-sig"))
        if learned.news != settings.news:
            document["news"] = learned.news
        if learned.clocks:
            table = document.setdefault("ignore", tomlkit.table())
            for display, parts in _ignored(settings, learned).items():
                table[display] = _array(parts)
        if learned.scenes:
            make_private_folder(file.parent / SCENES)
            tables = document.setdefault("scene", tomlkit.aot())
        for one in learned.scenes:
            name = f"{one.scene.name.replace(' ', '-')}-{one.scene.references[0].digest[:8]}.png"
            if not os.path.lexists(file.parent / SCENES / name):  # from a time before --revert
                write_new(file.parent / SCENES / name, one.reference.location.read_bytes())
            values = _table(one.scene, f"{SCENES}/{name}")
            table = tomlkit.table()
            table.update(values | {"ignore": _array(values["ignore"])})
            tables.append(table)
        after = tomlkit.dumps(document).encode()
        make_private_folder(file.parent)
        write_private(_before(file), hashlib.sha256(after).hexdigest().encode() + b"\n" + before)
        write_private(file, after)
    except (OSError, UnicodeDecodeError, TOMLKitError, AttributeError, TypeError) as error:
        raise WatcherError(f"{file} cannot be changed: {error}") from error


def revert(file: Path) -> None:
    """Let the settings *file* be as it was before :func:`apply`.

    Raises:
        WatcherError: nothing was applied, it was changed since, or it cannot be written.
    """
    try:
        digest, _, before = _before(file).read_bytes().partition(b"\n")
        if hashlib.sha256(file.read_bytes()).hexdigest().encode() != digest:
            raise WatcherError(f"{file} was changed since; it was {_before(file)} before (without its first line)")
        write_private(file, before)
        remove_written(_before(file))
    except FileNotFoundError as error:
        raise WatcherError(f"nothing was applied to {file} that could be taken back") from error
    except OSError as error:
        raise WatcherError(f"{file} cannot be changed: {error}") from error


def _before(file: Path) -> Path:
    return file.with_name(f"{file.name}.before-learn")


def _ignored(settings: Settings, learned: Learned) -> dict[str, list[Rectangle]]:
    """The table ``ignore`` with the clocks of panels in it."""
    table = {display: list(parts) for display, parts in settings.ignore.items()}
    for one in learned.clocks:
        own = table.setdefault(f"{one.display}", [])
        own += [part for part in one.rectangles if part not in own]
    return table


def _table(scene: Scene, *references: Path | str) -> dict[str, Any]:
    """The table ``[[scene]]`` of *scene*, whose pictures are at *references*."""
    files = [os.fspath(one) for one in references]
    return {
        "name": scene.name,
        "displays": list(scene.displays),
        "reference": files[0] if len(files) == 1 else files,
        "ignore": list(scene.ignore),
    }


def _array(parts: Sequence[Rectangle]) -> Any:
    array = tomlkit.array()
    for part in parts:
        array.append(list(part))
    return array
