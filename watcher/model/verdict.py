"""What is decided about a capture, and by which numbers. No pixels, no files."""

import zlib
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from watcher.model.capture import Capture
from watcher.model.preparation import EVERY_DISPLAY, Ignored, Preparation, Rectangle, ignored_of
from watcher.model.scene import FLOOR, Scene


class Kind(StrEnum):
    """The four verdicts."""

    NEW = "new"
    SIMILAR = "similar"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"

    @property
    def stays(self) -> bool:
        """Whether such a capture shows a distinct screen, which later ones are compared with."""
        return self in (Kind.NEW, Kind.SIMILAR)


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that may change a verdict; it is stored beside each one."""

    duplicate: float = 0.99
    """A duplicate has an SSIM strictly above this with some frame of its window."""
    similar: float = 0.95
    """A similar capture has an SSIM strictly above this."""
    window: int = 100
    """How many kept frames of a display a capture is compared with; 0 means all of them."""
    reduce: int = 2
    """Side in pixels of the squares that are averaged into one before comparing."""
    guard: float = 0.0
    """A duplicate whose worst tile is strictly below this counts as similar; 0 means none does."""
    news: int = 0
    """A duplicate with a change as wide as so many pixels of the capture counts as similar; 0 means none does."""
    ignore: Ignored = ()
    """Rectangles that are painted over before comparing."""
    scenes: tuple[Scene, ...] = ()
    """Screens in which certain places do not count; a frame is in the first one that it fits."""
    across_displays: bool = False
    """Whether what is no duplicate in its own display's window is compared with those of the other displays."""

    @property
    def thresholds(self) -> str:
        """In words, as people read them."""
        guard = f", guard {self.guard:g}" if self.guard else ""
        news = f", news {self.news}" if self.news else ""
        return f"duplicate above {self.duplicate:g}, similar above {self.similar:g}{guard}{news}"

    def is_news(self, change: Rectangle | None) -> bool:
        """Whether *change* is as wide as what must not get lost."""
        return self.news > 0 and change is not None and change[2] >= self.news

    def preparation(self, display: int) -> Preparation:
        """How captures of *display* become frames."""
        own = [part for name, parts in self.ignore if name in (EVERY_DISPLAY, str(display)) for part in parts]
        return Preparation(self.reduce, tuple(sorted(set(own))))

    def scenes_of(self, display: int) -> tuple[Scene, ...]:
        """Those that *display* may show."""
        return tuple(scene for scene in self.scenes if scene.is_of(display))

    def digest(self, display: int) -> int:
        """32 bits that tell frames of *display* apart that were prepared otherwise, or painted over in other scenes."""
        preparation = self.preparation(display)
        text = f"{preparation.reduce} {preparation.ignored}"
        if scenes := self.scenes_of(display):
            pictures = [[one.digest for one in scene.references] for scene in scenes]
            text += f" {self.duplicate} {FLOOR} {pictures} {[scene.ignore for scene in scenes]}"
        return zlib.crc32(text.encode())

    def as_json(self) -> dict[str, Any]:
        """The policy as JSON values; scenes only if there are any, and news only if they are looked for."""
        values = asdict(self) | {"ignore": {name: [list(part) for part in parts] for name, parts in self.ignore}}
        del values["scenes"]
        if not self.news:
            del values["news"]
        return values | ({"scenes": [scene.as_json() for scene in self.scenes]} if self.scenes else {})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The policy that :meth:`as_json` wrote; what an older framesift did not know has its default."""
        scenes = tuple(map(Scene.from_json, values.get("scenes", ())))
        return cls(**values | {"ignore": ignored_of(values.get("ignore", {})), "scenes": scenes})


@dataclass(frozen=True, slots=True)
class Score:
    """How near a capture is to the nearest frame of its window."""

    nearest: Capture | None
    """The frame with the highest SSIM; where only a bound is known, the one with the highest bound."""
    ssim: float
    """The SSIM with *nearest* if *exact*; otherwise no frame of the window has a higher one."""
    exact: bool
    worst_tile: float
    """Lowest mean SSIM over a 64 px tile of the frame, against *nearest*; 1 where *exact* is false."""
    change: Rectangle | None = None
    """The widest place that has changed since *nearest*; None if the policy does not ask for it, or where the SSIM is
    below that of a duplicate."""


NOTHING_TO_COMPARE = Score(nearest=None, ssim=-1.0, exact=False, worst_tile=1.0)
"""The score of the first capture in an empty window: SSIM is never below -1."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One capture, judged."""

    capture: Capture
    kind: Kind
    score: Score
    policy: Policy
    reason: str = ""
    """Why a capture is unreadable; empty otherwise."""
    scene: str = ""
    """The name of the scene that it shows; empty if it shows none."""

    @property
    def stays(self) -> bool:
        """Whether the capture shows a distinct screen, which later ones are compared with."""
        return self.kind.stays

    @property
    def guarded(self) -> bool:
        """Whether it would be a duplicate, but for its worst tile, or for what is news in it."""
        return self.kind is Kind.SIMILAR and self.score.ssim > self.policy.duplicate

    @property
    def news(self) -> Rectangle | None:
        """The place that is news, in what would be a duplicate but for that."""
        return self.score.change if self.guarded and self.policy.is_news(self.score.change) else None


def decide(capture: Capture, score: Score, policy: Policy, scene: str = "") -> Verdict:
    """The verdict on *capture*: all thresholds are strict, and a bound below the first two settles it as well."""
    guarded = (policy.guard > 0 and score.worst_tile < policy.guard) or policy.is_news(score.change)
    if score.ssim > policy.duplicate and not guarded:
        kind = Kind.DUPLICATE
    elif score.ssim > policy.similar:
        kind = Kind.SIMILAR
    else:
        kind = Kind.NEW
    return Verdict(capture, kind, score, policy, scene=scene)


def unreadable(capture: Capture, reason: str, policy: Policy) -> Verdict:
    """The verdict on a whole file that cannot become a frame."""
    return Verdict(capture, Kind.UNREADABLE, NOTHING_TO_COMPARE, policy, reason)
