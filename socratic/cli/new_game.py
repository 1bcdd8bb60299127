"""`socratic games new`: the files of a new game that already keeps the contract."""

import builtins
import keyword
import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from socratic.cli.output import typed
from socratic.errors import ConfigError
from socratic.registry import list_games

NAME = re.compile(r"[a-z][a-z0-9_]*")
# What the game's file below calls something else, and the files that pytest takes for its own.
USED = {"best", "check", "game", "conftest", "pytest", "socratic"}

GAME = '''\
"""@NAME@: say in one line what kind of game it is."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

MOST = 20


def best(*, cards: int) -> float:
    """Return the talker's expected score where both play as well as can be: the other swaps the cards below the middle."""
    check(cards)
    found = sum(max(card - 1, cards - card) for card in range(1, cards + 1)) / (cards * (cards - 1))
    return 1 - 2 * found


@game(seats=("talker", "chooser"), zero_sum=True, levels=({"cards": 3}, {"cards": 5}, {"cards": 9}), optimum=best)
async def @NAME@(t: Table, *, cards: int = 3) -> Scores:
    """Each has a card. The talker calls its own high or low, true or not; the chooser keeps its card or swaps. The high card wins.

    A talker who always says the same tells nothing, and a chooser who does not listen cannot be misled: nobody does better.
    """
    check(cards)
    held = t.deal(range(1, cards + 1), 2, hidden_from=(1, 0))
    t.truth(talker=held[0], chooser=held[1])
    t.tell(None, f"Cards 1 to {cards}. The high card wins.")
    said = await t.ask(0, f"Say high or low; your card is {held[0]}", ("high", "low"))
    done = await t.ask(1, f"Keep or swap; they say {said}; your card is {held[1]}", ("keep", "swap"))
    has_high_card = 0 if held[0] > held[1] else 1
    return t.win(has_high_card if done == "keep" else 1 - has_high_card)


def check(cards: int) -> None:
    """Refuse what cannot be played."""
    if not 2 <= cards <= MOST:
        raise ConfigError(f"@NAME@: cards is {cards}, expected 2 to {MOST}")
'''

TEST = '''\
"""@NAME@ keeps the contract, and pays what its rules say."""

@IMPORTS@


@pytest.mark.parametrize("params", GAME.levels)
def test_it_keeps_the_contract(params: dict[str, int]) -> None:
    report = check_game(GAME, params)
    assert report.passed, [finding for finding in report.findings if not finding.passed]


@pytest.mark.parametrize("done", ["keep", "swap"])
@pytest.mark.parametrize("seed", range(8))
def test_the_high_card_wins(seed: int, done: str) -> None:
    match = LiveMatch(GAME, {"cards": 5}, Seed(seed))
    talker, chooser = match.truths["talker"], match.truths["chooser"]
    if done == "swap":
        talker, chooser = chooser, talker
    match.submit({0: "high"})
    match.submit({1: done})
    assert match.scores == ((1.0, -1.0) if talker > chooser else (-1.0, 1.0))


def test_two_cards_hide_nothing_from_the_chooser() -> None:
    assert GAME.best_score({"cards": 2}) == -1


def test_one_card_is_refused() -> None:
    with pytest.raises(ConfigError, match="cards is 1"):
        LiveMatch(GAME, {"cards": 1}, Seed(0))
'''

TEST_IMPORTS = """\
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch
from socratic.game.check import check_game
"""
FROM_FILE = f"""\
from pathlib import Path

{TEST_IMPORTS}from socratic.registry import load_game
from socratic.seeds import Seed

GAME = load_game(str(Path(__file__).with_name("@NAME@.py")))"""
IMPORT_GAME = "import pytest\nfrom socratic_@NAME@ import @NAME@ as GAME\n"
FROM_MODULE = TEST_IMPORTS.replace("import pytest\n", IMPORT_GAME) + "from socratic.seeds import Seed"

