"""Policies that learn as one agent: who answers what, who learns from what, and what their agreement is worth."""

from collections.abc import Mapping, Sequence
from math import isnan

from socratic.critics.self_consistency import SelfConsistencyScorer
from socratic.protocols import Weights
from socratic.records import Breakage, Episode, Feedback, Match, Metrics, Played, Turn, Update, Verdict
from socratic.studies.beyond_committee import Committee, Member
from socratic.studies.beyond_plan import QUICK, Plan

HEALTHY = Verdict(is_healthy=True, metrics={})


def _match(number: int) -> Match:
    return Match(episode_id=str(number), game="sums", params={"digits": 2}, seed=0, draw_seed=number, seats=("agent",), version=0)


def _episode(match: Match, reply: str) -> Episode:
    turn = Turn(seat=0, reply=reply, is_legal=True, player="agent", version=0)
    return Episode(match=match, scores=(0.0,), turns=(turn,), views=((),), ending="finished")


class Sayer:
    """A member that always answers alike, and remembers what it was taught."""

    def __init__(self, reply: str, metrics: Mapping[str, float] | None = None, breakages: tuple[Breakage, ...] = ()) -> None:
        self.version = 0
        self.learned: list[str] = []
        self.published: list[str] = []
        self._reply, self._metrics, self._breakages = reply, metrics or {}, breakages

    def due(self, index: int) -> Sequence[int]:
        return [index]

    def start(self, index: int, matches: Sequence[Match]) -> None:
        del index
        self._matches = matches

    def finish(self, index: int) -> Played:
        del index
        return Played(episodes=tuple(_episode(match, self._reply) for match in self._matches), breakages=self._breakages)

    def learn(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Update:
        self.learned += [episode.turns[0].reply for episode, said in zip(episodes, feedback, strict=True) if said.rewards[0] > 0]
        return Update(version=index + 1, fingerprint=self._reply, metrics=self._metrics)

    def publish(self, index: int, update: Update, verdict: Verdict) -> Metrics:
        self.version = update.version
        self.published.append(update.fingerprint)
        return {"sync/version": float(update.version)}

    def weights(self) -> Weights:
        raise NotImplementedError

    def t0(self) -> Weights:
        raise NotImplementedError

    def past(self) -> Mapping[int, Weights]:
        raise NotImplementedError


def _committee(*sayers: Sayer) -> Committee:
    return Committee([Member(rollout=each, learner=each, agent=each) for each in sayers])


def _play(committee: Committee, matches: Sequence[Match]) -> Played:
    committee.start(0, matches)
    return committee.finish(0)


def _paid(committee: Committee, scorer: SelfConsistencyScorer, num: int) -> list[Feedback]:
    episodes = _play(committee, [_match(number) for number in range(num)]).episodes
    return [
        Feedback(episode_id=episode.match.episode_id, rewards=rewards, critic=scorer.name)
        for episode, rewards in zip(episodes, scorer.score(episodes), strict=True)
    ]


def test_matches_go_to_the_members_in_turn_and_come_back_in_their_order() -> None:
    played = _play(_committee(Sayer("1"), Sayer("2"), Sayer("3")), [_match(number) for number in range(6)])
    assert [episode.match.episode_id for episode in played.episodes] == list("012345")
    assert [episode.turns[0].reply for episode in played.episodes] == list("123123")


def test_every_member_learns_what_most_answers_agree_on_whoever_said_it() -> None:
    sayers = [Sayer("4 2"), Sayer("4 3"), Sayer("4 2")]
    committee = _committee(*sayers)
    feedback = _paid(committee, SelfConsistencyScorer(0.55), 12)
    committee.learn(0, _play(committee, [_match(number) for number in range(12)]).episodes, feedback)
    assert [sayer.learned for sayer in sayers] == [["4 2"] * 8] * 3


def test_no_member_has_a_majority_by_itself() -> None:
    for plan in (Plan(), QUICK):
        assert plan.group % plan.members == 0
        assert plan.group / plan.members < plan.agreed * plan.group
    feedback = _paid(_committee(Sayer("1"), Sayer("2"), Sayer("3")), SelfConsistencyScorer(Plan().agreed), 12)
    assert all(isnan(said.rewards[0]) for said in feedback)


def test_every_member_publishes_what_it_learned_itself() -> None:
    sayers = [Sayer("1", {"policy/loss": 1.0, "policy/kl_t0": 2.0}), Sayer("2", {"policy/loss": 3.0})]
    committee = _committee(*sayers)
    feedback = _paid(committee, SelfConsistencyScorer(), 4)
    update = committee.learn(0, _play(committee, [_match(number) for number in range(4)]).episodes, feedback)
    assert dict(update.metrics) == {"policy/loss": 2.0, "policy/kl_t0": 2.0}
    assert dict(committee.publish(0, update, HEALTHY)) == {"sync/version": 1.0}
    assert [sayer.published for sayer in sayers] == [["1"], ["2"]]
    assert committee.version == 1


def test_a_game_that_breaks_for_one_member_is_broken_for_all() -> None:
    broken = Breakage(game="sums", episode_id="1", message="it froze")
    played = _play(_committee(Sayer("1"), Sayer("2", breakages=(broken,))), [_match(number) for number in range(4)])
    assert played == Played(episodes=(), breakages=(broken,))
