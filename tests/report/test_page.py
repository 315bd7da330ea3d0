"""The page in a real browser: it asks for nothing, obeys its policy, and is used by keyboard, ear, eye and thumb."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests import browser
from tests.album import Plan, Weeks
from tests.browser import DESKTOP, PHONE, Browser
from tests.desk import Shelf, working_desk
from tests.report.test_report import hostile_page
from watcher.cli import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(browser.PROGRAM is None, reason="there is no Chromium or Chrome here to open a page with"),
]


FIRST = "document.querySelector('#highlights button.view')"
ALT = "document.activeElement.querySelector('img')?.alt"
IS_OPEN = "document.querySelector('dialog').open"
SHOWN = "document.querySelector('dialog img').alt"
TRACK = "document.querySelectorAll('.track')[0]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A report on a drawn week."""
    with working_desk(tmp_path_factory.mktemp("week")) as desk, pytest.MonkeyPatch.context() as patch:
        Weeks(desk, Plan(datetime(2020, 5, 4), 7, hours=(8, 18), topics=30)).fill()
        patch.setenv("FRAMESIFT_CONFIG", str(desk.config))
        patch.setenv("FRAMESIFT_STATE_DIR", str(desk.state))
        patch.setenv("FRAMESIFT_LOG_DIR", str(desk.logs))
        assert main(["report", "2020-05-04..2020-05-10", "--html", str(desk.base / "out.html")]) == 0
        yield desk.base / "out.html"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser.browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def tab(program: Browser, page: Path) -> Browser:
    program.events.clear()
    program.look_like(DESKTOP)
    program.open(page)
    return program


def test_it_asks_for_nothing_but_itself_and_nothing_goes_wrong(tab: Browser, page: Path) -> None:
    tab.value(f"{FIRST}.click()")
    tab.value("document.querySelector('dialog .copy').click()")
    tab.press("Escape")
    # Every picture is decoded, also those far below.
    decoded = "Promise.all([...document.images].filter(i => i.src).map(i => (i.loading = 'eager', i.decode())))"
    assert tab.value(f"{decoded}.then(all => all.length)") > 30
    assert set(tab.requests()) == {page.as_uri()}
    assert tab.complaints() == []


