"""TRL's trainers on random inputs: their advantages and losses are ours. They run where TRL is installed."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from socratic.config import Gradient, LearnerSection, Preference
from socratic.learner.advantage import Advantages
from socratic.learner.objectives.cispo import CISPO
from socratic.learner.objectives.dpo import DPO
from socratic.learner.objectives.draws import Draws, Pairs, TokenObjective
from socratic.learner.objectives.gspo import GSPO
from socratic.learner.objectives.ppo import PPO
from socratic.records import Episode, Feedback, Match, Turn
from socratic.seeds import Seed
from tests.unit.tiny import tiny_policy

pytest.importorskip("trl")

GROUP = 4
LENGTH = 6
PROMPTS = ("Your card: J. You:", "They bet. You:", "1 2 3 left. You take:")


def _rewards(count: int) -> list[float]:
    return [round(Seed(3).uniform(place) * 4 - 2, 3) for place in range(count)]


def _grpo_trainer(folder: Path, rewards: Sequence[float], **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from trl import GRPOConfig, GRPOTrainer

        class Watched(GRPOTrainer):  # type: ignore[misc]  # TRL leaves it untyped
            """Remembers what went into the loss and what came out."""

            def _compute_loss(self, model: Any, inputs: Any) -> Any:
                self.seen = inputs
                self.logps = None
                loss = super()._compute_loss(model, inputs)
                self.lost = float(loss.detach())
                return loss

            def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
                found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
                self.logps = found[0].detach()
                return found

        policy = tiny_policy()
        arguments = GRPOConfig(
            output_dir=str(folder),
            use_cpu=True,
            per_device_train_batch_size=GROUP * len(PROMPTS),
            num_generations=GROUP,
            max_completion_length=LENGTH,
            learning_rate=1e-12,
            report_to=[],
            bf16=False,
            gradient_checkpointing=False,
            max_steps=1,
            save_strategy="no",
            disable_tqdm=True,
            shuffle_dataset=False,
            **options,
        )
        return Watched(
            model=policy.model,
            reward_funcs=lambda completions, **_: list(rewards),
            args=arguments,
            train_dataset=Dataset.from_list([{"prompt": text} for text in PROMPTS]),
            processing_class=policy.chat.tokenizer,
        )


def _ours(rewards: Sequence[float], **section: Any) -> list[float]:
    """Return our advantages of single-turn matches whose deals are TRL's prompts."""
    turn = Turn(seat=0, reply="", is_legal=True, player="agent", version=0, context_ids=(1,), token_ids=(1,), logprobs=(0.0,))
    episodes, feedback = [], []
    for place, reward in enumerate(rewards):
        match = Match(episode_id=str(place), game="g", seed=place // GROUP, draw_seed=place, seats=("agent",), version=0)
        episodes.append(Episode(match=match, scores=(reward,), turns=(turn,), views=((),), ending="finished"))
        feedback.append(Feedback(episode_id=str(place), rewards=(reward,), critic="outcome"))
    learner = Advantages(LearnerSection.model_validate({"baseline": "group", **section}))
    return [each.advantages[0] for each in learner.trajectories(episodes, feedback)]


def _loss(objective: TokenObjective, trainer: Any, old: Tensor, norm: str, advantages: Sequence[float]) -> float:
    mask = trainer.seen["completion_mask"].bool()
    replies, lengths = torch.arange(len(mask))[:, None].expand_as(mask)[mask], mask.sum(-1)
    if norm == "turns":
        weights = (1.0 / (len(mask) * lengths))[replies]
    elif norm == "constant":
        weights = torch.full((len(replies),), 1.0 / (len(mask) * LENGTH))
    else:
        weights = torch.full((len(replies),), 1.0 / int(mask.sum()))
    draws = Draws(
        behaviour_D=old[mask],
        advantage_D=torch.tensor(advantages)[replies],
        weight_D=weights,
        reply_D=replies,
        num_replies=len(mask),
    )
    return float(objective.loss(trainer.logps[mask], draws))


@pytest.mark.parametrize(
    ("options", "section", "objective", "norm"),
    [
        ({"loss_type": "grpo"}, {"scale": "group"}, PPO(Gradient()), "turns"),
        ({"loss_type": "bnpo", "epsilon_high": 0.28}, {"scale": "group"}, PPO(Gradient(clip_high=0.28)), "tokens"),
        ({"loss_type": "dr_grpo", "scale_rewards": "none"}, {"scale": "none"}, PPO(Gradient()), "constant"),
        ({"loss_type": "grpo", "scale_rewards": "batch"}, {"scale": "batch"}, PPO(Gradient()), "turns"),
        ({"loss_type": "grpo", "importance_sampling_level": "sequence"}, {"scale": "group"}, GSPO(Gradient()), "turns"),
        ({"loss_type": "cispo", "epsilon_high": 1.2}, {"scale": "group"}, CISPO(Gradient(clip_low=0.999, clip_high=0.2)), "tokens"),
    ],
)
def test_grpos_advantages_and_losses_are_trls(
    tmp_path: Path, options: dict[str, Any], section: dict[str, Any], objective: TokenObjective, norm: str
) -> None:
    rewards = _rewards(GROUP * len(PROMPTS))
    trainer = _grpo_trainer(tmp_path, rewards, beta=0.0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
        # TRL shuffles its rows after it has scored them.
        theirs = trainer.seen["advantages"].tolist()
        assert sorted(_ours(rewards, **section)) == pytest.approx(sorted(theirs), abs=1e-6)
        advantages = [min(_ours(rewards, **section), key=lambda own: abs(own - each)) for each in theirs]
        # Off the policy that played: TRL computes its loss once more with other old log-probabilities.
        old = trainer.logps + 0.5 * torch.sin(torch.arange(trainer.logps.numel()).float()).view_as(trainer.logps)
        loss = trainer._compute_loss(trainer.model, {**trainer.seen, "old_per_token_logps": old})
    window = trainer.current_gradient_accumulation_steps / trainer.args.steps_per_generation if options["loss_type"] == "cispo" else 1.0
    assert float(loss.detach()) * window == pytest.approx(_loss(objective, trainer, old, norm, advantages), abs=1e-6)
    assert abs(float(loss.detach())) > 1e-4


def test_dpos_loss_is_trls(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from trl import DPOConfig, DPOTrainer

        policy, reference = tiny_policy(), tiny_policy(seed=1)
        rows = [
            {"prompt": PROMPTS[0], "chosen": " pass", "rejected": " bet bet"},
            {"prompt": PROMPTS[1], "chosen": " bet J", "rejected": " Q"},
            {"prompt": PROMPTS[2], "chosen": " 1", "rejected": " 2 3 10"},
        ]
        trainer = DPOTrainer(
            model=policy.model,
            ref_model=reference.model,
            args=DPOConfig(
                output_dir=str(tmp_path),
                use_cpu=True,
                per_device_train_batch_size=3,
                beta=0.3,
                report_to=[],
                bf16=False,
                gradient_checkpointing=False,
                max_steps=1,
                learning_rate=1e-12,
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=policy.chat.tokenizer,
        )
        inputs = next(iter(trainer.get_train_dataloader()))
        loss = float(trainer._compute_loss(trainer.model, dict(inputs), return_outputs=False).detach())

    def logps(model: Any) -> Tensor:
        ids, mask = inputs["input_ids"], inputs["completion_mask"][:, 1:]
        rows = model(input_ids=ids, attention_mask=inputs["attention_mask"]).logits[:, :-1].log_softmax(-1)
        found: Tensor = (rows.gather(2, ids[:, 1:, None])[..., 0] * mask).sum(-1)
        return found

    with torch.no_grad():
        chosen, rejected = logps(policy.model).chunk(2)
        chosen_reference, rejected_reference = logps(reference.model).chunk(2)
    pairs = Pairs(
        chosen_P=chosen,
        rejected_P=rejected,
        chosen_reference_P=chosen_reference,
        rejected_reference_P=rejected_reference,
        weight_P=torch.full((3,), 1 / 3),
    )
    assert float(DPO(Preference(beta=0.3)).loss(pairs)) == pytest.approx(loss, abs=1e-6)
    assert abs(loss - 0.6931) > 1e-3
