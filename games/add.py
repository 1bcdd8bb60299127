"""Add: one sum, one answer; the smoke test of learning."""

import re

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Scores, Table, game

DIGITS = re.compile(r"\d{1,20}")
# Below this the answers are listed, so that a small model can choose among them.
MAX_LISTED = 40
# Twice this still has no more digits than DIGITS takes.
MAX_LARGEST = 10**18


def guesser(params: Params) -> Bot:
    """Return a player that answers with any number that two such numbers may add up to."""
    return lambda request, seed: str(seed.integer(2 * int(params["largest"]) + 1))


@game(
    seats=("solver",),
    bounds=(0.0, 1.0),
    levels=({"largest": 4}, {"largest": 9}, {"largest": 99}, {"largest": 9999}),
    optimum=1.0,
    bots={"random": guesser},
)
async def add(t: Table, *, largest: int = 4) -> Scores:
    """Add two numbers from 0 to `largest`. Score 1 if the answer is right, else 0; the optimum is 1."""
    if not 0 <= largest <= MAX_LARGEST:
        raise ConfigError(f"add: largest is {largest}, expected 0 to {MAX_LARGEST}")
    first, second = (t.choose(range(largest + 1)) for _ in range(2))
    t.truth(answer=first + second)
    answers = [str(answer) for answer in range(2 * largest + 1)] if 2 * largest < MAX_LISTED else DIGITS
    answer = await t.ask(0, f"{first} + {second} =", answers)
    return t.share(1.0 if int(answer) == first + second else 0.0)
