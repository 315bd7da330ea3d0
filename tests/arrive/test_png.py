"""Whole or not: a PNG is judged by its structure, never by a decoder that guesses."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import chunk, screen
from watcher.arrive.png import check_structure, check_whole
from watcher.arrive.settling import key_of
from watcher.disk.content import digest_of
from watcher.errors import GoneError, NotWholeError

WHOLE = screen(3)


def check(content: bytes) -> None:
    check_structure(io.BytesIO(content))


def test_a_whole_png_passes_and_so_does_one_with_bytes_after_its_end() -> None:
    check(WHOLE)
    check(WHOLE + b"anything")


@given(st.integers(0, len(WHOLE) - 1))
def test_no_prefix_of_a_png_is_whole(length: int) -> None:
    with pytest.raises(NotWholeError):
        check(WHOLE[:length])


@given(st.integers(0, len(WHOLE) - 1))
def test_no_png_with_a_tail_of_zeros_is_whole(length: int) -> None:
    tail = bytes(len(WHOLE) - length)
    if WHOLE[length:] != tail:
        with pytest.raises(NotWholeError):
            check(WHOLE[:length] + tail)


@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_no_single_flipped_bit_goes_unnoticed(bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotWholeError):
        check(bytes(damaged))


@given(st.binary(max_size=300))
def test_noise_after_the_signature_is_refused_and_never_crashes(noise: bytes) -> None:
    with pytest.raises(NotWholeError):
        check(WHOLE[:8] + noise)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not a PNG"),
        (b"hello", "not a PNG"),
        (WHOLE[:8] + chunk(b"IEND", b""), "no header"),
        (WHOLE[:33] + chunk(b"IEND", b""), "no picture data"),
        (WHOLE[:8] + b"\xff\xff\xff\xffIHDR", "damaged"),
        (WHOLE[:-4], "incomplete"),
    ],
)
def test_the_reason_says_what_is_wrong(content: bytes, reason: str) -> None:
    with pytest.raises(NotWholeError, match=reason):
        check(content)


def test_a_fifo_in_a_files_place_neither_blocks_nor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x_1.png"
    path.write_bytes(WHOLE)
    key = key_of(path.stat())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(GoneError):
        check_whole(path, key)


def test_a_link_in_a_files_place_is_not_followed(tmp_path: Path) -> None:
    path, real = tmp_path / "x_1.png", tmp_path / "real"
    real.write_bytes(WHOLE)
    path.symlink_to(real)
    with pytest.raises(OSError, match="symbolic links"):
        check_whole(path, key_of(real.stat()))


def test_a_file_that_grew_since_it_was_listed_is_not_judged(tmp_path: Path) -> None:
    path = tmp_path / "x_1.png"
    path.write_bytes(WHOLE)
    key = key_of(path.stat())
    path.write_bytes(WHOLE + b"more")
    with pytest.raises(GoneError):
        check_whole(path, key)


def test_what_is_no_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "folder_1.png").mkdir()
    before = os.dup(0)
    os.close(before)
    for _ in range(5):
        with pytest.raises(GoneError, match="changed"):
            check_whole(tmp_path / "folder_1.png", (0, 0, 0))
        assert digest_of(os.open(tmp_path / "folder_1.png", os.O_RDONLY)) == b""
    after = os.dup(0)  # the lowest number that is free
    os.close(after)
    assert after == before
