"""The first minute: the demo is the real watcher, tells what became of it, and leaves nothing behind."""

import re
from pathlib import Path

import pytest

from tests.conftest import Framesift


def test_the_demo_judges_what_it_draws_and_leaves_nothing(
    framesift: Framesift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = framesift("demo", "--seconds", "1")
    assert (code, err) == (0, "")
    assert "framesift watches beside it" in out
    assert re.search(r" 1  new ", out)
    told = re.search(r"(\d+) pictures were taken; \d+ of them \(\d+%\) showed nothing new and left", out)
    assert told is not None
    assert int(told[1]) >= 3
    assert not list(tmp_path.glob("framesift-demo-*"))


def test_the_pictures_of_the_demo_can_be_kept_and_brought_back(
    framesift: Framesift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, _ = framesift("demo", "--seconds", "4", "--keep")
    assert code == 0
    (base,) = tmp_path.glob("framesift-demo-*")
    assert f"The pictures are in {base}" in out
    assert f"framesift --state-dir {base / 'state'} restore --all" in out
    before = len(list(base.rglob("*.png")))
    code, _, err = framesift("--state-dir", base / "state", "restore", "--all", "--yes")
    assert code == 0, err
    assert len(list((base / "ScreenRecord").rglob("*.png"))) == before
