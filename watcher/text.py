"""Text of strangers, such as file names, made fit for a terminal and a log."""


def visible(text: str) -> str:
    """*text* with everything a terminal would obey, or would not show, written as an escape instead.

    That is control characters and newlines, but also marks that turn the direction of writing, and bytes that are
    no UTF-8 (Python's surrogate escapes).
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return f"\\x{ord(char):02x}" if char.isascii() else f"\\u{ord(char):04x}"
