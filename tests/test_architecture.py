"""The gates of the house, read off the source: which room knows which, what is behind whose door, how large it is."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

import watcher

HOME = Path(__file__).parent.parent

ROOMS = (
    "errors",
    "text",
    "patience",
    "progress",
    "model",
    "settings",
    "disk",
    "health",
    "arrive",
    "judge",
    "ledger",
    "keep",
    "terminal",
    "program",
    "flow",
    "review",
    "report",
    "services",
    "doctor",
    "demo",
    "commands",
    "cli",
    "__main__",
)
"""Every room (a folder, or a module beside the folders), lowest first: none imports from one that comes after it."""

DOORS = {
    "click": "cli commands",
    "filelock": "disk",
    "jinja2": "report",
    "platformdirs": "settings",
    "pluggy": "keep",
    "pydantic": "settings",
    "pytorch_msssim": "judge",
    "pyvips": "judge",
    "rich": "terminal",
    "sqlite3": "ledger",
    "tomlkit": "review",
    "torch": "judge",
    "watchdog": "arrive",
}
"""What comes from outside, and the room it stays in: it is called, and could be exchanged, there."""

STRANGERS = {"arrive": "judge ledger keep", "judge": "ledger keep arrive disk.mirror"}
"""What a room could import by the order of the rooms, and has no business with."""

LONGEST_MODULE = 300
LONGER: dict[str, str] = {}
"""Longer modules, and why they are not cut in two."""

FUNCTION_LINES_P90 = 20
NAMES_PER_MODULE = 5
IMPORTS_IN_FUNCTIONS = 12

BROAD = {"cli": 1, "judge.libvips": 2, "keep.plugins": 2}
"""Excepts that swallow anything: the program's boundary, around a stranger's code (one a kind of hook), and around a
library that can be done without."""

MOVERS = {"hardlink_to", "link", "link_to", "rename", "renames", "rmdir", "rmtree", "symlink", "symlink_to", "unlink"}


@dataclass(frozen=True)
class Module:
    """One source file; *name* is dotted, without the package."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    def imports(self) -> Iterator[tuple[str, str]]:
        """Everything imported anywhere in it, as (module, name in it or nothing)."""
        for node in self.nodes():
            match node:
                case ast.Import():
                    yield from ((alias.name, "") for alias in node.names)
                case ast.ImportFrom():
                    assert node.level == 0, f"{self.path}: relative imports hide where a name is from"
                    yield from ((node.module or "", alias.name) for alias in node.names)

    def siblings(self) -> Iterator[str]:
        """The modules of framesift that it imports, or imports from."""
        for module, name in self.imports():
            whole = f"{module}.{name}".removeprefix("watcher.")
            if module.split(".")[0] == "watcher" and (module != "watcher" or whole in NAMES):
                yield whole if whole in NAMES else module.removeprefix("watcher.")


def found(folder: Path) -> list[Module]:
    paths = [path for path in sorted(folder.rglob("*.py")) if "benchmarks" not in path.parts]
    return [Module(".".join(path.relative_to(folder).with_suffix("").parts), path) for path in paths]


PACKAGE = found(HOME / "watcher")
HOOKS = found(HOME / "hooks")
NAMES = {module.name.removesuffix(".__init__") for module in PACKAGE}


def named(module: Module) -> str:
    return str(module.path.relative_to(HOME))


@pytest.mark.parametrize(("library", "room"), DOORS.items())
def test_each_library_is_behind_the_door_of_one_room(library: str, room: str) -> None:
    users = {module.room for module in PACKAGE if library in {name.split(".")[0] for name, _ in module.imports()}}
    assert users == set(room.split())


def test_every_room_has_one_place_in_the_order() -> None:
    assert sorted(ROOMS) == sorted({module.room for module in PACKAGE} - {"__init__"})


@pytest.mark.parametrize("module", [module for module in PACKAGE if module.room in ROOMS], ids=named)
def test_imports_run_one_way(module: Module) -> None:
    for sibling in module.siblings():
        assert ROOMS.index(sibling.split(".")[0]) <= ROOMS.index(module.room), f"{module.name} imports {sibling}"
        strangers = STRANGERS.get(module.room, "").split()
        assert not any(f"{sibling}.".startswith(f"{name}.") for name in strangers), f"{module.name} imports {sibling}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module.name: set(module.siblings()) for module in PACKAGE}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


SQL = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|WITH \w+ AS|WHERE)\b")


def test_sql_is_behind_the_ledgers_door() -> None:
    found = {
        module.name
        for module in PACKAGE
        for node in module.nodes()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    }
    assert {name.split(".")[0] for name in found} == {"ledger"}


def test_the_program_takes_nothing_from_its_own_front_door_but_the_version() -> None:
    taken = {name for module in PACKAGE for place, name in module.imports() if place == "watcher" and name not in NAMES}
    assert taken == {"__version__"}


