"""The most unusual screens of a period: seldom seen, far from what is usual, and far from each other."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.album import NOON, SIZE, Album, drawn, half_black, noise
from tests.conftest import Framesift
from tests.desk import START, Desk, capture_of
from tests.pictures import png, screen
from watcher.demo.scenes import SceneKind
from watcher.judge.frame import load
from watcher.judge.similarity import reference
from watcher.model.entry import Entry, State
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.model.sighting import Sighting
from watcher.model.verdict import Kind, Policy
from watcher.review.activity import read_activity
from watcher.review.appearances import Habit, appearances
from watcher.review.highlights import review
from watcher.review.result import Review, restore_command
from watcher.review.strips import spans
from watcher.review.unusual import is_usual, rarity
from watcher.settings.settings import Settings

MONTH = Period.parse("2020-05")
DAY = Period.parse("2020-05-05")
TEN = timedelta(minutes=10)


@pytest.fixture
def album(desk: Desk) -> Iterator[Album]:
    with desk.ledger() as ledger:
        yield Album(desk, ledger)


def look(album: Album, count: int = 20, period: Period = MONTH, display: int | None = None) -> Review:
    settings = Settings(root=album.desk.root, device="cpu")
    activity = read_activity(album.ledger, album.desk.root, period)
    return review(album.ledger, settings, Query(period, count, display), activity)


def chosen(found: Review) -> list[int]:
    return [highlight.entry.id for highlight in found.highlights]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2020, 5, 4 + day, hour, minute)


def usual_days(album: Album, days: int, display: int = 1, size: tuple[int, int] = SIZE) -> None:
    """Days of work: lock screens that tell the time, two files and a desktop that go on a little."""
    for day in range(days):
        album.keep(at(day, 9), drawn(SceneKind.LOCK, clock=at(0, 9), size=size), display)
        for step in range(3):
            album.stand(at(day, 9, 10 + 20 * step), 2, drawn(SceneKind.EDITOR, step, size=size), display)
            album.stand(at(day, 10, 10 + 20 * step), 2, drawn(SceneKind.EDITOR, step, size=size, topic=8), display)
        album.stand(at(day, 12), 5, drawn(SceneKind.LOCK, clock=at(0, 12), size=size), display)
        album.stand(at(day, 13), 9, drawn(SceneKind.DESKTOP, day % 3, size=size), display)
        album.stand(at(day, 17), 3, drawn(SceneKind.LOCK, clock=at(0, 17), size=size), display)


@pytest.mark.parametrize("days", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_of_hundreds_of_captures_the_rare_screens_come_first_and_no_usual_one_at_all(album: Album, days: int) -> None:
    usual_days(album, days)
    usual_days(album, days, display=2)
    rare = {
        album.keep(at(7, 15), drawn(SceneKind.PHOTO)).id,
        album.stand(at(9, 15), 2, drawn(SceneKind.BROWSER)).id,
        album.keep(at(12, 15), drawn(SceneKind.PHOTO, 4)).id,
        album.keep(at(13, 15), noise(1), display=2).id,
    }
    found = look(album)
    assert (found.captures, found.screens) == (days * 2 * 30 + 5, days * 2 * 10 + 4)
    assert set(chosen(found)) == rare
    assert chosen(found)[0] == max(rare), "noise is like nothing"
    scores = [highlight.score for highlight in found.highlights]
    assert scores == sorted(scores, reverse=True)
    assert found.opened == 2 * len(rare), "the chosen and their nearest"
    assert chosen(look(album)) == chosen(found)
    assert chosen(look(album, count=2)) == chosen(found)[:2]


def test_of_screens_as_unusual_the_earlier_comes_first_whatever_its_display(album: Album) -> None:
    usual_days(album, 3)
    usual_days(album, 3, display=2)
    late = album.keep(at(1, 15), drawn(SceneKind.PHOTO), display=1)
    early = album.keep(at(0, 15), drawn(SceneKind.PHOTO), display=2)
    found = look(album)
    assert chosen(found) == [early.id, late.id]
    assert found.highlights[0].score == found.highlights[1].score


def test_what_is_said_of_a_highlight(album: Album) -> None:
    usual_days(album, 4)
    photo = album.stand(at(1, 15), 3, drawn(SceneKind.PHOTO))
    album.again(at(2, 15), photo)
    (highlight,) = look(album).highlights
    assert highlight.entry == photo
    appearance = highlight.appearance
    assert (appearance.first, appearance.last) == (at(1, 15), at(2, 15))
    assert (appearance.times, appearance.visits) == (4, 2)
    assert appearance.stood == 4 * TEN, "hours in which nothing was captured do not count"
    assert highlight.alike == 0
    assert highlight.nearest is not None
    own, other = (_frame(entry) for entry in (photo, highlight.nearest))
    assert highlight.ssim == pytest.approx(reference(own, other), abs=1e-4)


def _frame(entry: Entry) -> torch.Tensor:
    return load(entry.verdict.capture, torch.device("cpu"), Policy()).pixels


def test_of_many_scroll_positions_few_are_shown(album: Album) -> None:
    usual_days(album, 4)
    pages = {album.keep(at(1, 15) + step * TEN, drawn(SceneKind.BROWSER, step)).id for step in range(8)}
    photo = album.keep(at(2, 15), drawn(SceneKind.PHOTO))
    found = look(album)
    assert photo.id in chosen(found)
    shown = [highlight for highlight in found.highlights if highlight.entry.id in pages]
    assert 1 <= len(shown) <= 2


def test_of_a_film_in_which_nothing_is_like_anything_two_frames_an_hour_are_shown(album: Album) -> None:
    usual_days(album, 3)
    film = [album.keep(at(1, 15) + number * TEN, noise(number)) for number in range(12)]
    times = [highlight.entry.verdict.capture.taken_at for highlight in look(album, period=DAY).highlights]
    assert sorted(time.hour for time in times if time.hour >= 15) == [15, 15, 16, 16]
    in_month = look(album).highlights
    assert len(in_month) == 2
    assert {highlight.entry.id for highlight in in_month} <= {entry.id for entry in film}


def test_half_black_accidents_are_passed_over_unless_nothing_else_shows_the_rest(album: Album) -> None:
    usual_days(album, 4)
    album.keep(at(1, 15), half_black(drawn(SceneKind.EDITOR, 1)))
    album.keep(at(2, 15), half_black(drawn(SceneKind.DESKTOP, 1)))
    album.keep(at(2, 15, 10), drawn_black())
    only = album.keep(at(3, 15), half_black(noise(1)))
    assert chosen(look(album)) == [only.id]


def drawn_black() -> bytes:
    return png(Image.new("RGB", SIZE))


def test_a_screen_from_before_that_returns_is_no_highlight_and_hides_what_is_like_it(album: Album) -> None:
    april = album.keep(datetime(2020, 4, 1, 9), drawn(SceneKind.LOCK, clock=at(0, 8)))
    for day in range(4):
        album.stand(at(day, 9), 4, drawn(SceneKind.EDITOR, day))
        album.again(at(day, 10), april)
    album.keep(at(3, 11), drawn(SceneKind.LOCK, clock=at(0, 11)))
    sheet = album.keep(at(3, 12), drawn(SceneKind.PHOTO, 4))
    assert chosen(look(album)) == [sheet.id]


def test_displays_and_sizes_are_judged_apart_and_shown_in_one_order(album: Album) -> None:
    usual_days(album, 3)
    usual_days(album, 3, display=2, size=(400, 640))
    elsewhere = album.keep(at(1, 15), drawn(SceneKind.DESKTOP, size=(640, 480)), display=3)  # usual on display 1
    tall = album.keep(at(1, 15), drawn(SceneKind.PHOTO, size=(400, 640)), display=2)
    wide = album.keep(at(1, 15), drawn(SceneKind.PHOTO))
    found = look(album)
    assert set(chosen(found)) == {elsewhere.id, tall.id, wide.id}
    alone = found.highlights[chosen(found).index(elsewhere.id)]
    assert (alone.nearest, alone.ssim) == (None, None)
    assert chosen(look(album, display=2)) == [tall.id]
    assert look(album, display=2).captures == 3 * 30 + 1
    assert look(album, display=9).captures == 0


def test_signatures_of_another_format_are_computed_again_once_and_other_preparations_are_apart(album: Album) -> None:
    usual_days(album, 3)
    photo = album.keep(at(1, 15), drawn(SceneKind.PHOTO))
    sheet = album.keep(at(2, 15), drawn(SceneKind.PHOTO, 4), digest=1)
    gone = album.keep(at(2, 15, 10), noise(3))
    album.ledger.rows("UPDATE frame SET signature = 's' WHERE entry_id IN (?, ?)", [photo.id, gone.id])
    gone.location.unlink()
    found = look(album)
    assert set(chosen(found)) == {photo.id, sheet.id}
    assert [one.nearest for one in found.highlights if one.entry == sheet] == [None]
    assert found.opened == 1 + 3
    assert look(album).opened == 3
    assert look(album).screens == 3 * 10 + 2


def test_pictures_that_are_gone_are_passed_over(album: Album) -> None:
    usual_days(album, 3)
    photo, sheet = (album.keep(at(1, 15 + n), drawn(SceneKind.PHOTO, 4 * n)) for n in range(2))
    (first, second) = look(album).highlights
    assert {first.entry, second.entry} == {photo, sheet}
    first.entry.location.unlink()
    (left,) = look(album).highlights
    assert left.entry == second.entry
    assert left.nearest is not None
    left.nearest.location.unlink()
    (again,) = look(album).highlights
    assert again.entry == second.entry
    assert again.nearest not in (None, left.nearest)
    assert again.ssim is not None


def test_a_cluster_is_represented_by_another_screen_of_it_when_its_first_is_gone(album: Album) -> None:
    usual_days(album, 3)
    twins = [album.keep(at(1, 15, minute), drawn(SceneKind.PHOTO, clock=at(0, 15, minute))) for minute in (0, 10, 20)]
    (one,) = look(album).highlights
    assert (one.entry in twins, one.alike) == (True, 2)
    one.entry.location.unlink()
    (other,) = look(album).highlights
    assert other.entry in twins
    assert other.entry != one.entry


def test_duplicates_in_which_one_tile_changed_strongly_are_listed_once_for_each_screen(album: Album) -> None:
    kept = [album.keep(at(0, 9, minute), noise(minute)) for minute in range(7)]
    strong = [album.again(at(0, 10 + n), one, worst_tile=0.1 + n / 10) for n, one in enumerate(kept)]
    album.again(at(0, 18), kept[0], worst_tile=0.3)
    album.again(at(0, 19), kept[6], worst_tile=0.99)
    looks = look(album).second_looks
    assert [entry.id for entry in looks] == [entry.id for entry in strong[:5]]
    assert restore_command(looks[0], "framesift") == f"framesift restore {looks[0].verdict.capture.path}"
    album.ledger.rows("UPDATE picture SET state = ? WHERE id = ?", [State.RESTORED.value, strong[0].id])
    assert look(album).second_looks[0].verdict.score.worst_tile == pytest.approx(0.2)
    assert look(album, period=Period.parse("2020-05-05")).second_looks == ()


def test_the_edges_of_a_period_are_its_own_and_the_next_ones(album: Album) -> None:
    last = album.keep(datetime(2020, 5, 3, 23, 59, 59, 999_999), noise(1))
    first = album.keep(datetime(2020, 5, 4), noise(2))
    assert chosen(look(album, period=Period.parse("2020-05-04"))) == [first.id]
    assert chosen(look(album, period=Period.parse("2020-05-03"))) == [last.id]
    assert set(chosen(look(album, period=Period.parse("2020-05-03..2020-05-04")))) == {first.id, last.id}
    assert look(album, period=Period.parse("2019")) == Review(0, 0, (), (), 0)


def test_a_screen_stands_until_the_next_and_nights_do_not_count() -> None:
    moments = [NOON + minutes * TEN / 10 for minutes in (0, 10, 20, 33, 40, 600, 610)]
    screens = (1, 1, 2, 2, 1, 3, 1)
    captures = [Sighting(1, moment, Kind.NEW, screen) for moment, screen in zip(moments, screens, strict=True)]
    other = Sighting(2, NOON, Kind.NEW, 9)
    period = Period(NOON, NOON + 62 * TEN)
    found = appearances([*captures, other], spans([captures[0], other, *captures[1:]], period))
    assert [found[one].stood for one in (1, 2, 3, 9)] == [timedelta(minutes=m) for m in (40, 20, 10, 10)]
    assert [(found[one].times, found[one].visits) for one in (1, 2, 3)] == [(4, 3), (2, 1), (1, 1)]


def test_periods_are_written_as_they_are_read() -> None:
    for text in ("2020-05-04", "2020-05-01..2020-05-14"):
        assert str(Period.parse(text)) == text
    assert str(Period.parse("2020-05-04T09:10")) == "2020-05-04 09:10..2020-05-04 09:11"
    week = Period.last_days(7)
    assert week.end - week.begin == timedelta(days=7)
    assert week.begin < datetime.now() < week.end


def test_what_a_display_comes_back_to_is_usual_and_so_is_what_it_shows_on_most_days() -> None:
    display = Habit(captures=1000, visits=1, days=30)
    assert is_usual(Habit(50, 2, 1), display)
    assert not is_usual(Habit(49, 2, 2), display)
    assert not is_usual(Habit(500, 1, 1), display)
    assert is_usual(Habit(10, 10, 10), display)
    assert not is_usual(Habit(9, 9, 9), display)
    assert not is_usual(Habit(2, 2, 2), Habit(1000, 1, 2))
    assert rarity(Habit(1, 1, 1), 1000) > rarity(Habit(2, 1, 1), 1000) > rarity(Habit(1000, 1, 1), 1000) == 0


# the command


def test_the_terminal_shows_them_at_any_width(
    album: Album, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual_days(album, 3)
    photo = album.stand(at(1, 15), 2, drawn(SceneKind.PHOTO))
    doubt = album.again(at(2, 15), photo, worst_tile=0.5)
    file = str(photo.location.relative_to(album.desk.root))
    for width in (80, 150):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = framesift("highlights", "2020-05")
        assert code == 0
        assert "2020-05-01..2020-05-31: the 1 most unusual of 31 screens in 93 captures" in out
        (line,) = (line for line in out.splitlines() if line.startswith("2020-05-05 15:00   1"))
        assert "20 min" in line or "30 min" in line
        assert (file in line) == (width == 150)
        assert file in out
        assert restore_command(doubt, "framesift") in out.splitlines()[-1]
        assert all(len(one) < width or "restore" in one for one in out.splitlines())


def test_its_json(album: Album, framesift: Framesift) -> None:
    usual_days(album, 3)
    photo = album.keep(at(1, 15), drawn(SceneKind.PHOTO))
    album.again(at(2, 15), photo, worst_tile=0.5)
    code, out, _ = framesift("highlights", "--json", "2020-05-04..2020-05-06")
    found = json.loads(out)
    assert code == 0
    assert list(found) == ["root", "begin", "end", "captures", "screens", "highlights", "second_looks", "opened"]
    assert (found["begin"], found["end"]) == ("2020-05-04T00:00:00", "2020-05-07T00:00:00")
    (highlight,) = found["highlights"]
    assert list(highlight) == [
        "entry", "first", "last", "times", "visits", "stood_seconds", "most_like", "ssim", "alike", "score",
    ]  # fmt: skip
    assert highlight["entry"]["path"] == str(photo.location)
    assert Path(highlight["most_like"]).exists()
    assert found["second_looks"][0]["restore"].startswith("framesift restore ")
    code, out, _ = framesift("highlights", "--json", "2019")
    assert (code, json.loads(out)["highlights"]) == (0, [])


def test_a_period_in_which_nothing_was_captured(album: Album, framesift: Framesift) -> None:
    album.keep(NOON, noise(1))
    assert framesift("highlights", "2019-02") == (0, "nothing was captured in 2019-02-01..2019-02-28\n", "")
    code, out, _ = framesift("highlights", "--display", "2", "2020-05-04")
    assert (code, out) == (0, "nothing was captured in 2020-05-04 on display 2\n")
    code, out, _ = framesift("highlights")
    assert (code, out.startswith("nothing was captured in ")) == (0, True)


def test_an_archive_that_nobody_has_judged_is_to_be_swept_first(desk: Desk, framesift: Framesift) -> None:
    for tick in range(3):
        desk.put(tick, screen(tick))
    code, out, error = framesift("highlights", "2020-05")
    assert (code, out) == (1, "")
    assert error == (
        "framesift: 3 captures of 2020-05-01..2020-05-31 not judged yet;"
        f" run framesift sweep {desk.root} first (with --dry-run, it only tells what it would do)\n"
    )
    assert not desk.state.exists(), "asking leaves nothing behind"
    assert framesift("highlights", "2020-06")[0] == 0
    assert framesift("--quiet", "sweep")[0] == 0
    code, out, error = framesift("highlights", "2020-05")
    assert (code, error) == (0, "")
    assert "of 3 screens in 3 captures" in out


def test_what_is_left_to_a_sweep_is_said_beside_what_was_judged(album: Album, framesift: Framesift) -> None:
    album.ledger.leave_to_sweep(album.desk.root, [album.keep(START, noise(1)).verdict.capture])
    assert framesift("highlights", "2020-05")[2] == ""
    album.ledger.leave_to_sweep(album.desk.root, [capture_of(album.desk.put(5, screen(5)))])
    code, out, error = framesift("highlights", "2020-05")
    assert (code, error) == (0, "1 capture from before the watcher's first start are left to framesift sweep\n")
    assert "the 1 most unusual of 1 screens in 1 captures" in out


def test_a_root_that_is_not_there_is_said_to_be_gone(desk: Desk, framesift: Framesift) -> None:
    desk.root.rmdir()
    assert framesift("highlights", "2020") == (1, "", f"framesift: {desk.root} is not there\n")
    assert framesift("highlights", "someday")[0] == 2
    assert framesift("highlights", "-n", "0")[0] == 2
