"""Who else could write it is not obeyed: modes, owners, links, and the folders above."""

import os
import sys
from pathlib import Path

import pytest

from watcher.errors import SettingsError, WatcherError
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings
from watcher.settings.trust import read_trusted, require_trusted_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes as POSIX has them")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "conf" / "framesift.toml"
    file.parent.mkdir(mode=0o755)
    file.write_text("window = 7\n")
    file.chmod(0o644)
    return file


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o622])
def test_a_file_that_others_can_write_is_not_read_and_the_mend_is_named(file: Path, mode: int) -> None:
    assert read_trusted(file) == b"window = 7\n"
    file.chmod(mode)
    with pytest.raises(WatcherError, match=f"can be written by others; chmod go-w {file}"):
        read_trusted(file)


@as_root
def test_a_group_may_write_only_where_it_is_the_users_own_and_a_strangers_file_is_not_read(file: Path) -> None:
    file.chmod(0o664)
    with pytest.raises(WatcherError, match="chmod go-w"):
        read_trusted(file)
    os.chown(file, 12345, 0)
    file.chmod(0o600)
    with pytest.raises(WatcherError, match="belongs to another user"):
        read_trusted(file)


def test_what_a_device_says_nobody_else_decides() -> None:
    assert read_trusted(Path("/dev/null")) == b""


def test_settings_that_others_can_write_are_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    folders = Folders(file, tmp_path / "state", tmp_path / "log", config_named=True)
    assert Settings.load(folders, {}, {}).window == 7
    (tmp_path / "link.toml").symlink_to(file)
    file.chmod(0o666)
    for name in (file, tmp_path / "link.toml"):
        with pytest.raises(SettingsError, match="can be written by others; chmod go-w") as refused:
            Settings.load(Folders(name, tmp_path / "state", tmp_path / "log"), {}, {})
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("mode", "is_trusted"), [(0o755, True), (0o777, False), (0o1777, False)])
def test_nobody_else_may_put_a_file_into_the_folder(file: Path, mode: int, is_trusted: bool) -> None:
    file.parent.chmod(mode)
    assert trusts(file.parent) is is_trusted


@pytest.mark.parametrize(("mode", "is_trusted"), [(0o755, True), (0o777, False), (0o1777, True), (0o770, True)])
def test_nobody_else_may_put_another_folder_into_its_place(file: Path, mode: int, is_trusted: bool) -> None:
    hooks = file.parent / "hooks"
    hooks.mkdir(mode=0o755)
    file.parent.chmod(mode)
    if mode == 0o770 and os.geteuid() != 0:
        pytest.skip("root alone knows whom it lets in")
    assert trusts(hooks) is is_trusted


def test_a_home_that_a_group_may_write_is_as_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = file.parent / "hooks"
    hooks.mkdir(mode=0o755)
    monkeypatch.setenv("HOME", str(file.parent))
    file.parent.chmod(0o775)
    if os.geteuid() == 0:
        os.chown(file.parent, 12345, 12345)
    assert trusts(hooks)
    file.parent.chmod(0o777)
    assert not trusts(hooks)


def test_every_link_on_the_way_is_followed(file: Path, tmp_path: Path) -> None:
    hooks, shared = file.parent / "hooks", tmp_path / "shared"
    (shared / "hooks").mkdir(parents=True)
    (tmp_path / "again").symlink_to(Path("shared") / "nothing" / ".." / "hooks")
    (shared / "nothing").mkdir()
    hooks.symlink_to(tmp_path / "again")
    assert trusts(hooks)
    shared.chmod(0o777)
    assert not trusts(hooks)
    (tmp_path / "circle").symlink_to("circle")
    assert not trusts(tmp_path / "circle" / "hooks")


@as_root
def test_a_link_or_a_folder_of_a_stranger_leads_nowhere(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file.parent)
    assert trusts(tmp_path / "link")
    os.chown(tmp_path / "link", 12345, 0, follow_symlinks=False)
    assert not trusts(tmp_path / "link")
    os.chown(file.parent, 12345, 0)
    assert not trusts(file.parent)


def trusts(folder: Path) -> bool:
    try:
        require_trusted_folder(folder)
    except WatcherError:
        return False
    return True


def test_a_link_to_settings_may_be_put_there_by_nobody_else(file: Path, tmp_path: Path) -> None:
    """A stranger's link in an open folder leads to a file of our own, such as a download."""
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "framesift.toml").symlink_to(file)
    assert read_trusted(folder / "framesift.toml") == b"window = 7\n"
    folder.chmod(0o777)
    with pytest.raises(WatcherError, match=f"{folder} can be written by others"):
        read_trusted(folder / "framesift.toml")
    folder.chmod(0o755)
    file.parent.chmod(0o777)
    with pytest.raises(WatcherError, match=f"{file.parent} can be written by others"):
        read_trusted(folder / "framesift.toml")
    file.parent.chmod(0o755)


def test_where_the_settings_may_lie(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sticky folder such as /tmp, in a home that a group may write, and where nobody has a home."""
    for mode in (0o1777, 0o770):
        file.parent.chmod(mode)
        monkeypatch.setenv("HOME", str(file.parent if mode == 0o770 else tmp_path / "home"))
        assert read_trusted(file) == b"window = 7\n"
    file.parent.chmod(0o755)

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert read_trusted(file) == b"window = 7\n"
