"""Normalized regret: 0 is the best that can be, 1 no better than random play (YARDSTICKS of alarms and scores)."""

from socratic.game.tree import Strategy, Tree

# Below this random play is as good as the optimum, and there is nothing to normalize by.
NO_ROOM = 1e-9


def normalized_regret(score: float, optimum: float, at_random: float) -> float | None:
    """Return (optimum - score) / (optimum - random play); None where random play is the optimum."""
    room = optimum - at_random
    return (optimum - score) / room if abs(room) > NO_ROOM else None


def exact_regret(tree: Tree, strategy: Strategy, optimum: float | None) -> float | None:
    """Return the normalized regret of a strategy in all seats of a game.

    In a zero-sum game, and where no optimum is known, the score against itself tells nothing: there it is NashConv, what best
    responses gain, over that of random play, so that 0 is an equilibrium.
    """
    uniform = tree.uniform()
    if optimum is not None and not tree.game.zero_sum:
        return normalized_regret(tree.values(strategy)[0], optimum, tree.values(uniform)[0])
    at_random = tree.nash_conv(uniform)
    return tree.nash_conv(strategy) / at_random if at_random > NO_ROOM else None
