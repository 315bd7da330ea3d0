"""What scenes cost: frames of none, and frames of one, against the same without any scenes."""

import hashlib
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image

from watcher.judge import decoding
from watcher.judge.frame import load
from watcher.model.capture import Capture
from watcher.model.scene import Reference, Scene
from watcher.model.verdict import Policy

_ROUNDS = 7
_CLOCK = (0.4, 0.2, 0.2, 0.12)
"""Left, top, width and height of what is ignored, as parts of the picture."""


class Forgetful(decoding._Recent):
    """Remembers nothing: every picture is decoded."""

    def find(self, source: decoding._Source) -> torch.Tensor | None:
        del source
        return None


def costs_of_scenes(captures: Sequence[Capture], place: Path) -> Iterator[tuple[str, str, str]]:
    """Rows of reading *captures* of one display as frames, with three scenes over without; *place* is for pictures."""
    with Image.open(captures[0].path) as image:
        width, height = image.size
    parts = [(round(_CLOCK[0] * width), round(_CLOCK[1] * height), round(_CLOCK[2] * width), round(_CLOCK[3] * height))]
    foreign = [_scene(f"scene {number}", place, (width, height), number, parts) for number in range(3)]
    own = Scene.of("own", ["*"], [Reference(_digest(captures[0].path), captures[0].path)], parts)
    with patch.object(decoding, "_recent", Forgetful()):
        none = _ratio(captures, Policy(scenes=tuple(foreign)))
        inside = _ratio([captures[0]] * len(captures), Policy(scenes=(own,)))
    yield "s. a frame of no scene, with three scenes over none", f"{none:.3f}", "reading and decoding it"
    yield "s. a frame of a scene, over the same without", f"{inside:.2f}", "reading and decoding it"


def _ratio(captures: Sequence[Capture], policy: Policy) -> float:
    """Median of the paired ratios."""
    ratios = []
    for turn in range(_ROUNDS + 1):
        for capture in captures:
            seconds = [_seconds(capture, one) for one in (policy, replace(policy, scenes=()))]
            ratios += [seconds[0] / seconds[1]] * bool(turn)  # the first turn reads the references
    return statistics.median(ratios)


def _seconds(capture: Capture, policy: Policy) -> float:
    begun = time.perf_counter()
    load(capture, torch.device("cpu"), policy)
    return time.perf_counter() - begun


def _scene(
    name: str, place: Path, size: tuple[int, int], number: int, parts: Sequence[tuple[int, int, int, int]]
) -> Scene:
    picture = place / f"{name}.png"
    Image.new("RGB", size, (40 * number, 90, 200)).save(picture)
    return Scene.of(name, ["*"], [Reference(_digest(picture), picture)], parts)


def _digest(picture: Path) -> str:
    return hashlib.sha256(picture.read_bytes()).hexdigest()
