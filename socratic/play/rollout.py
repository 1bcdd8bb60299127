"""Rollout: matches in, episodes out, over any number of workers.

The order of the matches fixes the blocks; a block is played by one worker and retried whole. Weights travel with every call,
so that a worker that was replaced needs nothing but the call.

With a lag, the matches of later generations are started before the present one is learned from, so that workers play meanwhile. Which
weights play which generation is counted and not timed: generation i is played by version max(0, i - lag), wherever and however fast.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias, cast

from socratic.errors import DoorLost, PlayError, SyncError, WorkerLost
from socratic.play.flights import Flight, Remembered, load_flights, save_flights
from socratic.protocols import Courier, JudgeDoor, Weights, Workers
from socratic.records import Breakage, Episode, Match, Played

JUDGE_TRIES = 3  # of a generation: the first, one for a machine's bad luck, one to be sure


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedBlock:
    """What a worker returns for one block."""

    episodes: tuple[Episode, ...]
    breakages: tuple[Breakage, ...] = ()
    fingerprint: str  # of the agent's weights as they were live in the worker
    lost: DoorLost | None = None  # the judge was lost in the middle of it: nothing of it counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Weights by player name, and the handle by which workers get them."""

    weights: Mapping[str, Weights]
    handle: object


Block: TypeAlias = tuple[Match, ...]


