"""Moves: nothing is overwritten, nothing is lost, and every half-done move can be finished."""

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.desk import capture_of, facts, land
from tests.pictures import screen
from watcher.disk import files, names
from watcher.errors import ConflictError, GoneError
from watcher.model.capture import Capture


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "2020-05-04_09.00.00.000000_1.png"
    path.parent.mkdir()
    path.write_bytes(screen(1))
    path.chmod(0o640)
    os.utime(path, ns=(1_588_575_600_000_000_001, 1_588_575_600_123_456_789))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "picture.png"
    path.parent.mkdir()
    return path


def no_rename(*_: object) -> int:
    return errno.EINVAL


def other_volume(*_: object) -> int:
    return errno.EXDEV


def test_a_move_keeps_bytes_mtime_and_mode(source: Path, target: Path) -> None:
    before = facts(source)
    files.move(source, target, capture_of(source))
    assert facts(target) == before
    assert not source.exists()


@pytest.mark.parametrize("rename", [None, no_rename, other_volume])
def test_a_move_never_overwrites(source: Path, target: Path, rename: object, monkeypatch: pytest.MonkeyPatch) -> None:
    if rename:
        monkeypatch.setattr(names, "_rename_noreplace", rename)
    target.write_bytes(b"precious")
    with pytest.raises(ConflictError):
        files.move(source, target, capture_of(source))
    assert target.read_bytes() == b"precious"
    assert source.exists()