@pytest.mark.parametrize("module", HOOKS, ids=named)
def test_hooks_are_written_with_public_names_only(module: Module) -> None:
    for node in module.nodes():
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "watcher" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "watcher":
            assert node.module == "watcher"
            assert {alias.name for alias in node.names} <= set(watcher.__all__)


def test_nobody_imports_a_package_named_hooks() -> None:
    for module in [*PACKAGE, *HOOKS, *found(HOME / "tests")]:
        assert all(imported.split(".")[0] != "hooks" for imported, _ in module.imports()), named(module)


def moves_files(node: ast.AST) -> bool:
    """Whether it calls for a file to be renamed, linked or removed, as far as one line of source tells."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="os" | "shutil"), attr=name)):
            return name in MOVERS | {"move", "remove", "removedirs", "replace"}
        case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):
            return True  # a path's; text's takes two, and those of dates and dataclasses take keywords
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in MOVERS
        case ast.ImportFrom(module="os" | "shutil", names=names):
            return any(alias.name in MOVERS | {"move", "remove", "removedirs", "replace"} for alias in names)
    return False


@pytest.mark.parametrize(
    "line",
    [
        "os.rename(a, b)",
        "os.replace(a, b)",
        "os.remove(a)",
        "shutil.move(a, b)",
        "shutil.rmtree(a)",
        "path.unlink()",
        "path.replace(other)",
        "path.rename(other)",
        "from os import replace",
    ],
)
def test_the_gate_knows_a_move_when_it_sees_one(line: str) -> None:
    assert any(moves_files(node) for node in ast.walk(ast.parse(line)))


@pytest.mark.parametrize("line", ["text.replace(a, b)", "day.replace(hour=9)", "rows.remove(3)", "files.move(a, b, c)"])
def test_the_gate_lets_other_things_pass(line: str) -> None:
    assert not any(moves_files(node) for node in ast.walk(ast.parse(line)))


def test_files_are_renamed_linked_and_removed_behind_the_door_of_the_disk() -> None:
    movers = {named(module) for module in [*PACKAGE, *HOOKS] if any(moves_files(node) for node in module.nodes())}
    assert movers == {"watcher/disk/files.py", "watcher/disk/names.py"}


def swallows_anything(node: ast.AST) -> bool:
    """Whether it is an except for every error that does not raise it again."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else {"BaseException"}
    raised = node.body[-1]
    return bool(caught & {"Exception", "BaseException"}) and not (isinstance(raised, ast.Raise) and raised.exc is None)


def test_only_the_boundaries_of_the_program_and_of_hooks_swallow_any_error() -> None:
    broad = {module.name: sum(map(swallows_anything, module.nodes())) for module in [*PACKAGE, *HOOKS]}
    assert {name: count for name, count in broad.items() if count} == BROAD


@pytest.mark.parametrize("module", [*PACKAGE, *HOOKS, *found(HOME / "service_files")], ids=named)
def test_every_module_says_what_it_is_and_fits(module: Module) -> None:
    assert ast.get_docstring(module.tree)
    assert (len(module.text.splitlines()) > LONGEST_MODULE) == (module.name in LONGER)


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for module in [*PACKAGE, *HOOKS]:
        yield from (node for node in module.nodes() if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Of its body, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_short() -> None:
    lengths = sorted(map(lines_of, functions()))
    assert lengths[len(lengths) * 9 // 10] <= FUNCTION_LINES_P90


def test_a_module_imports_few_names_of_others() -> None:
    names = [sum(place.split(".")[0] == "watcher" for place, _ in module.imports()) for module in [*PACKAGE, *HOOKS]]
    assert median(names) <= NAMES_PER_MODULE


def test_imports_stand_at_the_top() -> None:
    inner = {
        node
        for function in functions()
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert len(inner) <= IMPORTS_IN_FUNCTIONS


def test_the_tour_names_every_room_and_module() -> None:
    tour = (HOME / "watcher" / "README.md").read_text(encoding="utf-8")
    rooms = re.split(r"^## `(\w+)/`", tour, flags=re.MULTILINE)
    text = dict(zip(rooms[1::2], rooms[2::2], strict=True)) | {"": rooms[0]}
    missing = [
        module.name
        for module in PACKAGE
        if not module.name.endswith("__init__")
        and f"`{module.name.rpartition('.')[2]}`" not in text.get(module.name.rpartition(".")[0].split(".")[0], "")
    ]
    assert missing == []


def test_nothing_is_left_to_be_done() -> None:
    left = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    for folder in ("watcher", "hooks", "service_files", "tests"):
        for path in sorted((HOME / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                assert not left.search(path.read_text(encoding="utf-8", errors="replace")), path
