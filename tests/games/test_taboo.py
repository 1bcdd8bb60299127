"""Taboo: the best code of a described thing, and the attacker's value."""

from itertools import product

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import Game, LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.taboo import GUESS, PAIRS, THINGS, taboo, taboo_adversarial

FREE: Params = {"free": True, "clues": 2}
WORDS = {word: (pair, at) for pair in PAIRS for at, word in enumerate(pair)}


def test_no_word_has_two_meanings() -> None:
    assert len({*THINGS, *WORDS, GUESS}) == 8 + 14 + 1
    # A forbidden word counts within a longer one, so none may lie within another.
    assert not [(word, other) for word in (*THINGS, *WORDS) for other in (*THINGS, *WORDS) if word != other and word in other]


@pytest.mark.parametrize(
    ("params", "known"),
    [
        # By hand: six words for four things, so two things own two words and lose neither, two own one that is forbidden in 1 of 3.
        ({}, 5 / 6),
        ({"forbidden": 0}, 1.0),
        # Two things own two words, of which the two forbidden are both in 1 of 3, two own one that is forbidden in 2 of 3.
        ({"forbidden": 2}, 1 / 2),
        # Each thing owns one of four words.
        ({"attributes": 2, "forbidden": 0}, 1.0),
        ({"attributes": 2, "forbidden": 1}, 1 / 2),
    ],
)
def test_with_one_clue_the_best_code_scores_as_declared(params: Params, known: float) -> None:
    tree = enumerate_tree(taboo, params)
    heard = [state for state in tree.information_states if state.seat == 1]
    strategy = tree.uniform()
    best = 0.0
    # Every way to take each word for one of the two things that it is true of.
    table = _table(params)
    readings = [[thing for thing, words in table.items() if state.view[-1].text.split()[-1] in words] for state in heard]
    assert {len(reading) for reading in readings} == {2}
    for things in product(*readings):
        for state, thing in zip(heard, things, strict=True):
            strategy[state.index] = np.eye(4)[state.legal.index(thing)]
        best = max(best, tree.best_response(strategy, 0)[0])
    assert best == pytest.approx(known)
    assert taboo.best_score(params) == pytest.approx(known)


def test_more_things_than_words_leave_some_unfound() -> None:
    # Eight words, one for each of eight things: lost where it is the one forbidden of four; ten for eight: two own two.
    assert taboo.best_score({"things": 8, "attributes": 4}) == pytest.approx(3 / 4)
    assert taboo.best_score({"things": 8, "attributes": 5}) == pytest.approx((2 + 6 * 4 / 5) / 8)
    assert taboo.best_score({"clues": 2}) is None
    assert taboo.best_score({"free": True}) is None


def test_scores_lie_between_0_and_1_and_without_a_partner_are_0() -> None:
    assert [game.bounds for game in (taboo, taboo_adversarial)] == [(0, 1), (-1, 1)]
    match = LiveMatch(taboo, {}, Seed(0))
    assert match.view(1)[0].text.startswith("Find the thing by 1 word: cup red big round, key blue big flat, ")
    match.submit({0: "hello"})
    assert match.scores == (0, 0)


def test_random_play_is_at_chance() -> None:
    tree = enumerate_tree(taboo)
    assert (tree.num_leaves, len(tree.information_states)) == (96, 18)
    assert tree.values(tree.uniform()) == pytest.approx((1 / 4, 1 / 4))
    # Two guesses: 1/4 + 3/4 * 1/3 * 1/2.
    assert enumerate_tree(taboo, {"clues": 2}).values(enumerate_tree(taboo, {"clues": 2}).uniform()) == pytest.approx((3 / 8, 3 / 8))


@pytest.mark.parametrize("level", range(4))
def test_the_table_tells_all_things_apart_and_each_word_is_true_of_half(level: int) -> None:
    table = _table(taboo.level(level))
    assert len({tuple(words) for words in table.values()}) == len(table)
    for word in {word for words in table.values() for word in words}:
        assert sum(word in words for words in table.values()) == len(table) / 2
    for words in table.values():
        assert [WORDS[word][0] for word in words] == list(PAIRS[: len(words)])


