import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.conftest import Framesift
from watcher.commands import config
from watcher.errors import SettingsError
from watcher.model.capture import DEFAULT_NAME_PATTERN
from watcher.model.verdict import Policy
from watcher.program import Program
from watcher.settings.folders import Folders
from watcher.settings.settings import Settings
from watcher.settings.sources import Origin
from watcher.settings.spelling import as_toml, parse_duration, spell_duration, toml_key

EXAMPLE = """\
root = "~/Documents/ScreenRecord"
quarantine = ""            # "" = ROOT-quarantine, beside ROOT
duplicate = 0.99           # SSIM above this: duplicate
similar = 0.95             # SSIM above this: similar
window = 100               # kept frames per display to compare with
guard = 0.0                # a duplicate whose worst tile is below this counts as similar; 0 = off
across_displays = false
frame_memory = "1 GB"      # decoded frames held on the device, all displays together
device = "auto"            # auto | cpu | cuda | mps
on_similar = "keep"        # keep | set-aside (into ROOT-similar, same mirror)
log_color = "always"
log_format = "console"
alarm_after = "24h"        # nothing new on any display for so long: warn
settle = "2s"

[ignore]

[hooks]
blocked = []
[hooks.run_command]
argv = []
"""

DAYS = "must be a whole number of days up to 36500, such as 30, or 0 for all time"
MAX_BYTES = 'must be a size such as "20 GB", or 0 for any'

