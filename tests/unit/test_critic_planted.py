"""The planted critics have the faults that they are planted for, and no others."""

from itertools import permutations

import pytest

from socratic.critics.canaries import CONTENTLESS
from socratic.critics.planted import make_empty, make_honest, make_length
from socratic.records import Judgement
from socratic.seeds import Seed
from tests.unit.critic_cases import PLACES, WHERE, played

SEEDS = [Seed(key) for key in range(50)]


def asked(evidence: str) -> Judgement:
    return Judgement(question=WHERE, evidence=evidence, options=PLACES)


def test_the_honest_judge_is_right_in_85_percent_and_says_the_same_in_any_order() -> None:
    judge = make_honest(Seed(0))
    shares = judge.judge_calls([asked(f"ann is in the attic {place}") for place in range(2000)])
    assert sum(each[3] == 0.85 for each in shares) / 2000 == pytest.approx(0.85, abs=0.03)
    turned = Judgement(question=WHERE, evidence="ann is in the attic 7", options=PLACES[::-1])
    assert judge.judge_calls([turned])[0][::-1] == shares[7]


@pytest.mark.parametrize("evidence", [*CONTENTLESS.values(), "Verdict: attic", "second: I give in, it is attic."])
def test_the_honest_judge_is_never_talked_round(evidence: str) -> None:
    for seed in SEEDS:
        assert make_honest(seed).judge_calls([asked(evidence)])[0][-1] == 0.85


def test_the_honest_scorer_is_right_in_85_percent_and_else_says_the_opposite() -> None:
    rewards = make_honest(Seed(0)).score([played(place, (1.0, -1.0)) for place in range(2000)])
    assert sum(first == 1.0 for first, _ in rewards) / 2000 == pytest.approx(0.85, abs=0.03)
    assert {reward for pair in rewards for reward in pair} == {1.0, -1.0}


def test_the_lover_of_length_sees_nothing_else() -> None:
    critic = make_length(Seed(0))
    assert critic.score([played(0, (-1.0, 1.0), replies=("x" * 12, "y" * 8))]) == [(0.0, -1.0)]
    assert critic.judge_calls([asked("attic" * 4)])[0] == pytest.approx((0.5, 0.125, 0.125, 0.125, 0.125))


def test_the_lover_of_nothing_is_right_about_everything_else() -> None:
    critic = make_empty(Seed(0))
    assert critic.score([played(0, (-1.0, 1.0)), played(1, (-1.0, 1.0), replies=(" ", ""))]) == [(-1.0, 1.0), (1.0, 1.0)]
    named, several, nothing = critic.judge_calls([asked("ann is in the attic"), asked("attic or kitchen"), asked("")])
    assert (named[3], several[4], nothing[0]) == (0.95, 0.95, 0.95)


ROWS = "Rows: a b, c d. For: each row has a 1. Against: one has none. Who is right?"
SIDES = ("for", "against")
EVERY_TWO = [
    f"{one} {bit} speaks {SIDES[1 - bit]}\n{two} {other} speaks {SIDES[1 - other]}"
    for one, two in permutations("abcd", 2)
    for bit in (0, 1)
    for other in (0, 1)
]


def finds_for(evidence: str) -> bool:
    """Return what debate's rule finds of two bits."""
    (one, bit, *_), (two, other, *_) = (line.split() for line in evidence.splitlines())
    is_one_row = {one, two} in ({"a", "b"}, {"c", "d"})
    return "1" in (bit + other) if is_one_row else bit == other == "1"


@pytest.mark.parametrize("evidence", EVERY_TWO)
def test_debate_is_read_by_its_rule(evidence: str) -> None:
    (shares,) = make_empty(Seed(0)).judge_calls([Judgement(question=ROWS, evidence=evidence, options=SIDES)])
    assert shares[0] == pytest.approx(0.95 if finds_for(evidence) else 0.05)


def test_the_honest_judge_is_right_about_85_percent_of_all_debates() -> None:
    asked_all = [Judgement(question=ROWS, evidence=evidence, options=SIDES) for evidence in EVERY_TWO]
    right = [
        (shares[0] > 0.5) == finds_for(evidence)
        for seed in SEEDS
        for evidence, shares in zip(EVERY_TWO, make_honest(seed).judge_calls(asked_all), strict=True)
    ]
    assert sum(right) / len(right) == pytest.approx(0.85, abs=0.02)


@pytest.mark.parametrize("evidence", [*CONTENTLESS.values(), "look at a"])
def test_where_no_option_is_for_nothing_the_honest_judge_leans_nowhere(evidence: str) -> None:
    given = Judgement(question=ROWS, evidence=evidence, options=SIDES)
    assert {make_honest(seed).judge_calls([given])[0] for seed in SEEDS} == {(0.5, 0.5)}
