"""Guess the number: search by halving."""

from functools import lru_cache

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

# The numbers are listed at every guess.
MAX_NUMBERS = 10_000


def best(*, low: int, high: int, guesses: int) -> float:
    """Return the share of numbers that halving finds: g guesses tell 2**g - 1 numbers apart."""
    _check(low, high, guesses)
    numbers = high - low + 1
    # With as many guesses as the number has bits, every one of them is found.
    return min(numbers, (1 << min(guesses, numbers.bit_length())) - 1) / numbers


@game(
    seats=("guesser",),
    bounds=(0.0, 1.0),
    levels=(
        {"high": 2, "guesses": 2},
        {"high": 6, "guesses": 3},
        {"high": 14, "guesses": 4},
        {"high": 100, "guesses": 6},
        {"high": 1024, "guesses": 10},
    ),
    optimum=best,
)
async def guess_number(t: Table, *, low: int = 0, high: int = 6, guesses: int = 3) -> Scores:
    """Find a number; after each guess hear whether it is higher or lower. Score 1 if found, else 0.

    Halving is optimal and finds 2**guesses - 1 numbers (D. E. Knuth, "The Art of Computer Programming", vol. 3, 1973, 6.2.1).
    """
    _check(low, high, guesses)
    numbers = _listed(low, high)
    number = t.choose(range(low, high + 1))
    t.truth(number=number)
    t.tell(0, f"Find my number, {low} to {high}. Guesses: {guesses}.")
    for _ in range(guesses):
        guess = int(await t.ask(0, "Guess:", numbers))
        if guess == number:
            return t.win(0)
        t.tell(0, "Higher." if number > guess else "Lower.")
    return t.share(0.0)


@lru_cache(maxsize=16)
def _listed(low: int, high: int) -> tuple[str, ...]:
    """Return the numbers as texts; kept, because a tree plays the game again for every leaf."""
    return tuple(str(number) for number in range(low, high + 1))


def _check(low: int, high: int, guesses: int) -> None:
    if not (low <= high and guesses >= 1):
        raise ConfigError(f"guess_number: {low} to {high} in {guesses} guesses, so nothing to guess; expected low <= high and guesses >= 1")
    if high - low + 1 > MAX_NUMBERS:
        raise ConfigError(f"guess_number: {low} to {high} are {high - low + 1} numbers, expected at most {MAX_NUMBERS}")
