"""Service files say exactly what is to be run, and installing is repeatable, with every service manager."""

import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Framesift
from tests.desk import Desk
from watcher.errors import WatcherError
from watcher.services import installing
from watcher.services.job import Job, Manager, job_for
from watcher.services.launchd import Launchd
from watcher.services.systemd import Systemd, command_line
from watcher.services.windows_task import TaskScheduler
from watcher.settings.folders import Folders

USUAL = Path("/home/a/Documents/ScreenRecord")
USER = "DESK\\Anaïs"
NASTY = (
    "plain",
    "with  two spaces",
    'it\'s "quoted"',
    "back\\slash\\",
    "Bildschirm-Fotos 日本語 é",
    "50% %h %%i",
    "$HOME ${HOME} $$",
    "a & b <c> ]]>",
    "; -x @y #z = ~",
    "'",
    '"',
)
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def job_of(root: Path, base: Path = Path("/state")) -> Job:
    return job_for(Folders(base / "c.toml", base / "state", base / "log", config_named=True), root, USUAL, {})


def managers(base: Path) -> dict[str, Manager]:
    return {
        "systemd": Systemd(base / "config"),
        "launchd": Launchd(base / "home", 501),
        "windows": TaskScheduler(base / "tasks", USER),
    }


# --- what is run ---


def test_a_service_runs_this_interpreter_with_these_folders_on_the_resolved_root() -> None:
    job = job_of(USUAL)
    assert job.command == (
        *(os.path.abspath(sys.executable), "-P", "-m", "watcher", "-q"),  # noqa: PTH100 - as the program must
        *("--config", "/state/c.toml", "--state-dir", "/state/state"),
        *("watch", "--log-file", "/state/log/framesift.log", str(USUAL)),
    )


def test_services_of_two_roots_collide_neither_by_name_nor_by_log() -> None:
    jobs = [job_of(root) for root in (USUAL, Path("/a"), Path("/b"))]
    assert jobs[0].name == "framesift"
    assert len({job.name for job in jobs}) == len({job.log_file for job in jobs}) == 3
    assert job_of(Path("/a")) == jobs[1]
    for manager in managers(Path("/x")).values():
        assert len({manager.file(job) for job in jobs}) == 3


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x1bb", "a\x7fb", "a\x85b", "a\udcffb", "a\ufffeb"])
def test_a_path_that_no_service_file_can_hold_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(WatcherError, match=r"/a(\\n|\\x|\\u).*b: a service file cannot hold") as refused:
        job_of(Path(f"/{name}"))
    assert len(str(refused.value).splitlines()) == 1


# --- systemd ---

_PIECE = re.compile(r"""\s+|"((?:[^"\\]|\\.)*)"|([^\s"'\\]+)""", re.DOTALL)


def as_systemd_reads(line: str) -> list[str]:
    """A second implementation of systemd's reading of a command line: words, escapes, specifiers, variables."""
    words: list[str] = []
    position = 0
    while position < len(line):
        piece = _PIECE.match(line, position)
        assert piece, line[position:]
        position = piece.end()
        if piece[0].isspace():
            continue
        word = piece[2] if piece[1] is None else re.sub(r"\\(.)", r"\1", piece[1])
        assert "%" not in word.replace("%%", ""), "a specifier"
        words.append(word.replace("%%", "%"))
    marked = words[0].startswith("@")
    path, argv = (words[0][1:], words[1:]) if marked else (words[0], words)
    assert not any("$" in word.replace("$$", "") for word in argv), "a variable"
    argv = [word.replace("$$", "$") for word in argv]
    assert path == argv[0]
    return argv


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs"))), max_size=4))
def test_systemd_reads_back_any_command_line(arguments: list[str]) -> None:
    argv = ["/usr/bin/python 3$", *arguments]
    assert as_systemd_reads(command_line(tuple(argv))) == argv


@pytest.mark.parametrize("program", ["/a'b/python", '/a"b/python', "/a\\b/python"])
def test_a_program_that_systemd_does_not_start_is_refused(program: str) -> None:
    with pytest.raises(WatcherError, match="quotes or backslashes in its path"):
        command_line((program, "-m", "watcher"))


