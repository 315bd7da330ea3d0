"""What the log tells besides one line a capture: runs, alarms, days, the beginning and the end."""

import contextlib
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, datetime

from watcher import __version__
from watcher.disk.mirror import held
from watcher.errors import FaultError
from watcher.health.heartbeat import BEAT_SECONDS, Report, Sight, Vigil, usual_gap
from watcher.judge.device import Place
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Census, Savings
from watcher.model.entry import Entry, State
from watcher.model.verdict import Kind
from watcher.settings.settings import Settings
from watcher.terminal.console import Log, size, told

_LEARNED_FROM = 60
"""Captures from which the usual interval is learned."""
_RUN_LINES = {3, 10, 30, 100, 300, 1000, 3000, 10_000}
"""An unchanged display is told of first, and then rarely."""


@dataclass(slots=True)
class _Run:
    """Captures of one display that show the same screen."""

    shows: str
    since: datetime
    count: int = 0


class Chronicle:
    """Keeps the log and the watcher's reports of one run."""

    def __init__(self, log: Log, ledger: Ledger, settings: Settings, sight: Sight, place: Place) -> None:
        self._log = log
        self._ledger = ledger
        self._census = Census(ledger, settings.root)
        self._settings = settings
        self._sight = sight
        self._place = place
        self._since = datetime.now().astimezone()
        self._runs: dict[int, _Run] = {}
        self._counts: Counter[Kind] = Counter()
        self._saved = 0
        self._day = date.today()
        self._next_beat = 0.0
        self._told: tuple[object, ...] = ()
        self._gap: float | None = None
        self._vigil = Vigil(self._usual_gap(), settings.alarm_after, time.monotonic())

    def begin(self) -> None:
        """The line at the start: root, device, window, and what was found."""
        root = self._settings.root
        held = sum(self._census.windows(self._settings.window).values())
        window = f"window {self._settings.window or 'unlimited'}"
        before = self._census.left_alone()
        found = f"; {before} captures from before its first start are left to framesift sweep" if before else ""
        self._log.say(
            f"framesift {__version__} watches {root} on {self._place.device.type}, {window},"
            f" {held} screens in it{found}",
            "good",
        )

    def entry(self, entry: Entry, seconds: float) -> None:
        """The line of one capture, and what follows from it."""
        self._log.entry(entry, seconds)
        verdict = entry.verdict
        self._counts[verdict.kind] += 1
        if verdict.kind is Kind.DUPLICATE and entry.state is State.QUARANTINED:
            self._saved += verdict.capture.size
        self._follow_run(entry)
        if back := self._vigil.seen(distinct=verdict.stays, gap=self._usual_gap(), now=time.monotonic()):
            self._log.say(back, "good")
        self._beat_if_due()

    def idle(self) -> None:
        """Called at least every second: alarms, the end of a day, the report."""
        if alarm := self._vigil.alarm(time.monotonic()):
            self._log.say(alarm, "warning")
        if self._day != date.today():
            with contextlib.suppress(FaultError):  # tried again at the next look
                self._end_day()
        self._beat_if_due()

    def end(self) -> None:
        """The line at the end, and the last report."""
        counts = ", ".join(f"{self._counts[kind]} {kind}" for kind in Kind if self._counts[kind]) or "nothing"
        self._log.say(f"stopped; judged {counts}; {size(self._saved)} quarantined in this run", "good")
        self._report()

    def _follow_run(self, entry: Entry) -> None:
        verdict = entry.verdict
        if verdict.kind is Kind.UNREADABLE:
            return
        display = verdict.capture.display
        shown = verdict.score.nearest if verdict.kind is Kind.DUPLICATE and verdict.score.nearest else verdict.capture
        shows = os.fspath(shown.path)
        run = self._runs.get(display)
        if run is None or run.shows != shows:
            self._runs[display] = _Run(shows, verdict.capture.taken_at)
            return
        run.count += 1
        if run.count in _RUN_LINES:
            self._log.say(f"display {display} is unchanged since {run.since:%H:%M}, {run.count} times")

    def _end_day(self) -> None:
        ended = self._day
        displays = self._census.savings(ended)
        self._day = date.today()
        total = sum(displays.values(), Savings())
        each = "; ".join(f"display {number}: {told(savings.today)}" for number, savings in displays.items())
        self._log.say(
            f"{ended}: {told(total.today)} of duplicates saved{each and f' ({each})'};"
            f" {told(total.month)} in the month, {told(total.ever)} ever;"
            f" the quarantine holds {told(held(self._settings.quarantine_dir))}",
            "good",
        )

    def _usual_gap(self) -> float | None:
        # One that cannot be read now is what it was; that the ledger refuses is said where something waits for it.
        with contextlib.suppress(FaultError):
            self._gap = usual_gap(self._census.recent_times(_LEARNED_FROM))
        return self._gap

    def _beat_if_due(self) -> None:
        # What it sees is news at once; that it lives, now and then.
        sight = self._sight
        sees = (sight.root_there, sight.events, sight.why, sight.last_event > 0, self._place.why, *sight.unlisted)
        if time.monotonic() >= self._next_beat or sees != self._told:
            self._next_beat, self._told = time.monotonic() + BEAT_SECONDS, sees
            self._report()

    def _report(self) -> None:
        report = Report(
            at=datetime.now().astimezone().isoformat(),
            pid=os.getpid(),
            device=self._place.device.type,
            fallback=self._place.why,
            since=self._since.isoformat(),
            **asdict(self._sight),
            quarantine=os.fspath(self._settings.quarantine_dir),
            log=os.fspath(self._log.file or ""),
        )
        try:
            self._ledger.beat(self._settings.root, report.as_json())
        except FaultError as fault:
            self._log.say(str(fault), "error")