def test_without_an_exclusive_rename_a_link_does_it(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_rename_noreplace", no_rename)
    before = facts(source)
    files.move(source, target, capture_of(source))
    assert facts(target) == before
    assert not source.exists()


def test_to_another_volume_it_is_copied_whole(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = names._rename_noreplace

    def across(source_folder: int, name: bytes, target_folder: int, new: bytes) -> int:
        return real(source_folder, name, target_folder, new) if name.endswith(b".part") else errno.EXDEV

    monkeypatch.setattr(names, "_rename_noreplace", across)
    before = facts(source)
    files.move(source, target, capture_of(source))
    assert facts(target) == before
    assert not source.exists()
    assert list(target.parent.iterdir()) == [target]


def test_a_copy_that_was_cut_short_is_made_anew(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = names._rename_noreplace
    monkeypatch.setattr(
        names,
        "_rename_noreplace",
        lambda a, name, b, new: real(a, name, b, new) if name.endswith(b".part") else errno.EXDEV,
    )
    name = hashlib.sha256(target.name.encode()).hexdigest()[:16]
    (target.parent / f".framesift-{name}.part").write_bytes(b"half of it")
    before = facts(source)
    files.move(source, target, capture_of(source))
    assert facts(target) == before


def test_what_is_replaced_is_not_moved(source: Path, target: Path) -> None:
    capture = capture_of(source)
    source.write_bytes(screen(2))
    with pytest.raises(GoneError):
        files.move(source, target, capture)
    assert source.read_bytes() == screen(2)
    assert not target.exists()


def test_what_is_replaced_in_the_instant_of_the_move_goes_back(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, capture, calls = names._rename_noreplace, capture_of(source), list[bytes]()

    def late(a: int, name: bytes, b: int, new: bytes) -> int:
        if not calls:
            source.write_bytes(b"the next picture")
        calls.append(name)
        return real(a, name, b, new)

    monkeypatch.setattr(names, "_rename_noreplace", late)
    with pytest.raises(GoneError):
        files.move(source, target, capture)
    assert source.read_bytes() == b"the next picture"
    assert not target.exists()


def test_a_link_left_at_both_places_is_finished(source: Path, target: Path) -> None:
    capture = capture_of(source)
    os.link(source, target)
    files.move(source, target, capture)
    assert target.exists()
    assert not source.exists()


def test_a_copy_left_at_both_places_is_finished(source: Path, target: Path) -> None:
    capture = capture_of(source)
    target.write_bytes(source.read_bytes())
    os.utime(target, ns=(capture.mtime_ns, capture.mtime_ns))
    files.move(source, target, capture)
    assert target.exists()
    assert not source.exists()


def test_a_finished_move_can_be_repeated(source: Path, target: Path) -> None:
    capture = capture_of(source)
    files.move(source, target, capture)
    files.move(source, target, capture)
    assert target.exists()


@pytest.mark.parametrize("swapped", ["in", "out"])
def test_a_folder_swapped_for_a_link_moves_nothing(source: Path, target: Path, tmp_path: Path, swapped: str) -> None:
    capture, elsewhere = capture_of(source), tmp_path / "elsewhere"
    (tmp_path / swapped).rename(elsewhere)
    (tmp_path / swapped).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        files.move(source, target, capture)
    assert len(list(tmp_path.rglob("*.png"))) >= 1
    assert (tmp_path / "in" / source.name).exists()


def test_folders_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.make_private_folder(tmp_path / "a" / "b")
        files.write_private(tmp_path / "a" / "note", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "note").stat().st_mode) == 0o600


def test_a_file_is_deleted_only_if_it_is_the_captures(tmp_path: Path) -> None:
    names = ("right_1.png", "touched_1.png", "longer_1.png", "link_1.png", "folder_1.png")
    captures = {name: capture_of(land(tmp_path / name, b"picture", 1000)) for name in names}
    os.utime(tmp_path / "touched_1.png", ns=(1000, 1001))
    land(tmp_path / "longer_1.png", b"pictures", 1000)
    (tmp_path / "link_1.png").unlink()
    (tmp_path / "link_1.png").symlink_to("right_1.png")
    (tmp_path / "folder_1.png").unlink()
    (tmp_path / "folder_1.png").mkdir()
    with files.emptying(tmp_path) as emptied:
        for name in names[1:]:
            with pytest.raises(GoneError, match=name):
                emptied.delete(name, captures[name])
            assert emptied.has(name)
        emptied.delete("right_1.png", captures["right_1.png"])
        assert not emptied.has("right_1.png")
        with pytest.raises(GoneError):
            emptied.delete("right_1.png", captures["right_1.png"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], "no-home"])


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
def test_nothing_is_deleted_by_way_of_a_link(tmp_path: Path) -> None:
    land(tmp_path / "real" / "inner" / "a_1.png", b"picture")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match="link"), files.emptying(tmp_path / "link" / "inner"):
        pytest.fail("it was opened")


def test_empty_folders_are_removed_up_to_the_top_and_no_others(tmp_path: Path) -> None:
    top, inner = tmp_path / "top", tmp_path / "top" / "a" / "b" / "c"
    inner.mkdir(parents=True)
    land(top / "a" / "stays_1.png", b"picture")
    files.remove_empty(inner, top)
    assert [path.name for path in (top / "a").iterdir()] == ["stays_1.png"]
    (top / "a" / "stays_1.png").unlink()
    files.remove_empty(top / "a" / "b", top)  # gone already
    assert (top / "a").exists()
    files.remove_empty(top / "a", top)
    files.remove_empty(top, top)
    files.remove_empty(tmp_path, top)
    assert list(top.iterdir()) == []


def test_a_move_to_the_very_name_deletes_nothing(source: Path) -> None:
    before = facts(source)
    files.move(source, source, capture_of(source))
    assert facts(source) == before


def test_a_second_name_of_the_file_is_what_a_half_done_move_has_left(source: Path, target: Path) -> None:
    before = facts(source)
    os.link(source, target)
    files.move(source, target, capture_of(source))
    assert facts(target) == before
    assert not source.exists()


def test_one_file_is_told_from_two_names_of_it_whatever_the_system_takes_for_equal(source: Path) -> None:
    """As where names that differ in case are one: both lead to the file, which has one link."""
    with names.opened(source.parent) as folder:
        name, other = names.Name(source, folder), names.Name(source.with_name("OTHER_1.png"), folder)
        other.name = source.name
        assert name.is_same_name(other)
        os.link(source, source.with_name("second_1.png"))
        assert not name.is_same_name(names.Name(source.with_name("second_1.png"), folder))


def known(path: Path) -> Capture:
    """The capture at *path*, with the digest of its bytes."""
    return replace(capture_of(path), digest=hashlib.sha256(path.read_bytes()).digest())


def copied_to_coarse_times(monkeypatch: pytest.MonkeyPatch, grain_ns: int) -> None:
    """Another volume, which keeps times in steps of *grain_ns* only."""
    real_rename, real_utime = names._rename_noreplace, os.utime

    def across(a: int, name: bytes, b: int, new: bytes) -> int:
        return real_rename(a, name, b, new) if name.endswith(b".part") else errno.EXDEV

    def utime(file: int, ns: tuple[int, int]) -> None:
        real_utime(file, ns=(ns[0], ns[1] // grain_ns * grain_ns))

    monkeypatch.setattr(names, "_rename_noreplace", across)
    monkeypatch.setattr(os, "utime", utime)
    monkeypatch.setattr(os, "supports_fd", {utime, os.chmod})


@pytest.mark.parametrize("is_digest_known", [True, False])
def test_a_volume_with_coarser_times_gets_the_picture_and_gives_it_back_with_its_own_time(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, is_digest_known: bool
) -> None:
    capture, before = known(source), facts(source)
    with monkeypatch.context() as coarse:
        copied_to_coarse_times(coarse, 2_000_000_000)
        files.move(source, target, capture if is_digest_known else capture_of(source))
    assert not source.exists()
    assert target.stat().st_mtime_ns == 1_588_575_600_000_000_000
    with monkeypatch.context() as fine:
        copied_to_coarse_times(fine, 1)
        files.move(target, source, capture)
    assert facts(source) == before


def test_a_file_is_still_the_captures_when_only_its_time_has_changed(source: Path) -> None:
    capture = known(source)
    os.utime(source, ns=(1, 1))
    assert files.is_still(source, capture)
    assert not files.is_still(source, replace(capture, digest=b""))


def test_a_file_of_the_same_size_with_other_bytes_and_another_time_is_another(source: Path) -> None:
    capture = known(source)
    source.write_bytes(bytes(capture.size))
    assert not files.is_still(source, capture)
    source.unlink()
    os.mkfifo(source)
    assert not files.is_still(source, capture)


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_volume_without_links_and_exclusive_rename_never_overwrites_either(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(error, "refused")

    monkeypatch.setattr(names, "_rename_noreplace", no_rename)
    monkeypatch.setattr(os, "link", link)
    before, capture = facts(source), capture_of(source)
    target.write_bytes(b"precious")
    with pytest.raises(ConflictError):
        files.move(source, target, capture)
    target.write_bytes(b"")  # as a kill leaves it, between reserving the place and taking it
    files.move(source, target, capture)
    assert facts(target) == before
    assert not source.exists()


def test_what_another_process_has_finished_stays(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds the copy, which is whole, and drops the original; this one must not take the copy back for that."""
    real, capture, before = across(names._rename_noreplace), capture_of(source), facts(source)

    def interrupted(one: int, name: bytes, other: int, new: bytes) -> int:
        found = real(one, name, other, new)
        if not found:
            source.unlink()
        return found

    monkeypatch.setattr(names, "_rename_noreplace", interrupted)
    files.move(source, target, capture)
    assert facts(target) == before


@pytest.mark.skipif(sys.platform == "win32", reason="a lock of POSIX")
def test_a_copy_that_another_process_is_making_is_not_touched(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "_rename_noreplace", across(names._rename_noreplace))
    part = target.with_name(f".framesift-{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.part")
    with names.opened(target.parent) as folder, names.Name(part, folder).for_us_alone():
        part.write_bytes(b"half of it")
        with pytest.raises(OSError, match="another process is copying it"):
            files.move(source, target, capture_of(source))
        assert (part.read_bytes(), source.exists(), target.exists()) == (b"half of it", True, False)
    part.chmod(0o400)
    files.move(source, target, capture_of(source))
    assert not source.exists()
    assert list(target.parent.iterdir()) == [target]


def across(real: Callable[[int, bytes, int, bytes], int]) -> Callable[[int, bytes, int, bytes], int]:
    """The rename of a system to which source and target are on two volumes."""

    def rename(one: int, name: bytes, other: int, new: bytes) -> int:
        return real(one, name, other, new) if name.endswith(b".part") else errno.EXDEV

    return rename


def test_a_copy_that_another_process_has_found_is_not_taken_back_for_what_has_come_since(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, capture, before = across(names._rename_noreplace), capture_of(source), facts(source)

    def interrupted(one: int, name: bytes, other: int, new: bytes) -> int:
        found = real(one, name, other, new)
        if not found:
            source.write_bytes(b"the next picture")
        return found

    monkeypatch.setattr(names, "_rename_noreplace", interrupted)
    with pytest.raises(GoneError, match="was replaced"):
        files.move(source, target, capture)
    assert facts(target) == before
    assert source.read_bytes() == b"the next picture"
