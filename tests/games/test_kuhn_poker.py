"""Kuhn poker against its known figures."""

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch
from socratic.game.check import check_game
from socratic.game.tree import Tree, enumerate_tree
from socratic.seeds import Seed
from socratic_games.kuhn_poker import kuhn_poker


@pytest.fixture(scope="module")
def tree() -> Tree:
    return enumerate_tree(kuhn_poker)


def test_it_has_twelve_information_states(tree: Tree) -> None:
    assert (len(tree.information_states), tree.num_leaves, tree.is_perfect_information) == (12, 30, False)


def test_its_value_is_minus_one_eighteenth(tree: Tree) -> None:
    pytest.importorskip("scipy")
    strategy, value = tree.solve()
    # H. W. Kuhn, 1950; YARDSTICKS.
    assert value == pytest.approx(-1 / 18, abs=1e-9)
    assert tree.values(strategy)[0] == pytest.approx(-1 / 18, abs=1e-9)
    assert tree.exploitability(strategy) == pytest.approx(0, abs=1e-9)
    assert kuhn_poker.best_score() == -1 / 18
    assert kuhn_poker.best_score({"cards": 5}) is None


def test_its_known_equilibrium_cannot_be_exploited(tree: Tree) -> None:
    # Kuhn's family of equilibria at alpha = 1/3: the share of bets by card, for seat 0 first, seat 0 after pass and bet, seat 1.
    bets = {
        (0, "first"): {"J": 1 / 3, "Q": 0.0, "K": 1.0},
        (0, "bet"): {"J": 0.0, "Q": 2 / 3, "K": 1.0},
        (1, "pass"): {"J": 1 / 3, "Q": 0.0, "K": 1.0},
        (1, "bet"): {"J": 0.0, "Q": 1 / 3, "K": 1.0},
    }
    strategy = []
    for state in tree.information_states:
        card = state.view[1].text.removeprefix("Your card: ")[0]
        heard = next((line.text.split()[1][:-1] for line in state.view if line.text.startswith("They")), "first")
        bet = bets[state.seat, heard][card]
        strategy.append(np.array([1 - bet, bet]))
    assert tree.exploitability(strategy) == pytest.approx(0, abs=1e-12)
    assert tree.values(strategy) == pytest.approx((-1 / 18, 1 / 18), abs=1e-12)


def test_simple_strategies_have_their_known_exploitability(tree: Tree) -> None:
    never_fold = [
        np.array([0.0, 1.0]) if any(line.text == "They bet." for line in state.view) else np.array([0.5, 0.5])
        for state in tree.information_states
    ]
    always_pass = [np.array([1.0, 0.0]) for _ in tree.information_states]
    # YARDSTICKS, "Games with a known truth", as the fractions that its decimals round.
    assert tree.exploitability(tree.uniform()) == pytest.approx(11 / 24, abs=1e-9)
    assert tree.exploitability(never_fold) == pytest.approx(1 / 3, abs=1e-9)
    assert tree.exploitability(always_pass) == pytest.approx(1, abs=1e-9)


def test_chips_move_on_bet_and_call() -> None:
    # TextArena's never move (DESIGN, traps): each ending, by what was said, and what is at stake.
    for said, stake in (("pass pass", 1), ("bet bet", 2), ("pass bet bet", 2), ("bet pass", 1), ("pass bet pass", 1)):
        match = LiveMatch(kuhn_poker, {}, Seed(5))
        for word in said.split():
            match.submit({match.requests()[0].seat: word})
        assert match.scores is not None
        assert [abs(score) for score in match.scores] == [stake, stake]
    match = LiveMatch(kuhn_poker, {}, Seed(5))
    match.submit({0: "bet"})
    match.submit({1: "pass"})
    assert match.scores == (1, -1)


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = LiveMatch(kuhn_poker, {}, Seed(0))
    match.submit({0: "bet"})
    told = [line.text for line in match.requests()[0].view]
    assert told[0] == "Kuhn poker: the high card of J Q K wins. Say pass or bet."
    assert told[1] in {"Your card: J.", "Your card: Q.", "Your card: K."}
    assert told[2:] == ["They bet.", "You:"]


def test_its_rules_leave_open_how_many_cards_there_are() -> None:
    assert "gets one of `cards` cards." in kuhn_poker.rules


def test_it_keeps_the_contract() -> None:
    report = check_game(kuhn_poker)
    assert report.passed, report.findings
    assert all(finding.was_tried for finding in report.findings)


def test_with_more_cards_the_high_card_still_wins(tree: Tree) -> None:
    larger = enumerate_tree(kuhn_poker, {"cards": 5})
    # Five cards to each seat's two decisions with two histories each; 5 x 4 deals, five endings.
    assert (len(larger.information_states), larger.num_leaves) == (20, 100)
    bet_always = [np.array([0.0, 1.0]) for _ in larger.information_states]
    assert larger.values(bet_always) == pytest.approx((0, 0), abs=1e-12)
    with pytest.raises(ConfigError, match="cards is 13, expected 2 to 12"):
        LiveMatch(kuhn_poker, {"cards": 13}, Seed(0))
    for seed in range(20):
        match = LiveMatch(kuhn_poker, {"cards": 12}, Seed(seed))
        cards = [match.view(seat)[1].text.removeprefix("Your card: ").removesuffix(".") for seat in (0, 1)]
        match.submit({0: "bet"})
        match.submit({1: "bet"})
        ranks = [("2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K").index(card) for card in cards]
        assert match.scores == ((2, -2) if ranks[0] > ranks[1] else (-2, 2))
