"""Guess the number: halving, and its known optimum."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.guess_number import guess_number


@pytest.mark.parametrize(("high", "guesses"), [(2, 2), (6, 3), (4, 2), (9, 2)])
def test_the_declared_optimum_is_the_tree_s(high: int, guesses: int) -> None:
    params = {"high": high, "guesses": guesses}
    tree = enumerate_tree(guess_number, params)
    best = guess_number.best_score(params)
    assert best == min(high + 1, 2**guesses - 1) / (high + 1)
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(best)


def test_the_top_of_the_ladder_has_its_known_optimum() -> None:
    # YARDSTICKS: guess the number in 0..1024, 10 guesses.
    assert guess_number.best_score(guess_number.level(4)) == 1023 / 1025


def test_halving_finds_every_number_of_level_three() -> None:
    found = 0
    for key in range(300):
        match = LiveMatch(guess_number, {"high": 14, "guesses": 4}, Seed(key))
        low, high = 0, 14
        while not match.done:
            guess = (low + high) // 2
            match.submit({0: str(guess)})
            if not match.done:
                heard = next(line.text for line in reversed(match.view(0)) if line.text in ("Higher.", "Lower."))
                low, high = (guess + 1, high) if heard == "Higher." else (low, guess - 1)
        found += match.scores == (1.0,)
    assert found == 300


def test_it_says_what_its_player_needs_in_few_words() -> None:
    match = LiveMatch(guess_number, {}, Seed(0))
    number = int(str(match.truths["number"]))
    guess = 0 if number else 6
    match.submit({0: str(guess)})
    assert [line.text for line in match.view(0)] == [
        "Find my number, 0 to 6. Guesses: 3.",
        "Guess:",
        str(guess),
        "Higher." if number else "Lower.",
        "Guess:",
    ]


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to guess"):
        LiveMatch(guess_number, {"low": 7}, Seed(0))


@pytest.mark.parametrize("params", [{"guesses": -1}, {"guesses": 0}, {"low": 0, "high": -1}, {"high": 10**9}])
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="guess_number: .*expected"):
        LiveMatch(guess_number, params, Seed(0))
    with pytest.raises(ConfigError, match="guess_number"):
        guess_number.best_score(params)


def test_more_guesses_than_can_be_counted_find_every_number() -> None:
    assert guess_number.best_score({"guesses": 10**12}) == 1.0


def test_it_keeps_the_contract() -> None:
    report = check_game(guess_number)
    assert report.passed, report.findings
