"""Scenes from the settings to the ledger: what the log, why, compare and a new sweep make of a lock screen's clock."""

import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Framesift
from tests.desk import Desk
from tests.judge.test_scenes import CLOCK, dialog, lock_screen
from tests.pictures import png, screen


@pytest.fixture
def locked(desk: Desk) -> Desk:
    """A desk whose settings have a scene, and an evening: the lock screen comes back with another time each time."""
    scenes = desk.base / "scenes"
    scenes.mkdir()
    lock_screen().save(scenes / "lock.png")
    for tick in range(6):
        desk.put(tick, screen(tick, (320, 240)) if tick % 2 else png(lock_screen(tick + 1)))
    desk.put(6, png(dialog(lock_screen(7))))
    return desk


SCENE = f'[[scene]]\nname = "lock screen"\nreference = "scenes/lock.png"\nignore = [{list(CLOCK)}]\n'


def kinds(desk: Desk) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in desk.run("history", "--json").stdout.splitlines()]
    rows.sort(key=lambda row: str(row["path"]))
    return [(row["kind"], row["scene"]) for row in rows]


def use(desk: Desk, text: str) -> None:
    desk.config.write_text(f"{desk.head}{text}")


def test_a_lock_screen_that_comes_back_is_a_duplicate_and_a_dialog_on_it_is_not(
    locked: Desk, framesift: Framesift
) -> None:
    use(locked, SCENE)
    assert locked.config.parent == locked.base, "references lie beside the settings file"
    assert framesift("sweep")[0] == 0
    lock = ("duplicate", "lock screen")
    *before, (last, scene) = kinds(locked)
    assert before == [("new", "lock screen"), ("new", ""), lock, ("new", ""), lock, ("new", "")]
    assert last != "duplicate"
    assert scene == ""
    assert re.search(r"scene +lock screen", framesift("why", locked.path(2))[1])
    assert re.search(r"duplicate .*lock screen", framesift("history")[1])


def test_the_archive_follows_when_scenes_come_and_go(locked: Desk, framesift: Framesift) -> None:
    assert framesift("sweep")[0] == 0
    before = kinds(locked)
    assert not [kind for kind, _ in before if kind == "duplicate"]
    use(locked, SCENE)
    code, _, err = framesift("sweep", "--again")
    assert code == 0, err
    assert [kind for kind, scene in kinds(locked) if scene] == ["new", "duplicate", "duplicate"]
    assert locked.mirrored(locked.path(4)).exists()
    use(locked, "")
    assert framesift("sweep", "--again")[0] == 0
    assert kinds(locked) == before
    assert locked.path(4).exists(), "and what left because of a scene comes back without it"


def test_kept_screens_are_read_again_once_when_scenes_change(locked: Desk, framesift: Framesift) -> None:
    assert framesift("sweep")[0] == 0
    use(locked, SCENE)
    locked.put(10, png(lock_screen(11)))
    assert framesift("sweep")[0] == 0
    assert kinds(locked)[-1] == ("duplicate", "lock screen")
    with locked.ledger() as ledger:
        digests = {bytes(row[0])[:5] for row in ledger.rows("SELECT signature FROM frame")}
    assert len(digests) == 1, "all are painted over as the scenes say now"


@pytest.mark.parametrize("verb", ["sweep", "watch"])
def test_nothing_starts_without_the_reference_of_a_scene(locked: Desk, framesift: Framesift, verb: str) -> None:
    use(locked, SCENE)
    (locked.base / "scenes" / "lock.png").unlink()
    code, _, err = framesift(verb)
    assert code == 2
    assert "scene.reference: [Errno 2] No such file or directory:" in err
    assert kinds(locked) == []
    (locked.base / "scenes" / "lock.png").write_bytes(b"no picture")
    code, _, err = framesift(verb)
    assert code == 1
    assert "scene lock screen: " in err
    assert "not a PNG image" in err
    assert framesift("restore", "--all", "--yes")[0] == 1, "which needs no scene"
    assert locked.path(0).exists()


def test_a_reference_that_is_another_is_told_of(locked: Desk, framesift: Framesift) -> None:
    use(locked, SCENE)
    assert "another reference" not in framesift("sweep")[1]
    assert re.search("well +scenes +lock screen", framesift("doctor")[1])
    lock_screen(seed=5).save(locked.base / "scenes" / "lock.png")
    locked.put(20, screen(20, (320, 240)))
    assert "scene lock screen has another reference than before" in framesift("sweep")[1]
    locked.put(21, screen(21, (320, 240)))
    assert "another reference" not in framesift("sweep")[1]
    (locked.base / "scenes" / "lock.png").unlink()
    assert re.search("sick +scenes .*No such file", framesift("doctor")[1])


def test_the_scene_that_compare_prints_makes_the_two_equal(locked: Desk, framesift: Framesift) -> None:
    one, other = locked.path(0), locked.path(2)
    assert json.loads(framesift("compare", "--json", one, other)[1])["ssim"] < 1
    code, out, _ = framesift("compare", one, other, "--scene", "lock screen")
    assert code == 0
    use(locked, out[out.index("[[scene]]") :])
    found = json.loads(framesift("compare", "--json", one, other)[1])
    assert found["ssim"] == 1
    assert found["scenes"] == ["lock screen", "lock screen"]
    assert json.loads(framesift("compare", "--json", one, locked.path(1))[1])["scenes"] == ["lock screen", ""]
    drawn = locked.base / "map.png"
    assert framesift("compare", one, other, "--map", drawn)[0] == 0
    with Image.open(io.BytesIO(Path(drawn).read_bytes())) as picture:
        left, top, width, height = (side // 2 for side in CLOCK)
        hatched = {picture.getpixel((left + x, top + y)) for x in range(8, width - 8) for y in range(4, height - 4)}
    assert (224, 224, 224) in hatched
