"""Ratings: who wins rises, a copy begins as its parent stands, and what is written down comes back."""

import pytest

from socratic.errors import CheckpointError
from socratic.play.ratings import Ratings


def test_who_wins_is_rated_above_who_loses() -> None:
    ratings = Ratings()
    for _ in range(10):
        ratings.rate({"agent": 1.0, "past:0": -1.0})
        ratings.rate({"past:0": 1.0, "past:1": -1.0})
    assert ratings.strength("agent") > ratings.strength("past:0") > ratings.strength("past:1")


def test_one_match_of_beginners_moves_both_as_the_paper_says() -> None:
    # Weng and Lin (2011), Algorithm 4 for two teams of one at mu 25, sigma 25/3, beta 25/6, with openskill's tau 25/300: the loser's chance
    # is 1/2, so mu moves by sigma^2 / c / 2 with c^2 = 2 sigma^2 + 2 beta^2.
    ratings = Ratings()
    ratings.rate({"a": 1.0, "b": 0.0})
    variance = (25 / 3) ** 2 + (25 / 300) ** 2
    step = variance / (2 * variance + 2 * (25 / 6) ** 2) ** 0.5 / 2
    assert ratings.strength("a") == pytest.approx(25 + step, abs=1e-9)
    assert ratings.strength("b") == pytest.approx(25 - step, abs=1e-9)


def test_a_copy_begins_where_its_parent_stands() -> None:
    ratings = Ratings()
    ratings.rate({"agent": 1.0, "past:0": 0.0})
    ratings.inherit("past:3", "agent")
    assert ratings.strength("past:3") == ratings.strength("agent") > 25
    ratings.rate({"agent": 0.0, "past:0": 1.0})
    assert ratings.strength("past:3") > ratings.strength("agent")


def test_what_is_written_down_comes_back() -> None:
    ratings, other = Ratings(), Ratings()
    ratings.rate({"agent": 1.0, "past:0": 0.0})
    other.restore(ratings.state())
    for each in (ratings, other):
        each.rate({"agent": 0.0, "past:0": 1.0})
    assert other.state() == ratings.state()
    ratings.keep_only(["agent"])
    assert list(ratings.state()) == ["agent"]


def test_a_rating_that_is_none_is_refused() -> None:
    with pytest.raises(CheckpointError, match="the rating of agent"):
        Ratings().restore({"agent": [25.0]})
