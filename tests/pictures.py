"""Small pictures: screens, and a PNG chunk by chunk."""

import io
import struct
import zlib

from PIL import Image, ImageDraw

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def screen(number: int, size: tuple[int, int] = (96, 80), tick: int = 0) -> bytes:
    """A screen that is its own for each *number*; *tick* changes a few pixels of it, as a clock does."""
    ground = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for step in range(12):
        x, y = (number * 31 + step * 17) % size[0], (number * 13 + step * 29) % size[1]
        fill = ((step * 80) % 256, (number * 61) % 256, (step * 40 + number) % 256)
        draw.rectangle((x, y, x + 19, y + 11), fill=fill)
    if tick:
        spot = (size[0] - 20, 18)
        red, green, blue = list(image.crop((*spot, spot[0] + 1, spot[1] + 1)).tobytes())
        draw.point(spot, fill=((red + 30 + tick) % 256, (green + 30) % 256, (blue + 30) % 256))
    return png(image)


def typed(number: int, letters: int, size: tuple[int, int] = (96, 80)) -> bytes:
    """:func:`screen` with a few *letters* typed: 1 makes it a duplicate, 3 make it similar."""
    image = Image.open(io.BytesIO(screen(number, size)))
    draw = ImageDraw.Draw(image)
    for letter in range(letters):
        x, y = 4 + letter * 10, size[1] - 12
        draw.rectangle((x, y, x + 4, y + 5), fill=(255 - letter * 20, letter * 30, 128))
    return png(image)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, color: int = 2, *, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))


def assembled(*chunks: bytes) -> bytes:
    """A PNG of these *chunks*, and its end."""
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")
