"""How one capture is judged, and its verdict carried out: the same for watcher and sweep."""

from functools import partial

from watcher.errors import GoneError, KnownError, NearestGoneError, NotWholeError, UnreadableError
from watcher.flow.task import Task
from watcher.judge.device import DeviceBudget, choose_device
from watcher.judge.frame import load
from watcher.judge.pipeline import Judge, Load, Postponed
from watcher.judge.scenes import require_references
from watcher.judge.window import described
from watcher.judge.windows import Windows
from watcher.keep.custody import Custody, DryRunCustody
from watcher.keep.homecoming import Met
from watcher.keep.plugins import Hooks
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry, Timeline
from watcher.model.kept_frame import KeptFrame
from watcher.settings.settings import Settings

_TRIES = 3
"""How often a capture is judged once more because another process changes what it is compared with."""


def _budget(settings: Settings, lost: str) -> DeviceBudget:
    """The device of the settings; the CPU if the last run *lost* that one at once, or it would be lost for ever."""
    device = choose_device(settings.device)
    if not lost or device.type == "cpu":
        return DeviceBudget(device, settings.frame_memory)
    why = f"comparing on the CPU until the next start, since {device.type} failed at once in the last run: {lost}"
    return DeviceBudget(choose_device("cpu"), settings.frame_memory, why)


def _changed_scenes(ledger: Ledger, settings: Settings) -> list[str]:
    """Those whose pictures are others than when a verdict was given last."""
    last = next(iter(ledger.entries(settings.root, limit=1)), None)
    before = {scene.name: scene.references for scene in last.verdict.policy.scenes} if last else {}
    return [one.name for one in settings.policy.scenes if before.get(one.name, one.references) != one.references]


class Work:
    """Judges the captures of a root one by one, and has each verdict carried out and written down."""

    def __init__(self, task: Task, ledger: Ledger, timeline: Timeline) -> None:
        """Load the hooks, finish what a crash left half done, and take over the windows of *timeline*.

        Raises:
            WatcherError: the device, a hook or the reference of a scene cannot be used.
        """
        settings, log = task.settings, task.log
        require_references(settings.policy)
        for name in _changed_scenes(ledger, settings):
            log.say(f"scene {name} has another reference than before: kept screens are read again once", "warning")
        self._ledger, self._timeline, self._policy = ledger, timeline, settings.policy
        self.budget = _budget(settings, ledger.heartbeat(task.root).lost)
        if self.budget.why:
            log.say(self.budget.why, "warning")
        # One thread alone talks to the device; those that read ahead do not.
        self.load = partial(load, device=choose_device("cpu"), policy=settings.policy)
        self.hooks = Hooks(settings, task.program.folders.hooks_dir, partial(log.say, tone="error"))
        self._custody = (DryRunCustody if task.dry_run else Custody)(ledger, self.hooks, timeline)
        for entry in self._custody.recover():
            name = entry.verdict.capture.path.name
            log.say(f"{name} was on its way when the last run ended; it is {entry.state} now")
        self._judge = Judge(self.budget, settings.policy, self._windows, partial(log.say, tone="warning"))

    def begin_anew(self) -> None:
        """Go on with the windows that the ledger knows now."""
        self._judge.begin_anew()

    def judge_and_keep(self, capture: Capture, load: Load | None = None) -> Entry | Postponed | Met:
        """Judge *capture*, read by *load* or from its file; carry out the verdict and write it down.

        What the ledger knows already, by its bytes, is not judged.

        Raises:
            LostError: only a new process can go on; the capture has not been touched.
        """
        try:
            if met := self._custody.meet(capture):
                return met
        except OSError as error:
            return Postponed(capture, error)
        if self._custody.rewritten(capture, partial(self._described, capture, load or self.load)):
            self._judge.begin_anew()  # with the picture as it is now
            return Met(capture)
        for _ in range(_TRIES):
            try:
                return self._judge_and_keep(capture, load)
            except NearestGoneError as error:
                # Another process has dealt with the screen that was nearest: it is in no window any more.
                self._judge.begin_anew()
                gone = GoneError(str(error))
        return Postponed(capture, gone)

    def _judge_and_keep(self, capture: Capture, load: Load | None) -> Entry | Postponed:
        judged = self._judge.judge(capture, load or self.load)
        self._custody.note(judged.changes)
        if isinstance(judged, Postponed):
            return judged
        try:
            return self._custody.carry_out(judged.verdict, judged.admitted)
        except KnownError as error:
            if judged.admitted is not None:
                self._judge.windows.discard(capture)
            return Postponed(capture, GoneError(str(error)))

    def _described(self, capture: Capture, load: Load) -> KeptFrame | None:
        try:
            return described(load(capture), self._policy)
        except (UnreadableError, NotWholeError, GoneError, OSError):
            return None

    def _windows(self, load: Load, frame_memory: int) -> Windows:
        """The windows that the ledger knows; *load* reads a kept frame again."""
        windows = Windows(self._policy, load, self._ledger.kept_location, frame_memory)
        windows.restore(self._ledger.frames(self._timeline, self._policy.window))
        return windows
