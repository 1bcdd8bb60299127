"""The planted critics have the faults that they are planted for, and no others."""

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
