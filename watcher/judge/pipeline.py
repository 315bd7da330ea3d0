"""The heart: captures go in, verdicts come out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from watcher.errors import GoneError, NotWholeError, UnreadableError
from watcher.judge.frame import Frame
from watcher.judge.windows import Windows
from watcher.model.capture import Capture
from watcher.model.kept_frame import Kept
from watcher.model.verdict import Kind, Policy, Verdict, judge, unreadable


@dataclass(frozen=True, slots=True)
class Judged:
    """One capture's verdict, and what the ledger has to know of the window."""

    verdict: Verdict
    admitted: Kept | None
    """What a restart needs to put this frame back into the window; None unless ``verdict.stays``."""
    lost: tuple[Capture, ...]
    """Kept captures that left the window because their file is gone, replaced or damaged."""
    renewed: tuple[Kept, ...]
    """Kept captures whose stored signature was of no use, with the one computed again."""

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
    lost: tuple[Capture, ...]
    renewed: tuple[Kept, ...]


def verdicts(
    captures: Iterable[Capture], windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> Iterator[Judged | Postponed]:
    """Judge *captures* one by one against the *windows*, which take in what stays before it is yielded.

    Args:
        captures: in the order in which they were taken.
        windows: the kept frames so far, of the same policy.
        policy: the thresholds.
        load: turns a capture into a frame; raises what :func:`watcher.judge.frame.load` raises, or NotWholeError.
    """
    for capture in captures:
        try:
            verdict, admitted = _judged(capture, windows, policy, load)
        except (GoneError, NotWholeError, OSError) as error:
            yield Postponed(capture, error, *windows.drain())
        else:
            yield Judged(verdict, admitted, *windows.drain())


def _judged(
    capture: Capture, windows: Windows, policy: Policy, load: Callable[[Capture], Frame]
) -> tuple[Verdict, Kept | None]:
    try:
        frame = load(capture)
    except UnreadableError as error:
        return unreadable(capture, str(error), policy), None
    verdict = judge(capture, windows.nearest(frame), policy)
    if verdict.stays:
        return verdict, windows.of(frame).admit(frame)
    if verdict.kind is Kind.DUPLICATE and verdict.score.nearest is not None:
        windows.touch(verdict.score.nearest, frame)
    return verdict, None
