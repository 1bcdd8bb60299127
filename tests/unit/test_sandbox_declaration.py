"""What a game's source declares is read, never run; what the sandbox does not know is refused with the line and the remedy."""

from pathlib import Path

import pytest

from socratic.errors import GameError
from socratic.game import Parameter
from socratic.sandbox import Sandbox, game_from_source, read_declaration

IMPORTS = "from socratic.game import Scores, Table, game\n"
DECORATOR = "@game(seats=('a', 'b'))\n"
PLAY = "async def g(t: Table) -> Scores:\n    return t.draw()\n"

# A source, and what the one line that refuses it holds.
REFUSED = {
    "no game": ("x = 1", ["the source has 0 games", "in function form"]),
    "two games": (IMPORTS + (DECORATOR + PLAY) * 2, ["the source has 2 games", "expected one"]),
    "a class": (IMPORTS + "class G:\n    pass\n", ["the source has 0 games"]),
    "inheritance": (IMPORTS + DECORATOR + PLAY + "class A(Exception):\n    pass\n", ["line 5: class A inherits", "write functions"]),
    "a metaclass": (IMPORTS + DECORATOR + PLAY + "class A(metaclass=type):\n    pass\n", ["line 5: class A inherits"]),
    "the class form": ("from socratic.game import Game\n", ["line 1: import of Game from socratic.game", "Scores, Table, game"]),
    "another name": ("from socratic.game import game as g\n", ["line 1: import of game", "under their own names"]),
    "a whole module": ("import socratic.game\n", ["line 1: import of socratic.game as a whole"]),
    "another part": ("from socratic.policy import chat\n", ["line 1: import of socratic.policy", "the sandbox has bisect, collections"]),
    "a plain function": (IMPORTS + DECORATOR + "def g(t):\n    pass\n", ["line 3: @game over g", "no `async def`"]),
    "another decorator": (IMPORTS + "@once\n" + DECORATOR + PLAY, ["2 decorators over g"]),
    "no seats": (IMPORTS + "@game(zero_sum=True)\n" + PLAY, ["line 2: @game without seats"]),
    "an argument without a name": (IMPORTS + "@game('a')\n" + PLAY, ["without a name"]),
    "an unknown argument": (IMPORTS + "@game(seats=('a',), players=2)\n" + PLAY, ["players= in @game", "expected seats, zero_sum"]),
    "bots": (IMPORTS + "@game(seats=('a',), bots={})\n" + PLAY, ["bots=", "a list of options"]),
    "spread arguments": (IMPORTS + "@game(**{})\n" + PLAY, ["None= in @game"]),
    "a call as seats": (IMPORTS + "@game(seats=open('/etc/passwd'))\n" + PLAY, ["seats=open('/etc/passwd')", "it is read, never run"]),
    "a name as bounds": (IMPORTS + "@game(seats=('a',), bounds=BOUNDS)\n" + PLAY, ["bounds=BOUNDS", "write the value itself"]),
    "a power": (IMPORTS + "@game(seats=('a',), bounds=(0, 9**9**9))\n" + PLAY, ["bounds=9 ** 9 ** 9", "write the value itself"]),
    "a sum of texts": (IMPORTS + "@game(seats=('a' + 'b',))\n" + PLAY, ["seats is 'a'", "expected a number"]),
    "a division by zero": (IMPORTS + "@game(seats=('a',), bounds=(0, 1/0))\n" + PLAY, ["bounds= is division by zero"]),
    "seats that are no names": (IMPORTS + "@game(seats=(1, 2))\n" + PLAY, ["seats is (1, 2)", "expected names"]),
    "a text as seats": (IMPORTS + "@game(seats='ab')\n" + PLAY, ["seats is 'ab'"]),
    "one bound": (IMPORTS + "@game(seats=('a',), bounds=(0,))\n" + PLAY, ["bounds is (0,)"]),
    "a number as zero_sum": (IMPORTS + "@game(seats=('a',), zero_sum=1)\n" + PLAY, ["zero_sum is 1", "True or False"]),
    "a text as forfeit": (IMPORTS + "@game(seats=('a',), forfeit='x')\n" + PLAY, ["forfeit is 'x'"]),
    "levels of another form": (IMPORTS + "@game(seats=('a',), levels={'a': 1})\n" + PLAY, ["levels is {'a': 1}"]),
    "an unknown optimum": (IMPORTS + "@game(seats=('a',), optimum=best)\n" + PLAY, ["optimum=best, which is no function of this source"]),
    "an optimum that is a lambda": (IMPORTS + "@game(seats=('a',), optimum=lambda **p: 1)\n" + PLAY, ["optimum=lambda", "never run"]),
    "yield": (IMPORTS + DECORATOR + PLAY + "def f():\n    yield 1\n", ["line 6: yield", "return a list"]),
    "yield from": (IMPORTS + DECORATOR + PLAY + "def f():\n    yield from ()\n", ["line 6: yield"]),
    "random": ("import random\n", ["line 1: import of random", "t.choose"]),
    "time within": (IMPORTS + DECORATOR + PLAY.replace("return", "import time; return"), ["line 4: import of time", "knows no time"]),
    "os": ("import os\n", ["line 1: import of os"]),
    "asyncio": ("from asyncio import sleep\n", ["line 1: import of asyncio"]),
    "a relative import": ("from . import x\n", ["line 1: import of ."]),
    "an import inside": (IMPORTS + DECORATOR + PLAY + "def f():\n    from typing import Any\n", ["line 6: import of typing within"]),
    "typing as a whole": ("import typing\n" + IMPORTS + DECORATOR + PLAY, ["line 1: import typing", "import the names"]),
    "two statements on a line": (IMPORTS[:-1] + "; x = 1\n" + DECORATOR + PLAY, ["line 1: a statement beside", "a line of its own"]),
    "an untyped parameter": (IMPORTS + DECORATOR + "async def g(t, *, n=1): pass\n", ["line 3: parameter 'n'", "a type"]),
    "a parameter without default": (IMPORTS + DECORATOR + "async def g(t, *, n: int): pass\n", ["parameter 'n'", "and a default"]),
    "a parameter of another type": (
        IMPORTS + DECORATOR + "async def g(t, *, n: list = 1): pass\n",
        ["parameter 'n'", "bool, int, float or str"],
    ),
    "a default of another type": (IMPORTS + DECORATOR + "async def g(t, *, n: int = 'x'): pass\n", ["default 'x'", "expected int"]),
    "a truth as a number": (IMPORTS + DECORATOR + "async def g(t, *, n: int = True): pass\n", ["default True", "expected int"]),
    "a call as default": (IMPORTS + DECORATOR + "async def g(t, *, n: int = f()): pass\n", ["n=f()", "never run"]),
    "positional parameters": (IMPORTS + DECORATOR + "async def g(t, n: int = 1): pass\n", ["g(t, n: int=1)", "(t: Table, *, parameters)"]),
    "any parameters": (IMPORTS + DECORATOR + "async def g(t, **more): pass\n", ["g(t, **more)"]),
    "del of an item": (IMPORTS + DECORATOR + PLAY + "x = [1]\ndel x[0]\n", ["line 6: del x[0]", "use pop"]),
    "no Python": ("def (", ["line 1: ", "expected the source of a game"]),
    "a null byte": ("x = '\0'", ["expected the source of a game"]),
    "nesting": ("x = " + "-" * 50_000 + "1", ["expected the source of a game"]),
    "brackets": ("x = " + "(" * 50_000, ["expected the source of a game"]),
    "a chain of sums": ("x = " + "1+" * 40_000 + "1", ["expected the source of a game"]),
    "a chain of attributes": ("x = x" + ".a" * 40_000, ["expected the source of a game"]),
    "a chain of calls": ("x = x" + "()" * 40_000, ["expected the source of a game"]),
    "a chain of lambdas": ("x = " + "lambda: " * 12_000 + "1", ["expected the source of a game"]),
    "a huge bound": (IMPORTS + f"@game(seats=('a',), bounds=(0, {'9' * 400}))\n" + PLAY, ["bounds is as large as 2**64"]),
    "an infinite bound": (IMPORTS + "@game(seats=('a',), bounds=(0, 1e999))\n" + PLAY, ["bounds is as large as 2**64"]),
    "a seat of two lines": (IMPORTS + "@game(seats=('a\\nb',))\n" + PLAY, ["seats is ('a"]),
    "a long seat": (IMPORTS + f"@game(seats=({'a' * 1000!r},))\n" + PLAY, ["seats is ('a"]),
    "a long text": ("#" * 200_000, ["200000 characters, expected at most 100000"]),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_what_is_not_known_is_refused_in_one_line(refused: str) -> None:
    source, said = REFUSED[refused]
    with pytest.raises(GameError) as caught:
        read_declaration(source)
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_declaration_holds_what_was_written() -> None:
    source = (
        '"""A file."""\nimport math\n' + IMPORTS + "from socratic.errors import ConfigError\nfrom collections.abc import Sequence\n"
        "@game(\n    seats=['a', 'b'], zero_sum=False, bounds=(-1 / 4, 1 + 2 * 3), forfeit=-0.5, levels=({}, {'n': 2}), optimum=best)\n"
        "async def g(t: Table, *, n: int = -3, share: float = 1, name: str = 'x', is_open: bool = True) -> Scores:\n"
        '    """Rules.\n\n    More.\n    """\n    return t.draw()\n\ndef best(**params):\n    del params\n    return 1.0\n'
    )
    said = read_declaration(source)
    assert (said.name, said.seats, said.zero_sum, said.bounds, said.forfeit) == ("g", ("a", "b"), False, (-0.25, 7), -0.5)
    assert (said.levels, said.optimum, said.optimum_function, said.rules) == (({}, {"n": 2}), None, "best", "Rules.\n\nMore.")
    assert said.parameters["n"] == Parameter(name="n", type=int, default=-3)
    assert said.parameters["share"] == Parameter(name="share", type=float, default=1.0)
    assert [parameter.default for parameter in said.parameters.values()] == [-3, 1.0, "x", True]
    lines = said.script.split("\n")
    assert len(lines) == len(source.split("\n"))
    assert lines[:7] == ['"""A file."""', "import math", "", "", "", "", ""]
    assert lines[-3:] == ["    pass", "    return 1.0", ""]


def test_reading_runs_nothing(tmp_path: Path) -> None:
    there = tmp_path / "there"
    read_declaration(IMPORTS + f"open({str(there)!r}, 'w')\n" + DECORATOR + PLAY)
    assert not there.exists()


def test_a_declaration_that_does_not_hold_together_is_refused() -> None:
    with pytest.raises(GameError, match="g is zero-sum with 1 seats"):
        game_from_source(IMPORTS + "@game(seats=('a',), zero_sum=True)\n" + PLAY, Sandbox())
    with pytest.raises(GameError, match="g has bounds"):
        game_from_source(IMPORTS + "@game(seats=('a',), bounds=(1, 1))\n" + PLAY, Sandbox())


def test_an_odd_escape_is_read_without_a_warning() -> None:
    assert read_declaration(IMPORTS + DECORATOR + PLAY + "x = '\\d'\n").name == "g"
