"""The heart: a capture goes in, a verdict comes out."""

from collections.abc import Callable
from dataclasses import dataclass

from watcher.errors import GoneError, NotWholeError, UnreadableError
from watcher.judge.frame import Frame
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.kept_frame import NOTHING_CHANGED, Changes, KeptFrame
from watcher.model.verdict import Kind, Policy, Verdict, judge, unreadable


@dataclass(frozen=True, slots=True)
class Judged:
    """One capture's verdict, and what the ledger has to know of the window."""

    verdict: Verdict
    admitted: KeptFrame | None
    """What a restart needs to put this frame back into the window; None unless ``verdict.stays``."""
    changes: Changes

    @property
    def capture(self) -> Capture:
        """The capture judged."""
        return self.verdict.capture


@dataclass(frozen=True, slots=True)
class Postponed:
    """No verdict on this capture: its file, or one it must be compared with, cannot be read. It stays where it is."""

    capture: Capture
    error: GoneError | NotWholeError | OSError
    """GoneError: the file is no longer this capture's. Else it is worth another try later."""
    changes: Changes = NOTHING_CHANGED


def judge_one(
    capture: Capture, windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> Judged | Postponed:
    """Judge *capture* against the *windows*, which take it in if it stays.

    Args:
        capture: the next one in the order in which they were taken.
        windows: the kept frames so far, of the same policy.
        policy: the thresholds.
        load: turns a capture into a frame; raises what :func:`watcher.judge.frame.load` raises, or NotWholeError.
    """
    try:
        verdict, admitted = _judge(capture, windows, policy, load)
    except (GoneError, NotWholeError, OSError) as error:
        return Postponed(capture, error, windows.take_changes())
    return Judged(verdict, admitted, windows.take_changes())


def _judge(
    capture: Capture, windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> tuple[Verdict, KeptFrame | None]:
    try:
        frame = load(capture)
    except UnreadableError as error:
        return unreadable(capture, str(error), policy), None
    verdict = judge(capture, windows.nearest(frame), policy)
    if verdict.stays:
        return verdict, windows.admit(frame)
    if verdict.kind is Kind.DUPLICATE and verdict.score.nearest is not None:
        windows.touch(verdict.score.nearest, frame)
    return verdict, None
