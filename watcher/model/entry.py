"""An entry of the ledger: a verdict, and where its picture is."""

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from watcher.model.verdict import Verdict


class State(StrEnum):
    """Where the picture of an entry is."""

    KEPT = "kept"
    MOVING = "moving"
    QUARANTINED = "quarantined"
    RESTORED = "restored"
    PURGED = "purged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Timeline:
    """One course of judgement through the captures of a root, with windows of its own."""

    root: Path
    name: str = "watch"
    """``watch``, ``sweep`` or ``again``."""
    round: int = 0
    """Above 0: entries of lower rounds are judged anew; 0: what has an entry is not judged again."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where a picture shall go, and what its state is once it is there."""

    target: Path
    becomes: State


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger."""

    id: int
    verdict: Verdict
    state: State
    location: Path
    """Where the file is now, or was last seen."""
    target: Path | None
    """Where it is being moved to while the state is MOVING."""
    becomes: State | None
    """The state after that move; of one that is missing, the state if it is found, where that is not KEPT."""
    recorded_at: datetime
    note: str = ""
    """Why a picture stayed that a hook wanted to move, why it is missing, whose it is, or when it was purged."""
    root: Path = Path()
    """The folder in which it was captured."""
    aside_at: datetime | None = None
    """When it was quarantined last."""
    version: int = 0
    """Rises with each change of the row: a decision is made on one version, and holds for no other."""

    @property
    def aside(self) -> bool:
        """Whether the picture has left its folder, and can be restored to it."""
        return self.state is State.QUARANTINED

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON values, in the form that ``history --json`` and the hooks' stdin share.

        Paths that are no UTF-8 keep their bytes as surrogate escapes, so that the text names the same file again.
        """
        capture, score = self.verdict.capture, self.verdict.score
        return {
            "id": self.id,
            "path": os.fspath(capture.path),
            "display": capture.display,
            "taken_at": capture.taken_at.isoformat(),
            "kind": self.verdict.kind.value,
            "ssim": score.ssim if score.exact else None,
            "ssim_at_most": None if score.exact or score.nearest is None else score.ssim,
            "nearest": os.fspath(score.nearest.path) if score.nearest else None,
            "worst_tile": score.worst_tile if score.exact else None,
            "change": list(score.change) if score.change else None,
            "scene": self.verdict.scene,
            "reason": self.verdict.reason or self.note,
            "state": self.state.value,
            "location": os.fspath(self.location),
            "bytes": capture.size,
            "recorded_at": self.recorded_at.isoformat(),
            "policy": self.verdict.policy.as_json(),
        }
