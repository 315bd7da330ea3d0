"""What a device refuses: less memory, the CPU, or a new process, and never another verdict."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import torch

from tests.conftest import Framesift, Watch
from tests.desk import Desk, capture_of, land
from tests.pictures import screen, typed
from watcher.errors import EXIT_DEVICE, CrampedError, FaultError, LostError
from watcher.health.heartbeat import Health, Heartbeat, diagnose
from watcher.judge.device import DeviceBudget, choose_device, device_errors
from watcher.judge.frame import Frame, load
from watcher.judge.pictures import Pictures
from watcher.judge.pipeline import Judge, Judged, Load
from watcher.judge.window import Window
from watcher.judge.windows import Windows
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Policy, Verdict
from watcher.patience import NoPatience

FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8 GiB.")
LOST = RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported later")
POLICY = Policy(window=5, reduce=1)


def stream(folder: Path) -> list[Capture]:
    """Screens that come, come back after windows have overflowed, and change a little."""
    numbers = [*range(6), 2, 0, *range(6, 10), 7, 8, 7, 0, 1, 3]
    contents = [typed(number, tick % 4) for tick, number in enumerate(numbers)]
    return [capture_of(land(folder / f"{tick:03}_1.png", content)) for tick, content in enumerate(contents)]


def read(capture: Capture) -> Frame:
    return load(capture, torch.device("cpu"), POLICY)


class Work:
    """A judge, and in the place of a ledger a list of what was kept, most recently used first."""

    def __init__(self, device: torch.device | None = None, frame_memory: int = 10**9) -> None:
        self.kept: list[KeptFrame] = []
        self.said: list[str] = []
        self.begun = 0
        self.judge = Judge(
            DeviceBudget(device or choose_device("cpu"), frame_memory), POLICY, self.fill, self.said.append
        )

    def fill(self, reads: Load, frame_memory: int) -> Windows:
        windows = Windows(POLICY, reads, frame_memory=frame_memory)
        windows.restore(self.kept)
        return windows

    def verdicts(self, captures: list[Capture]) -> Iterator[Verdict]:
        for capture in captures:
            self.begun += 1
            judged = self.judge.judge(capture, read)
            assert isinstance(judged, Judged)
            self.remember(judged)
            yield judged.verdict

    def remember(self, judged: Judged) -> None:
        front = judged.admitted
        if front is None:
            front = next(kept for kept in self.kept if kept.capture == judged.verdict.score.nearest)
            self.kept.remove(front)
        self.kept = [front, *self.kept][: POLICY.window]


class Refusals:
    """Makes one method raise at every so many of its calls, but once a capture only."""

    def __init__(self, work: Work, often: int) -> None:
        self._work, self._calls, self._often = work, count(1), often
        self._refused = 0
        self.count = 0

    def due(self) -> bool:
        if next(self._calls) % self._often or self._refused == self._work.begun:
            return False
        self._refused = self._work.begun
        self.count += 1
        return True

    def within(self, real: Callable[..., object], *, after: bool) -> Callable[..., object]:
        def method(*arguments: object) -> object:
            result = real(*arguments) if after else None
            if self.due():
                raise FULL
            return result if after else real(*arguments)

        return method


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(Pictures, "pixels"), (Pictures, "hold"), (Window, "insert"), (Window, "touch"), (Window, "_search")],
)
@pytest.mark.parametrize("often", [1, 2])
def test_too_little_memory_at_any_point_changes_no_verdict(  # noqa: PLR0913, PLR0917 - what is varied
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, after: bool, often: int
) -> None:
    captures = stream(tmp_path)
    right = list(Work().verdicts(captures))
    work = Work(frame_memory=100_000)
    refusals = Refusals(work, often)
    monkeypatch.setattr(owner, name, refusals.within(getattr(owner, name), after=after))
    assert list(work.verdicts(captures)) == right
    assert {verdict.kind for verdict in right} == {"new", "similar", "duplicate"}
    assert len(work.said) == refusals.count > 0


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A CUDA device with no memory left, on a machine that has none: what is put there is refused."""

    def here(self: Judge, frame: Frame) -> Frame:
        if self.budget.device.type == "cuda":
            raise FULL
        return frame

    monkeypatch.setattr(Judge, "_here", here)
    return torch.device("cuda")


