"""Seeds: independent by name and index, equal everywhere, uniform enough to play with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.seeds import Seed

keys = st.integers(0, 2**64 - 1)


def test_the_numbers_are_those_of_splitmix64() -> None:
    # The first outputs of the reference implementation for the seed 1234567 (Vigna's splitmix64.c).
    reference = (6457827717110365317, 3203168211198807973, 9817491932198370423)
    assert tuple(Seed(1234567)._mixed(index) for index in range(3)) == reference


@given(key=keys, index=st.integers(0, 10**9))
def test_a_uniform_is_in_the_half_open_interval(key: int, index: int) -> None:
    assert 0.0 <= Seed(key).uniform(index) < 1.0


@given(key=keys, name=st.text(max_size=9), index=st.integers(0, 99))
def test_a_child_depends_on_name_and_index_alone(key: int, name: str, index: int) -> None:
    assert Seed(key).child(name, index) == Seed(key).child(name, index)
    assert Seed(key).child(name, index) != Seed(key).child(name, index + 1)
    assert Seed(key).child(name, index) != Seed(key).child(name + "x", index)


def test_weighted_draws_follow_their_weights() -> None:
    weights = [0.0, 1.0, 3.0, 0.0]
    counts = [0] * 4
    for index in range(4000):
        counts[Seed(5).weighted(weights, index)] += 1
    assert counts[0] == counts[3] == 0
    # Five standard deviations of a binomial count.
    assert abs(counts[2] - 3000) < 5 * (4000 * 0.75 * 0.25) ** 0.5


def test_impossible_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        Seed(0).weighted([0.0, 0.0])
    with pytest.raises(ValueError, match="at least 1"):
        Seed(0).integer(0)
