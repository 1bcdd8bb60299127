"""Elenchus: find the false step of a chain by asking alone."""

from functools import cache
from itertools import accumulate

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

STEPS = tuple("abcdefghijklmnopqrstuvwxyz")
MAX_LARGEST = 1000


def best(*, steps: int, questions: int, cost: float, largest: int, minus: bool) -> float:
    """Return the best expected score, by dynamic programming over how many steps are suspect and how many questions were put.

    All values from the false step on are off by the same, so a value says on which side of its step the false one is, and no more.
    """
    del largest, minus
    questions = _checked(steps, questions, cost)

    @cache
    def expected(suspects: int, asked: int) -> float:
        """The score to expect, times the number of suspects."""
        named = 1 - cost * asked
        if asked == questions:
            return named
        return max([named, *(expected(first, asked + 1) + expected(suspects - first, asked + 1) for first in range(1, suspects))])

    return expected(steps, 0) / steps


@game(
    seats=("questioner",),
    bounds=(0.0, 1.0),
    levels=(
        {"steps": 3},
        {"steps": 4},
        {"steps": 4, "largest": 3},
        {"steps": 8, "largest": 5, "minus": True},
        {"steps": 16, "largest": 20, "minus": True},
    ),
    optimum=best,
)
async def elenchus(t: Table, *, steps: int = 3, questions: int = 0, cost: float = 0.1, largest: int = 1, minus: bool = False) -> Scores:
    """Ask for values of a chain of sums, then name the step that is false. Score 1 if it is, less `cost` a question, else 0.

    Every step adds 1 to `largest` (or, with `minus`, takes it away); one of them slips, and all values after it are off. `questions` 0:
    as many as halving needs. Halving finds the step in ceil(log2 `steps`) questions; the optimum weighs their cost.

    Named for the examination that only asks (G. Vlastos, "The Socratic elenchus", 1983).
    """
    questions = _checked(steps, questions, cost)
    if not 1 <= largest <= MAX_LARGEST:
        raise ConfigError(f"elenchus: largest is {largest}, expected 1 to {MAX_LARGEST}")
    names = STEPS[:steps]
    sizes = [sign * size for sign in ((1, -1) if minus else (1,)) for size in range(1, largest + 1)]
    chain = [t.choose(sizes) for _ in names]
    false = t.choose(range(steps))
    slip = t.choose([sign * size for sign in (1, -1) for size in range(1, largest + 1)])
    claimed = list(accumulate(step + slip if index == false else step for index, step in enumerate(chain)))
    t.truth(false=names[false], claimed=claimed)
    told = " ".join(f"{name} {'+' if step > 0 else '-'} {abs(step)}" for name, step in zip(names, chain, strict=True))
    t.tell(0, f"From 0: {told}. One step is false. Ask values, then name it.")
    asked: list[str] = []
    while len(asked) < questions:
        name = await t.ask(0, "Ask", [*(name for name in names if name not in asked), "done"])
        if name == "done":
            break
        asked.append(name)
        t.tell(0, f"{name} is {claimed[names.index(name)]}")
    found = await t.ask(0, "False", names) == names[false]
    t.probe(found=found, questions=len(asked))
    return t.share(1 - cost * len(asked) if found else 0.0)


def _checked(steps: int, questions: int, cost: float) -> int:
    """Return how many questions may be put."""
    if not 2 <= steps <= len(STEPS):
        raise ConfigError(f"elenchus: {steps} steps, expected 2 to {len(STEPS)}")
    allowed = questions or (steps - 1).bit_length()
    if not (1 <= allowed <= steps and 0 <= cost * allowed <= 1):
        raise ConfigError(f"elenchus: {questions} questions at a cost of {cost} each, expected 0 to {steps} that cost from 0 to 1 in all")
    return allowed
