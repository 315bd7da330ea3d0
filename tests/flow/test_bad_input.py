"""Whatever lies in the folder: one running watcher meets all of it, and what it did is looked at afterwards."""

import contextlib
import io
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import pytest
from PIL import Image

from tests.desk import Desk, colorless, facts, land, wait_for, without_rights, working_desk
from tests.pictures import assembled, chunk, header, png, screen
from watcher.judge.decoding import PIXEL_LIMIT
from watcher.model.entry import Entry
from watcher.terminal.console import _when

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="links, FIFOs and modes as POSIX has them"),
]

SIZE = (96, 80)
MEGABYTE = 1 << 20
MOST_MEMORY = 300 * MEGABYTE
NEVER_WHOLE_DISPLAY, NOBODYS_DISPLAY, GOOD_DISPLAY = 90, 91, 92

# Pictures, chunk by chunk.


def deflated(rows: Iterable[bytes]) -> bytes:
    """Image data of *rows*, none of them filtered."""
    compressor = zlib.compressobj()
    return b"".join([*(compressor.compress(b"\0" + row) for row in rows), compressor.flush()])


def split(content: bytes) -> list[bytes]:
    """The chunks of a PNG without its IEND."""
    chunks, start = [], 8
    while (kind := content[start + 4 : start + 8]) != b"IEND":
        end = start + 12 + int.from_bytes(content[start : start + 4])
        assert kind.isalpha()
        chunks.append(content[start:end])
        start = end
    return chunks


def with_chunks(content: bytes, *extra: bytes) -> bytes:
    """The same PNG with chunks after its header."""
    first, *rest = split(content)
    return assembled(first, *extra, *rest)


def picture(number: int) -> Image.Image:
    return Image.open(io.BytesIO(screen(number, SIZE))).convert("RGB")


def random_bytes(count: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(count)


# Formats that nobody expects of a capture job, and the same picture as 8-bit RGB.

Pair = tuple[bytes, Image.Image]


def palette(number: int) -> Pair:
    image = picture(number).quantize(200)
    return png(image), image.convert("RGB")


def palette_with_alpha(number: int) -> Pair:
    image = picture(number).quantize(200)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=random_bytes(200, number))
    return buffer.getvalue(), image.convert("RGB")


def palette_of_16(number: int) -> Pair:
    image = picture(number).quantize(16)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", bits=4)
    return buffer.getvalue(), image.convert("RGB")


def grey(number: int) -> Pair:
    image = picture(number).convert("L")
    return png(image), image.convert("RGB")


def grey_with_alpha(number: int) -> Pair:
    image = picture(number).convert("L")
    both = Image.merge("LA", (image, Image.frombytes("L", SIZE, random_bytes(SIZE[0] * SIZE[1], number))))
    return png(both), image.convert("RGB")


def one_bit(number: int) -> Pair:
    image = picture(number).convert("1")
    return png(image), image.convert("RGB")


def alpha(number: int) -> Pair:
    image = picture(number)
    veiled = image.copy()
    veiled.putalpha(Image.frombytes("L", SIZE, random_bytes(SIZE[0] * SIZE[1], number)))
    return png(veiled), image


def transparent_color(number: int) -> Pair:
    image = picture(number)
    key = struct.pack(">HHH", *image.crop((0, 0, 1, 1)).tobytes())
    return with_chunks(png(image), chunk(b"tRNS", key)), image


def deep(number: int, mode: str, color: int) -> Pair:
    """16 bits a channel; the low byte is noise, for the high byte alone counts."""
    image = picture(number).convert(mode)
    row_length = len(image.tobytes()) // SIZE[1]
    noise = iter(random_bytes(len(image.tobytes()), number))
    rows = []
    for start in range(0, len(image.tobytes()), row_length):
        row = image.tobytes()[start : start + row_length]
        rows.append(bytes(part for high in row for part in (high, next(noise))))
    return assembled(header(*SIZE, depth=16, color=color), chunk(b"IDAT", deflated(rows))), image.convert("RGB")


