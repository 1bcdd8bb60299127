"""Every recipe's gradient against its formula, written out over plain padded batches and differentiated by autograd.

Nothing of the learner is used on the other side: no token trees, no merged places, no slopes. The tolerance is 1e-6 in float32.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from socratic.policy.transformer import Policy
from socratic.records import Episode, Json, Turn
from tests.learning.lessons import MAX_NEW_TOKENS, gradient_of, learned_gradient, lesson
from tests.unit.tiny import tiny_policy

TOLERANCE = 1e-6
KL: dict[str, Json] = {"pg": 1.0, "kl": 0.3, "entropy": 0.1}
NO_KL: dict[str, Json] = {"pg": 1.0, "kl": 0.0}

SECTIONS: dict[str, dict[str, Json]] = {
    "reinforce": {"baseline": "none", "objective": NO_KL},
    "rloo": {"baseline": "leave_one_out", "objective": NO_KL},
    "grpo": {"baseline": "group", "scale": "group", "normalize": "turns", "gradient": {"kind": "ppo"}, "objective": NO_KL},
    "dr_grpo": {"baseline": "group", "normalize": "constant", "gradient": {"kind": "ppo", "clip_high": 0.28}, "objective": NO_KL},
    "dual": {"baseline": "group", "gradient": {"kind": "ppo", "dual": 1.5}, "objective": NO_KL},
    "cispo": {"baseline": "group", "scale": "group", "gradient": {"kind": "cispo"}, "objective": NO_KL},
    "gspo": {"baseline": "group", "scale": "group", "normalize": "turns", "gradient": {"kind": "gspo"}, "objective": NO_KL},
    "best": {"baseline": "none", "imitation": {"keep": "best"}, "objective": {"pg": 0.0, "ce": 1.0, "kl": 0.0}},
    "above": {"baseline": "none", "imitation": {"keep": "above"}, "objective": {"pg": 0.0, "ce": 1.0, "kl": 0.0}},
    "dpo": {"baseline": "none", "preference": {"most": 100}, "objective": {"pg": 0.0, "pref": 1.0, "kl": 0.0}},
    "entropy": {"baseline": "none", "objective": {"pg": 0.0, "ce": 0.0, "pref": 0.0, "kl": 0.0, "entropy": 1.0}},
    "together": {
        "baseline": "group",
        "gradient": {"kind": "gspo"},
        "imitation": {"keep": "best"},
        "objective": {"pg": 1.0, "ce": 0.5, "pref": 0.25, "kl": 0.0, "entropy": 0.1},
        "preference": {"most": 100},
    },
}


def _log_probs(policy: Policy, turns: Sequence[Turn], side: str) -> list[Tensor]:
    """Return the whole distribution before each token of each reply, by one padded batch."""
    rows = [turn.context_ids + turn.token_ids for turn in turns]
    width = max(len(row) for row in rows)
    tokens, mask, starts = torch.zeros(len(rows), width, dtype=torch.int64), torch.zeros(len(rows), width, dtype=torch.int64), []
    for index, row in enumerate(rows):
        start = width - len(row) if side == "left" else 0
        tokens[index, start : start + len(row)] = torch.tensor(row)
        mask[index, start : start + len(row)] = 1
        starts.append(start)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = policy.model(input_ids=tokens, attention_mask=mask, position_ids=positions).logits.log_softmax(-1)
    return [
        logits[index, starts[index] + len(turn.context_ids) - 1 : starts[index] + len(rows[index]) - 1] for index, turn in enumerate(turns)
    ]


def _drawn(distributions: Sequence[Tensor], turns: Sequence[Turn]) -> list[Tensor]:
    return [rows[torch.arange(len(turn.token_ids)), list(turn.token_ids)] for rows, turn in zip(distributions, turns, strict=True)]


def _advantages(episodes: Sequence[Episode], kind: str) -> list[float]:
    rewards = [episode.scores[0] for episode in episodes]
    if kind in {"reinforce"}:
        return rewards
    found = []
    for place, episode in enumerate(episodes):
        group = [rewards[other] for other, each in enumerate(episodes) if each.match.seed == episode.match.seed]
        if kind == "rloo":
            found.append(rewards[place] - (sum(group) - rewards[place]) / (len(group) - 1))
            continue
        value = rewards[place] - float(np.mean(group))
        found.append(value / (float(np.std(group, ddof=1)) + 1e-4) if kind in {"grpo", "cispo", "gspo"} else value)
    return found


def _policy_gradient(kind: str, logps: Sequence[Tensor], turns: Sequence[Turn], advantages: Sequence[float]) -> Tensor:
    replies = [place for place, turn in enumerate(turns) if turn.token_ids]
    num_tokens = sum(len(turns[place].token_ids) for place in replies)
    loss = torch.zeros(())
    for place in replies:
        advantage, difference = advantages[place], logps[place] - torch.tensor(turns[place].logprobs)
        ratio = difference.exp()
        if kind in {"reinforce", "rloo"}:
            per_token = -advantage * logps[place]
        elif kind == "cispo":
            per_token = -ratio.detach().clamp(0.8, 1.2) * advantage * logps[place]
        else:
            high = 1.28 if kind == "dr_grpo" else 1.2
            if kind in {"gspo", "together"}:
                ratio = difference.mean().exp().expand(len(difference))
            gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, high) * advantage)
            per_token = -(gain.clamp(min=1.5 * advantage) if kind == "dual" and advantage < 0 else gain)
        if kind in {"grpo", "gspo"}:
            loss = loss + per_token.mean() / len(replies)
        elif kind == "dr_grpo":
            loss = loss + per_token.sum() / (len(replies) * MAX_NEW_TOKENS)
        else:
            loss = loss + per_token.sum() / num_tokens
    return loss


def _imitation(kind: str, episodes: Sequence[Episode], logps: Sequence[Tensor]) -> Tensor:
    kept = []
    for place, episode in enumerate(episodes):
        group = [each.scores[0] for each in episodes if each.match.seed == episode.match.seed]
        is_best = episode.scores[0] == max(group) and max(group) > min(group)
        is_kept = episode.scores[0] > 0 if kind == "above" else is_best
        # A reply that was cut off is not imitated.
        if is_kept and not episode.turns[0].is_truncated:
            kept.append(place)
    return -torch.stack([logps[place].sum() for place in kept]).sum() / sum(len(logps[place]) for place in kept)


def _preference(episodes: Sequence[Episode], turns: Sequence[Turn], logps: Sequence[Tensor]) -> Tensor:
    # Replies that are alike in one place count once, with the mean of what they earned.
    losses = []
    for deal in sorted({episode.match.seed for episode in episodes}):
        earned: dict[tuple[int, ...], list[float]] = {}
        logp_of: dict[tuple[int, ...], Tensor] = {}
        for place, episode in enumerate(episodes):
            if episode.match.seed == deal:
                earned.setdefault(turns[place].token_ids, []).append(episode.scores[0])
                logp_of[turns[place].token_ids] = logps[place].sum()
        means = {reply: sum(scores) / len(scores) for reply, scores in earned.items()}
        for first, second in combinations(means, 2):
            if means[first] != means[second]:
                better, worse = (first, second) if means[first] > means[second] else (second, first)
                # The reference is t0, which the policy still is.
                margin = (logp_of[better] - logp_of[better].detach()) - (logp_of[worse] - logp_of[worse].detach())
                losses.append(-torch.nn.functional.logsigmoid(0.1 * margin))
    return torch.stack(losses).mean()


def _entropy(distributions: Sequence[Tensor]) -> Tensor:
    rows = torch.cat(list(distributions))
    return -(rows.exp() * rows).sum(-1).mean()


def _by_hand(kind: str, side: str) -> Tensor:
    policy = tiny_policy()
    episodes, _ = lesson()
    turns = [episode.turns[0] for episode in episodes]
    distributions = _log_probs(policy, turns, side)
    logps = _drawn(distributions, turns)
    loss = torch.zeros(())
    if kind not in {"best", "above", "dpo", "entropy"}:
        loss = loss + _policy_gradient(kind, logps, turns, _advantages(episodes, kind))
    if kind in {"best", "above", "together"}:
        loss = loss + (0.5 if kind == "together" else 1.0) * _imitation(kind, episodes, logps)
    if kind in {"dpo", "together"}:
        loss = loss + (0.25 if kind == "together" else 1.0) * _preference(episodes, turns, logps)
    if kind in {"entropy", "together"}:
        loss = loss - (0.1 if kind == "together" else 1.0) * _entropy(distributions)
    loss.backward()
    return gradient_of(policy)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", SECTIONS)
def test_the_learners_gradient_is_its_formulas(kind: str, side: str) -> None:
    by_hand = _by_hand(kind, side)
    assert float(by_hand.abs().max()) > 1e-3
    assert float((learned_gradient(SECTIONS[kind]) - by_hand).abs().max()) < TOLERANCE


@pytest.mark.parametrize("kind", SECTIONS)
def test_no_recipe_depends_on_how_the_batch_is_cut(kind: str) -> None:
    whole = learned_gradient({**SECTIONS[kind], "pack_tokens": 100_000})
    for pack_tokens in (1, 9, 30):
        assert float((learned_gradient({**SECTIONS[kind], "pack_tokens": pack_tokens}) - whole).abs().max()) < TOLERANCE


@pytest.mark.parametrize("form", ["full", "k2", "k3"])
def test_the_magnets_pull_is_its_forms(form: str) -> None:
    """After one step away from t0, the magnet's gradient alone is that of the form, over a padded batch."""
    policy, reference = tiny_policy(), tiny_policy(seed=1)
    # The magnet is t0: the learner is made around another policy's weights, which then get this one's.
    from tests.learning.lessons import learner_of

    section: dict[str, Json] = {"baseline": "none", "kl_form": form, "magnet_every": 0, "objective": {"pg": 0.0, "ce": 0.0, "kl": 1.0}}
    learner = learner_of(reference, section)
    t0 = reference.weights(0)
    reference.load(policy.weights(0))
    learner.learn(0, *lesson())
    found = gradient_of(reference)
    turns = [episode.turns[0] for episode in lesson()[0]]
    distributions = _log_probs(policy, turns, "left")
    far = tiny_policy()
    far.load(t0)
    with torch.no_grad():
        others = _log_probs(far, turns, "left")
    if form == "full":
        own, other = torch.cat(distributions), torch.cat(others)
        loss = (own.exp() * (own - other)).sum(-1).mean()
    else:
        difference = torch.cat(_drawn(distributions, turns)) - torch.cat(_drawn(others, turns))
        loss = (difference**2 / 2).mean() if form == "k2" else ((-difference).exp() - 1 + difference).mean()
    loss.backward()
    assert float((found - gradient_of(policy)).abs().max()) < 3 * TOLERANCE
    assert float(found.abs().max()) > 1e-2


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.enable_socket
@pytest.mark.timeout(240)
def test_two_gloo_ranks_give_the_gradient_of_one(tmp_path: Path) -> None:
    port = _port()
    ranks = []
    for rank in range(2):
        surroundings = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tests.learning.rank", str(tmp_path / f"rank{rank}")]
        ranks.append(subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    said = [rank.communicate()[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(said)
    for kind, section in SECTIONS.items():
        alone = learned_gradient(section).numpy()
        for rank in range(2):
            found = np.load(tmp_path / f"rank{rank}.{kind}.npy")
            assert float(np.abs(found - alone).max()) < TOLERANCE, kind
