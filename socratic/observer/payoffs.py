"""What the versions of a league are worth against each other: how much of it goes in circles, who lasts, and the average of all.

Shape letters: P players, each a version.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from socratic.game.tree import Strategy, Tree

Floats = NDArray[np.float64]

# Strategies come from float32 probabilities: payoffs closer to 0 than this are a draw (the same weights meet).
EVEN = 1e-7
# How rarely a worse version takes over: the walk must be able to leave every place (OpenSpiel's `inf_alpha_eps`).
MUTATION = 0.01


def payoff_metrics(tree: Tree, strategies: Mapping[str, Strategy]) -> dict[str, float]:
    """Return `<metric>` -> value for the strategies of two versions or more, by name, on a two-seat zero-sum tree; all exact.

    `cyclic_share` is how much of the payoffs goes in circles, `alpha_rank/<name>` how much time a version lasts, and
    `mixture_exploitability` what best responses gain, per seat, over the average of all versions but the agent.
    """
    payoffs_PP = payoff_matrix(tree, list(strategies.values()))
    metrics = {f"alpha_rank/{name}": mass for name, mass in zip(strategies, alpha_rank(payoffs_PP).tolist(), strict=True)}
    share = cyclic_share(payoffs_PP)
    if share is not None:
        metrics["cyclic_share"] = share
    kept = [strategy for name, strategy in strategies.items() if name != "agent"]
    metrics["mixture_exploitability"] = float(tree.exploitability(tree.average(kept)))
    return metrics


def payoff_matrix(tree: Tree, strategies: Sequence[Strategy]) -> Floats:
    """Return what each strategy scores against each on average over the two seats, of shape (P, P); antisymmetric."""
    payoffs_PP = np.zeros((len(strategies), len(strategies)))
    for row, own in enumerate(strategies):
        for column, other in enumerate(strategies[:row]):
            met = [tree.values(tree.mixed(own, other, seat))[seat] for seat in (0, 1)]
            payoffs_PP[row, column] = sum(met) / 2
            payoffs_PP[column, row] = -payoffs_PP[row, column]
    return payoffs_PP


def cyclic_share(payoffs_PP: Floats) -> float | None:
    """Return the share of an antisymmetric matrix that no ladder explains: 0 for a ladder, 1 for rock, paper, scissors; None of 0s.

    ||A - T||^2 / ||A||^2 with T_ij = mean of row i - mean of row j (X. Jiang, L.-H. Lim, Y. Yao and Y. Ye, "Statistical ranking and
    combinatorial Hodge theory", Mathematical Programming 127, 2011; all pairs weigh alike).
    """
    total = float((payoffs_PP**2).sum())
    if np.abs(payoffs_PP).max() <= EVEN:
        return None
    means_P = payoffs_PP.mean(axis=1)
    return float(((payoffs_PP - (means_P[:, None] - means_P[None, :])) ** 2).sum() / total)


def alpha_rank(payoffs_PP: Floats) -> Floats:
    """Return how much of its time the walk of alpha-rank spends at each version, of shape (P,); in all 1.

    One population and infinite selection, the Markov-Conley chain: from a version the walk goes to each other one at the rate 1 - epsilon
    where that one beats it, epsilon where it loses, and one half where they are even; 1 / (P - 1) of each rate is the chance of a step.

    Source: S. Omidshafiei et al., "alpha-Rank: multi-agent evaluation by evolution", Scientific Reports 9, 2019, arXiv:1903.01373,
    section 2.5; epsilon as in OpenSpiel.
    """
    size = len(payoffs_PP)
    beats_PP = np.where(np.abs(payoffs_PP) <= EVEN, 0.5, np.where(payoffs_PP > 0, 1 - MUTATION, MUTATION))
    # Row: where the walk is. Column: the challenger, who takes over by what it scores against who is there.
    step_PP = beats_PP.T / (size - 1)
    np.fill_diagonal(step_PP, 0.0)
    np.fill_diagonal(step_PP, 1.0 - step_PP.sum(axis=1))
    # What stays as it is under a step, and sums to 1.
    held = np.vstack([step_PP.T - np.eye(size), np.ones(size)])
    wanted = np.append(np.zeros(size), 1.0)
    masses_P: Floats = np.linalg.lstsq(held, wanted, rcond=None)[0]
    return masses_P