def interlaced(number: int) -> Pair:
    """Adam7: seven pictures, from coarse to fine."""
    image = picture(number)
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    data = image.tobytes()
    rows = []
    for left, top, across, down in passes:
        for y in range(top, SIZE[1], down):
            starts = ((y * SIZE[0] + x) * 3 for x in range(left, SIZE[0], across))
            rows.append(b"".join(data[start : start + 3] for start in starts))
    return assembled(header(*SIZE, interlaced=1), chunk(b"IDAT", deflated(rows))), image


def animated(number: int) -> Pair:
    image = picture(number)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", save_all=True, append_images=[picture(number + 1)], duration=100)
    assert b"acTL" in buffer.getvalue()
    return buffer.getvalue(), image


def animated_without_end(number: int) -> Pair:
    image = picture(number)
    return with_chunks(png(image), chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0))), image


def many_pieces(number: int) -> Pair:
    """Image data in chunks of one byte each, as nobody writes them."""
    image = picture(number)
    first, *rest = split(png(image))
    data = b"".join(one[8:-4] for one in rest if one[4:8] == b"IDAT")
    return assembled(first, *(chunk(b"IDAT", data[place : place + 1]) for place in range(len(data)))), image


FORMATS: dict[str, Callable[[int], Pair]] = {
    "palette": palette,
    "palette with alpha": palette_with_alpha,
    "palette of 16": palette_of_16,
    "grey": grey,
    "grey with alpha": grey_with_alpha,
    "1 bit": one_bit,
    "alpha": alpha,
    "transparent color": transparent_color,
    "16-bit grey": partial(deep, mode="L", color=0),
    "16-bit RGB": partial(deep, mode="RGB", color=2),
    "16-bit grey with alpha": partial(deep, mode="LA", color=4),
    "16-bit RGB with alpha": partial(deep, mode="RGBA", color=6),
    "interlaced": interlaced,
    "animated": animated,
    "animated without end": animated_without_end,
    "many pieces": many_pieces,
}

# Whole files that are no picture, or none that may be decoded.


def flat(width: int, height: int, light: int = 0) -> bytes:
    """A picture of one color, apart from some *light* rows: few bytes, many pixels."""
    rows = (bytes((255 * (y < light),)) * 3 * width for y in range(height))
    return assembled(header(width, height), chunk(b"IDAT", deflated(rows)))


@cache
def grey_png(seed: int) -> bytes:
    buffer = io.BytesIO()
    picture(seed).convert("L").save(buffer, "PNG")
    return buffer.getvalue()


def packed() -> bytes:
    """200 MB of zeros in 0.2 MB."""
    return zlib.compress(bytes(200 * MEGABYTE))


