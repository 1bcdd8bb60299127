"""The reward model: what it learns from, that it learns it, that it is the same again, and what it says before it has learned."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import pytest
import torch

from socratic.cluster import LocalExecutor
from socratic.config import PolicySection, RewardModelSection
from socratic.critics.outcome import OutcomeScorer
from socratic.critics.plain import PlainCritic
from socratic.critics.reward_model import RefreshedCritic, RewardModel, forged, judged_shares, judgement_pairs, score_pairs, seat_text
from socratic.errors import CheckpointError
from socratic.game import Game, Params, Scores, Table, game
from socratic.game.random_play import random_episode
from socratic.play.clerk import PlayClerk
from socratic.policy.recipe import PolicyRecipe
from socratic.policy.reward import Lesson, Pair, RewardRecipe, RewardWorker, bradley_terry
from socratic.records import GAME, SELF, Episode, Judgement, Line, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic_games.deal import wanted

LEXICON = ("red blue green", "Which is hot? It is cold.", "for against", "> red > blue")
SECTION = RewardModelSection(hidden=16, layers=1, heads=2, every=2, steps=30, batch=8, min_pairs=4, lr=5e-3)
HOT = Judgement(question="red or blue?", evidence="red", options=("for", "against"))
COLD = replace(HOT, evidence="blue")


@cache
def _recipe(section: RewardModelSection = SECTION) -> RewardRecipe:
    policy = PolicyRecipe(section=PolicySection(), uses_lora=False, seed=Seed(0), lexicon=LEXICON)
    return RewardRecipe(section=section, policy=policy, seed=Seed(1))


def _model(*, is_judge: bool = True, section: RewardModelSection = SECTION) -> RewardModel:
    workers = LocalExecutor().spawn("critic", partial(RewardWorker, _recipe(section)))
    return RewardModel(workers, section, Seed(2), game_of=load_game, is_judge=is_judge, is_scorer=not is_judge)


def _judged(number: int, judgement: Judgement, *, exact: float, share: float = 0.5001) -> Episode:
    match = Match(episode_id=f"e{number}", game="debate", seed=0, draw_seed=0, seats=("agent", "agent"), version=0)
    return Episode(
        match=match,
        scores=(0.0, 0.0),
        turns=(),
        views=((), ()),
        ending="finished",
        probes={"critic": share, "exact": exact},
        calls=((judgement, (share, 1 - share)),),
    )


def _scored(number: int, said: str, score: float, game: str = "story") -> Episode:
    match = Match(episode_id=f"s{number}", game=game, seed=0, draw_seed=0, seats=("agent", "agent"), version=0)
    view = (Line(speaker=GAME, text="Which is hot?"), Line(speaker=SELF, text=said))
    return Episode(match=match, scores=(score, score), turns=(), views=(view, view), ending="finished")


def _truths(start: int = 0) -> list[Episode]:
    """Return episodes in which red is for and blue is against."""
    return [_judged(start + number, HOT if number % 2 else COLD, exact=float(number % 2)) for number in range(8)]


def test_the_loss_is_the_formula() -> None:
    better, worse = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.0, 3.0, 0.5])
    expected = sum(-math.log(1 / (1 + math.exp(-(b - w)))) for b, w in zip(better.tolist(), worse.tolist(), strict=True)) / 3
    assert float(bradley_terry(better, worse)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("exact", "share", "right"), [(1.0, 0.3, "for"), (0.0, 0.3, "against"), (1.0, 1.0, "for")])
def test_an_episode_that_probes_its_judgements_truth_tells_which_option_is_right(exact: float, share: float, right: str) -> None:
    plain, claimed = judgement_pairs(_judged(0, HOT, exact=exact, share=share), Seed(0))
    assert plain.better == (HOT.question, HOT.evidence, right)
    assert plain.worse[-1] != right
    assert claimed.better[1].startswith(f"{HOT.evidence}\n")
    assert claimed.better[-1] == right


def test_the_option_is_the_one_that_the_game_counts() -> None:
    turned = replace(_judged(0, HOT, exact=1.0, share=0.3), probes={"critic": 0.7, "exact": 1.0})
    assert judgement_pairs(turned, Seed(0))[0].better[-1] == "against"


def test_an_episode_that_does_not_tell_is_skipped() -> None:
    told = _judged(0, HOT, exact=1.0)
    unclear = [
        replace(told, probes={"critic": 0.5, "exact": 0.5}),
        replace(told, probes={"exact": 1.0}),
        replace(told, calls=told.calls * 2),
        replace(told, probes={"critic": 0.9, "exact": 1.0}),
        replace(told, calls=((replace(HOT, options=("a", "b", "c")), (0.5, 0.2, 0.3)),), probes={"critic": 0.5, "exact": 0.0}),
        # Of equal shares nobody knows which one the game counted, nor whether it added one of nothing.
        _judged(0, HOT, exact=1.0, share=0.5),
        replace(told, calls=((replace(HOT, options=("a", "b", "c")), (0.7, 0.0, 0.3)),), probes={"critic": 0.7, "exact": 1.0}),
    ]
    assert [judgement_pairs(episode, Seed(0)) for episode in unclear] == [[]] * 7


@game(seats=("one",), bounds=(0.0, 1.0))
async def second_counts(t: Table) -> Scores:
    """Say good; the second option is the one that counts."""
    said = await t.ask(0, "Say:", ["good", "bad"])
    share = (await t.judge("Is it fine?", said, ("wrong", "right")))["right"]
    t.probe(exact=said == "good", critic=share)
    return (share,)


@pytest.mark.parametrize(
    ("played", "params"), [(load_game("deal"), {"talk": 1, "judged": True}), (load_game("debate"), {"judged": True}), (second_counts, {})]
)
def test_what_it_learns_from_before_it_can_say_is_true(played: Game, params: Params) -> None:
    def right(episode: Episode) -> str:
        ((judgement, _),) = episode.calls
        assert isinstance(judgement, Judgement)
        match played.name:
            case "deal":
                return wanted(judgement.evidence, 2)
            case "debate":
                return "for" if episode.probes["exact"] else "against"
        return "right" if judgement.evidence == "good" else "wrong"

    clerk = PlayClerk(_model())
    episodes = [random_episode(played, params, seed, clerk) for seed in range(40)]
    told = [(pairs[0].better[-1], right(episode)) for episode in episodes if (pairs := judgement_pairs(episode, Seed(1)))]
    assert len(told) > 10
    assert [better for better, _ in told] == [truth for _, truth in told]


def test_a_claim_is_made_for_every_option_alike() -> None:
    claimed = [forged(HOT, Seed(number)).evidence for number in range(200)]
    assert 70 < sum("for" in line.replace("before", "") and "against" not in line for line in claimed) < 130


def test_views_are_paired_with_views_of_the_same_seat_that_scored_otherwise() -> None:
    episodes = [_scored(0, "red", 1.0), _scored(1, "blue", 0.0), _scored(2, "red", 1.0), _scored(3, "red", 0.5, game="deal")]
    pairs = score_pairs(episodes, Seed(0))
    assert len(pairs) == 6
    assert {(pair.better[-1], pair.worse[-1]) for pair in pairs} == {("> red", "> blue")}
    assert {pair.question.split()[0] for pair in pairs} == {"story"}


def test_own_words_are_not_taken_for_the_games() -> None:
    assert seat_text(_scored(0, "Which is hot?", 0.0), 0) == ("Which is hot?", "> Which is hot?")


def test_it_learns_what_is_true_and_says_so_after_the_refresh() -> None:
    model = _model()
    (before,) = model.judge_calls([HOT])
    assert model.revise(0, _truths()) == {}
    found = model.revise(1, _truths(8))
    (hot, cold) = model.judge_calls([HOT, COLD])
    assert before[0] != before[1]
    assert before == pytest.approx((0.5, 0.5), abs=1e-3)
    assert hot[0] > 0.7
    assert cold[1] > 0.7
    assert sum(hot) == pytest.approx(1.0)
    assert found["critic/reward_model/version"] == 1.0
    assert found["critic/reward_model/truths"] == 16.0
    assert found["critic/reward_model/pairs"] == 32.0
    assert found["critic/reward_model/accuracy"] > 0.75
    assert found["critic/reward_model/loss"] < math.log(2)


def test_while_it_cannot_say_no_option_is_ahead_in_general() -> None:
    asked = [replace(HOT, evidence=str(number), options=("a", "b", "c")) for number in range(300)]
    found = judged_shares(asked, None)
    assert found == judged_shares(asked, None)
    assert all(len({round(share, 8) for share in shares}) == 3 for shares in found)
    assert all(70 < sum(max(shares) == shares[place] for shares in found) < 130 for place in range(3))


def test_shares_are_what_bradley_and_terry_make_of_two_worths() -> None:
    def worth(texts: Sequence[tuple[str, ...]]) -> list[float]:
        return [2.0 if text[-1] == "for" else 0.5 for text in texts]

    ((share, other),) = judged_shares([HOT], worth)
    assert share == pytest.approx(1 / (1 + math.exp(-1.5)))
    assert other == pytest.approx(1 - share)


def test_the_same_truths_and_seed_give_the_same_bytes() -> None:
    def fingerprint() -> str:
        model = _model()
        model.revise(1, _truths())
        assert model.weights is not None
        return model.weights.fingerprint

    assert fingerprint() == fingerprint()


def test_what_a_text_is_worth_does_not_depend_on_what_is_asked_beside_it() -> None:
    worker = RewardWorker(_recipe())
    pair = Pair(question="", better=("red", "for"), worse=("blue", "for"))
    weights = worker.train(Lesson(pairs=(pair,), weights=None, version=1, seed=Seed(3))).weights
    alone = worker.score([("red", "for")], weights)
    assert RewardWorker(_recipe()).score([("blue blue blue green", "x"), ("red", "for"), ("blue", "for")], weights)[1:2] == alone


def test_it_is_frozen_between_refreshes_and_after_the_last() -> None:
    model = _model(section=SECTION.model_copy(update={"last": 4}))
    versions = []
    for index in range(8):
        model.revise(index, _truths(8 * index))
        versions.append(model.weights.version if model.weights else 0)
    assert versions == [0, 1, 1, 2, 2, 2, 2, 2]
    assert model.truths == 32


def test_no_refresh_before_there_are_pairs_enough() -> None:
    model = _model(section=SECTION.model_copy(update={"min_pairs": 17}))
    model.revise(1, _truths())
    assert not model.can_say
    model.revise(3, _truths(8))
    assert model.can_say


def test_a_killed_model_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, killed, resumed = _model(), _model(), _model()
    for model in (whole, killed):
        model.revise(0, _truths())
        model.revise(1, _truths(8))
        # Between two refreshes, and what it sees there is news to it: the same evidence with the other truth.
        model.revise(2, [_judged(16, HOT, exact=0.0), _judged(17, COLD, exact=1.0)] * 4)
    killed.save(tmp_path)
    resumed.load(tmp_path)
    assert whole.revise(3, _truths(24)) == resumed.revise(3, _truths(24))
    assert whole.weights is not None
    assert resumed.weights is not None
    assert whole.weights.fingerprint == resumed.weights.fingerprint


def test_a_model_that_cannot_say_yet_is_kept_and_comes_back(tmp_path: Path) -> None:
    model, back = _model(), _model()
    model.revise(0, _truths())
    model.save(tmp_path)
    back.load(tmp_path)
    assert not back.can_say
    assert back.truths == 8


def test_a_memory_that_is_not_there_is_a_checkpoint_error(tmp_path: Path) -> None:
    model = _model()
    with pytest.raises(CheckpointError):
        model.load(tmp_path)
    model.save(tmp_path)
    state = json.loads((tmp_path / "reward_model.json").read_text(encoding="utf-8"))
    del state["truths"]
    (tmp_path / "reward_model.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(CheckpointError, match="truths"):
        model.load(tmp_path)


def test_scores_lie_within_the_games_bounds_and_are_missing_where_it_has_learned_nothing() -> None:
    model = _model(is_judge=False)
    episodes = [_scored(number, "red" if number % 2 else "blue", float(number % 2)) for number in range(8)]
    assert all(math.isnan(reward) for reward in model.score(episodes[:1])[0])
    model.revise(1, episodes)
    bad, good = model.score(episodes[:2])
    (other,) = model.score([_scored(9, "red", 1.0, game="deal")])
    assert 0 <= bad[0] < 0.5 < good[0] <= 1
    assert all(map(math.isnan, other))


def test_scores_of_a_zero_sum_game_stay_zero_sum() -> None:
    model = _model(is_judge=False)
    episodes = [
        replace(_scored(number, "red" if number % 2 else "blue", 0.0, game="kuhn_poker"), scores=(s, -s))
        for number, s in enumerate((-1.0, 1.0) * 4)
    ]
    model.revise(1, episodes)
    for rewards in model.score(episodes):
        assert sum(rewards) == pytest.approx(0.0, abs=1e-12)


def test_what_a_critic_scored_is_no_truth_for_a_scorer() -> None:
    model = _model(is_judge=False)
    model.revise(1, [replace(episode, scores=(score, score)) for episode, score in zip(_truths(), (0.0, 1.0) * 4, strict=True)])
    assert model.truths == 0


def test_until_it_can_say_what_it_judged_feeds_nothing_back() -> None:
    model = _model()
    critic = RefreshedCritic(PlainCritic(OutcomeScorer()), model)
    coded = replace(_scored(99, "red", 1.0))
    first = critic.judge(1, [*_truths(), coded])
    later = critic.judge(2, [*_truths(), coded])
    assert all(math.isnan(reward) for each in first.feedback[:-1] for reward in each.rewards)
    assert first.feedback[-1].rewards == (1.0, 1.0)
    assert [each.episode_id for each in first.feedback] == [*(f"e{number}" for number in range(8)), "s99"]
    assert "8 truths" in first.events[0].message
    assert all(each.rewards == (0.0, 0.0) for each in later.feedback[:-1])
    assert later.events == ()


@pytest.mark.parametrize(("last", "at"), [(0, [3]), (3, [2])])
def test_that_no_match_tells_a_truth_is_said_once(last: int, at: list[int]) -> None:
    critic = RefreshedCritic(PlainCritic(OutcomeScorer()), _model(section=SECTION.model_copy(update={"last": last})))
    unclear = _judged(0, HOT, exact=0.5)
    events = [critic.judge(index, [unclear]).events for index in range(8)]
    assert [index for index, each in enumerate(events) if each] == at
    message = events[at[0]][0].message
    assert "(games: debate)" in message
    assert "e.g. debate with judged = true" in message
    model = _model()
    model.revise(0, _truths())
    assert not model.is_overdue(3)


@pytest.mark.parametrize("evidence", ["", ":", "Let me think about it."])
def test_it_leans_nowhere_where_the_evidence_names_nothing_of_what_is_asked(evidence: str) -> None:
    found = judged_shares([replace(HOT, evidence=evidence), HOT], lambda texts: [float(place) for place in range(len(texts))])
    assert found[0] == (0.5, 0.5)
    assert found[1] != (0.5, 0.5)
