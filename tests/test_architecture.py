"""The gates of the architecture, read off the source: what may be imported where, and who may touch files."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

import pytest

import watcher

HOME = Path(__file__).parent.parent

ONLY_IN = {
    "filelock": "keep.custody",
    "jinja2": "report.html",
    "pluggy": "keep.hookspecs keep.plugins",
    "pydantic": "settings.refusals settings.settings settings.types",
    "pytorch_msssim": "judge.similarity",
    "pyvips": "judge.libvips",
    "rich": "terminal.console terminal.progress terminal.review_table",
    "rich_click": "cli commands.* model.period",
    "sqlite3": "ledger.database",
    "torch": "judge.blocks judge.bounds judge.decoding judge.device judge.difference judge.farthest_first judge.frame"
    " judge.regions judge.signature judge.similarity judge.tiles judge.window judge.windows review.highlights"
    " review.kept_screens review.unusual",
    "watchdog": "arrive.events",
}
"""What comes from outside, and the modules it stays in: each is called, and could be exchanged, there."""

ORDER = (
    "arrive demo disk flow health judge keep ledger model report review settings terminal",
    (
        "demo.scenes errors health.heartbeat judge.libvips judge.tiles ledger.schema model.finding model.period"
        " model.preparation services settings.spelling text"
    ),
    "demo.recorder judge.farthest_first judge.regions model.capture settings.folders",
    "disk.files disk.listing disk.rootlock model.kept_frame model.verdict services.job settings.sources",
    (
        "arrive.arrival arrive.events disk.mirror health.wait_reason model.entry review.strips services.launchd"
        " services.systemd services.windows_task settings.refusals settings.types"
    ),
    "arrive.live judge.decoding ledger.rows review.wording services.installing settings.settings terminal.console",
    "flow.waiting health.sd_notify judge.frame judge.signature ledger.database ledger.windows",
    "flow.readahead judge.bounds judge.similarity report.thumbnails",
    "judge.blocks judge.difference judge.window report.page",
    "judge.windows report.html",
    "judge.pipeline",
    "judge.device keep.hookspecs ledger.ledger",
    (
        "keep.deletion keep.plugins ledger.rounds ledger.totals ledger.unjudged program report.context"
        " review.appearances review.kept_screens"
    ),
    "doctor flow.journal keep.custody report.cards review.unusual",
    "doctor.*",
    "flow.work keep.purge report.second_looks review.highlights",
    "flow.sweep keep.retention report.compose terminal.review_table",
    "report.publish",
    "flow.watch terminal.progress",
    "commands commands.*",
    "cli",
    "__main__",
)
"""Every module, lowest first; one imports from lines above its own, never from its own line or from below."""

LINES = 350
"""A module that does not fit is cut in two."""

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


def lines_of(name: str) -> list[int]:
    """Where the order names a module; the drawn screens are one, whatever files they are cut into."""
    name = "demo.scenes" if name.startswith("demo.scenes.") else name
    return [number for number, line in enumerate(ORDER) if any(fnmatch(name, entry) for entry in line.split())]


@pytest.mark.parametrize(("library", "homes"), ONLY_IN.items())
def test_each_library_is_imported_in_its_own_modules_alone(library: str, homes: str) -> None:
    users = {
        module.name
        for module in [*PACKAGE, *HOOKS]
        if any(imported.split(".")[0] == library for imported, _ in module.imports())
    }
    assert {user for user in users if not any(fnmatch(user, home) for home in homes.split())} == set()
    idle = {home for home in homes.split() if not any(fnmatch(user, home) for user in users)}
    assert idle == set(), "named as a home, and not in need of it"


def test_every_module_has_one_place_in_the_order() -> None:
    assert {name: len(lines_of(name)) for name in NAMES - {"__init__"} if len(lines_of(name)) != 1} == {}
    entries = {entry for line in ORDER for entry in line.split()}
    assert {entry for entry in entries if not any(fnmatch(name, entry) for name in NAMES)} == set(), "these are gone"


@pytest.mark.parametrize("module", [module for module in PACKAGE if module.name != "__init__"], ids=named)
def test_imports_run_one_way(module: Module) -> None:
    for sibling in module.siblings():
        inside = sibling.startswith("demo.scenes") and module.name.startswith("demo.scenes")
        assert inside or lines_of(sibling) < lines_of(module.name), f"{module.name} imports {sibling}"


def test_the_program_takes_nothing_from_its_own_front_door_but_the_version() -> None:
    taken = {name for module in PACKAGE for place, name in module.imports() if place == "watcher" and name not in NAMES}
    assert taken == {"__version__"}


@pytest.mark.parametrize("module", HOOKS, ids=named)
def test_hooks_are_written_with_public_names_only(module: Module) -> None:
    for_checkers = {
        imported
        for node in module.nodes()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for imported in ast.walk(node)
        if isinstance(imported, ast.ImportFrom)
    }
    for node in module.nodes():
        if isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "watcher" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "watcher":
            if node in for_checkers:
                assert (node.module, [alias.name for alias in node.names]) == (
                    "watcher.settings.settings",
                    ["Settings"],
                )
                continue
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


def test_one_module_alone_renames_links_and_removes_files() -> None:
    movers = {named(module) for module in [*PACKAGE, *HOOKS] if any(moves_files(node) for node in module.nodes())}
    assert movers == {"watcher/disk/files.py"}


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
    assert len(module.text.splitlines()) <= LINES


def test_nothing_is_left_to_be_done() -> None:
    left = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    for folder in ("watcher", "hooks", "service_files", "tests"):
        for path in sorted((HOME / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                assert not left.search(path.read_text(encoding="utf-8", errors="replace")), path
