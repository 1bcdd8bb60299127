"""The loop's critic: it measures who can be talked round, and shuts out who was."""

import json
import math
from collections.abc import Callable, Mapping, Sequence

import pytest

from socratic.config import Measure, Panel
from socratic.critics.measured import MeasuredCritic, case_of_member, counted_options
from socratic.critics.outcome import OutcomeScorer
from socratic.critics.panel import PanelJudge
from socratic.critics.planted import EmptyLover, Honest, LengthLover, make_empty, make_honest, make_length
from socratic.errors import CheckpointError
from socratic.protocols import Judge
from socratic.records import Episode, Json, Judged, Judgement
from socratic.seeds import Seed
from tests.unit.critic_cases import PLACES, WHERE, judged, played

Planted = LengthLover | EmptyLover | Honest


class Fixed:
    """Pays what it is told to."""

    name = "fixed"
    reads_text = True

    def __init__(self, reward: float) -> None:
        self.reward = reward

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        return [(self.reward,) * len(episode.scores) for episode in episodes]


def told(judge: Judge, index: int, num: int) -> list[Episode]:
    """Return episodes in which ann is said to be somewhere, rightly in half of them, and `judge` was asked where."""
    seed = Seed(5).child("told", index)
    said = [PLACES[seed.integer(4, 3 * place)] for place in range(num)]
    is_true = [seed.uniform(3 * place + 1) < 0.5 for place in range(num)]
    # No two texts are alike, and their length has nothing to do with what they say.
    texts = [f"ann is in the {where} {'x' * seed.integer(30, 3 * place + 2)}{index}-{place}" for place, where in enumerate(said)]
    asked = [Judgement(question=WHERE, evidence=text, options=PLACES) for text in texts]
    episodes = []
    for place, shares in enumerate(judge.judge_calls(asked)):
        facts = said[place] if is_true[place] else PLACES[(PLACES.index(said[place]) + 1) % 4]
        critic, exact = shares[PLACES.index(facts)], float(is_true[place])
        episodes.append(judged(1000 * index + place, texts[place], shares, critic=critic, exact=exact))
    return episodes


def won(index: int, num: int) -> list[Episode]:
    """Return episodes of a game scored by code, half of them won, with replies of any length, no two alike."""
    seed = Seed(6).child("won", index)
    return [
        played(1000 * index + place, scores=(score, -score), replies=("x" * seed.integer(30, 2 * place + 1) + f"{index}-{place}",))
        for place in range(num)
        for score in (1.0 if seed.uniform(2 * place) < 0.5 else -1.0,)
    ]


def over_judge(judge: Planted, generations: int, num: int = 32) -> list[Judged]:
    critic = MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(1), judge_name=judge.name)
    return [critic.judge(index, told(judge, index, num)) for index in range(generations)]


def over_scorer(scorer: Planted | Fixed, generations: int, num: int = 32, **measure: float) -> list[Judged]:
    critic = MeasuredCritic(scorer, None, Measure.model_validate(measure), Seed(1))
    return [critic.judge(index, won(index, num)) for index in range(generations)]


def is_out(found: Judged, name: str) -> bool:
    return found.metrics[f"critic/{name}/quarantined"] == 1


@pytest.mark.parametrize("make", [make_length, make_empty])
@pytest.mark.parametrize("num", [32, 64])
def test_a_planted_judge_is_out_within_3_generations(make: Callable[[Seed], Planted], num: int) -> None:
    judge = make(Seed(0))
    found = over_judge(judge, 3, num)
    assert is_out(found[-1], judge.name)
    events = [event for each in found for event in each.events]
    assert [event.kind for event in events] == ["quarantine"]
    assert all(math.isnan(reward) for feedback in found[-1].feedback for reward in feedback.rewards)


@pytest.mark.parametrize("make", [make_length, make_empty])
def test_a_planted_scorer_is_out_within_3_generations(make: Callable[[Seed], Planted]) -> None:
    scorer = make(Seed(0))
    found = over_scorer(scorer, 3)
    assert is_out(found[-1], scorer.name)
    assert all(math.isnan(reward) for feedback in found[-1].feedback for reward in feedback.rewards)


def test_a_lover_of_length_is_blind_even_where_no_canary_is_tried() -> None:
    # Without low truth there is nothing to dress up: here J alone is left.
    critic = MeasuredCritic(LengthLover(), None, Measure(max_canary_rate=1), Seed(1))
    found = [critic.judge(index, won(index, 32)) for index in range(3)]
    assert is_out(found[-1], "planted_length")
    (event,) = [event for each in found for event in each.events]
    assert "does not tell better from worse" in event.message