@pytest.mark.parametrize("seed", range(4))
def test_clues_are_true_and_not_forbidden_and_not_said_before(seed: int) -> None:
    match = LiveMatch(taboo, {"clues": 2}, Seed(seed))
    forbidden, thing = _hidden(match)
    assert match.view(0)[0].text.startswith("Find the thing by 2 words: cup ")
    assert [line.text for line in match.view(0)[1:]] == [f"Forbidden: {forbidden}.", f"Clue for {thing}"]
    allowed = tuple(word for word in _table({})[thing] if word != forbidden)
    assert match.requests()[0].legal == allowed
    match.submit({0: allowed[1]})
    (request,) = match.requests()
    assert [line.text for line in request.view] == [match.view(0)[0].text, f"Thing for {allowed[1]}"]
    assert request.legal == THINGS[:4]
    wrong = next(name for name in THINGS if name != thing)
    match.submit({1: wrong})
    (request,) = match.requests()
    assert [line.text for line in request.view[-2:]] == [f"Not {wrong}.", f"Clue for {thing}"]
    assert request.legal == allowed[:1]
    match.submit({0: allowed[0]})
    assert match.requests()[0].legal == tuple(name for name in THINGS[:4] if name != wrong)


@pytest.mark.parametrize(("num_wrong", "score"), [(0, 1.0), (1, 1 / 2), (2, 1 / 3), (3, 0.0)])
def test_found_late_is_worth_less(num_wrong: int, score: float) -> None:
    match = LiveMatch(taboo, {"things": 8, "attributes": 5, "forbidden": 2, "clues": 3}, Seed(5))
    thing = str(match.truths["thing"])
    for _ in range(num_wrong):
        match.submit({0: (match.requests()[0].legal or ())[0]})
        match.submit({1: next(name for name in match.requests()[0].legal or () if name != thing)})
    if num_wrong < 3:
        match.submit({0: (match.requests()[0].legal or ())[0]})
        match.submit({1: thing})
    assert match.scores == (score, score)


def test_a_free_clue_that_holds_a_forbidden_word_or_the_name_ends_it() -> None:
    start = LiveMatch(taboo, FREE, Seed(1))
    forbidden, thing = _hidden(start)
    assert start.view(0)[1].text == f"Forbidden: {forbidden} {thing}."
    for clue in (forbidden, f"un{forbidden}ly".upper(), thing, f"{thing}s"):
        match = start.fork()
        assert not match.submit({0: clue})
        assert match.scores == (0, 0)
    match = start.fork()
    match.submit({0: "Mars"})
    match.submit({1: next(name for name in THINGS if name != thing)})
    match.submit({0: forbidden})
    assert match.scores == pytest.approx((0, 0))
    match = start.fork()
    assert match.submit({0: "two words"}) == {0}
    match = start.fork()
    match.submit({0: "Mars"})
    assert match.requests()[0].prompt == "Thing for Mars"
    match.submit({1: thing})
    assert match.scores == (1, 1)


@pytest.mark.parametrize(
    ("words", "known"),
    # 1 - 2 * (m - 1)!! / m!! with m = words - 1, by hand.
    [(2, -1), (3, 1 - 2 / 2), (4, 1 - 2 * 2 / 3), (5, 1 - 2 * 3 / 8), (6, 1 - 2 * 8 / 15)],
)
def test_the_attackers_value_is_the_declared_one(words: int, known: float) -> None:
    assert taboo_adversarial.best_score({"words": words}) == pytest.approx(known)
    if words < 6:
        pytest.importorskip("scipy")
        assert enumerate_tree(taboo_adversarial, {"words": words}).solve()[1] == pytest.approx(known)


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        ("W", (-1, 1)),  # the attacker says its word
        ("a W", (1, -1)),  # the defender says it
        ("a b W", (-1, 1)),
        ("a guess W", (-1, 1)),
        ("a guess b", (1, -1)),
        ("a b c guess W", (-1, 1)),
        ("a b c W", (1, -1)),
    ],
)
def test_who_says_the_word_loses_and_a_guess_decides(said: str, scores: tuple[float, float]) -> None:
    match = LiveMatch(taboo_adversarial, {}, Seed(4))
    words = _meant(match)
    # In turn, but that who wants to guess is asked again.
    for seat, move in zip((0, 1, 1) if said.startswith("a guess") else (0, 1, 0, 1, 1), said.split(), strict=False):
        assert not match.done
        match.submit({seat: words.get(move, move)})
    assert match.scores == scores


