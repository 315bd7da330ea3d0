"""What is shipped is whole, lands under one name, works from anywhere, and answers for help at once."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import click
import pytest

import watcher
from watcher.cli import framesift

HOME = Path(__file__).parent.parent
FOLDERS = {"watcher": "watcher", "hooks": "watcher/hooks", "service_files": "watcher/service_files"}
"""Where the folders of the checkout are in the wheel."""
HELP_SECONDS = 0.3
NOT_FOR_HELP_OF_A_VERB = {"jinja2", "torch", "watchdog"}
NOT_FOR_HELP = NOT_FOR_HELP_OF_A_VERB | {"PIL", "filelock", "pluggy", "pydantic", "rich", "sqlite3"}

slow = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, **options: str | Path | dict[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def files_below(folder: Path) -> Iterator[PurePosixPath]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield PurePosixPath(path.relative_to(folder).as_posix())


# --- what is built ---


@dataclass(frozen=True)
class Built:
    """A copy of the checkout, and what was built from it."""

    source: Path
    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    base = tmp_path_factory.mktemp("built")
    source = base / "source"
    shutil.copytree(HOME, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist"))
    # The wheel is built from the sdist, and not from the checkout.
    run(sys.executable, "-m", "build", "--outdir", base / "dist", source)
    (sdist,), (wheel,) = (base / "dist").glob("*.tar.gz"), (base / "dist").glob("*.whl")
    return Built(source, sdist, wheel)


class TestBuilt:
    pytestmark = slow

    def test_the_wheel_holds_every_file_of_the_package_under_one_name(self, built: Built) -> None:
        with zipfile.ZipFile(built.wheel) as wheel:
            names = {PurePosixPath(name) for name in wheel.namelist()}
        about = f"framesift-{watcher.__version__}.dist-info"
        assert {name.parts[0] for name in names} == {"watcher", about}
        expected = {PurePosixPath(place, file) for name, place in FOLDERS.items() for file in files_below(HOME / name)}
        assert {name for name in names if name.parts[0] == "watcher"} == expected
        assert PurePosixPath("watcher/py.typed") in expected
        assert PurePosixPath(about, "licenses", "LICENSE") in names

    def test_the_sdist_holds_all_that_the_wheel_is_built_from(self, built: Built) -> None:
        with tarfile.open(built.sdist) as sdist:
            names = {PurePosixPath(*PurePosixPath(member.name).parts[1:]) for member in sdist if member.isfile()}
        package = {PurePosixPath(name, file) for name in FOLDERS for file in files_below(HOME / name)}
        assert package | {PurePosixPath(name) for name in ("LICENSE", "README.md", "pyproject.toml")} <= names


# --- what is installed ---


@dataclass(frozen=True)
class Installed:
    """framesift in an environment of its own."""

    bin: Path
    package: Path
    """Where its package must come from."""

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("FRAMESIFT_", "PYTHON"))}
        return ours | {"COLUMNS": "100"}


@pytest.fixture(scope="module", params=["wheel", "folder", "editable"])
def installed(request: pytest.FixtureRequest, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    base = tmp_path_factory.mktemp(request.param)
    venv.create(base / "venv", symlinks=os.name != "nt")
    scripts = base / "venv" / ("Scripts" if os.name == "nt" else "bin")
    what: dict[str, list[str | Path]] = {
        "wheel": [built.wheel],
        "folder": [built.source],
        "editable": ["-e", built.source],
    }
    run(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "-q", "--no-deps", *what[request.param])
    libraries = Path(run(scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # Everything else comes from the environment that runs the tests; its .pth files, and so its framesift, do not.
    ours = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (libraries / "others.pth").write_text("".join(f"{path}\n" for path in sorted(ours)))
    return Installed(scripts, built.source / "watcher" if request.param == "editable" else libraries / "watcher")


class TestInstalled:
    pytestmark = slow

    def test_it_works_from_another_folder(self, installed: Installed, tmp_path: Path) -> None:
        settings = tmp_path / "here.toml"
        environment = installed.environment | {"FRAMESIFT_CONFIG": str(settings)}
        command = installed.bin / "framesift"
        assert run(command, "--version", cwd=tmp_path, env=environment) == f"framesift {watcher.__version__}\n"
        assert run(command, "config", "path", cwd=tmp_path, env=environment) == f"{settings}\n"

    def test_it_has_its_manual(self, installed: Installed, tmp_path: Path) -> None:
        said = run(installed.bin / "framesift", "help", "settings", cwd=tmp_path, env=installed.environment)
        assert said == (HOME / "watcher" / "manual" / "settings.md").read_text(encoding="utf-8")

    def test_its_package_is_its_own_and_has_its_hooks(self, installed: Installed, tmp_path: Path) -> None:
        ask = "import watcher, watcher.hooks.quarantine, watcher.service_files; print(watcher.__file__)"
        answer = run(installed.bin / "python", "-c", ask, cwd=tmp_path, env=installed.environment)
        assert Path(answer.strip()).parent.resolve() == installed.package.resolve()

    @pytest.mark.parametrize("installed", ["wheel"], indirect=True)
    def test_the_demo_runs_from_the_wheel_in_a_clone_as_well(self, installed: Installed, tmp_path: Path) -> None:
        environment = installed.environment | {"TMPDIR": str(tmp_path)}
        said = run(installed.bin / "framesift", "demo", "--seconds", "8", cwd=HOME, env=environment)
        assert "showed nothing new and left" in said
        assert " duplicate " in said
        assert " failed" not in said
        assert not re.search(r"^0 bytes of", said, re.MULTILINE), "what left was quarantined"
        assert not list(tmp_path.glob("framesift-demo-*"))

    @pytest.mark.skipif(os.name == "nt", reason="the time a child took is asked of POSIX")
    @pytest.mark.parametrize("installed", ["wheel"], indirect=True)
    def test_help_comes_at_once(self, installed: Installed) -> None:
        # A busy machine slows all; one try that was left alone tells what it takes.
        tries = (cpu_seconds(installed.bin / "framesift", "--help") for _ in range(10))
        assert any(seconds < HELP_SECONDS for seconds in tries)


def cpu_seconds(*command: str | Path) -> float:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


# --- what is loaded ---


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded once *code* has run."""
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    said = run(sys.executable, "-c", f"{code}\nimport sys\nprint('loaded:', *sys.modules)", cwd="/", env=unmeasured)
    return set(said.rpartition("loaded:")[2].split())


