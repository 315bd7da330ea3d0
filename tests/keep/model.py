"""A model of everybody who may change the fate of a picture, in any order, cut off anywhere, interleaved at every door.

The doors to the outside are two: the ledger and the disk. An :class:`Actor` is a thread that stops before each call of
a door until it is let on, so that whoever schedules actors reaches every order in which processes can do their work;
or it is killed there, and nothing that it would have done afterwards happens. Files, ledger and code are the real ones;
the lock between processes is one that knows who waits, and only the judge is a stand-in.
"""

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.desk import START, capture_of, land, name_of
from tests.pictures import chunk, screen
from watcher.disk import files, names
from watcher.disk.mirror import mark
from watcher.errors import ConflictError, GoneError, StaleError
from watcher.keep.custody import Custody
from watcher.keep.purge import Limits, Purge
from watcher.keep.restoring import restore
from watcher.ledger import database
from watcher.ledger.database import Database
from watcher.ledger.ledger import Ledger
from watcher.ledger.rounds import begin_round, finish_round, still_to_judge
from watcher.ledger.transitions import change
from watcher.model.capture import Capture
from watcher.model.entry import Entry, State, Timeline
from watcher.model.kept_frame import Changes, KeptFrame
from watcher.model.verdict import NOTHING_TO_COMPARE, Kind, Policy, Score, Verdict, decide

_END = chunk(b"IEND", b"")
STRICT, LAX = Policy(), Policy(duplicate=0.98)


_Fate = tuple[State, State | None]
_ASIDE, _ON_ITS_WAY = (
    (State.QUARANTINED, None),
    tuple((State.MOVING, becomes) for becomes in (State.KEPT, State.QUARANTINED, State.RESTORED)),
)
LEGAL: dict[str, tuple[set[_Fate], _Fate]] = {
    "judge anew": ({(State.KEPT, None), _ASIDE}, (State.KEPT, None)),
    "arrive": ({*_ON_ITS_WAY}, (State.QUARANTINED, None)),
    "stay": ({*_ON_ITS_WAY}, (State.KEPT, None)),
    "lose": ({(State.KEPT, None), _ASIDE, (State.RESTORED, None), *_ON_ITS_WAY}, (State.MISSING, None)),
    "find": ({(State.MISSING, None)}, (State.KEPT, None)),
    "find aside": ({(State.MISSING, None), (State.PURGED, None)}, (State.QUARANTINED, None)),
    "bring back": ({_ASIDE, (State.PURGED, None), (State.MISSING, None)}, (State.RESTORED, None)),
    "restore": ({_ASIDE}, (State.MOVING, State.RESTORED)),
    "release": ({(State.RESTORED, None)}, (State.KEPT, None)),
    "condemn": ({_ASIDE}, (State.MOVING, State.PURGED)),
    "spare": ({(State.MOVING, State.PURGED)}, (State.QUARANTINED, None)),
    "purge": ({(State.MOVING, State.PURGED)}, (State.PURGED, None)),
}
"""From where each transition may lead, and to where it may, told apart from the table that is tested by it."""


class Killed(BaseException):
    """What ends an actor at a door: as a signal that cannot be caught, it leaves everything as it is."""


@dataclass
class Actor:
    """Somebody at work, who stops at every door."""

    name: str
    work: Callable[[], object]
    at: str = ""
    """The door before which it stands."""
    is_done: bool = False
    is_killed: bool = False
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        self._may_go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Go to the first door."""
        self._thread.start()
        self._stands.acquire()

    def step(self) -> None:
        """Go through the door, and to the next one."""
        if not self.is_done:
            self._may_go.release()
            self._stands.acquire()

    def kill(self) -> None:
        """End before the door."""
        self.is_killed = True
        self.step()
        assert self.is_done

    def stop(self, door: str) -> None:
        """Called on its own thread: stand before *door*."""
        if not self.is_killed:
            self.at = door
            self._stands.release()
            self._may_go.acquire()
        if self.is_killed:
            raise Killed

    def _run(self) -> None:
        _AT_WORK.actor = self
        try:
            self.work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever schedules it
            self.failure = error
        finally:
            self.is_done = True
            self._stands.release()


_AT_WORK = threading.local()


def stop_at(door: str) -> None:
    """Stand before *door*, if this thread is an actor's."""
    actor = getattr(_AT_WORK, "actor", None)
    if actor is not None:
        actor.stop(door)


