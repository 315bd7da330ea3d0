"""A sweep: the captures that are there already, oldest first, judged as the watcher would have judged them."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from watcher.arrive.arrival import SETTLE_SECONDS
from watcher.disk.listing import ELSEWHERE, walk
from watcher.errors import GoneError, WatcherError
from watcher.flow.readahead import ReadAhead
from watcher.flow.waiting import Stop, Voice, Wait
from watcher.flow.work import Task, Work
from watcher.judge.pipeline import Postponed
from watcher.keep.custody import insist
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round, finish_round, still_to_judge
from watcher.ledger.totals import is_elsewhere
from watcher.model.capture import Capture, NamePattern
from watcher.model.entry import Entry, State, Timeline
from watcher.model.verdict import Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """Which captures a sweep is to judge: those taken from *begin* up to, without, *end*."""

    begin: datetime = datetime.min
    end: datetime = datetime.max
    again: bool = False
    """Also those that have been judged."""

    @property
    def everything(self) -> bool:
        """Whether no time is left out."""
        return (self.begin, self.end) == (datetime.min, datetime.max)


@dataclass(slots=True)
class Tally:
    """What a sweep has done so far."""

    total: int = 0
    """Captures to be judged."""
    kinds: Counter[Kind] = field(default_factory=Counter)
    left: int = 0
    """Captures that could not be judged, and stay as they are."""
    moved_bytes: int = 0
    """Of duplicates that were, or in a dry run would be, quarantined."""
    stopped: bool = False
    """Whether a signal ended it before all was judged."""

    @property
    def done(self) -> int:
        """Captures dealt with."""
        return self.kinds.total() + self.left

    def add(self, entry: Entry) -> None:
        """Count one entry."""
        self.kinds[entry.verdict.kind] += 1
        if entry.verdict.kind is Kind.DUPLICATE and entry.state in (State.QUARANTINED, State.MOVING):
            self.moved_bytes += entry.verdict.capture.size


Told = Callable[[Tally, Entry | None], object]
"""Hears of each capture dealt with; of no entry if it could not be judged."""


def sweep(task: Task, scope: Scope, begun: Callable[[Tally], Told]) -> Tally:
    """Judge what *scope* names of the root, and carry the verdicts out, until all is done or a signal says stop.

    *begun* is called when it is known how much there is to do.

    Raises:
        WatcherError: it cannot start, for instance because another sweep is at work.
    """
    if not task.root.is_dir():
        raise WatcherError(f"{task.root} is not there")
    tally, stop = Tally(), Stop()
    with contextlib.ExitStack() as stack:
        stack.enter_context(task.root_lock).take()
        ledger = stack.enter_context(task.begun("sweep", Voice()))
        stack.enter_context(stop)
        patience = Wait(task.log, stop, Voice())
        if insist(partial(is_elsewhere, ledger, task.root), patience):
            raise WatcherError(f"{task.root}: {ELSEWHERE}")
        captures = insist(partial(_to_judge, task, ledger, scope), patience)
        timeline = Timeline(task.root, "sweep")
        if scope.again:
            policy = task.settings.policy
            timeline = insist(partial(begin_round, ledger, task.root, policy, scope.begin, scope.end), patience)
            captures += insist(partial(still_to_judge, ledger, timeline), patience)
        captures.sort(key=lambda capture: capture.order)
        work = Work(task, ledger, timeline, patience)
        ahead = ReadAhead(captures, work.load, lambda capture: insist(partial(ledger.location, capture), patience))
        stop.then(ahead.stop)
        tally.total = len(captures)
        told = begun(tally)
        for outcome in work.outcomes(ahead, ahead.load):
            told(tally, _counted(task, tally, outcome))
        if scope.again and tally.done == tally.total:
            insist(partial(finish_round, ledger, timeline, everything=scope.everything), patience)
    tally.stopped = stop.received and (tally.done < tally.total or not tally.total)
    return tally


def _counted(task: Task, tally: Tally, outcome: Entry | Postponed) -> Entry | None:
    if isinstance(outcome, Entry):
        tally.add(outcome)
        return outcome
    tally.left += 1
    if not isinstance(outcome.error, GoneError):
        task.log.say(f"{outcome.capture.path.name} is left alone: {outcome.error}", "warning")
    return None


def _to_judge(task: Task, ledger: Ledger, scope: Scope) -> list[Capture]:
    """The captures without an entry that this sweep takes on; what nobody would have judged is its own from now on."""
    watched, found, claimed = task.is_watched, [], []
    for capture, is_left in _unjudged(task, ledger):
        if not scope.begin <= capture.taken_at < scope.end:
            continue
        if is_left:
            found.append(capture)
        elif not watched:
            claimed.append(capture)
    ledger.leave_to_sweep(task.root, claimed)
    time.sleep(SETTLE_SECONDS)  # so that a file that is only being written has changed, or is not whole
    return found + claimed


def _unjudged(task: Task, ledger: Ledger) -> Iterator[tuple[Capture, bool]]:
    """Every capture in the root that has no entry, and whether it was left to sweeps before."""

    def unlisted(folder: Path, error: OSError) -> None:
        task.log.say(f"{folder} cannot be listed: {error.strerror or error}", "warning")

    for folder, listing in walk(task.root, NamePattern(task.settings.name_pattern), unlisted):
        known, left = ledger.known(folder), ledger.left_to_sweep(folder)
        for capture in listing.captures:
            key = os.fsencode(capture.path.name), capture.size, capture.mtime_ns
            if key in left or key not in known:
                yield capture, key in left
