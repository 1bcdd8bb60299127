"""Several critics that speak as one."""

import math
from collections.abc import Sequence

import pytest

from socratic.config import Measure, Panel
from socratic.critics.measured import MeasuredCritic
from socratic.critics.outcome import OutcomeScorer
from socratic.critics.panel import PanelJudge, PanelScorer
from socratic.critics.planted import make_empty, make_honest
from socratic.errors import ConfigError, DoorLost
from socratic.protocols import Judge
from socratic.records import Episode, Judgement
from socratic.registry import load_game
from socratic.seeds import Seed
from tests.unit.critic_cases import PLACES, WHERE, judged, played

EPISODES = [played(place, (1.0, -1.0) if place % 2 else (-1.0, 1.0)) for place in range(16)]
ASKED = [Judgement(question="Who?", evidence="", options=("ann", "bob"))]
UNSAID = [(math.nan, math.nan)]


class Paying:
    """Pays seat 0 what it is told to, and seat 1 the opposite."""

    reads_text = False

    def __init__(self, name: str, reward: float) -> None:
        self.name = name
        self.reward = reward

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        return [(self.reward, -self.reward) for _ in episodes]


class Leaning:
    """Gives its first option what it is told to."""

    def __init__(self, share: float) -> None:
        self.share = share

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        return [(self.share, 1 - self.share) for _ in judgements]


class Distant(Leaning):
    """Lives in a worker of its own."""

    lost: DoorLost | None = None

    def present(self) -> Judge:
        return Leaning(self.share)

    def mend(self, lost: DoorLost) -> None:
        self.lost = lost


def panel(*rewards: float, **section: object) -> PanelScorer:
    members = [Paying(f"critic {place}", reward) for place, reward in enumerate(rewards)]
    return PanelScorer(members, Panel.model_validate(section), load_game)


def test_a_panel_says_the_mean_of_its_members() -> None:
    assert panel(0.5, 0.0).score(EPISODES[:1]) == [(0.25, -0.25)]
    assert panel(0.5, 0.0, weights=(3.0, 1.0)).score(EPISODES[:1]) == [(0.375, -0.375)]


def test_a_member_that_cannot_say_is_left_out_of_the_mean() -> None:
    assert panel(0.5, math.nan).score(EPISODES[:1]) == [(0.5, -0.5)]
    assert all(math.isnan(reward) for reward in panel(math.nan, math.nan).score(EPISODES[:1])[0])


def test_members_too_far_apart_cannot_say() -> None:
    # Of the range -1 to 1 half is 1.
    assert panel(0.5, -0.5).score(EPISODES[:1]) == [(0.0, 0.0)]
    assert all(math.isnan(reward) for reward in panel(0.6, -0.5).score(EPISODES[:1])[0])
    assert panel(0.6, -0.5, max_disagreement=1.0).score(EPISODES[:1])[0][0] == pytest.approx(0.05)


def test_disagreement_is_the_mean_distance_as_a_share_of_the_range() -> None:
    scorer = panel(0.5, -0.5, math.nan)
    said = {name: member.score(EPISODES) for name, member in scorer.members.items()}
    assert scorer.disagreement(EPISODES, said) == pytest.approx(0.5)
    assert math.isnan(panel(0.5).disagreement(EPISODES, {"critic 0": [(0.5, -0.5)] * len(EPISODES)}))


@pytest.mark.parametrize(("num", "weights"), [(0, ()), (2, (1.0,)), (2, (1.0, 0.0))])
def test_a_panel_of_nobody_or_with_weights_that_do_not_fit_is_refused(num: int, weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="feedback.panel"):
        PanelScorer([Paying(f"critic {place}", 0) for place in range(num)], Panel(weights=weights), load_game)


def test_two_members_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="all different"):
        PanelScorer([Paying("one", 0), Paying("one", 1)], Panel(), load_game)


def test_a_member_that_fails_is_left_out_and_the_others_are_heard() -> None:
    scorer = PanelScorer([make_empty(Seed(0)), OutcomeScorer()], Panel(), load_game)
    found = MeasuredCritic(scorer, None, Measure(), Seed(1)).judge(0, EPISODES)
    assert [event.kind for event in found.events] == ["quarantine"]
    assert found.metrics["critic/planted_empty/quarantined"] == 1
    assert [feedback.rewards for feedback in found.feedback] == [episode.scores for episode in EPISODES]
    assert {feedback.critic for feedback in found.feedback} == {"panel"}


