"""A game that uses all that a table has, to be played inside and outside the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

BONUS = 1 / 4
WORDS = ("élan", "two  spaces", 'quo"te', "b")


@dataclass(frozen=True)
class Pair:
    """Two words."""

    first: str
    second: str


def joined(pair: Pair, words: Sequence[str] = ()) -> str:
    """Return the words in a row."""
    return " ".join([pair.first, pair.second, *words])


@game(
    seats=("first", "second", "third"),
    bounds=(-1.0, 2 + 0.5),
    forfeit=-0.5,
    levels=({}, {"turns": 3, "is_open": True}),
    optimum=None,
)
async def everything(t: Table, *, turns: int = 1, share: float = 1, is_open: bool = False, note: str = "a\u2028b") -> Scores:
    """Do everything once.

    Twice, if need be.
    """
    if turns < 1:
        raise ConfigError(f"everything: turns is {turns}, expected 1 or more")
    t.tell(None, f"Words: {' '.join(WORDS)}. {note}")
    t.tell((0, 2), "For two.")
    drawn = t.deal([1, 1, 2, 3], 2, hidden_from=(1, (0, 2)))
    order = t.shuffle(WORDS)
    number = t.choose(range(3, 30, 9)) + t.choose((0.5, 1.5), (1, 2), hidden_from=0) + t.choose((7,))
    bits = [(turns + 6).bit_length(), (-turns).bit_length().bit_length() + (0).bit_length()]
    t.truth(bits=bits, drawn=drawn, pair=(1, ("x", None)), table={"a": [1, 2.5, True]})
    t.secret(f"Yours: {drawn[0]}.", keep_from=(1,))
    t.tell(0, f"Yours: {drawn[0]}.")
    said = {}
    for turn in range(turns):
        t.same((turn, tuple(order)))
        said = await t.ask_all({0: ("One or two?", ["one", "two"]), 2: "Say anything."})
        word = await t.ask(1, joined(Pair(first="Which", second="word?"), [str(number)]), sorted(order))
        t.reward(1, BONUS, why=f"for {word}")
        t.probe(turn=turn, right=word == WORDS[0])
        t.tell(1, f"They said {said[0]} and {said[2]}.")
    judged = await t.judge("Who is right?", evidence=said[2], options=("first", "third"))
    result = await t.execute("def f(x, y):\n    return {'sum': x + y}", "f", 2, 3)
    failed = await t.execute("def f():\n    return 1 / 0", "f")
    t.probe(judged=judged["first"], ok=result.ok, failed=not failed.ok)
    t.tell(None, f"{judged} {result.value} {result.error!r} {failed.value} {failed.error}")
    if is_open:
        return t.draw()
    return [t.win(0)[0], t.share(share)[1], t.win(1, by=0.5)[1]]
