"""What each stage asks of the next. `loop` knows these and nothing else; `build` puts live parts behind them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from socratic.errors import DoorLost
from socratic.records import (
    Assessment,
    Breakage,
    Episode,
    Feedback,
    Generation,
    Json,
    Judged,
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


@runtime_checkable
class Speaker(Protocol):
    """A player whose turns come as they are ready, so that a match goes on while others are still spoken in.

    Which are ready first depends on what was asked and in which order, never on time.
    """

    def ask(self, request: TurnRequest) -> int:
        """Have a turn taken; return the ticket by which it comes."""
        ...

    def advance(self) -> list[tuple[int, Turn]]:
        """Return the next turns that are ready, by ticket; at least one where any is to come."""
        ...


class Curriculum(Protocol):
    """Chooses what is played next."""

    def choose(self, index: int, version: int) -> list[Match]:
        """Return generation `index`'s matches, in the order that fixes the blocks.

        Each generation is chosen once, in order; with a lag before `revise` was called for the generations that are still in flight.
        """
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
    """Plays matches; may have started those of later generations."""

    def due(self, index: int) -> Sequence[int]:
        """Return the generations to start before generation `index` is finished, in order."""
        ...

    def start(self, index: int, matches: Sequence[Match]) -> None:
        """Have generation `index`'s matches played by the weights that are published now."""
        ...

    def finish(self, index: int) -> Played:
        """Return generation `index`'s episodes in the order of the matches; none of a game that broke its contract by then."""
        ...


class Courier(Protocol):
    """Brings weights to where somebody else draws with them."""

    def deliver(self, group: str, weights: Mapping[str, Weights]) -> Mapping[str, Weights]:
        """Have `weights` there, by player name and in the place of what `group` had; return what travels with calls instead."""
        ...


class Judge(Protocol):
    """Answers what games ask of a critic in the middle of a match."""

    def judge_calls(self, judgements: Sequence[Judgement]) -> Sequence[tuple[float, ...]]:
        """Return for each judgement one share for each of its options, in all 1; NaN for each where it cannot say."""
        ...


class JudgeDoor(Protocol):
    """How play workers reach a judge that lives in a worker of its own."""

    def present(self) -> Judge:
        """Return the judge as it is now, to travel with calls of `play`; what it knows that changes is shared beside it."""
        ...

    def mend(self, lost: DoorLost) -> None:
        """Have the worker that was lost replaced, if it was this judge's."""
        ...


class Scorer(Protocol):
    """A critic that says of whole episodes what they are worth."""

    @property
    def name(self) -> str:
        """What its feedback is signed with."""
        ...

    @property
    def reads_text(self) -> bool:
        """Whether players' words can talk it round; if not, it needs no measuring."""
        ...

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return a reward for each seat of each episode, in the game's own unit; NaN where it cannot say."""
        ...


class Critic(Protocol):
    """Turns episodes into rewards; may shut itself out."""

    def judge(self, index: int, episodes: Sequence[Episode]) -> Judged:
        """Return generation `index`'s feedback, NaN where the critics cannot say, and what was measured of the critics."""
        ...


class League(Protocol):
    """Keeps past versions and seats them."""

    def seat(self, index: int, matches: Sequence[Match]) -> list[Match]:
        """Return generation `index`'s matches with a kept version, `past:12`, wherever the line-up says `league`."""
        ...

    def revise(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Metrics:
        """Rate the versions that met; return `league/...` metrics."""
        ...

    def keep(self, index: int, weights: Weights) -> None:
        """Keep the published weights of generation `index`, where that is due."""
        ...

    def pool(self) -> Mapping[int, Weights]:
        """Return the kept versions."""
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
        """The version that plays what is started now."""
        ...

    def publish(self, index: int, update: Update, verdict: Verdict) -> Metrics:
        """Hand generation `index`'s new weights to everything that plays; return `sync/...` metrics."""
        ...


class AgentCopy(Protocol):
    """What the observer may see of the agent: its weights, to be copied and probed."""

    def weights(self) -> Weights:
        """Return the published weights (a copy; changing it changes nothing)."""
        ...

    def t0(self) -> Weights:
        """Return the weights as they were when the system was closed."""
        ...

    def past(self) -> Mapping[int, Weights]:
        """Return the versions that the league keeps."""
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

    def start(self, method: str, items: Sequence[object], *shared: object) -> "Pending":
        """Start a call for each item, to be made whether or not anybody waits; the result is the list that `map` returns."""
        ...

    def submit(self, method: str, item: object, *shared: object) -> "Pending":
        """Start one call on the first worker."""
        ...

    def door(self) -> "Door":
        """Return a way for workers of another crew to call these; it travels with a call, and is made anew for each one."""
        ...

    def mend(self, lost: DoorLost) -> None:
        """Replace the worker that was lost, if it was of these and nobody did yet, and note why as an event."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class Door(Protocol):
    """A way for one worker to call another, which serves whoever comes, one after the other."""

    def call(self, method: str, item: object, *shared: object) -> object:
        """Return `worker.method(item, *shared)`; what the worker raises is raised here.

        Raises:
            DoorLost: the worker died, or did not answer in time.
        """
        ...


class Pending(Protocol):
    """A call that was started."""

    def result(self) -> object:
        """Wait for it and return what it returned."""
        ...


class Executor(Protocol):
    """Where workers live."""

    def spawn(
        self,
        name: str,
        factory: Callable[[], object],
        *,
        count: int = 1,
        threads: int = 1,
        lease_s: float = 600.0,
        gpus: float = 0.0,
    ) -> Workers:
        """Start `count` workers, each with a share `gpus` of a GPU; returns before they are ready."""
        ...

    def close(self) -> None:
        """End all workers and what was started for them."""
        ...
