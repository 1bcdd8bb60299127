"""Advantages: each choice against its formula, worked by hand."""

from dataclasses import replace

import pytest

from socratic.config import LearnerSection
from socratic.learner.advantage import Advantages
from socratic.records import Episode, Feedback, Match, Turn


def _played(
    number: int, rewards: tuple[float, ...], *, deal: int = 0, turns: int = 1, seats: tuple[str, ...] = ("agent", "agent")
) -> tuple[Episode, Feedback]:
    match = Match(episode_id=f"e{number}", game="g", seed=deal, draw_seed=number, seats=seats, version=0)
    taken = tuple(
        Turn(seat=seat, reply="x", is_legal=True, player=seats[seat], version=0) for _ in range(turns) for seat in range(len(seats))
    )
    episode = Episode(match=match, scores=rewards, turns=taken, views=((),) * len(seats), ending="finished")
    return episode, Feedback(episode_id=match.episode_id, rewards=rewards, critic="outcome")


def _advantages(section: LearnerSection, *played: tuple[Episode, Feedback], kept: Advantages | None = None) -> list[tuple[float, ...]]:
    episodes, feedback = [each[0] for each in played], [each[1] for each in played]
    return [trajectory.advantages for trajectory in (kept or Advantages(section)).trajectories(episodes, feedback)]


def test_without_a_baseline_the_reward_is_the_advantage() -> None:
    assert _advantages(LearnerSection(baseline="none"), _played(0, (1.0, -1.0))) == [(1.0,), (-1.0,)]


def test_seats_have_baselines_of_their_own() -> None:
    # In a zero-sum game the mean over both seats is 0 whatever happens: seat 0's is 0.5, seat 1's -0.5.
    found = _advantages(LearnerSection(baseline="seat_mean"), _played(0, (1.0, -1.0)), _played(1, (0.0, 0.0)))
    assert found == [(0.5,), (-0.5,), (-0.5,), (0.5,)]


def test_a_running_baseline_is_read_before_it_is_updated() -> None:
    kept = Advantages(LearnerSection(baseline="seat", baseline_decay=0.5))
    section = LearnerSection()
    _advantages(section, _played(0, (1.0, -1.0)), kept=kept)
    assert _advantages(section, _played(1, (0.0, 0.0)), kept=kept) == [(-1.0,), (1.0,)]
    # 0.5 x 1 + 0.5 x 0 after the second generation.
    assert _advantages(section, _played(2, (0.0, 0.0)), kept=kept) == [(-0.5,), (0.5,)]


def test_running_baselines_survive_a_checkpoint() -> None:
    kept, other = Advantages(LearnerSection()), Advantages(LearnerSection())
    _advantages(LearnerSection(), _played(0, (1.0, -1.0)), kept=kept)
    other.restore(kept.state())
    later = _played(1, (0.25, -0.25))
    assert _advantages(LearnerSection(), later, kept=other) == _advantages(LearnerSection(), later, kept=kept)


def test_a_group_of_one_learns_nothing() -> None:
    # Others hand out the raw reward here.
    for baseline in ("group", "leave_one_out"):
        assert _advantages(LearnerSection.model_validate({"baseline": baseline}), _played(0, (1.0,), seats=("agent",))) == [(0.0,)]


def test_group_and_leave_one_out() -> None:
    played = [_played(i, (reward,), deal=7, seats=("agent",)) for i, reward in enumerate((1.0, 0.0, 0.0, 0.0))]
    assert _advantages(LearnerSection(baseline="group"), *played) == [(0.75,), (-0.25,), (-0.25,), (-0.25,)]
    left_out = _advantages(LearnerSection(baseline="leave_one_out"), *played)
    # 1 - 0 for the first; 0 - 1/3 for the others.
    assert [value[0] for value in left_out] == pytest.approx([1.0, -1 / 3, -1 / 3, -1 / 3])


def test_groups_of_different_deals_do_not_mix() -> None:
    played = [_played(i, (reward,), deal=deal, seats=("agent",)) for i, (reward, deal) in enumerate([(1.0, 1), (1.0, 1), (0.0, 2)])]
    assert _advantages(LearnerSection(baseline="group"), *played) == [(0.0,), (0.0,), (0.0,)]


def test_scaling_divides_by_the_standard_deviation() -> None:
    played = [_played(i, (reward,), deal=7, seats=("agent",)) for i, reward in enumerate((1.0, -1.0))]
    for scale in ("group", "batch"):
        section = LearnerSection.model_validate({"baseline": "group", "scale": scale})
        assert [value[0] for value in _advantages(section, *played)] == pytest.approx([2**-0.5, -(2**-0.5)], abs=1e-3)


def test_credit_is_discounted_once_for_each_later_turn() -> None:
    section = LearnerSection(baseline="none", discount=0.5)
    assert _advantages(section, _played(0, (1.0,), turns=3, seats=("agent",))) == [(0.25, 0.5, 1.0)]


def test_a_reward_that_is_not_known_is_left_out() -> None:
    assert _advantages(LearnerSection(baseline="none"), _played(0, (float("nan"), -1.0))) == [(-1.0,)]


def test_only_the_agent_learns() -> None:
    assert _advantages(LearnerSection(baseline="none"), _played(0, (1.0, -1.0), seats=("scripted:random", "agent"))) == [(-1.0,)]


def test_a_group_of_one_or_without_a_spread_has_no_scale() -> None:
    # Dividing by a standard deviation of 0 would hand out ten thousand times the reward.
    for baseline in ("none", "seat_mean", "group"):
        section = LearnerSection.model_validate({"baseline": baseline, "scale": "group"})
        alone = [_played(i, (reward,), deal=i, seats=("agent",)) for i, reward in enumerate((1.0, 0.0))]
        equal = [_played(i, (reward,), deal=7, seats=("agent",)) for i, reward in enumerate((1.0, 1.0))]
        assert _advantages(section, *alone) == [(0.0,), (0.0,)]
        assert _advantages(section, *equal) == [(0.0,), (0.0,)]


def _at_contexts(number: int, reward: float, *contexts: tuple[int, ...]) -> tuple[Episode, Feedback]:
    episode, feedback = _played(number, (reward,), seats=("agent",))
    turns = tuple(Turn(seat=0, reply="x", is_legal=True, player="agent", version=0, context_ids=ids) for ids in contexts)
    return replace(episode, turns=turns), feedback


def test_a_context_is_compared_with_the_other_turns_before_the_same_tokens() -> None:
    played = [_at_contexts(0, 1.0, (1,), (1, 2)), _at_contexts(1, 0.0, (1,), (1, 3)), _at_contexts(2, -1.0, (1,), (1, 3))]
    found = _advantages(LearnerSection(baseline="context"), *played)
    # (1,): 1 - (0 - 1) / 2, 0 - (1 - 1) / 2, -1 - (1 + 0) / 2. (1, 2) is met once: 1 minus the seat's mean 0. (1, 3): 0 + 1, -1 - 0.
    assert found == [(1.5, 1.0), (0.0, 1.0), (-1.5, -1.0)]


def test_a_context_baseline_discounts_like_the_others() -> None:
    section = LearnerSection(baseline="context", discount=0.5)
    assert _advantages(section, _at_contexts(0, 1.0, (1,), (2,)), _at_contexts(1, 0.0, (1,), (2,))) == [(0.5, 1.0), (-0.5, -1.0)]
