"""The scratch policy's schooling: whole transcripts of random legal play with their outcomes, before the system closes.

A policy warmed up on moves alone learns to ignore what it was dealt and never recovers; the outcome at the end of each transcript
is what ties the two together.
"""

from collections.abc import Sequence

import torch
from torch import nn

from socratic.config import WarmUp
from socratic.policy.chat import Chat
from socratic.policy.transformer import Policy
from socratic.records import GAME, Episode, Line
from socratic.seeds import Seed

PADDING = -100  # what torch's cross entropy leaves out


def transcripts(episodes: Sequence[Episode]) -> list[tuple[Line, ...]]:
    """Return what each seat saw of each episode, its score as the last line."""
    return [
        (*view, Line(speaker=GAME, text=outcome_text(score)))
        for episode in episodes
        for view, score in zip(episode.views, episode.scores, strict=True)
    ]


def outcome_text(score: float) -> str:
    """Return how an outcome is written at the end of a transcript."""
    return f"Score: {score:g}."


def lexicon(episodes: Sequence[Episode]) -> list[str]:
    """Return every text that random play has shown, for a tokenizer to be built from."""
    return sorted({line.text for view in transcripts(episodes) for line in view})


def warm_up(policy: Policy, episodes: Sequence[Episode], section: WarmUp, seed: Seed, threads: int) -> float:
    """Train `policy` to continue the transcripts of `episodes`; return the last loss in nats a token.

    The learning rate rises over the first tenth of the steps and falls to 0 over the rest.
    """
    torch.set_num_threads(threads)
    rows = _encoded(policy.chat, transcripts(episodes))
    optimizer = torch.optim.AdamW(policy.trained().values(), lr=section.lr, betas=(0.9, 0.95), weight_decay=0.0)
    loss_value = float("nan")
    for step in range(section.steps):
        draws = seed.child("warm-up", step)
        picked = [rows[draws.integer(len(rows), index)] for index in range(min(section.transcripts, len(rows)))]
        inputs, labels = _padded(picked)
        logits = policy.model(input_ids=inputs, use_cache=False).logits.float()
        loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=PADDING)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.trained().values(), 1.0)
        rise = min(1.0, (step + 1) / max(1, section.steps // 10))
        for group in optimizer.param_groups:
            group["lr"] = section.lr * rise * (1.0 - step / section.steps)
        optimizer.step()
        loss_value = float(loss.detach())
    return loss_value


def _encoded(chat: Chat, views: Sequence[Sequence[Line]]) -> list[tuple[int, ...]]:
    return [chat.render(view, ()) for view in views]


def _padded(rows: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
    # Rows end where the longest ends: causal attention never looks right, so padding on the right needs no mask.
    width = max(len(row) for row in rows)
    inputs = torch.zeros((len(rows), width), dtype=torch.int64)
    labels = torch.full((len(rows), width), PADDING, dtype=torch.int64)
    for index, row in enumerate(rows):
        inputs[index, : len(row)] = torch.tensor(row)
        labels[index, : len(row)] = torch.tensor(row)
    return inputs, labels
