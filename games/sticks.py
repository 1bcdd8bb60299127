"""Sticks: the smallest game of skill."""

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

# The moves are listed, and more sticks than this are no game.
MAX_STICKS = 10_000


def value(*, heap: int, take: int, note: str, ask: str) -> float:
    """Return the first seat's score under optimal play: the mover loses the multiples of `take` + 1."""
    del note, ask
    _check(heap, take)
    return 1.0 if heap % (take + 1) else -1.0


@game(
    seats=("first", "second"),
    zero_sum=True,
    levels=({"heap": 10}, {"heap": 15}, {"heap": 21, "take": 4}, {"heap": 50, "take": 5}),
    optimum=value,
)
async def sticks(t: Table, *, heap: int = 15, take: int = 3, note: str = "", ask: str = "You take:") -> Scores:
    """Take 1 to `take` sticks in turn; whoever takes the last one wins.

    Whoever leaves a multiple of `take` + 1 wins (C. L. Bouton, "Nim, a game with a complete mathematical theory", 1901).
    `note` follows the rules and `ask` ends each prompt: for language models that have to be told how to answer.
    """
    _check(heap, take)
    left, seat = heap, 0
    t.tell(None, f"{left} sticks. In turn take 1 to {take}. Whoever takes the last one wins.{note and ' ' + note}")
    while left:
        t.same((left, seat))
        legal = [str(i) for i in range(1, min(take, left) + 1)]
        taken = int(await t.ask(seat, f"{left} left. {ask}", legal))
        left -= taken
        t.tell(1 - seat, f"They took {taken}.")
        seat = 1 - seat
    return t.win(1 - seat)


def _check(heap: int, take: int) -> None:
    if not (1 <= heap <= MAX_STICKS and 1 <= take <= MAX_STICKS):
        raise ConfigError(f"sticks: heap is {heap} and take is {take}, expected 1 to {MAX_STICKS} each")
