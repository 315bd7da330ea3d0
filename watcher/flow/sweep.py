"""A sweep: the captures that are there already, oldest first, judged as the watcher would have judged them."""

import contextlib
import os
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from watcher.arrive.settling import SWEEP_SECONDS, is_too_young
from watcher.disk.listing import ELSEWHERE, Names, disk_of
from watcher.errors import GoneError, WatcherError
from watcher.flow.readahead import ReadAhead
from watcher.flow.task import Task
from watcher.flow.waiting import Stop, Wait, WaitListener
from watcher.flow.work import Work
from watcher.judge.pipeline import Postponed
from watcher.keep.homecoming import Met
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round, finish_round, release_restored, still_to_judge
from watcher.ledger.totals import is_elsewhere
from watcher.ledger.unjudged import unjudged
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Timeline
from watcher.model.tally import Tally


@dataclass(frozen=True, slots=True)
class Scope:
    """Which captures a sweep is to judge: those taken from *begin* up to, without, *end*."""

    begin: datetime = datetime.min
    end: datetime = datetime.max
    again: bool = False
    """Also those that have been judged."""
    restored: bool = False
    """Of these, also what a person has brought back."""

    @property
    def everything(self) -> bool:
        """Whether no time is left out."""
        return (self.begin, self.end) == (datetime.min, datetime.max)


def sweep(task: Task, scope: Scope, tally: Tally) -> Generator[Entry | None, None, None]:
    """Judge what *scope* names of the root, and carry the verdicts out, until all is done or a signal says stop.

    Yields the entry of each capture dealt with, or None if it could not be judged; *tally* counts them, and knows from
    the first one on how many there are.

    Raises:
        WatcherError: it cannot start, for instance because another sweep is at work.
    """
    if not os.path.isdir(task.root):  # noqa: PTH112 - is_dir() may raise
        raise WatcherError(f"{task.root} is not there")
    stop = Stop()
    with contextlib.ExitStack() as stack:
        stack.enter_context(task.root_lock).take()
        ledger = stack.enter_context(task.begun("sweep", WaitListener()))
        stack.enter_context(stop)
        ledger.patience = Wait(task.log, stop, WaitListener())
        if is_elsewhere(ledger, task.root):
            raise WatcherError(f"{task.root}: {ELSEWHERE}")
        if not task.dry_run:
            _remember_disk(ledger, task.root)
        captures, timeline = _to_judge(task, ledger, scope)
        tally.total = len(captures)
        work = Work(task, ledger, timeline)
        ahead = ReadAhead(captures, work.load, ledger.location, signs=work.budget.device.type == "cpu")
        stop.then(ahead.stop)
        for capture in ahead:
            yield _counted(task, tally, work.judge_and_keep(capture, ahead.load))
        if scope.again and tally.done == tally.total:
            finish_round(ledger, timeline, everything=scope.everything)
    tally.stopped = stop.signal if stop.received and (tally.done < tally.total or not tally.total) else 0


def _remember_disk(ledger: Ledger, root: Path) -> None:
    """Write down on which disk the root is, as a watcher does: another one in its place is told by that."""
    heartbeat = ledger.heartbeat(root)
    if heartbeat.disk != (disk := disk_of(root)):
        ledger.write_heartbeat(root, replace(heartbeat, disk=disk))


def _counted(task: Task, tally: Tally, outcome: Entry | Postponed | Met) -> Entry | None:
    if isinstance(outcome, Entry):
        tally.add(outcome)
        return outcome
    if isinstance(outcome, Met):
        tally.known += 1
        if outcome.said:
            task.log.say(outcome.said)
        return None
    tally.left += 1
    if not isinstance(outcome.error, GoneError):
        task.log.say(f"{outcome.capture.path.name} is left alone: {outcome.error}", "warning")
    return None


def _to_judge(task: Task, ledger: Ledger, scope: Scope) -> tuple[list[Capture], Timeline]:
    """What is to be judged, oldest first, and on which timeline."""
    captures, timeline = _without_entry(task, ledger, scope), Timeline(task.root, "sweep")
    if scope.restored:
        count = release_restored(ledger, task.root, scope.begin, scope.end)
        task.log.say(f"pictures that were restored, and may be judged again: {count}")
    if scope.again:
        timeline = begin_round(ledger, task.root, task.settings.policy, scope.begin, scope.end)
        found = {capture.path for capture in captures}  # what has other times now is listed, and known by its bytes
        known = still_to_judge(ledger, timeline)
        captures += [one for one in known if one.path not in found or ledger.location(one) != one.path]
    return sorted(captures, key=lambda capture: capture.order), timeline


def _without_entry(task: Task, ledger: Ledger, scope: Scope) -> list[Capture]:
    """The captures without an entry that this sweep takes on; what nobody would have judged is its own from now on."""

    def unlisted(folder: Path, error: OSError) -> None:
        task.log.say(f"{folder} cannot be listed: {error.strerror or error}", "warning")

    settle, now, young = task.settings.settle.total_seconds(), time.time(), 0
    watched, found, claimed, names = task.is_watched, [], [], Names()
    for capture, is_left in unjudged(ledger, task.root, task.settings.names, unlisted, names):
        if not scope.begin <= capture.taken_at < scope.end:
            continue
        if is_too_young(capture, settle, now):
            young += 1
        elif is_left:
            found.append(capture)
        elif not watched:
            claimed.append(capture)
    for line in names.lines(task.root, task.settings.names):
        task.log.say(line, "warning")
    ledger.leave_to_sweep(task.root, claimed)
    if young:
        task.log.say(f"left alone because they changed only now (setting settle): {young}", "warning")
    if found or claimed:
        time.sleep(min(settle, SWEEP_SECONDS))  # so that a file that is only being written has changed, or is not whole
    return found + claimed
