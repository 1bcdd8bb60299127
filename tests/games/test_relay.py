"""Relay: what fits through the pipe, and what does not."""

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import Game, LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import Strategy, Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.relay import LETTERS, MESSAGES, relay, relay_3, relay_4, relay_5

CHAINS = {"relay": relay, "relay_3": relay_3, "relay_4": relay_4, "relay_5": relay_5}


@pytest.mark.parametrize(("name", "num_seats"), [("relay", 2), ("relay_3", 3), ("relay_4", 4), ("relay_5", 5)])
def test_a_chain_has_a_sender_passers_and_a_receiver(name: str, num_seats: int) -> None:
    seats = CHAINS[name].seats
    assert (CHAINS[name].name, len(seats), seats[0], seats[-1]) == (name, num_seats, "sender", "receiver")


def test_no_two_words_are_alike() -> None:
    assert len({*MESSAGES, *LETTERS}) == len(MESSAGES) + len(LETTERS) == 20


@pytest.mark.parametrize(
    ("params", "optimum"),
    # Words that differ: letters**budget.
    [({}, 1.0), ({"messages": 4}, 0.5), ({"messages": 4, "budget": 2}, 1.0), ({"messages": 6, "budget": 2}, 4 / 6), ({"letters": 1}, 0.5)],
)
def test_the_declared_optimum_is_reached_by_a_code_and_not_passed_by_a_best_response(params: Params, optimum: float) -> None:
    assert relay.best_score(params) == pytest.approx(optimum)
    tree = enumerate_tree(relay, params)
    coded = _coded(tree)
    assert tree.values(coded) == pytest.approx((optimum, optimum))
    assert tree.nash_conv(coded) == pytest.approx(0)


@pytest.mark.parametrize("game", [relay, relay_3, relay_4], ids=lambda game: game.name)
def test_guessing_is_right_as_often_as_there_are_messages(game: Game) -> None:
    tree = enumerate_tree(game)
    assert tree.values(tree.uniform()) == pytest.approx((0.5,) * len(game.seats))
    assert tree.num_leaves == 2 ** (len(game.seats) + 1)


def test_each_seat_hears_what_the_seat_before_it_said_and_nothing_else() -> None:
    match = LiveMatch(relay_3, {"messages": 4, "budget": 2}, Seed(1))
    message = match.truths["message"]
    rules = "Messages: sun cup fish tree. Letters: ka mo. Words: 2."
    for said, prompt in (("ka", f"Letter 1 for {message}"), ("mo", f"Letter 2 for {message}")):
        (request,) = match.requests()
        assert (request.seat, request.prompt, request.legal) == (0, prompt, ("ka", "mo"))
        match.submit({0: said})
    for said, prompt in (("mo", "Letter 1 for ka mo"), ("mo", "Letter 2 for ka mo")):
        (request,) = match.requests()
        assert (request.seat, request.prompt) == (1, prompt)
        match.submit({1: said})
    (request,) = match.requests()
    assert (request.seat, request.legal) == (2, ("sun", "cup", "fish", "tree"))
    assert [line.text for line in request.view] == [rules, "Message for mo mo"]
    match.submit({2: str(message)})
    assert match.scores == (1, 1, 1)


def test_a_wrong_name_scores_nothing() -> None:
    match = LiveMatch(relay, {}, Seed(0))
    match.submit({0: "ka"})
    match.submit({1: next(name for name in ("sun", "cup") if name != match.truths["message"])})
    assert match.scores == (0, 0)


def test_every_message_is_sent() -> None:
    sent = {LiveMatch(relay, {"messages": 16}, Seed(seed)).truths["message"] for seed in range(200)}
    assert sent == set(MESSAGES)


@pytest.mark.parametrize(
    "params",
    [{"messages": 1}, {"messages": 17}, {"letters": 0}, {"letters": 5}, {"budget": 0}, {"budget": 17}],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="relay: .*expected"):
        LiveMatch(relay_3, params, Seed(0))
    with pytest.raises(ConfigError, match="relay"):
        relay.best_score(params)


@pytest.mark.parametrize("params", [{"messages": 16}, {"letters": 4}, {"budget": 16}])
def test_the_largest_parameters_make_a_game(params: Params) -> None:
    assert not LiveMatch(relay, params, Seed(0)).done


@pytest.mark.parametrize(("game", "level"), [(relay, 0), (relay, 1), (relay, 2), (relay_3, 0), (relay_5, 0)], ids=str)
def test_it_keeps_the_contract(game: Game, level: int) -> None:
    report = check_game(game, game.level(level))
    assert report.passed, report.findings


def _coded(tree: Tree) -> Strategy:
    """Return the strategy that writes a message's number in letters, as far as they go, and reads it back."""
    letters, budget, messages = (int(tree.params[name]) for name in ("letters", "budget", "messages"))
    rows = []
    for state in tree.information_states:
        words = state.view[-1].text.split()
        if state.seat == 0:
            digit = MESSAGES.index(words[-1]) % letters**budget // letters ** (int(words[1]) - 1) % letters
        else:
            heard = words[2:]
            digit = min(sum(LETTERS.index(letter) * letters**place for place, letter in enumerate(heard)), messages - 1)
        rows.append(np.eye(len(state.legal))[digit])
    return rows