Load = Callable[..., Settings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "framesift.toml"


@pytest.fixture
def folders(file: Path, tmp_path: Path) -> Folders:
    return Folders(file, tmp_path / "state", tmp_path / "log")


@pytest.fixture
def load(file: Path, folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Settings from TOML text, environment and flags, in a home of their own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))

    def load(text: str = "", environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        file.write_bytes(text.encode())
        return Settings.load(folders, flags, environ or {})

    return load


@pytest.fixture
def refusal(load: Load, file: Path) -> Callable[..., list[str]]:
    """The lines of a refusal, with FILE in the place of the settings file."""

    def refusal(text: str = "", environ: Mapping[str, str] | None = None, **flags: Any) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            load(text, environ, **flags)
        return str(caught.value).replace(str(file), "FILE").split("\n")

    return refusal


Refusal = Callable[..., list[str]]


# What the settings are.


def test_defaults(load: Load, tmp_path: Path) -> None:
    settings = load()
    documents = tmp_path / "home" / "Documents"
    assert settings.root == documents / "ScreenRecord"
    assert settings.quarantine_dir == documents / "ScreenRecord-quarantine"
    assert settings.similar_dir == documents / "ScreenRecord-similar"
    assert settings.policy == Policy(duplicate=0.99, similar=0.95, window=100)
    assert settings.frame_memory == 1_000_000_000
    assert (settings.device, settings.on_similar) == ("auto", "keep")
    assert (settings.log_color, settings.log_format) == ("always", "console")
    assert settings.alarm_after == timedelta(hours=24)
    assert settings.settle == timedelta(seconds=2)
    assert settings.name_pattern == DEFAULT_NAME_PATTERN
    assert (settings.retention.days, settings.retention.max_bytes, settings.retention.is_on) == (0, 0, False)
    assert settings.hooks.blocked == settings.hooks.run_command.argv == ()
    assert settings.hooks.run_command.timeout == 30
    assert settings.hooks.notify.urls == ()
    assert settings.hooks.notify.kinds == ("unreadable",)


def test_the_documented_example_says_the_defaults(load: Load) -> None:
    assert dict(load(EXAMPLE).effective()) == dict(load().effective())


def test_settings_are_frozen(load: Load) -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.window = 5
    with pytest.raises(ValidationError):
        settings.hooks.notify.urls = ("json://localhost",)


def test_every_key_can_be_set_in_the_file(load: Load, tmp_path: Path) -> None:
    settings = load(r"""
        root = "/captures/../screens"
        quarantine = "~/away"
        duplicate = 0.9
        similar = 0.9
        window = 0
        guard = 0.5
        across_displays = true
        frame_memory = "512 MiB"
        device = "cuda"
        on_similar = "set-aside"
        log_color = "never"
        log_format = "json"
        alarm_after = "1h30m"
        retention = { days = 30, max_bytes = "20 GB" }
        name_pattern = '(?P<display>\d)\.png'
        ignore = { 1 = [[9, 0, 5, 5], [-1, 0, 5, 5]], "*" = [] }
        hooks.blocked = ["quarantine"]
        hooks.run_command = { argv = ["logger", "-t", "framesift"], timeout = 2 }
        hooks.notify.urls = ["json://localhost"]
        hooks.notify.kinds = ["new", "similar"]
    """)
    assert settings.root == Path("/screens")
    assert settings.quarantine_dir == tmp_path / "home" / "away"
    ignored = (("1", ((-1, 0, 5, 5), (9, 0, 5, 5))),)
    assert settings.policy == Policy(0.9, 0.9, 0, guard=0.5, ignore=ignored, across_displays=True)
    assert settings.frame_memory == 512 * 2**20
    assert (settings.device, settings.on_similar) == ("cuda", "set-aside")
    assert (settings.log_color, settings.log_format) == ("never", "json")
    assert settings.alarm_after == timedelta(minutes=90)
    assert (settings.retention.days, settings.retention.max_bytes) == (30, 20 * 10**9)
    assert settings.retention.is_on
    assert settings.name_pattern == r"(?P<display>\d)\.png"
    assert settings.hooks.blocked == ("quarantine",)
    assert settings.hooks.run_command.argv == ("logger", "-t", "framesift")
    assert settings.hooks.run_command.timeout == 2
    assert settings.hooks.notify.urls == ("json://localhost",)
    assert settings.hooks.notify.kinds == ("new", "similar")


def test_a_hook_of_the_user_has_its_own_settings(load: Load) -> None:
    settings = load(
        '[hooks.my_hook]\nurl = "https://example.org"\n[hooks.my_hook.deep]\nlevel = 1',
        {"FRAMESIFT_HOOKS__MY_HOOK__RETRIES": "3", "FRAMESIFT_HOOKS__OTHER": '{"on": true}'},
    )
    section = settings.hooks.section("my_hook")
    assert section == {"url": "https://example.org", "deep": {"level": 1}, "retries": 3}
    section["deep"].clear()
    assert settings.hooks.section("my_hook")["deep"] == {"level": 1}
    assert settings.hooks.section("other") == {"on": True}
    assert settings.hooks.section("run_command") == {"argv": (), "timeout": 30}
    assert settings.hooks.section("nobody") == settings.hooks.section("blocked") == {}


def test_a_file_from_a_windows_editor_is_read(file: Path, folders: Folders) -> None:
    file.write_bytes(b"\xef\xbb\xbfwindow = 5\r\n[hooks]\r\nblocked = []\r\n")
    settings = Settings.load(folders, environ={})
    assert settings.window == 5
    assert settings.origin(("hooks", "blocked")) == Origin(str(file), 3)


# Layers.


def test_flags_win_over_environment_over_file_over_defaults(load: Load) -> None:
    text, environ = "window = 1", {"FRAMESIFT_WINDOW": "2"}
    assert load().window == 100
    assert load(text).window == 1
    assert load(text, environ).window == 2
    assert load(text, environ, window=3).window == 3
    assert load(text, environ, window=None).window == 2


def test_layers_meet_within_one_table(load: Load) -> None:
    hooks = load(
        '[hooks]\nblocked = ["a"]\n[hooks.run_command]\nargv = ["b"]', {"FRAMESIFT_HOOKS__BLOCKED": "[]"}
    ).hooks
    assert hooks.blocked == ()
    assert hooks.run_command.argv == ("b",)


def test_the_environment_gives_every_kind_of_value(load: Load) -> None:
    settings = load(
        environ={
            "FRAMESIFT_ROOT": "/123",
            "FRAMESIFT_QUARANTINE": "",
            "FRAMESIFT_DUPLICATE": "0.97",
            "FRAMESIFT_WINDOW": "7",
            "FRAMESIFT_GUARD": "0.25",
            "FRAMESIFT_ACROSS_DISPLAYS": "true",
            "FRAMESIFT_IGNORE__2": "[[1, 2, 3, 4]]",
            "FRAMESIFT_FRAME_MEMORY": "2 GB",
            "FRAMESIFT_DEVICE": "cpu",
            "FRAMESIFT_ALARM_AFTER": "2d",
            "FRAMESIFT_HOOKS__RUN_COMMAND__ARGV": '["echo", "1"]',
            "FRAMESIFT_HOOKS__NOTIFY__KINDS": '["new"]',
            "FRAMESIFT_CONFIG": "elsewhere.toml",
            "OTHER_ROOT": "/x",
        }
    )
    assert settings.root == Path("/123")
    assert settings.quarantine_dir == Path("/123-quarantine")
    assert (settings.duplicate, settings.window, settings.frame_memory) == (0.97, 7, 2_000_000_000)
    assert settings.across_displays is True
    assert (settings.guard, settings.ignore) == (0.25, {"2": ((1, 2, 3, 4),)})
    assert (settings.device, settings.alarm_after) == ("cpu", timedelta(days=2))
    assert settings.hooks.run_command.argv == ("echo", "1")
    assert settings.hooks.notify.kinds == ("new",)


def test_the_real_environment_is_read(load: Load, folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    load()
    monkeypatch.setenv("FRAMESIFT_WINDOW", "8")
    assert Settings.load(folders).window == 8


def test_a_relative_flag_starts_at_the_working_folder(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(root="screens").root == tmp_path / "screens"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load(root=Path("..")).quarantine_dir == tmp_path.with_name(f"{tmp_path.name}-quarantine")


def test_origins_are_known(load: Load, file: Path) -> None:
    text = """
window = 1 # a comment

[hooks.run_command]
argv = [
  "window = 3",
  "[hooks]",
]
timeout = 5
[hooks]
blocked = []
notify = { kinds = ["new"] }
"""
    settings = load(text, {"FRAMESIFT_DEVICE": "cpu"}, on_similar="keep", root="/screens")
    given = {
        "window": f"{file}:2",
        "device": "FRAMESIFT_DEVICE",
        "on_similar": "--on-similar",
        "root": "ROOT",
        "similar": "default",
        "hooks.run_command.argv": f"{file}:5",
        "hooks.run_command.timeout": f"{file}:9",
        "hooks.blocked": f"{file}:11",
        "hooks.notify.kinds": f"{file}:12",
    }
    assert {key: str(settings.origin(tuple(key.split(".")))) for key in given} == given


def test_a_default_in_a_table_that_the_file_opens_stays_a_default(load: Load, file: Path) -> None:
    settings = load("[hooks]\nblocked = []\n[hooks.run_command]\n[hooks.notify]\n")
    assert str(settings.origin(("hooks", "blocked"))) == f"{file}:2"
    assert str(settings.origin(("hooks", "run_command", "argv"))) == "default"
    assert str(settings.origin(("hooks", "notify", "kinds"))) == "default"


@given(st.data())
def test_each_key_is_found_on_its_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    values = ["1", '"a = 2"', '"""\nk0 = 1\n"""', "[\n1,\n# [t]\n]", "{ a = 1 }", "'''\n[hooks]'''", "1979-05-27"]
    expected, lines = {}, ["[hooks.mine]"]
    for index, value in enumerate(data.draw(st.lists(st.sampled_from(values), max_size=8))):
        lines += data.draw(st.lists(st.sampled_from(["", "# k9 = 1", "\t"]), max_size=2))
        expected[f"k{index}"] = sum(line.count("\n") + 1 for line in lines) + 1
        lines.append(f"k{index} = {value}  # said")
    file = tmp_path_factory.getbasetemp() / "lines.toml"
    file.write_bytes("\n".join(lines).encode())
    settings = Settings.load(Folders(file, file, file), environ={})
    assert {key: settings.origin(("hooks", "mine", key)).line for key in expected} == expected


# Refusals.

_RECTANGLE = "[x, y, width, height] in whole pixels, width and height above 0"
_RECTANGLES = 'lists of rectangles such as "1" = [[2600, 0, 280, 44]]'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nsimlar = 0.9", "FILE:2: simlar is not a setting; did you mean similar?"),
        ("zzz = 1", "FILE:1: zzz is not a setting; `framesift config show` lists them all"),
        (
            "[retention]\nmonths = 3",
            "FILE:2: retention.months is not a setting; `framesift config show` lists them all",
        ),
        ("days = 30", "FILE:1: days is not a setting; did you mean retention.days?"),
        ("blocked = []", "FILE:1: blocked is not a setting; did you mean hooks.blocked?"),
        ("timeout = 5", "FILE:1: timeout is not a setting; did you mean hooks.run_command.timeout?"),
        ("[hoooks]", "FILE:1: hoooks is not a setting; did you mean hooks?"),
        ("[hooks]\nblokced = []", "FILE:2: hooks.blokced is not a setting; did you mean hooks.blocked?"),
        (
            "[hooks.run_command]\ntimout = 1",
            "FILE:2: hooks.run_command.timout is not a setting; did you mean hooks.run_command.timeout?",
        ),
        (
            "[hooks.quarantine]\nzzzzzzzzz = 1",
            "FILE:2: hooks.quarantine.zzzzzzzzz is not a setting; `framesift config show` lists them all",
        ),
        (
            '"\\u001b[31m" = 1',
            'FILE:1: "\\u001b[31m" is not a setting; `framesift config show` lists them all',
        ),
        ('device = "gpu"', 'FILE:1: device = "gpu": must be auto, cpu, cuda or mps; did you mean cpu?'),
        ("device = 1", "FILE:1: device = 1: must be auto, cpu, cuda or mps"),
        ('on_similar = "Keep"', 'FILE:1: on_similar = "Keep": must be keep or set-aside; did you mean keep?'),
        ('log_color = "no"', 'FILE:1: log_color = "no": must be always, auto or never'),
        ('log_format = "jsn"', 'FILE:1: log_format = "jsn": must be console or json; did you mean json?'),
        ("duplicate = 1", "FILE:1: duplicate = 1: must be a number above 0 and below 1, such as 0.99"),
        ("duplicate = nan", "FILE:1: duplicate = nan: must be a number above 0 and below 1, such as 0.99"),
        ('duplicate = "0.9"', 'FILE:1: duplicate = "0.9": must be a number above 0 and below 1, such as 0.99'),
        ("similar = 0.0", "FILE:1: similar = 0.0: must be a number above 0 and below 1, such as 0.95"),
        ("similar = 0.995", "FILE:1: similar = 0.995 must not be above duplicate = 0.99"),
        ("duplicate = 0.9", "FILE:1: similar = 0.95 must not be above duplicate = 0.9"),
        ("guard = 1", "FILE:1: guard = 1: must be a number from 0, which is off, to below 1, such as 0.5"),
        ("guard = -0.1", "FILE:1: guard = -0.1: must be a number from 0, which is off, to below 1, such as 0.5"),
        ("across_displays = 1", "FILE:1: across_displays = 1: must be true or false"),
        ("window = -1", "FILE:1: window = -1: must be a whole number such as 100, or 0 for all frames"),
        (f"window = {10**30}", f"FILE:1: window = {10**30}: must be a whole number such as 100, or 0 for all frames"),
        ("window = true", "FILE:1: window = true: must be a whole number such as 100, or 0 for all frames"),
        ("window = 1.5", "FILE:1: window = 1.5: must be a whole number such as 100, or 0 for all frames"),
        ("frame_memory = 0", 'FILE:1: frame_memory = 0: must be a size above 0, such as "1 GB"'),
        ("frame_memory = true", 'FILE:1: frame_memory = true: must be a size above 0, such as "1 GB"'),
        ('frame_memory = "1 XB"', 'FILE:1: frame_memory = "1 XB": must be a size above 0, such as "1 GB"'),
        ("alarm_after = 24", 'FILE:1: alarm_after = 24: must be a duration above 0, such as "24h" or "90m"'),
        ("[retention]\ndays = -1", f"FILE:2: retention.days = -1: {DAYS}"),
        ("[retention]\ndays = 1.5", f"FILE:2: retention.days = 1.5: {DAYS}"),
        ("[retention]\ndays = true", f"FILE:2: retention.days = true: {DAYS}"),
        ("[retention]\ndays = 36501", f"FILE:2: retention.days = 36501: {DAYS}"),
        ('[retention]\nmax_bytes = "much"', f'FILE:2: retention.max_bytes = "much": {MAX_BYTES}'),
        ("[retention]\nmax_bytes = -1", f"FILE:2: retention.max_bytes = -1: {MAX_BYTES}"),
        ("retention = 30", "FILE:1: retention = 30: must be a table of settings"),
        ('settle = "0.04s"', 'FILE:1: settle = "0.04s": must be a duration from "0.05s" to "1h", such as "2s"'),
        ('settle = "61m"', 'FILE:1: settle = "61m": must be a duration from "0.05s" to "1h", such as "2s"'),
        ("settle = 2", 'FILE:1: settle = 2: must be a duration from "0.05s" to "1h", such as "2s"'),
        ('alarm_after = "0h"', 'FILE:1: alarm_after = "0h": must be a duration above 0, such as "24h" or "90m"'),
        ('alarm_after = "a day"', 'FILE:1: alarm_after = "a day": must be a duration above 0, such as "24h" or "90m"'),
        ("root = 5", 'FILE:1: root = 5: must be a folder such as "~/Documents/ScreenRecord"'),
        ('root = ""', 'FILE:1: root = "": must be a folder such as "~/Documents/ScreenRecord"'),
        ('root = "/"', 'FILE:1: root = "/": must be a folder that has others beside it'),
        ('root = "/a\\u0000"', 'FILE:1: root = "/a\\u0000": must be a folder such as "~/Documents/ScreenRecord"'),
        (
            'root = "screens"',
            (
                'FILE:1: root = "screens": must be absolute or begin with ~, '
                "for the file is read from many working folders"
            ),
        ),
        ("quarantine = []", 'FILE:1: quarantine = []: must be a folder, or "" for ROOT-quarantine beside ROOT'),
        (
            'name_pattern = "("',
            'FILE:1: name_pattern = "(": not a regular expression: missing ), unterminated subpattern at position 0',
        ),
        (
            'name_pattern = "[.]png"',
            "FILE:1: name_pattern = \"[.]png\": needs a group named 'display', such as _(?P<display>[0-9]+)[.]png",
        ),
        (
            'name_pattern = "a{99999999999999999999}"',
            (
                'FILE:1: name_pattern = "a{99999999999999999999}": not a regular expression: '
                "the repetition number is too large"
            ),
        ),
        (
            'time_format = "%H.%M"',
            (
                'FILE:1: time_format = "%H.%M": must be a format of strptime with day and time,'
                ' such as "%Y%m%d-%H%M%S", "%s" or ""'
            ),
        ),
        ("time_format = 5", 'FILE:1: time_format = 5: must be a format of strptime such as "%Y%m%d-%H%M%S", or ""'),
        *(
            (
                f'{pattern}time_format = "%s"',
                (
                    f'FILE:{line}: time_format = "%s" needs a name_pattern with a group taken_at,'
                    " such as '(?P<taken_at>.+)_(?P<display>[0-9]+)[.]png'"
                ),
            )
            for pattern, line in (("", 1), ("name_pattern = '.*_(?P<display>[0-9]+)[.]png'\n", 2))
        ),
        (
            "name_pattern = '(?P<\u00a0>a)'",
            (
                'FILE:1: name_pattern = "(?P<\\U000000a0>a)": not a regular expression: '
                "bad character in group name '\\xa0' at position 4"
            ),
        ),
        (
            '[ignore]\n"1" = [[0, 0, 5, 5]]\nx = [[0, 0, 5, 5]]',
            'FILE:3: ignore.x: must be the number of a display such as "1", or "*" for all of them',
        ),
        ("ignore.01 = []", 'FILE:1: ignore.01: must be the number of a display such as "1", or "*" for all of them'),
        ('"[key]" = 1', 'FILE:1: "[key]" is not a setting; `framesift config show` lists them all'),
        ("ignore = 5", f"FILE:1: ignore = 5: must be {_RECTANGLES}"),
        ("ignore.1 = 5", f"FILE:1: ignore.1 = 5: must be {_RECTANGLES}"),
        *(
            (f"[ignore]\n1 = [\n[-1, 0, 5, 5],\n{wrong},\n]", f"FILE:2: ignore.1.1 = {wrong}: must be {_RECTANGLE}")
            for wrong in ("[0, 0, 0, 5]", "[0, 0, 5, -1]", "[0, 0, 5]", "[0, 0, 5.0, 5]", "[0, 0, true, 5]", '"a"', "7")
        ),
        ("hooks = 5", "FILE:1: hooks = 5: must be a table of settings"),
        ("[hooks]\nnotify = true", "FILE:2: hooks.notify = true: must be a table of settings"),
        (
            "hooks.notify.kinds = ['knew']",
            (
                'FILE:1: hooks.notify.kinds.0 = "knew": must be a list of verdicts such as ["new", "unreadable"]; '
                "did you mean new?"
            ),
        ),
        ("hooks.blocked = 'a'", 'FILE:1: hooks.blocked = "a": must be a list of hooks\' names such as ["quarantine"]'),
        (
            "hooks.run_command.argv = ['a', 5]",
            'FILE:1: hooks.run_command.argv.1 = 5: must be a list of texts such as ["logger", "-t", "framesift"]',
        ),
        (
            "hooks.run_command.timeout = inf",
            "FILE:1: hooks.run_command.timeout = inf: must be a number of seconds from above 0 to 600",
        ),
        (
            "hooks.run_command.timeout = 1e9",
            "FILE:1: hooks.run_command.timeout = 1000000000.0: must be a number of seconds from above 0 to 600",
        ),
        (
            'hooks.run_command.argv = ["a\\u0000b"]',
            (
                'FILE:1: hooks.run_command.argv = ["a\\u0000b"]: must be texts without the character 0, which no'
                " program can be given"
            ),
        ),
        ("window = 1\nwindow = 2", "FILE:2: not TOML: Cannot overwrite a value"),
        ("window = 1\n\nnonsense\n", "FILE:3: not TOML: Expected '=' after a key in a key/value pair"),
        ("window = 1\na = [1,\n", "FILE:2: not TOML: Invalid value"),
        ("window = " + "[" * 90, "FILE:1: not TOML: Invalid value"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(refusal: Refusal, text: str, line: str) -> None:
    assert refusal(text) == [line]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("WINDW", "1", "FRAMESIFT_WINDW: windw is not a setting; did you mean FRAMESIFT_WINDOW?"),
        ("STATEDIR", "x", "FRAMESIFT_STATEDIR: statedir is not a setting; did you mean FRAMESIFT_STATE_DIR?"),
        ("BLOCKED", "[]", "FRAMESIFT_BLOCKED: blocked is not a setting; did you mean FRAMESIFT_HOOKS__BLOCKED?"),
        ("", "1", 'FRAMESIFT_: "" is not a setting; `framesift config show` lists them all'),
        (
            "HOOKS__NOTIFY__KIND",
            "1",
            (
                "FRAMESIFT_HOOKS__NOTIFY__KIND: hooks.notify.kind is not a setting; "
                "did you mean FRAMESIFT_HOOKS__NOTIFY__KINDS?"
            ),
        ),
        (
            "WINDOW",
            "many\x1b",
            'FRAMESIFT_WINDOW: window = "many\\u001b": must be a whole number such as 100, or 0 for all frames',
        ),
        ("DEVICE", "", 'FRAMESIFT_DEVICE: device = "": must be auto, cpu, cuda or mps'),
        ("ROOT", "", 'FRAMESIFT_ROOT: root = "": must be a folder such as "~/Documents/ScreenRecord"'),
        (
            "HOOKS__BLOCKED",
            "a,b",
            'FRAMESIFT_HOOKS__BLOCKED: hooks.blocked = "a,b": must be a list of hooks\' names such as ["quarantine"]',
        ),
        ("HOOKS", "[]", 'FRAMESIFT_HOOKS: hooks = "[]": must be a table of settings'),
        ("IGNORE", "[]", f"FRAMESIFT_IGNORE: ignore = []: must be {_RECTANGLES}"),
        (
            "IGNORE",
            '{"1": [[0, 0, 0, 0]]}',
            f"FRAMESIFT_IGNORE: ignore.1.0 = [0, 0, 0, 0]: must be {_RECTANGLE}",
        ),
        (
            "HOOKS__MINE",
            "5",
            "FRAMESIFT_HOOKS__MINE: hooks.mine is not a setting; `framesift config show` lists them all",
        ),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(refusal: Refusal, name: str, value: str, line: str) -> None:
    assert refusal(environ={f"FRAMESIFT_{name}": value}) == [line]


def test_what_is_wrong_in_a_flag_is_named(refusal: Refusal) -> None:
    assert refusal("window = 1", window=-1) == [
        "--window: window = -1: must be a whole number such as 100, or 0 for all frames"
    ]
    assert refusal(on_similar="aside") == [
        '--on-similar: on_similar = "aside": must be keep or set-aside; did you mean set-aside?'
    ]
    assert refusal(root="/") == ['ROOT: root = "/": must be a folder that has others beside it']


def test_everything_wrong_is_said_at_once(refusal: Refusal) -> None:
    lines = refusal('simlar = 1\nwindow = -1\ndevice = "gpu"', {"FRAMESIFT_SIMILAR": "x"}, log_color="red")
    assert [line.split(" ")[0] for line in lines] == [
        "--log-color:",
        "FILE:1:",
        "FILE:2:",
        "FILE:3:",
        "FRAMESIFT_SIMILAR:",
    ]


def test_a_value_in_the_place_of_a_table_hides_nothing(refusal: Refusal) -> None:
    assert refusal("hooks.blocked = []", {"FRAMESIFT_HOOKS": "x"}) == [
        'FRAMESIFT_HOOKS: hooks = "x": must be a table of settings'
    ]


def test_a_table_and_a_key_in_it_are_not_given_by_two_variables(refusal: Refusal) -> None:
    assert refusal(environ={"FRAMESIFT_IGNORE": "{}", "FRAMESIFT_IGNORE__2": "[]"}) == [
        "FRAMESIFT_IGNORE__2: FRAMESIFT_IGNORE gives the whole table; give one of the two"
    ]


@pytest.mark.parametrize("text", ["window = " + "9" * 5000, "a = " + "[" * 5000 + "]" * 5000])
def test_toml_that_is_too_much_is_refused_in_one_line(refusal: Refusal, text: str) -> None:
    (line,) = refusal(text)
    assert line.startswith(("FILE: cannot be read: ", "FILE:1: "))


def test_a_pattern_of_which_python_warns_is_read_in_silence(load: Load, recwarn: pytest.WarningsRecorder) -> None:
    assert load(r"name_pattern = '[[a]+_(?P<display>[0-9]+)[.]png'").names.fits("[a_1.png")
    assert not recwarn.list


def test_one_value_for_a_whole_table_takes_its_place(load: Load) -> None:
    settings = load("[hooks.mine]\na = 1\nb = 2", {"FRAMESIFT_HOOKS__MINE": '{"a": 3}'})
    assert settings.hooks.section("mine") == {"a": 3}
    assert str(settings.origin(("hooks", "mine", "a"))) == "FRAMESIFT_HOOKS__MINE"


def test_a_long_value_is_shortened(refusal: Refusal) -> None:
    assert refusal(f'device = "{"x" * 500}"') == [
        f'FILE:1: device = "{"x" * 76}...: must be auto, cpu, cuda or mps',
    ]


# Three trees that must be apart.


@pytest.mark.parametrize(
    ("quarantine", "text"),
    [
        ("/s/root/q", 'quarantine "/s/root/q" lies inside root "/s/root"; they must be apart'),
        ("/s/root", 'quarantine "/s/root" is the same folder as root "/s/root"; they must be apart'),
        ("/s/x/../root/", 'quarantine "/s/root" is the same folder as root "/s/root"; they must be apart'),
        (
            "/s/root-similar",
            'quarantine "/s/root-similar" is the same folder as root-similar "/s/root-similar"; they must be apart',
        ),
        (
            "/s/root-similar/q",
            'quarantine "/s/root-similar/q" lies inside root-similar "/s/root-similar"; they must be apart',
        ),
    ],
)
def test_quarantine_is_apart(refusal: Refusal, quarantine: str, text: str) -> None:
    assert refusal('root = "/s/root"', quarantine=quarantine) == [f"--quarantine: {text}"]
    assert refusal(f'root = "/s/root"\nquarantine = "{quarantine}"') == [f"FILE:2: {text}"]


def test_root_inside_quarantine_is_refused_with_each_tree_it_holds(refusal: Refusal) -> None:
    assert refusal('root = "/s/root"\nquarantine = "/s"') == [
        'FILE:2: quarantine "/s" contains root "/s/root"; they must be apart',
        'FILE:2: quarantine "/s" contains root-similar "/s/root-similar"; they must be apart',
    ]


def test_contradictions_of_all_kinds_are_said_at_once(refusal: Refusal) -> None:
    assert refusal('duplicate = 0.5\nroot = "/s/root"', quarantine="/s/root/q") == [
        '--quarantine: quarantine "/s/root/q" lies inside root "/s/root"; they must be apart',
        "FILE:1: similar = 0.95 must not be above duplicate = 0.5",
    ]


def test_symlinks_do_not_hide_an_overlap(refusal: Refusal, tmp_path: Path) -> None:
    root, alias, similar = tmp_path / "root", tmp_path / "alias", tmp_path / "root-similar"
    root.mkdir()
    alias.symlink_to(root)
    assert refusal(root=root, quarantine=alias / "q") == [
        f'--quarantine: quarantine "{root}/q" lies inside root "{root}"; they must be apart'
    ]
    similar.symlink_to(root)
    assert refusal(root=root) == [
        f'ROOT: root "{root}" is the same folder as root-similar "{similar}"; they must be apart'
    ]


def test_names_that_begin_alike_are_apart(load: Load) -> None:
    assert load(root="/s/root", quarantine="/s/root2").quarantine_dir == Path("/s/root2")


# Files that cannot be read.


def test_the_default_file_may_be_absent_but_a_named_one_may_not(file: Path, folders: Folders) -> None:
    assert Settings.load(folders, environ={}).window == 100
    named = Folders.choose(config=file, environ={})
    with pytest.raises(SettingsError) as caught:
        Settings.load(named, environ={})
    assert str(caught.value) == f"{file}: no such file, but --config or FRAMESIFT_CONFIG names it"


def test_a_file_that_is_not_utf8_is_refused(file: Path, folders: Folders) -> None:
    file.write_bytes(b'window = 1\n# \xe9t\xe9\nroot = "/x"')
    with pytest.raises(SettingsError) as caught:
        Settings.load(folders, environ={})
    assert str(caught.value) == f"{file}:2: not UTF-8; save the file in this encoding"


def test_a_file_that_cannot_be_read_is_refused(file: Path, folders: Folders) -> None:
    file.mkdir()
    with pytest.raises(SettingsError) as caught:
        Settings.load(folders, environ={})
    assert str(caught.value) == f"{file}: cannot be read: Is a directory"


# Folders.


def test_flags_win_over_environment_over_the_platform(tmp_path: Path) -> None:
    environ = {"FRAMESIFT_CONFIG": "/e/c.toml", "FRAMESIFT_STATE_DIR": "/e/state", "FRAMESIFT_LOG_DIR": "/e/log"}
    usual = Folders.choose(environ={"FRAMESIFT_CONFIG": ""})
    assert usual.config_file.name == "framesift.toml"
    assert usual.config_file.is_absolute()
    assert not usual.config_named
    assert "framesift" in str(usual.state_dir)
    assert "framesift" in str(usual.log_dir)
    chosen = Folders.choose(environ=environ)
    assert chosen == Folders(Path("/e/c.toml"), Path("/e/state"), Path("/e/log"), config_named=True)
    assert chosen.hooks_dir == Path("/e/hooks")
    flagged = Folders.choose(tmp_path / "f.toml", tmp_path / "s", environ)
    assert (flagged.config_file, flagged.state_dir) == (tmp_path / "f.toml", tmp_path / "s")


def test_folders_are_absolute_and_frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = Folders.choose(Path("here.toml"), environ={})
    assert folders.config_file == tmp_path / "here.toml"
    with pytest.raises(FrozenInstanceError):
        folders.state_dir = tmp_path  # type: ignore[misc]


def test_a_folder_that_cannot_be_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^~nobody-at-all/x: no such user's home folder$"):
        Folders.choose(Path("~nobody-at-all/x"), environ={})


@pytest.mark.skipif(os.name == "nt", reason="no folder can be deleted in which a program runs")
def test_a_relative_path_from_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    before = Path.cwd()
    os.chdir(here)
    try:
        here.rmdir()
        with pytest.raises(SettingsError, match=r"^x\.toml: the folder in which this runs is gone$"):
            Folders.choose(Path("x.toml"), environ={})
    finally:
        os.chdir(before)


# Texts.


@given(
    st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds))
    | st.timedeltas(timedelta(0), timedelta(days=10**6))
)
def test_durations_round_trip(duration: timedelta) -> None:
    assert parse_duration(spell_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("200ms", 0.2), ("0.2s", 0.2), ("1.5h", 5400), ("1m500ms", 60.5), ("1d1h1m1s1ms", 90061.001)]
)
def test_durations_may_have_fractions(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "spelled"), [(0.2, "0.2s"), (0.05, "0.05s"), (2, "2s"), (90, "90s"), (120, "2m"), (3600.25, "3600.25s")]
)
def test_a_duration_is_spelled_in_the_largest_unit_that_says_it_in_whole_or_in_seconds(
    seconds: float, spelled: str
) -> None:
    assert spell_duration(timedelta(seconds=seconds)) == spelled


