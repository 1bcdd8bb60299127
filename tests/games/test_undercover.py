"""Undercover: who is caught by which votes, what clues give away, and for how many seats."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import Game, LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.undercover import CLUES, NAMES, TRAITS, undercover, undercover_5, undercover_6

GAMES = (undercover, undercover_5, undercover_6)
SIZES = (4, 5, 6)


def _match(spy: str, params: Params, game: Game = undercover) -> LiveMatch:
    """Return a match in which this player has the other word."""
    matches = (LiveMatch(game, params, Seed(seed)) for seed in range(1000))
    return next(match for match in matches if match.truths["spy"] == spy)


def _vote(match: LiveMatch, votes: Sequence[str]) -> LiveMatch:
    """Give the first clue of all, then these votes."""
    match.submit({request.seat: (request.legal or CLUES)[0] for request in match.requests()})
    match.submit(dict(enumerate(votes)))
    return match


def test_each_of_the_first_words_has_its_own_clue() -> None:
    assert [CLUES.index(traits[0]) for traits in TRAITS.values()] == list(range(len(TRAITS)))
    assert len(set(CLUES)) == len(CLUES)
    assert {trait for traits in TRAITS.values() for trait in traits} == set(CLUES)
    assert not set(CLUES) & {*TRAITS, *NAMES}


@pytest.mark.parametrize(("game", "size"), list(zip(GAMES, SIZES, strict=True)))
def test_seats_name_and_optimum_go_by_the_number_of_players(game: Game, size: int) -> None:
    assert game.seats == NAMES[:size]
    assert game.name == {4: "undercover", 5: "undercover_5", 6: "undercover_6"}[size]
    # All but one win: (size - 1) - 1 points for size seats.
    assert game.best_score() == pytest.approx((size - 2) / size)
    assert game.best_score({"together": False}) is None
    match = LiveMatch(game, {}, Seed(0))
    assert [request.seat for request in match.requests()] == list(range(size))
    assert {LiveMatch(game, {}, Seed(seed)).truths["spy"] for seed in range(60)} == set(NAMES[:size])


def test_true_clues_catch_the_odd_one_and_nobody_gains_by_another_way() -> None:
    tree = enumerate_tree(undercover)
    assert tree.num_leaves == 2 * 4 * 2**4 * 3**4
    rows = []
    for state in tree.information_states:
        texts = [line.text for line in state.view]
        if texts[-1].startswith("Clue"):
            wanted = TRAITS[texts[-1].split()[-1]][0]
        else:
            wanted = _suspect(texts[-2].split(), texts[-3], state.seat)
        rows.append(np.eye(len(state.legal))[state.legal.index(wanted)])
    assert tree.values(rows) == pytest.approx((0.5,) * 4)
    assert tree.nash_conv(rows) == pytest.approx(0)


def _suspect(clues: list[str], own: str, seat: int) -> str:
    """Return the one whose clue stands alone; where none does, somebody by a rule that makes no lie pay."""
    given = dict(zip(clues[::2], clues[1::2], strict=True))
    count = Counter(given.values())
    others = [name for name in given if name != NAMES[seat]]
    alone = [name for name in others if count[given[name]] == 1]
    return alone[0] if alone else next((name for name in others if given[name] == own), others[0])


@pytest.mark.parametrize(
    ("votes", "is_caught"),
    [
        (("bob", "ann", "bob", "bob"), True),
        (("bob", "ann", "bob", "ann"), False),
        (("bob", "cid", "dan", "cid"), False),
        (("bob", "cid", "bob", "ann"), True),
        (("bob", "cid", "dan", "ann"), False),
        (("cid", "cid", "ann", "cid"), False),
        (("bob", "cid", "ann", "bob"), True),
    ],
)
def test_the_odd_one_is_caught_where_it_alone_has_the_most_votes(votes: tuple[str, ...], is_caught: bool) -> None:
    match = _vote(_match("bob", {}), votes)
    assert match.scores == pytest.approx((1, -1, 1, 1) if is_caught else (-1, 1, -1, -1))
    assert match.probes["caught"] == is_caught


def test_five_and_six_play_by_the_same_rule() -> None:
    match = _vote(_match("eve", {}, undercover_5), ("eve", "eve", "bob", "bob", "cid"))
    assert match.scores == pytest.approx((-1, -1, -1, -1, 1))
    match = _vote(_match("fay", {}, undercover_6), ("fay", "fay", "fay", "bob", "bob", "cid"))
    assert match.scores == pytest.approx((1, 1, 1, 1, 1, -1))


def test_all_but_one_have_the_same_word_and_the_clues_come_at_once() -> None:
    match = _match("cid", {"words": 4, "clues": 8})
    held = [request.prompt.removeprefix("Clue for ") for request in match.requests()]
    assert held == [match.truths["odd"] if seat == 2 else match.truths["common"] for seat in range(4)]
    assert match.truths["odd"] != match.truths["common"]
    assert [request.legal for request in match.requests()] == [CLUES[:8]] * 4
    assert {(secret.text, secret.keep_from) for secret in match.secrets} == {
        (f"Clue for {match.truths['common']}", (2,)),
        (f"Clue for {match.truths['odd']}", (0, 1, 3)),
    }


def test_clues_may_be_lies_and_their_truth_is_counted() -> None:
    match = _match("ann", {})
    truths = {seat: TRAITS[request.prompt.split()[-1]][0] for seat, request in enumerate(match.requests())}
    lie = {"purr": "bark", "bark": "purr"}[truths[3]]
    match.submit({**truths, 3: lie})
    match.submit({0: "bob", 1: "ann", 2: "ann", 3: "ann"})
    assert match.probes["true_clues"] == 0.75


def test_in_turn_each_hears_the_clues_before() -> None:
    match = _match("bob", {"words": 4, "clues": 6, "rounds": 2, "together": False})
    order = []
    while len(match.requests()) == 1:
        (request,) = match.requests()
        order.append(request.seat)
        assert request.prompt == f"Clue for {match.truths['odd' if request.seat == 1 else 'common']}"
        assert [line.text for line in request.view if line.text.endswith(" swim")] == [f"{NAMES[seat]} swim" for seat in order[:-1]]
        match.submit({request.seat: "swim"})
    assert order == [0, 1, 2, 3] * 2
    assert [request.prompt for request in match.requests()] == ["Odd one"] * 4


def test_a_free_clue_is_one_word_and_not_the_own() -> None:
    seed = _match("bob", {"words": 8, "clues": 14, "free": True}).seed
    match = LiveMatch(undercover, {"words": 8, "clues": 14, "free": True}, seed, retries=2)
    own = str(match.truths["common"])
    clues = {0: f"{own}s", 1: own, 2: "x", 3: "lie"}
    assert match.submit({**clues, 0: own}) == {0}
    assert match.submit({0: "Two words"}) == {0}
    match.submit({0: clues[0]})
    assert match.view(3)[-2].text == f"ann {own}s bob {own} cid x dan lie"
    assert [request.seat for request in match.requests()] == [0, 1, 2, 3]


def test_rounds_give_more_clues() -> None:
    match = _match("bob", {"rounds": 3})
    for _ in range(3):
        assert match.requests()[0].prompt.startswith("Clue for")
        match.submit(dict.fromkeys(range(4), "purr"))
    assert match.requests()[0].prompt == "Odd one"
    match.submit({0: "bob", 1: "ann", 2: "bob", 3: "bob"})
    assert match.probes["true_clues"] == {"cat": 0.75, "dog": 0.25}[str(match.truths["common"])]


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = _match("bob", {})
    match.submit({0: "purr", 1: "bark", 2: "purr", 3: "purr"})
    assert [line.text for line in match.view(0)] == [
        "One of 4 has another word. Give clues, then vote for the odd one.",
        "You are ann.",
        f"Clue for {match.truths['common']}",
        "purr",
        "ann purr bob bark cid purr dan purr",
        "Odd one",
    ]
    assert match.requests()[2].legal == ("ann", "bob", "dan")


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("level", range(4))
def test_each_seat_is_told_its_own_name_and_no_other(game: Game, level: int) -> None:
    match = LiveMatch(game, game.level(level), Seed(1))
    for seat, name in enumerate(game.seats):
        assert [line.text for line in match.view(seat) if line.text.startswith("You are")] == [f"You are {name}."]


@pytest.mark.parametrize(
    "params", [{"words": 1}, {"words": 9, "clues": 14}, {"words": 4, "clues": 3}, {"clues": 15}, {"rounds": 0}, {"rounds": 11}]
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="undercover: .*expected"):
        LiveMatch(undercover, params, Seed(0))
    with pytest.raises(ConfigError, match="undercover: .*expected"):
        undercover.best_score(params)


@pytest.mark.parametrize(("game", "level"), [(undercover, 0), (undercover, 3), (undercover_5, 2), (undercover_6, 0)])
def test_it_keeps_the_contract(game: Game, level: int) -> None:
    report = check_game(game, game.level(level))
    assert report.passed, report.findings
