"""What is written for people is so: each verb, option, setting, hook, file and link in it is checked here."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pluggy
import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

import watcher
from tests.conftest import Framesift
from tests.desk import Desk
from tests.pictures import screen
from watcher.cli import SECTIONS, framesift
from watcher.commands.help import about, page_of, topics
from watcher.keep import hookspecs
from watcher.keep.plugins import BUILT_IN, Hooks
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
README_WORDS = 1_200
PAGES = {
    str(path.relative_to(REPOSITORY)): path.read_text(encoding="utf-8")
    for folder in ("", "tests", "watcher", "watcher/manual", ".github")
    for path in sorted((REPOSITORY / folder).glob("*.md"))
}
"""Every Markdown file, by its path."""


def blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def verbs(command: click.Command = framesift, above: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Each verb, and each group of verbs, by the words that call it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            assert verb is not None
            yield " ".join((*above, name)), verb
            yield from verbs(verb, (*above, name))


VERBS = dict(verbs())
HELP = {name: verb.get_help(click.Context(verb, info_name=f"framesift {name}")) for name, verb in VERBS.items()}


def examples() -> Iterator[str]:
    """Each command line of framesift in a page or in a help text, without its comment."""
    for block in (block for page in PAGES.values() for block in blocks("console", page)):
        for line in block.splitlines():
            if not line.startswith("#") and "framesift " in line:
                yield line.rpartition("framesift ")[2].partition("  #")[0].strip()
    for line in (line for text in HELP.values() for line in text.splitlines()):
        if line.startswith("    framesift "):
            yield re.split(r" {3}| \|", line.removeprefix("    framesift "))[0].strip()


# --- verbs and their options ---


@pytest.mark.parametrize("name", HELP)
def test_every_verb_and_option_explains_itself(name: str) -> None:
    assert VERBS[name].help
    for parameter in VERBS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert parameter.help.endswith("."), parameter.name


def test_the_list_of_verbs_says_of_each_what_it_says_of_itself() -> None:
    listed = {name: summary for section in SECTIONS.values() for name, summary in section.items()}
    assert listed == {name: (VERBS[name].help or "").split("\n\n")[0] for name in listed}


def test_every_verb_has_a_module_and_every_module_a_verb() -> None:
    modules = {path.stem for path in (REPOSITORY / "watcher" / "commands").glob("*.py")} - {"__init__", "options"}
    assert modules == {name for section in SECTIONS.values() for name in section}
    assert all(isinstance(import_module(f"watcher.commands.{name}").command, click.Command) for name in modules)


def test_every_verb_is_in_a_page() -> None:
    named = " ".join(PAGES.values())
    assert [name for name in VERBS if f"framesift {name}" not in named] == []


@pytest.mark.parametrize("example", sorted(set(examples())))
def test_every_example_names_a_verb_and_options_that_it_has(example: str) -> None:
    words = example.split()
    name = max((name for name in VERBS if words[: len(name.split())] == name.split()), key=len, default="")
    assert name or words[0].startswith("-"), "no verb"
    owner = VERBS[name] if name else framesift
    known = {option for parameter in owner.params for option in parameter.opts} | {"-h", "--help"}
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= known


def test_there_are_examples_of_most_verbs() -> None:
    assert len({example.split()[0] for example in examples()}) >= len(SECTIONS) * 2
    assert len(set(examples())) > 30


@pytest.mark.parametrize("name", HELP)
def test_a_help_text_fits_into_a_terminal(name: str) -> None:
    assert max(map(len, HELP[name].splitlines())) <= 80


@pytest.mark.parametrize("name", HELP)
def test_what_a_help_text_calls_by_a_name_in_capitals_is_explained_in_it(name: str) -> None:
    metavars = {"PERIOD", "DATE", "DAY", "PATHS", "FILE"} & set(re.findall(r"\b[A-Z]+\b", HELP[name].split("\n")[0]))
    text = HELP[name].split("\n", 1)[1]
    assert all(re.search(rf"\b{word} (is|are)\b", text) for word in metavars)


def test_the_keys_of_json_are_those_in_the_help_texts(desk: Desk, framesift: Framesift) -> None:
    first, second = desk.put(0, screen(1)), desk.put(1, screen(2))
    assert framesift("sweep")[0] == 0

    def keys(*arguments: object) -> set[str]:
        return set(json.loads(framesift(*arguments, "--json")[1].splitlines()[-1]))

    (highlight, *_) = json.loads(framesift("highlights", "2020", "--json")[1])["highlights"]
    found = {
        "history": keys("history"),
        "status": keys("status"),
        "doctor": keys("doctor"),
        "compare": keys("compare", first, second),
        "highlights": keys("highlights", "2020") | set(highlight),
    }
    for verb, names in found.items():
        assert {name for name in names if not re.search(rf"\b{name}\b", HELP[verb])} == set(), verb


# --- the manual ---


def test_without_a_topic_help_lists_them_all(framesift: Framesift) -> None:
    code, text, _ = framesift("help")
    assert code == 0
    assert topics() == ["costs", "hooks", "judging", "platforms", "promises", "settings"]
    assert [line.split()[0] for line in text.split("\n\n")[0].splitlines()] == topics()


@pytest.mark.parametrize("topic", topics())
class TestTopic:
    def test_it_is_plain_markdown_where_the_output_goes_to_a_file(self, topic: str, framesift: Framesift) -> None:
        assert framesift("help", topic) == (0, page_of(topic), "")
        assert page_of(topic) == PAGES[f"watcher/manual/{topic}.md"]

    def test_on_a_terminal_it_is_formatted(
        self, topic: str, framesift: Framesift, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "90")
        code, text, _ = framesift("help", topic)
        plain = re.sub(r"\x1b(\[[0-9;]*m|\]8;.*?\x1b\\)", "", text)
        assert code == 0
        assert "\x1b[" in text
        assert "```" not in plain
        assert "](" not in plain
        assert max(map(len, plain.splitlines())) <= 90

    def test_it_begins_with_its_name_and_one_sentence_about_it(self, topic: str) -> None:
        assert page_of(topic).startswith(f"# {topic.capitalize()}\n\n")
        assert re.fullmatch(r"[^.\n]{20,110}\.", about(topic))

    def test_every_terminal_can_show_it(self, topic: str) -> None:
        assert page_of(topic).isascii()

    def test_the_readme_links_it(self, topic: str) -> None:
        assert f"[`framesift help {topic}`](watcher/manual/{topic}.md)" in README


def test_help_with_a_verb_is_the_help_of_the_verb(framesift: Framesift) -> None:
    for name in ("watch", "help", "service", "service install"):
        code, text, _ = framesift("help", *name.split())
        assert (code, text) == framesift(*name.split(), "--help")[:2] == (0, text)
        assert text.startswith(f"Usage: framesift {name} ")


@pytest.mark.parametrize("words", [["nonsense"], ["settings", "hooks"], ["watch", "install"], ["service", "nonsense"]])
def test_an_unknown_topic_is_one_line_that_names_those_there_are(words: list[str], framesift: Framesift) -> None:
    code, text, said = framesift("help", *words)
    assert (code, text) == (2, "")
    assert said.count("\n") == 1
    assert f"'{' '.join(words)}'" in said
    assert all(topic in said for topic in topics())


# --- the examples in the pages ---


def loaded(text: str, folder: Path) -> dict[tuple[str, ...], Any]:
    """The settings in effect with *text* as their file."""
    file = folder / "framesift.toml"
    file.write_text(text, encoding="utf-8")
    return dict(Settings.load(Folders(file, folder, folder), {}, {}).effective())


def test_every_toml_block_is_settings_that_are_accepted(tmp_path: Path) -> None:
    found = [block for page in PAGES.values() for block in blocks("toml", page)]
    assert len(found) > 3
    for block in found:
        assert loaded(block, tmp_path)


def test_the_settings_shown_are_all_of_them_with_their_defaults(tmp_path: Path) -> None:
    shown = blocks("toml", page_of("settings"))[0]
    documented = loaded(shown, tmp_path)
    assert documented == loaded("", tmp_path)
    keys = {key[0] for key in documented} | set(Settings.model_fields)
    assert keys - set(tomllib.loads(shown)) == {"name_pattern", "scene"}
    assert "# name_pattern" in shown
    assert "# [[scene]]" in shown


def test_every_hook_and_built_in_is_documented() -> None:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    names = [name for name in vars(manager.hook) if not name.startswith("_")]
    assert sorted(names) == ["noticed", "place", "recorded"]
    for name in names:
        assert f"`{name}(" in page_of("hooks")
        assert getattr(hookspecs, name).__doc__
    for name in BUILT_IN:
        assert f"`{name}`" in page_of("hooks")


def test_the_hook_in_the_manual_works(tmp_path: Path) -> None:
    (source,) = blocks("python", page_of("hooks"))
    (tmp_path / "hooks").mkdir()
    hook = tmp_path / "hooks" / "meetings.py"
    hook.write_text(source)
    hook.chmod(0o600)
    file = tmp_path / "framesift.toml"
    file.write_text("")
    complaints: list[str] = []
    hooks = Hooks(Settings.load(Folders(file, tmp_path, tmp_path), {}, {}), tmp_path / "hooks", complaints.append)
    assert complaints == []
    assert "meetings" in hooks.names


def test_the_contract_of_the_hooks_names_everything_a_hook_author_imports() -> None:
    for name in watcher.__all__:
        assert hasattr(watcher, name)


@pytest.mark.parametrize("platform", [Unix, MacOS])
def test_the_folders_are_those_of_the_platforms(platform: type[Unix | MacOS], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    usual, page = platform("framesift", appauthor=False), page_of("platforms")
    for folder in (usual.user_config_path / "framesift.toml", usual.user_state_path, usual.user_log_path):
        assert f"`~/{folder.relative_to(Path.home()).as_posix()}`" in page


# --- files, links, and the README ---


@pytest.mark.parametrize("page", PAGES)
def test_every_file_a_page_links_is_there(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", PAGES[page])
    ours = [link for link in links if not link.startswith("https://")]
    assert [link for link in ours if not (REPOSITORY / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_the_code_a_page_names_is_there(page: str) -> None:
    named = set(re.findall(r"`((?:watcher|tests|hooks|\.ci|\.github)/[\w/.-]*)`", PAGES[page]))
    assert {name for name in named if "NAME" not in name and not (REPOSITORY / name).exists()} == set()


def test_every_test_that_a_promise_names_is_there() -> None:
    named = set(re.findall(r"[\w/]*test_\w+\.py", PAGES["tests/README.md"]))
    assert {name for name in named if not (REPOSITORY / "tests" / name).is_file()} == set()
    assert len(named) > 20


def test_the_readme_is_a_page() -> None:
    assert len(README.split()) <= README_WORDS


def test_the_pictures_in_the_readme_are_there_and_small_and_one_shows_the_demo() -> None:
    demo, *others = re.findall(r"!\[.*?\]\((.*?)\)", README)
    picture = (REPOSITORY / demo).read_text(encoding="utf-8")
    assert "duplicate" in picture
    assert "quarantined" in picture
    assert all(0 < (REPOSITORY / other).stat().st_size < 200_000 for other in others)


def test_the_commands_to_begin_with_name_what_exists() -> None:
    first, systems, second, tests = blocks("console", README)[:4]
    install = "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/framesift"
    assert first == f"{install} demo\n"
    assert second == f"{install} watch ~/Documents/ScreenRecord\n"
    assert tests == "bash tests/run\n"
    assert (REPOSITORY / tests.split()[1]).exists()
    assert systems.count("framesift demo") == 3


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def test_the_pytorch_that_is_installed_first_is_one_that_will_do() -> None:
    (wanted,) = (one for one in project()["dependencies"] if one.startswith("torch>"))
    bound = wanted.partition(",")[2]
    shown = re.findall(r"'torch(.*?)'", README + page_of("platforms"))
    assert set(shown) == {bound}


def test_the_changelog_knows_this_version() -> None:
    assert f"## {watcher.__version__}" in PAGES["CHANGELOG.md"]


# --- the workflow ---


WORKFLOW = REPOSITORY / ".github" / "workflows" / "tests.yml"


def test_the_workflow_tests_every_python_that_the_package_is_for() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    (listed,) = re.findall(r"python: \[(.*)\]", text)
    versions = re.findall(r'"(3\.\d+)"', listed)
    classifiers = [one.rpartition(" :: ")[2] for one in project()["classifiers"] if "Python :: 3." in one]
    assert versions == classifiers == ["3.11", "3.12", "3.13", "3.14"]
    assert project()["requires-python"] == f">={versions[0]}"


def test_the_workflow_is_yaml_and_runs_the_tests_on_three_systems() -> None:
    yaml = pytest.importorskip("yaml", reason="a library of Apprise's; framesift needs none")
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["tests"]
    assert job["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert job["strategy"]["fail-fast"] is False
    assert "bash tests/run" in [step.get("run") for step in job["steps"]]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
