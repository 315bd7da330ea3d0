"""The invented text on the drawn screens, and the dice that choose it."""

import random

ROOMS = ("garden-plan", "tide-tables", "lamp-rota", "map-room", "slow-trains", "kiln-club", "orchard", "paper-boats")
"""Topics of chats, files and pages."""

NICKNAMES = ("Juniper", "Moss", "Wren", "Tansy", "Sorrel", "Heron", "Bramble", "Thistle")

_NOUNS = (
    *("ferry", "lantern", "orchard", "tide table", "kiln", "greenhouse", "map", "signal box", "footbridge", "harbour"),
    *("weather vane", "paper boat", "ladder", "seed tray", "reading room", "water tank", "path", "noticeboard"),
)
_VERBS = (
    *("shows", "moves", "replaces", "measures", "follows", "keeps", "opens", "shelters", "reaches", "mirrors"),
    *("outlasts", "supports", "crosses"),
)
_ADVERBS = ("slowly", "again", "by noon", "at low water", "without hurry", "since the spring", "in good light", "twice")
_OPENINGS = (
    *("The", "In the end the", "Every morning the", "For now the", "As planned, the", "Once repaired, the"),
    *("Nobody minds that the", "It turns out the"),
)


def dice(*parts: object) -> random.Random:
    """Random choices that are the same for the same *parts*, in every process."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - it chooses pictures, not secrets


def room(topic: int) -> str:
    """The name of *topic*."""
    return ROOMS[topic % len(ROOMS)]


def sentence(choice: random.Random) -> list[str]:
    """The words of one sentence."""
    first, second = choice.sample(_NOUNS, 2)
    end = f" {choice.choice(_ADVERBS)}." if choice.random() < 0.6 else "."  # noqa: PLR2004 - most sentences
    return f"{choice.choice(_OPENINGS)} {first} {choice.choice(_VERBS)} the {second}{end}".split()


def sentences(choice: random.Random, count: int) -> list[str]:
    """The words of *count* sentences."""
    return [word for _ in range(count) for word in sentence(choice)]


def headline(choice: random.Random) -> str:
    """A short title."""
    first, second = choice.sample(_NOUNS, 2)
    return f"How the {first} {choice.choice(_VERBS)} the {second}"


_FUNCTIONS = (
    (
        "def {verb}_{noun}({noun}s, limit={number}):",
        '    """The {noun}s that are worth keeping, oldest first."""',
        "    kept = []",
        "    for {noun} in sorted({noun}s, key=age):",
        "        if {noun}.height > limit:",
        "            continue  # too tall for the shelf",
        "        kept.append({noun})",
        "    return kept",
    ),
    (
        "class {Noun}:",
        '    """One {noun} and where it stands."""',
        "",
        "    def __init__(self, place, height={number}):",
        "        self.place = place",
        "        self.height = height",
        "",
        "    def {verb}(self, other):",
        "        return self.place == other.place",
    ),
    (
        "def average_{noun}(rows):",
        "    # An empty week has no average, and zero would be a lie.",
        "    if not rows:",
        '        raise ValueError("no {noun} was measured")',
        "    return sum(row.{noun} for row in rows) / len(rows)",
    ),
    (
        "def test_{verb}_{noun}_twice():",
        "    first = {verb}_{noun}(SAMPLES, limit={number})",
        "    again = {verb}_{noun}(first, limit={number})",
        "    assert again == first",
    ),
    (
        "with open_{noun}s() as shelf:",
        "    for number, {noun} in enumerate(shelf, start=1):",
        '        print(f"{{number:>4}}  {{{noun}.label}}")',
        '    print("done:", len(shelf), "{noun}s")',
    ),
)


def code(topic: int, count: int) -> list[str]:
    """The first *count* lines of a program."""
    choice = dice("code", topic)
    lines = ["import shelves", "from shelves import age, SAMPLES", "", ""]
    while len(lines) < count:
        noun = choice.choice(("lamp", "tray", "boat", "leaf", "stamp", "kettle", "pebble"))
        names = {
            "noun": noun,
            "Noun": noun.title(),
            "verb": choice.choice(("sort", "mend", "count", "polish", "label", "water")),
            "number": choice.randrange(3, 90),
        }
        lines += [line.format(**names) for line in choice.choice(_FUNCTIONS)]
        lines += ["", ""]
    return lines[:count]