def test_a_word_is_said_once_and_the_secret_ends_the_attackers_prompt() -> None:
    match = LiveMatch(taboo_adversarial, {}, Seed(4))
    words = _meant(match)
    (request,) = match.requests()
    assert (request.prompt, request.legal) == (f"Say, not {words['W']}", THINGS[:4])
    assert match.view(1)[0].text == (
        "In turn say a new word of cup key sun fish. Who says the attacker's word loses; the defender may guess it."
    )
    match.submit({0: words["a"]})
    (request,) = match.requests()
    left = tuple(word for word in THINGS[:4] if word != words["a"])
    assert (request.prompt, request.legal) == (f"After {words['a']}", (*left, GUESS))
    match.submit({1: words["b"]})
    (request,) = match.requests()
    assert request.prompt == f"After {words['b']}, not {words['W']}"
    assert request.legal == tuple(word for word in left if word != words["b"])


@pytest.mark.parametrize(
    ("said", "scores"),
    [
        (["My WORD!"], (-1, 1)),
        (["the WORDs are", "aWORD", "WORDling", "x"], (0, 0)),
        (["WORD-like"], (-1, 1)),
        (["Word's"], (-1, 1)),
        (["hello", "word's"], (1, -1)),
        (["hello", "It is Word."], (1, -1)),
        (["hello", "guess WORD"], (-1, 1)),
        (["hello", "Guess: word!"], (-1, 1)),
        (["hello", "guess other"], (1, -1)),
        (["hello", "I guess not", "WORD"], (-1, 1)),
        (["hello", "aWORDs", "you", ""], (0, 0)),
        (["hello", "guess", "you", "guess a WORD"], (-1, 1)),
        (["hello", "Guess the WORD."], (-1, 1)),
        (["hello", "I guess WORD"], (-1, 1)),
        (["hello", "i guess an WORD!"], (-1, 1)),
        (["hello", "I guess the other"], (1, -1)),
        (["hello", "guess WORDs"], (1, -1)),
        (["hello", "I guess so", "you", "Guess the?"], (0, 0)),
        (["hello", "guess not", "you", "we guess other"], (0, 0)),
        (["hello", "guess it is WORD"], (1, -1)),
        (["hello", "we guess WORD"], (1, -1)),
    ],
)
def test_in_talk_exact_words_decide(said: list[str], scores: tuple[float, float]) -> None:
    match = LiveMatch(taboo_adversarial, {"talk": True, "rounds": 2}, Seed(2))
    word = str(match.truths["word"])
    for turn, text in enumerate(said):
        assert not match.done
        assert match.requests()[0].legal is None
        match.submit({turn % 2: text.replace("WORD", word.upper()).replace("Word", word.title()).replace("word", word)})
    assert match.scores == scores


def test_in_talk_each_hears_the_other() -> None:
    match = LiveMatch(taboo_adversarial, {"talk": True}, Seed(2))
    match.submit({0: "hello"})
    assert [line.text for line in match.view(1)[-2:]] == ["They said: hello", "You:"]
    match.submit({1: "good\u2028They said:\tday"})
    assert [line.text for line in match.view(0)[-2:]] == ["They said: good They said: day", "You:"]
    # How the word is told, and what counts as saying and as guessing it.
    assert match.view(0)[0].text.endswith(f"without saying it; whole words count: {match.truths['word']}.")
    assert match.view(1)[0].text.endswith("a word (whole words count). Talk 4 times without, or guess it once: 'guess WORD'.")
    assert str(match.truths["word"]) not in " ".join(line.text for line in match.view(1))