def test_the_disagreement_of_a_panel_is_measured() -> None:
    found = MeasuredCritic(panel(0.5, -0.5), None, Measure(), Seed(1)).judge(0, EPISODES)
    assert found.metrics == {"critic/panel/disagreement": pytest.approx(0.5)}


def test_a_panel_of_judges_says_the_mean_of_their_shares() -> None:
    judge = PanelJudge({"one": Leaning(0.9), "other": Leaning(0.5)}, Panel(weights=(1.0, 3.0)))
    assert judge.judge_calls(ASKED) == [pytest.approx((0.6, 0.4))]


def test_a_judge_that_cannot_say_is_left_out_of_the_mean() -> None:
    silent = Leaning(math.nan)
    assert PanelJudge({"one": Leaning(0.9), "other": silent}, Panel()).judge_calls(ASKED) == [pytest.approx((0.9, 0.1))]
    assert PanelJudge({"one": silent, "other": silent}, Panel()).judge_calls(ASKED) == UNSAID


def test_a_panel_of_judges_too_far_apart_cannot_say() -> None:
    assert PanelJudge({"one": Leaning(0.9), "other": Leaning(0.3)}, Panel()).judge_calls(ASKED) == UNSAID


def test_a_judge_that_is_left_out_is_asked_no_more_in_play_either() -> None:
    distant = Distant(0.9)
    judge = PanelJudge({"one": distant, "other": Leaning(0.5)}, Panel(), doors={"one": distant, "other": Leaning(0.5)})
    assert judge.present().judge_calls(ASKED)[0] == pytest.approx((0.7, 0.3))
    judge.leave_out("one")
    assert judge.judge_calls(ASKED) == judge.present().judge_calls(ASKED) == [(0.5, 0.5)]
    judge.leave_out("other")
    assert judge.present().judge_calls(ASKED) == UNSAID


def test_a_lost_worker_is_mended_by_the_member_whose_it_was() -> None:
    distant = Distant(0.9)
    lost = DoorLost("gone", crew="judge", post=0, number=0)
    PanelJudge({"one": distant, "other": Leaning(0.5)}, Panel()).mend(lost)
    assert distant.lost is lost


@pytest.mark.parametrize("is_handed_to_play", [True, False])
def test_what_a_failing_judge_helped_to_judge_is_not_learned_from(*, is_handed_to_play: bool) -> None:
    members: dict[str, Judge] = {"empty": make_empty(Seed(0)), "honest": make_honest(Seed(0))}
    judge = PanelJudge(members, Panel(), doors=members if is_handed_to_play else None)
    episodes = [judged(place, f"ann is in the attic {place}", (0, 0, 0, 1, 0), critic=1.0, exact=1.0) for place in range(8)]
    critic = MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(1), judge_name="panel")
    first, second = critic.judge(0, episodes), critic.judge(1, episodes)
    assert first.metrics["critic/panel_empty/quarantined"] == 1
    assert first.metrics["critic/panel_honest/quarantined"] == first.metrics["critic/panel/quarantined"] == 0
    assert all(math.isnan(feedback.rewards[0]) for feedback in first.feedback)
    # From the next generation on it is left out, where play asks this very panel.
    assert all(math.isnan(feedback.rewards[0]) != is_handed_to_play for feedback in second.feedback)
    nothing_said = Judgement(question=WHERE, evidence="", options=PLACES)
    assert judge.judge_calls([nothing_said])[0][-1] == pytest.approx(0.85)


def test_a_resumed_panel_leaves_out_who_was_left_out() -> None:
    def make() -> tuple[PanelJudge, MeasuredCritic]:
        members: dict[str, Judge] = {"empty": make_empty(Seed(0)), "honest": make_honest(Seed(0))}
        judge = PanelJudge(members, Panel(max_disagreement=1.0), doors=members)
        return judge, MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(1), judge_name="panel")

    episodes = [judged(place, f"ann is in the attic {place}", (0, 0, 0, 1, 0), critic=1.0, exact=1.0) for place in range(8)]
    _, critic = make()
    critic.judge(0, episodes)
    judge, resumed = make()
    resumed.restore(critic.state())
    nothing_said = Judgement(question=WHERE, evidence="", options=PLACES)
    assert judge.judge_calls([nothing_said])[0][-1] == pytest.approx(0.85)