def half_of_the_data() -> bytes:
    data = b"".join(one[8:-4] for one in split(screen(5)) if one[4:8] == b"IDAT")
    return data[: len(data) // 2]


LIMIT_WIDTH = 8000
LIMIT_HEIGHT = PIXEL_LIMIT // LIMIT_WIDTH

HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "1x1": (lambda: flat(1, 1), "unreadable"),
    "smaller than the window of SSIM": (lambda: flat(300, 20), "unreadable"),
    "as small as can be": (lambda: flat(22, 22), "new"),
    "60000x60000": (lambda: assembled(header(60000, 60000), chunk(b"IDAT", deflated([]))), "unreadable"),
    "no height": (lambda: assembled(header(100, 0), chunk(b"IDAT", deflated([]))), "unreadable"),
    "as many pixels as may be": (lambda: flat(LIMIT_WIDTH, LIMIT_HEIGHT), "new"),
    "as many again, to be compared": (lambda: flat(LIMIT_WIDTH, LIMIT_HEIGHT, LIMIT_HEIGHT * 3 // 100), "similar"),
    "a row too many": (lambda: flat(LIMIT_WIDTH, LIMIT_HEIGHT + 1), "unreadable"),
    "far too many pixels": (lambda: assembled(header(20_000, 20_000), chunk(b"IDAT", packed())), "unreadable"),
    "garbage for data": (lambda: assembled(header(*SIZE), chunk(b"IDAT", random_bytes(5000, 1))), "unreadable"),
    "half of the data": (lambda: assembled(split(screen(5))[0], chunk(b"IDAT", half_of_the_data())), "unreadable"),
    "half of the rows": (lambda: assembled(header(*SIZE), chunk(b"IDAT", deflated([bytes(288)] * 40))), "new"),
    "two sizes": (lambda: with_chunks(screen(1), header(9000, 9000)), "unreadable"),
    "no such color type": (
        lambda: assembled(header(*SIZE, color=5), chunk(b"IDAT", deflated([bytes(288)] * 80))),
        "unreadable",
    ),
    "no palette": (
        lambda: assembled(header(*SIZE, color=3), chunk(b"IDAT", deflated([random_bytes(96, 3)] * 80))),
        "new",
    ),
    # None of these is ever read.
    "zTXt bomb": (lambda: with_chunks(screen(2), chunk(b"zTXt", b"k\0\0" + packed())), "new"),
    "iTXt bomb": (lambda: with_chunks(screen(3), chunk(b"iTXt", b"k\0\1\0\0\0" + packed())), "new"),
    "iCCP bomb": (lambda: with_chunks(screen(4), chunk(b"iCCP", b"k\0\0" + packed())), "new"),
    "grey zTXt bomb": (lambda: with_chunks(grey_png(2), chunk(b"zTXt", b"k\0\0" + packed())), "new"),
    "grey iTXt bomb": (lambda: with_chunks(grey_png(3), chunk(b"iTXt", b"k\0\1\0\0\0" + packed())), "new"),
    "grey iCCP bomb": (lambda: with_chunks(grey_png(4), chunk(b"iCCP", b"k\0\0" + packed())), "new"),
}


# Files that never become whole.


def jpeg() -> bytes:
    buffer = io.BytesIO()
    picture(1).save(buffer, "JPEG")
    return buffer.getvalue()


def spoilt() -> bytes:
    content = bytearray(screen(1))
    content[len(content) // 2] ^= 1
    return bytes(content)


NEVER_WHOLE: dict[str, tuple[bytes, str]] = {
    "zero bytes": (b"", "empty"),
    "truncated": (screen(1)[:-20], "incomplete"),
    "without its end": (screen(1)[:-12], "incomplete"),
    "zero tail": (screen(1)[:-200] + bytes(200), "damaged, or not all written yet"),
    "bad CRC": (spoilt(), "damaged, or not all written yet"),
    "text": (b"this is no picture\n" * 100, "not a PNG"),
    "JPEG": (jpeg(), "not a PNG"),
    "no data": (assembled(header(*SIZE)), "no picture data"),
    "longer than itself": (screen(1)[:33] + struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(99), "incomplete"),
    "no header": (screen(1)[:8] + screen(1)[33:], "no header"),
    "not to be read": (screen(1), "cannot be read: Permission denied"),
}

# Names. Each is that of a duplicate, so that it has to be moved as well.

NAMES: dict[str, bytes] = {
    "rich markup": b"[bold red]markup[/][link=x]:smile:_%d.png".replace(b"/", b""),
    "escape sequences": b"\x1b[31mred\x1b]0;title\x07\x9b_%d.png",
    "control characters": "\x00\x9b5m\x85\u2028_%d.png".encode().replace(b"\0", b"\x7f"),
    "newlines": b"one\ntwo\r\nthree_%d.png",
    "a line of the log": b"x\n05-04 09:00:00   1  new  forged_%d.png",
    "invalid UTF-8": b"\xff\xfe\x80_%d.png",
    "direction of writing": "\u202egnp.exe_%d.png".encode(),
    "255 bytes": b"n" * (255 - len(b"_00.png")) + b"_%d.png",
    "no such date": b"2020-13-45_99.99.99.000000_%d.png",
    "date before all": b"0000-00-00_00.00.00.000000_%d.png",
    "first year": b"0002-01-01_00.00.00.000000_%d.png",
    "last year": b"9998-12-31_23.59.59.999999_%d.png",
    "capital letters": b"2020-05-04_23.00.00.000000_%d.PNG",
    "quotes and options": b"-rf \"$(touch x)'; `id`_%d.png",
    "only a display": b"a_%d.png",
}
DISPLAYS = (0, 9, 10, 99)
REFUSED = ("0001-01-01_00.00.00_1.png", "9999-12-31_23.59.59.999999_1.png")
"""There is no day before the first, and none after the other."""


def nobodys(root: Path, outside: Path) -> None:
    """What looks like a capture and is none."""
    (root / f"link_{NOBODYS_DISPLAY}.png").symlink_to(outside / "picture_1.png")
    (root / f"dangling_{NOBODYS_DISPLAY}.png").symlink_to(outside / "nothing")
    (root / f"linked-folder_{NOBODYS_DISPLAY}.png").symlink_to(outside)
    (root / "linked-folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / f"folder_{NOBODYS_DISPLAY}.png").mkdir()
    far = root / f"far-future_{NOBODYS_DISPLAY}.png"
    land(far, screen(1), mtime_ns=2**63 + 10**9)
    if far.lstat().st_mtime_ns < 2**63:
        far.unlink()  # this file system knows no such time
    os.mkfifo(root / f"fifo_{NOBODYS_DISPLAY}.png")
    with contextlib.chdir(root), contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(f"socket_{NOBODYS_DISPLAY}.png")
    for name in (f".hidden_{NOBODYS_DISPLAY}.png", f".2020-05-04_09.00.00.000000_{NOBODYS_DISPLAY}.png.Xy12"):
        (root / name).write_bytes(screen(1))
    for name in (
        *REFUSED,
        "picture.png",
        "picture_.png",
        "picture_1.jpg",
        "picture_100.png",
        "picture_1.png.part",
        "_1.png~",
    ):
        (root / name).write_bytes(screen(1))


@contextlib.contextmanager
def growing(path: Path) -> Iterator[None]:
    """A file that never comes to rest, and is earlier than the captures after it."""
    done = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not done.wait(0.1):
                file.write(b"\0")

    path.parent.mkdir(parents=True)
    path.touch()
    thread = threading.Thread(target=grow)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


# The one watcher that meets it all.


def memory(process: "subprocess.Popen[str]", what: str) -> int:
    """Bytes: the most (VmHWM) or the present (VmRSS) memory of *process*."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    return int(status.read_text().split(f"{what}:")[1].split()[0]) * 1024


def forget_peak(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(PermissionError):
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")


@dataclass
class Evidence:
    """What the watcher was given, and what it made of it."""

    desk: Desk
    output: str = ""
    log: str = ""
    code: int | None = None
    before: dict[Path, tuple[bytes, int, int]] = field(default_factory=dict)
    grown: dict[str, int] = field(default_factory=dict)
    entries: dict[Path, Entry] = field(default_factory=dict)
    readable_again: list[Entry] = field(default_factory=list)

    def give(self, path: Path, content: bytes) -> Path:
        land(path, content)
        self.before[path] = facts(path)
        return path

    def about(self, path: Path) -> list[str]:
        """The lines of the log that tell of *path*."""
        return [line for line in self.output.splitlines() if path.name in line]


def format_paths(desk: Desk, name: str) -> list[Path]:
    display = 11 + list(FORMATS).index(name)
    return [desk.path(tick, display) for tick in range(3)]


def name_paths(desk: Desk, name: str) -> tuple[Path, Path]:
    """The first of two equal captures, and the second, which has the name in question."""
    display = 50 + list(NAMES).index(name)
    raw = NAMES[name].replace(b"%d", str(display).encode())
    return desk.path(0, display), desk.root / os.fsdecode(b"names \xff\n[red]\x1b[2J") / os.fsdecode(raw)


def harmful_path(desk: Desk, name: str) -> Path:
    number = list(HARMFUL).index(name)
    return desk.path(100 + number, display=29 if name.startswith("as many") else 30 + number)


def never_whole_path(desk: Desk, name: str) -> Path:
    return desk.path(100 + list(NEVER_WHOLE).index(name), NEVER_WHOLE_DISPLAY)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with working_desk(tmp_path_factory.mktemp("hostile")) as desk:
        desk.config.write_text(f'{desk.head}frame_memory = "1 MB"\n')
        evidence = Evidence(desk)
        process = desk.start(prefix=without_rights())
        meet(evidence, process)
        process.send_signal(signal.SIGTERM)
        evidence.code = process.wait(10)
        evidence.output = desk.output()
        evidence.log = (desk.logs / "framesift.log").read_text(encoding="utf-8")
        with desk.ledger() as ledger:
            evidence.entries = {entry.verdict.capture.path: entry for entry in ledger.entries()}
        yield evidence


def meet(evidence: Evidence, process: "subprocess.Popen[str]") -> None:
    """Show everything to the watcher; what can cost much memory alone, the rest at once."""
    desk = evidence.desk
    outside = desk.base / "outside"
    evidence.give(outside / "picture_1.png", screen(1))
    given = 0
    for number, (name, build) in enumerate(FORMATS.items()):
        odd, plain = build(number)
        for path, content in zip(format_paths(desk, name), (odd, odd, png(plain)), strict=True):
            evidence.give(path, content)
            given += 1
    for display in DISPLAYS:
        evidence.give(desk.path(1, display), screen(display))
        given += 1
    for place in (0, 1):
        for number, name in enumerate(NAMES):
            evidence.give(name_paths(desk, name)[place], screen(number))
            given += 1
        desk.until_judged(given)

    for name, (compose, _) in HARMFUL.items():
        content = compose()
        forget_peak(process)
        calm = memory(process, "VmRSS")
        evidence.give(harmful_path(desk, name), content)
        given += 1
        desk.until_judged(given)
        evidence.grown[name] = memory(process, "VmHWM") - calm

    nobodys(desk.root, outside)
    for name, (content, _) in NEVER_WHOLE.items():
        path = evidence.give(never_whole_path(desk, name), content)
        if name == "not to be read":
            path.chmod(0)
    with growing(desk.path(199, GOOD_DISPLAY)):
        for tick in (200, 201):
            evidence.give(desk.path(tick, GOOD_DISPLAY), screen(77))
            given += 1
        desk.until_judged(given)
    wait_for(lambda: all(never_whole_path(desk, name).name in desk.output() for name in NEVER_WHOLE), 30)

    secret = never_whole_path(desk, "not to be read")
    secret.chmod(0o644)
    desk.until_judged(given + 1)


@pytest.mark.parametrize("name", FORMATS)
def test_an_odd_format_is_judged_by_its_picture_and_matches_the_same_as_plain_rgb(
    evidence: Evidence, name: str
) -> None:
    first, second, plain = format_paths(evidence.desk, name)
    assert evidence.entries[first].verdict.kind == "new"
    for path in (second, plain):
        entry = evidence.entries[path]
        score = entry.verdict.score
        assert (entry.verdict.kind, score.ssim, score.exact) == ("duplicate", 1.0, True)
        assert score.nearest is not None
        assert score.nearest.path == first
        assert facts(evidence.desk.mirrored(path)) == evidence.before[path]
        assert not path.exists()


@pytest.mark.parametrize("name", HARMFUL)
def test_a_picture_that_could_do_harm_costs_little_memory_and_stays(evidence: Evidence, name: str) -> None:
    path = harmful_path(evidence.desk, name)
    entry = evidence.entries[path]
    assert entry.verdict.kind == HARMFUL[name][1], entry.verdict.reason
    assert facts(path) == evidence.before[path]
    assert evidence.grown[name] < MOST_MEMORY
    moment, display = entry.verdict.capture.taken_at, entry.verdict.capture.display
    start = f"{_when(moment):<16} {display:>3}  {entry.verdict.kind} "
    lines = [line for line in evidence.output.splitlines() if line.startswith(start)]
    assert len(lines) == 1
    if entry.verdict.kind == "unreadable":
        assert entry.verdict.reason in lines[0]
        assert path.name in lines[0]
    else:
        assert not entry.verdict.reason


@pytest.mark.parametrize("name", NEVER_WHOLE)
def test_a_file_that_is_never_whole_is_told_of_once_and_stays(evidence: Evidence, name: str) -> None:
    path = never_whole_path(evidence.desk, name)
    told = [line for line in evidence.about(path) if "is left alone for now" in line]
    assert len(told) == 1
    assert told[0].endswith(f"{path.name} is left alone for now: {NEVER_WHOLE[name][1]}")
    if name == "not to be read":
        assert evidence.entries[path].verdict.kind == "new"  # when it could be read at last
    else:
        assert path not in evidence.entries
    assert path.read_bytes() == NEVER_WHOLE[name][0]
    assert path.stat().st_mtime_ns == evidence.before[path][1]


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_kept_to_the_byte_and_made_visible(evidence: Evidence, name: str) -> None:
    first, strange = name_paths(evidence.desk, name)
    entry = evidence.entries[strange]
    assert evidence.entries[first].verdict.kind == "new"
    assert (entry.verdict.kind, entry.state) == ("duplicate", "quarantined"), entry.note
    mirrored = evidence.desk.mirrored(strange)
    assert mirrored.name in {path.name for path in mirrored.parent.iterdir()}
    assert facts(mirrored) == evidence.before[strange]
    assert not strange.exists()


@pytest.mark.parametrize("display", DISPLAYS)
def test_any_display_of_two_digits_is_a_display(evidence: Evidence, display: int) -> None:
    assert evidence.entries[evidence.desk.path(1, display)].verdict.capture.display == display


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_tells_what_cannot_be_is_told_once_and_stays(evidence: Evidence, name: str) -> None:
    assert [line.partition(" · ")[2].partition(":")[0] for line in evidence.output.splitlines() if name in line] == [
        f"{name} is left alone"
    ]
    assert (evidence.desk.root / name).read_bytes() == screen(1)
    assert evidence.desk.root / name not in evidence.entries


def test_what_is_no_capture_is_passed_over_in_silence(evidence: Evidence) -> None:
    assert str(NOBODYS_DISPLAY) not in {str(entry.verdict.capture.display) for entry in evidence.entries.values()}
    assert f"_{NOBODYS_DISPLAY}." not in evidence.output
    assert not [path for path in evidence.entries if path.name.startswith("picture") or "loop" in path.parts]
    left = [path.name for path in evidence.desk.root.iterdir()]
    assert {"link", "dangling", "linked-folder", "folder", "fifo", "socket"} <= {
        name.removesuffix(f"_{NOBODYS_DISPLAY}.png") for name in left
    }
    assert len([name for name in left if name.startswith(("picture", ".hidden", ".2020", "_1"))]) == 8


def test_the_watcher_lived_on_and_judged_good_captures(evidence: Evidence) -> None:
    assert evidence.code == 0
    good = [evidence.entries[evidence.desk.path(tick, GOOD_DISPLAY)] for tick in (200, 201)]
    assert [entry.verdict.kind for entry in good] == ["new", "duplicate"]
    assert not list(evidence.desk.logs.glob("bug-*"))


def test_nothing_beside_root_and_quarantine_was_touched(evidence: Evidence) -> None:
    desk = evidence.desk
    assert sorted(path.name for path in desk.base.iterdir()) == sorted(
        ["ScreenRecord", "ScreenRecord-quarantine", "framesift.toml", "logs", "outside", "state", "watch-0.out"]
    )
    outside = desk.base / "outside" / "picture_1.png"
    assert facts(outside) == evidence.before[outside]
    assert [path.name for path in outside.parent.iterdir()] == [outside.name]
    given = [path for path in evidence.before if path.is_relative_to(desk.root)]
    places = [sum(place.exists() for place in (path, desk.mirrored(path))) for path in given]
    assert set(places) == {1}


def test_no_name_can_write_to_the_terminal_or_forge_a_line(evidence: Evidence) -> None:
    shown = evidence.desk.run("history").stdout
    for text in (evidence.output, colorless(evidence.log), shown):
        # A newline in a name would begin a line that does not begin with a time.
        time = r"(\d{4}-\d\d-\d\d \d\d:\d\d|\d\d-\d\d \d\d:\d\d:\d\d  ) "
        assert [line for line in text.split("\n") if line and not re.match(time, line)] == []
        assert [char for char in text if not char.isprintable() and char != "\n"] == []
        for visible in (
            r"\x1b[31mred\x1b]0;title\x07\x9b_",
            r"one\x0atwo\x0d\x0athree_",
            r"\xff\xfe\x80_",
            "[bold red]",
        ):
            assert visible in text
        assert r"\u202egnp" in text
    told = evidence.desk.run("history", "--json").stdout
    paths = {os.fsencode(json.loads(line)["path"]) for line in told.splitlines()}
    assert {os.fsencode(name_paths(evidence.desk, name)[1]) for name in NAMES} <= paths
