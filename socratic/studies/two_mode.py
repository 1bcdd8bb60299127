"""The smallest model of learned feedback: a policy of two answers, and a scorer that is right more or less often.

    p = 1 / (1 + exp(-logit)) is the chance of the right answer; the scorer pays 1 for a right answer with probability TPR, for a
    wrong one with probability FPR. REINFORCE on the logit, advantages normalized in each group (arXiv:2402.03300, section 4.1.1):

    logit += lr * mean_i A_i (right_i - p),   A_i = (reward_i - mean) / deviation

A scorer teaches the truth where Youden's J = TPR - FPR is above 0, its contrary below, and nothing at 0.
"""

from math import exp, log, sqrt

from socratic.seeds import Seed


def two_mode(j: float, seed: Seed, *, group: int = 16, lr: float = 0.05, steps: int = 4000, start: float = 0.3) -> float:
    """Return the chance of the right answer after `steps` updates under a scorer with Youden's J = `j`.

    Raises:
        ValueError: `j` is not in [-1, 1], `start` not inside (0, 1), or the group has fewer than two answers.
    """
    if not (-1.0 <= j <= 1.0 and 0.0 < start < 1.0 and group >= 2):
        raise ValueError(f"j is {j}, start {start}, group {group}; expected j in [-1, 1], start inside (0, 1), a group of 2 or more")
    logit = log(start / (1.0 - start))
    for step in range(steps):
        p = 1.0 / (1.0 + exp(-logit))
        draws = seed.child("group", step)
        is_right = [draws.uniform(2 * i) < p for i in range(group)]
        pays = [(1.0 + j if right else 1.0 - j) / 2.0 for right in is_right]
        rewards = [float(draws.uniform(2 * i + 1) < pay) for i, pay in enumerate(pays)]
        mean = sum(rewards) / group
        deviation = sqrt(mean * (1.0 - mean))  # of rewards that are 0 or 1
        if deviation > 0.0:  # a group in which all are paid alike says nothing
            logit += lr * sum((reward - mean) / deviation * (right - p) for reward, right in zip(rewards, is_right, strict=True)) / group
    return 1.0 / (1.0 + exp(-logit))
