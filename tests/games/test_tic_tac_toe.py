"""Tic-tac-toe against its known figures and OpenSpiel's rules."""

import pytest

from socratic.errors import ConfigError
from socratic.game import CHANCE, LiveMatch, Params, Scores
from socratic.game.check import check_game
from socratic.game.tree import Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.tic_tac_toe import Position, tic_tac_toe

LINES = ("123", "456", "789", "147", "258", "369", "159", "357")
# Two cells off each line.
ELSEWHERE = ("45", "12", "14", "23", "31", "12", "23", "12")


@pytest.fixture(scope="module")
def tree() -> Tree:
    return enumerate_tree(tic_tac_toe, merge=True)


def test_it_is_a_draw(tree: Tree) -> None:
    assert tree.solve()[1] == tic_tac_toe.best_score() == 0
    assert tree.is_perfect_information


def test_it_has_5478_positions(tree: Tree) -> None:
    # YARDSTICKS, "Games with a known truth": 4,520 to move in and 958 that are over.
    seen: dict[str, bool] = {}
    left: list[Position] = [tic_tac_toe.first_state()]
    while left:
        state = left.pop()
        if state["cells"] not in seen:
            seen[state["cells"]] = tic_tac_toe.to_act(state) is None
            if not seen[state["cells"]]:
                left += [tic_tac_toe.act(state, move) for move in tic_tac_toe.legal(state)]
    assert (len(seen), sum(seen.values())) == (5478, 958)
    assert len(tree.information_states) == 4520


def test_random_play_and_the_best_responses_to_it_score_as_known(tree: Tree) -> None:
    shares = tree.outcome_shares(tree.uniform(), 0)
    # YARDSTICKS, "Games with a known truth", to its three decimals.
    assert (shares.win, shares.draw, shares.loss) == pytest.approx((0.585, 0.127, 0.288), abs=5e-4)
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(0.995, abs=5e-4)
    assert tree.best_response(tree.uniform(), 1)[0] == pytest.approx(0.925, abs=5e-4)


def test_perfect_play_beats_random_play_as_known(tree: Tree) -> None:
    optimal, _ = tree.solve()
    # As above, uniform over the optimal moves; to more decimals by a recursion of its own (.9678 and .7775).
    assert tree.values(tree.mixed(optimal, tree.uniform(), 0))[0] == pytest.approx(0.96781, abs=1e-5)
    assert tree.values(tree.mixed(optimal, tree.uniform(), 1))[1] == pytest.approx(0.77748, abs=1e-5)


@pytest.mark.parametrize("params", [tic_tac_toe.level(0), {"opening": "513", "drawn": 2}, {"opening": "19", "drawn": 1}])
def test_after_an_opening_the_declared_value_is_the_trees(params: Params) -> None:
    assert enumerate_tree(tic_tac_toe, params).solve()[1] == pytest.approx(tic_tac_toe.best_score(params), abs=1e-12)


def test_level_zero_is_small_and_its_value_known() -> None:
    tree = enumerate_tree(tic_tac_toe, tic_tac_toe.level(0))
    # x threatens the cell 7: five of the six drawn replies of o lose, the sixth draws.
    assert tic_tac_toe.best_score(tic_tac_toe.level(0)) == pytest.approx(5 / 6)
    assert tree.num_leaves == 441


@pytest.mark.parametrize("seed", range(20))
def test_moves_and_ends_are_openspiels(seed: int) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    theirs = pyspiel.load_game("tic_tac_toe").new_initial_state()
    match = LiveMatch(tic_tac_toe, {}, Seed(0))
    while not match.done:
        (request,) = match.requests()
        assert request.legal is not None
        assert request.seat == theirs.current_player()
        assert [int(move) - 1 for move in request.legal] == theirs.legal_actions()
        move = request.legal[Seed(seed).integer(len(request.legal), request.turn)]
        match.submit({request.seat: move})
        theirs.apply_action(int(move) - 1)
    assert theirs.is_terminal()
    assert match.scores == tuple(theirs.returns())


@pytest.mark.parametrize(
    ("moves", "scores"),
    [
        *[
            (f"{x[0]}{o[0]}{x[1]}{o[1]}{x[2]}", (1, -1))
            for x, o in zip(LINES, ("45", "12", "14", "23", "31", "12", "23", "12"), strict=True)
        ],
        ("142596", (-1, 1)),
        ("132597", (-1, 1)),
        ("123548", (-1, 1)),
        ("132458679", (1, -1)),  # on the last cell
        ("512846379", (0, 0)),
    ],
)
def test_three_in_a_line_win_and_a_full_board_is_a_draw(moves: str, scores: Scores) -> None:
    match = LiveMatch(tic_tac_toe, {}, Seed(0))
    for turn, move in enumerate(moves):
        match.submit({turn % 2: move})
    assert match.scores == scores


def test_each_seat_sees_the_board_last() -> None:
    match = LiveMatch(tic_tac_toe, {"opening": "5"}, Seed(0))
    (request,) = match.requests()
    assert (request.seat, request.prompt) == (1, "Tic-tac-toe, you are o: 1 2 3 4 x 6 7 8 9")
    match.submit({1: "1"})
    (request,) = match.requests()
    assert (request.seat, request.prompt) == (0, "Tic-tac-toe, you are x: o 2 3 4 x 6 7 8 9")
    assert request.legal == tuple("2346789")


def test_chance_opens_without_winning() -> None:
    state = tic_tac_toe.first_state(opening="5137", drawn=2)
    assert tic_tac_toe.to_act(state) == CHANCE
    assert tic_tac_toe.legal(state) == list("24689")
    state = tic_tac_toe.act(state, "2")
    # o holds 1 and 7, so that 4 would win.
    assert tic_tac_toe.legal(state) == list("689")
    state = tic_tac_toe.act(state, "8")
    assert tic_tac_toe.to_act(state) == 0
    assert tic_tac_toe.legal(state) == list("469")


def test_the_optimal_player_never_loses_and_takes_a_win() -> None:
    bot = tic_tac_toe.bot("optimal")
    assert bot is not None
    assert tic_tac_toe.bot("worst") is None
    for seed in range(20):
        match = LiveMatch(tic_tac_toe, {}, Seed(0))
        while not match.done:
            (request,) = match.requests()
            assert request.legal is not None
            draws = Seed(seed).child("player", request.turn)
            random_move = request.legal[draws.integer(len(request.legal), 1)]
            match.submit({request.seat: bot(request, draws) if request.seat == seed % 2 else random_move})
        assert match.scores is not None
        assert match.scores[seed % 2] >= 0
    (request,) = LiveMatch(tic_tac_toe, {"opening": "1427"}, Seed(0)).requests()
    assert bot(request, Seed(0)) == "3"
    (request,) = LiveMatch(tic_tac_toe, {"opening": "14257"}, Seed(0)).requests()
    assert bot(request, Seed(0)) == "6"


@pytest.mark.parametrize(
    "params",
    [
        *[{"opening": opening} for opening in ("11", "0", "x", "142539", "14253", "512846379")],
        {"drawn": -1},
        {"drawn": 7},
        {"opening": "51", "drawn": 5},
    ],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="tic_tac_toe: .*expected"):
        LiveMatch(tic_tac_toe, params, Seed(0))
    with pytest.raises(ConfigError, match="tic_tac_toe"):
        tic_tac_toe.best_score(params)


def test_it_keeps_the_contract() -> None:
    report = check_game(tic_tac_toe, tic_tac_toe.level(0))
    assert report.passed, report.findings
