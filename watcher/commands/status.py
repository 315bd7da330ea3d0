"""``framesift status``: alive or not, and what it has done."""

import json
import os
import time
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from watcher.commands.options import json_option, root_argument
from watcher.disk.claims import claim_folder, is_claimed
from watcher.disk.mirror import Amount, held
from watcher.disk.rootlock import is_held
from watcher.errors import EXIT_SICK, SeveralRootsError, WatcherError
from watcher.health.heartbeat import UNTIL_MENDED, Health, diagnose
from watcher.health.pause import read_pause
from watcher.health.wait_reason import read_wait_reason
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Savings, Totals
from watcher.model.notice import returning_text
from watcher.model.period import Period
from watcher.program import Program
from watcher.review.activity import Activity, read_activity
from watcher.review.wording import STRIP_LEGEND, strip_text
from watcher.settings.settings import Settings
from watcher.terminal.console import print_columns, print_table
from watcher.text import bytes_text, duration_text, quoted

_SPANS = {"today": "today", "month": "this month", "ever": "ever"}


@click.command(name="status")
@root_argument
@json_option
@click.pass_context
def command(context: click.Context, root: Path | None, as_json: bool) -> None:
    """Tell whether the watcher is alive, and what it saved.

    It tells what the watcher sees or waits for, what each display shows and since when, what was saved on a day, in
    its month and ever, how much the quarantine holds, and where the log is.

    The state is watching, degraded (it is paused, is starting, or waits for a disk that refuses work; or no events
    arrive, so that captures are found some seconds late; or a part of ROOT cannot be listed), blind (ROOT is not there)
    or stopped. The reasons are told.

    Where several roots are known and none is named, it tells of each; with --json it refuses.

    With --json: an object of root, state, reasons, pid, device, since, captures (how many of each kind), saved_bytes,
    saved, quarantine, displays, found_by_scan (captures that no event told of), returning (kept screens that show
    nothing but another time), retention, last_scan and last_event.

    Ends with 4 unless the state is watching.
    """
    program: Program = context.obj
    try:
        chosen = [program.settings_of_root(root)]
    except SeveralRootsError as error:
        if as_json:
            raise
        chosen = [program.settings(root=one) for one in error.roots]
    states = [_tell(program, settings, as_json=as_json) for settings in chosen]
    if set(states) != {Health.WATCHING}:
        context.exit(EXIT_SICK)


def _tell(program: Program, settings: Settings, *, as_json: bool) -> str:
    """Print the report on one root; returns its state."""
    # The copy of a ledger that is not there is empty, and leaves nothing behind.
    is_there = os.path.exists(program.ledger_file)  # noqa: PTH110 - exists() may raise
    try:
        opened = program.ledger() if is_there else Ledger.copy(program.ledger_file)
    except WatcherError as error:
        raise WatcherError(f"{error}{_said_of_a_start(program, settings.root)}") from error
    with opened as ledger:
        report, log = _report(program, ledger, settings)
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print(report, log)
    return str(report["state"])


def _report(program: Program, ledger: Ledger, settings: Settings) -> tuple[dict[str, Any], str]:
    """The report in the form of its JSON, and where the log is."""
    root = settings.root
    totals = Totals(ledger, root)
    heartbeat = ledger.heartbeat(root)
    own = claim_folder(program.folders.state_dir, root)
    locked, wait_reason = is_claimed(own), read_wait_reason(own)
    pause = read_pause(own, time.time())
    state, reasons = diagnose(
        heartbeat,
        locked=locked,
        now=datetime.now().astimezone(),
        wait_reason=wait_reason,
        pause=f"{pause}; framesift resume" if pause else "",
    )
    reasons = [program.pasteable(reason, root) for reason in reasons] + _about_root(
        program, ledger, root, locked=locked
    )
    quarantine = program.quarantine(ledger, root)
    displays = totals.savings(date.today())
    total = sum(displays.values(), Savings())
    report = {
        "root": os.fspath(root),
        "state": state.value,
        "reasons": reasons,
        "pid": ((wait_reason.why and wait_reason.pid) or heartbeat.pid) if locked else None,
        "device": heartbeat.device or None,
        "since": heartbeat.since or None,
        "captures": {kind.value: count for kind, count in totals.counts().items()},
        "saved_bytes": total.ever.bytes,
        "quarantine": {"path": os.fspath(quarantine), **asdict(held(quarantine))},
        "displays": _displays(ledger, root, displays, settings.window),
        "found_by_scan": heartbeat.found_by_scan,
        "saved": asdict(total),
        "returning": heartbeat.returning,
        "retention": _retention(settings),
        "last_scan": _moment(heartbeat.last_scan),
        "last_event": _moment(heartbeat.last_event),
    }
    return report, heartbeat.log


def _said_of_a_start(program: Program, root: Path) -> str:
    """What is known, without any ledger, of a watcher that is starting; it may wait for the very disk of the ledger."""
    own = claim_folder(program.folders.state_dir, root)
    wait_reason = read_wait_reason(own)
    if is_claimed(own) and wait_reason.why:
        return f"; process {wait_reason.pid} waits: {wait_reason.why}; {UNTIL_MENDED}"
    return f"; a framesift is at work on {root}, or waits for a disk: its log says which" if is_held(root) else ""


def _about_root(program: Program, ledger: Ledger, root: Path, *, locked: bool) -> list[str]:
    """What is to be said of the folder itself, where no watcher says it."""
    if locked:
        return []
    said = [f"{root} is not there"] * (not os.path.isdir(root))  # noqa: PTH112 - is_dir() may raise
    if root not in ledger.roots():
        said.append(f"nothing was judged in it yet: {program.invocation} watch {quoted(root)}")
        if is_held(root):
            said.append("a framesift is at work on it, or waits for a disk: its log says which")
    elif not said and not Totals(ledger, root).has_some_in_place():
        said.append(f"none of the captures that were kept last is in {root}: is its disk mounted?")
    return said