def unit_of(content: bytes) -> dict[str, str]:
    lines = [line for line in content.decode().splitlines() if line and line[0] not in "#["]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", NASTY)
def test_the_unit_says_what_to_run_and_how(name: str) -> None:
    job = job_of(Path("/home/a") / name)
    unit = unit_of(Systemd(Path("/c")).render(job))
    assert as_systemd_reads(unit["ExecStart"]) == list(job.command)
    assert unit["Description"].replace("%%", "%").endswith(f" watches {job.root}.")
    expected = {"Type": "notify", "Restart": "on-failure", "UMask": "0077", "NoNewPrivileges": "yes"}
    assert expected.items() <= unit.items()
    assert unit["RestartForceExitStatus"] == "75"
    assert "WatchdogSec" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_finds_no_fault_with_any_unit(tmp_path: Path) -> None:
    units = []
    for number, name in enumerate(NASTY):
        units.append(tmp_path / f"framesift-{number}.service")
        units[-1].write_bytes(Systemd(tmp_path).render(job_of(Path("/home/a") / name)))
    bad = tmp_path / "bad.service"
    bad.write_text("[Service]\nExecStart=/bin/true\nNoSuchKey=1\n")
    (tmp_path / "run").mkdir(mode=0o700)
    places = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    environment = os.environ | places | {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *units, bad],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "NoSuchKey" not in done.stderr:
        pytest.skip(f"systemd-analyze verifies nothing here: {done.stderr.strip()}")
    assert [line for line in done.stderr.splitlines() if "NoSuchKey" not in line] == []


# --- launchd ---


@pytest.mark.parametrize("name", NASTY)
def test_the_agent_says_what_to_run_and_how(name: str) -> None:
    job = job_of(Path("/Users/a") / name)
    agent = plistlib.loads(Launchd(Path("/Users/a"), 501).render(job))
    assert agent == {
        "Label": f"local.{job.name}",
        "ServiceDescription": job.description,
        "ProgramArguments": list(job.command),
        "StandardErrorPath": f"/state/log/{job.name}.err",
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ExitTimeOut": 45,
        "Umask": 0o077,
        "WorkingDirectory": "/",
        "ProcessType": "Background",
        "LowPriorityIO": True,
    }


# --- Windows ---

