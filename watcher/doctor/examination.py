"""The whole examination: the checks, their order, and the evidence for them."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from watcher.arrive.watch_limit import watch_limit
from watcher.disk.claims import claim_folder, is_claimed
from watcher.disk.rootlock import is_held
from watcher.doctor import capturing, records, seeing, setup, storage
from watcher.doctor.seeing import Survey, survey
from watcher.errors import SettingsError, WatcherError
from watcher.health.heartbeat import Heartbeat, WaitReason
from watcher.health.pause import read_pause
from watcher.health.wait_reason import read_wait_reason
from watcher.ledger.ledger import Ledger
from watcher.ledger.totals import Totals
from watcher.model.finding import Finding
from watcher.model.interval import FEWEST, LEARNED_FROM, usual_interval
from watcher.program import Program
from watcher.services.installing import service_of
from watcher.settings.settings import Settings

Check = tuple[str, Callable[[], Finding]]
"""What is looked at, and the look."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks are made on."""

    program: Program
    settings: Settings
    heartbeat: Heartbeat
    wait_reason: WaitReason
    pause: str
    """How long a person lets the watcher rest; empty if it does not."""
    locked: bool
    """Whether a process holds the lock of a watcher of our ledger."""
    busy: bool
    """Whether one holds that of a sweep."""
    now: datetime
    found: Survey
    kept: bool
    """Whether any of what was kept last is in its place, or nothing ever was."""

    @property
    def root(self) -> Path:
        """The folder that is examined."""
        return self.settings.root

    @property
    def quarantine(self) -> Path:
        """Where its duplicates are: where the last watcher put them."""
        return Path(self.heartbeat.quarantine or self.settings.quarantine_dir)


def examine(program: Program, given: Path | None) -> tuple[str, list[Finding]]:
    """The root that is meant, and the findings in reading order."""
    root, findings = _examine(program, given)
    return root, [replace(one, mend=program.pasteable(one.mend, Path(root or "ROOT"))) for one in findings]


def _examine(program: Program, given: Path | None) -> tuple[str, list[Finding]]:
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
            settings = program.settings_of_root(given, ledger)
            patient = _meet(program, settings, ledger)
            found = [_made(check) for check in (*_without_ledger(patient), *_with_ledger(patient, ledger))]
    except SettingsError:
        raise  # of several roots none is named
    except (WatcherError, ValueError) as error:  # a value that cannot be is damage that SQLite does not see
        mend = "see its disk; without any ledger, framesift restore --all --quarantine works all the same"
        found = [Finding.sick("ledger", str(error), "the disk, or a newer framesift wrote it", mend)]
        found += map(_made, _without_ledger(_meet(program, settings)))
    return os.fspath(settings.root), findings + found


def _meet(program: Program, settings: Settings, ledger: Ledger | None = None) -> Patient:
    heartbeat = ledger.heartbeat(settings.root) if ledger else Heartbeat()
    own = claim_folder(program.folders.state_dir, settings.root)
    now = datetime.now().astimezone()

    def judged(folder: Path, names: Sequence[bytes]) -> set[tuple[bytes, int, int]]:
        return ledger.known(folder, names) - ledger.left_to_sweep(folder) if ledger else set()

    found = survey(settings.root, settings.names, judged)
    locked, busy = is_claimed(own), is_claimed(own, "sweep")
    # A watcher that sees the root has compared its disk with the one on which it was seen last.
    kept = ledger is None or (locked and heartbeat.root_there) or Totals(ledger, settings.root).has_some_in_place()
    pause = str(read_pause(own, now.timestamp()) or "")
    return Patient(program, settings, heartbeat, read_wait_reason(own), pause, locked, busy, now, found, kept)


def _made(check: Check) -> Finding:
    """The finding of one check, or why it could not be made."""
    name, make = check
    try:
        return make()
    except (WatcherError, OSError, ValueError) as error:
        return Finding.sick(
            name, f"cannot be examined: {error}", "a disk or a right refuses it", "mend that, and ask again"
        )


def _without_ledger(patient: Patient) -> Iterator[Check]:
    root, settings, folders, heartbeat = patient.root, patient.settings, patient.program.folders, patient.heartbeat
    found = patient.found
    ours = patient.locked or patient.busy
    own = {"state": folders.state_dir, "ledger": patient.program.ledger_file, "log": folders.log_dir}
    disks = {"quarantine": patient.quarantine, "ledger": folders.state_dir, "log": folders.log_dir}
    yield (
        "watcher",
        lambda: seeing.watcher_lives(
            heartbeat, patient.wait_reason, patient.pause, locked=patient.locked, now=patient.now
        ),
    )
    yield "seeing", lambda: seeing.watcher_sees(heartbeat, locked=patient.locked, now=patient.now)
    yield "service", lambda: seeing.service_runs(*service_of(folders, root))
    yield "one watcher", lambda: seeing.nobody_else_watches(root, ours=ours, held=is_held(root))
    yield "root", lambda: seeing.root_is_listed(root, found, kept=patient.kept)
    yield "names", lambda: seeing.names_are_captures(root, found.names, settings.names)
    yield "watch limit", lambda: seeing.folders_are_watched(found.folders, watch_limit())
    yield "quarantine", lambda: storage.quarantine_takes(root, patient.quarantine)
    yield "free space", lambda: storage.there_is_room(disks)
    yield "privacy", lambda: storage.nobody_else_reads(root, own, patient.quarantine)
    yield "scenes", lambda: setup.scenes_are_known(settings)
    yield "hooks", lambda: setup.hooks_load(settings, folders.hooks_dir)
    yield "device", lambda: setup.device_is_there(settings.device, heartbeat.fallback if patient.locked else "")
    yield "decoder", setup.decoder_is_fast


def _with_ledger(patient: Patient, ledger: Ledger) -> Iterator[Check]:
    root, heartbeat = patient.root, patient.heartbeat
    times = Totals(ledger, root).recent_times(LEARNED_FROM)
    newest = max((*(taken_at for _, taken_at in times[-1:]), *filter(None, [patient.found.newest])), default=None)
    today = patient.now.replace(tzinfo=None)
    yield "ledger", lambda: records.ledger_is_whole(ledger)
    yield "moves", lambda: records.moves_are_finished(ledger, patient.now)
    yield "pictures", lambda: records.pictures_are_in_place(ledger, root, patient.quarantine)
    yield "files", lambda: records.files_are_whole(heartbeat.waiting if patient.locked else {})
    yield "capture job", lambda: capturing.job_runs(newest, usual_interval(times, FEWEST), today)
    yield "news", lambda: capturing.news_come(ledger, root, patient.settings.alarm_after)
    yield "clocks", lambda: capturing.clocks_are_known(ledger, patient.settings)
    yield "screens", lambda: capturing.screens_are_seen(capturing.shown(ledger, root))
