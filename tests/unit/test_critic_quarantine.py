"""When a critic is not heard any more, and how often that is a mistake."""

from math import comb

import pytest

from socratic.config import Measure
from socratic.critics.calibration import NOTHING_KNOWN, youden
from socratic.critics.quarantine import find_fault, is_blind, is_through, tail
from tests.unit.critic_cases import two_valued

MEASURE = Measure()


def failing_share(num: int, right: float) -> float:
    """Return the exact chance that a critic which is `right` so often fails a look at `num` true and `num` false cases."""
    rates = [comb(num, k) * right**k * (1 - right) ** (num - k) for k in range(num + 1)]
    return sum(
        rates[accepted] * rates[num - mistaken]
        for accepted in range(num + 1)
        for mistaken in range(num + 1)
        if is_blind(youden(two_valued(accepted, num, mistaken, num), MEASURE.confidence), MEASURE)
    )


def test_a_critic_that_is_right_in_85_percent_is_mistaken_for_a_blind_one_in_less_than_a_thousandth_of_the_runs() -> None:
    # The union bound over all looks; from the third on (96 cases more) what is added is below the second's.
    first, second = failing_share(32, 0.85), failing_share(48, 0.85)
    assert 0 < second < first / 100
    assert first + 2 * second < 1e-3


def test_a_critic_that_tells_nothing_passes_a_look_in_about_one_of_a_thousand() -> None:
    assert 1 - failing_share(32, 0.5) < 2e-3


def test_too_few_cases_of_one_truth_shut_nobody_out() -> None:
    # 15 true of 1000 weigh 59 balanced cases.
    assert not is_blind(youden(two_valued(7, 15, 492, 985), 0.999), MEASURE)
    assert is_blind(youden(two_valued(9, 18, 491, 982), 0.999), MEASURE)
    assert not is_blind(NOTHING_KNOWN, MEASURE)


def test_the_tail_is_the_binomials() -> None:
    stats = pytest.importorskip("scipy.stats")
    for through, tried in ((0, 5), (3, 8), (8, 8), (50, 160)):
        assert tail(through, tried, 0.25) == pytest.approx(stats.binom.sf(through - 1, tried, 0.25))


@pytest.mark.parametrize(
    ("through", "tried", "is_caught"),
    [(8, 8, True), (7, 8, False), (4, 4, False), (0, 0, False), (12, 16, True), (24, 160, False), (40, 160, False), (61, 160, True)],
)
def test_a_canary_ends_a_critic_where_chance_does_not_explain_it(through: int, tried: int, *, is_caught: bool) -> None:
    assert is_through(through, tried, MEASURE) == is_caught


def test_the_fault_is_told_in_words() -> None:
    blind = find_fault(youden(two_valued(20, 40, 20, 40), 0.999), {}, MEASURE)
    assert blind is not None
    assert blind.startswith("it does not tell better from worse: Youden's J is 0.00 in different texts that weigh as much as 80 balanced ")
    sharp = youden(two_valued(40, 40, 0, 40), 0.999)
    assert find_fault(sharp, {"empty": (8, 8), "colon": (0, 8)}, MEASURE) == (
        "it can be talked round: the canary 'empty' got through 8 times of 8, expected at most 25%"
    )
    assert find_fault(sharp, {"empty": (1, 8)}, MEASURE) is None
