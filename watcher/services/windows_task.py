"""Windows: a task of the Task Scheduler."""

import csv
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from watcher.errors import WatcherError
from watcher.services.job import Condition, Job, run, run_checked, template

_SPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_RUNNING = str(0x41301)
"""SCHED_S_TASK_RUNNING, the last result of a task that has not ended; the column beside it speaks the user's tongue."""
_LAST_RESULT = 6
_VARIABLE = re.compile(r"%[^%]+%|\$\(")


class TaskScheduler:
    """The Task Scheduler, asked by ``schtasks``."""

    def __init__(self, folder: Path, user: str) -> None:
        """Keep the XML in *folder*, for the scheduler has a copy of it; *user* is whose task it is, with domain."""
        self._folder = folder
        self._user = user

    def file(self, job: Job) -> Path:
        """``framesift.xml`` in that folder."""
        return self._folder / f"{job.name}.xml"

    def render(self, job: Job) -> bytes:
        """The task in UTF-16, the only encoding that schtasks reads everywhere."""
        program, *arguments = _windowless(job.command)
        values = {
            "RegistrationInfo/Author": self._user,
            "RegistrationInfo/Description": job.description,
            "Triggers/LogonTrigger/UserId": self._user,
            "Principals/Principal/UserId": self._user,
            "Actions/Exec/Command": program,
            "Actions/Exec/Arguments": subprocess.list2cmdline(arguments),
        }
        if expanded := next((word for word in job.command if _VARIABLE.search(word)), None):
            raise WatcherError(f"{expanded}: the Task Scheduler would replace a part of it as a variable")
        task = ET.fromstring(template("xml"))  # noqa: S314 - as above
        for path, value in values.items():
            for element in task.findall("/".join(f"{{{_SPACE}}}{name}" for name in path.split("/"))):
                element.text = value
        ET.register_namespace("", _SPACE)
        text = ET.tostring(task, encoding="unicode")
        return f'\ufeff<?xml version="1.0" encoding="UTF-16"?>\n{text}\n'.encode("utf-16-le")

    def begin(self, job: Job, *, again: bool) -> None:
        """Hand the file over and run the task; one that runs already is ended, which it survives at any moment."""
        if again:
            run("schtasks", "/End", "/TN", self._task(job))
        run_checked("schtasks", "/Create", "/F", "/TN", self._task(job), "/XML", os.fspath(self.file(job)))
        run_checked("schtasks", "/Run", "/TN", self._task(job))

    def start(self, job: Job) -> None:
        """Run the task."""
        run_checked("schtasks", "/Run", "/TN", self._task(job))

    def stop(self, job: Job) -> None:
        """End the task, which its watcher survives at any moment."""
        run_checked("schtasks", "/End", "/TN", self._task(job))

    def end(self, job: Job) -> None:
        """End and delete the task."""
        run("schtasks", "/End", "/TN", self._task(job))
        run_checked("schtasks", "/Delete", "/F", "/TN", self._task(job))

    def forget(self, job: Job) -> None:
        """The scheduler had a copy and keeps nothing."""

    def condition(self, job: Job) -> Condition:
        """As ``schtasks /Query`` tells, in those of its words that are the same in every tongue."""
        definition = run("schtasks", "/Query", "/TN", self._task(job), "/XML")
        if definition.returncode:
            return Condition(enabled=False, running=False, said="no such task")
        disabled = re.search(r"<Settings>.*<Enabled>false</Enabled>.*</Settings>", definition.stdout, re.DOTALL)
        answer = run_checked("schtasks", "/Query", "/TN", self._task(job), "/V", "/FO", "CSV", "/NH")
        result = next((row[_LAST_RESULT] for row in csv.reader(answer.splitlines()) if len(row) > _LAST_RESULT), "")
        running = result == _RUNNING
        return Condition(
            enabled=not disabled, running=running, said="running" if running else f"its last result is {result}"
        )

    def advice(self, _: Job) -> str:
        """Where to see it."""
        return "Task Scheduler shows it among hidden tasks."

    def _task(self, job: Job) -> str:
        # All users' tasks are in one place.
        return re.sub(r"[\\/:*?\"<>|]", "-", f"{job.name}-{self._user}")


def _windowless(command: tuple[str, ...]) -> tuple[str, ...]:
    """*command* by the interpreter that opens no console, if there is one."""
    quiet = Path(command[0]).with_name("pythonw.exe")
    return (os.fspath(quiet), *command[1:]) if quiet.exists() else command
