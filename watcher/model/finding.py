"""What a check has found: how grave it is, why it is so, and how it is mended."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a thing is."""

    WELL = "well"
    ODD = "odd"
    """Worth a look; the watcher does its work."""
    SICK = "sick"
    """Something that framesift promises does not happen."""


_ORDER = list(Grade)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's."""

    name: str
    verdict: Grade
    found: str
    cause: str = ""
    mend: str = ""

    @classmethod
    def well(cls, name: str, found: str) -> "Finding":
        """Nothing to mend."""
        return cls(name, Grade.WELL, found)

    @classmethod
    def odd(cls, name: str, found: str, cause: str = "", mend: str = "") -> "Finding":
        """Worth a look."""
        return cls(name, Grade.ODD, found, cause, mend)

    @classmethod
    def sick(cls, name: str, found: str, cause: str, mend: str) -> "Finding":
        """To be mended: never without its cause and its mend."""
        return cls(name, Grade.SICK, found, cause, mend)


def worst(grades: Iterable[Grade]) -> Grade:
    """The gravest of *grades*; well if there is none."""
    return max(grades, key=_ORDER.index, default=Grade.WELL)
