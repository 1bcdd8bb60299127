"""What versions are worth against each other: circles, ladders, alpha-rank and the average of all, against independent truths."""

import numpy as np
import pytest

from socratic.game.tree import Tree, enumerate_tree
from socratic.observer.payoffs import alpha_rank, cyclic_share, payoff_matrix, payoff_metrics
from socratic.registry import load_game
from socratic.seeds import Seed

CIRCLE = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
LADDER = np.array([[0.0, 1.0, 2.0], [-1.0, 0.0, 1.0], [-2.0, -1.0, 0.0]])
UNEVEN = np.array([[0, 1, -1, 0.3], [-1, 0, 1, 0.2], [1, -1, 0, -0.1], [-0.3, -0.2, 0.1, 0]])


def _kuhn() -> Tree:
    return enumerate_tree(load_game("kuhn_poker"))


def _drawn(tree: Tree, key: int) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    rows = []
    for state in tree.information_states:
        row = np.array([0.05 + Seed(key).child("row", state.index).uniform(move) for move in range(len(state.legal))])
        rows.append(row / row.sum())
    return rows


def test_the_cyclic_share_is_that_of_the_yardsticks() -> None:
    # YARDSTICKS, Populations: rock-paper-scissors 1.0, a ladder 0.0, the equal mix .333.
    assert cyclic_share(CIRCLE) == pytest.approx(1.0)
    assert cyclic_share(LADDER) == pytest.approx(0.0)
    assert cyclic_share(CIRCLE + LADDER) == pytest.approx(1 / 3)


def test_versions_that_are_all_even_have_no_cyclic_share() -> None:
    assert cyclic_share(np.full((3, 3), 1e-9)) is None


def test_alpha_rank_stays_nowhere_in_a_circle_and_at_the_top_of_a_ladder() -> None:
    assert alpha_rank(CIRCLE) == pytest.approx(np.full(3, 1 / 3))
    assert alpha_rank(LADDER)[0] > 0.97
    assert alpha_rank(np.zeros((4, 4))) == pytest.approx(np.full(4, 1 / 4))


@pytest.mark.parametrize(
    ("payoffs", "masses"),
    [
        # OpenSpiel 2.0.2: alpharank.compute([payoffs], m=50, use_inf_alpha=True, inf_alpha_eps=.01).
        (UNEVEN, (0.39718571, 0.300379, 0.199621, 0.10281429)),
        (np.array([[0, 0, 0.5], [0, 0, -0.5], [-0.5, 0.5, 0]]), (0.5943938, 0.20083531, 0.20477089)),
    ],
)
def test_alpha_rank_is_open_spiels(payoffs: np.ndarray[tuple[int, int], np.dtype[np.float64]], masses: tuple[float, ...]) -> None:
    assert alpha_rank(payoffs) == pytest.approx(np.array(masses), abs=1e-7)


def test_alpha_rank_agrees_with_open_spiel_on_random_payoffs() -> None:
    alpharank = pytest.importorskip("open_spiel.python.egt.alpharank", reason="OpenSpiel is not installed", exc_type=ImportError)
    for key in range(5):
        drawn = np.array([[Seed(key).uniform(6 * row + column) - 0.5 for column in range(6)] for row in range(6)])
        theirs = alpharank.compute([drawn - drawn.T], m=50, use_inf_alpha=True, inf_alpha_eps=0.01)[2]
        assert alpha_rank(drawn - drawn.T) == pytest.approx(theirs, abs=1e-9)


def test_payoffs_are_the_mean_over_both_seats_and_antisymmetric() -> None:
    tree = _kuhn()
    never_folds = [np.array([0.0, 1.0]) for _ in tree.information_states]
    payoffs = payoff_matrix(tree, [tree.uniform(), never_folds, _drawn(tree, 1)])
    assert payoffs == pytest.approx(-payoffs.T)
    own, other = _drawn(tree, 1), tree.uniform()
    first, second = tree.values(tree.mixed(own, other, 0))[0], tree.values(tree.mixed(own, other, 1))[1]
    assert payoffs[2, 0] == pytest.approx((first + second) / 2)
    assert abs(payoffs[2, 0]) > 0.01


def test_the_average_of_strategies_scores_what_a_draw_of_them_scores() -> None:
    tree = _kuhn()
    several, opponent = [_drawn(tree, key) for key in range(4)], _drawn(tree, 9)
    average = tree.average(several)
    for seat in (0, 1):
        each = [tree.values(tree.mixed(one, opponent, seat))[seat] for one in several]
        assert tree.values(tree.mixed(average, opponent, seat))[seat] == pytest.approx(np.mean(each), abs=1e-12)


def test_averaging_without_reach_is_another_strategy() -> None:
    tree = _kuhn()
    several, opponent = [_drawn(tree, key) for key in range(4)], _drawn(tree, 9)
    naive = [np.mean(rows, axis=0) for rows in zip(*several, strict=True)]
    each = [tree.values(tree.mixed(one, opponent, 0))[0] for one in several]
    assert abs(tree.values(tree.mixed(naive, opponent, 0))[0] - np.mean(each)) > 1e-5


def test_a_state_that_no_strategy_comes_to_is_averaged_plainly() -> None:
    tree = _kuhn()
    # Who always bets is never asked whether to call.
    bets = [np.array([0.0, 1.0]) for _ in tree.information_states]
    assert all(row == pytest.approx(np.array([0.0, 1.0])) for row in tree.average([bets, bets]))


def test_the_metrics_of_a_league_name_every_version() -> None:
    tree = _kuhn()
    metrics = payoff_metrics(tree, {"agent": tree.uniform(), "0": tree.uniform(), "12": tree.uniform()})
    assert metrics["mixture_exploitability"] == pytest.approx(11 / 24)  # YARDSTICKS: uniform Kuhn poker
    assert "cyclic_share" not in metrics
    assert [metrics[f"alpha_rank/{name}"] for name in ("agent", "0", "12")] == pytest.approx([1 / 3] * 3)
