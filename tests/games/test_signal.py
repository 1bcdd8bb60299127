"""Signal: the reference game's optimum and chance level."""

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import Strategy, Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.signal import OBJECTS, SYMBOLS, signal


def test_symbols_are_not_names_of_objects() -> None:
    assert not set(OBJECTS) & set(SYMBOLS)
    assert len(set(OBJECTS)) == len(set(SYMBOLS)) == 16


@pytest.mark.parametrize("params", [{}, {"objects": 8}, {"objects": 5, "symbols": 3}, {"objects": 4, "candidates": 2}])
def test_chance_is_one_over_the_candidates(params: Params) -> None:
    tree = enumerate_tree(signal, params)
    chance = 1 / int(params.get("candidates", params.get("objects", 4)))
    assert tree.values(tree.uniform()) == pytest.approx((chance, chance))


@pytest.mark.parametrize("params", [{}, {"objects": 8}, {"objects": 5, "symbols": 3}])
def test_a_code_reaches_the_declared_optimum(params: Params) -> None:
    tree = enumerate_tree(signal, params)
    assert tree.values(_code(tree)) == pytest.approx((signal.best_score(params),) * 2)


def test_half_a_code_is_better_than_chance_and_worse_than_one() -> None:
    tree = enumerate_tree(signal)
    sender_only = tree.mixed(_code(tree), tree.uniform(), 0)
    assert tree.values(sender_only) == pytest.approx((0.25, 0.25))
    value, reply = tree.best_response(sender_only, 1)
    assert value == pytest.approx(1)
    assert tree.score_shares(reply, 1) == pytest.approx({0.0: 0.0, 1.0: 1.0})


def test_a_sender_that_does_not_see_the_candidates_is_shown_the_target_alone() -> None:
    match = LiveMatch(signal, {"objects": 8, "candidates": 4, "seen": False}, Seed(3))
    assert [line.text.split()[0] for line in match.view(0)] == ["Objects:", "Symbol"]
    match.submit({0: "ka"})
    (request,) = match.requests()
    assert [line.text.split()[0] for line in request.view] == ["Objects:", "Candidates:", "Object"]
    assert request.legal is not None
    assert match.truths["target"] in request.legal


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = LiveMatch(signal, {}, Seed(0))
    assert match.view(0)[0].text == "Objects: cup key sun fish. Symbols: ka mo ti zu."
    assert match.requests()[0].prompt == f"Symbol for {match.truths['target']}"
    match.submit({0: "mo"})
    assert match.requests()[0].prompt == "Object for mo"


@pytest.mark.parametrize(
    "params", [{"objects": 17}, {"objects": 4, "candidates": 5}, {"objects": 4, "candidates": 1}, {"symbols": -1}, {"objects": 0}]
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="signal: .*expected"):
        LiveMatch(signal, params, Seed(0))
    with pytest.raises(ConfigError, match="signal"):
        signal.best_score(params)


def test_it_keeps_the_contract() -> None:
    report = check_game(signal)
    assert report.passed, report.findings


def _code(tree: Tree) -> Strategy:
    """Return the strategy that gives object i the symbol i, as far as they go, and reads it back."""
    rows = []
    for state in tree.information_states:
        word = state.view[-1].text.split()[-1]
        meant = OBJECTS.index(word) if state.seat == 0 else SYMBOLS.index(word)
        rows.append(np.eye(len(state.legal))[min(meant, len(state.legal) - 1)])
    return rows


def test_candidates_are_told_in_the_order_of_the_objects_so_that_their_order_says_nothing() -> None:
    seen = set()
    for seed in range(40):
        match = LiveMatch(signal, {"objects": 8, "candidates": 4}, Seed(seed))
        told = match.requests()[0].view[1].text.removeprefix("Candidates: ").removesuffix(".").split()
        assert len(told) == 4
        assert told == [thing for thing in OBJECTS[:8] if thing in told]
        seen.update(told)
    assert seen == set(OBJECTS[:8])
