"""OpenSpiel's games as ours: seats, bounds, what a seat is shown, chance, and what is refused."""

import sys
from collections.abc import Sequence

import pytest

from socratic.bridges.open_spiel import PRINT_ALL, load, named_moves, playable_names
from socratic.bridges.open_spiel_protocols import SpielState
from socratic.errors import ConfigError, UnknownGame
from socratic.game import LiveMatch
from socratic.game.check import check_game
from socratic.game.random_play import played
from socratic.game.tree import enumerate_tree
from socratic.records import SELF
from socratic.seeds import Seed

pyspiel = pytest.importorskip("pyspiel")

REFUSED = {"crossword", "mfg_crowd_modelling", "mfg_crowd_modelling_2d", "mfg_dynamic_routing", "mfg_garnet"}


def test_a_game_has_the_seats_bounds_and_sum_that_open_spiel_declares() -> None:
    game = load("kuhn_poker(players=3)")
    assert (game.name, game.seats) == ("openspiel:kuhn_poker(players=3)", ("player0", "player1", "player2"))
    # The winner of three takes what two others bet.
    assert (game.bounds, game.zero_sum) == ((-2.0, 4.0), True)
    assert game.rules == "Kuhn Poker, as OpenSpiel plays it."


@pytest.mark.parametrize("name", ["matrix_pd", "first_sealed_auction", "lewis_signaling", "yacht(players=1)"])
def test_general_and_common_sums_and_solo_games_are_not_zero_sum(name: str) -> None:
    assert not load(name).zero_sum


def test_the_forfeit_score_is_within_bounds_that_leave_out_nought() -> None:
    game = load("cliff_walking")
    assert (game.bounds, game.forfeit) == ((-199.0, -9.0), -9.0)
    assert load("matrix_pd").forfeit == 0


def test_the_version_follows_the_name_and_its_parameters() -> None:
    assert load("kuhn_poker").version == load("kuhn_poker").version
    assert load("kuhn_poker").version != load("kuhn_poker(players=3)").version


def test_an_unknown_game_names_the_nearest() -> None:
    with pytest.raises(UnknownGame, match="no game 'kuhn_pokr'; did you mean kuhn_poker"):
        load("kuhn_pokr")


def test_wrong_parameters_are_one_line_without_open_spiels_source(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot load 'kuhn_poker\(cards=3\)': Unknown parameter 'cards'. Available parameters are: players"
    ):
        load("kuhn_poker(cards=3)")
    with pytest.raises(ConfigError, match=r"': num_players_ <= kGameType.max_num_players; num_players_ = 30") as refusal:
        load("kuhn_poker(players=30)")
    assert "\n" not in str(refusal.value)
    assert ".cc" not in str(refusal.value)
    assert capfd.readouterr().err == ""


def test_what_cannot_be_played_is_refused_with_the_reason() -> None:
    for name, reason in {
        "mfg_garnet": "a mean-field game is played by a crowd",
        "crossword": "uses action structs only",
        "misere(game=tarok())": "draws chance inside itself",
    }.items():
        with pytest.raises(ConfigError, match=reason):
            load(name)


def test_all_but_five_of_the_games_that_load_by_name_are_taken() -> None:
    refused = set()
    for name in playable_names():
        try:
            load(name)
        except ConfigError:
            refused.add(name)
    assert refused == REFUSED


def test_a_missing_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    with pytest.raises(ConfigError, match=r"pip install 'socratic-loop\[openspiel\]'"):
        load("kuhn_poker")


def test_a_seat_of_a_hidden_game_is_shown_its_own_information_state_and_no_more() -> None:
    match = LiveMatch(load("kuhn_poker"), {}, Seed(0))
    cards = [draw.options[draw.chosen] for draw in match.chance]
    match.submit({0: "Bet"})
    first, second = ([(line.speaker, line.text) for line in match.view(seat)] for seat in (0, 1))
    assert first == [("game", "Kuhn Poker. You are player0."), ("game", f"Choose: Pass, Bet.\n{cards[0]}"), (SELF, "Bet")]
    assert second == [("game", "Kuhn Poker. You are player1."), ("game", f"Choose: Pass, Bet.\n{cards[1]}b")]


def test_where_nothing_is_hidden_each_move_and_draw_is_told() -> None:
    match = LiveMatch(load("pig"), {}, Seed(0))
    match.submit({0: "roll"})
    rolled = match.view(1)[-1].text
    assert rolled.startswith("Chance: Roll")
    match.submit({0: "stop"})
    assert [line.text for line in match.view(1)][1:4] == ["player0: roll", rolled, "player0: stop"]
    assert "player0: roll" not in [line.text for line in match.view(0)]


def test_without_information_states_each_new_observation_is_shown_to_all() -> None:
    match = LiveMatch(load("dark_chess"), {}, Seed(0))
    spiel = pyspiel.load_game("dark_chess").new_initial_state()
    # White, who begins, is OpenSpiel's player 1.
    spiel.apply_action(named_moves(spiel, 1)["e4"])
    match.submit({1: "e4"})
    assert match.view(1)[-1].text == spiel.observation_string(1)
    assert match.view(0)[-1].text.endswith("\n" + spiel.observation_string(0))


def test_a_long_text_that_goes_on_is_shown_from_there() -> None:
    match = played(load("kriegspiel"), {}, 3, max_turns=200)
    prompts = [line.text.partition("\n")[2] for line in match.view(0) if line.text.startswith("Choose")]
    shown = ""
    for text in prompts:
        shown = shown + text.removeprefix("... ") if text.startswith("... ") else text
    assert any(text.startswith("... ") for text in prompts)
    assert max(map(len, prompts)) < 500 < len(shown)


