"""From trajectories to what a forward pass needs: distinct places, and how much each drawn token weighs there.

A place is what stood before a drawn token, with what the mask allowed. Hundreds of trajectories share few places; each is
computed once, with the summed advantage of the tokens drawn at it. Every normalizer is folded into these weights
here, so that gradients do not depend on how places are spread over micro-batches.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from socratic.config import Objective
from socratic.records import Trajectory

Tokens = tuple[int, ...]


@dataclass(kw_only=True, slots=True)
class Place:
    """One distinct place at which tokens were drawn."""

    prefix: Tokens
    allowed: Tokens | None
    share: float = 0.0  # this place's part of all draws; sums to 1 over a batch
    kl: float = 0.0  # share times the game's coefficient
    entropy: float = 0.0  # likewise
    gains: dict[int, float] = field(default_factory=dict)  # summed weight times coefficient times advantage of each token
    recorded: dict[int, tuple[float, float]] = field(default_factory=dict)  # least and greatest log-probability seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """All places of a generation."""

    places: tuple[Place, ...]
    num_tokens: int  # drawn tokens with a choice, before equal ones were merged


def make_batch(trajectories: Sequence[Trajectory], objective_of: Callable[[str], Objective]) -> Batch:
    """Merge the draws of all trajectories.

    Each game's draws weigh 1 / (games x draws of that game), so that a game with long replies or many turns
    does not drown the others, times the coefficients of its objective. Tokens that the mask forced were not drawn and
    weigh nothing.
    """
    draws = Counter(
        trajectory.game for trajectory in trajectories for turn in trajectory.turns for _ in _drawn(turn.allowed, len(turn.token_ids))
    )
    places: dict[tuple[Tokens, Tokens | None], Place] = {}
    for trajectory in trajectories:
        if not draws[trajectory.game]:
            continue
        weight = 1.0 / (len(draws) * draws[trajectory.game])
        objective = objective_of(trajectory.game)
        for turn, advantage in zip(trajectory.turns, trajectory.advantages, strict=True):
            for index in _drawn(turn.allowed, len(turn.token_ids)):
                allowed = None if turn.allowed is None else turn.allowed[index]
                prefix = turn.context_ids + turn.token_ids[:index]
                place = places.setdefault((prefix, allowed), Place(prefix=prefix, allowed=allowed))
                token, logprob = turn.token_ids[index], turn.logprobs[index]
                place.share += weight
                place.kl += weight * objective.kl
                place.entropy += weight * objective.entropy
                place.gains[token] = place.gains.get(token, 0.0) + weight * objective.pg * advantage
                low, high = place.recorded.get(token, (logprob, logprob))
                place.recorded[token] = (min(low, logprob), max(high, logprob))
    return Batch(places=tuple(places.values()), num_tokens=sum(draws.values()))


def _drawn(allowed: tuple[Tokens, ...] | None, length: int) -> list[int]:
    if allowed is None:
        return list(range(length))
    return [index for index in range(length) if len(allowed[index]) > 1]
