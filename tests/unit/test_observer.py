"""The observer's exact measures, on policies whose truth is known without it."""

from collections.abc import Sequence
from functools import cache
from math import nan

import pytest
import torch

from socratic.config import make_config
from socratic.critics.outcome import OutcomeScorer, RandomScorer
from socratic.game.tree import Tree, enumerate_tree
from socratic.observer.exploitability import ReadStrategy, exact_metrics, read_strategy
from socratic.observer.intervals import mean_interval, wilson
from socratic.observer.probes import drawn_metrics, probe_matches
from socratic.policy.engine import Engine
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.scratch import lexicon
from socratic.records import Episode, Judgement, Match
from socratic.registry import load_game
from socratic.seeds import Seed


@cache
def _uniform_engine() -> Engine:
    """Return an engine whose policy finds every token equally likely, whatever it reads."""
    config = make_config({"policy": {"hidden": 16, "layers": 1, "heads": 2}, "games": {"kuhn_poker": {}, "sticks": {}, "signal": {}}})
    from socratic.build import random_play

    words = tuple(lexicon(random_play(config)))
    policy = make_policy(PolicyRecipe(section=config.policy, uses_lora=False, seed=Seed(0), lexicon=words))
    with torch.no_grad():
        dict(policy.model.named_parameters())["lm_head.weight"].zero_()
    return Engine(policy, temperature=1.0, max_new_tokens=4, pack_tokens=512)


def _tree(name: str, **params: int | str) -> Tree:
    return enumerate_tree(load_game(name), params)


def _metrics(name: str, tree: Tree) -> dict[str, float]:
    engine = _uniform_engine()
    own = read_strategy(tree, engine, engine.policy.weights(0), is_masked=True)
    return exact_metrics(load_game(name), tree, own, {"scripted:random": tree.uniform})


def test_a_uniform_policy_has_uniform_plays_exploitability() -> None:
    # YARDSTICKS: uniform Kuhn poker .4583 = 11/24, value of uniform play 1/8.
    metrics = _metrics("kuhn_poker", _tree("kuhn_poker"))
    assert metrics["exploitability"] == pytest.approx(11 / 24, abs=1e-6)
    assert metrics["value"] == pytest.approx(1 / 8, abs=1e-6)


def test_a_uniform_policy_meets_itself_in_both_seats() -> None:
    tree = _tree("sticks", heap=6)
    metrics = _metrics("sticks", tree)
    assert metrics["score_vs_random/first"] == pytest.approx(-metrics["score_vs_random/second"], abs=1e-6)
    assert metrics["win_rate_vs_random/first"] + metrics["win_rate_vs_random/second"] == pytest.approx(1.0, abs=1e-6)
    assert metrics["win_rate_vs_random"] == pytest.approx(0.5, abs=1e-6)


def test_draws_are_counted_in_each_seat_of_a_game_that_can_be_drawn() -> None:
    # x holds 5 and 3, o holds 1: o must take 7, x 4, o 6. Random x meets its one block in five and then cannot lose. Random o meets
    # both of its own, one in six and one in four; after two of x's last three good moves it has a third, one in two.
    tree = _tree("tic_tac_toe", opening="513", drawn=0)
    own = ReadStrategy(strategy=tree.uniform(), illegal_mass=0.0)
    metrics = exact_metrics(load_game("tic_tac_toe"), tree, own, {"scripted:optimal": lambda: tree.solve()[0]})
    assert metrics["draw_rate_vs_optimal/x"] == pytest.approx(1 / 5, abs=1e-9)
    assert metrics["draw_rate_vs_optimal/o"] == pytest.approx(1 / 6 * 1 / 4 * (1 / 2 + 1 / 2 + 1) / 3, abs=1e-9)


def test_a_game_that_cannot_be_drawn_has_no_rate_of_draws() -> None:
    assert not [name for name in _metrics("sticks", _tree("sticks", heap=6)) if name.startswith("draw_rate")]


def test_graded_moves_leave_out_positions_without_a_choice() -> None:
    tree = _tree("sticks", heap=6)
    shares = [
        len(best.indexes) / len(state.legal)
        for best, state in zip(tree.optimal_moves(), tree.information_states, strict=True)
        if best.is_winnable and len(state.legal) > 1
    ]
    assert _metrics("sticks", tree)["optimal_share"] == pytest.approx(sum(shares) / len(shares), abs=1e-6)