def doors(monkeypatch: pytest.MonkeyPatch, world: "World") -> None:
    """Let actors stop before every call of ledger and disk, and at the lock."""

    def stopping(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            if not getattr(arguments[0], "_changing", False):  # a transaction is one call of the ledger
                stop_at(name)
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    for owner, name in (
        *((Database, name) for name in ("_write", "_rows")),
        *((names.Name, name) for name in ("status", "digest", "reserve")),
        *((files, name) for name in ("rename_exclusively", "remove_empty")),
    ):
        stopping(owner, name)
    unlink = names.Name.unlink

    def unlinked(name: names.Name) -> None:
        stop_at("unlink")
        world.about_to_unlink(name.path)
        unlink(name)

    monkeypatch.setattr(names.Name, "unlink", unlinked)
    monkeypatch.setattr(database, "exclusive", world.exclusive)


class PlaceHooks:
    """Duplicates go to the quarantine."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def place(self, verdict: Verdict) -> Path | None:
        if verdict.kind is not Kind.DUPLICATE:
            return None
        return self._world.quarantine / verdict.capture.path.relative_to(self._world.root)

    def recorded(self, entry: Entry) -> None:
        """Nobody listens."""


@dataclass
class World:
    """A root, its quarantine and its ledger; and what is known of every picture that ever came."""

    base: Path
    numbers: dict[bytes, int] = field(default_factory=dict)
    """By digest, which screen a picture shows."""
    came: dict[bytes, Path] = field(default_factory=dict)
    """By digest, where a picture was captured, or written by a person."""
    destroyed: set[bytes] = field(default_factory=set)
    """Pictures that a person deleted or overwrote, or that have rotted."""
    purged: set[bytes] = field(default_factory=set)
    mine: dict[bytes, Path] = field(default_factory=dict)
    """Pictures that a person has brought back, or made, and where they must stay."""
    read: list[Entry] = field(default_factory=list)
    """What somebody has read of the ledger, at any time."""
    holder: Actor | None = None
    """Who holds the lock between processes."""
    ticks: int = 0

    def __post_init__(self) -> None:
        self.root, self.quarantine = self.base / "root", self.base / "quarantine"
        self.root.mkdir()
        mark(self.quarantine, self.root)
        with self.ledger() as ledger:
            ledger.adopt(self.root, [])
            ledger.see_mirror(self.root, self.quarantine, "")

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with Ledger.open(self.base / "state" / "ledger.sqlite") as ledger:
            ledger.rows("PRAGMA synchronous=OFF")  # no power is cut here
            yield ledger

    @contextlib.contextmanager
    def exclusive(self, _: Path) -> Iterator[None]:
        """The lock between processes; it ends with the process that holds it."""
        me = getattr(_AT_WORK, "actor", None)
        stop_at("lock")
        while self.holder is not None and not self.holder.is_done and self.holder is not me:
            stop_at("lock")
        self.holder = me
        try:
            yield
        finally:
            self.holder = None

    def is_waiting(self, actor: Actor) -> bool:
        """Whether *actor* can do nothing until the lock is free."""
        holder = self.holder
        return actor.at == "lock" and holder is not None and holder is not actor and not holder.is_done

    # --- pictures ---

    def picture(self, number: int) -> bytes:
        """A picture of the screen *number*, with bytes that no other has."""
        self.ticks += 1
        return screen(number)[: -len(_END)] + chunk(b"tEXt", b"number\0%d" % self.ticks) + _END

    def arrive(self, number: int) -> Path:
        """The capture job writes a picture."""
        path = self.root / "2020-05" / name_of(START.replace(hour=self.ticks // 60 % 24, minute=self.ticks % 60), 1)
        while path.exists() or path in self.came.values():
            path = path.with_name(f"x{path.name}")
        self._write(path, number)
        return path

    def _write(self, path: Path, number: int) -> bytes:
        content = self.picture(number)
        digest = hashlib.sha256(content).digest()
        self.numbers[digest], self.came[digest] = number, path
        land(path, content, 10**18 + self.ticks)
        return digest

    def places(self) -> dict[bytes, list[Path]]:
        """Where each picture lies now, by the digest of its bytes."""
        found: dict[bytes, list[Path]] = {}
        for path in sorted([*self.root.rglob("*.png*"), *self.quarantine.rglob("*.png*")]):
            found.setdefault(hashlib.sha256(path.read_bytes()).digest(), []).append(path)
        return found

    # --- what a person does with a file manager ---

    def edit(self, path: Path, number: int) -> None:
        """A person draws into a picture that has been seen, and saves it."""
        with self.ledger() as ledger:
            seen = ledger.at_home(path)
        if not seen or any(entry.target == path for entry in seen):
            return  # not seen yet, or arriving in this very instant
        self.destroyed.add(hashlib.sha256(path.read_bytes()).digest())
        self.mine[self._write(path, number)] = path

    def rot(self, path: Path) -> None:
        """A disk loses the middle of a file, whose size and times stay."""
        status, content = path.stat(), path.read_bytes()
        self.destroyed.add(hashlib.sha256(content).digest())
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes(8) + content[middle + 8 :])
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))

    def delete(self, path: Path) -> None:
        self.destroyed.add(hashlib.sha256(path.read_bytes()).digest())
        path.unlink()

    def drag_back(self, path: Path) -> None:
        """A person moves a picture from the quarantine to where it was captured, if nothing is there.

        One that is on its way there by framesift's own doing cannot be told from one that arrived.
        """
        home = self._home(path)
        if home is not None:
            digest = hashlib.sha256(path.read_bytes()).digest()
            with self.ledger() as ledger:
                is_at_rest = all(entry.state is State.QUARANTINED for entry in ledger.about(path))
            path.rename(home)
            self.came[digest] = home
            if is_at_rest:
                self.mine[digest] = home

    def sync_back(self, path: Path) -> None:
        """A tool copies a picture that lies in quarantine to where it was captured, if nothing is there."""
        home = self._home(path)
        if home is not None:
            shutil.copy2(path, home)

    def _home(self, path: Path) -> Path | None:
        """Where the picture at *path* was captured; None if something is there."""
        with self.ledger() as ledger:
            homes = [entry.verdict.capture.path for entry in ledger.about(path) if entry.location == path]
        if not homes or homes[-1].exists():
            return None
        homes[-1].parent.mkdir(exist_ok=True)
        return homes[-1]

    def rename(self, path: Path) -> None:
        """A person gives a picture in the root another name; one that has not been seen as it is now is a new one."""
        digest = hashlib.sha256(path.read_bytes()).digest()
        with self.ledger() as ledger:
            if not ledger.with_bytes(self.root, replace(capture_of(path), digest=digest)):
                self.mine.pop(digest, None)
        new = path.with_name(f"y{path.name}")
        if not new.exists() and len(self.places()[digest]) == 1:  # a copy with another name is another picture
            path.rename(new)
            if digest in self.mine:
                self.mine[digest] = new
            if digest in self.came:
                self.came[digest] = new

    def touch(self, path: Path) -> None:
        """Some tool sets the time of a file; under a name that has not been seen, it is a new one then."""
        with self.ledger() as ledger:
            if not ledger.at_home(path):
                self.mine.pop(hashlib.sha256(path.read_bytes()).digest(), None)
        self.ticks += 1
        os.utime(path, ns=(1, 10**18 + self.ticks))

    # --- what framesift does ---

    def watch(self, name: str = "watch") -> None:
        """A start, and a look at everything that is not known."""
        with self.ledger() as ledger:
            timeline = Timeline(self.root, name)
            custody = Custody(ledger, PlaceHooks(self), timeline)  # type: ignore[arg-type]
            custody.recover()
            judge = Judge(self, ledger, custody, timeline, STRICT)
            for path in sorted(self.root.rglob("*.png")):
                if (capture := judge.capture(path)) is not None and not judge.is_known(capture):
                    judge.take(capture)

    def again(self, policy: Policy) -> None:
        """A sweep that judges anew."""
        with self.ledger() as ledger:
            timeline = begin_round(ledger, self.root, policy, START.min, START.max)
            custody = Custody(ledger, PlaceHooks(self), timeline)  # type: ignore[arg-type]
            custody.recover()
            judge = Judge(self, ledger, custody, timeline, policy)
            for known in sorted(still_to_judge(ledger, timeline), key=lambda one: one.order):
                read = judge.capture(ledger.location(known))
                if read is not None and read.digest == known.digest:
                    judge.take(known)
            finish_round(ledger, timeline, everything=True)

    def restore(self) -> None:
        """Everything that is in quarantine when it looks."""
        with self.ledger() as ledger:
            for entry in list(ledger.restorable()):
                with contextlib.suppress(ConflictError):
                    done = restore(ledger, entry)
                    self.mine[done.verdict.capture.digest] = done.location

    def purge(self, *, asks: bool = False) -> None:
        """Purge or retention; a person who is asked answers while others go on."""
        with self.ledger() as ledger:
            purge = Purge(ledger, self.root, self.quarantine, Limits(lambda _: True))
            purge.resume()
            among = {one.one.location for one in purge.survey() if not one.refusal} if asks else None
            for _ in purge.carry_out(among):
                pass

    def about_to_unlink(self, path: Path) -> None:
        """Whoever deletes a name says so; the last one of a picture goes only while its screen is kept elsewhere."""
        digest = hashlib.sha256(path.read_bytes()).digest()
        places = self.places()
        if len(places.get(digest, [])) > 1 or digest not in self.numbers:
            return
        assert path.is_relative_to(self.quarantine), f"{path} would be deleted from its root"
        actor = getattr(_AT_WORK, "actor", None)
        assert actor is not None, "nothing is deleted after a kill, when a run begins"
        assert actor.name.startswith("purge"), f"{actor.name} would delete {path}"
        assert digest not in self.mine, f"{path} was brought back by a person"
        whole = [one for one in places if one in self.numbers and self._is_in_root(places[one])]
        kept = [self.numbers[one] // 2 for one in whole]
        assert self.numbers[digest] // 2 in kept, f"{path} is the last picture of its screen"
        self.purged.add(digest)

    def _is_in_root(self, places: list[Path]) -> bool:
        return any(place.is_relative_to(self.root) for place in places)

    def remember(self) -> None:
        """Somebody reads all entries, to decide on them later."""
        with self.ledger() as ledger:
            self.read += list(ledger.entries())

    def decide_late(self, which: int, name: str) -> None:
        """A decision that was made on what was read long ago, or that is not this one's to make, changes nothing."""
        if not self.read:
            return
        entry = self.read[which % len(self.read)]
        before, (state, becomes) = LEGAL[name]
        with self.ledger() as ledger:
            now = ledger.entry(entry.id)
            if now.version == entry.version and (now.state, now.becomes if now.target else None) in before:
                return
            try:
                ledger.write(lambda db: change(db, entry, name, state, becomes))
            except StaleError:
                return
            raise AssertionError(f"{name} of an entry that was {entry.state} and is {now.state}")


class Judge:
    """A stand-in: pictures of one number, or with a lax policy of two, are duplicates; its window is of its start."""

    def __init__(self, world: World, ledger: Ledger, custody: Custody, timeline: Timeline, policy: Policy) -> None:
        self._world, self._ledger, self._custody, self._policy = world, ledger, custody, policy
        self._kept = [one.capture for one in ledger.frames(timeline, 0)] if not timeline.round else []

    def capture(self, path: Path) -> Capture | None:
        """What lies at *path*, with its digest; None if that is gone, or no whole picture."""
        try:
            found = replace(capture_of(path), digest=hashlib.sha256(path.read_bytes()).digest())
        except FileNotFoundError:
            return None
        return found if found.digest in self._world.numbers else None

    def is_known(self, capture: Capture) -> bool:
        key = os.fsencode(capture.path.name), capture.size, capture.mtime_ns
        return key in self._ledger.known(capture.path.parent)

    def take(self, capture: Capture) -> None:
        """Judge *capture*, and have the verdict carried out, as the flow does."""
        if self._custody.meet(capture):
            return
        with contextlib.suppress(StaleError, GoneError):
            verdict = decide(capture, self._nearest(capture), self._policy)
            admitted = KeptFrame(capture, 9, 9, b"s") if verdict.stays else None
            self._custody.carry_out(verdict, admitted)
            if verdict.stays:
                self._kept.append(capture)

    def _nearest(self, capture: Capture) -> Score:
        lost = []
        best = NOTHING_TO_COMPARE
        for kept in sorted(self._kept, key=lambda kept: -self._alike(kept, capture)):
            alike = self._alike(kept, capture)
            if kept.path == capture.path or not alike:
                continue
            try:
                is_there = files.is_still(self._ledger.kept_location(kept), kept)
            except GoneError:
                is_there = False
            if is_there:
                best = Score(kept, alike, exact=True, worst_tile=1.0)
                break
            lost.append(kept)
        self._kept = [one for one in self._kept if one not in lost]
        self._custody.note(Changes(tuple(lost)))
        return best

    def _alike(self, one: Capture, other: Capture) -> float:
        numbers = self._world.numbers
        if numbers[one.digest] == numbers[other.digest]:
            return 0.999
        return 0.985 if numbers[one.digest] // 2 == numbers[other.digest] // 2 else 0.0


def books_balance(world: World) -> None:
    """When nobody is at work, and a watcher has looked: each picture has one place, as its one entry says."""
    places = world.places()
    with world.ledger() as ledger:
        entries = list(ledger.entries())
    assert not [entry for entry in entries if entry.state is State.MOVING]
    by_digest: dict[bytes, list[Entry]] = {}
    for entry in entries:
        by_digest.setdefault(entry.verdict.capture.digest, []).append(entry)
    for digest in world.came:
        said = by_digest.get(digest, [])
        # Renamed after some tool had set its time, a picture is a new one, and its old entry will be missed some day.
        said = [one for one in said if one.location in places.get(digest, [])] if len(said) > 1 else said
        assert len(said) == 1 or digest in world.destroyed, f"{len(said)} entries on {world.came[digest].name}"
        if digest in world.destroyed:
            assert not [one for one in said if one.state is State.QUARANTINED and one.location.exists()] or places
            continue
        state, lies = said[0].state, places.get(digest, [])
        assert lies == ([] if state is State.PURGED else [said[0].location]), f"{state}: {lies}, {said[0].location}"
        assert (state is State.PURGED) == (digest in world.purged)
        if digest in world.mine:
            assert state is State.RESTORED


def nothing_is_lost(world: World) -> None:
    """At every moment, whoever is in the middle of whatever."""
    places = world.places()
    for digest, home in world.came.items():
        if digest not in world.purged | world.destroyed:
            assert places.get(digest), f"{home.name} is lost"
    for digest, place in world.mine.items():
        if digest not in world.destroyed:
            assert place in places.get(digest, []), f"{place.name} was brought back by a person, and is not there"
