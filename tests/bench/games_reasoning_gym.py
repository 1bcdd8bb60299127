"""`python -m tests.bench.games_reasoning_gym`: how many of reasoning-gym's tasks play and replay as games, and why the others do not.

A task counts when an item with its stored answer, with no answer and with nonsense plays to its end, and when loading the saved
match gives the same digest, by another object of the same game.
"""

import sys
import time

from socratic.bridges.reasoning_gym import load, names
from socratic.errors import SocraticError
from socratic.game import Bot, Game, LiveMatch
from socratic.seeds import Seed

SEEDS = (11, 12)
NONSENSE = ("nonsense", "[[1, 2],", "{}")


def count() -> tuple[list[str], dict[str, str], list[str]]:
    """Return the tasks that play and replay, the reason for each of the others, and those whose own answer does not score 1."""
    good: list[str] = []
    bad: dict[str, str] = {}
    odd: list[str] = []
    for task in names():
        try:
            found = _tried(task)
        except SocraticError as error:
            bad[task] = str(error)
            continue
        good.append(task)
        if found < 1.0:
            odd.append(f"{task} {found:g}")
    return good, bad, odd


def main() -> int:
    """Print the count."""
    start = time.monotonic()
    good, bad, odd = count()
    print(f"reasoning-gym: {len(good)} of {len(good) + len(bad)} tasks play and replay identically ({time.monotonic() - start:.0f} s)")
    for task, reason in bad.items():
        print(f"  not {task}: {reason}")
    print(f"  {len(odd)} do not score 1 on their own answer: {', '.join(odd)}")
    return 0


def _tried(task: str) -> float:
    """Return the lowest score that the task gives its own answer; 0 where it stores none."""
    game, again = load(task), load(task)
    optimal = game.bot("optimal")
    for seed, reply in enumerate(NONSENSE):
        _replayed(game, again, seed, reply)
    return min(_replayed(game, again, seed, optimal) for seed in SEEDS) if optimal else 0.0


def _replayed(game: Game, again: Game, seed: int, reply: str | Bot) -> float:
    """Return the score, after a replay by another object of the same game has come out alike."""
    match = LiveMatch(game, None, Seed(seed))
    (request,) = match.requests()
    match.submit({0: reply if isinstance(reply, str) else reply(request, Seed(0))})
    LiveMatch.load(again, match.save())
    return match.scores[0] if match.scores else 0.0


if __name__ == "__main__":
    sys.exit(main())
