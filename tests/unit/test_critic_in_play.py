"""Critics on real games: who is shut out there, and what becomes of a judge that does not answer."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from socratic.config import LearnerSection, Measure, Panel
from socratic.critics.measured import MeasuredCritic
from socratic.critics.outcome import FormatScorer, OutcomeScorer
from socratic.critics.panel import PanelJudge
from socratic.critics.planted import make_empty, make_honest, make_length
from socratic.errors import PlayError
from socratic.learner.advantage import Advantages
from socratic.play.block import PlayRules, play_block
from socratic.play.clerk import PlayClerk
from socratic.policy.scripted import ScriptedPlayers
from socratic.protocols import Judge
from socratic.records import Episode, Event, Judgement, Match, ParameterValue
from socratic.registry import load_game
from socratic.seeds import Seed

Params = dict[str, ParameterValue]
WIDE: Params = {"judged": True, "rows": 3, "columns": 3, "reveals": 2}
GAMES: list[tuple[str, Params]] = [
    ("debate", {"judged": True}),
    ("debate", WIDE),
    ("deal", {"judged": True, "talk": 2}),
    ("story", {"judged": True}),
    ("story", {"judged": True, "known": 2, "sentences": 2}),
]
ASKED = [Judgement(question="Who is right?", evidence="ann", options=("ann", "bob"))] * 3


class Blind:
    """Leans to one option or another by the text alone, whatever it says, in any order of the options."""

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        return [self._shares(judgement) for judgement in judgements]

    def _shares(self, judgement: Judgement) -> tuple[float, ...]:
        options = sorted(judgement.options)
        best = options[Seed(5).child(f"{judgement.question} {judgement.evidence}").integer(len(options))]
        return tuple(0.6 if option == best else 0.4 / (len(options) - 1) for option in judgement.options)


class Halting:
    """Right, but of one text of two it cannot say anything."""

    def __init__(self) -> None:
        self._honest = make_honest(Seed(0))

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        said = self._honest.judge_calls(judgements)
        return [
            (math.nan,) * len(shares) if len(judgement.evidence) % 2 else shares for judgement, shares in zip(judgements, said, strict=True)
        ]


class Answering:
    """Answers what it is told to."""

    name = "mine"

    def __init__(self, answers: object) -> None:
        self.answers = answers

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[tuple[float, ...]]:
        return self.answers  # type: ignore[return-value]  # a plugin may return anything


def played(judge: Judge, game: str, params: Params, index: int) -> list[Episode]:
    """Return 32 matches of random players that `judge` judged."""
    clerk = PlayClerk(judge)
    players = ScriptedPlayers(load_game, clerk)
    matches = [
        Match(
            episode_id=f"{index}-{place}",
            game=game,
            params=params,
            seed=1000 * index + place,
            draw_seed=1000 * index + place,
            seats=("scripted:random",) * 2,
            version=0,
        )
        for place in range(32)
    ]
    return list(
        play_block(matches, load_game, lambda kind, match: (kind + match.game, players.player(kind, match)), PlayRules(), clerk).episodes
    )


def as_agents(episodes: Sequence[Episode]) -> list[Episode]:
    """Return the same with the agent in every seat."""
    return [replace(episode, match=replace(episode.match, seats=("agent",) * 2)) for episode in episodes]


def shut_out(judge: Judge, game: str, params: Params, generations: int) -> list[Event]:
    """Return the quarantines of so many generations."""
    critic = MeasuredCritic(OutcomeScorer(), judge, Measure(), Seed(3), judge_name="judge")
    found = [critic.judge(index, played(judge, game, params, index)) for index in range(generations)]
    return [event for each in found for event in each.events if event.kind == "quarantine"]


@pytest.mark.parametrize("key", range(4))
@pytest.mark.parametrize(("game", "params"), GAMES)
def test_an_honest_judge_of_real_games_is_heard(game: str, params: Params, key: int) -> None:
    assert not shut_out(make_honest(Seed(key)), game, params, 8)


@pytest.mark.parametrize("judge", [make_empty(Seed(0)), make_length(Seed(0))])
@pytest.mark.parametrize(("game", "params"), GAMES)
def test_a_planted_judge_of_real_games_is_out_within_3_generations(game: str, params: Params, judge: Judge) -> None:
    assert len(shut_out(judge, game, params, 3)) == 1


def test_a_match_of_which_a_judge_cannot_say_has_neither_score_nor_feedback_and_is_counted() -> None:
    # Said of talk, because it is short or long.
    episodes = played(Halting(), "deal", {"judged": True, "talk": 2}, 0)
    undecided = [episode.is_undecided for episode in episodes]
    assert 0 < sum(undecided) < len(episodes)
    assert [all(map(math.isnan, episode.scores)) for episode in episodes] == undecided
    critic = MeasuredCritic(FormatScorer(), Halting(), Measure(), Seed(3))
    found = critic.judge(0, episodes)
    # Also where a scorer that needs no judge would have known better.
    assert [all(map(math.isnan, said.rewards)) for said in found.feedback] == undecided
    assert found.metrics["critic/judge/cannot_say"] == sum(undecided) / len(episodes)
    assert found.metrics["critic/judge/cases"] == len(episodes) - sum(undecided)
    assert not found.metrics["critic/judge/quarantined"]


def test_what_a_judge_could_not_say_teaches_nothing() -> None:
    episodes = played(Halting(), "deal", {"judged": True, "talk": 2}, 0)
    feedback = MeasuredCritic(OutcomeScorer(), Halting(), Measure(), Seed(3)).judge(0, episodes).feedback
    taught = {line.episode_id for line in Advantages(LearnerSection()).trajectories(as_agents(episodes), feedback)}
    assert taught == {episode.match.episode_id for episode in episodes if not episode.is_undecided}


def test_a_blind_judge_that_meets_texts_enough_is_out() -> None:
    (event,) = shut_out(Blind(), "debate", WIDE, 4)
    assert "does not tell better from worse" in event.message


def test_a_blind_member_of_a_panel_is_out_and_the_honest_one_is_not() -> None:
    members: dict[str, Judge] = {"honest": make_honest(Seed(0)), "blind": Blind()}
    panel = PanelJudge(members, Panel(max_disagreement=1.0), doors=members)
    (event,) = shut_out(panel, "debate", WIDE, 16)
    assert event.message.startswith("the critic panel_blind is not heard")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([(0.5, 0.5)], "the critic mine gave 1 answers for 3 judgements"),
        (None, "the critic mine gave a NoneType for 3 judgements"),
    ],
)
def test_a_judge_that_does_not_answer_is_named(answers: object, message: str) -> None:
    with pytest.raises(PlayError, match=message):
        PlayClerk(Answering(answers)).answer(ASKED)