def test_a_simultaneous_move_is_asked_of_all_at_once_and_shows_the_payoffs() -> None:
    match = LiveMatch(load("matrix_pd"), {}, Seed(0))
    requests = match.requests()
    assert [request.seat for request in requests] == [0, 1]
    assert all("5,5 0,10 \n10,0 1,1" in request.prompt for request in requests)
    match.submit({0: "Defect", 1: "Cooperate"})
    assert match.scores == (10, 0)


@pytest.mark.parametrize("name", ["leduc_poker", "goofspiel(num_cards=4)", "liars_dice", "first_sealed_auction", "2048"])
def test_a_match_is_one_of_open_spiels_own(name: str) -> None:
    match = played(load(name), {}, 1)
    state = pyspiel.load_game(name).new_initial_state()
    history = match.truths["history"]
    assert isinstance(history, list)
    while history:
        if state.is_simultaneous_node():
            state.apply_actions([history.pop(0) for _ in match.game.seats])
        else:
            state.apply_action(history.pop(0))
    assert state.is_terminal()
    assert tuple(state.returns()) == match.scores


def test_a_game_that_draws_inside_itself_is_seeded_by_the_table() -> None:
    game = load("tarok")
    digests = [played(game, {}, seed).digest() for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    hands = {LiveMatch(game, {}, Seed(seed)).requests()[0].prompt for seed in range(5)}
    assert len(hands) == 5


@pytest.mark.parametrize(
    "name", ["kuhn_poker", "goofspiel(num_cards=3)", "matrix_pd", "tarok", "deep_sea(size=3)", "coop_box_pushing(horizon=3)"]
)
def test_games_of_every_kind_keep_the_contract(name: str) -> None:
    report = check_game(load(name), seeds=(0, 1, 2))
    assert report.passed, report.findings


def test_no_information_is_lost_or_hidden_where_open_spiel_hides_none() -> None:
    assert enumerate_tree(load("nim(pile_sizes=1;2;2)")).is_perfect_information
    assert not enumerate_tree(load("kuhn_poker")).is_perfect_information


@pytest.mark.parametrize(
    "name",
    [
        "breakthrough(rows=4,columns=2)",
        "clobber(rows=2,columns=4)",
        "connect_four(rows=3,columns=3,x_in_row=3)",
        "hex(board_size=3)",
        "hex(board_size=3,swap=True)",
        "mnk(m=3,n=2,k=2)",
        "nim(pile_sizes=1;2;3)",
        "tic_tac_toe",
    ],
)
def test_positions_that_print_alike_go_on_alike(name: str) -> None:
    # What a position allows and where each move leads, by how it prints: if that is one thing for each, equal prints are equal.
    assert name.partition("(")[0] in PRINT_ALL
    found: dict[object, object] = {}
    tried = set()
    left = [pyspiel.load_game(name).new_initial_state()]
    while left:
        state = left.pop()
        children = [(action, state.child(action)) for action in state.legal_actions()]
        goes_on = (tuple((action, _key(child)) for action, child in children), tuple(state.returns()) if state.is_terminal() else None)
        assert found.setdefault(_key(state), goes_on) == goes_on
        # Each print is left by several of the ways that lead to it, or the check would only ever see one of them.
        for action, child in children:
            way = (_key(state), action)
            if way not in tried:
                tried.add(way)
                left.append(child)
    assert len(found) > 5


def test_merged_positions_give_the_same_value() -> None:
    game = load("nim(pile_sizes=1;2;3)")
    assert enumerate_tree(game, merge=True).solve()[1] == enumerate_tree(game).solve()[1]
    assert enumerate_tree(game, merge=True).num_leaves < enumerate_tree(game).num_leaves


def test_moves_that_read_alike_or_say_nothing_are_told_apart() -> None:
    assert named_moves(_Worded(["go", "go", "", " a\n b "]), 0) == {"go (action 0)": 0, "go (action 1)": 1, "(action 2)": 2, "a b": 3}
    # Even where a move reads as another is told apart.
    assert named_moves(_Worded(["go", "go", "go (action 1)"]), 0) == {"action 0": 0, "action 1": 1, "action 2": 2}


def test_more_moves_than_can_be_listed_are_taken_by_words_or_by_number() -> None:
    game = load("blotto(coins=450)")
    match = LiveMatch(game, {}, Seed(0), retries=9)
    assert all(request.legal is None and "101926 moves (or its number, #1 to #101926)" in request.prompt for request in match.requests())
    assert match.submit({0: "#101927", 1: "#0"}) == {0, 1}
    assert match.submit({0: "[0,0,451]", 1: "#" + "9" * 5000}) == {0, 1}
    assert match.submit({0: "[450,0,0]", 1: "#1"}) == frozenset()
    # Each holds one of the three fields, and the third is a draw.
    assert list(match.scores or ()) == [0, 0]
    assert played(game, {}, 1).ending == "finished"


def _key(state: SpielState) -> object:
    return (state.current_player(), str(state))


class _Worded:
    """A position whose moves have these words."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    def legal_actions(self, player: int) -> list[int]:
        del player
        return list(range(len(self._words)))

    def action_to_string(self, player: int, action: int) -> str:
        del player
        return self._words[action]