def test_the_list_of_verbs_loads_none_of_them_nor_what_they_need() -> None:
    loaded = loaded_by("from watcher.cli import main\nassert main(['--help']) == 0")
    assert "click" in loaded
    assert not any(name.startswith("watcher.commands") for name in loaded)
    assert loaded & NOT_FOR_HELP == set()


def test_the_help_of_no_verb_loads_what_takes_long() -> None:
    verbs = framesift.list_commands(click.Context(framesift))
    loaded = loaded_by(f"from watcher.cli import main\nfor verb in {verbs!r}: assert main([verb, '--help']) == 0")
    assert {f"watcher.commands.{verb}" for verb in verbs} <= loaded
    assert loaded & NOT_FOR_HELP_OF_A_VERB == set()


def test_asking_for_the_version_of_the_package_loads_nothing_of_it() -> None:
    loaded = loaded_by("import watcher; watcher.__version__")
    assert {name for name in loaded if name.split(".")[0] == "watcher"} == {"watcher"}
    assert loaded & NOT_FOR_HELP == set()


@pytest.mark.parametrize("name", watcher.__all__)
def test_every_public_name_is_there_without_torch(name: str) -> None:
    assert "torch" not in loaded_by(f"from watcher import {name}")


def test_there_are_no_other_public_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'capture_job'"):
        getattr(watcher, "capture_job")  # noqa: B009 - type checkers know already that it is not there
