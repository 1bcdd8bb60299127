"""Liar's dice against OpenSpiel and by hand."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import Game, LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import InformationState, Strategy, Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.liars_dice import liars_dice, liars_dice_3


@pytest.mark.parametrize(("dice", "faces", "num_leaves"), [(1, 2, 60), (1, 3, 567), (1, 4, 4080), (2, 2, 4080)])
def test_its_value_is_openspiels(dice: int, faces: int, num_leaves: int) -> None:
    pytest.importorskip("scipy")
    pyspiel = pytest.importorskip("pyspiel")
    params: Params = {"dice": dice, "faces": faces}
    tree = enumerate_tree(liars_dice, params)
    # Deals, times the ways to bid higher and higher before the challenge.
    assert tree.num_leaves == num_leaves == faces ** (2 * dice) * (2 ** (2 * dice * faces) - 1)
    strategy, value = tree.solve()
    assert liars_dice.best_score(params) == pytest.approx(value, abs=1e-9)
    # An equilibrium of ours that nobody can exploit in OpenSpiel's game, and that comes to this there, proves the value.
    table, expected = _in_openspiel(pyspiel, tree, strategy)
    assert expected == pytest.approx(value, abs=1e-9)
    assert pyspiel.nash_conv(pyspiel.load_game(f"liars_dice(numdice={dice},dice_sides={faces})"), table) == pytest.approx(0, abs=1e-9)


def test_its_uneven_strategies_are_worth_what_openspiel_says() -> None:
    pyspiel = pytest.importorskip("pyspiel")
    tree = enumerate_tree(liars_dice)
    for name in range(3):
        draws = [Seed(name).child("row", state.index) for state in tree.information_states]
        rows = [np.array([own.uniform(at) for at in range(len(row))]) for own, row in zip(draws, tree.uniform(), strict=True)]
        strategy = [row / row.sum() for row in rows]
        table, expected = _in_openspiel(pyspiel, tree, strategy)
        assert tree.values(strategy)[0] == pytest.approx(expected, abs=1e-9)
        openspiels = pyspiel.nash_conv(pyspiel.load_game("liars_dice(numdice=1,dice_sides=3)"), table)
        assert tree.nash_conv(strategy) == pytest.approx(openspiels, abs=1e-9)


@pytest.mark.parametrize(
    ("hands", "bid", "is_true"),
    [
        ([[1], [3]], "11", True),
        ([[1], [3]], "12", True),  # the 3 counts as a 2
        ([[1], [3]], "13", True),
        ([[1], [3]], "21", True),
        ([[1], [3]], "22", False),
        ([[1], [3]], "23", False),
        ([[1], [1]], "12", False),
        ([[2], [2]], "13", False),
        ([[2], [2]], "22", True),
        ([[3], [3]], "21", True),
    ],
)
def test_who_was_wrong_loses_and_the_highest_face_is_wild(hands: list[list[int]], bid: str, is_true: bool) -> None:
    match = _dealt(liars_dice, {}, hands)
    match.submit({0: bid})
    match.submit({1: "liar"})
    won = 1.0 if is_true else -1.0
    assert match.scores == (won, -won)
    assert match.probes == {"bids": 1.0, "last_bid_true": float(is_true)}


def test_the_second_seat_may_bid_over_and_be_challenged() -> None:
    for hands, scores in (([[1], [2]], (1, -1)), ([[2], [2]], (-1, 1)), ([[3], [2]], (-1, 1))):
        match = _dealt(liars_dice, {}, hands)
        match.submit({0: "12"})
        match.submit({1: "22"})
        match.submit({0: "liar"})
        assert match.scores == scores


def test_bids_rise_by_number_and_then_by_face() -> None:
    match = _dealt(liars_dice, {}, [[1], [2]])
    (first,) = match.requests()
    assert first.legal == ("11", "12", "13", "21", "22", "23")
    match.submit({0: "13"})
    assert match.requests()[0].legal == ("21", "22", "23", "liar")
    match.submit({1: "23"})
    assert match.requests()[0].legal == ("liar",)


def test_a_seat_sees_its_own_dice_in_order_and_the_bids() -> None:
    match = _dealt(liars_dice, {"dice": 2}, [[1, 3], [2, 2]])
    (request,) = match.requests()
    assert [line.text for line in request.view] == [
        "Liar's dice: 4 dice, faces 1 to 3, 3 is any. Bid 12 says 1 die shows 2. Bid higher or say liar.",
        "Bid with 1 3",
    ]
    match.submit({0: "31"})
    assert match.requests()[0].prompt == "Over 31 with 2 2"
    assert match.requests()[0].legal == ("32", "33", "41", "42", "43", "liar")


@pytest.mark.parametrize(
    ("bids", "scores"),
    [
        ("11 liar", (0.5, -1, 0.5)),  # true: the second challenged the first
        ("12 21 liar", (0.5, -1, 0.5)),  # false: the third challenged the second
        ("11 12 22 liar", (-1, 0.5, 0.5)),  # true: the first challenged the third
        ("12 22 31 liar", (0.5, 0.5, -1)),  # false: the first challenged the third
        ("12 22 31 32 liar", (-1, 0.5, 0.5)),  # false: the second challenged the first
    ],
)
def test_of_three_the_loser_pays_the_others(bids: str, scores: tuple[float, ...]) -> None:
    match = _dealt(liars_dice_3, {"faces": 3}, [[1], [2], [2]])
    for seat, said in enumerate(bids.split()):
        match.submit({seat % 3: said})
    assert match.scores == scores


def test_of_three_each_hears_what_was_bid_since_its_own_bid() -> None:
    match = _dealt(liars_dice_3, {"faces": 2}, [[1], [2], [2]])
    prompts = []
    for seat, said in enumerate(["11", "12", "21", "22", "31"]):
        prompts.append(match.requests()[0].prompt)
        match.submit({seat % 3: said})
    prompts.append(match.requests()[0].prompt)
    assert prompts == ["Bid with 1", "Over 11 with 2", "Over 11 12 with 2", "Over 12 21 with 1", "Over 21 22 with 2", "Over 22 31 with 2"]


def test_of_three_every_deal_and_every_rising_row_of_bids_can_happen() -> None:
    tree = enumerate_tree(liars_dice_3)
    assert tree.num_leaves == 2**3 * sum(1 for num in range(1, 7) for _ in combinations(range(6), num))
    assert sum(tree.values(tree.uniform())) == pytest.approx(0)


def test_levels_are_games() -> None:
    for game in (liars_dice, liars_dice_3):
        for level in game.levels:
            assert LiveMatch(game, level, Seed(0)).requests()
    # The linear programs over the whole trees of one die of 5 and of 6 faces, the second half a minute: .008 and -.0271317829.
    assert liars_dice.best_score({"faces": 5}) == pytest.approx(0.008)
    known = [1 / 9, 1 / 16, -7 / 258, None]
    assert [liars_dice.best_score(level) for level in liars_dice.levels] == known
    assert liars_dice.best_score({"dice": 3, "faces": 5}) is None


@pytest.mark.parametrize("params", [{"dice": 0}, {"dice": 5}, {"faces": 1}, {"faces": 10}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    for game in (liars_dice, liars_dice_3):
        with pytest.raises(ConfigError, match="liars_dice: .*expected 1 to . dice and 2 to 9 faces"):
            LiveMatch(game, params, Seed(0))
    with pytest.raises(ConfigError, match="liars_dice"):
        liars_dice.best_score(params)


def test_three_have_fewer_dice_each() -> None:
    assert LiveMatch(liars_dice, {"dice": 4}, Seed(0)).requests()
    assert LiveMatch(liars_dice_3, {"dice": 3}, Seed(0)).requests()
    with pytest.raises(ConfigError, match="expected 1 to 3 dice"):
        LiveMatch(liars_dice_3, {"dice": 4}, Seed(0))


@pytest.mark.parametrize("game", [liars_dice, liars_dice_3], ids=str)
def test_it_keeps_the_contract(game: Game) -> None:
    report = check_game(game)
    assert report.passed, report.findings


def _dealt(game: Game, params: Params, hands: list[list[int]]) -> LiveMatch:
    """Return a match in which these dice were thrown."""
    matches = (LiveMatch(game, params, Seed(seed)) for seed in range(2000))
    return next(match for match in matches if match.truths["hands"] == hands)


def _in_openspiel(pyspiel: Any, tree: Tree, strategy: Strategy) -> tuple[Any, float]:
    """Return a strategy as OpenSpiel's table, and what it comes to for the first seat there."""
    play = {_known(state): row for state, row in zip(tree.information_states, strategy, strict=True)}
    dice, faces = int(tree.params["dice"]), int(tree.params["faces"])
    bids = [f"{num}{face}" for num in range(1, 2 * dice + 1) for face in range(1, faces + 1)]
    table: dict[str, list[tuple[int, float]]] = {}

    def walk(state: Any) -> float:
        if state.is_terminal():
            return float(state.returns()[0])
        if state.is_chance_node():
            return sum((share * walk(state.child(outcome)) for outcome, share in state.chance_outcomes()), 0.0)
        seat, actions, history = state.current_player(), state.legal_actions(), state.history()
        own = sorted(die + 1 for die in history[seat * dice : (seat + 1) * dice])
        said = [bids[action] for action in history[2 * dice :]]
        row: list[float] = play[seat, " ".join(map(str, own)), " ".join(said)].tolist()
        table[state.information_state_string()] = list(zip(actions, row, strict=True))
        return sum((share * walk(state.child(action)) for action, share in zip(actions, row, strict=True)), 0.0)

    start = pyspiel.load_game(f"liars_dice(numdice={dice},dice_sides={faces})").new_initial_state()
    value = walk(start)
    return pyspiel.TabularPolicy(table), value


def _known(state: InformationState) -> tuple[int, str, str]:
    """Return what a seat knows: who it is, its dice, and what was said."""
    said: list[str] = []
    for line in state.view[1:]:
        words = line.text.split()
        said += words[1 : words.index("with")] if "with" in words else words
    return state.seat, state.view[-1].text.split("with ")[1], " ".join(said)
