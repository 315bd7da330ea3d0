"""The tables of settings, each with its keys, their defaults, and what is allowed in them."""

from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ByteSize, ConfigDict, Field

from watcher.model.preparation import EVERY_DISPLAY
from watcher.settings.types import (
    Count,
    Displays,
    Kinds,
    Number,
    References,
    SceneName,
    Size,
    SomeRectangles,
    Switch,
    Table,
    Texts,
    Words,
)

# A description completes the sentence "must be ..." of a refusal.


class Section(BaseModel):
    """A table of settings. No other key is allowed in it."""

    # What was given may be secret, and is not for a traceback.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class RetentionSettings(Section):
    """How long quarantined duplicates are kept; nothing is deleted unless one of these is given."""

    days: Count = Field(
        default=0, ge=0, le=36_500, description="a whole number of days up to 36500, such as 30, or 0 for all time"
    )
    max_bytes: Size = Field(default=ByteSize(0), ge=0, description='a size such as "20 GB", or 0 for any')

    @property
    def is_on(self) -> bool:
        """Whether the user has switched it on."""
        return bool(self.days or self.max_bytes)


class RunCommandSettings(Section):
    """Settings of the hook run_command."""

    argv: Words = Field(default=(), description='a list of texts such as ["logger", "-t", "framesift"]')
    timeout: Number = Field(default=30.0, gt=0, le=600, description="a number of seconds from above 0 to 600")


class NotifySettings(Section):
    """Settings of the hook notify."""

    urls: Texts = Field(
        default=(), description='a list of Apprise addresses such as ["mailto://NAME:PASSWORD@example.org"]'
    )
    kinds: Kinds = Field(default=("unreadable",), description='a list of verdicts such as ["new", "unreadable"]')
    notices: Switch = Field(default=False, description="true or false")


class DesktopSettings(Section):
    """Settings of the hook desktop."""

    notices: Switch = Field(default=False, description="true or false")


class SceneSettings(Section):
    """A screen that is known, with the places in it that do not count."""

    name: SceneName = Field(description='a name such as "lock screen"')
    displays: Displays = Field(default=(EVERY_DISPLAY,), description='a list of displays such as ["1", "2"]')
    reference: References = Field(
        description='a picture beside the settings file such as "scenes/lock.png", or several'
    )
    ignore: SomeRectangles = Field(description="a list of rectangles such as [[1088, 320, 704, 224]]")


class HookSettings(Section):
    """Settings of the hooks: a table for each; those of the user's own are theirs to check."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Table] = Field(init=False)

    blocked: Texts = Field(default=(), description='a list of hooks\' names such as ["quarantine"]')
    run_command: RunCommandSettings = Field(default=RunCommandSettings(), description="a table of settings")
    notify: NotifySettings = Field(default=NotifySettings(), description="a table of settings")
    desktop: DesktopSettings = Field(default=DesktopSettings(), description="a table of settings")
    quarantine: Section = Field(default=Section(), description="a table of settings")
    similar_folder: Section = Field(default=Section(), description="a table of settings")

    def section(self, name: str) -> dict[str, Any]:
        """The settings of the hook *name*, its own to keep; empty if it has none."""
        values: dict[str, Any] = deepcopy(self.model_dump(exclude={"blocked"}).get(name, {}))
        return values
