"""Maker: what a game is worth, worked out by hand, and the games that are made."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.maker import Rules, grammar, maker, worth

PLAIN = Rules(3, "two", "wins")


def played(moves: str, params: Params | None = None) -> LiveMatch:
    """Return a match in which whoever is asked says the next word."""
    match = LiveMatch(maker, params or {}, Seed(0))
    for word in moves.split():
        match.submit({match.requests()[0].seat: word})
    return match


@pytest.mark.parametrize(
    ("rules", "by_hand"),
    [
        # Positions 4 3 2 1 with a move; decisive: 4 (1 loses nothing: only to 3), 2 and 1 (all there is: none), see each line.
        # Takes 1 2, the last wins; wins at 1 2 4. From 4: to 3 wins, to 2 loses. From 3: both lose. From 2: to 0 wins, to 1 loses. 2 of 4.
        # At random: p1 = 1, p2 = 1/2, p3 = 1/4, p4 = 5/8: fairness 3/4. One part of three is new.
        (Rules(4, "two", "wins"), 2 / 4 * 3 / 4 * 1 / 3),
        # Takes 1 2 3, the last loses; wins at 2 3 4. From 4 and 3 one move wins, 2: to 1 wins, to 0 loses. 3 of 4.
        # At random: p0 = 1, p1 = 0, p2 = 1/2, p3 = 1/2, p4 = 2/3: fairness 2/3. All three parts are new.
        (Rules(4, "three", "loses"), 3 / 4 * 2 / 3 * 3 / 3),
        # Takes 1 3, whoever takes the last wins: the parity decides, no move does.
        (Rules(5, "odd", "wins"), 0.0),
        # Takes 2 3 of 5: wins at 2 3 4, for 1 cannot be taken. From 5: to 3 and 2, both lose. From 3: to 1 and 0, both win. None.
        (Rules(5, "pair", "wins"), 0.0),
        # The plain game has nothing new.
        (PLAIN, 0.0),
    ],
)
def test_a_game_is_worth_its_choices_fairness_and_novelty(rules: Rules, by_hand: float) -> None:
    assert worth(rules, PLAIN) == pytest.approx(by_hand)


def test_a_plain_game_is_the_first_of_each_part() -> None:
    assert grammar(2, 2) == (("3", "4"), ("two", "three"), ("wins", "loses"))


@pytest.mark.parametrize(("params", "optimum"), [({}, 0.5), ({"heaps": 3, "takes": 3}, 8 / 15), ({"heaps": 6, "takes": 4}, 56 / 81)])
def test_the_optimum_is_the_best_game_of_the_grammar(params: Params, optimum: float) -> None:
    assert maker.best_score(params) == pytest.approx(optimum)
    tree = enumerate_tree(maker, {"heaps": 2, "takes": 2})
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("moves", "scores"),
    [
        # Whoever takes the last wins, or loses; the first player is asked first.
        ("3 two wins 2 1", (0.0, -1, 1)),
        ("3 two wins 1 1 1", (0.0, 1, -1)),
        ("4 three loses 3 1", (0.5, 1, -1)),
        ("4 three loses 1 1 1 1", (0.5, 1, -1)),
        ("4 three loses 2 1 1", (0.5, -1, 1)),
        ("4 two wins 2 2", (0.125, -1, 1)),
    ],
)
def test_the_players_play_the_game_that_was_made(moves: str, scores: tuple[float, ...]) -> None:
    match = played(moves)
    assert match.scores == pytest.approx(scores)
    assert match.probes == {"worth": pytest.approx(scores[0])}
    assert match.truths["worth"] == pytest.approx(scores[0])


def test_what_cannot_be_taken_is_left() -> None:
    match = played("5 pair wins 2", {"heaps": 3, "takes": 4})
    assert match.requests()[0].legal == ("2", "3")
    match.submit({2: "2"})
    assert match.scores == pytest.approx((0.0, -1, 1))


def test_all_are_told_in_few_words() -> None:
    match = played("4 three loses 2")
    assert [line.text for line in match.requests()[0].view] == [
        "The maker makes a game, two play it.",
        "Take 1 2 3 and the last loses.",
        "Left 2",
    ]
    assert match.requests()[0].legal == ("1", "2")
    assert [line.text for line in match.view(0)] == ["The maker makes a game, two play it.", "Heap", "4", "Take", "three", "Last", "loses"]
    assert "Take 1 2 3 and the last loses." in [line.text for line in match.view(1)]


@pytest.mark.parametrize("params", [{"heaps": 0}, {"heaps": 13}, {"takes": 0}, {"takes": 6}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="maker: .*expected"):
        LiveMatch(maker, params, Seed(0))
    with pytest.raises(ConfigError, match="maker"):
        maker.best_score(params)


def test_the_largest_grammar_makes_games() -> None:
    assert played("14 far loses 4 4 4 1", {"heaps": 12, "takes": 5}).requests()[0].prompt == "Left 1"


@pytest.mark.parametrize("level", [0, 1])
def test_it_keeps_the_contract(level: int) -> None:
    report = check_game(maker, maker.level(level))
    assert report.passed, report.findings
