"""Sticks against the theory of Nim."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.sticks import sticks


@settings(max_examples=30, deadline=None)
@given(heap=st.integers(1, 40), take=st.integers(1, 6))
def test_the_mover_loses_the_multiples(heap: int, take: int) -> None:
    tree = enumerate_tree(sticks, {"heap": heap, "take": take}, merge=True)
    # Bouton, 1901: the Grundy number of a heap is heap mod (take + 1).
    known = 1.0 if heap % (take + 1) else -1.0
    assert sticks.best_score({"heap": heap, "take": take}) == known
    assert tree.solve()[1] == pytest.approx(known)


def test_every_optimal_move_leaves_a_multiple_of_four() -> None:
    tree = enumerate_tree(sticks, {"heap": 11})
    assert tree.is_perfect_information
    for state, best in zip(tree.information_states, tree.optimal_moves(), strict=True):
        left = int(state.view[-1].text.split()[0])
        assert best.is_winnable == (left % 4 != 0)
        if best.is_winnable:
            assert [state.legal[index] for index in best.indexes] == [str(left % 4)]


def test_optimal_play_beats_random_play_in_both_seats() -> None:
    tree = enumerate_tree(sticks, {"heap": 10})
    uniform = tree.uniform()
    optimal, _ = tree.solve()
    assert tree.exploitability(optimal) == pytest.approx(0, abs=1e-12)
    assert tree.outcome_shares(tree.mixed(optimal, uniform, 0), 0).win == pytest.approx(1)
    assert tree.outcome_shares(tree.mixed(optimal, uniform, 1), 1).win == pytest.approx(1 - _random_holds(10))


def _random_holds(left: int) -> float:
    """Return how often a random mover with `left` sticks beats an optimal opponent that moves uniformly when it is lost."""
    if left == 0:
        return 0.0
    takes = range(1, min(3, left) + 1)
    return sum(_opponent_fails(left - take) for take in takes) / len(takes)


def _opponent_fails(left: int) -> float:
    if left == 0:
        return 1.0
    if left % 4:
        return _random_holds(left - left % 4)
    return sum(_random_holds(left - take) for take in (1, 2, 3)) / 3


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = LiveMatch(sticks, {}, Seed(0))
    match.submit({0: "2"})
    (request,) = match.requests()
    assert [line.text for line in request.view] == [
        "15 sticks. In turn take 1 to 3. Whoever takes the last one wins.",
        "They took 2.",
        "13 left. You take:",
    ]
    assert request.legal == ("1", "2", "3")


@pytest.mark.parametrize("params", [{"take": -1}, {"take": 0}, {"heap": 0}, {"heap": 10**9}, {"take": 10**9}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="sticks: heap is .* expected 1 to 10000 each"):
        LiveMatch(sticks, params, Seed(0))
    with pytest.raises(ConfigError, match="sticks"):
        sticks.best_score(params)


def test_it_keeps_the_contract() -> None:
    report = check_game(sticks, sticks.level(0))
    assert report.passed, report.findings
