"""libvips, which decodes PNG data in little more than half of Pillow's time; where it cannot be used, Pillow does."""

import logging

# Its warnings of odd pictures would stand wherever a hook sends the logs of libraries.
logging.getLogger("pyvips").setLevel(logging.ERROR)
try:
    import pyvips

    pyvips.cache_set_max(0)  # of operations: no picture is asked for twice
    pyvips.concurrency_set(1)  # a picture is decoded row by row; whoever has several does so in several threads
except Exception as error:  # noqa: BLE001 - a library may be missing, of another machine or unable to begin
    _MISSING = str(error) or type(error).__name__
else:
    _MISSING = ""

RGBX = 4
"""Bytes to a pixel."""
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de000"
    "0000c49444154789c636064620600000e0007d76fe4780000000049454e44ae426082"
)
"""The PNG data of one pixel, RGB."""


def version() -> str:
    """That of the library which is loaded."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def why_not() -> str:
    """Why it cannot be used; empty if it can."""
    if not _MISSING and decoded(_PIXEL) is None:
        return f"libvips {version()} decodes no PNG data"
    return _MISSING


def decoded(png: bytes) -> memoryview | None:
    """The bytes of an RGB or RGBA image, row by row, four to a pixel; None if it cannot be decoded to its end.

    Python's lock is free meanwhile.
    """
    if _MISSING:
        return None
    try:
        image = pyvips.Image.pngload_buffer(png, access="sequential", fail_on="warning")
        return memoryview((image if image.bands == RGBX else image.bandjoin(255)).write_to_memory())
    except Exception:  # noqa: BLE001 - whatever it complains of, Pillow decides
        return None
