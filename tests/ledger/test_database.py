"""What a refusing disk costs: an action is repeated from its beginning, and whoever waits holds up nobody."""

import contextlib
import itertools
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from watcher.disk import claims
from watcher.errors import FaultError, HeldError, WatcherError
from watcher.ledger.database import Database
from watcher.ledger.rows import Transaction
from watcher.ledger.schema import MIGRATIONS
from watcher.patience import NoPatience

LOCKING = """
import sys, pathlib
from watcher.disk.claims import exclusive
print("asks", flush=True)
with exclusive(pathlib.Path(sys.argv[1])):
    print("has it", flush=True)
"""


@contextlib.contextmanager
def exclusive_elsewhere(database: Database) -> Iterator[Callable[[], object]]:
    """Another process holds the lock; yields what lets go of it."""
    program = f"{LOCKING}    input()\n"
    command = [sys.executable, "-c", program, str(database.path.with_name("moving.lock"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert [process.stdout.readline() for _ in range(2)][1] == "has it\n"
        end = process.stdin

        def release() -> None:
            end.close()
            process.wait()

        yield release


class Mending:
    """Waits for what *mend* puts right, and remembers what it was told."""

    def __init__(self, mend: Callable[[], object] = lambda: None) -> None:
        self.told: list[str] = []
        self._mend = mend

    def wait(self, fault: FaultError) -> None:
        self.told.append(str(fault))
        self._mend()

    def over(self) -> None:
        self.told.append("over")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "ledger.sqlite") as database:
        yield database


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Database]:
    """A file without a write-ahead log, so that a reader keeps a writer from its COMMIT, and the other way round."""
    path = tmp_path / "plain.sqlite"
    with Database(path, sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
        yield database


@contextlib.contextmanager
def another(database: Database) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(database.path, timeout=0, isolation_level=None)) as connection:
        yield connection


def put(db: Transaction, name: bytes = b"/screens") -> None:
    db.execute("INSERT INTO root (path) VALUES (?)", [name])


def found(database: Database) -> list[bytes]:
    return [row[0] for row in database.rows("SELECT path FROM root ORDER BY path")]


def failing(times: int) -> Callable[[], None]:
    """Refuses so many *times*."""
    tries = itertools.count()

    def fail() -> None:
        if next(tries) < times:
            raise FaultError("refused")

    return fail


def held_open(path: Path) -> set[str]:
    """The files at and beside *path* that this process has open."""
    names = {file.path for file in psutil.Process().open_files()}
    return {Path(name).name for name in names if name.startswith(str(path))}


def test_a_fault_is_told_and_the_action_done_again_from_its_beginning(database: Database) -> None:
    database.patience = patience = Mending()
    fail, steps = failing(2), list[str]()

    def action() -> str:
        steps.append("begins")
        fail()
        steps.append("ends")
        return "done"

    assert database.retry(action) == "done"
    assert steps == ["begins", "begins", "begins", "ends"]
    assert patience.told == ["refused", "refused", "over"]


def test_at_first_nothing_is_waited_for(database: Database) -> None:
    for call in (database.retry, database.exclusively):
        with pytest.raises(FaultError, match="refused"):
            call(failing(1))


def test_what_is_no_fault_is_not_repeated(database: Database) -> None:
    database.patience = patience = Mending()
    database.write(put)
    with pytest.raises(sqlite3.IntegrityError):
        database.write(put)
    assert patience.told == ["over"]


def test_within_a_transaction_nothing_is_waited_for_and_all_of_it_is_repeated(database: Database) -> None:
    fail, seen = failing(2), list[list[bytes]]()

    def by_another() -> None:
        with another(database) as connection:
            put(connection, b"/another-%d" % len(seen))

    def change(db: Transaction) -> None:
        seen.append(found(database))
        put(db)
        database.retry(fail)

    database.patience = patience = Mending(by_another)
    database.write(change)
    assert seen == [[], [b"/another-1"], [b"/another-1", b"/another-2"]]
    assert found(database) == [b"/another-1", b"/another-2", b"/screens"]
    assert patience.told == ["refused", "refused", "over", "over"], "of the change, and of the last question"


def test_between_two_tries_another_process_can_have_the_lock_and_not_before(database: Database) -> None:
    lock = database.path.with_name("moving.lock")
    fail = failing(1)
    with subprocess.Popen([sys.executable, "-c", LOCKING, lock], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        said = other.stdout

        def action() -> None:
            if len(begun) == 0:
                begun.append(said.readline())
                time.sleep(0.5)  # more than enough to have a lock that is free
                assert other.poll() is None
            database.exclusively(lambda: database.retry(fail))  # from within, nothing is let go

        def mend() -> None:
            assert said.readline() == "has it\n"
            assert other.wait(20) == 0

        begun: list[str] = []
        database.patience = patience = Mending(mend)
        database.exclusively(action)
    assert begun == ["asks\n"]
    assert patience.told == ["refused", "over"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, FaultError])
def test_a_change_that_raises_leaves_nothing_behind(database: Database, error: type[BaseException]) -> None:
    def change(db: Transaction) -> None:
        put(db)
        raise error("half done")

    with pytest.raises(error, match="half done"):
        database.exclusively(lambda: database.write(change))
    assert found(database) == []
    with another(database) as connection:
        put(connection)
    database.patience = patience = Mending()
    database.retry(failing(1))
    assert patience.told == ["refused", "over"], "what has failed is neither in a transaction nor alone"


def test_a_change_whose_commit_failed_is_made_once(hasty: Database) -> None:
    tries: list[str] = []

    def change(db: Transaction) -> str:
        put(db)
        tries.append("put")
        return "done"

    with another(hasty) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM root").fetchall()
        hasty.patience = patience = Mending(lambda: reader.execute("ROLLBACK"))
        assert hasty.write(change) == "done"
    assert tries == ["put", "put"]
    assert patience.told == [f"another process is writing into the ledger {hasty.path}, or was stopped in it", "over"]
    assert found(hasty) == [b"/screens"]


class Refusing(sqlite3.Connection):
    """Refuses each of some statements once."""

    refused: list[str]

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if sql in self.refused:
            self.refused.remove(sql)
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


def test_a_change_that_could_not_be_taken_back_either_is_taken_back_and_made_at_the_next_try(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path, isolation_level=None, factory=Refusing)
    connection.refused = []
    with Database(path, connection) as database:
        database.patience = patience = Mending()
        connection.refused = ["COMMIT", "ROLLBACK"]
        database.write(put)
        assert connection.refused == []
        assert len(patience.told) == 2
        assert patience.told[-1] == "over"
        assert found(database) == [b"/screens"]


def test_a_change_within_a_change_is_refused_and_neither_is_made(database: Database) -> None:
    def both(db: Transaction) -> None:
        put(db)
        database.write(lambda inner: put(inner, b"/inner"))

    with pytest.raises(RuntimeError, match="within a change"):
        database.write(both)
    assert found(database) == []


def test_a_question_that_is_refused_is_asked_again_with_the_same_values(hasty: Database) -> None:
    hasty.write(put)
    with another(hasty) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        hasty.patience = patience = Mending(lambda: writer.execute("ROLLBACK"))
        rows = hasty.rows("SELECT path FROM root WHERE path = ?", (value for value in [b"/screens"]))
    assert [tuple(row) for row in rows] == [(b"/screens",)]
    assert patience.told == [f"another process is writing into the ledger {hasty.path}, or was stopped in it", "over"]


def test_what_a_row_refers_to_is_there(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        database.write(
            lambda db: db.execute("INSERT INTO day (root_id, date, last_entry) VALUES (99, '2020-05-04', 0)")
        )


def test_what_is_closed_or_could_not_be_opened_is_held_open_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Database.open(path) as database:
        assert "ledger.sqlite" in held_open(path)
        database.rows(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    assert held_open(path) == set()
    with pytest.raises(WatcherError, match="newer framesift") as refused:
        Database.open(path)
    assert held_open(path) == set(), "though the error is at hand, and with it all that it went through"
    assert refused.tb is not None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        found(database)


def test_a_lock_is_asked_for_with_a_limit_and_whoever_waits_for_it_can_be_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody stops another process in the middle of a move."""
    monkeypatch.setattr(claims, "TURN_SECONDS", 0.05)
    with exclusive_elsewhere(database) as release:
        patience = Mending(mend=release)
        database.patience = patience
        assert database.exclusively(lambda: "done") == "done"
    assert patience.told == ["another framesift is moving pictures, or was stopped in the middle of that", "over"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("is_replaced", [True, False])
def test_where_the_ledger_is_no_longer_the_file_that_was_opened_nothing_is_moved(
    database: Database, is_replaced: bool
) -> None:
    database.path.rename(database.path.with_name("elsewhere"))
    if is_replaced:
        database.path.touch()
    moved: list[str] = []
    with pytest.raises(FaultError, match="was deleted or replaced under this run; start framesift anew"):
        database.exclusively(lambda: moved.append("a picture"))
    assert moved == []
    database.path.with_name("elsewhere").replace(database.path)
    database.exclusively(lambda: moved.append("a picture"))
    assert moved == ["a picture"]


def test_a_ledger_can_be_read_while_another_process_stands_in_the_middle_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Database.open(path) as writing, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Database.open(path) as reading:
            assert reading.problems() == []
        writing.patience = NoPatience()
        with pytest.raises(HeldError, match="another process is writing into the ledger"):
            writing.write(lambda db: db.execute("INSERT INTO root (path) VALUES (x'2f')"))
