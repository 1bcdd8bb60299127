"""What a generation that teaches nothing is told: what happened and what to change."""

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import pytest

from socratic.config import LearnerSection
from socratic.learner.learner import PolicyLearner
from socratic.records import Episode, Feedback, Json, Judgement, Match, Turn
from socratic.seeds import Seed
from tests.unit.tiny import tiny_policy

GAME = "kuhn_poker"
ASKED = Judgement(question="Who?", evidence="", options=("yes", "no"))


def _turn(seat: int, *, is_legal: bool = True, is_truncated: bool = False, is_forced: bool = False, token: int = 5) -> Turn:
    return Turn(
        seat=seat, reply="bet!", is_legal=is_legal, player="agent", version=0, context_ids=(1, 2, seat + 3), token_ids=(token,),
        logprobs=(-1.0,), allowed=((token,) if is_forced else (4, 5, 6),), is_truncated=is_truncated,
    )  # fmt: skip


def _episode(
    number: int, scores: Sequence[float], *, deal: int | None = None, seats: tuple[str, ...] = ("agent", "agent"), **turn: bool
) -> Episode:
    turns = tuple(_turn(seat, token=4 + number % 3, **turn) for seat, player in enumerate(seats) if player == "agent")
    match = Match(episode_id=f"e{number}", game=GAME, seed=number if deal is None else deal, draw_seed=number, seats=seats, version=0)
    return Episode(match=match, scores=tuple(scores), turns=turns, views=((), ()), ending="finished")


def _notes(episodes: Sequence[Episode], rewards: Sequence[Sequence[float]] | None = None, **section: Json) -> list[tuple[str, ...]]:
    """Return what is said of the same generation, learned from twice."""
    plain: dict[str, Json] = {"baseline": "seat_mean", "lr": 1e-9, "objective": {"kl": 0.0}, **section}
    learner = PolicyLearner(
        tiny_policy(), LearnerSection.model_validate(plain), objectives={}, temperature=1.0, max_new_tokens=4, generations=5, seed=Seed(1)
    )
    given = rewards or [episode.scores for episode in episodes]
    feedback = [Feedback(episode_id=e.match.episode_id, rewards=tuple(r), critic="judge") for e, r in zip(episodes, given, strict=True)]
    return [learner.learn(index, episodes, feedback).notes for index in range(2)]


def test_a_generation_that_teaches_is_told_nothing() -> None:
    assert _notes([_episode(0, (1, -1)), _episode(1, (-1, 1))]) == [(), ()]


def test_what_is_wrong_is_said_once_for_as_long_as_it_lasts() -> None:
    first, second = _notes([_episode(number, (0, 0)) for number in range(4)])
    assert len(first) == 1
    assert second == ()


