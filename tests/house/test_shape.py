"""The tree keeps the house rules, and each rule sees a breach of it."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.house import checks
from tests.house.checks import Check, Source

ROOT = Path(__file__).parents[2]
LONG_BODY = "\n".join(f"    x_{i} = {i}" for i in range(60))
LONG_NOTES = "\n".join(f"    # {i}" for i in range(60))

# For each rule: the folders it holds in, a file that keeps it, a file that breaks it.
RULES: dict[Check, tuple[tuple[str, ...], str, str]] = {
    checks.long_file: (("socratic", "games"), "x = 1\n" * 450, "x = 1\n" * 451),
    checks.long_functions: (
        ("socratic", "games"),
        f'def play():\n    """Play.\n\n    At length.\n    """\n{LONG_NOTES}\n    x = 1\n',
        f"def play():\n{LONG_BODY}\n",
    ),
    checks.broad_handlers: (
        ("socratic", "games", "tests"),
        "try:\n    f()\nexcept (OSError, ValueError):\n    g()\ntry:\n    f()\nexcept BaseException:\n    g()\n    raise\n",
        "try:\n    f()\nexcept (OSError, Exception):\n    g()\n",
    ),
    checks.forbidden_words: (("socratic", "games"), "def sample_moves(environment): ...\n", "def play(env): ...\n"),
    checks.undrawn_generators: (
        ("socratic", "games", "tests"),
        "import torch\ntorch.rand(2, generator=g)\nw.normal_(generator=g)\ntorch.nn.init.xavier_uniform_(w, generator=g)\n",
        "import torch\ntorch.rand(2)\n",
    ),
    checks.unrepeatable_seeds: (
        ("socratic", "games", "tests"),
        "Seed(7).child('game', index)\nstarted = time.time()\nRandom(seed.key)\n",
        "Seed(int(time.time()))\n",
    ),
    checks.missing_exports: (("socratic", "games"), "from a import b\n__all__ = ['b']\n", "from a import b\n__all__ = ['c']\n"),
    checks.outside_imports: (
        ("games",),
        "import math\nfrom socratic.game import game\nfrom socratic_games.sticks import sticks\n",
        "import numpy\n",
    ),
}

# Breaches that one example of a rule does not show.
MORE_BREACHES: list[tuple[Check, str]] = [
    (checks.broad_handlers, "try:\n    f()\nexcept:\n    g()\n"),
    (checks.broad_handlers, "try:\n    f()\nexcept Exception as error:\n    raise ValueError from error\n"),
    (checks.broad_handlers, "with contextlib.suppress(Exception):\n    f()\n"),
    (checks.forbidden_words, "class GameManager: ...\n"),
    (checks.forbidden_words, "def play_helper(): ...\n"),
    (checks.forbidden_words, "def draw(sample): ...\n"),
    (checks.forbidden_words, "def draw_sample(): ...\n"),
    (checks.undrawn_generators, "import torch\nw.normal_()\n"),
    (checks.undrawn_generators, "import torch\ntorch.nn.init.xavier_uniform_(w)\n"),
    (checks.undrawn_generators, "import torch\ntorch.multinomial(p, 1)\n"),
    (checks.unrepeatable_seeds, "play(seed=os.getpid())\n"),
    (checks.unrepeatable_seeds, "random.Random()\n"),
    (checks.unrepeatable_seeds, "generator.manual_seed(time.time_ns())\n"),
    (checks.missing_exports, "from a import b\n"),
    (checks.outside_imports, "from socratic.records import Match\n"),
    (checks.outside_imports, "import torch\n"),
]


def sources(folders: tuple[str, ...]) -> Iterator[Source]:
    """Yield every file of Python under the folders; `games` is also linked below tests, and is read once."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "names" not in path.relative_to(ROOT).parts:
                yield Source(path=path, text=path.read_text(encoding="utf-8"))


def complaints(check: Check, text: str) -> list[str]:
    """Return what a rule says of a package that holds `text`."""
    return list(check(Source(path=Path("socratic/play/__init__.py"), text=text)))


def name_of(value: object) -> str | None:
    """Return a rule's name; pytest names the rest."""
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("check", RULES, ids=name_of)
def test_the_tree_keeps_the_rule(check: Check) -> None:
    found = [f"{source.path.relative_to(ROOT)} {complaint}" for source in sources(RULES[check][0]) for complaint in check(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("check", RULES, ids=name_of)
def test_the_rule_tells_a_breach_from_what_keeps_it(check: Check) -> None:
    _, kept, broken = RULES[check]
    assert complaints(check, kept) == []
    assert len(complaints(check, broken)) == 1


@pytest.mark.parametrize(("check", "broken"), MORE_BREACHES, ids=name_of)
def test_the_rule_sees_the_breach(check: Check, broken: str) -> None:
    assert len(complaints(check, broken)) == 1


@pytest.mark.parametrize("name", ["utils.py", "env.py", "game_helpers.py"])
def test_a_module_without_a_subject_is_refused(name: str) -> None:
    assert list(checks.forbidden_words(Source(path=Path("socratic/play") / name, text="")))


def test_every_export_of_socratic_can_be_had() -> None:
    socratic = import_module("socratic")
    missing = [name for name in socratic.__all__ if not hasattr(socratic, name)]
    assert missing == []
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        socratic.nothing  # noqa: B018  # asking is the test
