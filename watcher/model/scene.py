"""A scene: a screen that is known beforehand, and the places in it that do not count, such as a lock screen's clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from watcher.model.preparation import EVERY_DISPLAY, Rectangle

FLOOR = 0.8
"""No tile of a frame in a scene has an SSIM with the reference below this: a dialog on a lock screen is news."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture of a scene."""

    digest: str
    """SHA-256 of its file, in hexadecimal digits: what it shows."""
    file: Path = field(default=Path(), compare=False)
    """Where it was found; of no account for verdicts, and not known of what the ledger tells."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames that show one of its references, but for what is ignored in it, are in the scene."""

    name: str
    displays: tuple[str, ...]
    """Where it may be shown, ascending."""
    references: tuple[Reference, ...]
    """Any of them will do, as of a wallpaper that rotates."""
    ignore: tuple[Rectangle, ...]
    """What is painted over in frames of the scene, ascending."""

    @classmethod
    def of(
        cls,
        name: str,
        displays: Iterable[str],
        references: Iterable[Reference],
        ignore: Iterable[Rectangle],
    ) -> Self:
        """A scene, in one order however it was written."""
        known = {reference.digest: reference for reference in references}
        return cls(
            name, tuple(sorted(set(displays))), tuple(known[one] for one in sorted(known)), tuple(sorted(set(ignore)))
        )

    def is_of(self, display: int) -> bool:
        """Whether *display* may show it."""
        return not {EVERY_DISPLAY, f"{display}"}.isdisjoint(self.displays)

    def as_json(self) -> dict[str, Any]:
        """The scene as JSON values, without where its references are."""
        return {
            "name": self.name,
            "displays": list(self.displays),
            "references": [reference.digest for reference in self.references],
            "ignore": [list(part) for part in self.ignore],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The scene that :meth:`as_json` wrote."""
        rectangles = ((x, y, width, height) for x, y, width, height in values["ignore"])
        return cls.of(values["name"], values["displays"], map(Reference, values["references"]), rectangles)