CONFIG = """\
# A small Transformer teaches itself the game by self-play. Run it in the folder of the game's file.
generations = 100

[games."@NAME@.py"]
episodes = 64

[learner]
lr = 1e-3
baseline = "context"

[learner.objective]
kl = 0.3
entropy = 0.1

[observer]
every = 50

[play]
executor = "local"  # one process is enough for so small a game

[tracker]
wandb = "off"
"""

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "socratic-@DASHED@"
version = "0.1.0"
description = "A language game for Socratic"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["socratic-loop"]

[project.entry-points."socratic.games"]
@NAME@ = "socratic_@NAME@:@NAME@"

[tool.setuptools]
py-modules = ["socratic_@NAME@"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""

README = """\
# @NAME@

A language game for [Socratic](https://arxiv.org/abs/2411.16905). Once it is installed, it is played by its name:

```console
$ pip install .
$ socratic games check @NAME@
$ socratic play @NAME@
```
"""


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the game is called.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.")] = Path(),
    plugin: Annotated[bool, typer.Option("--plugin", help="Make a whole distribution, to be installed and published.")] = False,
) -> None:
    """Write a small game that keeps the contract, with its test, to be made into another."""
    home = folder / name if plugin else folder
    _check_name(name, f"socratic_{name}" if plugin else name, home)
    texts = (
        _distribution()
        if plugin
        else {"@NAME@.py": GAME, "test_@NAME@.py": f"{TEST}".replace("@IMPORTS@", FROM_FILE), "@NAME@.toml": CONFIG}
    )
    files = {home / _filled(path, name): _filled(text, name) for path, text in texts.items()}
    _write(files)
    for path in files:
        print(f"socratic: wrote {path}")
    print("next:")
    for step in _next_steps(name, home, is_plugin=plugin):
        print(f"  {step}")


def _distribution() -> dict[str, str]:
    return {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        "socratic_@NAME@.py": GAME,
        "tests/test_@NAME@.py": TEST.replace("@IMPORTS@", FROM_MODULE),
    }


def _filled(text: str, name: str) -> str:
    return text.replace("@NAME@", name).replace("@DASHED@", name.replace("_", "-").strip("-"))


def _next_steps(name: str, home: Path, *, is_plugin: bool) -> list[str]:
    steps = [] if home.resolve() == Path.cwd() else [f"cd {shlex.quote(str(home))}"]
    if is_plugin:
        return [*steps, "pip install --editable .", typed(f"games check {name}"), typed(f"play {name}"), "python -m pytest"]
    return [
        *steps,
        typed(f"games check {name}.py --level all"),
        typed(f"play {name}.py"),
        f"python -m pytest test_{name}.py",
        typed(f"run {name}.toml"),
    ]


def _check_name(name: str, module: str, home: Path) -> None:
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a game; expected lower-case letters, digits and _, a letter first, such as high_card")
    taken = {plugin.name: plugin.distribution for plugin in list_games()}
    if name in taken:
        raise ConfigError(f"a game {name!r} is installed already, by {taken[name]}; choose another name")
    if keyword.iskeyword(name) or name in USED | sys.stdlib_module_names or hasattr(builtins, name):
        raise ConfigError(f"{name!r} already means something in Python or in the files of a game; choose another name")
    # Tests run where the file lies, so that it would be imported in the place of a module of the same name.
    hidden = find_spec(module)
    if hidden is not None and hidden.origin is not None and Path(hidden.origin).parent not in {home.resolve(), Path.cwd()}:
        raise ConfigError(f"{name!r} would hide the module {module!r} that is installed here; choose another name")


def _write(files: dict[Path, str]) -> None:
    for path in files:
        if path.exists():
            raise ConfigError(f"{path} is there already, and nothing was written; choose another name, or another --dir")
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(f"{error.filename or files} cannot be written: {error.strerror}; give --dir a folder that can be") from None