@pytest.mark.parametrize(
    ("game", "params"),
    [
        *[(taboo, {"things": things}) for things in (0, 5, 16)],
        *[(taboo, {"things": 4, "attributes": attributes, "forbidden": 0}) for attributes in (1, 4)],
        *[(taboo, {"things": 8, "attributes": attributes}) for attributes in (3, 8)],
        *[(taboo, params) for params in ({"forbidden": -1}, {"forbidden": 3}, {"clues": 0}, {"clues": 3})],
        *[(taboo_adversarial, params) for params in ({"words": 1}, {"words": 9}, {"rounds": 0}, {"rounds": 101})],
    ],
)
def test_parameters_that_make_no_game_are_refused(game: Game, params: Params) -> None:
    with pytest.raises(ConfigError, match=f"{game.name}: .*expected"):
        LiveMatch(game, params, Seed(0))
    with pytest.raises(ConfigError, match=game.name):
        game.best_score(params)


@pytest.mark.parametrize(
    ("game", "level"), [(taboo, 0), (taboo, 1), (taboo, 3), (taboo_adversarial, 0), (taboo_adversarial, 1), (taboo_adversarial, 3)]
)
def test_they_keep_the_contract(game: Game, level: int) -> None:
    report = check_game(game, game.level(level))
    assert report.passed, report.findings


@pytest.mark.parametrize("level", range(4))
def test_what_the_describer_and_the_attacker_are_told_is_kept_from_the_other(level: int) -> None:
    match = LiveMatch(taboo, taboo.level(level), Seed(1))
    own = [line.text for line in match.view(0)[1:]]
    assert sorted(own) == sorted(secret.text for secret in match.secrets)
    match = LiveMatch(taboo_adversarial, taboo_adversarial.level(level), Seed(1))
    assert match.view(0)[-1 if level < 3 else 0].text.rstrip(".").endswith(match.secrets[0].text)
    assert match.secrets[0].text.endswith(f" {match.truths['word']}")
    assert [secret.keep_from for secret in match.secrets] == [(1,)]


@pytest.mark.parametrize(("params", "num_hidden"), [({}, 2), ({"clues": 2}, 0), ({"free": True}, 0)])
def test_draws_are_hidden_from_a_guesser_who_is_asked_once_whatever_they_are(params: Params, num_hidden: int) -> None:
    assert len(LiveMatch(taboo, params, Seed(1)).hidden_draws) == num_hidden


def _hidden(match: LiveMatch) -> tuple[str, str]:
    """Return the one forbidden word, and the thing."""
    forbidden, thing = match.truths["forbidden"], match.truths["thing"]
    assert isinstance(forbidden, list)
    assert isinstance(thing, str)
    assert len(forbidden) == 1
    return str(forbidden[0]), thing


def _table(params: Params) -> dict[str, list[str]]:
    """Return the words that are true of each thing, as all are told."""
    told = LiveMatch(taboo, params, Seed(0)).view(1)[0].text
    rows = [row.split() for row in told.split(": ")[1].rstrip(".").split(", ")]
    return {row[0]: row[1:] for row in rows}


def _meant(match: LiveMatch) -> dict[str, str]:
    """Return the attacker's word as W, and the others as a, b and c."""
    word = str(match.truths["word"])
    return {"W": word, **dict(zip("abc", [other for other in THINGS[:4] if other != word], strict=True))}


def test_every_word_of_the_list_may_be_the_attacker_s_and_the_defender_is_told_what_to_do() -> None:
    for words in (3, 4):
        matches = [LiveMatch(taboo_adversarial, {"words": words}, Seed(seed)) for seed in range(60)]
        assert {match.truths["word"] for match in matches} == set(THINGS[:words])
    talking = LiveMatch(taboo_adversarial, taboo_adversarial.level(3), Seed(0))
    assert "wants you to say a word" in talking.view(1)[0].text
    assert "within" in talking.view(0)[0].text
    assert {LiveMatch(taboo, {}, Seed(seed)).truths["thing"] for seed in range(60)} == set(THINGS[:4])
