"""Maker: one seat writes the rules, two others have to play by them."""

from fractions import Fraction
from itertools import product
from typing import NamedTuple

from socratic.errors import ConfigError
from socratic.game import Scores, Table, game

TAKES = {"two": (1, 2), "three": (1, 2, 3), "odd": (1, 3), "pair": (2, 3), "far": (1, 4)}
GOALS = ("wins", "loses")
MIN_HEAP, MAX_HEAPS = 3, 12


class Rules(NamedTuple):
    """What a maker composes: take some of a heap in turn; whoever takes the last that can be taken wins, or loses."""

    heap: int
    takes: str
    goal: str


def grammar(heaps: int, takes: int) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return what may stand for each part; the first of each makes the plain game."""
    return tuple(str(MIN_HEAP + index) for index in range(heaps)), tuple(TAKES)[:takes], GOALS


def worth(rules: Rules, plain: Rules) -> float:
    """Return what a game is worth to its maker: choice * fairness * novelty, each from 0 to 1.

    Choice: of the positions that can come up, the share where one move wins and another loses. Fairness: 1 - |2 p - 1|, with p the
    first player's chance when both move at random. Novelty: the share of the parts that are not the plain game's. All exact; a
    game without a position where the choice matters is no game, and worth 0.
    """
    wins: dict[int, bool] = {}
    chance: dict[int, Fraction] = {}
    for left in range(rules.heap + 1):
        nexts = _nexts(left, rules.takes)
        ended = rules.goal == "loses"
        wins[left] = any(not wins[after] for after in nexts) if nexts else ended
        chance[left] = Fraction(sum(1 - chance[after] for after in nexts), len(nexts)) if nexts else Fraction(int(ended))
    reached = _reached(rules)
    open_ones = [left for left in reached if len({wins[after] for after in _nexts(left, rules.takes)}) == 2]
    choice = Fraction(len(open_ones), len([left for left in reached if _nexts(left, rules.takes)]))
    fairness = 1 - abs(2 * chance[rules.heap] - 1)
    novelty = Fraction(sum(part != other for part, other in zip(rules, plain, strict=True)), len(rules))
    return float(choice * fairness * novelty)


def best(*, heaps: int, takes: int) -> float:
    """Return the highest worth of all games that the grammar can make."""
    _check(heaps, takes)
    made = [Rules(int(heap), take, goal) for heap, take, goal in product(*grammar(heaps, takes))]
    return max(worth(rules, made[0]) for rules in made)


@game(
    seats=("maker", "first", "second"),
    levels=({}, {"heaps": 3, "takes": 3}, {"heaps": 6, "takes": 4}, {"heaps": 8, "takes": 5}),
    optimum=best,
)
async def maker(t: Table, *, heaps: int = 2, takes: int = 2) -> Scores:
    """The maker composes a game of taking from a heap, and the two players play it: the winner scores 1, the loser -1.

    The maker scores what its game is worth, from 0 to 1: share of positions with a decisive choice * fairness * novelty, worked
    out exactly (see `worth`), so it pays neither for luck nor for friends. The optimum is the best game of the grammar. After
    T. Schaul, "Boundless Socratic learning with language games", 2024: games that make games.
    """
    _check(heaps, takes)
    parts = grammar(heaps, takes)
    t.tell(None, "The maker makes a game, two play it.")
    heap = int(await t.ask(0, "Heap", parts[0]))
    rules = Rules(heap, await t.ask(0, "Take", parts[1]), await t.ask(0, "Last", parts[2]))
    value = worth(rules, Rules(int(parts[0][0]), parts[1][0], parts[2][0]))
    t.truth(worth=value)
    t.probe(worth=value)
    t.tell((1, 2), f"Take {' '.join(map(str, TAKES[rules.takes]))} and the last {rules.goal}.")
    left, player = heap, 1
    while nexts := _nexts(left, rules.takes):
        t.same((rules, left, player))
        taken = await t.ask(player, f"Left {left}", [str(left - after) for after in nexts])
        left -= int(taken)
        player = 3 - player
    # Whoever cannot move did not take the last.
    winner = player if rules.goal == "loses" else 3 - player
    return (value, 1.0, -1.0) if winner == 1 else (value, -1.0, 1.0)


def _nexts(left: int, takes: str) -> list[int]:
    return [left - take for take in TAKES[takes] if take <= left]


def _reached(rules: Rules) -> list[int]:
    """Return every number of things that can be left when somebody is to move."""
    found = [rules.heap]
    for left in found:  # grows while it is gone through
        found += [after for after in _nexts(left, rules.takes) if after not in found]
    return found


def _check(heaps: int, takes: int) -> None:
    if not (1 <= heaps <= MAX_HEAPS and 1 <= takes <= len(TAKES)):
        raise ConfigError(f"maker: {heaps} heaps and {takes} takes; expected 1 to {MAX_HEAPS} heaps and 1 to {len(TAKES)} takes")
