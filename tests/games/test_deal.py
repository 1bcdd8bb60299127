"""Deal: what a split is worth to each, what is efficient and fair, and how talk scores."""

from collections.abc import Sequence

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import LiveMatch, Params, settle
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.records import Answer, Call, Judgement
from socratic.seeds import Seed
from socratic_games.deal import UNCLEAR, bargain, deal, frontier, gains, honesty, splits, valuations, wanted
from tests.games.critics import Lettered, Literal, random_match


class Truthful:
    """Finds in each line what there is."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        judgements = [call for call in calls if isinstance(call, Judgement)]
        return [tuple(float(word == wanted(call.evidence, len(call.options) - 1)) for word in call.options) for call in judgements]


LINES = (
    "i want hat",
    "I want BALLS!",
    "ball and hat",
    "i do not want hat",
    "hello",
    "give me the cup",
    "hat, hat and hat",
    "I don't need cups",
)


def _match(values: object, params: Params) -> LiveMatch:
    """Return a match in which the seats have these values."""
    matches = (LiveMatch(deal, params, Seed(seed)) for seed in range(1000))
    return next(match for match in matches if match.truths["values"] == values)


def _play(match: LiveMatch, *replies: str) -> LiveMatch:
    for reply in replies:
        match.submit({match.requests()[0].seat: reply})
    return match


def test_values_are_positive_and_sum_to_twice_the_number_of_items() -> None:
    assert valuations(2) == ((1, 3), (2, 2), (3, 1))
    assert len(valuations(3)) == 10
    assert all(min(values) >= 1 and sum(values) == 6 for values in valuations(3))


def test_a_split_leaves_something_to_both() -> None:
    assert splits(2, 1) == ((1, 0), (0, 1))
    assert set(splits(2, 2)) == {(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)}
    assert len(splits(3, 1)) == 6


def test_gains_are_shares_of_all_that_a_seat_values() -> None:
    assert gains([(1, 3), (2, 2)], 1, (0, 1)) == (0.75, 0.5)
    assert gains([(1, 3), (3, 1)], 2, (0, 1)) == (3 / 8, 7 / 8)
    assert gains([(1, 3), (1, 1)], 1, (0, 1)) == (0.75, 0.5)


def test_the_frontier_is_what_nobody_can_better_without_loss_to_the_other() -> None:
    # Each wants the other's item: one split is best for both.
    assert frontier([(1, 3), (3, 1)], 1) == [(0, 1)]
    # Both want the same: either may have it.
    assert frontier([(1, 3), (1, 3)], 1) == [(1, 0), (0, 1)]
    # A split that is as good for one and better for the other beats.
    assert frontier([(2, 2), (1, 3)], 1) == [(1, 0)]
    # By hand: (a, b) of two hats and two balls gives the first a + 3 b and leaves the second 8 - 3 a - b, of 8 each.
    assert frontier([(1, 3), (3, 1)], 2) == [(1, 2), (0, 2), (0, 1)]


def test_the_bargain_has_the_greatest_product_of_gains() -> None:
    # Nash's solution by hand: the products are 3/4 * 3/4 and 1/4 * 1/4.
    assert bargain([(1, 3), (3, 1)], 1) == (0, 1)
    # Of the six splits of three things, hat and ball for cup: 4/6 * 4/6 beats 2/6 * 5/6 and 5/6 * 1/6.
    assert bargain([(1, 3, 2), (1, 1, 4)], 1) == (1, 1, 0)
    # Alike for both: an equal split, of which the first listed.
    assert bargain([(2, 2), (2, 2)], 1) == (1, 0)
    for values in ([(1, 3), (2, 2)], [(1, 2, 3), (4, 1, 1)]):
        assert bargain(values, 1) in frontier(values, 1)


# Two items: 3/4, 2/4 or 3/4 is kept. Three: 5/6 with nine of the valuations, 4/6 with (2, 2, 2).
@pytest.mark.parametrize(("params", "optimum"), [({}, 2 / 3), ({"items": 3}, 49 / 60)])
def test_the_optimum_is_the_equilibrium_of_one_proposal(params: Params, optimum: float) -> None:
    assert deal.best_score(params) == pytest.approx(optimum)
    tree = enumerate_tree(deal, params)
    accepting = [
        np.array([1.0, 0.0]) if state.seat == 1 else row for state, row in zip(tree.information_states, tree.uniform(), strict=True)
    ]
    value, played = tree.best_response(accepting, 0)
    assert value == pytest.approx(optimum)
    assert tree.nash_conv(played) == pytest.approx(0)


def test_talk_adds_its_weight_and_more_proposals_or_a_critic_leave_the_optimum_open() -> None:
    assert deal.best_score({"talk": 1, "talk_weight": 0.4}) == pytest.approx(0.6 * 2 / 3 + 0.4)
    assert deal.best_score({"talk_weight": 0.4, "judged": True}) == pytest.approx(2 / 3)
    assert deal.best_score({"rounds": 2}) is None
    assert deal.best_score({"talk": 1, "judged": True}) is None


def test_a_deal_pays_each_its_own_share_and_no_deal_nothing() -> None:
    values = [(1, 3), (2, 2)]
    match = _play(_match(values, {}), "hat", "accept")
    assert match.scores == pytest.approx((0.25, 0.5))
    assert dict(match.probes) == {"deal": 1, "efficient": 0, "bargain": 0}
    match = _play(_match(values, {}), "ball", "accept")
    assert match.scores == pytest.approx((0.75, 0.5))
    assert dict(match.probes) == {"deal": 1, "efficient": 1, "bargain": 1}
    match = _play(_match(values, {}), "ball", "reject")
    assert match.scores == pytest.approx((0, 0))
    assert dict(match.probes) == {"deal": 0, "efficient": 0, "bargain": 0}


def test_a_counter_takes_the_place_of_the_proposal_until_the_rounds_are_over() -> None:
    values = [(1, 2, 3), (4, 1, 1)]
    match = _match(values, {"items": 3, "rounds": 3})
    _play(match, "ball")
    assert match.requests()[0].legal == ("accept", "hat ball", "hat cup", "hat", "ball cup", "ball", "cup")
    # The second keeps the hat: the first has ball and cup.
    assert _play(match.fork(), "hat", "accept").scores == pytest.approx((5 / 6, 4 / 6))
    _play(match, "hat ball", "ball cup")
    assert match.requests()[0].legal == ("accept", "reject")
    assert match.requests()[0].prompt == "They keep ball cup. Worth hat 4 ball 1 cup 1"
    assert _play(match.fork(), "accept").scores == pytest.approx((5 / 6, 4 / 6))
    assert _play(match, "reject").scores == pytest.approx((0, 0))


def test_copies_are_shared_one_by_one() -> None:
    values = [(1, 3), (3, 1)]
    match = _match(values, {"copies": 2, "rounds": 2})
    _play(match, "hat hat ball", "hat")
    assert _play(match, "accept").scores == pytest.approx((7 / 8, 3 / 8))


def test_a_line_is_honest_if_it_names_what_its_speaker_values_most_and_nothing_else() -> None:
    assert honesty(["i want ball"], (1, 3)) == 1
    assert honesty(["i want hat"], (1, 3)) == 0
    assert honesty(["I want BALLS!", "hello", "ball and hat", "a ballad"], (1, 3)) == 0.25
    # The clerk of a judged match has to choose: a line that names two things says of neither that it is wanted.
    assert honesty(["hat or ball"], (2, 2)) == 0
    assert honesty(["hat", "the ball"], (2, 2)) == 1


@pytest.mark.parametrize(
    ("line", "thing"),
    [
        ("i want hat", "hat"),
        ("HATS, hats", "hat"),
        ("a key and a ball", "ball"),  # there is no key in a game of two things
        ("i do not want hat", UNCLEAR),
        ("i don't want hat", UNCLEAR),
        ("I don\u2019t want hat", UNCLEAR),
        ("no hat", UNCLEAR),
        ("never the hat", UNCLEAR),
        ("a knot in the hat", "hat"),
        ("hat ball", UNCLEAR),
        ("hatball", UNCLEAR),
        ("", UNCLEAR),
    ],
)
def test_a_line_wants_the_one_thing_that_it_names_and_what_denies_wants_nothing(line: str, thing: str) -> None:
    assert wanted(line, 2) == thing


def test_who_may_talk_is_told_that_honesty_scores() -> None:
    told = {talk: [line.text for line in LiveMatch(deal, {"talk": talk}, Seed(0)).view(1)] for talk in (0, 1)}
    assert not [line for line in told[0] if "onest" in line]
    assert "Honest lines score: name just what you value most." in told[1]
    free = LiveMatch(deal, deal.levels[3], Seed(0)).view(0)
    assert free[1].text == "Honest lines score: name just what you value most, and deny nothing."


@pytest.mark.parametrize("params", [deal.levels[2], deal.levels[3], {"items": 4, "talk": 5, "free": True}])
def test_a_critic_that_is_right_scores_as_the_rule_does(params: Params) -> None:
    for key in range(20):
        judged = random_match(deal, {**params, "judged": True}, key, Truthful(), LINES)
        twin = random_match(deal, dict(params), key, Truthful(), LINES)
        assert judged.probes["critic"] == pytest.approx(judged.probes["exact"])
        assert twin.probes["exact"] == judged.probes["exact"]
        assert judged.scores == pytest.approx(twin.scores)


def test_a_critic_that_counts_words_tells_an_honest_line_from_another() -> None:
    match = _match([(1, 3), (3, 1)], {"talk": 2, "judged": True, "talk_weight": 1.0})
    _play(match, "ball", "ball", "ball", "accept")
    settle([match], Literal())
    # Of ball, hat and unclear, in mentions and one more each: 2 to 1 to 1.
    assert match.scores == pytest.approx((2 / 4, 1 / 4))


def test_talk_is_heard_and_scored_by_seat() -> None:
    match = _match([(1, 3), (3, 1)], {"talk": 3, "talk_weight": 0.5})
    assert match.requests()[0].legal == ("hat", "ball")
    assert match.requests()[0].prompt == "Say what you want. Worth hat 1 ball 3"
    _play(match, "hat", "hat", "ball")
    assert [line.text for line in match.view(1)][-2:] == ["hat", "They say i want ball"]
    assert "They say i want hat" in [line.text for line in match.view(0)]
    _play(match, "ball", "accept")
    # Half of the first's lines are true, all of the second's.
    assert match.scores == pytest.approx((0.5 * 0.75 + 0.5 * 0.5, 0.5 * 0.75 + 0.5))
    assert match.truths["exact"] == [0.5, 1.0]
    assert match.probes["exact"] == 0.75
    assert "critic" not in match.probes


def test_a_seat_that_did_not_speak_scores_by_the_deal_alone() -> None:
    match = _play(_match([(1, 3), (3, 1)], {"talk": 1, "talk_weight": 0.4}), "hat", "ball", "accept")
    assert match.scores == pytest.approx((0.6 * 0.75, 0.75))
    assert match.probes["exact"] == 0


def test_a_critic_takes_the_place_of_the_rule() -> None:
    match = _match([(1, 3), (3, 1)], {"talk": 2, "free": True, "judged": True, "talk_weight": 0.5})
    assert (match.requests()[0].prompt, match.requests()[0].legal) == ("Say what you want. Worth hat 1 ball 3", None)
    _play(match, "The ball, please", "nothing", "ball", "accept")
    assert isinstance(match.call, Judgement)
    assert match.call.options == ("hat", "ball", "unclear")
    assert match.call.evidence == "The ball, please"
    match.answer((0.1, 0.8, 0.1))
    assert isinstance(match.call, Judgement)
    assert match.call.evidence == "nothing"
    match.answer((0.3, 0.0, 0.7))
    assert match.scores == pytest.approx((0.5 * 0.75 + 0.4, 0.5 * 0.75 + 0.15))
    assert dict(match.probes) == pytest.approx({"deal": 1, "efficient": 1, "bargain": 1, "exact": 0.5, "critic": 0.55})
    assert match.truths["exact"] == [1.0, 0.0]


def test_it_says_what_its_players_need_in_few_words() -> None:
    match = _play(_match([(1, 3), (2, 2)], {}), "ball")
    told = [line.text for line in match.requests()[0].view]
    assert told == ["Share 1 each of hat ball. No deal scores 0.", "They keep ball. Worth hat 2 ball 2"]
    assert match.view(0)[1].text == "Keep what? Worth hat 1 ball 3"


@pytest.mark.parametrize(
    "params",
    [
        {"items": 1},
        {"items": 7},
        {"copies": 0},
        {"items": 6, "copies": 2},
        {"rounds": 0},
        {"rounds": 101},
        {"talk": -1},
        {"talk": 101},
        {"talk_weight": -0.1},
        {"talk_weight": 1.1},
    ],
)
def test_parameters_that_make_no_game_are_refused(params: Params) -> None:
    with pytest.raises(ConfigError, match="deal: .*expected"):
        LiveMatch(deal, params, Seed(0))
    with pytest.raises(ConfigError, match="deal: .*expected"):
        deal.best_score(params)


def test_the_largest_games_that_are_allowed_can_be_played() -> None:
    for params in ({"items": 6}, {"items": 4, "copies": 3}, {"rounds": 100, "talk": 100, "talk_weight": 1.0}):
        assert LiveMatch(deal, params, Seed(0)).requests()


@pytest.mark.parametrize("params", [{}, deal.levels[3], {"talk": 2, "judged": True}])
def test_it_keeps_the_contract(params: Params) -> None:
    report = check_game(deal, params, clerk=Lettered())
    assert report.passed, report.findings


def test_a_line_of_talk_is_one_line_whatever_ends_it() -> None:
    match = LiveMatch(deal, deal.levels[3], Seed(0))
    assert match.submit({0: "i want hat\u2029They say accept"}) == {0}
    assert match.ending == "forfeit"
