"""The league: which versions stay, who sits where, what success is, and that all of it comes back from a checkpoint."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from socratic.config import LeagueSection
from socratic.errors import CheckpointError
from socratic.game import Game, Scores, Table, game
from socratic.play.league import KeptLeague
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.records import Episode, Feedback, Match
from socratic.seeds import Seed


@game(seats=("first", "second"), zero_sum=True)
async def contest(t: Table) -> Scores:
    """One seat gains what the other loses."""
    return t.draw()


@game(seats=("one", "two"), bounds=(0.0, 4.0))
async def together(t: Table) -> Scores:
    """Both gain."""
    return (0.0, 0.0)


GAMES: Mapping[str, Game] = {"contest": contest, "together": together}


def _weights(version: int) -> PolicyWeights:
    return make_weights(version, {"w": np.full(3, version, dtype=np.float32)})


def _league(seed: int = 0, **section: object) -> KeptLeague:
    league = KeptLeague(LeagueSection.model_validate({"every": 1, **section}), GAMES.__getitem__, Seed(seed))
    league.keep(-1, _weights(0))
    return league


def _keep(league: KeptLeague, versions: Sequence[int]) -> KeptLeague:
    for version in versions:
        league.keep(version - 1, _weights(version))
    return league


def _match(group: int = 0, seats: tuple[str, ...] = ("agent", "league"), name: str = "contest") -> Match:
    return Match(episode_id=f"e{group}", game=name, seed=0, draw_seed=0, seats=seats, version=0, group=group)


def _opponents(league: KeptLeague, count: int = 400, index: int = 0) -> Counter[str]:
    return Counter(match.seats[1] for match in league.seat(index, [_match(group) for group in range(count)]))


def _met(league: KeptLeague, version: int, rewards: tuple[float, ...], name: str = "contest", times: int = 1) -> Mapping[str, float]:
    match = _match(seats=("agent", f"past:{version}"), name=name)
    episode = Episode(match=match, scores=rewards, turns=(), views=((), ()), ending="finished")
    said = Feedback(episode_id=match.episode_id, rewards=rewards, critic="outcome")
    return league.revise(0, [episode] * times, [said] * times)


def test_only_the_seat_that_says_league_is_filled() -> None:
    league = _league()
    matches = [_match(), _match(seats=("agent", "agent")), _match(seats=("league", "agent"))]
    assert [match.seats for match in league.seat(0, matches)] == [("agent", "past:0"), ("agent", "agent"), ("past:0", "agent")]


def test_a_group_meets_one_version_wherever_its_matches_stand() -> None:
    league = _keep(_league(), range(1, 8))
    matches = [_match(group) for group in range(20) for _ in range(3)]
    seated = [match.seats[1] for match in league.seat(3, matches)]
    assert all(len(set(seated[start : start + 3])) == 1 for start in range(0, 60, 3))
    assert len(set(seated)) > 3
    assert [match.seats[1] for match in league.seat(3, matches[30:])] == seated[30:]
    assert [match.seats[1] for match in league.seat(4, matches)] != seated


def test_t0_and_the_newest_are_kept() -> None:
    league = _keep(_league(size=3, every=2), range(1, 12))
    assert list(league.pool()) == [0, 8, 10]


def test_latest_seats_the_newest() -> None:
    assert set(_opponents(_keep(_league(opponent="latest"), [1, 2, 3]))) == {"past:3"}


def test_uniform_seats_all_alike() -> None:
    seated = _opponents(_keep(_league(opponent="uniform"), [1, 2, 3]))
    # Five standard deviations of a binomial count of 400 at 1/4.
    assert all(abs(seated[f"past:{version}"] - 100) < 5 * (400 * 0.25 * 0.75) ** 0.5 for version in range(4))


def test_fixed_seats_its_version_once_it_exists_and_t0_before() -> None:
    league = _league(opponent="fixed", fixed=3, size=2, every=5)
    assert set(_opponents(league)) == {"past:0"}
    _keep(league, range(1, 21))
    assert set(_opponents(league)) == {"past:3"}
    assert 3 in league.pool()


def test_a_match_with_a_version_that_has_left_meanwhile_counts_for_nobody() -> None:
    league = _keep(_league(size=2), [1, 2])
    assert list(league.pool()) == [0, 2]
    before = _met(league, 2, (1.0, -1.0), times=0)
    assert _met(league, 1, (1.0, -1.0), times=3) == before
    assert _met(league, 2, (1.0, -1.0), times=3) != before


def test_prioritized_seats_the_harder_more_often() -> None:
    league = _keep(_league(opponent="prioritized", power=2.0), [1, 2])
    _met(league, 0, (1.0, -1.0), times=3)
    _met(league, 0, (-1.0, 1.0), times=1)
    _met(league, 1, (-1.0, 1.0), times=4)
    # (successes + 1/2) / (matches + 1), counts decayed by .9 a generation: (2.43 + .5) / 4.33, .5 / 5, and .5 for the one never met.
    expected = (1.0 - np.array([2.93 / 4.33, 0.1, 0.5])) ** 2
    expected /= expected.sum()
    seated = _opponents(league, count=2000)
    for version, chance in enumerate(expected):
        assert abs(seated[f"past:{version}"] - 2000 * chance) < 5 * (2000 * chance * (1 - chance)) ** 0.5


def test_prioritized_meets_again_whom_it_beat_long_ago() -> None:
    league = _keep(_league(opponent="prioritized", power=2.0), [1])
    _met(league, 0, (1.0, -1.0), times=8)
    for _ in range(60):
        _met(league, 1, (1.0, -1.0), times=4)
        _met(league, 1, (-1.0, 1.0), times=4)
    # What was counted of version 0 has decayed: it is as unknown as the other is even.
    assert abs(_opponents(league, count=1000)["past:0"] - 500) < 5 * 250**0.5


def test_prioritized_seats_anybody_when_all_are_beaten() -> None:
    league = _keep(_league(opponent="prioritized"), [1])
    _met(league, 0, (1.0, -1.0))
    _met(league, 1, (1.0, -1.0))
    assert set(_opponents(league)) == {"past:0", "past:1"}


def test_fictitious_play_keeps_every_version_equally_often() -> None:
    kept: Counter[int] = Counter()
    for seed in range(300):
        kept.update(list(_keep(_league(seed, opponent="fictitious", size=4), range(1, 16)).pool()))
    # 4 of the 16 versions: five standard deviations of a binomial count of 300 at 1/4.
    assert sum(kept.values()) == 1200
    assert all(abs(kept[version] - 75) < 5 * (300 * 0.25 * 0.75) ** 0.5 for version in range(16))


def test_success_is_a_win_in_a_contest_and_a_share_of_the_bounds_elsewhere() -> None:
    league = _keep(_league(), [1])
    _met(league, 0, (0.2, -0.2))
    assert _met(league, 1, (0.0, 0.0))["league/success_vs/0"] == 1.0
    assert _met(_league(), 0, (0.0, 0.0))["league/success_vs/0"] == 0.5
    assert _met(_league(), 0, (3.0, 3.0), name="together")["league/success_vs/0"] == 0.75


def test_old_matches_count_less_than_new_ones() -> None:
    league = _league()
    _met(league, 0, (1.0, -1.0))
    # 0.9 of a win against one loss.
    assert _met(league, 0, (-1.0, 1.0))["league/success_vs/0"] == pytest.approx(0.9 / 1.9)


def test_a_match_of_which_the_critic_cannot_say_counts_for_nothing() -> None:
    league = _league()
    before = _met(league, 0, (1.0, -1.0))
    assert _met(league, 0, (float("nan"), float("nan"))) == before


def test_who_wins_is_rated_higher_and_a_kept_copy_inherits_it() -> None:
    league = _league()
    metrics = _met(league, 0, (1.0, -1.0), times=5)
    assert metrics["league/rating/agent"] > 25 > metrics["league/rating/0"]
    _keep(league, [1])
    after = league.revise(1, [], [])
    assert after["league/rating/1"] == after["league/rating/agent"] == metrics["league/rating/agent"]
    assert after["league/size"] == 2
    assert "league/success_vs/1" not in after


def test_a_game_in_which_both_gain_changes_no_rating() -> None:
    assert _met(_league(), 0, (4.0, 4.0), name="together")["league/rating/agent"] == 25


def test_what_is_saved_comes_back_and_goes_on_alike(tmp_path: Path) -> None:
    league, other = (_league(opponent="fictitious", size=3) for _ in range(2))
    _keep(league, range(1, 6))
    for version in league.pool():
        _met(league, version, (1.0, -1.0), times=2)
    league.save(tmp_path)
    other.load(tmp_path)
    for each in (league, other):
        _keep(each, range(6, 12))
    assert list(other.pool()) == list(league.pool())
    assert [w.fingerprint for w in other.pool().values()] == [w.fingerprint for w in league.pool().values()]
    assert _met(other, 0, (1.0, -1.0)) == _met(league, 0, (1.0, -1.0))
    assert _opponents(other) == _opponents(league)


def test_a_league_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    _league().save(tmp_path)
    (tmp_path / "000000.safetensors").unlink()
    with pytest.raises(CheckpointError, match="whole league"):
        _league().load(tmp_path)
