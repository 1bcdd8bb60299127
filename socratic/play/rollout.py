"""Rollout: matches in, episodes out, over any number of workers.

The order of the matches fixes the blocks; a block is played by one worker and retried whole. Weights travel with every call,
so that a worker that was replaced needs nothing but the call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from socratic.errors import PlayError, SyncError, WorkerLost
from socratic.protocols import Weights, Workers
from socratic.records import Breakage, Episode, Match, Played


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedBlock:
    """What a worker returns for one block."""

    episodes: tuple[Episode, ...]
    breakages: tuple[Breakage, ...] = ()
    fingerprint: str  # of the agent's weights as they were live in the worker


class BlockRollout:
    """Plays matches in blocks on `workers`."""

    def __init__(self, workers: Workers, block: int) -> None:
        """Cut matches into blocks of `block`."""
        self._workers = workers
        self._block = block
        self._weights: dict[str, Weights] = {}
        self._shared: object = None

    def sync(self, weights: Mapping[str, Weights]) -> None:
        """Share the weights that later calls of `play` seat, by player name ("agent", "t0")."""
        self._weights = dict(weights)
        self._shared = self._workers.share(self._weights)

    def play(self, matches: Sequence[Match]) -> Played:
        """Play all matches; a game that breaks its contract in one of them loses all its episodes: its rules are not what they say.

        Raises:
            SyncError: a worker played with other weights than were sent.
            PlayError: a block ends its worker whenever it is played.
        """
        blocks = [tuple(matches[start : start + self._block]) for start in range(0, len(matches), self._block)]
        try:
            played = cast(list[PlayedBlock], self._workers.map("play", blocks, self._shared))
        except WorkerLost as error:
            lost = blocks[error.index]
            games = ", ".join(sorted({match.game for match in lost}))
            raise PlayError(
                f"the matches {lost[0].episode_id} to {lost[-1].episode_id} of {games} end their worker whenever they are played: "
                f"{error}; play one game at a time with -o play.executor=local to see which"
            ) from None
        expected = self._weights["agent"].fingerprint
        for block in played:
            if block.fingerprint != expected:
                raise SyncError(
                    f"a worker played with weights {block.fingerprint[:12]}, expected {expected[:12]}; "
                    "resume the run from its last checkpoint"
                )
        breakages = tuple(breakage for block in played for breakage in block.breakages)
        broken = {breakage.game for breakage in breakages}
        episodes = tuple(episode for block in played for episode in block.episodes if episode.match.game not in broken)
        return Played(episodes=episodes, breakages=breakages)