def test_what_the_policy_forbids_is_refused(tab: Browser) -> None:
    tab.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">')")
    tab.value("document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 2'}))")
    assert tab.value("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert tab.value("document.title").endswith("framesift")
    assert any("Content Security Policy" in complaint for complaint in tab.complaints())


def test_the_large_view_is_opened_walked_and_left_with_keys(tab: Browser) -> None:
    tab.value(f"{FIRST}.focus()")
    first = tab.value(ALT)
    tab.press("Enter")
    assert tab.value(IS_OPEN)
    assert tab.value(SHOWN) == first
    assert tab.value("document.querySelector('dialog img').naturalWidth") >= 270
    tab.press("ArrowRight")
    second = tab.value(SHOWN)
    assert second != first
    tab.press("ArrowLeft")
    tab.press("ArrowLeft")
    last = tab.value("[...document.querySelectorAll('#highlights button.view img')].at(-1).alt")
    assert tab.value(SHOWN) == last, "it goes round"
    assert "xdg-open" in tab.value("document.querySelector('dialog code').textContent")
    tab.press("Escape")
    tab.value("new Promise(done => setTimeout(done, 50))")
    assert not tab.value(IS_OPEN)
    assert tab.value(ALT) == last, "focus is on the picture that was seen last"


def test_arrows_go_through_a_sheet_of_pictures(tab: Browser) -> None:
    tab.value(f"{FIRST}.focus()")
    names = tab.value("[...document.querySelectorAll('#highlights button.view img')].map(i => i.alt)")
    tab.press("ArrowRight")
    assert tab.value(ALT) == names[1]
    tab.press("ArrowDown")
    assert tab.value(ALT) == names[5], "four in a row"
    tab.press("ArrowUp")
    tab.press("ArrowLeft")
    assert tab.value(ALT) == names[0]


def test_a_strip_is_one_stop_and_tells_its_pieces(tab: Browser) -> None:
    tab.value(f"{TRACK}.focus()")
    assert tab.value(f"{TRACK}.getAttribute('aria-valuetext')") == "00:00 to 08:00: no captures"
    tab.press("ArrowRight")
    told = tab.value(f"{TRACK}.getAttribute('aria-valuetext')")
    assert told.startswith("08:00 to ")
    assert tab.value("document.querySelector('.readout').textContent") == f"Display 1, {told}"
    tab.value(f"{TRACK}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y = tab.value(f"(b => [b.left + b.width * 0.99, b.top + 9])({TRACK}.getBoundingClientRect())")
    tab.move(x, y)
    assert tab.value("document.querySelector('.readout').textContent").endswith("to 24:00: no captures")


def test_a_screen_reader_finds_landmarks_names_and_headings(tab: Browser) -> None:
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert len(tab.names(landmark)) == 1, landmark
    headings = tab.names("heading")
    assert headings[:2] == ["4 to 10 May 2020", "Highlights"]
    assert {"Days", "Second looks", "Savings", "Monday, 4 May 2020"} <= set(headings)
    assert all(tab.names("button"))
    assert all(tab.names("image"))
    assert all("Display" in name for name in tab.names("slider"))
    assert len(tab.names("slider")) == 21
    tab.value(f"{FIRST}.click()")
    assert tab.names("dialog") == ["Large view"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(tab: Browser, scheme: str) -> None:
    tab.look_like(DESKTOP, scheme)
    contrast = """((ink, paper) => {
      const light = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number)
        .map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, band) => sum + part * [0.2126, 0.7152, 0.0722][band], 0);
      const [low, high] = [light(ink), light(paper)].sort((one, other) => one - other);
      return (high + 0.05) / (low + 0.05);
    })"""
    paper = "getComputedStyle(document.body).backgroundColor"
    for selector in ("h1", ".lead", "nav a", "figcaption", ".remark", ".axis", ".display"):
        ink = f"getComputedStyle(document.querySelector('{selector}')).color"
        assert tab.value(f"{contrast}({ink}, {paper})") >= 4.5, selector
    dark = tab.value(f"{paper}.match(/[0-9]+/)[0] < 128")
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("size", [PHONE, DESKTOP, (320, 568)])
def test_nothing_is_wider_than_the_window(tab: Browser, size: tuple[int, int]) -> None:
    tab.look_like(size, touch=size[0] < DESKTOP[0])
    assert tab.value("document.documentElement.scrollWidth") == size[0]
    tab.value(f"{FIRST}.click()")
    box = tab.value(
        "(b => [b.left, b.top, b.right, b.bottom])(document.querySelector('dialog img').getBoundingClientRect())"
    )
    assert box[0] >= 0
    assert box[1] >= 0
    assert box[2] <= size[0]
    assert box[3] <= size[1]


def test_it_can_be_printed(tab: Browser) -> None:
    tab.ask("Emulation.setEmulatedMedia", media="print")
    hidden = "getComputedStyle(document.querySelector('{}')).display"
    assert [tab.value(hidden.format(name)) for name in ("nav", ".readout", ".copy")] == ["none"] * 3
    assert len(tab.ask("Page.printToPDF")["data"]) > 100_000
    tab.ask("Emulation.setEmulatedMedia", media="")


def test_without_scripts_all_of_it_can_be_read(tab: Browser, page: Path) -> None:
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(page)
        assert (
            len([name for name in tab.names("image") if name.startswith("Display 1, ") and "no captures for" in name])
            == 7
        )
    finally:
        tab.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_hostile_names_do_nothing_in_a_browser(program: Browser, shelf: Shelf, tmp_path: Path) -> None:
    hostile_page(shelf, tmp_path / "out.html")
    program.events.clear()
    program.open(tmp_path / "out.html")
    program.value("document.querySelector('button.view').click()")
    assert program.complaints() == []
    assert set(program.requests()) == {(tmp_path / "out.html").as_uri()}
    assert program.value("document.querySelectorAll('script').length") == 1
    assert "_1.png" in program.value("document.querySelector('dialog .path').textContent")
