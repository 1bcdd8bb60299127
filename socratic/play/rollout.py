"""Rollout: matches in, episodes out, over any number of workers.

The order of the matches fixes the blocks; a block is played by one worker and retried whole. Weights travel with every call,
so that a worker that was replaced needs nothing but the call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from socratic.errors import DoorLost, PlayError, SyncError, WorkerLost
from socratic.protocols import Courier, Judge, JudgeDoor, Weights, Workers
from socratic.records import Breakage, Episode, Match, Played

JUDGE_TRIES = 3  # of a generation: the first, one for a machine's bad luck, one to be sure


@dataclass(frozen=True, kw_only=True, slots=True)
class PlayedBlock:
    """What a worker returns for one block."""

    episodes: tuple[Episode, ...]
    breakages: tuple[Breakage, ...] = ()
    fingerprint: str  # of the agent's weights as they were live in the worker
    lost: DoorLost | None = None  # the judge was lost in the middle of it: nothing of it counts


class BlockRollout:
    """Plays matches in blocks on `workers`."""

    def __init__(self, workers: Workers, block: int, judge: JudgeDoor | None = None, courier: Courier | None = None) -> None:
        """Cut matches into blocks of `block`.

        Args:
            workers: who plays them.
            block: matches that are played by one worker, side by side.
            judge: one that lives elsewhere, sent along with each block.
            courier: brings weights to where the workers have their replies drawn, if that is not in the workers.
        """
        self._workers = workers
        self._judge = judge
        self._courier = courier
        self._block = block
        self._weights: dict[str, Weights] = {}
        self._shared: object = None
        self._past: object = None

    def sync(self, weights: Mapping[str, Weights]) -> None:
        """Share the weights that later calls of `play` seat, by player name ("agent", "t0")."""
        self._weights = dict(weights)
        self._shared = self._workers.share(self._sent("now", weights))

    def sync_past(self, weights: Mapping[str, Weights]) -> None:
        """Share the kept versions that later calls of `play` seat ("past:12"): apart, because they rarely change."""
        self._past = self._workers.share(self._sent("past", weights))

    def play(self, matches: Sequence[Match]) -> Played:
        """Play all matches; a game that breaks its contract in one of them loses all its episodes: its rules are not what they say.

        Raises:
            SyncError: a worker played with other weights than were sent.
            PlayError: a block ends its worker, or the judge's, whenever it is played.
        """
        blocks = [tuple(matches[start : start + self._block]) for start in range(0, len(matches), self._block)]
        played = self._play_whole(blocks)
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

    def _sent(self, group: str, weights: Mapping[str, Weights]) -> dict[str, Weights]:
        return dict(weights if self._courier is None else self._courier.deliver(group, weights))

    def _play_whole(self, blocks: Sequence[tuple[Match, ...]]) -> list[PlayedBlock]:
        """Play every block; those in which the judge was lost again from their beginning, with another one."""
        if self._judge is None:
            return self._play_each(blocks)
        played: dict[int, PlayedBlock] = {}
        reasons: list[DoorLost] = []
        while len(played) < len(blocks):
            if len(reasons) == JUDGE_TRIES:
                raise PlayError(f"a judge was lost {JUDGE_TRIES} times: {reasons[-1]}; resume the run from its last checkpoint")
            left = [place for place in range(len(blocks)) if place not in played]
            found = self._play_each([blocks[place] for place in left], self._judge.present())
            played.update({place: block for place, block in zip(left, found, strict=True) if block.lost is None})
            lost = [block.lost for block in found if block.lost is not None]
            if lost:
                reasons.append(lost[0])
                self._judge.mend(lost[0])
        return [played[place] for place in range(len(blocks))]

    def _play_each(self, blocks: Sequence[tuple[Match, ...]], *judge: Judge) -> list[PlayedBlock]:
        try:
            return cast(list[PlayedBlock], self._workers.map("play", blocks, self._shared, self._past, *judge))
        except WorkerLost as error:
            lost = blocks[error.index]
            games = ", ".join(sorted({match.game for match in lost}))
            raise PlayError(
                f"the matches {lost[0].episode_id} to {lost[-1].episode_id} of {games} end their worker whenever they are played: "
                f"{error}; play one game at a time with -o play.executor=local to see which"
            ) from None