class BlockRollout:
    """Plays matches in blocks on `workers`; remembers what is in flight."""

    def __init__(
        self,
        workers: Workers,
        block: int,
        judge: JudgeDoor | None = None,
        courier: Courier | None = None,
        *,
        lag: int = 0,
        generations: int = 0,
    ) -> None:
        """Cut matches into blocks of `block`.

        Args:
            workers: who plays.
            block: matches that share forward passes.
            judge: one that lives elsewhere: it is sent along with each block as it is when the block is sent.
            courier: brings weights to where the workers have their replies drawn, if that is not in the workers.
            lag: by how many generations the weights that play are older than those that learn.
            generations: after which nothing is started; only a lag asks.
        """
        self._workers = workers
        self._judge = judge
        self._courier = courier
        self._block = block
        self._lag = lag
        self._generations = generations
        self._weights = Shared(weights={}, handle=None)
        self._past = Shared(weights={}, handle=None)
        self._next = 0  # the first generation that is not started
        self._broken: set[str] = set()  # games that broke their contract, of which matches may be in flight
        self._flights: dict[int, Flight] = {}
        self._sent: dict[int, _Sent] = {}

    def sync(self, weights: Mapping[str, Weights]) -> None:
        """Share the weights that what is started from now on seats, by player name ("agent", "t0")."""
        self._weights = self._shared("now", weights)

    def sync_past(self, weights: Mapping[str, Weights]) -> None:
        """Share the kept versions that it seats ("past:12"): apart, because they rarely change."""
        self._past = self._shared("past", weights)

    def due(self, index: int) -> Sequence[int]:
        """Return the generations to start now: `index` itself, or with a lag the one that is so many later; at first all up to it."""
        last = max(index, min(index + self._lag, self._generations - 1))
        return range(max(index, self._next), last + 1)

    def start(self, index: int, matches: Sequence[Match]) -> None:
        """Have generation `index` played by the weights of now; with a lag, workers begin at once."""
        flight = Flight(index=index, matches=tuple(matches), weights=self._weights.weights, past=self._past.weights)
        self._next = index + 1
        self._send(flight, self._weights.handle, self._past.handle)

    def finish(self, index: int) -> Played:
        """Return what came of generation `index`.

        A game that breaks its contract in one match loses all its episodes, those that were in flight then among them: its rules are not
        what they say.

        Raises:
            SyncError: a worker played with other weights than were sent.
            PlayError: a block ends its worker, or the judge's, whenever it is played.
        """
        flight = self._flights.pop(index)
        played = self._play_whole(self._sent.pop(index))
        expected = flight.weights["agent"].fingerprint
        for block in played:
            if block.fingerprint != expected:
                raise SyncError(
                    f"a worker played with weights {block.fingerprint[:12]}, expected {expected[:12]}; "
                    "resume the run from its last checkpoint"
                )
        breakages = tuple(breakage for block in played for breakage in block.breakages if breakage.game not in self._broken)
        self._broken |= {breakage.game for breakage in breakages}
        episodes = tuple(episode for block in played for episode in block.episodes if episode.match.game not in self._broken)
        return Played(episodes=episodes, breakages=breakages)

    def save(self, folder: Path) -> None:
        """Write what is in flight: the matches, and the weights that play them."""
        save_flights(
            folder,
            Remembered(lag=self._lag, next=self._next, broken=sorted(self._broken), flights=list(self._flights.values())),
        )

    def load(self, folder: Path) -> None:
        """Take back what `save` wrote; nothing is played before `play_again`.

        Raises:
            CheckpointError: it is not whole, or of another lag.
        """
        found = load_flights(folder, self._lag)
        self._next, self._broken = found.next, set(found.broken)
        self._flights = {flight.index: flight for flight in found.flights}

    def play_again(self) -> None:
        """Start what was in flight at the checkpoint that was loaded, by the weights that it was played by."""
        for flight in list(self._flights.values()):
            self._send(flight, self._workers.share(flight.weights), self._workers.share(flight.past))

    def _shared(self, group: str, weights: Mapping[str, Weights]) -> Shared:
        sent = weights if self._courier is None else self._courier.deliver(group, weights)
        return Shared(weights=dict(weights), handle=self._workers.share(dict(sent)))

    def _send(self, flight: Flight, weights: object, past: object) -> None:
        blocks = tuple(flight.matches[start : start + self._block] for start in range(0, len(flight.matches), self._block))
        self._flights[flight.index] = flight
        self._sent[flight.index] = _Sent(blocks=blocks, weights=weights, past=past, land=self._call(blocks, weights, past))

    def _call(self, blocks: Sequence[Block], weights: object, past: object) -> Callable[[], object]:
        """Ask for blocks; return what waits for them.

        Where the driver waits, whoever is free takes the next block; where it learns meanwhile, every worker has its blocks before.
        """
        judge = () if self._judge is None else (self._judge.present(),)
        if self._lag:
            return self._workers.start("play", blocks, weights, past, *judge).result
        return partial(self._workers.map, "play", blocks, weights, past, *judge)

    def _play_whole(self, sent: "_Sent") -> list[PlayedBlock]:
        """Return every block played; those in which the judge was lost are played again from their beginning, with another one."""
        played: dict[int, PlayedBlock] = {}
        reasons: list[DoorLost] = []
        left, land = list(range(len(sent.blocks))), sent.land
        while True:
            found = _landed(land, [sent.blocks[place] for place in left])
            played.update({place: block for place, block in zip(left, found, strict=True) if block.lost is None})
            lost = [block.lost for block in found if block.lost is not None]
            if not lost or self._judge is None:
                return [played[place] for place in range(len(sent.blocks))]
            reasons.append(lost[0])
            self._judge.mend(lost[0])
            if len(reasons) == JUDGE_TRIES:
                raise PlayError(f"a judge was lost {JUDGE_TRIES} times: {reasons[-1]}; resume the run from its last checkpoint")
            left = [place for place in range(len(sent.blocks)) if place not in played]
            land = self._call([sent.blocks[place] for place in left], sent.weights, sent.past)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """What a flight was sent with, and what waits for it."""

    blocks: tuple[Block, ...]
    weights: object
    past: object
    land: Callable[[], object]


def _landed(land: Callable[[], object], blocks: Sequence[Block]) -> list[PlayedBlock]:
    """Wait for blocks.

    Raises:
        PlayError: one ends its worker whenever it is played.
    """
    try:
        return cast(list[PlayedBlock], land())
    except WorkerLost as error:
        lost = blocks[error.index]
        games = ", ".join(sorted({match.game for match in lost}))
        raise PlayError(
            f"the matches {lost[0].episode_id} to {lost[-1].episode_id} of {games} end their worker whenever they are played: "
            f"{error}; play one game at a time with -o play.executor=local to see which"
        ) from None