@pytest.mark.parametrize(
    ("episodes", "rewards", "section", "said"),
    [
        ([_episode(n, (0, 0)) for n in range(4)], None, {}, "all 4 episodes got the same score, 0; raise play.temperature"),
        ([_episode(n, (1, -1)) for n in range(4)], None, {}, "seat 'first' won all 4 episodes, whatever was played"),
        (
            [_episode(n, (n, -n), is_legal=False) for n in range(3)],
            None,
            {"baseline": "group"},
            "none of the agent's 6 replies was a legal",
        ),
        (
            [_episode(n, (0, 0), is_truncated=True) for n in range(3)],
            None,
            {},
            "all 6 replies were cut off unfinished; raise play.max_new_tokens",
        ),
        ([_episode(n, (1, -1)) for n in range(3)], [(nan, nan)] * 3, {}, "the critic 'judge' cannot say anything of its 3 episodes"),
        (
            [replace(_episode(n, (nan, nan)), calls=((ASKED, (nan, nan)),)) for n in range(3)],
            None,
            {},
            "whoever answers its t.judge could not say anything (NaN) in any of its 3 episodes; set feedback.judge",
        ),
        (
            [replace(_episode(n, (1, -1)), calls=((ASKED, (0.5, 0.5)),)) for n in range(3)],
            [(nan, nan)] * 3,
            {},
            "its 3 episodes were judged by a critic that is not heard, or not yet; see the events for why, set feedback.judge",
        ),
        (
            [_episode(n, (n, -n), is_forced=True) for n in range(3)],
            None,
            {},
            "the mask left its 6 replies no choice, or they were empty; play another level of the game",
        ),
        (
            [_episode(n, (0, 0)) for n in range(4)],
            [(nan, nan), (0.5, 0.5), (nan, nan), (0.5, 0.5)],
            {},
            "all 2 episodes that have feedback (of 4) got the same score, 0.5; raise play.temperature",
        ),
        (
            [_episode(n, (0, 0)) for n in range(4)],
            [(nan, nan), (1, -1), (1, -1), (1, -1)],
            {},
            "seat 'first' won all 3 episodes that have feedback (of 4), whatever was played",
        ),
        ([_episode(n, (0, 0), seats=("t0", "t0")) for n in range(3)], None, {}, "in none of its 3 episodes was the agent asked"),
        (
            [_episode(n, (n, -n), deal=n) for n in range(3)],
            None,
            {"baseline": "group"},
            "within each group that is compared all scores are the same (-2 to 2 over all)",
        ),
        (
            [_episode(n, (n, -n)) for n in range(3)],
            None,
            {"objective": {"pg": 0.0, "ce": 1.0, "kl": 0.0}, "imitation": {"keep": "above", "threshold": [9.0]}},
            "no reply earned enough to be imitated (scores -2 to 2); lower learner.imitation.threshold",
        ),
        (
            [_episode(n, (n, -n), deal=n) for n in range(3)],
            None,
            {"objective": {"pg": 0.0, "pref": 1.0, "kl": 0.0}},
            "no two replies in one place earned different scores, so there are no pairs",
        ),
    ],
)
def test_help_comes_in_words(episodes: list[Episode], rewards: list[tuple[float, ...]] | None, section: dict[str, Json], said: str) -> None:
    first, _ = _notes(episodes, rewards, **section)
    assert len(first) == 1
    assert first[0].startswith("kuhn_poker teaches nothing: ")
    assert said in first[0]


@pytest.mark.parametrize("baseline", ["none", "seat", "seat_mean", "context", "value"])
@pytest.mark.parametrize("score", [1.0, 0.7])  # the mean of n times .7 is not exactly .7
def test_equal_scores_are_told_whatever_the_baseline(baseline: str, score: float) -> None:
    kind = "ppo" if baseline == "value" else "reinforce"
    (first,), _ = _notes([_episode(number, (score, score)) for number in range(10)], baseline=baseline, gradient={"kind": kind})
    assert f"all 10 episodes got the same score, {score:g}" in first


def test_illegal_replies_are_told_also_where_scores_differ() -> None:
    (first,), _ = _notes([_episode(number, (number, -number), is_legal=False) for number in range(3)], baseline="seat")
    assert "none of the agent's 6 replies was a legal move" in first


def test_momentum_moves_nothing_where_nothing_is_learned() -> None:
    policy = tiny_policy()
    section = LearnerSection.model_validate({"baseline": "group", "lr": 0.1, "objective": {"kl": 0.0}})
    learner = PolicyLearner(policy, section, objectives={}, temperature=1.0, max_new_tokens=4, generations=5, seed=Seed(1))
    taught = [_episode(number, (number, -number), deal=7) for number in range(3)]
    silent = [_episode(number, (0.7, 0.7), deal=7) for number in range(10)]

    def learn(index: int, episodes: Sequence[Episode]) -> str:
        feedback = [Feedback(episode_id=e.match.episode_id, rewards=e.scores, critic="outcome") for e in episodes]
        return learner.learn(index, episodes, feedback).fingerprint

    before = policy.weights(0).fingerprint
    after = learn(0, taught)
    assert after != before
    assert learn(1, silent) == after


def test_weights_stay_where_nothing_can_be_learned() -> None:
    policy = tiny_policy()
    before = policy.weights(0).fingerprint
    learner = PolicyLearner(
        policy,
        LearnerSection.model_validate({"baseline": "group", "lr": 0.1, "objective": {"kl": 0.0}}),
        objectives={}, temperature=1.0, max_new_tokens=4, generations=5, seed=Seed(1),
    )  # fmt: skip
    episodes = [_episode(number, (number, -number)) for number in range(3)]
    feedback = [Feedback(episode_id=e.match.episode_id, rewards=e.scores, critic="outcome") for e in episodes]
    # Groups of one: an advantage of 0, never the raw reward.
    assert learner.learn(0, episodes, feedback).fingerprint == before
