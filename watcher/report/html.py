"""A report as one HTML file that needs nothing else: no network, no other file, no script but its own."""

import base64
import hashlib
from pathlib import Path

import jinja2

from watcher import __version__
from watcher.report.page import LearnedPage, Page
from watcher.review.strips import Look

PAGES = Path(__file__).with_name("pages")
MARK = b'<!doctype html>\n<html lang="en" data-framesift-report>\n'
"""How every page begins, so that a report is known from a stranger's file."""

_LEGEND = {
    Look.NEW: "new",
    Look.SIMILAR: "similar",
    Look.BACK: "an earlier screen came back",
    Look.UNCHANGED: "unchanged",
    Look.UNREADABLE: "unreadable",
    Look.OFF: "off: others were captured",
    Look.SILENT: "no captures",
}


def render(page: Page | LearnedPage) -> bytes:
    """*page* as a whole HTML file in UTF-8."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_own(name) for name in ("report.css", "report.js"))
    template = "report.html.j2" if isinstance(page, Page) else "learned.html.j2"
    text = environment.get_template(template).render(
        page=page,
        version=__version__,
        legend=_LEGEND,
        style=style,
        script=script,
        policy=_policy(style, script),
    )
    # A name may hold half a character; nothing of it may keep the page from being written.
    return MARK + text.encode("utf-8", "backslashreplace")


def is_ours(beginning: bytes) -> bool:
    """Whether a file that begins so is a report."""
    return beginning.startswith(MARK)


def _own(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """What the page may do: show pictures that lie in it, and obey exactly this style and this script."""
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none';"
        f" style-src {_source(style)}; script-src {_source(script)}"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
