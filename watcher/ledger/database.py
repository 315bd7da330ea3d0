"""The SQLite file under the ledger: opened, migrated, read, and changed in durable transactions.

Here it is decided, once for all that is read and written, what happens while the disk refuses: whoever runs for long
sets :attr:`Database.patience`, and every call then waits and is repeated from its beginning.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from watcher.disk.claims import TURN_SECONDS, exclusive
from watcher.disk.files import make_private_folder
from watcher.errors import FaultError, HeldError, WatcherError
from watcher.ledger.rows import Transaction
from watcher.ledger.schema import MIGRATIONS
from watcher.patience import Patience, Result, Turns, retry

_BUSY_SECONDS = TURN_SECONDS


class Database:
    """One SQLite file of framesift's."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        """Take over an open connection, making or migrating what is in it as needed."""
        self.path = path
        self.patience: Patience = Turns()
        """What is done while the disk refuses; at first nothing is waited for but another process's turn."""
        self._db = db
        self._exclusive = self._changing = False
        self._file: tuple[int, int] | None = None
        with _faults(path):
            self._migrate()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the ledger at *path*, or make it.

        Raises:
            FaultError: it cannot be opened, read or written at the moment.
            WatcherError: it was written by a newer framesift.
        """
        with _faults(path):
            make_private_folder(path.parent)
            _make(path)
            db = _connect(path)
        with _closed_on_failure(db):
            with _faults(path):
                db.execute("PRAGMA journal_mode=WAL")
                # NORMAL forgot moved files in a power cut (measured); a few rows every few minutes can afford FULL.
                db.execute("PRAGMA synchronous=FULL")
            opened = cls(path, db)
            opened._file = _file_at(path)
            db.execute("PRAGMA foreign_keys=ON")  # not before: a migration puts tables in the place of others
            return opened

    @classmethod
    def copy(cls, path: Path) -> Self:
        """A copy of the ledger at *path* (empty if there is none) that is never written back: for dry runs."""
        with _faults(path):
            copy = _connect("")  # SQLite's own temporary file: the signatures of years are too much for memory
            if path.exists():
                with contextlib.closing(_connect(path)) as original:
                    original.backup(copy)
        return cls(path, copy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its file, at most a few things; nothing if it is sound."""
        found = [row[0] for row in self.rows("PRAGMA quick_check(3)")]
        return [] if found == ["ok"] else found

    def retry(self, action: Callable[[], Result]) -> Result:
        """Do *action*, again from its beginning while disk or ledger refuse, as long as :attr:`patience` lasts.

        Within a transaction, and within :meth:`exclusively`, nothing is waited for: whoever waits holds up nobody.

        Raises:
            FaultError: patience has ended.
        """
        if self._exclusive or self._changing:
            return action()
        return retry(action, self.patience)

    def exclusively(self, action: Callable[[], Result]) -> Result:
        """Do *action* while no other process of this ledger moves a picture; repeated as :meth:`retry` says.

        What is locked is a file beside the ledger. Between two tries it is free, for others may be making room.

        Raises:
            FaultError: patience has ended.
        """
        return self.retry(lambda: self._exclusively(action))

    def _exclusively(self, action: Callable[[], Result]) -> Result:
        if self._exclusive or self._file is None:  # a copy moves nothing
            return action()
        with exclusive(self.path.with_name("moving.lock")):
            self._require_same_file()
            self._exclusive = True
            try:
                return action()
            finally:
                self._exclusive = False

    def _require_same_file(self) -> None:
        """Nothing is moved that would be written into a file which nobody can read any more."""
        if self._file is not None and _file_at(self.path) != self._file:
            raise FaultError(f"the ledger {self.path} was deleted or replaced under this run; start framesift anew")

    def write(self, change: Callable[[Transaction], Result]) -> Result:
        """Make a *change* in one transaction: all of it is durable when this returns, or none.

        Raises:
            FaultError: the ledger cannot be written, and patience has ended.
        """
        return self.retry(lambda: self._write(change))

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """The rows of a reading statement.

        Raises:
            FaultError: the ledger cannot be read, and patience has ended.
        """
        bound = tuple(values)
        return self.retry(lambda: self._rows(sql, bound))

    def _write(self, change: Callable[[Transaction], Result]) -> Result:
        if self._changing:
            raise RuntimeError("a change within a change: the inner one would be durable before the outer one")
        with _faults(self.path):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")  # the disk refused it when the last change failed
            self._db.execute("BEGIN IMMEDIATE")
            self._changing = True
            try:
                result = change(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._changing = False
            return result

    def _rows(self, sql: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
        with _faults(self.path):
            return self._db.execute(sql, values).fetchall()

    def _migrate(self) -> None:
        # Questions can be asked while the disk is full, or another process is in the middle of writing.
        if not self._is_newest(self._db):
            # One transaction, and the version read inside it: a kill leaves the old version, two starts do not collide.
            self._write(self._to_newest)

    def _is_newest(self, db: Transaction) -> bool:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise WatcherError(f"{self.path} was written by a newer framesift; update this one")
        return version == len(MIGRATIONS)

    def _to_newest(self, db: Transaction) -> None:
        if self._is_newest(db):
            return
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        for statement in ";".join(MIGRATIONS[version:]).split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _make(path: Path) -> None:
    """Make an empty file for the owner alone: SQLite's own files beside it inherit the mode, whatever the umask.

    One that is there is not touched: to open and close it would drop every lock that this process has on it by way of
    SQLite, and another process would take the write-ahead log for its own to remove, rows and all.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


@contextlib.contextmanager
def _closed_on_failure(db: sqlite3.Connection) -> Iterator[None]:
    """What could not be opened leaves no connection behind, whose locks the next try would share."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def _file_at(path: Path) -> tuple[int, int] | None:
    """Device and inode of what lies at *path*; None if nothing does."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # ours to mend, not the disk's
    except (sqlite3.DatabaseError, OSError) as error:
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            raise HeldError(f"another process is writing into the ledger {path}, or was stopped in it") from error
        raise FaultError(f"the ledger {path} cannot be used: {error}") from error
