"""Frames decoded ahead of their judgement, on several cores, in order."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from watcher.arrive.png import check_whole
from watcher.arrive.settling import key_of
from watcher.errors import GoneError, WatcherError
from watcher.judge.frame import Frame, signed
from watcher.model.capture import Capture

_AHEAD = 4
"""Frames a thread that are decoded or wait to be judged: none idles, and memory stays small."""
_THREADS = 8
"""At most: with fewer already, one judging thread does not keep up with them."""
_SIGNING = 4
"""Cores from which on signatures are computed ahead as well: more work in all, but less for the thread that judges."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What came of reading a capture."""

    digest: bytes = b""
    """Of its bytes; empty if it could not be read to its end."""
    frame: Frame | Exception | None = None


class ReadAhead:
    """Hands out captures in their order while those that follow are read; decoding leaves Python's lock free."""

    def __init__(
        self,
        captures: Sequence[Capture],
        load: Callable[[Capture], Frame],
        locate: Callable[[Capture], Path],
        *,
        signs: bool = False,
    ) -> None:
        """Read *captures*, each from where *locate* says that it is now, with *load*.

        With *signs* frames have their signatures, if there are cores enough for that.
        """
        self._captures, self._load, self._locate = captures, load, locate
        self._signs = signs and _cores() >= _SIGNING
        self._read: dict[Capture, _Read] = {}
        self._latest: dict[int, Frame] = {}  # of each display, with its signature
        self._stopped = False

    def stop(self) -> None:
        """End the iteration after the capture in hand. May be called from a signal handler."""
        self._stopped = True

    def __iter__(self) -> Iterator[Capture]:
        """The captures, each with its digest if it could be read."""
        threads = min(_cores(), _THREADS)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="read-ahead")
        try:
            waiting: deque[tuple[Capture, Future[_Read]]] = deque()
            for capture in self._captures:
                waiting.append((capture, pool.submit(self._whole, capture, self._locate(capture))))
                if len(waiting) > threads * _AHEAD and not self._stopped:
                    yield self._handed_out(*waiting.popleft())
                if self._stopped:
                    return
            while waiting and not self._stopped:
                yield self._handed_out(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def load(self, capture: Capture) -> Frame:
        """The frame of a capture that was handed out; asked for it again, it is read again.

        Raises:
            NotWholeError: its PNG structure is not whole.
            GoneError, UnreadableError, OSError: as :func:`watcher.judge.frame.load`.
        """
        read = self._read.pop(capture, None) or self._whole(capture, self._locate(capture))
        if isinstance(read.frame, Frame):
            return replace(read.frame, capture=capture)
        raise read.frame or GoneError(f"{capture.path.name} is gone")

    def _handed_out(self, capture: Capture, future: Future[_Read]) -> Capture:
        self._read.clear()  # what was handed out before, and not asked for, is known
        read = self._read[capture] = future.result()
        return replace(capture, digest=capture.digest or read.digest)

    def _whole(self, capture: Capture, path: Path) -> _Read:
        digest = b""
        try:
            digest = check_whole(path, key_of(path.lstat()))
            if capture.digest not in (b"", digest):
                return _Read(frame=GoneError(f"{path.name} was changed since it was judged"))
            return _Read(digest, self._signed(self._load(replace(capture, path=path))))
        except FileNotFoundError:
            return _Read(frame=GoneError(f"{path.name} is gone"))
        except GoneError as error:
            return _Read(frame=error)
        except (WatcherError, OSError) as error:
            return _Read(digest, error)

    def _signed(self, frame: Frame) -> Frame:
        """*frame*, with its signature if that is computed ahead: much of it is that of the frame before."""
        if not self._signs:
            return frame
        display = frame.capture.display
        try:
            found = self._latest[display] = signed(frame, self._latest.get(display))
        except RuntimeError:  # torch, when memory is short: the thread that judges holds less then, and computes it
            return frame
        return found


def _cores() -> int:
    return os.cpu_count() or 1
