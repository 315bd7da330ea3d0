"""What proves that a duplicate may be deleted: the kept picture of its screen is there, whole, and the very one."""

import contextlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from watcher.arrive.png import check_whole
from watcher.arrive.settling import key_of
from watcher.disk import files
from watcher.errors import FaultError, GoneError, NotWholeError, StaleError
from watcher.ledger.deletions import Candidate
from watcher.ledger.ledger import Ledger
from watcher.model.capture import Capture
from watcher.model.entry import Entry
from watcher.model.verdict import Kind, decide


@dataclass(frozen=True, slots=True)
class Found:
    """What was found where a picture should be."""

    digest: bytes = b""
    objection: str = ""
    """Why it cannot stand for that picture; empty if it can."""
    is_hidden: bool = False
    """Whether something lies there that may not be read: nobody can know what it is."""


def find(path: Path, capture: Capture) -> Found:
    """Read the file at *path* whole: is every checksum right, and are its bytes those of *capture*?

    Where the digest of *capture* is not known, as in an older ledger, size and mtime have to do.

    Raises:
        FaultError: the disk refuses.
    """
    try:
        status = path.lstat()
        digest = check_whole(path, key_of(status)) if stat.S_ISREG(status.st_mode) else b""
    except (FileNotFoundError, NotADirectoryError, GoneError):
        return Found(objection="is gone or was changed")
    except NotWholeError:
        return Found(objection="is damaged")
    except OSError as error:
        return Found(objection=f"cannot be read: {_reason(error)}", is_hidden=True)
    alike = (status.st_size, status.st_mtime_ns) == (capture.size, capture.mtime_ns)
    is_same = digest == capture.digest if capture.digest else alike and digest
    return Found(digest, "" if is_same else "is gone or was changed")


def is_there(path: Path, capture: Capture) -> bool:
    """Whether the file of *capture* is seen at *path*; what may not be looked at is not.

    Raises:
        FaultError: the disk refuses.
    """
    try:
        return files.is_still(path, capture)
    except OSError as error:
        _reason(error)
        return False


def _reason(error: OSError) -> str:
    if error.errno in files.FAULTS:
        raise FaultError(f"cannot be read: {error.strerror}") from error
    return error.strerror or str(error)


class Proofs:
    """What was found of kept pictures in one purge: each is read once, and again if its file has changed since."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._found: dict[tuple[object, ...], Found] = {}

    def missing(self, one: Candidate) -> str:
        """Why nothing proves that the screen of *one* is kept; empty if something does.

        Raises:
            FaultError: the ledger refuses, and there was no waiting for it.
        """
        verdict = one.entry.verdict
        if decide(verdict.capture, verdict.score, verdict.policy).kind is not Kind.DUPLICATE:
            return "by the numbers of its verdict it is no duplicate"
        if one.proof is None:
            return "what it duplicates is not kept"
        if _is_one_file(one.proof.location, one.location):
            return "it is the kept picture of its screen itself"
        objection = self._find(one.proof).objection
        return objection and f"the picture it duplicates {objection}"

    def _find(self, kept: Entry) -> Found:
        capture, location = kept.verdict.capture, kept.location
        key = (location, _identity(location), capture.digest, capture.size, capture.mtime_ns)
        found = self._found.get(key)
        if found is None:
            try:
                found = self._found[key] = find(location, capture)
            except FaultError as fault:  # one bad sector is not the end of all that can be proven
                return Found(objection=str(fault), is_hidden=True)
            if not found.objection and not capture.digest:
                self._learn(kept, found.digest)
        return found

    def _learn(self, kept: Entry, digest: bytes) -> None:
        """From now on the digest of a picture that an older framesift judged is known."""

        def learn() -> None:
            with contextlib.suppress(StaleError):
                self._ledger.learn(kept, replace(kept.verdict.capture, digest=digest))

        self._ledger.exclusively(learn)


def _is_one_file(one: Path, other: Path) -> bool:
    """Whether both lead to one file that has one name: to delete it there is to delete it here."""
    try:
        first, second = one.lstat(), other.lstat()
    except OSError:
        return one == other
    return one == other or (first.st_nlink == 1 and os.path.samestat(first, second))


def _identity(path: Path) -> tuple[int, ...]:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return *key_of(status), status.st_dev, status.st_ctime_ns
