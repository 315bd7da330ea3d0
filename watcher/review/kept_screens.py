"""The kept screens of a period, each as a few hundred numbers; pictures are opened only for those that have none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from watcher.errors import GoneError, UnreadableError
from watcher.judge.blocks import Screens, ScreensBuilder, by_bounds
from watcher.judge.device import choose_device
from watcher.judge.frame import Frame, load
from watcher.judge.signature import digest_of
from watcher.judge.window import described
from watcher.ledger.ledger import Ledger
from watcher.ledger.stored_signatures import StoredSignature, stored_signatures
from watcher.model.entry import Entry
from watcher.model.verdict import Policy
from watcher.progress import NO_PROGRESS, Progress

_BATCH = 64
"""Signatures in memory at a time: they have 30 kB each, and a year has tens of thousands."""


@dataclass(frozen=True, slots=True, order=True)
class _GroupKey:
    """What the screens of a group have in common: between them there are distances."""

    display: int
    height: int
    width: int
    """Of the frames, in pixels."""
    digest: int
    """Of their preparation."""


@dataclass(frozen=True, slots=True, eq=False)
class ScreenGroup:
    """Screens of one display and size that were prepared alike."""

    display: int
    ids: tuple[int, ...]
    """Of their entries, by row: in the order in which they were captured."""
    taken_at: tuple[datetime, ...]
    screens: Screens


class FrameReader:
    """Reads kept pictures as frames, and counts them."""

    def __init__(self, device: str, policy: Policy) -> None:
        """Read frames to *device*, as *policy* prepares them.

        Raises:
            WatcherError: this machine has no such device.
        """
        self.device, self.policy = choose_device(device), policy
        self.opened = 0

    def read(self, entry: Entry) -> Frame | None:
        """The frame of *entry*; None if its picture is gone, replaced, damaged, or cannot be read."""
        try:
            frame = load(replace(entry.verdict.capture, path=entry.location), self.device, self.policy)
        except (GoneError, UnreadableError, OSError):
            return None
        self.opened += 1
        return frame


def screen_groups(
    ledger: Ledger, ids: Sequence[int], reader: FrameReader, progress: Progress = NO_PROGRESS
) -> list[ScreenGroup]:
    """The kept screens among the entries *ids*, apart by what cannot be compared, in the order of their displays.

    A signature in a format that is not today's is computed again from its picture, and written down; a screen whose
    picture is gone as well is left out.
    """
    builders: dict[_GroupKey, _GroupBuilder] = {}
    waiting = progress.track(ids, len(ids), "screens read")
    while some := list(islice(waiting, _BATCH)):
        batches: dict[_GroupKey, list[StoredSignature]] = {}
        stored = stored_signatures(ledger, some)
        for one, digest in _in_this_format(ledger, stored, reader):
            batches.setdefault(_GroupKey(one.display, one.height, one.width, digest), []).append(one)
        for key, batch in batches.items():
            if key not in builders:
                builders[key] = _GroupBuilder(key, reader)  # which takes tensors to the device: once for each
            builders[key].add(batch)
    return [builders[key].build() for key in sorted(builders)]


def by_signature(ledger: Ledger, number: int, others: Sequence[int]) -> list[int]:
    """The entries *others*, of one group with entry *number*, by whole signatures: most alike first."""
    data = {one.number: one.data for one in stored_signatures(ledger, [number, *others])}
    left = [one for one in others if one in data]
    if number not in data:
        return left
    return [left[place] for place in by_bounds(data[number], [data[one] for one in left])]


def _in_this_format(
    ledger: Ledger, stored: Iterable[StoredSignature], reader: FrameReader
) -> Iterator[tuple[StoredSignature, int]]:
    """The signatures *stored* that are, or now are, in today's format, and the digests of their preparations."""
    for one in stored:
        digest = digest_of(one.data)
        if digest is not None:
            yield one, digest
        elif again := _computed_again(ledger, one, reader):
            yield again, reader.policy.digest(one.display)


def _computed_again(ledger: Ledger, old: StoredSignature, reader: FrameReader) -> StoredSignature | None:
    """The signature of a picture in today's format, which the ledger has from now on; None if the picture is gone."""
    entry = ledger.entry(old.number)
    frame = reader.read(entry)
    if frame is None:
        return None
    kept = described(replace(frame, capture=entry.verdict.capture), reader.policy)
    ledger.renew(kept)
    return replace(old, height=kept.height, width=kept.width, data=kept.signature)


class _GroupBuilder:
    """Collects the screens of one group."""

    def __init__(self, key: _GroupKey, reader: FrameReader) -> None:
        self._display = key.display
        self._screens = ScreensBuilder(key.height, key.width, key.digest, reader.device)
        self._signed: list[tuple[datetime, int]] = []

    def add(self, batch: Sequence[StoredSignature]) -> None:
        self._screens.add([one.data for one in batch])
        self._signed += [(one.taken_at, one.number) for one in batch]

    def build(self) -> ScreenGroup:
        order = sorted(range(len(self._signed)), key=self._signed.__getitem__)
        taken_at, ids = zip(*(self._signed[place] for place in order), strict=True)
        return ScreenGroup(self._display, ids, taken_at, self._screens.build(order))
