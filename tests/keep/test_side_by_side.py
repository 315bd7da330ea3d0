"""Everybody at once on one root, each killed at random: a short run of the benchmark's row ``side-by-side``."""

import sys
from pathlib import Path

import pytest

from tests.side_by_side import side_by_side

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX has it"),
]


@pytest.mark.timeout(300)
def test_watcher_sweeps_restores_purges_and_retention_side_by_side_under_kills_keep_their_books(tmp_path: Path) -> None:
    balance = side_by_side(tmp_path, seconds=25, count=150)
    assert balance.wrong == []
    assert set(balance.states) <= {"kept", "quarantined", "restored", "purged"}
    assert balance.states.total() == balance.came == 150
    assert balance.kills.total() >= 3
