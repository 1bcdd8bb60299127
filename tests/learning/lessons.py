"""Play to learn from, made by hand: replies of different lengths to shared deals, drawn by another policy than the one that learns."""

from collections.abc import Sequence

import torch
from torch import Tensor

from socratic.config import LearnerSection
from socratic.learner.learner import PolicyLearner
from socratic.policy.drawing import Prompt
from socratic.policy.transformer import Policy
from socratic.records import Episode, Feedback, Json, Match, Turn
from socratic.seeds import Seed
from tests.unit.tiny import tiny_engine, tiny_policy

CONTEXTS = ("Your card: J. You:", "They bet. You:", "1 2 3 10 11 left. You take:")
MAX_NEW_TOKENS = 5
# How far the log-probabilities of play are from those of the learner, in turn.
LAGS = (0.0, 0.1, -0.15, 0.6, -0.7, 0.05, -0.3)


def lesson(*, group: int = 4) -> tuple[list[Episode], list[Feedback]]:
    """Return `group` one-turn matches of each of three deals, with rewards that differ, a lag, a reply cut short and an empty one."""
    engine = tiny_engine(tiny_policy(), max_new_tokens=MAX_NEW_TOKENS)
    chat = engine.policy.chat
    prompts = [
        Prompt(context_ids=tuple(chat.tokenizer.encode(text)), seed=Seed(4).child(text, number))
        for text in CONTEXTS
        for number in range(group)
    ]
    episodes, feedback = [], []
    place = 0
    for number, (prompt, drawn) in enumerate(zip(prompts, engine.draw(prompts), strict=True)):
        lagged = []
        for logprob in drawn.logprobs:
            lagged.append(logprob + LAGS[place % len(LAGS)])
            place += 1
        is_empty = number == 1
        turn = Turn(
            seat=0,
            reply="",
            is_legal=True,
            player="agent",
            version=0,
            context_ids=prompt.context_ids,
            token_ids=() if is_empty else drawn.token_ids,
            logprobs=() if is_empty else tuple(lagged),
            is_truncated=number == 2,
        )
        reward = ((number * 7) % 5) / 2 - 1.0
        match = Match(episode_id=f"e{number}", game="g", seed=number // group, draw_seed=number, seats=("agent",), version=0)
        episodes.append(Episode(match=match, scores=(reward,), turns=(turn,), views=((),), ending="finished"))
        feedback.append(Feedback(episode_id=match.episode_id, rewards=(reward,), critic="outcome"))
    return episodes, feedback


def learner_of(policy: Policy, section: dict[str, Json]) -> PolicyLearner:
    """Return a learner that leaves the gradient in the parameters: a rate of almost nothing and no clipping."""
    return PolicyLearner(
        policy,
        LearnerSection.model_validate({"schedule": "constant", "lr": 1e-12, "clip": 1e9, **section}),
        objectives={},
        temperature=1.0,
        max_new_tokens=MAX_NEW_TOKENS,
        generations=10,
        seed=Seed(5),
    )


def gradient_of(policy: Policy) -> Tensor:
    """Return the policy's gradient as one vector."""
    return torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in policy.trained().values()])


def learned_gradient(section: dict[str, Json], played: tuple[Sequence[Episode], Sequence[Feedback]] | None = None) -> Tensor:
    """Return what the learner's gradient is for a lesson."""
    policy = tiny_policy()
    learner_of(policy, section).learn(0, *(played or lesson()))
    return gradient_of(policy)