def test_a_signal_that_says_nothing_is_chance() -> None:
    assert _metrics("signal", _tree("signal", objects=4))["value"] == pytest.approx(1 / 4, abs=1e-6)


def test_illegal_mass_is_what_falls_on_other_text() -> None:
    engine, tree = _uniform_engine(), _tree("kuhn_poker")
    read = read_strategy(tree, engine, engine.policy.weights(0), is_masked=False)
    # One token of the word and the end: two uniform draws over the vocabulary for each of two moves.
    assert read.illegal_mass == pytest.approx(1 - 2 / engine.policy.chat.vocab_size**2, abs=1e-6)
    assert all(row.sum() == pytest.approx(1.0) for row in read.strategy)


def test_intervals_are_those_of_the_books() -> None:
    # Wilson's interval for 15 of 50, as in Newcombe (1998), table I method 3 style: centre and width worked by hand.
    low, high = wilson(15, 50)
    assert (low, high) == pytest.approx((0.1910, 0.4375), abs=5e-4)
    assert mean_interval([1.0, 1.0, -1.0, -1.0]) == pytest.approx((0.0, -1.1316, 1.1316), abs=1e-3)
    with pytest.raises(ValueError, match="no trials"):
        wilson(0, 0)


def _episodes(count: int) -> Sequence[Episode]:
    return [
        Episode(
            match=Match(episode_id=f"e{i}", game="g", seed=i, draw_seed=i, seats=("agent", "agent"), version=0),
            scores=(1.0, -1.0), turns=(), views=((), ()), ending="finished",
        )
        for i in range(count)
    ]  # fmt: skip


def test_the_outcome_is_the_games_own_score_and_chance_is_not() -> None:
    episodes = _episodes(400)
    assert all(rewards == (1.0, -1.0) for rewards in OutcomeScorer().score(episodes))
    rewards = RandomScorer(Seed(1)).score(episodes)
    assert all(first == -second for first, second in rewards)
    assert abs(sum(first for first, _ in rewards)) < 5 * 400**0.5
    assert rewards == RandomScorer(Seed(1)).score(episodes)


def test_drawn_matches_count_the_draws_of_each_seat() -> None:
    game = load_game("tic_tac_toe")

    def episode(place: int, seat: int, score: float) -> Episode:
        seats = ("agent", "scripted:optimal") if seat == 0 else ("scripted:optimal", "agent")
        match = Match(episode_id=str(place), game=game.name, seed=place, draw_seed=place, seats=seats, version=0)
        scores = (score, -score) if seat == 0 else (-score, score)
        return Episode(match=match, scores=scores, turns=(), views=((), ()), ending="finished")

    # x: three draws of four; o: one of two.
    played = [(0, 0.0), (0, 0.0), (0, -1.0), (0, 0.0), (1, 0.0), (1, -1.0)]
    found = drawn_metrics(game, {"scripted:optimal": [episode(place, *each) for place, each in enumerate(played)]})
    assert found["draw_rate_vs_optimal/x"] == 0.75
    assert found["draw_rate_vs_optimal/o"] == 0.5
    assert found["draw_rate_vs_optimal/x_low"] < 0.75 < found["draw_rate_vs_optimal/x_high"]


def test_a_match_of_which_a_critic_could_not_say_is_no_truth() -> None:
    asked = Judgement(question="Who?", evidence="", options=("yes", "no"))
    matches = probe_matches("kuhn_poker", load_game("kuhn_poker"), {}, ["t0"], 4, Seed(1))["t0"]
    episodes = [
        Episode(match=match, scores=(1.0, -1.0), turns=(), views=((), ()), ending="finished", calls=((asked, shares),))
        for match, shares in zip(matches, [(0.5, 0.5), (nan, nan), (0.5, 0.5), (nan, nan)], strict=True)
    ]
    assert drawn_metrics(load_game("kuhn_poker"), {"t0": episodes})["score_vs_t0"] == 1.0
    assert drawn_metrics(load_game("kuhn_poker"), {"t0": episodes[1::2]}) == {}
