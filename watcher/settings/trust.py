"""What is obeyed: settings and hooks that nobody can write but the user who runs framesift, and root."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from watcher.errors import WatcherError
from watcher.text import quoted

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LINKS = 40
"""Followed on the way to a file; more are a circle."""


def read_trusted(file: Path) -> bytes:
    """What is in *file*, if it is trusted; the very file that is read is looked at, whatever lies there afterwards.

    Raises:
        WatcherError: others can write it, or put another one into its place.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        status = os.fstat(stream.fileno())
        # Who can write to a device such as /dev/null, or to a pipe, its folder does not decide.
        if stat.S_ISREG(status.st_mode):
            _require_way(file)
        if not stat.S_ISCHR(status.st_mode):
            _require_ours(file, status, _OTHERS)
        return stream.read()


def require_trusted_folder(folder: Path) -> None:
    """Do nothing if nobody else can put a file into *folder*, or another folder into its place.

    Raises:
        WatcherError: somebody can.
        OSError: it is not there, or cannot be looked at.
    """
    if sys.platform != "win32":
        _require_ours(*_require_way(folder), _OTHERS)


def _require_way(path: Path) -> tuple[Path, os.stat_result]:
    """Do nothing if nobody else can put something else into the place of *path*; returns what is there at last."""
    home = _home()
    *above, last = _way(path.absolute())
    for place, passed in above:
        others, is_sticky = passed.st_mode & stat.S_IWOTH, passed.st_mode & stat.S_ISVTX
        if home is not None and home.is_relative_to(place) and not others:
            continue  # whoever can change the home, or a folder above it, needs no hook of ours
        # Where the folder is sticky, as /tmp is, nobody renames what is another's; and root knows whom it lets in.
        _require_ours(place, passed, 0 if is_sticky else stat.S_IWOTH if passed.st_uid == 0 else _OTHERS)
    return last


def _home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except RuntimeError:  # as in a container whose user has no name
        return None


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link that leads to *path*, and what is there at last; with what lies there."""
    here, ahead, links = Path(path.anchor), list(reversed(path.parts[1:])), 0
    yield here, here.lstat()
    while ahead:
        name = ahead.pop()
        here = here.parent if name == ".." else here / name
        status = here.lstat()
        yield here, status
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _LINKS:
                raise WatcherError(f"{path} leads in a circle")
            target = here.readlink()
            ahead += reversed(target.parts[bool(target.anchor) :])
            here = Path(target.anchor) if target.anchor else here.parent


if sys.platform == "win32":

    def _require_ours(place: Path, status: os.stat_result, writers: int) -> None:
        """Do nothing: who may write what is not in the mode there."""

else:
    import grp
    import pwd

    def _require_ours(place: Path, status: os.stat_result, writers: int) -> None:
        """Do nothing if *place* is ours or root's, and closed to those *writers* of its mode."""
        if status.st_uid not in (os.geteuid(), 0):
            raise WatcherError(f"{place} belongs to another user, who can write it; chown it, or remove it")
        open_to = 0 if stat.S_ISLNK(status.st_mode) else status.st_mode & writers
        if open_to & stat.S_IWOTH or (open_to & stat.S_IWGRP and not _is_alone_in(status.st_gid)):
            raise WatcherError(f"{place} can be written by others; chmod go-w {quoted(place)}")

    def _is_alone_in(group_id: int) -> bool:
        """Whether the group is the user's private one: where there are such, new files are open to it."""
        try:
            user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(group_id)
        except KeyError:
            return False
        own = user.pw_uid != 0 and (user.pw_gid, user.pw_name) == (group.gr_gid, group.gr_name)
        return own and set(group.gr_mem) <= {user.pw_name}