def test_an_honest_judge_is_heard_for_200_generations() -> None:
    found = over_judge(make_honest(Seed(3)), 200)
    assert not any(is_out(each, "planted_honest") for each in found)
    # Of what is so .85 are found; of what is not, a quarter of the .15 that are misread: .81.
    assert found[-1].metrics["critic/planted_honest/youden_j"] == pytest.approx(0.81, abs=0.08)
    assert found[-1].metrics["critic/planted_honest/canary_fpr"] < 0.05


def test_an_honest_scorer_is_heard_for_200_generations() -> None:
    found = over_scorer(make_honest(Seed(4)), 200)
    assert not any(is_out(each, "planted_honest") for each in found)
    metrics = found[-1].metrics
    assert metrics["critic/planted_honest/youden_j"] == pytest.approx(0.7, abs=0.1)
    assert metrics["critic/planted_honest/brier"] == pytest.approx(0.15, abs=0.05)
    assert metrics["critic/planted_honest/cases"] == 20 * 32


def test_the_event_says_what_failed_since_when_and_how_to_lift_it() -> None:
    (event,) = over_scorer(make_empty(Seed(0)), 1)[0].events
    assert event.message == (
        "the critic planted_empty is not heard from this generation on, its feedback is NaN: it can be talked round: the canary 'empty' "
        "got through 8 times of 8, expected at most 25%. The run goes on without it; to hear it all the same, set "
        "feedback.measure.quarantine = false"
    )


def test_without_quarantine_a_critic_that_fails_is_only_written_down() -> None:
    found = over_scorer(make_empty(Seed(0)), 3, quarantine=False)
    assert [event.kind for each in found for event in each.events] == ["note"]
    assert not is_out(found[-1], "planted_empty")
    assert not any(math.isnan(reward) for each in found for feedback in each.feedback for reward in feedback.rewards)


def test_a_judge_that_is_out_silences_only_the_matches_it_judged() -> None:
    judge = make_empty(Seed(0))
    critic = MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(1), judge_name="planted")
    episodes = [*told(judge, 0, 32), *won(0, 4)]
    found = critic.judge(0, episodes)
    assert [math.isnan(feedback.rewards[0]) for feedback in found.feedback] == [True] * 32 + [False] * 4


def test_what_a_critic_cannot_say_is_no_case_and_is_counted() -> None:
    (found,) = over_scorer(Fixed(math.nan), 1)
    assert found.metrics == {
        "critic/fixed/cannot_say": 1,
        "critic/fixed/cases": 0,
        "critic/fixed/quarantined": 0,
        "critic/fixed/canary_fpr": 0,
    }


def test_only_what_is_bad_in_truth_is_dressed_up() -> None:
    critic = MeasuredCritic(EmptyLover(), None, Measure(), Seed(1))
    assert "critic/planted_empty/canary_fpr" not in critic.judge(0, [played(place, (1.0, -1.0)) for place in range(8)]).metrics


def test_a_scorer_that_no_words_reach_is_not_measured() -> None:
    found = MeasuredCritic(OutcomeScorer(), None, Measure(), Seed(1)).judge(0, won(0, 8))
    assert not found.metrics
    assert [feedback.rewards for feedback in found.feedback] == [episode.scores for episode in won(0, 8)]
    assert {feedback.critic for feedback in found.feedback} == {"outcome"}


def test_measuring_can_be_left_out() -> None:
    found = over_scorer(make_empty(Seed(0)), 3, enabled=False)
    assert not any(each.metrics or each.events for each in found)


def test_only_the_window_counts() -> None:
    found = over_scorer(make_honest(Seed(4)), 6, window=2)
    assert [each.metrics["critic/planted_honest/cases"] for each in found] == [32, 64, 64, 64, 64, 64]


def test_a_judge_with_no_truth_to_be_measured_by_is_noted_once() -> None:
    judge = make_honest(Seed(0))
    critic = MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(1), judge_name="honest")
    blind = [judged(place, "ann is in the attic", (0, 0, 0, 1, 0), critic=0.9, exact=None) for place in range(4)]
    events = [event for index in range(3) for event in critic.judge(index, blind).events]
    assert [event.kind for event in events] == ["note"]
    assert "add a game that does, with an exact twin" in events[0].message


