"""What the README says is so: every verb, hook, setting and promise of a command line in it is checked here."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pluggy

import watcher
from watcher.cli import framesift
from watcher.keep import hookspecs
from watcher.keep.plugins import BUILT_IN, Hooks
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def verbs(group: click.Group, above: str = "framesift") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{above} {name}")
        else:
            yield f"{above} {name}"


def test_every_verb_is_documented() -> None:
    table = README.replace(
        "`framesift config path`, `show`, `check`", "framesift config path framesift config show framesift config check"
    )
    missing = [verb for verb in verbs(framesift) if verb not in table]
    assert missing == []


def test_every_verb_and_option_explains_itself() -> None:
    for verb in framesift.commands.values():
        assert verb.help
        for parameter in verb.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{verb.name} {parameter.name}"


def test_every_option_the_readme_uses_exists() -> None:
    known = {
        option for command in framesift.commands.values() for parameter in command.params for option in parameter.opts
    }
    known |= {option for parameter in framesift.params for option in parameter.opts}
    used = {
        word
        for block in blocks("console")
        for line in block.splitlines()
        if "framesift" in line
        for word in re.findall(r"(?<= )--[a-z-]+", line.split("framesift", 1)[1])
    }
    assert used
    assert used <= known


def test_every_hook_and_built_in_is_documented() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    names = [name for name in vars(manager.hook) if not name.startswith("_")]
    assert sorted(names) == ["place", "recorded"]
    for name in names:
        assert f"`{name}(" in README
        assert getattr(hookspecs, name).__doc__
    for name in BUILT_IN:
        assert f"`{name}`" in README


def test_the_settings_shown_are_all_of_them_with_their_defaults(tmp_path: Path) -> None:
    (shown,) = blocks("toml")
    file = tmp_path / "framesift.toml"
    file.write_text(shown.replace("~/Documents", str(tmp_path)))
    folders = Folders(file, tmp_path, tmp_path)
    documented = dict(Settings.load(folders, {}, {}).effective())
    file.write_text(f'root = "{tmp_path}/ScreenRecord"')
    assert documented == dict(Settings.load(folders, {}, {}).effective())
    keys = {key[0] for key in documented}
    assert keys - set(tomllib.loads(shown)) == {"name_pattern"}
    assert "# name_pattern" in shown


def test_the_hook_in_the_readme_works(tmp_path: Path) -> None:
    (source,) = blocks("python")
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "meetings.py"
    hook.write_text(source)
    hook.chmod(0o600)
    file = tmp_path / "framesift.toml"
    file.write_text(f'root = "{tmp_path}/ScreenRecord"')
    complaints: list[str] = []
    hooks = Hooks(Settings.load(Folders(file, tmp_path, tmp_path), {}, {}), tmp_path / "hooks", complaints.append)
    assert complaints == []
    assert "meetings" in hooks.names


def test_every_test_the_readme_names_is_there() -> None:
    named = set(re.findall(r"[\w/]*test_\w+\.py", README))
    assert {name for name in named if not (REPOSITORY / "tests" / name).is_file()} == set()
    assert len(named) > 20


def test_the_pictures_in_the_readme_are_there_and_small_and_one_shows_the_demo() -> None:
    demo, *others = re.findall(r"!\[.*?\]\((.*?)\)", README)
    picture = (REPOSITORY / demo).read_text(encoding="utf-8")
    assert "duplicate" in picture
    assert "quarantined" in picture
    assert all(0 < (REPOSITORY / other).stat().st_size < 200_000 for other in others)


def test_the_commands_to_begin_with_name_what_exists() -> None:
    first, _, tests = blocks("console")[:3]
    assert first.strip().endswith(".venv/bin/framesift demo")
    assert (REPOSITORY / tests.split()[1]).exists()


def test_the_changelog_knows_this_version() -> None:
    assert f"## {watcher.__version__}" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_contract_of_the_hooks_names_everything_a_hook_author_imports() -> None:
    for name in watcher.__all__:
        assert hasattr(watcher, name)
