"""``framesift doctor``: everything that can be wrong, and how it is mended."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from watcher.errors import SettingsError, WatcherError
from watcher.program import Program

if TYPE_CHECKING:
    from watcher.doctor.seeing import Survey
    from watcher.health.heartbeat import Halt, Report
    from watcher.ledger.ledger import Ledger
    from watcher.model.finding import Finding
    from watcher.services.job import Job, Manager
    from watcher.settings.settings import Settings

    Check = tuple[str, Callable[[], Finding]]

EXIT_SICK = 4
_LEARNED_FROM = 60
"""Captures from which the usual interval is learned."""


@click.command(name="doctor")
@click.argument("root", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, root: Path | None, as_json: bool) -> None:
    """Check everything that can be wrong with watcher, folders, ledger and capture job, and say how to mend it.

    Nothing is changed. Ends with 4 if something is sick; what is odd is worth a look.
    """
    from watcher.model.finding import Grade, worst  # noqa: PLC0415 - asking for help must not load it

    examined, findings = _examine(context.obj, root)
    if as_json:
        verdict = worst(one.verdict for one in findings)
        report = {"root": examined, "verdict": verdict, "findings": [asdict(one) for one in findings]}
        click.echo(json.dumps(report))
    else:
        _print(examined, findings)
    if any(one.verdict is Grade.SICK for one in findings):
        context.exit(EXIT_SICK)


@dataclass(frozen=True, slots=True)
class _Patient:
    """What the checks are made on."""

    program: Program
    settings: "Settings"
    report: "Report"
    halt: "Halt"
    locked: bool
    """Whether a process holds the lock of a watcher of our ledger."""
    busy: bool
    """Whether one holds that of a sweep."""
    now: datetime
    found: "Survey"
    kept: bool
    """Whether any of what was kept last is in its place, or nothing ever was."""

    @property
    def root(self) -> Path:
        return self.settings.root

    @property
    def quarantine(self) -> Path:
        return Path(self.report.quarantine or self.settings.quarantine_dir)


def _examine(program: Program, given: Path | None) -> tuple[str, list["Finding"]]:
    """The root that is meant, and what was found, in the order in which to read it."""
    from watcher.model.finding import Finding  # noqa: PLC0415 - as above

    try:
        settings = program.settings(root=given)
    except SettingsError as error:
        mend = "mend that line; framesift config check says OK then"
        return "", [Finding.sick("settings", str(error), "a key or a value that cannot be", mend)]
    findings = [Finding.well("settings", f"valid: {program.folders.config_file}")]
    if not program.ledger_file.exists():
        findings.append(Finding.odd("ledger", f"there is none yet at {program.ledger_file}", "no watcher ever ran"))
        return os.fspath(settings.root), findings + [
            _made(check) for check in _without_ledger(_meet(program, settings))
        ]
    try:
        with program.ledger() as ledger:
            settings = program.settings(root=program.root(ledger, given))
            patient = _meet(program, settings, ledger)
            found = [_made(check) for check in (*_without_ledger(patient), *_with_ledger(patient, ledger))]
    except WatcherError as error:
        mend = "see its disk; without any ledger, framesift restore --all --quarantine works all the same"
        found = [Finding.sick("ledger", str(error), "the disk, or a newer framesift wrote it", mend)]
        found += map(_made, _without_ledger(_meet(program, settings)))
    return os.fspath(settings.root), findings + found


def _meet(program: Program, settings: "Settings", ledger: "Ledger | None" = None) -> _Patient:
    from watcher.doctor.seeing import survey  # noqa: PLC0415
    from watcher.health.heartbeat import Report, lock_folder  # noqa: PLC0415
    from watcher.health.wait_reason import halt_of  # noqa: PLC0415
    from watcher.keep.custody import is_claimed  # noqa: PLC0415
    from watcher.ledger.totals import Census  # noqa: PLC0415
    from watcher.model.capture import NamePattern  # noqa: PLC0415 - as above

    report = Report.from_json(ledger.report(settings.root)) if ledger else Report()
    own = lock_folder(program.folders.state_dir, settings.root)
    now = datetime.now().astimezone()
    found = survey(settings.root, NamePattern(settings.name_pattern))
    locked, busy = is_claimed(own), is_claimed(own, "sweep")
    # A watcher that sees the root has compared its disk with the one on which it was seen last.
    kept = ledger is None or (locked and report.root_there) or Census(ledger, settings.root).has_some_in_place()
    return _Patient(program, settings, report, halt_of(own), locked, busy, now, found, kept)


def _made(check: "Check") -> "Finding":
    """The finding of one check, or why it could not be made."""
    from watcher.model.finding import Finding  # noqa: PLC0415 - as above

    name, make = check
    try:
        return make()
    except (WatcherError, OSError) as error:
        return Finding.sick(
            name, f"cannot be examined: {error}", "a disk or a right refuses it", "mend that, and ask again"
        )


def _without_ledger(patient: _Patient) -> Iterator["Check"]:
    from watcher.arrive.events import watch_limit  # noqa: PLC0415
    from watcher.disk.rootlock import is_held  # noqa: PLC0415
    from watcher.doctor import seeing, setup, storage  # noqa: PLC0415 - as above

    root, settings, folders, report = patient.root, patient.settings, patient.program.folders, patient.report
    found = patient.found
    ours = patient.locked or patient.busy
    own = {"state": folders.state_dir, "ledger": patient.program.ledger_file, "log": folders.log_dir}
    disks = {"quarantine": patient.quarantine, "ledger": folders.state_dir, "log": folders.log_dir}
    yield "watcher", lambda: seeing.watcher_lives(report, locked=patient.locked, now=patient.now, halt=patient.halt)
    yield "seeing", lambda: seeing.watcher_sees(report, locked=patient.locked, now=patient.now)
    yield "service", lambda: seeing.service_runs(*_service(patient))
    yield "one watcher", lambda: seeing.nobody_else_watches(root, ours=ours, held=is_held(root))
    yield "root", lambda: seeing.root_is_listed(root, found, kept=patient.kept)
    yield "watch limit", lambda: seeing.folders_are_watched(found.folders, watch_limit())
    yield "quarantine", lambda: storage.quarantine_takes(root, patient.quarantine)
    yield "free space", lambda: storage.there_is_room(disks)
    yield "privacy", lambda: storage.nobody_else_reads(root, own, patient.quarantine)
    yield "hooks", lambda: setup.hooks_load(settings, folders.hooks_dir)
    yield "device", lambda: setup.device_is_there(settings.device, report.fallback if patient.locked else "")
    yield "decoder", setup.decoder_is_fast


def _with_ledger(patient: _Patient, ledger: "Ledger") -> Iterator["Check"]:
    from watcher.doctor import capturing, records  # noqa: PLC0415
    from watcher.health.heartbeat import usual_gap  # noqa: PLC0415
    from watcher.ledger.totals import Census  # noqa: PLC0415 - as above

    root, report = patient.root, patient.report
    times = Census(ledger, root).recent_times(_LEARNED_FROM)
    newest = max((*times, *filter(None, [patient.found.newest])), default=None)
    today = patient.now.replace(tzinfo=None)
    yield "ledger", lambda: records.ledger_is_whole(ledger)
    yield "moves", lambda: records.moves_are_finished(ledger, patient.now)
    yield "pictures", lambda: records.pictures_are_in_place(ledger, root, patient.quarantine)
    yield "files", lambda: records.files_are_whole(report.waiting if patient.locked else {})
    yield "capture job", lambda: capturing.job_runs(newest, usual_gap(times), today)
    yield "news", lambda: capturing.news_come(ledger, root, patient.settings.alarm_after)
    yield "screens", lambda: capturing.screens_are_seen(capturing.shown(ledger, root))


def _service(patient: _Patient) -> tuple["Manager", "Job"]:
    from watcher.services.installing import manager_here  # noqa: PLC0415
    from watcher.services.job import job_for  # noqa: PLC0415
    from watcher.settings.folders import absolute  # noqa: PLC0415 - as above
    from watcher.settings.settings import Settings  # noqa: PLC0415

    usual_root = Path(os.path.realpath(absolute(Settings.model_fields["root"].default)))
    return manager_here(), job_for(patient.program.folders, patient.root, usual_root)


def _print(root: str, findings: list["Finding"]) -> None:
    from watcher.terminal.console import print_findings  # noqa: PLC0415 - as above

    print_findings(findings, title=root)
