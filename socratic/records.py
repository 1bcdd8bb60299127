"""What passes between the stages: small frozen records, in the order in which a generation makes them.

    Match -> Episode (of Turns) or Breakage -> Judged (of Feedback) -> Trajectory -> Update -> Verdict
          -> Generation | Assessment | LostAssessment

Missing is missing: a number that is not known is absent from a mapping or NaN in a sequence, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import TypeAlias

ParameterValue: TypeAlias = bool | int | float | str
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Metrics: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of what a seat has seen: told by the game, or its own reply."""

    speaker: str  # GAME or SELF
    text: str


GAME = "game"
SELF = "self"


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a game asks of a critic: a share for each option."""

    question: str  # in the game's own words
    evidence: str  # the players' words, kept apart from the question
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """What a game asks of the sandbox: the value of `call(*inputs)` once `source` has run."""

    source: str
    call: str
    inputs: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a program came to: a value of plain JSON, or why there is none."""

    value: Json = None
    error: str = ""  # "" when it ran, else a line such as "ZeroDivisionError: division by zero"

    @property
    def ok(self) -> bool:
        """Whether the program ran to its end."""
        return not self.error


Call: TypeAlias = Judgement | Program
Answer: TypeAlias = tuple[float, ...] | Result


def is_unsaid(answer: Answer) -> bool:
    """Return whether a critic could not say: its shares are NaN."""
    return isinstance(answer, tuple) and any(map(isnan, answer))


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
    scores: tuple[float, ...]  # one for each seat, in the game's own unit; NaN where a critic that the game asked could not say
    turns: tuple[Turn, ...]
    views: tuple[tuple[Line, ...], ...]  # what each seat saw, its own replies included
    ending: str  # "finished", "forfeit" or "turn_limit"
    forfeiter: int | None = None
    probes: Metrics = field(default_factory=dict)
    calls: tuple[tuple[Call, Answer], ...] = ()  # what the game asked of critics and of the sandbox: with it, replay needs neither

    @property
    def is_undecided(self) -> bool:
        """Whether a critic that the game asked could not say: nobody knows what the match is worth."""
        return any(is_unsaid(answer) for _, answer in self.calls)


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakage:
    """A match that broke off because its game broke the contract."""

    game: str
    episode_id: str
    message: str  # what the game did, after whom it asked, and with which seed to see it again


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What came of matches: the episodes of games that kept their contract, in order, and where others broke it."""

    episodes: tuple[Episode, ...]
    breakages: tuple[Breakage, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Feedback:
    """What the critics say of one episode: a reward for each seat; NaN where they cannot say."""

    episode_id: str
    rewards: tuple[float, ...]
    critic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened and that somebody should see."""

    kind: str  # note, game-broken, quarantine, ...
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the critics say of a generation's episodes, and what is known of the critics."""

    feedback: tuple[Feedback, ...]  # one for each episode, in order
    metrics: Metrics = field(default_factory=dict)  # `critic/...`
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """One seat's turns of one episode, with return and advantage."""

    game: str
    episode_id: str
    seat: int
    deal: int  # equal for matches that share game, parameters and chance
    turns: tuple[Turn, ...]
    reward: float
    advantages: tuple[float, ...]  # one for each turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What learning did: the next weights version and what was measured on the way."""

    version: int
    fingerprint: str
    metrics: Metrics
    notes: tuple[str, ...] = ()  # in words: what kept it from learning


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
    breakages: tuple[Breakage, ...] = ()  # the first of each game, which is played no more
    events: tuple[Event, ...] = ()


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
