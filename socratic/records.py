"""What passes between the stages: small frozen records, in the order in which a generation makes them.

    Match -> Episode (of Turns) -> Feedback -> Trajectory -> Update -> Verdict -> Generation | Assessment | LostAssessment

Missing is missing: a number that is not known is absent from a mapping or NaN in a sequence, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

ParameterValue: TypeAlias = bool | int | float | str
Metrics: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of what a seat has seen: told by the game, or its own reply."""

    speaker: str  # GAME or SELF
    text: str


GAME = "game"
SELF = "self"


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """What is to be played: enough to play it again anywhere, with the same bytes."""

    episode_id: str
    game: str
    params: Mapping[str, ParameterValue] = field(default_factory=dict)
    seed: int  # the key of the game's chance
    draw_seed: int  # the key of the players' own draws
    seats: tuple[str, ...]  # who sits where: agent, t0, past:K, scripted:random, ...
    version: int  # the agent's weights version
    group: int = 0  # matches of one group share game, parameters and chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One reply as it was drawn.

    `token_ids[i]` was drawn with log-probability `logprobs[i]` after `context_ids + token_ids[:i]`; where `allowed` is
    given, among `allowed[i]` only, renormalized. Players that draw no tokens leave the four empty.
    """

    seat: int
    reply: str
    is_legal: bool
    player: str
    version: int
    context_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    allowed: tuple[tuple[int, ...], ...] | None = None
    is_truncated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One match played out."""

    match: Match
    scores: tuple[float, ...]  # one for each seat, in the game's own unit
    turns: tuple[Turn, ...]
    views: tuple[tuple[Line, ...], ...]  # what each seat saw, its own replies included
    ending: str  # "finished", "forfeit" or "turn_limit"
    forfeiter: int | None = None
    probes: Metrics = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What the critics say of one episode: a reward for each seat; NaN where they cannot say."""

    episode_id: str
    rewards: tuple[float, ...]
    critic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """One seat's turns of one episode, with return and advantage."""

    game: str
    episode_id: str
    seat: int
    turns: tuple[Turn, ...]
    reward: float
    advantages: tuple[float, ...]  # one for each turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What learning did: the next weights version and what was measured on the way."""

    version: int
    fingerprint: str
    metrics: Metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the guard found, and whether the update may be published."""

    is_healthy: bool
    metrics: Metrics
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One pass of the Socratic loop, as the closed system knows it."""

    index: int
    version: int
    metrics: Metrics
    notes: tuple[str, ...] = ()
    episodes: tuple[Episode, ...] = ()
    feedback: tuple[Feedback, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """What the observer found when it probed a copy of the agent."""

    generation: int
    version: int
    metrics: Metrics


@dataclass(frozen=True, kw_only=True, slots=True)
class LostAssessment:
    """Why there is no assessment of a generation."""

    generation: int
    message: str