SEQUENCES = {
    "LogonTrigger": [
        *("Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit"),
        *("UserId", "Delay"),
    ],
    "Repetition": ["Interval", "Duration", "StopAtDurationEnd"],
    "Exec": ["Command", "Arguments", "WorkingDirectory"],
}
"""Elements whose children have an order in the schema of the Task Scheduler; those of the others may be in any."""
CHILDREN = SEQUENCES | {
    "Task": ["RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"],
    "RegistrationInfo": ["Author", "Description"],
    "Triggers": ["LogonTrigger"],
    "Principals": ["Principal"],
    "Principal": ["UserId", "LogonType", "RunLevel"],
    "Settings": [
        *("MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "AllowHardTerminate"),
        *("StartWhenAvailable", "RunOnlyIfNetworkAvailable", "IdleSettings", "AllowStartOnDemand", "Enabled"),
        *("Hidden", "RunOnlyIfIdle", "WakeToRun", "ExecutionTimeLimit", "Priority", "RestartOnFailure"),
    ],
    "IdleSettings": ["StopOnIdleEnd", "RestartOnIdle"],
    "RestartOnFailure": ["Interval", "Count"],
    "Actions": ["Exec"],
}
"""What an element may hold, as far as version 1.2 of the schema is used."""


def as_windows_reads(arguments: str) -> list[str]:
    """A second implementation of how a Windows program splits its command line."""
    words = []
    for piece in re.findall(r'(?:[^\s"\\]|\\+"?|"(?:[^"\\]|\\+"?)*")+', arguments):
        word, quoted = "", False
        for slashes, quote, other in re.findall(r'(\\*)(")|(\\+|[^\\"]+)', piece):
            word += other + slashes[: len(slashes) // 2]
            if quote and len(slashes) % 2:
                word += '"'
            elif quote:
                quoted = not quoted
        assert not quoted
        words.append(word)
    return words


def parsed(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 - written a moment ago


def text_at(task: ET.Element, path: str) -> str | None:
    return task.findtext("/".join(SPACE + name for name in path.split("/")))


@pytest.mark.parametrize("name", [name for name in NASTY if "%h %" not in name])
def test_the_task_says_what_to_run_and_how(name: str) -> None:
    job = job_of(Path("/Users/a") / name)
    content = TaskScheduler(Path("/x"), USER).render(job)
    assert content.decode("utf-16").startswith('<?xml version="1.0" encoding="UTF-16"?>\n<Task ')
    task = parsed(content)
    assert text_at(task, "Actions/Exec/Command") == job.command[0]
    assert as_windows_reads(text_at(task, "Actions/Exec/Arguments") or "") == list(job.command[1:])
    for place in ("Triggers/LogonTrigger", "Principals/Principal"):
        assert text_at(task, f"{place}/UserId") == USER
    expected = {
        "MultipleInstancesPolicy": "IgnoreNew",
        "DisallowStartIfOnBatteries": "false",
        "StopIfGoingOnBatteries": "false",
        "ExecutionTimeLimit": "PT0S",
        "Hidden": "true",
        "RestartOnFailure/Interval": "PT1M",
        "RestartOnFailure/Count": "255",
    }
    assert {key: text_at(task, f"Settings/{key}") for key in expected} == expected


def test_the_task_is_built_as_the_schema_wants_it() -> None:
    task = parsed(TaskScheduler(Path("/x"), USER).render(job_of(USUAL)))
    assert task.tag == f"{SPACE}Task"
    assert task.attrib == {"version": "1.2"}
    for element in task.iter():
        name = element.tag.removeprefix(SPACE)
        children = [child.tag.removeprefix(SPACE) for child in element]
        assert len(set(children)) == len(children)
        assert set(children) <= set(CHILDREN.get(name, [])), name
        if name in SEQUENCES:
            assert children == [child for child in SEQUENCES[name] if child in children]
        assert bool(children) != bool((element.text or "").strip()), f"{name} is left empty"
    principal, actions = task.find(f"{SPACE}Principals/{SPACE}Principal"), task.find(f"{SPACE}Actions")
    assert principal is not None
    assert actions is not None
    assert actions.get("Context") == principal.get("id")


@pytest.mark.parametrize("name", ["100%PATH%", "$(Arg0)"])
def test_what_the_task_scheduler_would_replace_is_refused(name: str) -> None:
    with pytest.raises(WatcherError, match="would replace a part of it"):
        TaskScheduler(Path("/x"), USER).render(job_of(Path("/Users/a") / name))


def test_on_windows_no_console_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pythonw.exe").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python.exe"))
    task = parsed(TaskScheduler(tmp_path, USER).render(job_of(USUAL)))
    assert text_at(task, "Actions/Exec/Command") == str(tmp_path / "pythonw.exe")


# --- installing, with programs that stand in for the managers' ---

STAND_IN = """#!{python} -SE
import json, os, sys
here, argv = os.path.dirname(__file__), sys.argv[1:]
def path(name): return os.path.join(here, name)
def have(name): return os.path.exists(path(name))
def be(name, so):
    if so: open(path(name), "w").close()
    elif have(name): os.unlink(path(name))
with open(path("calls"), "a") as calls: print(json.dumps(argv), file=calls)
if have("refuses"):
    print("Failed to connect to bus: No medium found\\nmore of it", file=sys.stderr)
    sys.exit(1)
words = set(argv)
if words & {{"enable", "bootstrap", "/Create"}}: be("enabled", True)
if words & {{"--now", "restart", "start", "bootstrap", "/Run"}}: be("running", True)
if words & {{"disable", "stop", "bootout", "/End"}}: be("running", False)
if words & {{"disable", "/Delete"}}: be("enabled", False)
running = have("running")
if "show" in words:
    print("ActiveState=" + ("active" if running else "failed"), "SubState=x", "StatusText=at / = \\\\x", sep="\\n")
    print("UnitFileState=" + ("enabled" if have("enabled") else "disabled"))
if "print" in words:
    if not running: sys.exit(113)
    print("\\tstate = running\\n\\tproperties = x")
if "print-disabled" in words:
    print('\\t"local.framesift" => ' + ("enabled" if have("enabled") else "disabled"))
if "/Query" in words:
    if not have("enabled"): sys.exit(1)
    if "/XML" in words: print("<Task><Settings><Enabled>true</Enabled></Settings></Task>")
    else: print(f'"PC","\\\\framesift","N/A","läuft","x","y","{{267009 if running else 1}}","z"')
"""


@dataclass
class Desktop:
    """A service manager's stand-in on PATH, and framesift's classes talking to it."""

    tools: Path
    manager: Manager
    job: Job

    def calls(self) -> list[list[str]]:
        """The calls since the last time."""
        record = self.tools / "calls"
        calls = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        record.unlink(missing_ok=True)
        return calls

    def set(self, name: str, *, so: bool = True) -> None:
        (self.tools / name).touch() if so else (self.tools / name).unlink()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    for program in ("systemctl", "launchctl", "schtasks"):
        (folder / program).write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture(params=["systemd", "launchd", "windows"])
def desktop(request: pytest.FixtureRequest, tools: Path, tmp_path: Path) -> Desktop:
    return Desktop(tools, managers(tmp_path)[request.param], job_of(USUAL, tmp_path))


posix = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are scripts as POSIX starts them")


@posix
def test_installing_twice_changes_nothing_the_second_time(desktop: Desktop) -> None:
    manager, job = desktop.manager, desktop.job
    assert installing.state(manager, job) is None
    assert installing.install(manager, job)
    file = manager.file(job)
    before, asked = file.stat(), len(desktop.calls())
    assert before.st_mode & 0o777 == 0o600
    assert job.log_file.parent.is_dir()
    assert not installing.install(manager, job)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert asked
    state = installing.state(manager, job)
    assert state is not None
    assert (state.current, state.condition.enabled, state.condition.running) == (True, True, True)


@posix
def test_what_has_changed_or_stopped_is_written_and_started_anew(desktop: Desktop) -> None:
    manager, job = desktop.manager, desktop.job
    installing.install(manager, job)
    file = manager.file(job)
    file.write_bytes(b"of an earlier version")
    desktop.calls()
    state = installing.state(manager, job)
    assert state is not None
    assert not state.current
    assert installing.install(manager, job)
    assert file.read_bytes() == manager.render(job)
    restarts = [word for call in desktop.calls() for word in call if word in {"restart", "bootout", "/End"}]
    assert len(restarts) == 1
    desktop.set("running", so=False)
    state = installing.state(manager, job)
    assert state is not None
    assert not state.condition.running
    assert installing.install(manager, job)
    assert (desktop.tools / "running").exists()


@posix
def test_after_an_update_it_is_written_and_started_anew(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    installing.install(desktop.manager, desktop.job)
    monkeypatch.setattr("watcher.services.job.__version__", "99.0")
    assert installing.install(desktop.manager, desktop.job)
    assert not installing.install(desktop.manager, desktop.job)


@posix
def test_uninstalling_stops_and_removes_and_without_an_installation_does_nothing(desktop: Desktop) -> None:
    manager, job = desktop.manager, desktop.job
    assert not installing.uninstall(manager, job)
    assert desktop.calls() == []
    installing.install(manager, job)
    assert installing.uninstall(manager, job)
    assert not manager.file(job).exists()
    assert not (desktop.tools / "running").exists()
    assert not installing.uninstall(manager, job)


@posix
def test_what_is_installed_can_be_stopped_and_started(desktop: Desktop) -> None:
    manager, job = desktop.manager, desktop.job
    with pytest.raises(WatcherError, match="is not installed"):
        installing.require_installed(manager, job)
    installing.install(manager, job)
    installing.require_installed(manager, job)
    manager.stop(job)
    assert not (desktop.tools / "running").exists()
    assert manager.file(job).exists()
    for _ in range(2):
        manager.start(job)
        assert (desktop.tools / "running").exists()


@posix
def test_a_manager_that_refuses_or_is_missing_is_told_of_in_one_line_and_the_file_is_there(desktop: Desktop) -> None:
    manager, job = desktop.manager, desktop.job
    for fault, said in (("refuses", "refuses: Failed to connect to bus"), ("missing", "cannot be run")):
        if fault == "refuses":
            desktop.set(fault)
        else:
            for program in ("systemctl", "launchctl", "schtasks"):
                (desktop.tools / program).unlink()
        with pytest.raises(WatcherError, match=said) as refused:
            installing.install(manager, job)
        assert f"{manager.file(job)} is written" in str(refused.value)
        assert len(str(refused.value).splitlines()) == 1
        assert manager.file(job).read_bytes() == manager.render(job)


@posix
def test_systemd_is_asked_for_exactly_what_is_needed(tools: Path, tmp_path: Path) -> None:
    desktop = Desktop(tools, managers(tmp_path)["systemd"], job_of(USUAL, tmp_path))
    unit = str(desktop.manager.file(desktop.job))
    installing.install(desktop.manager, desktop.job)
    assert desktop.calls() == [["--user", "daemon-reload"], ["--user", "enable", "--now", "--quiet", unit]]
    installing.uninstall(desktop.manager, desktop.job)
    assert desktop.calls() == [
        ["--user", "disable", "--now", "--quiet", "framesift.service"],
        ["--user", "daemon-reload"],
    ]


# --- the verb ---

linux = pytest.mark.skipif(sys.platform != "linux", reason="the verb picks the platform's own manager")


@pytest.fixture
def typed(desk: Desk, tools: Path, framesift: Framesift, monkeypatch: pytest.MonkeyPatch) -> Framesift:
    """Runs a command line in this process, with the stand-ins on its PATH."""
    assert tools.exists()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(desk.base / "config"))
    return framesift


def units(desk: Desk) -> list[Path]:
    return sorted((desk.base / "config" / "systemd" / "user").glob("*"))


@linux
def test_a_dry_run_prints_the_file_and_writes_nothing(desk: Desk, typed: Framesift) -> None:
    code, content, where = typed("service", "install", "--dry-run")
    assert code == 0
    argv = as_systemd_reads(unit_of(content.encode())["ExecStart"])
    assert argv[-1] == str(desk.root)
    assert argv[argv.index("--config") + 1] == str(desk.config)
    assert argv[argv.index("--state-dir") + 1] == str(desk.state)
    assert argv[argv.index("--log-file") + 1].startswith(str(desk.logs))
    assert where.endswith(".service would hold:\n")
    assert "not installed" in typed("service", "uninstall", "--dry-run")[1]
    assert not (desk.base / "config").exists()


@linux
def test_the_whole_life_of_a_service(
    desk: Desk, typed: Framesift, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed("service", "status")[0] == 1
    monkeypatch.setenv("FRAMESIFT_WINDOW", "50")
    code, told, warned = typed("service", "install")
    assert (code, "loginctl enable-linger" in told) == (0, True)
    assert "FRAMESIFT_WINDOW is set here and not for the service" in warned
    (unit,) = units(desk)
    assert str(unit) in told
    assert "nothing is changed" in typed("service", "install")[1]
    code, told, _ = typed("service", "status")
    assert code == 0
    assert all(said in told.replace("\n", "") for said in (unit.stem, "enabled", "yes: active (x): at / = \\x"))
    (tools / "running").unlink()
    code, told, _ = typed("service", "status")
    assert (code, "no: failed" in told) == (4, True)
    assert "is started" in typed("service", "start")[1]
    assert typed("service", "status")[0] == 0
    assert "is started anew" in typed("service", "restart")[1]
    assert "is stopped; it starts at the next login" in typed("service", "stop")[1]
    assert typed("service", "status")[0] == 4
    assert "would stop" in typed("service", "uninstall", "--dry-run")[1]
    assert typed("service", "install", desk.base / "other")[0] == 0
    assert len(units(desk)) == 2
    assert "is stopped and removed" in typed("service", "uninstall")[1]
    assert units(desk) != [unit]
    code, told, _ = typed("service", "uninstall")
    assert (code, "is not installed" in told) == (0, True)


@linux
def test_what_cannot_be_installed_is_refused_in_one_line(desk: Desk, typed: Framesift, tools: Path) -> None:
    desk.config.write_text("window = -1\n")
    assert typed("service", "install")[0] == 2
    desk.config.write_text(f'root = "{desk.root}"\n')
    code, _, error = typed("service", "install", desk.base / "a\nb")
    assert (code, error.count("\n")) == (1, 1)
    assert units(desk) == []
    (tools / "refuses").touch()
    for verb in ("install", "status", "uninstall"):
        code, _, error = typed("service", verb)
        assert (code, error.count("\n")) == (1, 1)
        assert "Failed to connect to bus: No medium found" in error
    assert units(desk) == []


# --- with systemd itself ---

USER_MANAGER = Path("/usr/lib/systemd/systemd")
IN_A_NAMESPACE = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && mkdir -m 700 "$XDG_RUNTIME_DIR" || exit 77
"$0" --user & manager=$!
for _ in $(seq 100); do systemctl --user show-environment > /dev/null 2>&1 && break; sleep 0.1; done
systemctl --user show-environment > /dev/null || exit 77
"$@"; code=$?
kill -RTMIN+24 $manager; wait $manager
exit $code
"""
LIFE = """
import json, subprocess, sys
from pathlib import Path
root = sys.argv[1]
def framesift(*verb):
    done = subprocess.run([sys.executable, "-m", "watcher", *verb, root], capture_output=True, text=True)
    return [done.returncode, done.stdout + done.stderr]
def shown(name):
    argv = ["systemctl", "--user", "show", "--value", "-p", name, "framesift-*.service"]
    return subprocess.run(argv, capture_output=True, text=True).stdout.strip()
said = {"installed": framesift("service", "install"), "status": framesift("service", "status")}
pid = shown("MainPID")
said["argv"] = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\\0")[:-1]
said["again"] = framesift("service", "install")
said["same"] = shown("MainPID") == pid
subprocess.run(["kill", "-KILL", pid])
while shown("ActiveState") == "active": pass
said["then"] = shown("SubState")
said["killed"] = framesift("service", "status")
said["restarted"] = framesift("service", "install")
said["removed"] = framesift("service", "uninstall")
said["left"] = shown("MainPID")
print(json.dumps(said))
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    (tmp_path / "home").mkdir()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "DBUS_", "FRAMESIFT_"))}
    yield ours | {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": "/run/framesift-test"}
    with suppress(FileNotFoundError):
        shutil.rmtree(tmp_path / "home")


@linux
@pytest.mark.slow
def test_systemd_itself_starts_the_very_command_hears_it_and_stops_it(home: Mapping[str, str]) -> None:
    if not (USER_MANAGER.exists() and shutil.which("unshare") and os.geteuid() == 0):
        pytest.skip("it takes systemd, and root for a mount namespace of its own")
    root = Path(home["HOME"]) / NASTY[5] / NASTY[6] / (NASTY[2] + NASTY[3])
    root.mkdir(parents=True)
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", IN_A_NAMESPACE, USER_MANAGER, sys.executable, "-c", LIFE, root],
        env=home,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if done.returncode == 77 or not done.stdout:
        pytest.skip(f"systemd's user manager does not run here: {done.stderr[-300:]}")
    said = json.loads(done.stdout)
    assert said["installed"][0] == 0, said["installed"]
    assert said["argv"][0] == sys.executable
    assert said["argv"][-1] == str(root)
    assert said["status"][0] == 0
    assert "yes: active (running)" in said["status"][1]
    assert "nothing is changed" in said["again"][1]
    assert said["same"]
    assert said["then"] == "auto-restart"
    assert said["killed"][0] == 4
    assert said["restarted"][0] == said["removed"][0] == 0
    assert said["left"] in ("", "0")