@pytest.mark.parametrize(
    "text", ["", "24", "h", "-1h", "1.h", ".5s", "1,5s", "1e3s", "1h 30m", "1y", "٣h", "9" * 13 + "s", "999999999999w"]
)
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a duration such as "24h", "1h30m" or "7d"$'):
        parse_duration(text)


_texts = st.text(st.characters(exclude_categories=["Cs"]))
_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner) | st.dictionaries(_texts, inner),
    max_leaves=8,
)


@given(_texts, _values)
def test_values_are_shown_as_toml_and_never_with_control_characters(key: str, value: Any) -> None:
    line = f"{toml_key((key,))} = {as_toml(value)}"
    assert line.isprintable()
    assert tomllib.loads(line) == {key: value}


@given(
    thresholds=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)).map(sorted),
    window=st.integers(0, 10**9),
    frame_memory=st.integers(1, 10**13),
    retention=st.fixed_dictionaries({"days": st.integers(0, 36_500), "max_bytes": st.integers(0, 10**13)}),
    alarm_after=st.integers(1, 10**8).map(lambda seconds: timedelta(seconds=seconds)),
    argv=st.lists(_texts),
    ignore=st.dictionaries(
        st.sampled_from(["*", "0", "1", "12"]),
        st.lists(st.tuples(*[st.integers()] * 2, *[st.integers(1)] * 2).map(list)),
    ),
)
def test_what_config_show_prints_is_a_file_that_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, thresholds: list[float], argv: list[str], **values: Any
) -> None:
    similar, duplicate = thresholds
    words = [word.replace("\0", "") for word in argv]
    hooks = {"run_command": {"argv": words}, "mine": {"a b": argv}}
    settings = Settings.model_validate({"similar": similar, "duplicate": duplicate, "hooks": hooks, **values})
    file = tmp_path_factory.getbasetemp() / "round.toml"
    file.write_text("\n".join(f"{toml_key(key)} = {as_toml(value)}" for key, value in settings.effective()), "utf-8")
    again = Settings.load(Folders(file, file, file), environ={})
    assert dict(again.effective()) == dict(settings.effective())
    assert again.policy == settings.policy


