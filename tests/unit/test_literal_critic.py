"""The critic that counts words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.critics.scripted import LiteralCritic
from socratic.records import Judgement


def shares(evidence: str, *options: str) -> tuple[float, ...]:
    (found,) = LiteralCritic().judge_calls([Judgement(question="Which?", evidence=evidence, options=options)])
    return found


def test_without_evidence_all_options_are_alike() -> None:
    assert shares("", "yes", "no") == (0.5, 0.5)


def test_each_mention_counts_once_more_than_none() -> None:
    # Mentions 2 and 0, plus one each: 3 of 4.
    assert shares("Yes, I say yes.", "yes", "no") == (0.75, 0.25)


def test_only_whole_words_are_mentions() -> None:
    assert shares("nobody knows eyes", "yes", "no") == (0.5, 0.5)


def test_an_option_is_no_pattern() -> None:
    assert shares("c++ c++ (a)", "c++", "(a)", ".*") == (3 / 6, 2 / 6, 1 / 6)


def test_judgements_are_answered_in_order() -> None:
    judgements = [Judgement(question="?", evidence=said, options=("a", "b")) for said in ("a", "b")]
    assert LiteralCritic().judge_calls(judgements) == [pytest.approx((2 / 3, 1 / 3)), pytest.approx((1 / 3, 2 / 3))]


@given(evidence=st.text(), options=st.lists(st.text(min_size=1), min_size=2, max_size=5, unique=True))
def test_shares_are_positive_and_sum_to_one(evidence: str, options: list[str]) -> None:
    found = shares(evidence, *options)
    assert min(found) > 0
    assert sum(found) == pytest.approx(1)
