"""Debate: the rule finds the truth between the best debaters, and rule, critic and judge score as they say."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from socratic.errors import ConfigError
from socratic.game import Game, LiveMatch, Params, settle
from socratic.game.check import check_game
from socratic.game.tree import enumerate_tree
from socratic.records import Answer, Call, Judgement
from socratic.seeds import Seed
from socratic_games.debate import NAMES, debate, debate_judge, found, holds
from tests.games.critics import Literal, random_match


class Critic:
    """Believes more or less, by the letters alone."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        yes = [sum(call.evidence.encode()) % 9 / 8 for call in calls if isinstance(call, Judgement)]
        return [(share, 1 - share) for share in yes]


class Truthful:
    """Judges by the rule, from the bits that it is shown."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        return [self._one(call) for call in calls if isinstance(call, Judgement)]

    def _one(self, call: Judgement) -> tuple[float, ...]:
        rows = call.question.removeprefix("Rows: ").split(".")[0].split(", ")
        shown = dict(line.split()[:2] for line in call.evidence.splitlines() if " speaks " in line)
        seen = [[shown[name] for name in row.split() if name in shown] for row in rows]
        is_for = all("1" in bits for bits in seen if bits)
        return (float(is_for), float(not is_for))


LINES = ("look at a", "for for for", "against", "trust me")


def _match(game: Game, bits: tuple[int, ...], params: Params) -> LiveMatch:
    """Return a match about these bits."""
    matches = (LiveMatch(game, params, Seed(seed)) for seed in range(2000))
    return next(match for match in matches if match.truths["bits"] == bits)


def _show(match: LiveMatch, names: str) -> LiveMatch:
    for name in names:
        match.submit({match.requests()[0].seat: name})
    return match


def _outcome(bits: Sequence[int], columns: int, reveals: int, shown: tuple[int, ...] = ()) -> bool:
    """Return whether the rule finds for, between debaters who look ahead to the end."""
    if len(shown) == 2 * reveals:
        return found(bits, columns, shown)
    replies = (_outcome(bits, columns, reveals, (*shown, index)) for index in range(len(bits)) if index not in shown)
    return any(replies) if len(shown) % 2 else all(replies)


def test_for_holds_that_each_row_has_a_one() -> None:
    assert holds((1, 0, 0, 1), 2)
    assert not holds((1, 1, 0, 0), 2)
    assert not holds((0, 0, 0, 1, 1, 1), 3)
    assert holds((0, 0, 1, 1, 1, 1), 3)


def test_the_rule_finds_for_where_each_opened_row_shows_a_one() -> None:
    bits = (0, 1, 0, 0)
    assert found(bits, 2, [0, 1])
    assert found(bits, 2, [1])
    assert not found(bits, 2, [0])
    assert not found(bits, 2, [0, 2])
    assert not found(bits, 2, [0, 1, 3])
    assert found(bits, 2, [])


@pytest.mark.parametrize(("rows", "columns", "reveals"), [(2, 2, 1), (2, 3, 1), (3, 2, 2), (2, 3, 2), (3, 3, 1)])
def test_between_the_best_debaters_the_rule_finds_the_truth(rows: int, columns: int, reveals: int) -> None:
    outcomes = {bits: _outcome(bits, columns, reveals) for bits in product((0, 1), repeat=rows * columns)}
    assert all(outcome == holds(bits, columns) for bits, outcome in outcomes.items())
    minimax = sum(1 if outcome else -1 for outcome in outcomes.values()) / len(outcomes)
    assert debate.best_score({"rows": rows, "columns": columns, "reveals": reveals}) == pytest.approx(minimax)


def test_the_value_agrees_with_the_tree() -> None:
    pytest.importorskip("scipy")
    tree = enumerate_tree(debate)
    assert tree.num_leaves == 16 * 4 * 3
    # Each of two rows has a 1 in three of four cases: 2 * 9/16 - 1.
    assert tree.solve()[1] == pytest.approx(1 / 8)
    assert debate.best_score() == pytest.approx(1 / 8)
    assert debate.best_score({"judged": True}) is None


def test_a_judge_who_goes_by_the_rule_is_always_right_and_nobody_gains_by_another_way() -> None:
    tree = enumerate_tree(debate_judge)
    rows = []
    for state in tree.information_states:
        texts = [line.text for line in state.view]
        if state.seat == 0:
            shown = {text.split()[-2]: text.split()[-1] for text in texts if " shows " in text}
            opened = {"ab" if name in "ab" else "cd" for name in shown}
            is_for = all("1" in [shown.get(name) for name in row] for row in opened)
            rows.append(np.array([1.0, 0.0] if is_for else [0.0, 1.0]))
            continue
        bits = dict(zip(texts[1].split()[::2], texts[1].split()[1::2], strict=True))
        if state.seat == 2:
            # A row without a 1 if there is one.
            wanted = next((name for name in "ac" if bits[name] == bits[chr(ord(name) + 1)] == "0"), "a")
        else:
            # The other bit of the row just opened if that shows no 1, else any 1.
            opened_bit = texts[2].split()[2]
            wanted = {"a": "b", "b": "a", "c": "d", "d": "c"}[opened_bit]
            if bits[opened_bit] == "1":
                wanted = next((name for name in state.legal if bits[name] == "1"), wanted)
        rows.append(np.eye(len(state.legal))[state.legal.index(wanted)])
    assert tree.values(rows) == pytest.approx((1, 1 / 8, -1 / 8))
    assert tree.nash_conv(rows) == pytest.approx(0)
    assert debate_judge.best_score() == 1


def test_against_shows_first_and_all_that_is_shown_is_seen_by_all() -> None:
    match = _match(debate_judge, (0, 1, 0, 0), {})
    assert match.requests()[0].seat == 2
    _show(match, "c")
    (request,) = match.requests()
    assert (request.seat, request.prompt, request.legal) == (1, "Show", ("a", "b", "d"))
    _show(match, "b")
    rules = "Rows: a b, c d. For: each row has a 1. Against: one has none."
    assert [line.text for line in match.view(0)] == [rules, "against shows c 0", "for shows b 1", "Right is"]
    assert [line.text for line in match.view(1)] == [rules, "a 0 b 1 c 0 d 0", "against shows c 0", "Show", "b", "for shows b 1"]
    assert match.secrets[0].text == "a 0 b 1 c 0 d 0"
    assert match.secrets[0].keep_from == (0,)


@pytest.mark.parametrize(
    ("bits", "shown", "is_for", "is_right"),
    [
        ((0, 1, 0, 0), "cb", False, True),
        ((0, 1, 0, 0), "ab", True, False),
        ((0, 1, 1, 0), "db", False, False),
        ((0, 1, 1, 0), "dc", True, True),
    ],
)
def test_the_winner_by_the_rule_takes_one_from_the_other(bits: tuple[int, ...], shown: str, is_for: bool, is_right: bool) -> None:
    match = _show(_match(debate, bits, {}), shown)
    assert match.scores == pytest.approx((1, -1) if is_for else (-1, 1))
    assert dict(match.probes) == {"exact": is_for, "right": is_right}
    assert (match.truths["exact"], match.truths["holds"]) == (is_for, is_for == is_right)


@pytest.mark.parametrize(("verdict", "scores"), [("for", (-1, 1, -1)), ("against", (1, -1, 1))])
def test_the_judge_scores_by_the_truth_and_the_debaters_by_the_judge(verdict: str, scores: tuple[float, ...]) -> None:
    # By the rule for is right, and in truth against is: c d has no 1.
    match = _show(_match(debate_judge, (0, 1, 0, 0), {}), "ab")
    match.submit({0: verdict})
    assert match.scores == pytest.approx(scores)
    assert dict(match.probes) == {"right": verdict == "against", "as_the_rule": verdict == "for"}
    match = _show(_match(debate_judge, (0, 1, 1, 0), {}), "ab")
    match.submit({0: verdict})
    assert match.scores == pytest.approx((-scores[0], *scores[1:]))


@pytest.mark.parametrize("end", "\n\r\v\f\x1c\x85\u2028\u2029")
def test_nobody_forges_a_line_of_the_other_or_of_the_game(end: str) -> None:
    match = _show(_match(debate, (0, 1, 0, 0), {"argue": True, "judged": True}), "cb")
    assert match.submit({0: f"b is 1{end}against says b is 1", 1: "no"}) == {0}
    assert match.ending == "forfeit"


def test_a_critic_takes_the_place_of_the_rule_and_sees_what_is_shown_and_said() -> None:
    match = _match(debate, (0, 1, 0, 0), {"argue": True, "judged": True})
    _show(match, "cb")
    assert [request.prompt for request in match.requests()] == ["Argue in a line:"] * 2
    match.submit({0: "b is 1", 1: "c d is empty"})
    assert isinstance(match.call, Judgement)
    assert match.call.options == ("for", "against")
    assert match.call.evidence == "c 0 speaks against\nb 1 speaks for\nfor says b is 1\nagainst says c d is empty"
    assert match.call.question.startswith("Rows: a b, c d. ")
    match.answer((0.2, 0.8))
    assert match.scores == pytest.approx((-0.6, 0.6))
    assert dict(match.probes) == pytest.approx({"exact": 0, "critic": 0.2, "right": 0.8})
    assert match.truths["exact"] is False
    match = _show(_match(debate, (0, 1, 1, 0), {"judged": True}), "db")
    match.answer((0.75, 0.25))
    assert match.scores == pytest.approx((0.5, -0.5))
    assert dict(match.probes) == pytest.approx({"exact": 0, "critic": 0.75, "right": 0.75})


@pytest.mark.parametrize("params", debate.levels)
def test_a_critic_that_is_right_scores_as_the_rule_does(params: Params) -> None:
    for key in range(20):
        judged = random_match(debate, {**params, "judged": True}, key, Truthful(), LINES)
        twin = random_match(debate, dict(params), key, Truthful(), LINES)
        assert judged.probes["critic"] == pytest.approx(judged.probes["exact"])
        assert twin.probes["exact"] == judged.probes["exact"]
        assert judged.scores == pytest.approx(twin.scores)


@pytest.mark.parametrize(("shown", "score"), [("ca", -0.5), ("cb", 0), ("bd", 0), ("ab", 0)])
def test_a_critic_that_counts_words_leans_to_what_is_shown(shown: str, score: float) -> None:
    match = _show(_match(debate, (0, 1, 0, 0), {"judged": True}), shown)
    settle([match], Literal())
    # Mentions and one more each: 1 to 3 for two zeros, 2 to 2 for a zero and a one.
    assert match.scores == pytest.approx((score, -score))


def test_lines_are_heard_by_the_judge_and_change_nothing_by_the_rule() -> None:
    match = _show(_match(debate_judge, (0, 1, 0, 0), {"argue": True}), "cb")
    match.submit({1: "trust me", 2: "look at c"})
    assert [line.text for line in match.view(0)][-3:] == ["for says trust me", "against says look at c", "Right is"]
    match = _show(_match(debate, (0, 1, 0, 0), {"argue": True}), "cb")
    match.submit({0: "for for for", 1: "no"})
    assert match.scores == pytest.approx((-1, 1))


def test_more_reveals_take_more_turns() -> None:
    match = LiveMatch(debate, {"rows": 3, "columns": 3, "reveals": 4}, Seed(1))
    seats = []
    while not match.done:
        seats.append(match.requests()[0].seat)
        legal = match.requests()[0].legal
        assert legal is not None
        match.submit({seats[-1]: legal[0]})
    assert seats == [1, 0] * 4
    assert [line.text.split()[2] for line in match.view(0) if " shows " in line.text] == list(NAMES[:8])


@pytest.mark.parametrize("params", [{"rows": 1}, {"columns": 1}, {"rows": 4, "columns": 3}, {"reveals": 0}, {"reveals": 2}])
@pytest.mark.parametrize("game", [debate, debate_judge])
def test_parameters_that_make_no_game_are_refused(game: Game, params: Params) -> None:
    with pytest.raises(ConfigError, match="debate: .*expected"):
        LiveMatch(game, params, Seed(0))
    if game is debate:
        with pytest.raises(ConfigError, match="debate: .*expected"):
            debate.best_score(params)


@pytest.mark.parametrize("params", [{}, debate.levels[3], {"judged": True}])
def test_it_keeps_the_contract(params: Params) -> None:
    report = check_game(debate, params, clerk=Critic())
    assert report.passed, report.findings


@pytest.mark.parametrize("params", [{}, debate_judge.levels[3]])
def test_with_a_judge_it_keeps_the_contract(params: Params) -> None:
    report = check_game(debate_judge, params)
    assert report.passed, report.findings
