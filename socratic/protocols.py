"""What each stage asks of the next. `loop` knows these and nothing else; `build` puts live parts behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from socratic.records import (
    Assessment,
    Breakage,
    Episode,
    Feedback,
    Generation,
    Json,
    Judgement,
    Line,
    LostAssessment,
    Match,
    Metrics,
    Played,
    Turn,
    Update,
    Verdict,
)


class Weights(Protocol):
    """The trained weights of one version, as they travel."""

    @property
    def version(self) -> int:
        """The number of updates since t0."""
        ...

    @property
    def fingerprint(self) -> str:
        """A sha256 over names, shapes, types and bytes."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnRequest:
    """One seat that waits for a reply."""

    match: Match
    seat: int
    turn: int  # how many replies of the match were asked for before this one
    view: Sequence[Line]
    own_turns: Sequence[Turn]  # what this seat replied before, in the order of its own lines in the view
    legal: tuple[str, ...] | None  # None: the rules cannot list the moves


class Player(Protocol):
    """Fills seats: answers any number of waiting seats at once."""

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Return one turn for each request, in order; `is_legal` is filled in by the table."""
        ...


class Curriculum(Protocol):
    """Chooses what is played next."""

    def choose(self, index: int, version: int) -> list[Match]:
        """Return generation `index`'s matches, in the order that fixes the blocks."""
        ...

    def drop(self, breakages: Sequence[Breakage]) -> tuple[Breakage, ...]:
        """Choose the games of `breakages` no more; return the first of each game.

        Raises:
            PlayError: none is left.
        """
        ...

    def revise(self, episodes: Sequence[Episode], feedback: Sequence[Feedback], verdict: Verdict) -> Metrics:
        """Learn from what came of them; return `curriculum/...` metrics."""
        ...


class Rollout(Protocol):
    """Plays matches."""

    def play(self, matches: Sequence[Match]) -> Played:
        """Return the episodes in the order of the matches; none of a game that broke its contract in one of them."""
        ...


class Judge(Protocol):
    """Answers what games ask of a critic in the middle of a match."""

    def judge_calls(self, judgements: Sequence[Judgement]) -> Sequence[tuple[float, ...]]:
        """Return for each judgement one share for each of its options, in all 1."""
        ...


class Critic(Protocol):
    """Turns episodes into rewards."""

    def judge(self, episodes: Sequence[Episode]) -> list[Feedback]:
        """Return one feedback for each episode, in order; NaN where the critic cannot say."""
        ...


class Learner(Protocol):
    """Turns episodes and rewards into the next weights."""

    def learn(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Update:
        """Take generation `index`'s optimizer steps."""
        ...


class Guard(Protocol):
    """Watches inside signals; may hold back or roll back."""

    def examine(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback], update: Update) -> Verdict:
        """Return what it found; never sees anything of the observer's."""
        ...


class Agent(Protocol):
    """The thing that improves."""

    @property
    def version(self) -> int:
        """The version that plays."""
        ...

    def publish(self, update: Update, verdict: Verdict) -> Metrics:
        """Hand the new weights to everything that plays; return `sync/...` metrics."""
        ...


class AgentCopy(Protocol):
    """What the observer may see of the agent: its weights, to be copied and probed."""

    def weights(self) -> Weights:
        """Return the published weights (a copy; changing it changes nothing)."""
        ...

    def t0(self) -> Weights:
        """Return the weights as they were when the system was closed."""
        ...


class Observer(Protocol):
    """Probes a copy of the agent from outside."""

    def is_due(self, index: int) -> bool:
        """Say whether generation `index` is one that is probed (-1 is t0)."""
        ...

    def probe(self, index: int, agent: AgentCopy) -> None:
        """Start probing a copy; the result arrives with `collect`."""
        ...

    def collect(self) -> list[Assessment | LostAssessment]:
        """Wait for what was started and return it, oldest first; what failed says why, and raises no SocraticError."""
        ...


class Tracker(Protocol):
    """Mirrors the record; what it returns is nothing."""

    def record_generation(self, generation: Generation) -> None:
        """Take one generation's metrics and notes."""
        ...

    def record_assessment(self, assessment: Assessment) -> None:
        """Take one assessment."""
        ...

    def record_event(self, generation: int, kind: str, message: str) -> None:
        """Take an alarm, a restart, a rollback, a checkpoint."""
        ...

    def close(self) -> None:
        """Flush and leave."""
        ...


class Stateful(Protocol):
    """A part with memory that a checkpoint must hold."""

    def state(self) -> Mapping[str, Json]:
        """Return the memory as JSON."""
        ...

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the memory back; a missing key is an error."""
        ...


class TensorStateful(Protocol):
    """A part whose memory holds arrays: they go into safetensors, the rest into JSON."""

    def save(self, folder: Path) -> None:
        """Write `*.safetensors` and `*.json` files into an existing empty folder."""
        ...

    def load(self, folder: Path) -> None:
        """Take the memory back; a missing file or key is a CheckpointError."""
        ...


class Workers(Protocol):
    """Identical workers built by one factory, in this process or in Ray actors."""

    def share(self, payload: object) -> object:
        """Place something large once for all workers; pass what comes back to `map` or `submit`."""
        ...

    def map(self, method: str, items: Sequence[object], *shared: object) -> list[object]:
        """Return `worker.method(item, *shared)` for each item, in the order of the items.

        A worker that dies is replaced and its items are asked for again; what a worker raises is raised here.
        """
        ...

    def submit(self, method: str, item: object, *shared: object) -> "Pending":
        """Start one call on the first worker."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class Pending(Protocol):
    """A call that was started."""

    def result(self) -> object:
        """Wait for it and return what it returned."""
        ...


class Executor(Protocol):
    """Where workers live."""

    def spawn(self, name: str, factory: Callable[[], object], *, count: int = 1, threads: int = 1, lease_s: float = 600.0) -> Workers:
        """Start `count` workers; returns before they are ready."""
        ...

    def close(self) -> None:
        """End all workers and what was started for them."""
        ...
