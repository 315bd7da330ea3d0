"""One page to look back: what its strips say, what it shows, that it fits, and that it is safe to open."""

import base64
import hashlib
import html
import json
import os
import re
import shlex
import stat
import sys
import time
import webbrowser
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.album import Album, Plan, Weeks, drawn
from tests.conftest import Framesift
from tests.desk import CONTENT, Desk, Shelf, capture_of, land, wait_for
from tests.pictures import screen
from watcher.cli import main
from watcher.demo.scenes import SceneKind
from watcher.model.kept_frame import KeptFrame
from watcher.model.period import Period
from watcher.model.query import Query
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Verdict
from watcher.report import cards, compose, second_looks
from watcher.report.html import render
from watcher.report.page import Day, Page, Segment, Strip
from watcher.review.strips import Look
from watcher.settings.folders import FOLDER_VARIABLES

DAY = datetime(2020, 5, 4)
WHOLE_DAY = Period(DAY, DAY + timedelta(days=1))


def at(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


# --- the verb ---


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Weeks:
    """Two days of three small displays, from nine to one."""
    desk = Desk(tmp_path_factory.mktemp("month"))
    desk.root.mkdir()
    return Weeks(desk, Plan(DAY, 2, hours=(9, 13))).fill()


Report = Callable[..., str]


@pytest.fixture
def report(month: Weeks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Report:
    """Makes a report of the days of the month, in an empty folder, and returns its text; or what was complained of."""
    for name in FOLDER_VARIABLES:
        monkeypatch.setenv(name, month.desk.environment[name])
    monkeypatch.chdir(tmp_path)

    def make(*arguments: str, code: int = 0) -> str:
        found = main(["report", *arguments])
        written = capfd.readouterr()
        assert found == code, written
        return written.err if code else Path("out.html").read_text(encoding="utf-8")

    return make


PERIOD = ("2020-05-04..2020-05-05", "--html", "out.html")


class TestVerb:
    def test_the_page_tells_of_days_savings_and_second_looks(self, report: Report, month: Weeks) -> None:
        page = report(*PERIOD)
        assert "<h1>4 to 5 May 2020</h1>" in page
        assert page.count('<section class="day"') == 2
        assert page.count('<div class="track"') == 6
        assert re.search(r"stood \d+ h", page)
        assert page.count('<article class="look"') >= 1
        assert f"{len(month.entries)} captures of 3 displays" in page
        assert str(month.desk.quarantine) in page

    def test_highlights_writes_the_page_with_those_that_were_asked_for(self, report: Report) -> None:
        whole = report(*PERIOD)
        assert main(["highlights", PERIOD[0], "-n", "1", "--html", "few.html"]) == 0
        few = Path("few.html").read_text(encoding="utf-8")
        assert few.count('<section class="day"') == whole.count('<section class="day"')
        assert 0 < len(few) < len(whole)
        Path("other.html").write_text("mine")
        assert main(["highlights", PERIOD[0], "--html", "other.html"]) == 1
        assert Path("other.html").read_text() == "mine"

    def test_a_command_on_the_page_restores_what_it_is_beside(self, report: Report, month: Weeks) -> None:
        commands = re.findall(r"<code>(framesift restore [^<]+)</code>", report(*PERIOD))
        path = Path(shlex.split(html.unescape(commands[0]))[-1])
        assert path.is_relative_to(month.desk.quarantine)
        assert main(["restore", "--dry-run", str(path)]) == 0

    @pytest.mark.usefixtures("report")
    def test_it_is_named_after_its_period_and_nobody_else_may_read_it(self, tmp_path: Path) -> None:
        assert main(["report", "2020-05-04"]) == 0
        file = tmp_path / "framesift-report-2020-05-04.html"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == [file.name]

    def test_a_report_is_made_anew_and_another_file_stays(self, report: Report, tmp_path: Path) -> None:
        report(*PERIOD)
        (tmp_path / "out.html").chmod(0o644)
        report(*PERIOD)
        assert stat.S_IMODE((tmp_path / "out.html").stat().st_mode) == 0o600
        (tmp_path / "out.html").write_text("<!doctype html>\n<p>mine</p>")
        assert "out.html exists and is no report of framesift's" in report(*PERIOD, code=1)
        assert (tmp_path / "out.html").read_text() == "<!doctype html>\n<p>mine</p>"

    def test_a_link_is_replaced_and_what_it_points_to_stays(self, report: Report, tmp_path: Path) -> None:
        report(*PERIOD)
        older = (tmp_path / "out.html").rename(tmp_path / "older.html")
        before = older.read_bytes()
        (tmp_path / "out.html").symlink_to(older)
        report(*PERIOD)
        assert not (tmp_path / "out.html").is_symlink()
        assert older.read_bytes() == before

    def test_a_link_that_leads_nowhere_stays_one(self, report: Report, tmp_path: Path) -> None:
        (tmp_path / "out.html").symlink_to(tmp_path / "elsewhere.html")
        assert "is a link that leads nowhere" in report(*PERIOD, code=1)
        assert not (tmp_path / "elsewhere.html").exists()

    def test_what_cannot_be_written_is_one_line(self, report: Report) -> None:
        assert "cannot be written: No such file or directory" in report(PERIOD[0], "--html", "no/out.html", code=1)

    def test_what_is_no_file_is_left_alone(self, report: Report, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert "pipe is no file" in report(PERIOD[0], "--html", "pipe", code=1)
        assert "is no file" in report(PERIOD[0], "--html", str(tmp_path), code=1)

    def test_a_period_without_captures_is_one_line(self, report: Report, tmp_path: Path) -> None:
        assert report("2021", "--html", "out.html", code=1).count("\n") == 1
        assert not (tmp_path / "out.html").exists()

    def test_what_is_no_period_is_wrong_usage(self, report: Report) -> None:
        assert "is no period" in report("someday", code=2)

    def test_the_browser_is_shown_the_file(
        self, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown = tmp_path / "shown"
        monkeypatch.setattr(webbrowser, "_tryorder", None)
        monkeypatch.setenv("BROWSER", f"{sys.executable} -c \"import sys; open('{shown}', 'w').write(sys.argv[1])\" %s")
        report(*PERIOD, "--open")
        wait_for(lambda: shown.exists() and bool(shown.read_text()))
        assert shown.read_text() == (tmp_path / "out.html").as_uri()

    def test_a_picture_that_is_gone_or_another_is_said_and_not_shown(self, report: Report, month: Weeks) -> None:
        before = report(*PERIOD)
        file = month.entries[0].location
        content = file.read_bytes()
        file.rename(file.with_suffix(".away"))
        try:
            file.write_bytes(content + b"more")
            page = report(*PERIOD)
        finally:
            file.with_suffix(".away").replace(file)
        assert "its picture cannot be shown" in page
        assert page.count("<img") < before.count("<img")


def test_captures_that_nobody_judged_are_told_of_in_one_line(shelf: Shelf, tmp_path: Path) -> None:
    left = [capture_of(shelf.desk.put(tick, CONTENT)) for tick in range(3)]
    with shelf.desk.ledger() as ledger:
        ledger.adopt(shelf.desk.root, left)
    out = str(tmp_path / "out.html")
    assert "nothing of 2020 was judged" in (said := shelf.run("report", "2020", "--html", out, code=1))
    assert "3 captures from before the first start wait for framesift sweep" in said
    shelf.keep(5)
    shelf.run("report", "2020", "--html", out)
    assert "3 captures from before the first start are not in here" in Path(out).read_text()


def test_highlights_and_the_page_tell_the_same_of_how_long_a_screen_stood(
    desk: Desk, framesift: Framesift, tmp_path: Path
) -> None:
    with desk.ledger() as ledger:
        album = Album(desk, ledger)
        album.stand(at(9), 36, drawn(SceneKind.EDITOR))
        photo = album.stand(at(15), 4, drawn(SceneKind.PHOTO))
        album.stand(at(15, 55), 12, drawn(SceneKind.EDITOR, 1))  # two and a half intervals after the last of the photo
    out = str(tmp_path / "out.html")
    said = json.loads(framesift("highlights", "--json", "2020-05-04", "--html", out)[1])
    stood_seconds = {one["entry"]["id"]: one["stood_seconds"] for one in said["highlights"]}
    assert stood_seconds[photo.id] == 55 * 60
    cards = re.findall(r"<figcaption>(.*?)</figcaption>", Path(out).read_text(encoding="utf-8"), re.DOTALL)
    of_photo = [card for card in cards if "15:00</time>" in card]
    assert len(of_photo) == 2, "as a highlight, and among what stood longest on its day"
    assert all("stood 55 min" in card for card in of_photo)
    assert "      55 min     4" in framesift("highlights", "2020-05-04")[1]


HOSTILE = (
    "<script>alert(1)</script>_1.png",
    '"><img src=x onerror=alert(2)>_1.png',
    "\x1b[31m\nred_1.png",
    "\udcff_1.png",
)


def hostile_page(shelf: Shelf, out: Path) -> None:
    for number, name in enumerate(HOSTILE):
        land(shelf.desk.root / name, screen(number), mtime_ns=1_588_579_200_000_000_000 + number * 600_000_000_000)
        capture = capture_of(shelf.desk.root / name)
        with shelf.at_work() as (_, custody):
            verdict = Verdict(capture, Kind.NEW, NOTHING_TO_COMPARE, Policy())
            custody.carry_out(verdict, KeptFrame(capture, 9, 9, b"s"))
    shelf.run("report", "2020", "--html", out)


def test_names_of_strangers_stay_text(shelf: Shelf, tmp_path: Path) -> None:
    hostile_page(shelf, tmp_path / "out.html")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;_1.png" in page
    assert r"\x1b[31m\x0ared_1.png" in page
    assert r"\xff_1.png" in page
    assert "/%FF_1.png" in page, "the link names the file by its bytes"


def test_the_policy_allows_this_style_and_script_alone(report: Report) -> None:
    page = report(*PERIOD)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert html.unescape(policy).startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in html.unescape(policy)
    assert not re.search(r'\s(?:style|on[a-z]+)="', page), "would be refused"
    assert not re.search(r'(?:src|href)="(?!data:|#|file:)', page), "nothing comes from elsewhere"


def test_the_allowances_of_all_pictures_and_strips_together_are_fifteen_megabytes() -> None:
    highlights = Query(WHOLE_DAY).count * (cards.SMALL.bytes + cards.LARGE.bytes)
    looks = second_looks.SECOND_LOOKS * (3 * second_looks._WHOLE.bytes + 2 * second_looks._DETAIL.bytes)
    segment = rendered_size(segments=1001) - rendered_size(segments=1)
    assert (highlights + looks + compose._STOOD_BYTES) * 4 / 3 + compose._SEGMENTS * segment / 1000 < 15e6


def rendered_size(segments: int) -> int:
    part = Segment(1234.5, 234.5, Look.UNREADABLE, "23:45 to 24:00: 10 unreadable pictures")
    day = Day("Monday", "2020-05-04", "", (Strip(1, (part,) * segments, ""),))
    return len(render(Page("", "", "", "", (), (), (day,), (), (), "")))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_month_of_three_displays_is_small_and_soon_made(desk: Desk, framesift: Framesift, tmp_path: Path) -> None:
    month = Weeks(desk, Plan(datetime(2020, 6, 1), 30, sizes=((480, 300),) * 3)).fill()
    assert len(month.entries) > 12_000
    out = tmp_path / "month.html"
    begin = time.process_time()
    assert framesift("report", "2020-06", "--html", out)[0] == 0
    assert time.process_time() - begin < 60
    page = out.read_text(encoding="utf-8")
    assert len(page) < 15_000_000
    assert page.count('<section class="day"') == 30
