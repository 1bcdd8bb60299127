"""Sums: additions of a length in columns, the least significant first, in a fixed width."""

import re

from socratic.errors import ConfigError
from socratic.game import Bot, Params, Request, Scores, Table, game
from socratic.seeds import Seed

MAX_WIDTH = 24
FIRST = "Add"


def random_digits(params: Params) -> Bot:
    """Return a player that answers with any digits."""
    width = int(params["width"])
    return lambda request, seed: spelled([0, *(seed.integer(10, place) for place in range(width))])


def right_digits(params: Params) -> Bot:
    """Return a player that adds."""
    del params

    def reply(request: Request, seed: Seed) -> str:
        del seed
        # With the space before it, a digit is the same token at every place.
        return " " + spelled(answer_to(request.prompt))

    return reply


@game(
    seats=("solver",),
    bounds=(0.0, 1.0),
    levels=({"digits": 1}, {"digits": 4}, {"digits": 8}),
    optimum=1.0,
    bots={"random": random_digits, "optimal": right_digits},
)
async def sums(t: Table, *, digits: int = 4, mixed: bool = False, width: int = 9) -> Scores:
    """Add two numbers, the first of exactly `digits` digits, the second of at most so many; `mixed`: any length up to it, each as likely.

    They are written one under the other, in `width` columns of two digits, the least significant first, 00 where both have ended. A column
    00 stands before them, where nothing is carried yet: so the lowest digit of the answer, like all others, is said after a digit. The
    answer is a digit for each column; one that does not begin with 0 is none. Score 1 if all are right, else 0; the optimum is 1.
    Reversed and padded digits: N. Lee et al., "Teaching Arithmetic to Small Transformers", 2023.
    """
    if not 1 <= digits < width <= MAX_WIDTH:
        raise ConfigError(f"sums: {digits} digits in {width} places, expected 1 <= digits < width <= {MAX_WIDTH}")
    length = t.choose(range(1, digits + 1)) if mixed else digits
    columns = [0] + [t.choose(range(10 if place == length - 1 else 0, 100)) for place in range(length)] + [0] * (width - length)
    prompt = f"{FIRST} {' '.join(f'{column:02d}' for column in columns)} ="
    right = spelled(answer_to(prompt))
    t.truth(answer=right)
    answer = await t.ask(0, prompt, re.compile(rf"0( \d){{{width}}}"))
    return t.share(1.0 if answer == right else 0.0)


def answer_to(prompt: str) -> list[int]:
    """Return the digits of the right answer, one for each column, the least significant first."""
    digits, carry = [], 0
    for column in prompt.removeprefix(FIRST).removesuffix("=").split():
        carry, digit = divmod(int(column[0]) + int(column[1]) + carry, 10)
        digits.append(digit)
    return digits


def spelled(digits: list[int]) -> str:
    """Return digits as the game writes them."""
    return " ".join(map(str, digits))


def length_of(answer: str) -> int:
    """Return how many digits a number has, written as the game writes an answer; 0 for zero, and for what is no number."""
    digits = answer.split()[1:]
    if not all(digit.isdecimal() for digit in digits):
        return 0
    return max((place + 1 for place, digit in enumerate(digits) if digit != "0"), default=0)
