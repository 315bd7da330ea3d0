"""libvips, which decodes PNG data in little more than half of Pillow's time; where it cannot be loaded, Pillow does."""

try:
    import pyvips

    pyvips.cache_set_max(0)  # of operations: no picture is asked for twice
    pyvips.concurrency_set(1)  # a picture is decoded row by row; whoever has several does so in several threads
except Exception as error:  # noqa: BLE001 - a library may be missing, of another machine or unable to begin
    MISSING = str(error) or type(error).__name__
    """Why it cannot be used; empty if it can."""
else:
    MISSING = ""

RGBX = 4
"""Bytes to a pixel."""


def version() -> str:
    """That of the library which is loaded."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def decoded(png: bytes) -> memoryview | None:
    """The bytes of an RGB or RGBA image, row by row, four to a pixel; None if anything at all is wrong with it.

    Python's lock is free meanwhile.
    """
    if MISSING:
        return None
    try:
        image = pyvips.Image.pngload_buffer(png, access="sequential", fail_on="warning")
        return memoryview((image if image.bands == RGBX else image.bandjoin(255)).write_to_memory())
    except pyvips.Error:
        return None
