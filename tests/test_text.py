"""Text for people: durations, and names that are copied."""

import os
import subprocess
from pathlib import Path

import pytest

from watcher.text import bytes_text, duration_text, quoted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (29.4, "29 s"),
        (31, "1 min"),
        (901, "15 min"),
        (3599, "1 h"),
        (7800, "2 h 10 min"),
        (86_400, "24 h"),
        (47 * 3600 + 1800, "47 h 30 min"),
        (2 * 86_400, "2 d"),
        (3 * 86_400 + 4 * 3600 + 300, "3 d 4 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (168_749, "168.7 kB"),
        (2_100_000, "2.1 MB"),
        (1_230_000_000_000, "1.2 TB"),
        (5 * 10**18, "5,000.0 PB"),
    ],
)
def test_bytes_are_told_in_the_unit_that_fits(count: int, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.skipif(os.name == "nt", reason="the words of a POSIX shell")
@pytest.mark.parametrize(
    "name", ["plain_1.png", "it's $HOME `id`_1.png", "new\nline\x1b[31m\\_1.png", "\udcff'é\t_1.png"]
)
def test_a_copied_name_is_one_word_on_one_line_and_names_the_same_file(name: str) -> None:
    word = quoted(Path("/a folder") / name)
    assert word.isprintable()
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert said == os.fsencode(f"/a folder/{name}")
