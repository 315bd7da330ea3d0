import errno
import math
import os
import random
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.desk import capture_of
from tests.pictures import assembled, chunk, header
from watcher.errors import GoneError, UnreadableError, WatcherError
from watcher.judge import chunks, decoding, frame, libvips, scenes
from watcher.judge.decoding import decode
from watcher.judge.device import choose_device
from watcher.judge.frame import load
from watcher.judge.pictures import Pictures
from watcher.judge.tiles import padded_sides
from watcher.model.capture import Capture
from watcher.model.preparation import Preparation
from watcher.model.verdict import Policy

CPU = torch.device("cpu")


def png(head: bytes, data: bytes, extra: bytes = b"") -> bytes:
    return assembled(head, extra, chunk(b"IDAT", zlib.compress(data)))


def drawn(mode: str, width: int = 37, height: int = 35, seed: int = 1) -> Image.Image:
    channels = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(seed).randbytes(width * height * channels))


def tensor_of(image: Image.Image) -> torch.Tensor:
    flat = torch.tensor(list(image.convert("RGB").tobytes()), dtype=torch.uint8)
    return flat.view(image.height, image.width, 3).permute(2, 0, 1)


def loaded(path: Path, reduce: int = 2) -> torch.Tensor:
    return load(capture_of(path), CPU, Policy(reduce=reduce)).pixels


@pytest.mark.parametrize("reduce", [1, 2, 3])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_a_frame_is_the_image_as_rgb_averaged_down(mode: str, reduce: int, tmp_path: Path) -> None:
    image = drawn(mode)
    image.save(tmp_path / "1_1.png")
    expected = image.convert("RGB") if mode != "LA" else image.getchannel(0).convert("RGB")
    assert torch.equal(loaded(tmp_path / "1_1.png", reduce), tensor_of(expected.reduce(reduce)))


def test_alpha_is_dropped_and_never_multiplied_in(tmp_path: Path) -> None:
    image = drawn("RGB")
    opaque, clear = tmp_path / "a_1.png", tmp_path / "b_1.png"
    image.save(opaque)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(clear)
    assert torch.equal(loaded(opaque), loaded(clear))


def test_palettes_with_and_without_transparency_are_looked_up(tmp_path: Path) -> None:
    image = drawn("RGB").quantize(50)
    expected = tensor_of(image.convert("RGB").reduce(2))
    image.save(tmp_path / "a_1.png")
    image.save(tmp_path / "b_1.png", transparency=bytes(range(50)))
    image.save(tmp_path / "c_1.png", transparency=7)
    for name in "abc":
        assert torch.equal(loaded(tmp_path / f"{name}_1.png"), expected)


@pytest.mark.parametrize(("mode", "transparency"), [("L", 17), ("RGB", (1, 2, 3)), ("1", 1)])
def test_a_transparent_colour_stays_a_colour(mode: str, transparency: object, tmp_path: Path) -> None:
    image = drawn("L").convert(mode)
    image.save(tmp_path / "1_1.png", transparency=transparency)
    grey = image.convert("L") if mode == "1" else image
    assert torch.equal(loaded(tmp_path / "1_1.png"), tensor_of(grey.reduce(2)))


def test_sixteen_bits_are_cut_to_their_high_byte(tmp_path: Path) -> None:
    high, low = random.Random(1).randbytes(24 * 22 * 4), random.Random(2).randbytes(24 * 22 * 4)
    for colour, bands in ((0, 1), (2, 3), (4, 2), (6, 4)):
        row = 24 * bands
        rows = (range(r * row, (r + 1) * row) for r in range(22))
        data = b"".join(b"\0" + b"".join(bytes((high[i], low[i])) for i in line) for line in rows)
        path = tmp_path / f"{colour}_1.png"
        path.write_bytes(png(header(24, 22, 16, colour), data))
        values = torch.tensor(list(high[: 22 * row]), dtype=torch.uint8).view(22, 24, bands)
        rgb = values[:, :, :3] if bands > 2 else values[:, :, :1].expand(-1, -1, 3)
        assert torch.equal(loaded(path, reduce=1), rgb.permute(2, 0, 1)), f"colour type {colour}"


