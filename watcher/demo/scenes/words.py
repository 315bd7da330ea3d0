"""The invented text on the drawn screens, and the dice that choose it."""

import random

TOPICS = ("gardens", "tides", "lamps", "maps", "trains", "kilns", "orchards", "boats")
NAMES = ("Juniper", "Moss", "Wren", "Tansy", "Sorrel", "Heron", "Bramble", "Thistle")

_NOUNS = (
    *("ferry", "lantern", "orchard", "tide table", "kiln", "greenhouse", "map", "signal box", "footbridge", "harbour"),
    *("weather vane", "paper boat", "ladder", "seed tray", "reading room", "water tank", "path", "noticeboard"),
)
_VERBS = ("shows", "moves", "replaces", "follows", "keeps", "opens", "shelters", "reaches", "mirrors", "crosses")
_ENDS = (" slowly.", " again.", " by noon.", " at low water.", " since the spring.", " in good light.", ".", ".", ".")
_OPENINGS = ("The", "In the end the", "Every morning the", "For now the", "As planned, the", "Nobody minds that the")


def dice(*parts: object) -> random.Random:
    """Random choices that are the same for the same *parts*, in every process."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - it chooses pictures, not secrets


def topic_name(topic: int) -> str:
    """The name of *topic*."""
    return TOPICS[topic % len(TOPICS)]


def sentence(choice: random.Random) -> str:
    """One sentence."""
    first, second = choice.sample(_NOUNS, 2)
    return f"{choice.choice(_OPENINGS)} {first} {choice.choice(_VERBS)} the {second}{choice.choice(_ENDS)}"


def headline(choice: random.Random) -> str:
    """A short title."""
    first, second = choice.sample(_NOUNS, 2)
    return f"How the {first} {choice.choice(_VERBS)} the {second}"


_CODE = (
    '''

def {verb}_{noun}({noun}s, limit={number}):
    """The {noun}s that are worth keeping, oldest first."""
    kept = []
    for {noun} in sorted({noun}s, key=age):
        if {noun}.height > limit:
            continue  # too tall for the shelf
        kept.append({noun})
    return kept
''',
    '''

class Shelf:
    """One {noun} and where it stands."""

    def __init__(self, place, height={number}):
        self.place = place
        self.height = height

    def {verb}(self, other):
        return self.place == other.place
''',
    """

def average_{noun}(rows):
    # An empty week has no average, and zero would be a lie.
    if not rows:
        raise ValueError("no {noun} was measured")
    return sum(row.{noun} for row in rows) / len(rows)
""",
)


def code(topic: int, count: int) -> list[str]:
    """The first *count* lines of a program."""
    choice = dice("code", topic)
    lines = ["import shelves", "from shelves import age, SAMPLES"]
    for number in range(count):
        noun = choice.choice(("lamp", "tray", "boat", "stamp", "kettle", "pebble"))
        verb = choice.choice(("sort", "mend", "count", "polish", "label", "water"))
        block = _CODE[(topic + number) % len(_CODE)]
        lines += block.format(noun=noun, verb=verb, number=choice.randrange(3, 90)).splitlines()
    return lines[:count]
