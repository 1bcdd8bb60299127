"""Intervals at 95 %."""

from collections.abc import Sequence
from math import sqrt

Z_95 = 1.959963984540054


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the Wilson score interval of a rate (Wilson 1927).

    Raises:
        ValueError: there are no trials.
    """
    if trials < 1:
        raise ValueError("no trials, expected at least 1")
    rate, z = successes / trials, Z_95
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean and its normal interval; all three are the value itself where there is only one.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values, expected at least 1")
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, mean, mean
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = Z_95 * sqrt(variance / len(values))
    return mean, mean - half, mean + half
