"""The scratch policy's schooling: whole transcripts of random legal play with their outcomes, before the system closes.

A policy warmed up on moves alone learns to ignore what it was dealt and never recovers; the outcome at the end of each transcript
is what ties the two together.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from socratic.config import WarmUp
from socratic.policy.memory import Memory, episodes_of_memory
from socratic.policy.token_tree import TokenTree, pack_token_trees
from socratic.policy.transformer import Policy
from socratic.records import GAME, Episode, Judgement, Line
from socratic.seeds import Seed

PACK_TOKENS = 512  # attention over a tree costs the square of its nodes


def transcripts(episodes: Sequence[Episode], memory: Memory = "all") -> list[tuple[Line, ...]]:
    """Return what each seat read of each episode, its score as the last line."""
    return [
        (*part, Line(speaker=GAME, text=outcome_text(score)))
        for episode in episodes
        for view, score in zip(episode.views, episode.scores, strict=True)
        for part in episodes_of_memory(view, memory)
    ]


def outcome_text(score: float) -> str:
    """Return how an outcome is written at the end of a transcript."""
    return f"Score: {score:g}."


def lexicon(episodes: Sequence[Episode]) -> list[str]:
    """Return every text that random play has shown to a seat or asked of a critic, for a tokenizer to be built from."""
    shown = {line.text for view in transcripts(episodes) for line in view}
    asked = {
        text
        for episode in episodes
        for call, _ in episode.calls
        if isinstance(call, Judgement)
        for text in (call.question, call.evidence, *call.options)
    }
    return sorted(shown | asked)


def warm_up(policy: Policy, episodes: Sequence[Episode], section: WarmUp, seed: Seed, threads: int, memory: Memory = "all") -> float:
    """Train `policy` to continue the transcripts of `episodes`; return the last loss in nats a token.

    The learning rate rises over the first tenth of the steps and falls to 0 over the rest. Transcripts that begin alike share
    their beginning, which is computed once and weighs as often as it was drawn.
    """
    torch.set_num_threads(threads)
    rows = [policy.chat.render(view) for view in transcripts(episodes, memory)]
    optimizer = torch.optim.AdamW(policy.trained().values(), lr=section.lr, betas=(0.9, 0.95), weight_decay=0.0)
    loss = float("nan")
    for step in range(section.steps):
        draws = seed.child("warm-up", step)
        picked = [rows[draws.integer(len(rows), index)] for index in range(section.transcripts)]
        num_tokens = sum(len(row) - 1 for row in picked)
        optimizer.zero_grad()
        loss = 0.0
        for tree in pack_token_trees(picked, PACK_TOKENS):
            part = _continuation_loss(policy, tree) / num_tokens
            part.backward()
            loss += float(part.detach())
        nn.utils.clip_grad_norm_(policy.trained().values(), 1.0)
        rise = min(1.0, (step + 1) / max(1, section.steps // 10))
        for group in optimizer.param_groups:
            group["lr"] = section.lr * rise * (1.0 - step / section.steps)
        optimizer.step()
    return loss


def _continuation_loss(policy: Policy, tree: TokenTree) -> torch.Tensor:
    """Return the summed cross entropy of every token after its prefix, over all the sequences of the tree."""
    counts_N = tree.visible[tree.ends_S].sum(axis=0)
    nodes_E = np.flatnonzero(tree.parents_N >= 0)
    logits_EV = policy.next_token(tree, tree.parents_N[nodes_E])
    device = logits_EV.device
    losses_E = nn.functional.cross_entropy(logits_EV, torch.from_numpy(tree.tokens_N[nodes_E]).to(device), reduction="none")
    return (losses_E * torch.from_numpy(counts_N[nodes_E]).to(device).float()).sum()
