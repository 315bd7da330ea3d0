"""The kept screens of a period, each as a few hundred numbers; pictures are opened only for those that have none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter

import torch
from torch import Tensor

from watcher.errors import GoneError, UnreadableError
from watcher.judge.blocks import Averaging, Screens
from watcher.judge.bounds import SignatureStack
from watcher.judge.frame import load
from watcher.judge.signature import Signature, compute, digest_of, unpack
from watcher.ledger.ledger import Ledger
from watcher.model.entry import Entry
from watcher.model.kept_frame import KeptFrame
from watcher.model.verdict import Policy

_BATCH = 64
"""Signatures in memory at a time: they have 30 kB each, and a year has tens of thousands."""
_KEPT = """
    SELECT entry.id, entry.display, entry.taken_at, frame.height, frame.width, frame.signature
    FROM frame JOIN entry ON entry.id = frame.entry_id
    WHERE entry.kind IN ('new', 'similar') AND entry.state NOT IN ('missing', 'purged')
"""

Size = tuple[int, int, int, int]
"""Display, height and width of the frames, and digest of their preparation: within one there are distances."""


@dataclass(frozen=True, slots=True, eq=False)
class Hall:
    """Screens of one display and size that were prepared alike."""

    display: int
    ids: tuple[int, ...]
    """Of their entries, by row: in the order in which they were captured."""
    taken_at: tuple[datetime, ...]
    screens: Screens


class Reader:
    """Reads kept pictures as frames, and counts them."""

    def __init__(self, device: torch.device, policy: Policy) -> None:
        self.device, self.policy = device, policy
        self.opened = 0

    def pixels(self, entry: Entry) -> Tensor | None:
        """(3, height, width) uint8; None if the picture is gone, replaced, damaged, or cannot be read."""
        try:
            frame = load(replace(entry.verdict.capture, path=entry.location), self.device, self.policy)
        except (GoneError, UnreadableError, OSError):
            return None
        self.opened += 1
        return frame.pixels


def halls(ledger: Ledger, ids: Sequence[int], reader: Reader) -> list[Hall]:
    """The kept screens among the entries *ids*, apart by what cannot be compared, in the order of their displays.

    A signature in a format that is not today's is computed again from its picture, and written down; a screen whose
    picture is gone as well is left out.
    """
    found: dict[Size, _Collected] = {}
    for first in range(0, len(ids), _BATCH):
        for size, batch in _by_size(ledger, ids[first : first + _BATCH], reader).items():
            found.setdefault(size, _Collected(size, reader.device)).add(batch)
    return [found[size].hall() for size in sorted(found)]


def by_signature(ledger: Ledger, number: int, others: Sequence[int]) -> list[int]:
    """The entries *others*, of one hall with entry *number*, by whole signatures: most alike first."""
    data = {
        one: ledger.rows("SELECT signature FROM frame WHERE entry_id = ?", [one])[0][0] for one in (number, *others)
    }
    digest = digest_of(data[number])
    unpacked = digest is not None and unpack([data[one] for one in (number, *others)], digest, torch.device("cpu"))
    if not unpacked:
        return list(others)
    height, width, codes = unpacked
    stack = SignatureStack(height, width, codes.device)
    stack.extend(codes[1:])
    bounds = stack.deficits(Signature(height, width, codes[0]), enough=2)
    return [one for _, one in sorted(zip(bounds, others, strict=True), key=itemgetter(0))]


@dataclass(frozen=True, slots=True)
class _Signed:
    number: int
    taken_at: datetime
    data: bytes


def _by_size(ledger: Ledger, ids: Sequence[int], reader: Reader) -> dict[Size, list[_Signed]]:
    sizes: dict[Size, list[_Signed]] = {}
    numbers = ",".join(map(str, ids))
    for row in ledger.rows(f"{_KEPT} AND entry.id IN ({numbers})"):
        number, display, taken_at, height, width, data = row
        digest = digest_of(data)
        if digest is None:
            kept = _computed_again(ledger, number, reader)
            if kept is None:
                continue
            height, width, data = kept.height, kept.width, kept.signature
            digest = reader.policy.preparation(display).digest
        signed = _Signed(number, datetime.fromisoformat(taken_at), data)
        sizes.setdefault((display, height, width, digest), []).append(signed)
    return sizes


def _computed_again(ledger: Ledger, number: int, reader: Reader) -> KeptFrame | None:
    entry = ledger.entry(number)
    pixels = reader.pixels(entry)
    if pixels is None:
        return None
    capture, signature = entry.verdict.capture, compute(pixels)
    data = signature.to_bytes(reader.policy.preparation(capture.display).digest)
    kept = KeptFrame(capture, signature.height, signature.width, data)
    ledger.renew(kept)
    return kept


class _Collected:
    """What is found for a hall."""

    def __init__(self, size: Size, device: torch.device) -> None:
        self._size, self._device = size, device
        self._averaging = Averaging(*size[1:3], device)
        self._signed: list[tuple[datetime, int]] = []
        self._means: list[Tensor] = []

    def add(self, batch: Sequence[_Signed]) -> None:
        unpacked = unpack([one.data for one in batch], self._size[3], self._device)
        if unpacked is not None:
            self._means.append(self._averaging(unpacked[2]))
            self._signed += [(one.taken_at, one.number) for one in batch]

    def hall(self) -> Hall:
        display, height, width, _ = self._size
        order = sorted(range(len(self._signed)), key=self._signed.__getitem__)
        means = torch.cat(self._means)
        self._means.clear()  # of a year they are large, and not needed twice
        means = means[torch.tensor(order, device=self._device)]
        taken_at, ids = zip(*(self._signed[place] for place in order), strict=True)
        return Hall(display, ids, taken_at, Screens.of(means, height, width))
