"""The log beside its lines for captures: start and end, alarms, each day's savings; and the watcher's heartbeat."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from watcher import __version__
from watcher.disk.mirror import held
from watcher.flow.recurring import returning
from watcher.health.heartbeat import ARRIVALS, BEAT_SECONDS, Heartbeat, SourceStatus
from watcher.health.silence import SilenceAlarm
from watcher.judge.device import DeviceBudget
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import PeriodTotal, Savings, Totals
from watcher.model.entry import Entry, State
from watcher.model.interval import FEWEST, LEARNED_FROM, usual_interval
from watcher.model.notice import Notice, Topic, returning_text
from watcher.model.period import Period
from watcher.model.verdict import Kind
from watcher.settings.settings import Settings
from watcher.terminal.console import Log
from watcher.text import bytes_text

_RUN_LINES = {3, 10, 30, 100, 300, 1000, 3000, 10_000}
"""At so many captures of an unchanged display the log says so: early, and then ever more rarely."""
_NEWS_SECONDS = 1.0
"""Until it is written down that captures came: many that come at once are one piece of news."""


@dataclass(slots=True)
class _Run:
    """Captures of one display that show the same screen."""

    shows: str
    since: datetime
    count: int = 0


class Journal:
    """Keeps the log and the watcher's heartbeats of one run."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it writes of, and to whom
        self,
        log: Log,
        ledger: Ledger,
        settings: Settings,
        status: SourceStatus,
        budget: DeviceBudget,
        tell: Callable[[Notice], None],
    ) -> None:
        """Write of all this to *log*, and *tell* a person who does not read it of what they should know."""
        self._log, self._tell = log, tell
        self._ledger = ledger
        self._totals = Totals(ledger, settings.root)
        self._settings = settings
        self._status = status
        self._budget = budget
        self._since = datetime.now().astimezone()
        self._runs: dict[int, _Run] = {}
        self._counts: Counter[Kind] = Counter()
        self._saved = 0
        self._day = date.today()
        self._next_beat = 0.0
        last = ledger.heartbeat(settings.root)
        self._arrivals, self._told_week = deque(last.arrivals, ARRIVALS), last.told_week
        self._looked_on, self._returning = "", last.returning
        self._last_seen: tuple[object, ...] = ()
        # What comes from now on is not judged before it has settled.
        first = time.monotonic() + settings.settle.total_seconds()
        self._alarm = SilenceAlarm(self._interval(), settings.alarm_after, first)

    def begin(self) -> None:
        """The line at the start: root, device, window, and what was found."""
        root = self._settings.root
        held = sum(self._totals.windows(self._settings.window).values())
        window = f"window {self._settings.window or 'unlimited'}"
        before = self._totals.left_alone()
        found = f"; {before} captures from before its first start are left to framesift sweep" if before else ""
        self._notice(
            Topic.START,
            f"framesift {__version__} watches {root} on {self._budget.device.type}, {window},"
            f" {held} screens in it{found}",
        )

    def entry(self, entry: Entry, seconds: float) -> None:
        """The line of one capture, and what follows from it."""
        self._log.entry(entry, seconds)
        verdict = entry.verdict
        self._counts[verdict.kind] += 1
        if verdict.kind is Kind.DUPLICATE and entry.state is State.QUARANTINED:
            self._saved += verdict.capture.size
        self._follow_run(entry)
        self._arrivals.append(entry.id)
        self._next_beat = min(self._next_beat, time.monotonic() + _NEWS_SECONDS)
        if back := self._alarm.seen(distinct=verdict.stays, interval=self._interval(), now=time.monotonic()):
            self._notice(Topic.BACK, back)
        if verdict.stays:  # somebody is there
            self._end_week()
            self._look_for_clocks()
        self._beat_if_due()

    def rest(self) -> None:
        """A pause begins or ends: what has come before says nothing of what is to come."""
        self._alarm = SilenceAlarm(self._interval(), self._settings.alarm_after, time.monotonic())

    def idle(self, *, alarms: bool = True) -> None:
        """Called at least every second: *alarms*, the end of a day, the report."""
        if alarms and (alarm := self._alarm.alarm(time.monotonic())):
            self._notice(Topic.SILENCE, alarm, "warning")
        if self._day != date.today():
            self._end_day()
        self._beat_if_due()

    def end(self) -> None:
        """The line at the end, and the last report."""
        counts = ", ".join(f"{self._counts[kind]} {kind}" for kind in Kind if self._counts[kind]) or "nothing"
        self._log.say(f"stopped; judged {counts}; {bytes_text(self._saved)} quarantined in this run", "good")
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
        displays = self._totals.savings(ended)
        self._day = date.today()
        total = sum(displays.values(), Savings())
        each = "; ".join(f"display {number}: {savings.today}" for number, savings in displays.items())
        self._log.say(
            f"{ended}: {total.today} of duplicates saved{each and f' ({each})'};"
            f" {total.month} in the month, {total.ever} ever;"
            f" the quarantine holds {held(self._settings.quarantine_dir)}",
            "good",
        )

    def _end_week(self) -> None:
        """Once in a week: what the one before it came to; at the first start there is no telling."""
        week = f"{date.today():%G-W%V}"
        told, self._told_week = self._told_week, week
        if told in ("", week):
            return
        total = sum(self._totals.of_period(Period.parse("last week")).values(), PeriodTotal())
        if total.captures:
            self._notice(
                Topic.WEEK,
                f"last week: {total.saved.files:,} of {total.captures:,} captures showed nothing new;"
                f" {bytes_text(total.saved.bytes)} saved, {bytes_text(self._totals.saved_bytes())} ever",
            )

    def _look_for_clocks(self) -> None:
        """Once in a day and run: whether screens keep coming back with only their clock moved on; said as it begins."""
        today = f"{date.today()}"
        if self._looked_on == today:
            return
        was_told, self._looked_on = returning_text(self._returning), today
        try:
            self._returning = returning(self._ledger, self._settings)
        except RuntimeError as error:  # torch, when memory is short: nothing that a watcher must end for
            self._log.say(f"it was not looked whether screens keep coming back: {error}", "warning")
        if (text := returning_text(self._returning)) and not was_told:
            self._log.say(text)

    def _notice(self, topic: Topic, text: str, tone: str = "good") -> None:
        self._log.say(text, tone)
        self._tell(Notice(topic, text, self._settings.root))

    def _interval(self) -> timedelta | None:
        return usual_interval(self._totals.recent_times(LEARNED_FROM, self._arrivals), FEWEST)

    def _beat_if_due(self) -> None:
        # What it sees is news at once; that it lives, now and then.
        status = self._status
        sees = (status.root_there, status.events, status.why, status.last_event > 0, self._budget.why, *status.unlisted)
        if time.monotonic() >= self._next_beat or sees != self._last_seen:
            self._next_beat, self._last_seen = time.monotonic() + BEAT_SECONDS, sees
            self._report()

    def _report(self) -> None:
        heartbeat = Heartbeat(
            at=datetime.now().astimezone().isoformat(),
            pid=os.getpid(),
            device=self._budget.device.type,
            fallback=self._budget.why,
            since=self._since.isoformat(),
            **asdict(self._status),
            quarantine=os.fspath(self._settings.quarantine_dir),
            log=os.fspath(self._log.file or ""),
            arrivals=list(self._arrivals),
            told_week=self._told_week,
            returning=self._returning,
        )
        self._ledger.write_heartbeat(self._settings.root, heartbeat)