def test_interlaced_images_are_read(tmp_path: Path) -> None:
    image = drawn("RGB", 33, 30)
    pixels = image.load()
    assert pixels is not None
    data = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(top, 30, down):
            data += b"\0" + b"".join(bytes(pixels[x, y]) for x in range(left, 33, across))  # type: ignore[arg-type]
    (tmp_path / "1_1.png").write_bytes(png(header(33, 30, 8, 2, interlaced=1), data))
    assert torch.equal(loaded(tmp_path / "1_1.png"), tensor_of(image.reduce(2)))


def saved(path: Path, mode: str, **options: Any) -> None:
    drawn("RGB" if mode in {"P", "1"} else mode).convert(mode).save(path, **options)


INFO = PngInfo()
INFO.add_text("Software", "a note", zip=True)
INFO.add(b"iDOT", bytes(28))


@pytest.mark.parametrize(
    ("mode", "options", "short"),
    [
        ("RGB", {}, True),
        ("RGBA", {}, True),
        ("RGB", {"dpi": (144, 144), "pnginfo": INFO, "icc_profile": b"a profile", "exif": b"Exif\0\0"}, True),
        ("RGB", {"transparency": (1, 2, 3)}, True),
        ("L", {}, False),
        ("P", {}, False),
    ],
)
def test_plain_pictures_are_read_the_short_way_with_the_same_pixels(
    mode: str, options: dict[str, object], short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, taken, plain = tmp_path / "1_1.png", [], decoding._plain
    saved(path, mode, **options)

    def watched(source: decoding._Source) -> Image.Image | None:
        taken.append(plain(source))
        return taken[-1]

    monkeypatch.setattr(decoding, "_plain", watched)
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    pixels = loaded(path)
    assert (taken[0] is not None) == short
    monkeypatch.setattr(decoding, "_plain", lambda _: None)
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    assert torch.equal(pixels, loaded(path))


@given(
    draw=st.randoms(use_true_random=False),
    width=st.integers(11, 40),
    height=st.integers(11, 30),
    colours=st.sampled_from([(2, 3), (6, 4)]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_filters_the_rows_have_the_short_way_undoes_them_as_pillow_does(
    draw: random.Random, width: int, height: int, colours: tuple[int, int], tmp_path: Path
) -> None:
    colour, channels = colours
    rows = b"".join(bytes([draw.randrange(5)]) + draw.randbytes(width * channels) for _ in range(height))
    path = tmp_path / "1_1.png"
    path.write_bytes(png(header(width, height, 8, colour), rows))
    assert libvips.decoded(path.read_bytes()) is not None
    assert torch.equal(loaded(path, reduce=1), tensor_of(Image.open(path)))


def test_the_same_data_are_not_decoded_twice_and_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, plain = [], decoding._plain

    def counted(source: decoding._Source) -> Image.Image | None:
        decoded.append(1)
        return plain(source)

    monkeypatch.setattr(decoding, "_plain", counted)
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    drawn("RGB", 40, 30).save(tmp_path / "a_1.png")
    drawn("RGB", 40, 30).save(tmp_path / "b_1.png", dpi=(144, 144))
    assert torch.equal(loaded(tmp_path / "a_1.png"), loaded(tmp_path / "b_1.png"))
    assert len(decoded) == 1
    assert loaded(tmp_path / "b_1.png", reduce=1).shape == (3, 30, 40)
    assert len(decoded) == 2
    drawn("RGB", 40, 30, seed=2).save(tmp_path / "c_1.png")
    assert not torch.equal(loaded(tmp_path / "c_1.png"), loaded(tmp_path / "a_1.png"))
    assert len(decoded) == 3
    for seed in range(decoding._RECENT):
        drawn("RGB", 40, 30, seed=seed + 3).save(tmp_path / "d_1.png")
        loaded(tmp_path / "d_1.png")
    loaded(tmp_path / "a_1.png")
    assert len(decoded) == 4 + decoding._RECENT


def test_what_is_kept_of_the_last_pictures_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recent = decoding._Recent()
    monkeypatch.setattr(decoding, "_recent", recent)
    monkeypatch.setattr(decoding, "_RECENT_BYTES", 20_000)
    for seed in range(5):
        drawn("RGB", 40, 30, seed=seed).save(tmp_path / "1_1.png")
        loaded(tmp_path / "1_1.png")
        assert 0 < sum(map(decoding._size, recent._held)) <= 20_000


@pytest.mark.parametrize("cut", [1, 5, 400])
def test_too_little_picture_data_never_shows_what_the_last_picture_showed(cut: int, tmp_path: Path) -> None:
    rows = b"".join(b"\0" + random.Random(row).randbytes(3 * 40) for row in range(30))
    (tmp_path / "1_1.png").write_bytes(png(header(40, 30, 8, 2), rows))
    (tmp_path / "2_1.png").write_bytes(png(header(40, 30, 8, 2), rows[:-cut]))
    assert loaded(tmp_path / "1_1.png").float().mean() > 0
    with pytest.raises(UnreadableError):
        loaded(tmp_path / "2_1.png")


def test_nobody_hears_what_libvips_thinks_of_odd_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = (b"\0" + bytes(3 * 40)) * 31
    (tmp_path / "1_1.png").write_bytes(png(header(40, 30, 8, 2), rows))
    assert libvips.decoded((tmp_path / "1_1.png").read_bytes()) is not None
    assert loaded(tmp_path / "1_1.png").shape == (3, 15, 20)
    assert caplog.records == []


def test_of_an_animation_the_first_frame_counts(tmp_path: Path) -> None:
    first, second = drawn("RGB", seed=1), drawn("RGB", seed=2)
    first.save(tmp_path / "1_1.png", save_all=True, append_images=[second])
    assert torch.equal(loaded(tmp_path / "1_1.png"), tensor_of(first.reduce(2)))


def test_a_vanished_changed_or_replaced_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "1_1.png"
    drawn("RGB").save(path)
    capture = capture_of(path)
    os.utime(path, ns=(0, capture.mtime_ns + 1))
    with pytest.raises(GoneError, match="replaced"):
        load(capture, CPU, Policy())
    path.unlink()
    with pytest.raises(GoneError, match="gone"):
        load(capture, CPU, Policy())
    path.mkdir()
    with pytest.raises(GoneError):
        load(capture, CPU, Policy())


def test_a_file_replaced_while_it_is_read_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1_1.png"
    drawn("RGB").save(path)

    def replaced(path: Path, preparation: Preparation) -> torch.Tensor:
        os.utime(path, ns=(0, 0))
        return decode(path, preparation)

    monkeypatch.setattr(scenes, "decode", replaced)
    with pytest.raises(GoneError):
        load(capture_of(path), CPU, Policy())


def test_a_disk_error_is_not_a_broken_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    path = tmp_path / "1_1.png"
    drawn("RGB").save(path)

    def fails(*_: object) -> torch.Tensor:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(decoding, "_averaged", fails)
    with pytest.raises(OSError, match="Input/output"):
        load(capture_of(path), CPU, Policy())


def test_the_size_is_judged_before_anything_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "1_1.png"
    path.write_bytes(png(header(40_000, 40_000, 8, 6), b""))
    with pytest.raises(UnreadableError, match="40000 x 40000"):
        loaded(path)


@pytest.mark.parametrize("side", [31, 10_000, 30_000])
def test_a_second_size_in_the_same_file_is_refused(side: int, tmp_path: Path) -> None:
    path = tmp_path / "1_1.png"
    path.write_bytes(png(header(30, 30, 8, 2), b"", extra=header(side, side, 8, 2)))
    with pytest.raises(UnreadableError):
        loaded(path)


def test_less_than_eleven_pixels_have_no_ssim(tmp_path: Path) -> None:
    drawn("RGB", 100, 20).save(tmp_path / "a_1.png")
    with pytest.raises(UnreadableError, match="50 x 10"):
        loaded(tmp_path / "a_1.png")
    drawn("RGB", 21, 21).save(tmp_path / "b_1.png")
    assert loaded(tmp_path / "b_1.png").shape == (3, 11, 11)


BIG = zlib.compress(bytes(80_000_000))
"""More than Pillow lets a text or a profile inflate to."""
UNTOLD = {
    "text": chunk(b"zTXt", b"key\0\0" + BIG),
    "international text": chunk(b"iTXt", b"key\0\1\0\0\0" + BIG),
    "profile": chunk(b"iCCP", b"name\0\0" + BIG),
    "broken profile": chunk(b"iCCP", b"name\0\0no zlib"),
    "animation": chunk(b"acTL", bytes(3)) + chunk(b"fcTL", bytes(3)),
    "something new": chunk(b"neWs", bytes(1000)),
}


@pytest.mark.parametrize("at_once", [chunks._AT_ONCE, 50])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("untold", UNTOLD.values(), ids=UNTOLD.keys())
def test_what_tells_no_pixels_has_no_say_and_is_not_inflated(
    untold: bytes, mode: str, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_recent", decoding._Recent())
    monkeypatch.setattr(chunks, "_AT_ONCE", at_once)  # 50: what is larger than may be held as a whole
    plain, other = tmp_path / "a_1.png", tmp_path / "b_1.png"
    if mode == "I;16":
        plain.write_bytes(png(header(37, 35, 16, 0), (b"\0" + random.Random(1).randbytes(74)) * 35))
    else:
        saved(plain, mode)
    content = plain.read_bytes()
    middle = content.index(b"IDAT") + 4
    length = int.from_bytes(content[middle - 8 : middle - 4])
    data, end = content[middle : middle + length], content[middle + length + 4 :]
    pieces = b"".join(chunk(b"IDAT", data[at : at + 9]) for at in range(0, length, 9))
    expected = loaded(plain)
    tracemalloc.start()
    try:
        for arranged in (untold + pieces, chunk(b"IDAT", data) + untold, pieces[:21] + untold + pieces[21:]):
            other.write_bytes(content[: middle - 8] + arranged + end + content[::-1])
            assert torch.equal(loaded(other), expected)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [b"PLTE", b"IHDR", b"IEND"])
def test_a_chunk_longer_than_any_picture_has_it_is_refused_unread(kind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "1_1.png"
    path.write_bytes(png(header(30, 30, 8, 3), bytes(31 * 30), extra=chunk(kind, bytes(5_000_000))))
    with pytest.raises(UnreadableError, match=f"a chunk {kind.decode()} of 5000000 bytes"):
        loaded(path)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_unreadable_or_a_frame_and_nothing_else(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "1_1.png"
    drawn(["RGB", "RGBA", "L", "LA"][seed % 4], 60, 40).save(path, compress_level=seed % 3)
    data, rng = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(rng.choice((1, 3, 20))):
        data[rng.randrange(8, min(len(data), 400))] = rng.randrange(256)
    path.write_bytes(data[: rng.randrange(20, len(data))] if seed % 5 == 0 else data)
    with suppress(UnreadableError):
        assert loaded(path).dtype == torch.uint8


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"GIF89a" + bytes(60), b"\x89PNG\r\n\x1a\n" + bytes(60)])
def test_what_is_no_png_is_unreadable(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "1_1.png").write_bytes(data)
    with pytest.raises(UnreadableError, match="PNG"):
        loaded(tmp_path / "1_1.png")


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(WatcherError, match="abacus"):
        choose_device("abacus")
    for name, present in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if not present:
            with pytest.raises(WatcherError, match=name):
                choose_device(name)


def test_pictures_hold_the_last_used_that_fit(tmp_path: Path) -> None:
    captures, read = [], []
    for name in "abc":
        drawn("RGB", 30, 30).save(tmp_path / f"{name}_1.png")
        captures.append(capture_of(tmp_path / f"{name}_1.png"))

    def counted(capture: Capture) -> frame.Frame:
        read.append(capture.path.name[0])
        return load(capture, CPU, Policy(reduce=1))

    pictures = Pictures(counted, lambda capture: capture.path, limit=2 * 3 * math.prod(padded_sides(30, 30)))
    a, b, c = captures
    for capture in (a, b, a, c, a, b):
        assert pictures.pixels(capture).shape == (3, 30, 30)
    assert read == ["a", "b", "c", "b"]
    pictures.drop(a)
    assert pictures.held(a) is None
    assert pictures.held(b) is not None


def test_pictures_are_read_where_they_are_now(tmp_path: Path) -> None:
    drawn("RGB").save(tmp_path / "a_1.png")
    capture = capture_of(tmp_path / "a_1.png")
    (tmp_path / "a_1.png").rename(tmp_path / "elsewhere.png")
    at_home = Pictures(lambda one: load(one, CPU, Policy()), lambda one: one.path, 10**6)
    moved = Pictures(lambda one: load(one, CPU, Policy()), lambda _: tmp_path / "elsewhere.png", 10**6)
    assert not at_home.exists(capture)
    assert moved.exists(capture)
    assert moved.pixels(capture).shape == (3, 18, 19)
    with pytest.raises(GoneError):
        at_home.pixels(capture)
