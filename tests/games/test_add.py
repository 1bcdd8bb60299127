"""Add: one sum, one answer."""

import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.seeds import Seed
from socratic_games.add import add


def test_knowing_sums_is_worth_everything_and_guessing_little() -> None:
    tree = enumerate_tree(add)
    assert tree.best_response(tree.uniform(), 0)[0] == pytest.approx(1)
    # Nine answers from 0 to 8, one of them right.
    assert tree.values(tree.uniform()) == pytest.approx((1 / 9,))


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_right_answer_scores_at_every_level(level: int) -> None:
    for wrong, score in ((0, 1.0), (1, 0.0)):
        match = LiveMatch(add, add.level(level), Seed(11))
        first, _, second, sign = match.requests()[0].prompt.split()
        assert sign == "="
        match.submit({0: str(int(first) + int(second) + wrong)})
        assert match.scores == (score,)


@pytest.mark.parametrize("reply", ["", "-1", "1.0", "one", "9" * 10_000])
def test_what_is_no_number_is_refused(reply: str) -> None:
    match = LiveMatch(add, add.level(3), Seed(0))
    match.submit({0: reply})
    assert (match.ending, match.scores) == ("forfeit", (0.0,))


@pytest.mark.parametrize("largest", [-1, 10**30])
def test_numbers_that_make_no_game_are_refused(largest: int) -> None:
    with pytest.raises(ConfigError, match="add: largest is"):
        LiveMatch(add, {"largest": largest}, Seed(0))


def test_it_keeps_the_contract() -> None:
    for level in (0, 3):
        report = check_game(add, add.level(level))
        broken = {finding.rule for finding in report.findings if not finding.passed}
        # At level 3 no common reply is ever right by chance, so every random play scores 0.
        assert broken <= ({"choices matter"} if level else set())


@pytest.mark.parametrize("largest", [0, 1, 4])
def test_every_pair_of_numbers_is_asked_for_alike(largest: int) -> None:
    prompts = [state.view[-1].text for state in enumerate_tree(add, {"largest": largest}).information_states]
    numbers = range(largest + 1)
    assert sorted(prompts) == sorted(f"{first} + {second} =" for first in numbers for second in numbers)
    answers = {state.legal for state in enumerate_tree(add, {"largest": largest}).information_states}
    assert answers == {tuple(str(answer) for answer in range(2 * largest + 1))}