def _moment(seconds: float) -> str | None:
    """Seconds since the epoch in the form of the other moments; None for never."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat() if seconds else None


def _retention(settings: Settings) -> dict[str, int] | None:
    """What the settings say now; a watcher that runs has read them when it started."""
    retention = settings.retention
    return {"days": retention.days, "max_bytes": int(retention.max_bytes)} if retention.is_on else None


def _displays(ledger: Ledger, root: Path, savings: dict[int, Savings], window: int) -> dict[str, Any]:
    totals = Totals(ledger, root)
    windows = totals.windows(window)
    days: dict[date, Activity] = {}
    displays = {}
    for entry in totals.last_of_displays():
        capture = entry.verdict.capture
        day = capture.taken_at.date()
        if day not in days:
            days[day] = _activity(ledger, root, day)
        since, _ = totals.unchanged(capture.display)
        displays[str(capture.display)] = {
            "last_path": os.fspath(capture.path),
            "last_taken_at": capture.taken_at.isoformat(),
            "last_kind": entry.verdict.kind.value,
            "window": windows.get(capture.display, 0),
            "unchanged_since": since.isoformat() if since else None,
            "saved": asdict(savings.get(capture.display, Savings())),
            # The day of its last capture, a character for each half hour.
            "strip": {"day": day.isoformat(), "half_hours": strip_text(days[day].spans_of(capture.display), day)},
        }
    return displays


def _activity(ledger: Ledger, root: Path, day: date) -> Activity:
    """What all displays showed on *day*."""
    return read_activity(ledger, root, Period.of_day(day))


def _print(report: dict[str, Any], log: str) -> None:
    quarantine, now = report["quarantine"], datetime.now().astimezone()
    since = f", since {_ago(report['since'], now)}" if report["since"] and report["pid"] else ""
    looks = f"{_ago(report['last_scan'], now)}; last event {_ago(report['last_event'], now)}"
    judged = ", ".join(f"{count} {kind}" for kind, count in report["captures"].items() if count)
    rows = [("state", report["state"] + _process(report) + since), *[("", reason) for reason in report["reasons"]]]
    rows += [("last look", looks)] if report["last_scan"] else []
    rows += [("judged", judged), ("saved", ", ".join(_saved(report["saved"])))] if judged else []
    held_frames = [f"{display['window']}" for display in report["displays"].values()]
    rows += [("windows", f"{', '.join(held_frames)} screens")] if any(one != "0" for one in held_frames) else []
    rows += [("quarantine", f"{_amount(quarantine)}, in {quarantine['path']}")]
    rows += [("by scan", f"{report['found_by_scan']} captures that no event told of")] * bool(report["found_by_scan"])
    rows += [("learn", text)] if (text := returning_text(report["returning"])) else []
    rows += [("retention", _kept_for(**report["retention"]))] if report["retention"] else []
    rows += [("log", log)] if log else []
    print_table(rows, title=report["root"])
    if report["displays"]:
        print_columns(_HEAD, [_display(number, one, now) for number, one in report["displays"].items()])
        days = {one["strip"]["day"] for one in report["displays"].values()}
        for day in sorted(days):
            strips = {number: one["strip"] for number, one in report["displays"].items() if one["strip"]["day"] == day}
            print_table([(day, f"half hours: {STRIP_LEGEND}")])
            print_table([(f"{number:>7}", f"|{strip['half_hours']}|") for number, strip in strips.items()])


_HEAD = ("<", "<last capture", "<same for", ">saved")
"""The columns of the displays, each with the side on which it is flush."""


def _display(number: str, display: dict[str, Any], now: datetime) -> tuple[str, ...]:
    """The row of one display."""
    since, then = display["unchanged_since"], display["last_taken_at"]
    return (
        f"display {number}",
        f"{display['last_kind']} {_clock(then, now, '%m-%d %H:%M')}, {_age(then, now)} ago",
        _age(since, now) if since else "",
        bytes_text(display["saved"]["ever"]["bytes"]),
    )


def _ago(moment: str | None, now: datetime) -> str:
    """A moment of the report as people read it: how long ago, and when."""
    if not moment:
        return "never"
    when = _clock(moment, now, "%Y-%m-%d %H:%M")
    return f"{_age(moment, now)} ago ({when})" if now >= datetime.fromisoformat(moment).astimezone() else when


def _clock(moment: str, now: datetime, form: str) -> str:
    """The time of the day, in *form* if that was not today."""
    then = datetime.fromisoformat(moment).astimezone()
    return f"{then:{'%H:%M' if then.date() == now.date() else form}}"


def _age(moment: str, now: datetime) -> str:
    return duration_text(max(0.0, (now - datetime.fromisoformat(moment).astimezone()).total_seconds()))


def _saved(savings: dict[str, dict[str, int]]) -> list[str]:
    return [f"{bytes_text(savings[span]['bytes'])} {words}" for span, words in _SPANS.items()]


def _amount(counted: dict[str, int]) -> str:
    return str(Amount(counted["files"], counted["bytes"]))


def _kept_for(days: int, max_bytes: int) -> str:
    limits = [f"{days} days"] * bool(days) + [f"up to {bytes_text(max_bytes)}"] * bool(max_bytes)
    return f"{', '.join(limits)}; then duplicates are deleted if their screen is kept"


def _process(report: dict[str, Any]) -> str:
    """Which process it is, and where that compares, as far as that is known."""
    told = ", ".join(str(one) for one in (report["pid"], report["device"]) if one)
    return f" (process {told})" if report["pid"] else ""
