"""What may be ignored is learned from what was seen: clocks of panels and of screens that come back, and no news."""

import json
import os
import random
import re
import shutil
import stat
import tomllib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.conftest import Framesift
from tests.desk import Desk
from tests.pictures import png
from watcher.judge import scenes
from watcher.report.proposals import _drawn

SIZE = (1280, 800)
PANEL = (1180, 0, 90, 18)
CLOCK, DATE = (490, 200, 300, 70), (600, 300, 80, 24)
MORNING = datetime(2020, 5, 4, 9, 0)


def lettered(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], text: object, shade: str = "white") -> None:
    """Letters of a kind, which are others for another *text*, in the middle of *box*."""
    x, y, width, height = box
    chance = random.Random(f"{text}")
    for left in range(x + 4, x + width - 8, 12):
        top = y + 2 + chance.randrange(max(1, height // 2))
        draw.rectangle([left, top, left + 6, min(y + height - 3, top + height // 2)], shade)


def paper(seed: int) -> Image.Image:
    """A screen of its own for each seed, without a panel."""
    chance = random.Random(seed)
    image = Image.new("RGB", SIZE, tuple(chance.randrange(60, 200) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = chance.randrange(1200), chance.randrange(30, 760)
        draw.rectangle([x, y, x + chance.randrange(20, 160), y + 16], tuple(chance.randrange(256) for _ in range(3)))
    return image


def with_panel(image: Image.Image, moment: datetime) -> Image.Image:
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 0, SIZE[0], 18], (20, 20, 20))
    lettered(draw, PANEL, f"{moment:%H:%M}")
    return image


def locked(moment: datetime, wallpaper: int = 999) -> Image.Image:
    image = paper(wallpaper)
    draw = ImageDraw.Draw(image)
    for box in (CLOCK, DATE):
        x, y, width, height = box
        draw.rectangle([x - 4, y - 4, x + width + 4, y + height + 4], (10, 20, 30))
    for part in range(3):  # big enough to be no duplicate
        lettered(draw, CLOCK, f"{moment:%H:%M}{part}", ("white", "black", "white")[part])
    lettered(draw, DATE, f"{moment:%d}")
    return image


def typed(letters: int, moment: datetime) -> Image.Image:
    """A document into which somebody types: each time more of it."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for number in range(letters):
        row, column = divmod(number, 40)
        lettered(draw, (20 + column * 14, 40 + row * 24, 20, 20), number, "black")
    return with_panel(image, moment)


def film(_: int, moment: datetime, box: tuple[int, int, int, int] = (200, 160, 800, 500)) -> Image.Image:
    """A film, which shows something else each time."""
    image = paper(77)
    x, y, width, height = box
    part = paper(int(moment.timestamp())).resize((width, height))
    image.paste(part, (x, y))
    return with_panel(image, moment)


def log_of(lines: int, moment: datetime) -> Image.Image:
    """A terminal with the last lines of a log."""
    image = Image.new("RGB", SIZE, "black")
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(range(lines, lines + 30)):
        lettered(draw, (10, 30 + 24 * row, 800, 20), f"line {line}")
    return with_panel(image, moment)


Found = dict[str, Any]
Draw = Callable[[int, datetime], Image.Image]


def week(desk: Desk, draw: Draw, days: int = 5, ticks: int = 16, begin: datetime = MORNING) -> None:
    """Captures of a display at work on so many *days*."""
    for day in range(days):
        for tick in range(ticks):
            moment = begin + timedelta(days=day, minutes=7 * tick + 2 * day)
            image = draw(day * ticks + tick, moment)
            desk.root.joinpath(f"{moment:%Y-%m}", f"{moment:%Y-%m-%d}").mkdir(parents=True, exist_ok=True)
            path = desk.root / f"{moment:%Y-%m}" / f"{moment:%Y-%m-%d}" / f"{moment:%Y-%m-%d_%H.%M.%S}_1.png"
            path.write_bytes(png(image))


def office(number: int, moment: datetime) -> Image.Image:
    """Pages that are read for a while, and the lock screen in between."""
    if number % 4 == 3:
        return locked(moment)
    return with_panel(paper(number // 8 * 2 + number % 2), moment)


@pytest.fixture
def learned(desk: Desk, framesift: Framesift) -> Callable[..., Found]:
    """What is proposed after a week of such screens."""

    def learn(draw: Draw, days: int = 5) -> Found:
        week(desk, draw, days)
        assert framesift("sweep")[0] == 0
        code, out, err = framesift("-q", "learn", "2020", "--json")
        assert code == 0, err
        found: Found = json.loads(out)
        return found

    return learn


def within(inner: tuple[int, int, int, int], parts: object) -> bool:
    """Whether one of the rectangles *parts* holds *inner*."""
    x, y, width, height = inner
    assert isinstance(parts, list)
    return any(
        left <= x and top <= y and x + width <= left + wide and y + height <= top + high
        for left, top, wide, high in parts
    )


def test_the_clocks_of_a_panel_and_of_the_lock_screen_are_found_and_nothing_else(
    learned: Callable[..., Found],
) -> None:
    found = learned(office)
    (clock,) = found["clocks"]
    assert clock["display"] == 1
    assert within((1188, 4, 72, 10), clock["ignore"])
    (scene,) = found["scenes"]
    assert scene["visits"] == 20
    for box in (CLOCK, DATE):
        x, y, width, height = box
        assert within((x + 4, y + 4, width - 16, height - 12), scene["ignore"])
    covered = sum(wide * high for _, _, wide, high in scene["ignore"])
    assert covered < 0.1 * SIZE[0] * SIZE[1]
    assert (found["news"], found["restless"]) == (35, [])


@pytest.mark.parametrize(
    "draw",
    [
        lambda number, moment: typed(3 * number, moment),
        film,
        lambda number, moment: (
            film(number, moment, (80, 120, 240, 180)) if number % 3 else with_panel(paper(number), moment)
        ),
        log_of,
        lambda number, _: paper(number % 5),
    ],
    ids=["typing", "a film", "a small film", "a log", "no clock"],
)
def test_no_scene_is_proposed_where_there_is_none(learned: Callable[..., Found], draw: Draw) -> None:
    assert learned(draw, 3)["scenes"] == []


def test_what_is_applied_makes_the_lock_screen_one_screen_and_can_be_taken_back(
    desk: Desk, framesift: Framesift
) -> None:
    desk.config.write_text(f"# mine\n{desk.head}\n[ignore]  # by hand\n1 = [[1, 2, 3, 4]]\n")
    before = desk.config.read_text()
    week(desk, office)
    assert framesift("sweep")[0] == 0
    kept = len(list(desk.root.rglob("*.png")))
    code, out, err = framesift("learn", "2020", "--rehearse", "--apply")
    assert code == 0, err
    assert "scene 1: " in out
    assert "-> duplicate" in out
    text = desk.config.read_text()
    assert text.startswith("# mine\n")
    assert "[ignore]  # by hand" in text
    table = tomllib.loads(text)
    assert table["ignore"]["1"][0] == [1, 2, 3, 4]
    assert table["news"] == 35
    (scene,) = table["scene"]
    picture = desk.config.parent / scene["reference"]
    assert picture.stat().st_mode & 0o777 == 0o600
    assert framesift("sweep", "--again")[0] == 0
    rows = [json.loads(line) for line in framesift("history", "--json")[1].splitlines()]
    assert sum(bool(row["scene"]) for row in rows) == 20
    assert sum(bool(row["scene"]) and row["kind"] != "duplicate" for row in rows) == 1
    assert len(list(desk.root.rglob("*.png"))) < kept
    assert framesift("-q", "learn", "2020", "--json")[0] == 0
    assert json.loads(framesift("-q", "learn", "2020", "--json")[1])["scenes"] == [], "it is known by now"
    assert framesift("learn", "--revert")[0] == 0
    assert desk.config.read_text() == before
    assert "nothing was applied" in framesift("learn", "--revert")[2]


def test_the_doctor_says_what_could_be_learned(desk: Desk, framesift: Framesift) -> None:
    morning = datetime.combine(date.today(), MORNING.time())
    week(desk, office, begin=morning - timedelta(days=6))
    assert framesift("sweep")[0] == 0
    assert re.search(
        r"odd +clocks +\d+ kept screens of the last 14 days show nothing but another time", framesift("doctor")[1]
    )
    assert f"mend         framesift learn {desk.root}" in framesift("doctor", desk.root)[1]
    assert framesift("learn", "--apply")[0] == 0
    assert framesift("sweep", "--again")[0] == 0
    assert re.search("well +clocks", framesift("doctor")[1])


def test_a_picture_that_is_gone_and_a_ledger_without_digests_do_not_stop_it(desk: Desk, framesift: Framesift) -> None:
    week(desk, office)
    assert framesift("sweep")[0] == 0
    with desk.ledger() as ledger:
        ledger.write(lambda db: db.execute("UPDATE picture SET digest = NULL"))
    (scene,) = json.loads(framesift("-q", "learn", "2020", "--json")[1])["scenes"]
    Path(scene["reference"]).unlink()
    code, out, err = framesift("-q", "learn", "2020", "--json")
    assert code == 0, err
    (other,) = json.loads(out)["scenes"]
    assert other["reference"] != scene["reference"]
    assert other["ignore"] == scene["ignore"]


def test_a_rehearsal_knows_all_references_of_the_scenes_that_are_there(desk: Desk, framesift: Framesift) -> None:
    names = ["another.png", "lock.png"]
    for name, image in zip(names, (paper(1234), locked(MORNING)), strict=True):
        (desk.config.parent / name).write_bytes(png(image))
    parts = [[x - 4, y - 4, width + 8, height + 8] for x, y, width, height in (CLOCK, DATE)]
    scene = f'[[scene]]\nname = "lock"\nreference = {json.dumps(names)}\nignore = {parts}\n'
    desk.config.write_text(f"{desk.head}guard = 0.9\n{scene}")
    week(desk, office, days=2)
    assert framesift("sweep")[0] == 0
    code, out, err = framesift("learn", "2020", "--rehearse", "--json")
    assert code == 0, err
    assert json.loads(out)["scenes"] == []
    assert not any(change.startswith("duplicate") for change in json.loads(out)["changes"])


def test_a_file_that_was_changed_since_is_not_taken_back(desk: Desk, framesift: Framesift) -> None:
    week(desk, office)
    assert framesift("sweep")[0] == 0
    assert framesift("learn", "2020", "--apply")[0] == 0
    with desk.config.open("a") as file:
        file.write("# changed\n")
    code, _, err = framesift("learn", "--revert")
    assert code == 1
    assert "was changed since" in err
    assert desk.config.read_text().endswith("# changed\n")


def test_where_nothing_is_learned_nothing_is_applied(desk: Desk, framesift: Framesift) -> None:
    week(desk, lambda number, _: paper(number), days=1)
    assert framesift("sweep")[0] == 0
    text = desk.config.read_text()
    code, out, err = framesift("learn", "2020", "--apply")
    assert code == 1
    assert "no clock was found" in out
    assert "there is nothing to apply" in err
    assert desk.config.read_text() == text


def test_the_page_draws_each_clock_into_its_screen(desk: Desk, framesift: Framesift, tmp_path: Path) -> None:
    week(desk, office)
    assert framesift("sweep")[0] == 0
    file, mine = tmp_path / "learned.html", tmp_path / "mine.html"
    mine.write_text("mine")
    assert "is no report of framesift's" in framesift("learn", "2020", "--html", mine)[2]
    assert mine.read_text() == "mine"
    code, out, err = framesift("learn", "2020-05", "--rehearse", "--html", file)
    assert code == 0, err
    assert f"{file} (" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 or os.name == "nt"
    page = file.read_text(encoding="utf-8")
    assert "Learned from May 2020" in page
    assert re.findall(r"<h2 id=\"proposal-\d\">(.*)</h2>", page) == [
        "Display 1 of 1280 x 800: a clock",
        "Display 1 of 1280 x 800: scene 1",
    ]
    assert page.count("<img src=") == 2 + 2 * 4
    assert "similar -&gt; duplicate" in page
    assert f"learn 2020-05-01..2020-05-31 {desk.root} --apply" in page
    framesift("learn", "2020-05", "--html", file)  # a page of its own is replaced
    assert "-&gt;" not in file.read_text(encoding="utf-8").split("</style>")[1].split("<script>")[0]
    shutil.rmtree(desk.root)
    framesift("learn", "2020-05", "--html", file)
    assert "no clock was found" in file.read_text(encoding="utf-8")


def test_what_is_drawn_is_what_is_ignored() -> None:
    image = Image.new("RGB", (1200, 800), (200, 200, 200))
    drawn = _drawn(image, [(100, 100, 50, 20), (1190, 790, 50, 50)])
    assert drawn.getpixel((120, 110)) == (200, 200, 200)
    assert drawn.getpixel((500, 500)) == (90, 90, 90)
    assert drawn.getpixel((97, 110)) not in {(200, 200, 200), (90, 90, 90)}


def moving(_: int, moment: datetime) -> Image.Image:
    """A saver whose clock is at another place each time."""
    image = Image.new("RGB", SIZE, (8, 8, 16))
    chance = random.Random(moment.isoformat())
    lettered(ImageDraw.Draw(image), (chance.randrange(900), chance.randrange(700), 300, 70), f"{moment:%H:%M}")
    return image


def still(number: int, moment: datetime) -> Image.Image:
    """A lock screen without a clock, in between pages."""
    return paper(999) if number % 3 == 2 else with_panel(paper(number), moment)


@pytest.mark.parametrize("draw", [moving, still], ids=["a clock that moves", "a lock screen without a clock"])
def test_of_these_no_scene_is_made(learned: Callable[..., Found], draw: Draw) -> None:
    assert learned(draw, 3)["scenes"] == []


def test_each_wallpaper_of_a_lock_screen_becomes_a_scene(learned: Callable[..., Found]) -> None:
    def rotating(number: int, moment: datetime) -> Image.Image:
        return locked(moment, 999 + moment.day % 2) if number % 4 == 3 else with_panel(paper(number), moment)

    found = learned(rotating, 6)["scenes"]
    assert len(found) == 2
    for scene in found:
        for x, y, width, height in (CLOCK, DATE):
            assert within((x + 4, y + 4, width - 16, height - 12), scene["ignore"])


def test_a_log_or_a_film_in_a_small_window_is_no_clock(learned: Callable[..., Found]) -> None:
    def small(number: int, moment: datetime) -> Image.Image:
        image = with_panel(paper(5), moment)
        if number % 5:
            image.paste(log_of(number * 7, moment).crop((0, 30, 300, 250)), (700, 300))
        return image

    assert learned(small, 3)["scenes"] == []


def test_where_something_else_always_moves_news_are_not_proposed(desk: Desk, framesift: Framesift) -> None:
    def drifting(number: int, moment: datetime) -> Image.Image:
        image, chance = office(number, moment), random.Random(number)
        x, y = chance.randrange(60, 1100), chance.randrange(60, 700)
        ImageDraw.Draw(image).rectangle([x, y, x + 60, y + 8], "white")
        return image

    week(desk, drifting)
    assert framesift("sweep")[0] == 0
    assert json.loads(framesift("-q", "learn", "2020", "--json")[1])["restless"] == [1]
    code, out, err = framesift("learn", "2020", "--apply")
    assert code == 0, err
    assert "not proposed: something else moves on most screens of display 1" in " ".join(out.split())
    table = tomllib.loads(desk.config.read_text())
    assert "ignore" in table
    assert "news" not in table


@pytest.mark.parametrize("every", [1, 2])
def test_pictures_that_are_of_another_size_by_now_do_not_stop_it(desk: Desk, framesift: Framesift, every: int) -> None:
    week(desk, office)
    assert framesift("sweep")[0] == 0
    (scene,) = json.loads(framesift("-q", "learn", "2020", "--json")[1])["scenes"]
    others = sorted(desk.root.rglob("*.png")) + sorted(desk.quarantine.rglob("*.png"))
    for picture in [Path(scene["reference"])] if every == 1 else others[::every]:
        picture.write_bytes(png(Image.new("RGB", (640, 300), "white")))
    code, out, err = framesift("-q", "learn", "2020", "--rehearse", "--json", "--html", desk.base / "page.html")
    assert code == 0, err
    assert len(json.loads(out)["scenes"]) == 1


def test_what_is_only_tried_is_held_no_longer(desk: Desk, framesift: Framesift) -> None:
    week(desk, office)
    assert framesift("sweep")[0] == 0
    before = scenes._held.cache_info().currsize
    assert len(json.loads(framesift("-q", "learn", "2020", "--json")[1])["scenes"]) == 1
    assert scenes._held.cache_info().currsize == before


def test_a_screen_that_was_kept_of_another_display_is_looked_at_once(desk: Desk, framesift: Framesift) -> None:
    desk.config.write_text(f"{desk.head}across_displays = true\n")
    for display, moment in ((1, MORNING), (2, MORNING + timedelta(days=40)), (2, MORNING + timedelta(days=41))):
        folder = desk.root / f"{moment:%Y-%m}" / f"{moment:%Y-%m-%d}"
        folder.mkdir(parents=True)
        folder.joinpath(f"{moment:%Y-%m-%d_%H.%M.%S}_{display}.png").write_bytes(png(paper(1)))
    assert framesift("sweep")[0] == 0
    code, out, err = framesift("-q", "learn", "2020-06", "--json")
    assert code == 0, err
    assert json.loads(out)["screens"] == 1


def test_beside_a_guard_no_news_are_proposed(desk: Desk, framesift: Framesift) -> None:
    desk.config.write_text(f"{desk.head}guard = 0.5\n")
    week(desk, office)
    assert framesift("sweep")[0] == 0
    assert "not proposed: guard is 0.5" in " ".join(framesift("learn", "2020", "--apply")[1].split())
    assert "news" not in tomllib.loads(desk.config.read_text())
