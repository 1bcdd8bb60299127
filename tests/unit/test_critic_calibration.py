"""What critics are measured by, against scipy and numbers worked out by hand."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.critics.calibration import Case, brier, calibration_error, kappa, kendall_tau, length_slope, youden
from socratic.seeds import Seed
from tests.unit.critic_cases import drawn_cases, two_valued

CASES = st.lists(
    st.builds(
        Case,
        score=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]),
        truth=st.sampled_from([0.0, 0.5, 1.0]),
        length=st.integers(0, 50).map(float),
        kind=st.sampled_from(["a", "b"]),
    ),
    max_size=40,
)


def case(score: float, truth: float, length: float = 1.0) -> Case:
    return Case(score=score, truth=truth, length=length)


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    # Bin [.9, 1]: mean score .95, mean truth 2/3, 3 of 5 cases; bins [.1, .2): .15 and 0, and [.6, .7): .65 and 1, 1 of 5 each.
    cases = [case(0.9, 1), case(0.95, 1), case(1.0, 0), case(0.15, 0), case(0.65, 1)]
    assert calibration_error(cases) == pytest.approx((3 * (0.95 - 2 / 3) + 0.15 + 0.35) / 5)


def test_a_critic_that_is_right_as_often_as_it_says_has_no_calibration_error() -> None:
    assert calibration_error([case(0.75, 1)] * 3 + [case(0.75, 0)]) == pytest.approx(0)


def test_the_brier_score_is_the_mean_squared_distance() -> None:
    assert brier([case(0.8, 1), case(0.4, 0)]) == pytest.approx((0.04 + 0.16) / 2)


def test_always_saying_the_mean_earns_the_variance_as_brier_score() -> None:
    assert brier([case(0.25, 1)] + [case(0.25, 0)] * 3) == pytest.approx(0.25 * 0.75)


def test_kappa_is_that_of_cohens_table() -> None:
    # Both accept 20, both reject 15, they differ in 5 and 10: agreement .7, by chance .5, kappa .4.
    assert kappa(two_valued(20, 30, 5, 20)) == pytest.approx(0.4)


def test_kappa_of_one_thing_always_said_by_both_is_not_known() -> None:
    assert math.isnan(kappa([case(0.9, 1)] * 5))


@pytest.mark.parametrize("key", range(20))
def test_kendalls_tau_is_scipys(key: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    cases = drawn_cases(Seed(key), 3 + 4 * key)
    expected = stats.kendalltau([c.score for c in cases], [c.truth for c in cases]).statistic
    assert kendall_tau(cases) == pytest.approx(expected, nan_ok=True)


@given(num_true=st.integers(1, 30), num_false=st.integers(1, 30), data=st.data())
def test_of_two_scores_j_is_the_true_positive_rate_minus_the_false_one(num_true: int, num_false: int, data: st.DataObject) -> None:
    accepted_true, accepted_false = data.draw(st.integers(0, num_true)), data.draw(st.integers(0, num_false))
    found = youden(two_valued(accepted_true, num_true, accepted_false, num_false), 0.95)
    assert found.j == pytest.approx(accepted_true / num_true - accepted_false / num_false)
    assert found.weight == pytest.approx(4 * num_true * num_false / (num_true + num_false))


@pytest.mark.parametrize("key", range(30))
def test_the_bound_of_j_is_above_0_where_the_rank_sum_test_rejects(key: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    # Scores with ties and a lead of the true cases that grows with the key, so that both answers come up.
    seed = Seed(key)
    cases = []
    for place in range(40):
        score = round(seed.uniform(place) + (key / 60 if place < 15 else 0.0), 1) / 2
        cases.append(case(score, float(place < 15)))
    true, false = ([c.score for c in cases if c.truth == truth] for truth in (1, 0))
    p = stats.mannwhitneyu(true, false, alternative="greater", method="asymptotic", use_continuity=False).pvalue
    assert (youden(cases, 0.95).low > 0) == (p < 0.05)


def test_a_graded_truth_is_cut_at_its_mean_and_a_soft_score_nowhere() -> None:
    # Half of what is told is true at best: a critic that is timid but ranks rightly is as good as can be.
    cases = [case(0.46, 0.5), case(0.44, 0.5), case(0.03, 0.0), case(0.02, 0.0)]
    assert youden(cases, 0.95).j == 1


def test_a_critic_that_only_knows_which_game_was_played_tells_nothing() -> None:
    # In one game 90 of 100 are true and 90 accepted, in the other 10 and 10, each independent of the truth.
    easy = two_valued(81, 90, 9, 10, kind="easy")
    hard = two_valued(1, 10, 9, 90, kind="hard")
    assert youden(easy + hard, 0.95).j == pytest.approx(0)


def test_a_kind_counts_by_the_cases_of_both_truths_that_it_has() -> None:
    # J is 1 in one kind and 0 in the other, with weights 4 * 4 / 9 and 1 * 7 / 9.
    cases = two_valued(4, 4, 0, 4, kind="balanced") + two_valued(1, 1, 7, 7, kind="skew")
    assert youden(cases, 0.95).j == pytest.approx(16 / (16 + 7))


def test_the_bound_of_a_critic_that_is_always_right_rises_with_the_cases_and_never_reaches_1() -> None:
    few, many = youden(two_valued(10, 10, 0, 10), 0.999), youden(two_valued(100, 100, 0, 100), 0.999)
    assert 0 < few.low < many.low < 1


def test_a_critic_that_says_one_thing_always_has_no_bound_above_0() -> None:
    assert youden([case(0.5, 1)] * 50 + [case(0.5, 0)] * 50, 0.95).low == pytest.approx(0, abs=1e-6)


def test_the_length_slope_is_that_of_least_squares_with_a_mean_for_each_truth() -> None:
    cases = drawn_cases(Seed(5), 60)
    truths = sorted({c.truth for c in cases})
    columns = [[math.log(1 + c.length) for c in cases], *([float(c.truth == truth) for c in cases] for truth in truths)]
    solution = np.linalg.lstsq(np.array(columns).T, np.array([c.score for c in cases]), rcond=None)[0]
    assert length_slope(cases) == pytest.approx(solution[0])


def test_longer_and_truer_is_no_love_of_length() -> None:
    # Length varies between truths alone, so that nothing is known at equal truth.
    assert math.isnan(length_slope([case(0.9, 1, length=100)] * 4 + [case(0.1, 0, length=10)] * 4))


@pytest.mark.parametrize("measure", [calibration_error, brier, kappa, kendall_tau, length_slope])
def test_of_no_cases_nothing_is_known(measure: Callable[[list[Case]], float]) -> None:
    assert math.isnan(measure([]))


def test_of_one_truth_alone_j_is_not_known() -> None:
    found = youden([case(0.3, 1), case(0.9, 1)], 0.95)
    assert math.isnan(found.j)
    assert math.isnan(found.low)
    assert found.weight == 0


@given(cases=CASES)
def test_every_figure_is_in_its_range_or_not_known(cases: list[Case]) -> None:
    found = youden(cases, 0.99)
    for value, low in ((calibration_error(cases), 0), (brier(cases), 0), (kappa(cases), -1), (kendall_tau(cases), -1), (found.j, -1)):
        assert math.isnan(value) or low - 1e-9 <= value <= 1 + 1e-9
    assert math.isnan(found.j) or found.low <= found.j + 1e-6


def told_again(cases: list[Case], times: int) -> list[Case]:
    """Return the cases as often as is asked, each with a text of its own that is the same every time."""
    return [replace(each, texts=(f"text {place}",)) for place, each in enumerate(cases)] * times


def test_the_same_text_judged_again_tells_nothing_new() -> None:
    cases = drawn_cases(Seed(3), 40)
    once, often = youden(told_again(cases, 1), 0.95), youden(told_again(cases, 25), 0.95)
    assert once == youden(cases, 0.95)
    assert (often.j, often.low, often.weight) == pytest.approx((once.j, once.low, once.weight), abs=1e-6)


def test_a_text_counts_once_however_often_its_like_is_judged() -> None:
    # Of 11 texts one is judged wrongly, and 90 times.
    cases = two_valued(5, 5, 1, 6)
    texts = told_again(cases, 1)
    wrong = texts[5]
    assert wrong.score > wrong.truth
    assert youden([*texts, *[wrong] * 89], 0.95).j == pytest.approx(1 - 1 / 6)


def test_two_texts_in_every_order_are_no_more_than_two() -> None:
    cases = [replace(case(0.9, float(place % 2)), texts=texts) for place, texts in enumerate(product("ab", repeat=4))]
    assert youden(cases, 0.95).weight == pytest.approx(2)


def test_a_text_that_is_now_true_and_now_false_counts_for_both() -> None:
    cases = [replace(case(0.9, truth), texts=("a",)) for truth in (0.0, 1.0)] + [
        replace(case(0.1, truth), texts=("b",)) for truth in (0.0, 1.0)
    ]
    found = youden(cases, 0.95)
    assert found.j == pytest.approx(0)
    assert found.weight == 2
