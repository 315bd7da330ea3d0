"""Pictures small enough to lie inside a page."""

import base64
import io
import random
from pathlib import Path

import pytest
from PIL import Image

from tests.desk import capture_of
from watcher.report.thumbnails import Allowance, encoded, open_capture


@pytest.mark.parametrize("limit", [1_000, 5_000, 20_000])
def test_no_picture_is_larger_than_it_may_be_even_of_noise(limit: int) -> None:
    noise = Image.frombytes("RGB", (400, 300), random.Random(1).randbytes(400 * 300 * 3))
    picture = encoded(noise, Allowance(300, limit))
    data = base64.b64decode(picture.uri.partition(",")[2])
    assert len(data) <= limit
    assert Image.open(io.BytesIO(data)).size == (picture.width, picture.height)
    assert picture.width <= 300


def test_a_picture_with_a_profile_that_is_longer_than_pillow_reads_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "f_1.png"
    image = Image.linear_gradient("L")
    image.save(path, icc_profile=bytes(2_000_000))
    assert open_capture(capture_of(path), path).tobytes() == image.convert("RGB").tobytes()
