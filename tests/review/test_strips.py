"""What each display showed as time passed, and for how long each screen stood."""

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from watcher.model.period import Period
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind
from watcher.review.strips import Look, Span, by_day, drawn, lasted, spans, stood
from watcher.review.wording import segment_text, strip_sentence

DAY = datetime(2020, 5, 4)
WHOLE_DAY = Period(DAY, DAY + timedelta(days=1))
MINUTE = timedelta(minutes=1)


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


def seen(text: str, hour: int = 9, display: int = 1) -> list[Sighting]:
    """Captures every ten minutes: ``n`` and ``s`` show a screen of their own, a digit is a duplicate of that one.

    Screens are counted from 1; ``x`` is unreadable and ``-`` no capture at all.
    """
    found = []
    for step, letter in enumerate(text):
        if letter == "-":
            continue
        kind = {"n": Kind.NEW, "s": Kind.SIMILAR, "x": Kind.UNREADABLE}.get(letter, Kind.DUPLICATE)
        shows = int(letter) if letter.isdigit() else 100 + step if letter == "x" else step + 1
        found.append(Sighting(display, at(hour, 10 * step), kind, shows))
    return found


def texts(found: list[Span], display: int = 1) -> list[str]:
    slot = timedelta(seconds=1)
    return [segment_text(span) for span in drawn([span for span in found if span.display == display], slot)]


def test_a_capture_stands_until_the_next_one_of_its_run() -> None:
    assert texts(spans(seen("nn21sx"), Period(at(9), at(10)))) == [
        "09:00 to 09:20: 2 new screens",
        "09:20 to 09:30: unchanged",
        "09:30 to 09:40: an earlier screen",
        "09:40 to 09:50: a similar screen",
        "09:50 to 10:00: an unreadable picture",
    ]


def test_an_unreadable_picture_does_not_make_the_same_screen_another() -> None:
    assert texts(spans(seen("n1x1"), Period(at(9), at(9, 40))))[-1] == "09:30 to 09:40: unchanged"


def test_a_display_that_others_outlast_is_off_and_all_together_are_silent() -> None:
    found = spans(
        sorted([*seen("nnn---nnn"), *seen("nnnnnn", display=2)], key=lambda one: one.taken_at),
        Period(at(8), at(12)),
    )
    assert texts(found) == [
        "08:00 to 09:00: no captures",
        "09:00 to 09:30: 3 new screens",
        "09:30 to 10:00: off, or not captured with the others",
        "10:00 to 10:30: 3 new screens",
        "10:30 to 12:00: no captures",
    ]
    assert texts(found, 2)[-2:] == [
        "10:00 to 10:30: off, or not captured with the others",
        "10:30 to 12:00: no captures",
    ]


def test_one_missed_capture_is_no_silence_and_a_night_is() -> None:
    assert texts(spans(seen("nn-n"), Period(at(9), at(9, 40)))) == ["09:00 to 09:40: 3 new screens"]
    assert texts(spans(seen("nnn---n"), Period(at(9), at(10, 10)))) == [
        "09:00 to 09:30: 3 new screens",
        "09:30 to 10:00: no captures",
        "10:00 to 10:10: a new screen",
    ]


def test_files_of_one_run_may_be_written_seconds_apart() -> None:
    late = [Sighting(2, one.taken_at + timedelta(seconds=9), one.kind, one.shows) for one in seen("nnnn", display=2)]
    found = spans(sorted([*seen("nnnn"), *late], key=lambda one: one.taken_at), Period(at(9), at(9, 40)))
    assert {span.look for span in found} == {Look.NEW}


def test_what_stood_at_midnight_is_known_from_the_day_before() -> None:
    found = spans(seen("n" + "1" * 11, hour=-1), WHOLE_DAY)
    assert texts(found)[0] == "00:00 to 01:00: unchanged"
    assert stood(found) == {1: 60 * MINUTE}


def test_a_screen_that_comes_back_has_stood_for_all_its_visits() -> None:
    found = spans(seen("n1n331"), Period(at(9), at(10)))
    assert stood(found) == {1: 30 * MINUTE, 3: 30 * MINUTE}


def test_the_only_capture_there_is_stands_for_a_while() -> None:
    assert texts(spans(seen("n"), WHOLE_DAY))[1] == "09:00 to 09:10: a new screen"


def test_of_what_is_too_short_to_be_seen_the_liveliest_is_drawn() -> None:
    found = spans(seen("n11111" * 4), Period(at(9), at(13)))
    assert [segment_text(span) for span in drawn(found, timedelta(hours=1))] == ["09:00 to 13:00: 4 new screens"]
    assert len(drawn(found, timedelta(minutes=1))) == 11


def test_the_sentence_for_those_who_do_not_see_the_strip() -> None:
    found = spans(seen("nn21sx"), Period(at(8), at(10)))
    assert strip_sentence(found) == (
        "2 new screens; a similar screen; an earlier screen; an unreadable picture;"
        " unchanged for 10 min; no captures for 1 h"
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 2 * 1440), st.integers(1, 3), st.sampled_from(Kind), st.integers(1, 4)),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 90),
)
def test_strips_tell_of_every_minute_once(captures: list[tuple[int, int, Kind, int]], slot: int) -> None:
    period = Period(at(12), at(36))
    found = spans([Sighting(d, DAY + m * MINUTE, kind, s) for m, d, kind, s in sorted(captures)], period)
    for display in {capture[1] for capture in captures}:
        own = [span for span in found if span.display == display]
        for parts in (own, drawn(own, slot * MINUTE)):
            assert (parts[0].begin, parts[-1].end) == (period.begin, period.end)
            assert all(one.end == other.begin for one, other in pairwise(parts))
            assert sum(lasted(parts).values(), timedelta()) == period.end - period.begin
        assert all(one.look != other.look for one, other in pairwise(parts))
    cut = by_day(found)
    assert set(cut) == {DAY.date(), (DAY + timedelta(days=1)).date()}
    assert sum(span.captures for day in cut.values() for own in day.values() for span in own) == sum(
        span.captures for span in found
    )
