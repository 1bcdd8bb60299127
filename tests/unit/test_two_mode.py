"""Youden's J decides what a noisy scorer teaches.

The figures are YARDSTICKS', computed independently of the project (groups of 16, rate .05, 4000 steps, from p = .3).
"""

import pytest

from socratic.seeds import Seed
from socratic.studies.two_mode import two_mode


@pytest.mark.parametrize(
    ("j", "final", "tolerance"), [(1.0, 0.999, 0.001), (0.4, 0.994, 0.002), (0.1, 0.969, 0.01), (-0.1, 0.027, 0.01), (-0.4, 0.006, 0.002)]
)
def test_the_chance_of_the_right_answer_ends_where_j_leads_it(j: float, final: float, tolerance: float) -> None:
    assert two_mode(j, Seed(5)) == pytest.approx(final, abs=tolerance)


def test_without_youdens_j_the_policy_wanders() -> None:
    ends = [two_mode(0.0, Seed(seed)) for seed in range(4)]
    assert all(0.15 < end < 0.55 for end in ends)
    assert max(ends) - min(ends) > 0.02


def test_a_seed_is_repeated() -> None:
    assert two_mode(0.3, Seed(1), steps=50) == two_mode(0.3, Seed(1), steps=50)
    assert two_mode(0.3, Seed(1), steps=50) != two_mode(0.3, Seed(2), steps=50)


@pytest.mark.parametrize(("j", "start", "group"), [(1.5, 0.3, 16), (0.0, 1.0, 16), (0.0, 0.3, 1)])
def test_what_is_no_scorer_or_no_policy_is_refused(j: float, start: float, group: int) -> None:
    with pytest.raises(ValueError, match="expected j in"):
        two_mode(j, Seed(0), start=start, group=group)
