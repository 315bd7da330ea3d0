"""The time in a name, in the forms in which capture jobs and systems write it."""

import re
import time
import unicodedata
from datetime import datetime

EPOCH_FORMAT = "%s"
"""The form that is no strptime's: seconds since 1970."""

_WORDS = ("at", "om", "um", "à", "a las", "às", "alle", "kl.", "klo", "kello", "o", "\u043e", "\u0432")
"""What macOS writes between day and time. Where it writes morning or afternoon there, nothing is guessed."""
_DAY = r"(?P<year>\d{4})(?P<dash>[-._]?)(?P<month>\d{2})(?P=dash)(?P<day>\d{2})"
_BETWEEN = rf"(?:[-._T]|\s(?:(?:{'|'.join(map(re.escape, _WORDS))})\s)?)"
_FRACTION = r"(?:[.,](?P<fraction>\d{1,9})|[-_]?(?P<digits>\d{6}|\d{3}))?"
_ZONE = r"(?:\s?(?P<half>[AP])M)?(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_WITH_MARKS = r"(?P<hour>\d{1,2})(?P<colon>[-._:])(?P<minute>\d{2})"
_SECOND = r"(?P<second>\d{2})"
_FORMS = [
    re.compile(_DAY + form + _ZONE, re.IGNORECASE)
    for form in (
        # Without marks there must be seconds: four digits after a day may also be a counter.
        f"{_BETWEEN}{_WITH_MARKS}(?:(?P=colon){_SECOND}{_FRACTION})?",
        rf"{_BETWEEN}?(?P<hour>\d{{2}})(?P<minute>\d{{2}}){_SECOND}{_FRACTION}",
    )
]
_SECONDS = re.compile(r"(?P<seconds>\d{10})(?:[.,]?(?P<fraction>\d{3}|\d{6}|\d{9}))?")
_A_DAY = 86_400
_EXAMPLE = datetime(2021, 11, 23, 14, 35)


def time_in(text: str, time_format: str = "") -> datetime | None:
    """The local wall-clock time that *text* tells; None if it tells none, or one that no ``datetime`` can hold.

    With a *time_format*, as ``strptime`` has it, this alone is read. Without one: year, month, day, hour, minute, and
    second, in this order, with or without marks between them, perhaps a fraction, AM or PM, and a zone; or seconds
    since 1970. Digits may be those of any script, and years of any calendar are taken as they are written.
    """
    text = _plain(text)
    try:
        if time_format and time_format != EPOCH_FORMAT:
            return _local(datetime.strptime(text, unicodedata.normalize("NFC", time_format)))
        found = None if time_format else next(filter(None, (form.fullmatch(text) for form in _FORMS)), None)
        return _written(found) if found else _since_1970(text, is_sure=bool(time_format))
    except (ValueError, OverflowError, OSError, re.error):  # re.error: a format that says a thing twice
        return None


def check_time_format(time_format: str) -> None:
    """Refuse a *time_format* that tells no minute of a day.

    Raises:
        ValueError: it is none of ``strptime``, or it leaves something out.
    """
    try:
        told = time_in(_EXAMPLE.astimezone().strftime(time_format), time_format) if time_format else _EXAMPLE
    except ValueError:
        told = None
    if told != _EXAMPLE:
        raise ValueError('must be a format of strptime with day and time, such as "%Y%m%d-%H%M%S", "%s" or ""')


def _plain(text: str) -> str:
    """*text* with ASCII digits, and with letters of one spelling: macOS writes accents apart."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in composed)


def _written(found: re.Match[str]) -> datetime:
    part = found.groupdict()
    hour = int(part["hour"])
    if half := part["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - of a clock's face
            raise ValueError("no such hour")
        hour = hour % 12 + 12 * (half in "pP")
    day = datetime(int(part["year"]), int(part["month"]), int(part["day"]))
    microsecond = _microseconds(part["fraction"] or part["digits"])
    moment = day.replace(
        hour=hour, minute=int(part["minute"]), second=int(part["second"] or 0), microsecond=microsecond
    )
    return _local(moment, part["zone"] or "")


def _microseconds(digits: str | None) -> int:
    """What the *digits* after a second's point come to."""
    return int(f"{digits or '':0<6}"[:6])


def _local(moment: datetime, zone: str = "") -> datetime:
    """*moment* in local time, if it has a zone of its own or that of the text *zone*."""
    if zone:
        moment = moment.replace(tzinfo=datetime.strptime(zone.upper(), "%z").tzinfo)
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment


def _since_1970(text: str, *, is_sure: bool) -> datetime | None:
    """The time that *text* tells in seconds since 1970, or in thousandths of them and so on.

    Ten digits that tell a time to come are more likely a day in another form. Then nothing is guessed.
    """
    found = _SECONDS.fullmatch(text)
    if found is None or not (is_sure or int(found["seconds"]) < time.time() + _A_DAY):
        return None
    return datetime.fromtimestamp(int(found["seconds"])).replace(microsecond=_microseconds(found["fraction"]))