def test_without_any_memory_the_cpu_does_it_and_that_is_said(tmp_path: Path, small_device: torch.device) -> None:
    captures = stream(tmp_path)
    right = list(Work().verdicts(captures))
    work = Work(small_device)
    assert list(work.verdicts(captures)) == right
    assert work.said == [
        "CUDA out of memory; holding 500 MB of frames from now on",
        "comparing on the CPU, since cuda has too little memory (CUDA out of memory)",
    ]
    assert work.judge.budget == DeviceBudget(torch.device("cpu"), 10**9, work.said[1])


def test_where_not_even_the_cpu_has_memory_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr("watcher.judge.pipeline.judge_one", refuse)
    with pytest.raises(CrampedError, match="can't allocate memory"):
        next(Work().verdicts(stream(tmp_path)))


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (FULL, CrampedError),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1.0 GB, other allocations: 2 GB)"), CrampedError),
        (RuntimeError("CUDA error: out of memory"), CrampedError),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), CrampedError),
        (LOST, LostError),
        (RuntimeError("CUDA unknown error - this may be due to an incorrectly set up environment"), LostError),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), LostError),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"), RuntimeError),
        (RuntimeError("Expected all tensors to be on the same device, but found cuda:0 and cpu!"), RuntimeError),
    ],
)
def test_what_a_device_refuses_is_told_apart(raised: Exception, told: type[Exception]) -> None:
    with pytest.raises(told) as caught, device_errors():
        raise raised
    assert type(caught.value) is told
    assert "\n" not in str(caught.value) or told is RuntimeError


def test_what_real_memory_refuses_is_known() -> None:
    with pytest.raises(CrampedError), device_errors():
        torch.empty(10**15)


# The programs.


class Device:
    """Works until it has been given so many frames."""

    left = 10**6

    def here(self, frame: Frame) -> Frame:
        self.left -= 1
        if self.left < 0:
            raise LOST
        return frame


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    device = Device()
    monkeypatch.setattr(Judge, "_here", device.here)
    return device


def test_a_sweep_that_loses_its_device_ends_with_75_and_the_next_one_goes_on(
    desk: Desk, framesift: Framesift, device: Device
) -> None:
    for tick in range(6):
        desk.put(tick, screen(tick % 2))
    device.left = 3
    code, _, errors = framesift("sweep")
    assert code == EXIT_DEVICE
    assert len(errors.splitlines()) == 1
    assert "CUDA error: an illegal memory access was encountered" in errors
    assert "CUDA error: an illegal memory access" in (desk.logs / "sweep.log").read_text()
    assert desk.judged() == 3
    assert [desk.path(tick).exists() for tick in range(6)] == [True, True, False, True, True, True]
    device.left = 3
    assert framesift("sweep")[0] == 0
    assert [desk.path(tick).exists() for tick in range(6)] == [True, True, False, False, False, False]


def test_a_watcher_that_loses_its_device_ends_with_75_and_the_capture_in_hand_is_judged_at_the_next_start(
    desk: Desk, framesift: Framesift, watch_here: Watch, device: Device
) -> None:
    watch_here((desk.path(0), screen(1)))
    late = land(desk.path(1), screen(1))
    device.left = 0
    code, output, errors = framesift("watch")
    assert (code, desk.judged(), late.exists()) == (EXIT_DEVICE, 1, True)
    assert "CUDA error" not in output
    assert "the device is lost to this process (CUDA error: an illegal memory access was encountered)" in errors
    device.left = 2
    watch_here((desk.path(2), screen(2)))
    assert desk.mirrored(late).exists()


