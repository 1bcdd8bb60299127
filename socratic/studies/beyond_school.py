"""School: what t0 is taught before the system closes, right answers of a scripted player.

Shape letters: B rows, T time, V vocabulary.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from socratic.metagame.curriculum import Course, FixedCurriculum
from socratic.play.block import PlayRules, play_block
from socratic.policy.scripted import ScriptedPlayers
from socratic.policy.transformer import Policy
from socratic.protocols import Player
from socratic.records import SELF, Episode, Match
from socratic.registry import load_game
from socratic.seeds import Seed
from socratic.studies.beyond_plan import Plan

TEACHER = "scripted:optimal"
NOT_TAUGHT = -100  # what cross entropy leaves out


def lessons(plan: Plan, game: str, seed: Seed) -> Sequence[Episode]:
    """Return matches of at most `plan.taught` digits, answered by the teacher."""
    course = Course(
        game=game,
        params={"digits": plan.taught, "mixed": True, "width": plan.width},
        lineups=((TEACHER,),),
        episodes=plan.school_matches,
        group=1,
    )
    players = ScriptedPlayers(load_game)
    matches = FixedCurriculum([course], seed).choose(0, 0)
    return play_block(matches, load_game, partial(_seat, players), PlayRules()).episodes


def school(policy: Policy, episodes: Sequence[Episode], plan: Plan, seed: Seed) -> float:
    """Teach `policy` the replies of `episodes`, one turn each, and nothing else of them; return the last loss in nats a token.

    AdamW; the rate rises over the first tenth of the steps and falls to 0 over the rest.
    """
    rows = [_row(policy, episode) for episode in episodes]
    optimizer = torch.optim.AdamW(policy.trained().values(), lr=plan.school_lr, betas=(0.9, 0.95), weight_decay=0.0)
    loss = float("nan")
    for step in range(plan.school_steps):
        draws = seed.child("school", step)
        loss_tensor = _loss(policy, [rows[draws.integer(len(rows), index)] for index in range(plan.school_rows)])
        optimizer.zero_grad()
        loss_tensor.backward()
        nn.utils.clip_grad_norm_(policy.trained().values(), 1.0)
        rise = min(1.0, (step + 1) / max(1, plan.school_steps // 10))
        for group in optimizer.param_groups:
            group["lr"] = plan.school_lr * rise * (1.0 - step / plan.school_steps)
        optimizer.step()
        loss = float(loss_tensor.detach())
    return loss


def _seat(players: ScriptedPlayers, name: str, match: Match) -> tuple[str, Player]:
    return name, players.player(name, match)


def _row(policy: Policy, episode: Episode) -> tuple[tuple[int, ...], int]:
    """Return the tokens of a match, and where its reply begins."""
    view = episode.views[0]
    before = policy.chat.render([line for line in view if line.speaker != SELF])
    return before + policy.chat.encode_reply(episode.turns[0].reply), len(before)


def _loss(policy: Policy, rows: Sequence[tuple[tuple[int, ...], int]]) -> torch.Tensor:
    width = max(len(tokens) for tokens, _ in rows)
    tokens = np.zeros((len(rows), width), dtype=np.int64)
    taught = np.full((len(rows), width), NOT_TAUGHT, dtype=np.int64)
    for row, (ids, start) in enumerate(rows):
        tokens[row, : len(ids)] = ids
        taught[row, start - 1 : len(ids) - 1] = ids[start:]
    # Padding stands behind, where a causal model does not look.
    logits_BTV = policy.model(input_ids=torch.from_numpy(tokens), use_cache=False).logits
    return nn.functional.cross_entropy(logits_BTV.flatten(0, 1), torch.from_numpy(taught).flatten(), ignore_index=NOT_TAUGHT)
