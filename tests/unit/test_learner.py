"""The learner: its sign, its normalizers, its mask, its memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from socratic.config import LearnerSection, Objective
from socratic.errors import CheckpointError
from socratic.guard.guard import MeasuringGuard
from socratic.learner.advantage import Advantages
from socratic.learner.batch import make_batch, measure_whole
from socratic.learner.learner import PolicyLearner
from socratic.policy.drawing import Prompt
from socratic.policy.transformer import Policy
from socratic.records import Episode, Feedback, Json, Match, Turn
from socratic.seeds import Seed
from tests.unit.tiny import tiny_engine, tiny_policy

OPTIONS = ("pass", "bet")


def _learner(policy: Policy, section: Mapping[str, Json] | None = None, *, temperature: float = 1.0) -> PolicyLearner:
    plain: dict[str, Json] = {"baseline": "none", "schedule": "constant", "lr": 0.01, "objective": {"kl": 0.0}, **(section or {})}
    return PolicyLearner(
        policy,
        LearnerSection.model_validate(plain),
        objectives={},
        temperature=temperature,
        max_new_tokens=4,
        generations=10,
        seed=Seed(5),
    )


@pytest.mark.parametrize(
    ("section", "rates"),
    [
        ({"schedule": "linear"}, (1.0, 0.5, 0.1)),
        ({"schedule": "linear", "decay_generations": 5}, (1.0, 0.0, 0.0)),
        ({"schedule": "linear", "decay_generations": 5, "floor": 0.25}, (1.0, 0.25, 0.25)),
        ({"schedule": "constant", "decay_generations": 5}, (1.0, 1.0, 1.0)),
    ],
)
def test_the_rate_falls_over_the_run_or_to_a_floor_that_stays(section: dict[str, Json], rates: tuple[float, ...]) -> None:
    learner = _learner(tiny_policy(), {**section, "lr": 0.01})
    episodes, feedback = _play(tiny_policy(), 4)
    found = [learner.learn(index, episodes, feedback).metrics["policy/lr"] for index in (0, 5, 9)]
    assert found == pytest.approx([0.01 * rate for rate in rates])


def _play(
    policy: Policy, count: int, *, is_masked: bool = True, wanted: str = "bet", temperature: float = 1.0
) -> tuple[list[Episode], list[Feedback]]:
    """Draw one-turn episodes in two places; saying `wanted` is worth 1, all else 0."""
    engine = tiny_engine(policy, temperature=temperature, max_new_tokens=4)
    chat = policy.chat
    options = tuple(chat.encode_reply(option) for option in OPTIONS) if is_masked else None
    contexts = [tuple(chat.tokenizer.encode(text)) for text in ("Your card: J. You:", "They bet. You:")]
    prompts = [Prompt(context_ids=contexts[i % 2], seed=Seed(9).child("draw", i), options=options) for i in range(count)]
    episodes, feedback = [], []
    for i, (prompt, drawn) in enumerate(zip(prompts, engine.draw(prompts), strict=True)):
        reply = chat.decode(drawn.token_ids)
        turn = Turn(
            seat=0, reply=reply, is_legal=True, player="agent", version=0, context_ids=prompt.context_ids,
            token_ids=drawn.token_ids, logprobs=drawn.logprobs, allowed=drawn.allowed, is_truncated=drawn.is_truncated,
        )  # fmt: skip
        match = Match(episode_id=f"e{i}", game="g", seed=i, draw_seed=i, seats=("agent",), version=0)
        reward = 1.0 if reply == wanted else 0.0
        episodes.append(Episode(match=match, scores=(reward,), turns=(turn,), views=((),), ending="finished"))
        feedback.append(Feedback(episode_id=match.episode_id, rewards=(reward,), critic="outcome"))
    return episodes, feedback


def _chances(policy: Policy, text: str = "Your card: J. You:") -> list[float]:
    asked = [(tuple(policy.chat.tokenizer.encode(text)), tuple(policy.chat.encode_reply(option) for option in OPTIONS))]
    return [float(np.exp(value)) for value in tiny_engine(policy).option_log_probs(asked)[0]]


def _gradient(policy: Policy, episodes: Sequence[Episode], feedback: Sequence[Feedback], **section: Json) -> torch.Tensor:
    # A rate of almost nothing and no clipping: the gradient stays in the parameters.
    _learner(policy, {"lr": 1e-12, "clip": 1e9, **section}).learn(0, episodes, feedback)
    return torch.cat([p.grad.flatten() for p in policy.trained().values() if p.grad is not None])


def test_what_is_rewarded_becomes_likelier() -> None:
    policy = tiny_policy()
    before = _chances(policy)[1]
    learner = _learner(policy)
    for index in range(5):
        learner.learn(index, *_play(policy, 32))
    assert _chances(policy)[1] > before + 0.05


@pytest.mark.parametrize("is_masked", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_recorded_log_probabilities_are_the_learners(is_masked: bool, temperature: float) -> None:
    policy = tiny_policy()
    played = _play(policy, 32, is_masked=is_masked, temperature=temperature)
    update = _learner(policy, temperature=temperature).learn(0, *played)
    assert 0 <= update.metrics["offpolicy/logp_diff_max"] < 1e-5


def test_the_difference_is_seen_where_there_is_one() -> None:
    policy = tiny_policy()
    played = _play(policy, 32, temperature=0.7)
    assert _learner(policy).learn(0, *played).metrics["offpolicy/logp_diff_max"] > 1e-3


@pytest.mark.parametrize("is_masked", [True, False])
def test_the_gradient_does_not_depend_on_the_packs(is_masked: bool) -> None:
    played = _play(tiny_policy(), 24, is_masked=is_masked)
    objective: Json = {"kl": 0.3, "entropy": 0.1}
    whole = _gradient(tiny_policy(), *played, pack_tokens=100_000, objective=objective)
    for pack_tokens in (1, 8, 40):
        assert torch.allclose(_gradient(tiny_policy(), *played, pack_tokens=pack_tokens, objective=objective), whole, atol=1e-6)


def test_merged_rows_give_the_gradient_of_rows_apart() -> None:
    # REINFORCE by hand over every row, no merging: minus the mean over draws of reward times log-probability.
    policy = tiny_policy()
    episodes, feedback = _play(policy, 16, is_masked=False)
    num_tokens = sum(len(episode.turns[0].token_ids) for episode in episodes)
    loss = torch.zeros(())
    for episode, said in zip(episodes, feedback, strict=True):
        turn = episode.turns[0]
        logits = policy.model(torch.tensor([turn.context_ids + turn.token_ids])).logits[0].log_softmax(-1)
        for place, token in enumerate(turn.token_ids):
            loss = loss - said.rewards[0] * logits[len(turn.context_ids) + place - 1, token] / num_tokens
    loss.backward()
    by_hand = torch.cat([p.grad.flatten() for p in policy.trained().values() if p.grad is not None])
    assert torch.allclose(_gradient(tiny_policy(), episodes, feedback), by_hand, atol=1e-6)


def _of_game(episodes: Sequence[Episode], game: str) -> list[Episode]:
    return [replace(episode, match=replace(episode.match, game=game)) for episode in episodes]


def test_games_weigh_alike_however_many_draws_they_have() -> None:
    episodes, feedback = _play(tiny_policy(), 12)
    few, many = episodes[:3], episodes[3:]
    apart = [_gradient(tiny_policy(), few, feedback[:3]), _gradient(tiny_policy(), many, feedback[3:])]
    together = _gradient(tiny_policy(), [*_of_game(few, "a"), *_of_game(many, "b")], feedback)
    assert torch.allclose(together, (apart[0] + apart[1]) / 2, atol=1e-7)
    assert not torch.allclose(together, _gradient(tiny_policy(), episodes, feedback), atol=1e-7)


def test_games_weigh_alike_also_over_minibatches() -> None:
    # Twelve draws of one game, four of another, in steps of one: each game's weights still sum to the same.
    episodes, feedback = _play(tiny_policy(), 16)
    played = [*_of_game(episodes[:12], "many"), *_of_game(episodes[12:], "few")]
    trajectories = Advantages(LearnerSection(baseline="none")).trajectories(played, feedback)
    whole = measure_whole(trajectories, parts=len(trajectories))
    sums = {"many": 0.0, "few": 0.0}
    for trajectory in trajectories:
        batch = make_batch([trajectory], lambda game: Objective(), whole=whole)
        sums[trajectory.game] += float(batch.draws.weight_D.sum())
    assert sums["many"] == pytest.approx(sums["few"])
    assert sum(sums.values()) == pytest.approx(len(trajectories))


def test_an_illegal_reply_of_a_kept_episode_is_not_imitated() -> None:
    episodes, feedback = _play(tiny_policy(), 2)
    legal = episodes[0].turns[0]
    both = replace(episodes[0], turns=(replace(legal, is_legal=False), legal))
    (trajectory,) = Advantages(LearnerSection(baseline="none")).trajectories([both], feedback[:1])
    batch = make_batch([trajectory], lambda game: Objective(pg=0.0, ce=1.0), kept=[True])
    assert batch.kept_D.tolist() == pytest.approx([0.0, 1.0])


def test_a_mask_renormalizes_over_what_it_allows() -> None:
    # Under a mask the gradient never touches the probability of forbidden tokens relative to each other.
    policy = tiny_policy()
    played = _play(policy, 16)
    learner = _learner(policy)
    allowed = {token for episode in played[0] for ids in episode.turns[0].allowed or () for token in ids}
    forbidden = [token for token in range(policy.chat.vocab_size) if token not in allowed]
    head = dict(policy.model.named_parameters())["lm_head.weight"]
    before = head.detach().clone()
    learner.learn(0, *played)
    assert torch.equal(head.detach()[forbidden], before[forbidden])
    assert not torch.equal(head.detach(), before)


def test_the_end_of_text_is_learned_even_when_it_is_the_padding() -> None:
    policy = tiny_policy()
    policy.chat.tokenizer.pad_token = policy.chat.tokenizer.eos_token
    episodes, _ = _play(policy, 64, is_masked=False)
    ended = [e for e in episodes if not e.turns[0].is_truncated]
    assert ended
    feedback = [Feedback(episode_id=e.match.episode_id, rewards=(1.0,), critic="outcome") for e in ended]
    end = next(iter(policy.chat.end_ids))
    turn = ended[0].turns[0]

    def chance_of_end() -> float:
        prefix = turn.context_ids + turn.token_ids[:-1]
        with torch.no_grad():
            return float(policy.model(torch.tensor([prefix])).logits[0, -1].softmax(-1)[end])

    before = chance_of_end()
    learner = _learner(policy)
    for index in range(5):
        learner.learn(index, ended, feedback)
    assert chance_of_end() > before


def test_the_magnet_pulls_back_and_is_zero_at_home() -> None:
    policy = tiny_policy()
    learner = _learner(policy, {"objective": {"kl": 1.0}, "magnet_every": 0})
    first = learner.learn(0, *_play(policy, 16))
    assert first.metrics["policy/kl_magnet"] == pytest.approx(0.0, abs=1e-6)
    last = [learner.learn(index, *_play(policy, 16)) for index in range(1, 4)][-1]
    assert last.metrics["policy/kl_magnet"] > 1e-4
    assert last.metrics["policy/kl_magnet"] == pytest.approx(last.metrics["policy/kl_t0"], abs=1e-6)
    free = tiny_policy()
    learner = _learner(free)
    for index in range(4):
        learner.learn(index, *_play(free, 16))
    assert abs(_chances(free)[1] - _chances(tiny_policy())[1]) > abs(_chances(policy)[1] - _chances(tiny_policy())[1])


def test_entropy_keeps_choices_open() -> None:
    chances = {}
    for coefficient in (0.0, 1.0):
        policy = tiny_policy()
        learner = _learner(policy, {"objective": {"kl": 0.0, "entropy": coefficient}})
        for index in range(6):
            learner.learn(index, *_play(policy, 32))
        chances[coefficient] = max(_chances(policy))
    assert chances[1.0] < chances[0.0]


def test_a_game_may_have_an_objective_of_its_own() -> None:
    episodes, feedback = _play(tiny_policy(), 12)
    played = [*_of_game(episodes[:6], "a"), *_of_game(episodes[6:], "b")], feedback
    policy = tiny_policy()
    section = LearnerSection(baseline="none", schedule="constant", lr=1e-12, clip=1e9, objective=Objective(pg=1.0, kl=0.0))
    learner = PolicyLearner(
        policy, section, objectives={"b": Objective(pg=0.0, kl=0.0)}, temperature=1.0, max_new_tokens=4, generations=1, seed=Seed(5)
    )
    learner.learn(0, *played)
    of_both = torch.cat([p.grad.flatten() for p in policy.trained().values() if p.grad is not None])
    of_a = _gradient(tiny_policy(), played[0][:6], feedback[:6])
    assert torch.allclose(of_both, of_a / 2, atol=1e-7)


def test_the_magnets_distance_does_not_depend_on_the_packs() -> None:
    episodes, feedback = _play(tiny_policy(), 12)
    played = [*_of_game(episodes[:6], "a"), *_of_game(episodes[6:], "b")], feedback
    found = []
    for pack_tokens in (3, 8, 1000):
        policy = tiny_policy()
        section = LearnerSection(baseline="none", schedule="constant", lr=0.01, magnet_every=0, pack_tokens=pack_tokens)
        learner = PolicyLearner(
            policy, section, objectives={"b": Objective(kl=0.0)}, temperature=1.0, max_new_tokens=4, generations=9, seed=Seed(5)
        )
        found.append([learner.learn(index, *played).metrics["policy/kl_magnet"] for index in range(3)][-1])
    assert found[0] > 0
    assert found == pytest.approx([found[0]] * 3, rel=1e-3)


def test_weights_that_ran_away_are_told_and_held_back() -> None:
    policy = tiny_policy()
    played = _play(policy, 8)
    healthy = _learner(policy).learn(0, *played)
    assert healthy.metrics["policy/frac_nonfinite"] == 0.0
    assert MeasuringGuard().examine(0, [], [], healthy).is_healthy
    with torch.no_grad():
        next(iter(policy.trained().values()))[0, 0] = float("inf")
    ran_away = _learner(policy).learn(0, *played)
    assert ran_away.metrics["policy/frac_nonfinite"] > 0
    verdict = MeasuringGuard().examine(0, [], [], ran_away)
    assert not verdict.is_healthy
    assert "lower learner.lr" in verdict.notes[-1]


@pytest.mark.parametrize("uses_lora", [False, True])
def test_a_saved_learner_goes_on_as_if_nothing_had_happened(tmp_path: Path, uses_lora: bool) -> None:
    policy = tiny_policy(uses_lora=uses_lora)
    section: dict[str, Json] = {"objective": {"kl": 0.3}, "magnet_every": 2, "baseline": "seat"}
    learner = _learner(policy, section)
    for index in range(3):
        learner.learn(index, *_play(policy, 8))
    learner.save(tmp_path)
    loaded_policy = tiny_policy(seed=1, uses_lora=uses_lora) if not uses_lora else tiny_policy(uses_lora=True)
    loaded = _learner(loaded_policy, section)
    loaded.load(tmp_path)
    assert loaded.t0().fingerprint == learner.t0().fingerprint
    updates = [each.learn(3, *_play(each_policy, 8)) for each, each_policy in ((learner, policy), (loaded, loaded_policy))]
    assert updates[0] == updates[1]


def test_a_checkpoint_without_its_magnet_is_an_error(tmp_path: Path) -> None:
    learner = _learner(tiny_policy())
    learner.save(tmp_path)
    (tmp_path / "magnet.safetensors").unlink()
    with pytest.raises(CheckpointError, match="does not hold a whole learner"):
        _learner(tiny_policy()).load(tmp_path)


def test_lora_trains_the_adapter_and_nothing_else() -> None:
    policy = tiny_policy(uses_lora=True)
    frozen = {name: p.detach().clone() for name, p in policy.model.named_parameters() if not p.requires_grad}
    assert frozen
    assert all("lora_" in name for name in policy.trained())
    learner = _learner(policy)
    before = _chances(policy)
    for index in range(4):
        learner.learn(index, *_play(policy, 16))
    assert _chances(policy) != before
    for name, parameter in policy.model.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name])