# The commands.


@dataclass
class App:
    folders: Folders

    def settings(self, **flags: Any) -> Settings:
        return Settings.load(self.folders, flags)


def invoke(folders: Folders, *args: str) -> Result:
    return CliRunner().invoke(config.command, args, obj=App(folders))


def test_config_path(file: Path, folders: Folders) -> None:
    result = invoke(folders, "path")
    assert (result.stdout, result.stderr) == (f"{file}\n", "There is no such file yet; the defaults hold.\n")
    file.touch()
    result = invoke(folders, "path")
    assert (result.stdout, result.stderr) == (f"{file}\n", "")


def test_config_show(load: Load, file: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    load('root = "/screens"\n[hooks.mine]\nsince = 2020-01-01')
    monkeypatch.setenv("FRAMESIFT_WINDOW", "9")
    result = invoke(folders, "show")
    assert result.exit_code == 0
    lines = [line.split("  # ") for line in result.stdout.splitlines()]
    rows = {statement.strip(): origin for statement, origin in lines}
    assert rows['root = "/screens"'] == f"{file}:1"
    assert rows['quarantine = "/screens-quarantine"'] == "default"
    assert rows["window = 9"] == "FRAMESIFT_WINDOW"
    assert rows['frame_memory = "1 GB"'] == "default"
    assert rows['alarm_after = "24h"'] == "default"
    assert rows["hooks.mine.since = 2020-01-01"] == f"{file}:3"
    assert tomllib.loads(result.stdout)["hooks"]["run_command"] == {"argv": [], "timeout": 30.0}


def test_config_show_json(load: Load, file: Path, folders: Folders) -> None:
    load('root = "/screens"')
    shown_values = json.loads(invoke(folders, "show", "--json").stdout)
    assert shown_values["root"] == {"value": "/screens", "from": f"{file}:1"}
    assert shown_values["window"] == {"value": 100, "from": "default"}
    assert shown_values["hooks.blocked"] == {"value": [], "from": "default"}


def test_config_check(load: Load, file: Path, folders: Folders) -> None:
    load()
    assert invoke(folders, "check").stdout == "OK\n"
    file.write_text("windw = 1")
    result = invoke(folders, "check")
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == f"{file}:1: windw is not a setting; did you mean window?"


@pytest.mark.parametrize(
    "line",
    [
        'hooks.notify.urls = ["mailto://me:hunter2@host", "slack://A/hunter2", "me:hunter2"]',
        'hooks.notify.urls = "me:hunter2@host"',
        'hooks.notify.urls = [{a = "hunter2"}]',
        'hooks.notify = "me:hunter2@host"',
        'hooks = ["mailto://me:hunter2@host"]',
        'hooks.run_command.argv = ["curl", "https://host/hunter2"]',
        'hooks.mine = {token = "hunter2", deep = {webhook = ["hunter2"]}}',
        'root = "smb://me:hunter2@host/share"',
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_secret_of_an_address_is_shown_whether_it_is_right_or_refused(
    file: Path, folders: Folders, line: str, options: list[str]
) -> None:
    file.write_text(line)
    done = CliRunner().invoke(
        config.command, ["show", *options], obj=Program(folders, quiet=False, verbose=False, started=0)
    )
    said = done.output + str(done.exception)
    assert "hunter2" not in said
    assert "***" in said


def test_an_error_of_the_settings_library_tells_nothing_that_was_given() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"hooks": {"notify": {"urls": "me:hunter2"}}})
    assert "hunter2" not in str(refused.value)


def test_config_init_writes_the_defaults_once_as_comments(file: Path, framesift: Framesift, folders: Folders) -> None:
    file = file.with_name("mine.toml")
    folders = replace(folders, config_file=file)
    assert framesift("--config", file, "config", "init") == (0, f"{file}\n", "")
    text = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert Settings.load(folders, {}, {}).model_dump() == Settings().model_dump()
    assert all(line[0] in "#[" for line in text.splitlines() if line)
    uncommented = re.sub(r"(?m)^# (?=[a-z_]+ = )", "", text)
    file.write_text(uncommented.replace("name_pattern = '...'", ""))
    assert Settings.load(folders, {}, {}).model_dump() == Settings().model_dump()
    code, _, errors = framesift("--config", file, "config", "init")
    assert (code, errors) == (1, f"framesift: {file} exists, and stays as it is\n")


def test_config_check_says_how_names_in_the_folder_are_read(file: Path, folders: Folders, tmp_path: Path) -> None:
    root = tmp_path / "screens"
    file.write_text(f'root = "{root}"\n')
    assert invoke(folders, "check").stdout == "OK\n", "a folder that is not there is the doctor's"
    (root / "day").mkdir(parents=True)
    (root / "day" / "2020-05-04_09.05.07_2.png").touch()
    assert invoke(folders, "check").stdout == "OK\n2020-05-04_09.05.07_2.png: display 2, 2020-05-04 09:05:07\n"
    with file.open("a") as stream:
        stream.write("name_pattern = '[0-9-]+_[0-9]+[.](?P<display>[0-9]+).+'\n")
    first, odd, example = invoke(folders, "check").stdout.splitlines()
    assert first == "every setting can be right, but:"
    assert "tell no time, for example 2020-05-04_09.05.07_2.png" in odd
    assert example.startswith("2020-05-04_09.05.07_2.png: display 5, ")
    assert example.endswith(", the time of the file")
    file.write_text(f'root = "{root}"\nname_pattern = "(?P<display>[0-9])"\n')
    _, odd = invoke(folders, "check").stdout.splitlines()
    assert "not those of captures, for example 2020-05-04_09.05.07_2.png" in odd


@pytest.mark.skipif(os.name == "nt", reason="an editor that is a POSIX script")
def test_config_edit_opens_an_editor_and_checks(
    file: Path, framesift: Framesift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "$LINE" > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setenv("FRAMESIFT_CONFIG", str(file))
    monkeypatch.setenv("LINE", "window = 7")
    assert framesift("config", "edit") == (0, "OK\n", "")
    assert file.read_text() == "window = 7\n"
    monkeypatch.setenv("LINE", "window = -7")
    code, _, errors = framesift("config", "edit")
    assert (code, errors.count("\n")) == (2, 1)
