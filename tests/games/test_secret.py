"""Secret against Shannon's one-time pad."""

from itertools import product

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import Strategy, Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.secret import KEYS, SYMBOLS, WORDS, secret


def test_no_word_has_two_meanings() -> None:
    assert len({*KEYS, *WORDS, *SYMBOLS}) == 24


@pytest.mark.parametrize(("params", "chance"), [({}, 1 / 2), ({"words": 3}, 1 / 3), ({"words": 3, "keys": 2}, 1 / 2)])
def test_a_cipher_reaches_the_declared_optimum_and_leaves_the_eavesdropper_its_chance(params: Params, chance: float) -> None:
    tree = enumerate_tree(secret, params)
    cipher = _cipher(tree, with_key=True)
    overheard, reply = tree.best_response(cipher, 2)
    assert overheard == pytest.approx(chance)
    assert tree.values(reply) == pytest.approx((1 - chance, 1 - chance, chance))
    assert secret.best_score(params) == pytest.approx(1 - chance)


def test_without_the_key_all_is_overheard() -> None:
    tree = enumerate_tree(secret, {"words": 3})
    plain = _cipher(tree, with_key=False)
    assert tree.values(tree.best_response(plain, 2)[1]) == pytest.approx((0, 0, 1))


def test_no_pair_of_plain_strategies_beats_the_pad() -> None:
    tree = enumerate_tree(secret)
    strategy = tree.uniform()
    team = [state.index for state in tree.information_states if state.seat != 2]
    best = -1.0
    for moves in product((0, 1), repeat=len(team)):
        for state, move in zip(team, moves, strict=True):
            strategy[state] = np.eye(2)[move]
        best = max(best, tree.values(tree.best_response(strategy, 2)[1])[0])
    assert len(team) == 8
    assert best == pytest.approx(0.5)


@pytest.mark.parametrize("words", [2, 3])
def test_random_play_hears_as_much_on_either_side(words: int) -> None:
    tree = enumerate_tree(secret, {"words": words})
    assert tree.num_leaves == words**5
    assert tree.values(tree.uniform()) == pytest.approx((0, 0, 1 / words))


@pytest.mark.parametrize(
    ("is_received", "is_overheard", "scores"),
    [(True, False, (1, 1, 0)), (True, True, (0, 0, 1)), (False, True, (-1, -1, 1)), (False, False, (0, 0, 0))],
)
def test_the_team_is_paid_for_what_only_it_understands(is_received: bool, is_overheard: bool, scores: tuple[float, ...]) -> None:
    match = LiveMatch(secret, {}, Seed(3))
    word = str(match.truths["word"])
    other = next(listed for listed in WORDS[:2] if listed != word)
    match.submit({0: "ka"})
    assert [request.seat for request in match.requests()] == [1, 2]
    match.submit({1: word if is_received else other, 2: word if is_overheard else other})
    assert match.scores == scores
    assert match.probes == {"received": float(is_received), "overheard": float(is_overheard)}


def test_who_forfeits_gets_less_than_any_listener() -> None:
    assert [secret.bounds] == [(-1, 1)]
    match = LiveMatch(secret, {}, Seed(3))
    match.submit({0: "hello"})
    assert match.scores == (-1, 0, 0)


def test_the_private_words_come_last_and_the_eavesdropper_has_none() -> None:
    match = LiveMatch(secret, {"words": 4, "keys": 3}, Seed(1))
    key, word = match.truths["key"], match.truths["word"]
    assert match.view(0)[0].text == "Words: cup sun fish tree. Symbols: ka mo ti zu. Keys: red blue green, unknown to the eavesdropper."
    assert match.requests()[0].prompt == f"Symbol for {key} {word}"
    match.submit({0: "zu"})
    assert [request.prompt for request in match.requests()] == [f"Word for {key} zu", "Word for zu"]
    assert [request.legal for request in match.requests()] == [WORDS[:4], WORDS[:4]]


def test_every_level_is_a_game() -> None:
    assert [secret.best_score(level) for level in secret.levels] == pytest.approx([1 / 2, 1 / 2, 2 / 3, 2 / 3, 7 / 8])
    for level in secret.levels:
        assert LiveMatch(secret, level, Seed(0)).requests()


@pytest.mark.parametrize("params", [{"words": 1}, {"words": 9}, {"words": 3, "keys": 1}, {"words": 3, "keys": 4}, {"keys": -1}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="secret: .*expected 2 to 8 words"):
        LiveMatch(secret, params, Seed(0))
    with pytest.raises(ConfigError, match="secret"):
        secret.best_score(params)


def test_joined_words_are_the_same_game_with_one_word_for_two() -> None:
    for seed in range(8):
        apart, joined = (LiveMatch(secret, {"joined": is_joined}, Seed(seed)) for is_joined in (False, True))
        assert apart.truths == joined.truths
        prompts = [match.requests()[0].prompt for match in (apart, joined)]
        *before, key, word = prompts[0].split()
        assert prompts[1] == " ".join([*before, key + word])
        for match in (apart, joined):
            match.submit({0: "ka"})
        assert [request.prompt for request in joined.requests()] == [f"Word for {key}ka", "Word for ka"]
        for match in (apart, joined):
            match.submit({1: word, 2: "cup"})
        assert apart.scores == joined.scores


@pytest.mark.parametrize("level", [0, 1])
def test_it_keeps_the_contract(level: int) -> None:
    report = check_game(secret, secret.level(level))
    assert report.passed, report.findings


def _cipher(tree: Tree, *, with_key: bool) -> Strategy:
    """Return the strategy that shifts the word by the key and back; the eavesdropper guesses at random."""
    strategy = tree.uniform()
    for state in tree.information_states:
        *_, key, last = state.view[-1].text.split()
        shift = KEYS.index(key) if with_key and state.seat < 2 else 0
        if state.seat == 0:
            at = WORDS.index(last) + shift
        elif state.seat == 1:
            at = SYMBOLS.index(last) - shift
        else:
            continue
        strategy[state.index] = np.eye(len(state.legal))[at % len(state.legal)]
    return strategy
