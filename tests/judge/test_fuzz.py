"""Strange files by the hundred: mutated PNGs and made-up names, against what may come of them.

By hand as long as one likes, and other files each time: ``FUZZ=100 bash tests/run tests/test_fuzz.py``.
"""

import io
import os
import random
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk import capture_of
from tests.pictures import screen
from watcher.arrive.png import check_structure
from watcher.errors import NotWholeError, UnreadableError
from watcher.judge import decoding
from watcher.judge.frame import load
from watcher.model.capture import NamePattern
from watcher.model.verdict import Policy

LENGTH = int(os.environ.get("FUZZ", "1"))
"""How many times as much as usual is tried."""
pytestmark = pytest.mark.timeout(120 * LENGTH)
MUTANTS = 400 * LENGTH
MEMORY = 300_000_000
"""Bytes that a picture of the most pixels may take while it is decoded."""
LIKE_OURS = r"\d{4}-\d\d-\d\d_\d\d\.\d\d\.\d\d(\.\d{1,8})?_\d{1,3}\.png"
_SIGNATURE, _PIECE = b"\x89PNG\r\n\x1a\n", 1 << 20

Chunk = tuple[int, bytes, bytes, int]
"""The length that it claims, its type, its data, and the checksum that it claims."""


def chunks_of(content: bytes) -> list[Chunk]:
    chunks, at = [], len(_SIGNATURE)
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        chunks.append((length, kind, data, int.from_bytes(content[at + 8 + length : at + 12 + length])))
        at += 12 + length
    return chunks


def joined(chunks: list[Chunk]) -> bytes:
    parts = [length.to_bytes(4) + kind + data + crc.to_bytes(4) for length, kind, data, crc in chunks]
    return _SIGNATURE + b"".join(parts)


def is_whole(content: bytes) -> bool:
    """The standard's structure, read off the bytes at once."""
    kinds: list[bytes] = []
    at = len(_SIGNATURE)
    if content[:at] != _SIGNATURE:
        return False
    while kinds[-1:] != [b"IEND"]:
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content) or not kind.isalpha() or not kind.isascii():
            return False
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            return False
        kinds.append(kind)
        at = end
    return kinds[0] == b"IHDR" and b"IDAT" in kinds


class Counted(io.BytesIO):
    """Remembers the longest piece that was asked for at once."""

    longest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.longest = max(self.longest, len(self.getbuffer()) if size is None or size < 0 else size)
        return super().read(size)


def accepted(content: bytes) -> bool:
    file = Counted(content)
    try:
        check_structure(file)
    except NotWholeError:
        return False
    finally:
        assert file.longest <= _PIECE
    return True