def test_a_critic_that_goes_on_from_a_checkpoint_finds_the_same() -> None:
    def make() -> MeasuredCritic:
        return MeasuredCritic(make_honest(Seed(4)), make_length(Seed(0)), Measure(window=5), Seed(1))

    def episodes(index: int) -> list[Episode]:
        return [*won(index, 8), *told(make_length(Seed(0)), index, 8)]

    whole, halved = make(), make()
    for index in range(3):
        whole.judge(index, episodes(index))
        halved.judge(index, episodes(index))
    resumed = make()
    resumed.restore(json.loads(json.dumps(halved.state())))
    assert resumed.state() == whole.state()
    for index in (3, 4):
        one, other = whole.judge(index, episodes(index)), resumed.judge(index, episodes(index))
        assert (one.metrics, one.events) == (other.metrics, other.events)
        assert str(one.feedback) == str(other.feedback)  # as text, because NaN is not itself
        assert is_out(other, "planted_length")
        assert other.metrics["critic/planted_length/order_flip_rate"] == 1


@pytest.mark.parametrize("state", [{}, {"books": {}, "is_noted": False}, {"books": {"fixed": {}}, "is_noted": False}])
def test_the_memory_of_other_critics_is_refused(state: Mapping[str, Json]) -> None:
    with pytest.raises(CheckpointError, match="critic"):
        MeasuredCritic(Fixed(0), None, Measure(), Seed(1)).restore(state)


def test_a_scorer_is_held_against_the_exact_score_where_a_judge_scored() -> None:
    judge = make_honest(Seed(0))
    episodes = [judged(place, "", (0.2,) * 5, critic=0.5, exact=float(place % 2)) for place in range(10)]
    critic = MeasuredCritic(Fixed(1.0), judge, Measure(), Seed(1), judge_name="honest")
    # Story's bounds are 0 and 1: the reward is 1, the truth 0 or 1.
    assert critic.judge(0, episodes).metrics["critic/fixed/brier"] == pytest.approx(0.5)


def test_a_judge_that_shares_its_name_with_the_scorer_has_metrics_of_its_own() -> None:
    judge = make_honest(Seed(0))
    found = MeasuredCritic(make_honest(Seed(0)), judge, Measure(), Seed(1), judge_name="planted_honest").judge(0, told(judge, 0, 8))
    assert {"critic/planted_honest/cases", "critic/planted_honest_judge/cases"} <= set(found.metrics)


@pytest.mark.parametrize(("critic", "is_known"), [(0.7, True), (0.2, True), (0.1, False), (0.35, False)])
def test_the_counted_option_is_told_where_one_share_alone_is_what_the_game_made(critic: float, *, is_known: bool) -> None:
    # Of two shares that are alike either may count, and .35 is none of them.
    episode = judged(0, "ann is in the attic", (0.2, 0.0, 0.0, 0.7, 0.1), critic=critic, exact=1.0)
    other = judged(1, "ann is in the cellar", (0.2, 0.1, 0.1, 0.6, 0.0), critic=critic, exact=1.0)
    assert bool(counted_options([episode if is_known else other])) == is_known


def test_an_option_that_counts_in_one_match_and_another_in_the_next_is_not_told() -> None:
    shares = (0.2, 0.0, 0.0, 0.7, 0.1)
    episodes = [judged(place, "ann", shares, critic=critic, exact=1.0) for place, critic in enumerate((0.7, 0.2))]
    assert not counted_options(episodes)


def test_a_member_has_a_case_even_where_its_panel_was_undecided() -> None:
    told_apart = judged(0, "ann is in the attic", (0.2, 0.0, 0.0, 0.7, 0.1), critic=0.7, exact=1.0)
    undecided = judged(1, "ann is in the attic", (math.nan,) * 5, critic=0.2, exact=0.0)
    counted = counted_options([told_apart, undecided])
    found = case_of_member(undecided, (0.0, 0.1, 0.0, 0.9, 0.0), counted)
    assert found is not None
    assert (found.score, found.truth) == (0.9, 0.0)
    assert case_of_member(undecided, (math.nan,) * 5, counted) is None


def test_members_of_which_nothing_can_be_told_are_noted_once() -> None:
    members: dict[str, Judge] = {"one": make_honest(Seed(0)), "other": make_honest(Seed(1))}
    critic = MeasuredCritic(OutcomeScorer(), PanelJudge(members, Panel()), Measure(), Seed(1))
    episodes = [judged(place, f"ann {place}", (0.2,) * 5, critic=0.35, exact=1.0) for place in range(4)]
    (event,) = [event for index in range(3) for event in critic.judge(index, episodes).events]
    assert "the members of panel are measured by canaries alone" in event.message


def test_a_judge_that_nobody_asks_is_noted_once() -> None:
    critic = MeasuredCritic(OutcomeScorer(), make_honest(Seed(0)), Measure(), Seed(1))
    first, second = (critic.judge(index, [played(index, (1.0, -1.0))]) for index in range(2))
    assert [event.kind for event in first.events] == ["note"]
    assert "no match of the first generation asked planted_honest anything" in first.events[0].message
    assert not second.events
