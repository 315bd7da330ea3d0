"""Standard output and standard error: they show every name, and no run ends because nobody reads them any more."""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LEFT = {errno.EPIPE, errno.ECONNRESET} | ({errno.EINVAL} if sys.platform == "win32" else set())
"""What the system says of a pipe or a socket whose reader has gone."""


class _Outlet(io.FileIO):
    """Takes all that is written to a stream; once the system has refused something, that and the rest is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.refusal: OSError | None = None
        self._is_terminal = self.isatty()

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write *data*, or drop it."""
        while self.refusal is None:
            try:
                # None: another program that has the same pipe or terminal has said that nobody shall wait for it.
                if (written := super().write(data)) is not None:
                    return written
                select.select((), (self,), ())
            except OSError as error:
                self.refusal = error
        return memoryview(data).nbytes

    @property
    def is_left(self) -> bool:
        """Whether what is written is dropped because its reader has gone: a program that has enough, or a terminal."""
        return self.refusal is not None and (self._is_terminal or self.refusal.errno in _LEFT)


class _Ascii(io.TextIOWrapper):
    """Text in ASCII, called by another name: of its own click would think that it is a mistake, and write UTF-8."""

    encoding = "latin-1"


@contextlib.contextmanager
def lasting_streams() -> Iterator[None]:
    """Within this, nothing that is written to standard output and standard error raises an error."""
    _fill_gaps()
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - as long as the process lasts
    before = sys.stdout, sys.stderr
    lasting = _lasting(sys.stdout), _lasting(sys.stderr)
    sys.stdout, sys.stderr = lasting
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in lasting:
            stream.flush()
            if stream not in before and isinstance(stream, io.TextIOWrapper):
                stream.detach()  # or the stream beneath would be closed with it


def is_left() -> bool:
    """Whether nobody reads standard output any more: what would be written is dropped."""
    outlet = _outlet()
    return outlet is not None and outlet.is_left


def lost_output() -> str:
    """Why standard output is not whole although it has a reader, such as a full disk; empty if it is."""
    outlet = _outlet()
    if outlet is None or outlet.refusal is None or outlet.is_left:
        return ""
    return outlet.refusal.strerror or str(outlet.refusal)


def _outlet() -> _Outlet | None:
    outlet = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return outlet if isinstance(outlet, _Outlet) else None


def _fill_gaps() -> None:
    """Open what the caller has closed of the first three descriptors.

    The ledger would get the number of one, and whatever a library tells the user would be written into it.
    """
    for descriptor in range(3) if sys.platform != "win32" else ():
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _lasting(stream: TextIO | None) -> TextIO:
    if stream is None:  # it was closed before we began
        return _text(os.open(os.devnull, os.O_WRONLY), "utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if type(raw) is not io.FileIO:  # the console of Windows has one of its own, which nobody leaves
        stream.reconfigure(errors="backslashreplace")
        return stream
    stream.flush()
    return _text(raw.fileno(), stream.encoding, line_buffering=stream.line_buffering)


def _text(descriptor: int, encoding: str, *, line_buffering: bool = False) -> TextIO:
    """Text in *encoding*, in which what it cannot show is escaped."""
    kind = _Ascii if codecs.lookup(encoding).name == "ascii" else io.TextIOWrapper
    outlet = io.BufferedWriter(_Outlet(descriptor))
    return kind(outlet, encoding=encoding, errors="backslashreplace", line_buffering=line_buffering)