def test_a_ledger_that_refuses_the_last_heartbeat_hides_no_lost_device(
    desk: Desk, framesift: Framesift, watch_here: Watch, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any other exit code, no service would know that a new process may do."""
    watch_here((desk.path(0), screen(1)))
    land(desk.path(1), screen(1))
    device.left = 0
    write = Ledger.write_heartbeat

    def refuse(ledger: Ledger, root: Path, heartbeat: Heartbeat) -> None:
        if isinstance(ledger.patience, NoPatience):  # the run has ended
            raise FaultError("the ledger cannot be used: database or disk is full")
        write(ledger, root, heartbeat)

    monkeypatch.setattr(Ledger, "write_heartbeat", refuse)
    code, output, errors = framesift("watch")
    assert code == EXIT_DEVICE
    assert "database or disk is full" in output
    assert "the device is lost to this process" in errors


def test_a_device_that_is_lost_again_at_once_is_left_for_the_cpu_until_the_next_start(
    desk: Desk, framesift: Framesift, watch_here: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that stays broken costs one restart with 75, not one every half minute for ever."""

    def here(judge: Judge, frame: Frame) -> Frame:
        if judge.budget.device.type == "cuda":
            raise LOST
        return frame

    watch_here((desk.path(0), screen(1)))
    monkeypatch.setattr(Judge, "_here", here)
    monkeypatch.setattr(
        "watcher.flow.work.choose_device", lambda name: choose_device("cpu") if name == "cpu" else torch.device("cuda")
    )
    late = land(desk.path(1), screen(1))
    assert framesift("watch")[0] == EXIT_DEVICE
    assert late.exists()
    watch_here((desk.path(2), screen(2)))
    assert desk.mirrored(late).exists()
    log = (desk.logs / "framesift.log").read_text()
    said = "comparing on the CPU until the next start, since cuda failed at once in the last run: the device is lost"
    assert log.count(said) == 1
    with desk.ledger() as ledger:
        report = ledger.heartbeat(desk.root)
    assert report.device == "cpu"
    assert report.fallback.startswith(said)
    assert not report.lost
    land(desk.path(3), screen(3))
    assert framesift("watch")[0] == EXIT_DEVICE


def test_status_says_why_frames_are_compared_on_the_cpu(
    desk: Desk, watch_here: Watch, small_device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(name: str) -> torch.device:
        return choose_device("cpu") if name == "cpu" else small_device

    monkeypatch.setattr("watcher.flow.work.choose_device", choose)
    watch_here((desk.path(0), screen(1)), (desk.path(1), screen(1)), (desk.path(2), screen(2)))
    assert [kind for kind, *_ in desk.decisions().values()] == ["new", "duplicate", "new"]
    log = (desk.logs / "framesift.log").read_text()
    assert log.count("comparing on the CPU, since cuda has too little memory (CUDA out of memory)") == 1
    assert " on cuda, window 100" in log
    with desk.ledger() as ledger:
        report = ledger.heartbeat(desk.root)
    assert report.device == "cpu"
    state, reasons = diagnose(report, locked=True, now=datetime.now().astimezone())
    assert (state, reasons) == (Health.WATCHING, [report.fallback])
    assert "too little memory" in report.fallback


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_device_without_memory_is_left_for_the_cpu_and_verdicts_stay(tmp_path: Path) -> None:
    captures = stream(tmp_path)
    right = list(Work().verdicts(captures))
    work = Work(torch.device("cuda"))
    half = list(work.verdicts(captures[:9]))
    torch.cuda.set_per_process_memory_fraction(1e-9)
    try:
        with pytest.raises(CrampedError), device_errors():
            torch.empty(2**28, device="cuda")
        assert half + list(work.verdicts(captures[9:])) == right
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert work.judge.budget.device.type == "cpu"