WHOLE = screen(3, (40, 30))
PARTS = [
    *chunks_of(WHOLE),
    (4, b"teXt", b"note", zlib.crc32(b"teXtnote")),
    (2**31, b"IDAT", b"", 0),
    (2**32 - 1, b"IDAT", b"abc", zlib.crc32(b"IDATabc")),
    (0, b"\x00\x01\x02\x03", b"", zlib.crc32(b"\x00\x01\x02\x03")),
]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Chunks of a real picture and odd ones in any order; then cut off, overwritten and lengthened."""
    order = st.lists(st.sampled_from(PARTS), max_size=6) | st.permutations(chunks_of(WHOLE)) | st.just(PARTS[:3])
    content = bytearray(joined(list(draw(order))))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=3)):
        content[at] = value
    return bytes(content[: draw(st.none() | st.integers(0, len(content)))]) + draw(st.binary(max_size=20))


@settings(max_examples=400 * LENGTH, deadline=None)
@given(mutants())
def test_the_walk_takes_what_the_standard_takes_and_nothing_else(content: bytes) -> None:
    assert accepted(content) == is_whole(content)


def test_the_walk_takes_the_picture_that_the_mutants_are_of() -> None:
    assert accepted(WHOLE)
    assert is_whole(WHOLE)


@settings(max_examples=150 * LENGTH, deadline=None)
@given(st.text(max_size=60) | st.from_regex(LIKE_OURS, fullmatch=True))
def test_a_name_is_parsed_or_is_no_captures(name: str) -> None:
    pattern, status = NamePattern(), Path(__file__).stat()
    if not pattern.matches(name):
        assert not name.isascii() or not name.lower().endswith(tuple(f"a_{digit}.png" for digit in range(10)))
        return
    capture = pattern.parse(Path("/folder") / name, status)
    assert 0 <= capture.display <= 99
    assert isinstance(capture.taken_at, datetime)
    assert capture.taken_at.tzinfo is None


@given(st.binary(max_size=30))
def test_a_name_of_any_bytes_is_parsed_or_is_no_captures(name: bytes) -> None:
    text = name.replace(b"/", b"").decode(errors="surrogateescape") + "_7.png"
    pattern = NamePattern()
    assert pattern.matches(text) == (text != "_7.png" and not text.startswith("."))
    if pattern.matches(text):
        assert pattern.parse(Path("/folder", text), Path(__file__).stat()).display == 7


def resized(draw: random.Random, chunks: list[Chunk]) -> list[Chunk]:
    """A header that declares other sides, depth or colours, with the checksum that belongs to it."""
    data = bytearray(chunks[0][2])
    data[draw.randrange(len(data))] = draw.choice((0, 1, 2, 3, 4, 6, 8, 16, 255, draw.randrange(256)))
    return [(13, b"IHDR", bytes(data), zlib.crc32(b"IHDR" + data)), *chunks[1:]]


def repacked(draw: random.Random, chunks: list[Chunk]) -> list[Chunk]:
    """Other picture data, properly compressed: too little, too much, or of wrong filters."""
    plain = bytearray(zlib.decompress(b"".join(data for _, kind, data, _ in chunks if kind == b"IDAT")))
    plain[draw.randrange(len(plain))] = draw.randrange(256)
    packed = zlib.compress(bytes(plain[: draw.choice((None, 0, 1, 500))]) + bytes(draw.choice((0, 0, 10**6))))
    chunk = (len(packed), b"IDAT", packed, zlib.crc32(b"IDAT" + packed))
    return [chunks[0], *[chunk] * draw.choice((1, 1, 2)), chunks[-1]]


def flipped(draw: random.Random, chunks: list[Chunk]) -> list[Chunk]:
    """A damaged byte somewhere, and checksums that agree with it."""
    number = draw.randrange(len(chunks) - 1)
    length, kind, data, _ = chunks[number]
    spoilt = bytearray(data)
    spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return [*chunks[:number], (length, kind, bytes(spoilt), zlib.crc32(kind + spoilt)), *chunks[number + 1 :]]


def shuffled(draw: random.Random, chunks: list[Chunk]) -> list[Chunk]:
    extra = [
        (len(data), kind, data, zlib.crc32(kind + data))
        for kind, data in (
            (b"PLTE", draw.randbytes(draw.choice((0, 3, 7, 768)))),
            (b"tRNS", draw.randbytes(draw.choice((0, 2, 6)))),
            (b"acTL", draw.randbytes(8)),
            (b"zTXt", b"k\0\0" + zlib.compress(bytes(3_000_000))),
            (b"iCCP", b"p\0\0" + draw.randbytes(9)),
        )
    ]
    middle = draw.sample([*extra, *chunks[1:-1]], draw.randrange(1, 6))
    return [*draw.choice((chunks[:1], chunks[:1], [])), *middle, chunks[-1]]


MUTATIONS: list[Callable[[random.Random, list[Chunk]], list[Chunk]]] = [resized, repacked, flipped, shuffled]


def framed(path: Path, policy: Policy) -> torch.Tensor | None:
    try:
        pixels = load(capture_of(path), torch.device("cpu"), policy).pixels
    except UnreadableError:
        return None
    assert pixels.dtype is torch.uint8
    assert pixels.shape[0] == 3
    return pixels


def test_a_mutated_picture_is_a_frame_or_unreadable_within_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is read the short way is what Pillow's own reader makes of it."""
    seed = 5 if LENGTH == 1 else random.randrange(10**9)
    draw, process, policy = random.Random(seed), psutil.Process(), Policy(reduce=1)
    path, outcomes = tmp_path / "picture_1.png", {"frame": 0, "unreadable": 0}
    before = most = process.memory_info().rss
    for number in range(MUTANTS):
        content = joined(MUTATIONS[number % len(MUTATIONS)](draw, chunks_of(WHOLE)))
        path.write_bytes(content if number % 7 else content[: draw.randrange(len(content))])
        frame = framed(path, policy)
        outcomes["unreadable" if frame is None else "frame"] += 1
        most = max(most, process.memory_info().rss)
        assert most - before < MEMORY, f"seed {seed}, mutant {number}"
        with monkeypatch.context() as patch:
            patch.setattr(decoding, "_plain", lambda _: None)
            patch.setattr(decoding, "_recent", decoding._Recent())
            by_pillows_reader = framed(path, policy)
        same = frame is not None and by_pillows_reader is not None and torch.equal(frame, by_pillows_reader)
        assert by_pillows_reader is None or same, f"seed {seed}, mutant {number}"
        del frame, by_pillows_reader  # up to 120 MB each
    assert min(outcomes.values()) > MUTANTS // 20, outcomes
