"""The pixels of kept frames: some are held, the others are read from their files."""

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from watcher.errors import GoneError
from watcher.judge.frame import Frame, require_same
from watcher.model.capture import Capture, Identity

_SAMPLING = 32
"""Pixels from one sample to the next, in either direction."""


def _sample(pixels: Tensor) -> Tensor:
    """Green at every so many rows and columns, a copy."""
    return pixels[1, ::_SAMPLING, ::_SAMPLING].clone()


def _bytes(pixels: Tensor) -> int:
    """What *pixels* hold of memory, with what lies beyond their edges."""
    return pixels.untyped_storage().nbytes()


class Pictures:
    """The pixels of kept frames: held up to so many bytes, least recently used out first; else read from the file."""

    def __init__(self, load: Callable[[Capture], Frame], locate: Callable[[Capture], Path], limit: int) -> None:
        self._load, self._locate, self._limit = load, locate, limit
        self._held: OrderedDict[Identity, Tensor] = OrderedDict()
        self._samples: dict[Identity, Tensor] = {}
        self._bytes = 0

    def __contains__(self, capture: Capture) -> bool:
        return capture.identity in self._held

    def held(self, capture: Capture) -> Tensor | None:
        """The pixels, if they need not be read."""
        pixels = self._held.get(capture.identity)
        if pixels is not None:
            self._held.move_to_end(capture.identity)
        return pixels

    def most_alike(self, pixels: Tensor, among: Container[Identity]) -> Identity | None:
        """Which of the pictures at hand *among* those named, all of one size, agrees with *pixels* at most places.

        Of a few places only: a guess, for work that is right with any answer. None if none of them is at hand.
        """
        names = [name for name in reversed(self._held) if name in among]
        if not names:
            return None
        agreeing = torch.stack([self._samples[name] for name in names]) == _sample(pixels)
        return names[int(agreeing.sum((1, 2)).argmax())]

    def pixels(self, capture: Capture) -> Tensor:
        """The pixels (3, height, width) uint8.

        Raises:
            GoneError: the file is no longer the capture's.
            UnreadableError: the file has been damaged.
            OSError: it cannot be read for the moment.
        """
        pixels = self.held(capture)
        if pixels is None:
            pixels = self._load(replace(capture, path=self._locate(capture))).pixels
            self.hold(capture, pixels)
        return pixels

    def hold(self, capture: Capture, pixels: Tensor) -> None:
        """Hold *pixels* while they are among the last used that fit."""
        self.drop(capture)
        self._held[capture.identity] = pixels
        self._samples[capture.identity] = _sample(pixels)
        self._bytes += _bytes(pixels)
        while self._bytes > self._limit:
            name, dropped = self._held.popitem(last=False)
            self._bytes -= _bytes(dropped)
            del self._samples[name]

    def drop(self, capture: Capture) -> None:
        """Hold them no longer."""
        pixels = self._held.pop(capture.identity, None)
        if pixels is not None:
            self._bytes -= _bytes(pixels)
            del self._samples[capture.identity]

    def exists(self, capture: Capture) -> bool:
        """Whether the file still is the capture's.

        Raises:
            OSError: it cannot be known for the moment.
        """
        try:
            require_same(capture, self._locate(capture))
        except GoneError:
            return False
        return True
