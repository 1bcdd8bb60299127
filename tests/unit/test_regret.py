"""Normalized regret: 0 at the optimum, 1 at random play, on games whose optimum is known."""

import numpy as np
import pytest

from socratic.game.tree import Tree, enumerate_tree
from socratic.guard.measures import probe_measures
from socratic.observer.regret import exact_regret, normalized_regret
from socratic.records import Episode, Match
from socratic.registry import load_game


def _tree(name: str, **params: int) -> Tree:
    return enumerate_tree(load_game(name), params)


def test_the_formula() -> None:
    # YARDSTICKS: (optimum - score) / (optimum - random play).
    assert normalized_regret(1.0, 1.0, 0.25) == 0.0
    assert normalized_regret(0.25, 1.0, 0.25) == 1.0
    assert normalized_regret(0.625, 1.0, 0.25) == 0.5
    assert normalized_regret(0.0, 1.0, 0.25) == pytest.approx(4 / 3)
    assert normalized_regret(0.5, 0.5, 0.5) is None


def test_random_play_has_regret_one_in_every_kind_of_game() -> None:
    for name, params in (("signal", {"objects": 4}), ("kuhn_poker", {}), ("guess_number", {"high": 2, "guesses": 2}), ("liars_dice", {})):
        tree = _tree(name, **params)
        assert exact_regret(tree, tree.uniform(), load_game(name).best_score(tree.params)) == pytest.approx(1.0)


def test_an_equilibrium_and_a_best_response_have_none() -> None:
    kuhn = _tree("kuhn_poker")
    strategy, _ = kuhn.solve()
    assert exact_regret(kuhn, strategy, -1 / 18) == pytest.approx(0, abs=1e-9)
    guess = _tree("guess_number", high=2, guesses=2)
    _, best = guess.best_response(guess.uniform(), 0)
    assert exact_regret(guess, best, 1.0) == pytest.approx(0)


def test_where_all_babble_the_regret_is_one_though_nobody_gains_by_himself() -> None:
    # NashConv of babbling is 0: it is the optimum that tells it from a language.
    signal = _tree("signal", objects=4)
    assert signal.nash_conv(signal.uniform()) == pytest.approx(0, abs=1e-12)
    assert exact_regret(signal, signal.uniform(), 1.0) == pytest.approx(1.0)
    assert exact_regret(signal, signal.uniform(), None) is None
    worse = [np.eye(len(row))[0] for row in signal.uniform()]
    assert exact_regret(signal, worse, 1.0) == pytest.approx(1.0)


def _episode(**probes: float) -> Episode:
    match = Match(episode_id="e", game="debate", seed=1, draw_seed=1, seats=("agent", "agent"), version=0)
    return Episode(match=match, scores=(0.0, 0.0), turns=(), views=((), ()), ending="finished", probes=probes)


def test_probes_are_means_and_a_critic_s_excess_is_over_what_it_scored() -> None:
    episodes = [_episode(exact=1.0, critic=0.5), _episode(exact=0.0, critic=0.75), _episode(exact=1.0), _episode()]
    measured = probe_measures(episodes)
    assert measured == {
        "game/debate/probe/exact": pytest.approx(2 / 3),
        "game/debate/probe/critic": 0.625,
        "game/debate/probe/critic_excess": pytest.approx(0.125),
    }
