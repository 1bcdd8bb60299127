"""What a generation's play is kept for: replies to imitate, and pairs of which one earned more.

Both compare replies by their seat's reward at the end of the episode. Where rewards do not differ there is no better and no worse,
and nothing is kept but what passes a threshold.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import BaseModel

from socratic.config import Imitation, Preference
from socratic.errors import CheckpointError
from socratic.records import Json, Trajectory, Turn

# A reply in a place, whoever drew it.
Reply: TypeAlias = tuple[int, ...]
Place: TypeAlias = tuple[str, int, int | None, tuple[int, ...]]  # game, seat, deal or None, context
# Places whose best replies are remembered; the longest unseen goes first.
MOST_PLACES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two replies in one place."""

    game: str
    chosen: Turn
    rejected: Turn


def kept_for_imitation(trajectories: Sequence[Trajectory], section: Imitation, epoch: int) -> list[bool]:
    """Return for each trajectory whether its replies are imitated in this epoch."""
    if section.keep == "above":
        least = section.threshold[min(epoch, len(section.threshold) - 1)]
        return [trajectory.reward > least for trajectory in trajectories]
    marks: dict[tuple[object, ...], list[float]] = defaultdict(list)
    keys = [_rivals(trajectory, section) for trajectory in trajectories]
    for key, trajectory in zip(keys, trajectories, strict=True):
        marks[key].append(trajectory.reward)
    least_of = {key: _least_kept(sorted(rewards, reverse=True), section) for key, rewards in marks.items()}
    return [trajectory.reward >= least_of[key] for key, trajectory in zip(keys, trajectories, strict=True)]


def _rivals(trajectory: Trajectory, section: Imitation) -> tuple[object, ...]:
    """Return what trajectories that are compared with each other have in common."""
    of_all = (trajectory.game, trajectory.seat)
    return (*of_all, trajectory.deal) if section.keep == "best" else of_all


def _least_kept(falling: Sequence[float], section: Imitation) -> float:
    if falling[0] == falling[-1]:
        return float("inf")
    least = falling[0] if section.keep == "best" else falling[max(0, round(section.share * len(falling)) - 1)]
    # Where ties reach down to the worst, they are no choice.
    return least if least > falling[-1] else min(reward for reward in falling if reward > falling[-1])


class PairMaker:
    """Makes pairs from play; for SPIN it remembers the best replies of every place."""

    def __init__(self, section: Preference, *, is_against_best: bool) -> None:
        """Pair as `section` says; `is_against_best`: with the best that was ever drawn in a place, as SPIN does."""
        self._section = section
        self._is_against_best = is_against_best
        self._memory: dict[Place, dict[Reply, _Standing]] = {}

    def pairs(self, trajectories: Sequence[Trajectory]) -> list[Pair]:
        """Return the pairs of a generation, and remember it."""
        places: dict[Place, dict[Reply, _Standing]] = {}
        for trajectory in trajectories:
            deal = trajectory.deal if self._section.pairs == "group" else None
            for turn in trajectory.turns:
                standings = places.setdefault((trajectory.game, trajectory.seat, deal, turn.context_ids), {})
                standings.setdefault(turn.token_ids, _Standing(turn)).add(trajectory.reward)
        if not self._is_against_best:
            return [pair for place, standings in places.items() for pair in self._within(place, standings)]
        made = []
        for place, standings in places.items():
            made += self._against_the_best(place, standings)
            self._remember((*place[:2], None, place[3]), standings)
        return made

    def state(self) -> Mapping[str, Json]:
        """Return what is remembered."""
        return {
            "memory": [
                {"game": game, "seat": seat, "context": list(context), "replies": [each.state() for each in standings.values()]}
                for (game, seat, _, context), standings in self._memory.items()
            ]
        }

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the memory back."""
        memory = state.get("memory")
        if not isinstance(memory, list):
            raise CheckpointError("the checkpoint holds no memory of replies; it was not written by this version")
        self._memory = {}
        for entry in memory:
            held = _Held.model_validate(entry)
            place = (held.game, held.seat, None, held.context)
            self._memory[place] = {each.token_ids: _Standing.restored(each, place) for each in held.replies}

    def _within(self, place: Place, standings: Mapping[Reply, "_Standing"]) -> list[Pair]:
        """Return the pairs with the widest gaps between replies' mean rewards."""
        ranked = sorted(standings.values(), key=lambda each: -each.mean)
        gaps = [
            (ranked[worse].mean - ranked[better].mean, better, worse)
            for better in range(len(ranked))
            for worse in range(better + 1, len(ranked))
            if ranked[better].mean > ranked[worse].mean
        ]
        gaps.sort()
        return [Pair(game=place[0], chosen=ranked[b].turn, rejected=ranked[w].turn) for _, b, w in gaps[: self._section.most]]

    def _against_the_best(self, place: Place, standings: Mapping[Reply, "_Standing"]) -> list[Pair]:
        """Return pairs of the best reply known in a place with those drawn there now that are worth less."""
        known = {**self._memory.get((*place[:2], None, place[3]), {})}
        for reply, standing in standings.items():
            known[reply] = known[reply].merged(standing) if reply in known else standing
        best = max(known.values(), key=lambda each: each.mean)
        worse = [standing for reply, standing in standings.items() if known[reply].mean < best.mean]
        worse.sort(key=lambda each: -each.count)
        return [Pair(game=place[0], chosen=best.turn, rejected=standing.turn) for standing in worse[: self._section.most]]

    def _remember(self, place: Place, standings: Mapping[Reply, "_Standing"]) -> None:
        known = self._memory.pop(place, {})
        for reply, standing in standings.items():
            known[reply] = known[reply].merged(standing) if reply in known else standing
        best = sorted(known.items(), key=lambda item: -item[1].mean)[: self._section.kept]
        # A remembered reply was drawn by another version: its log-probabilities say nothing of this one's play.
        self._memory[place] = {reply: _Standing(replace(each.turn, logprobs=()), each.total, each.count) for reply, each in best}
        while len(self._memory) > MOST_PLACES:
            del self._memory[next(iter(self._memory))]


class _Standing:
    """What one reply in a place has earned so far."""

    __slots__ = ("count", "total", "turn")

    def __init__(self, turn: Turn, total: float = 0.0, count: int = 0) -> None:
        self.turn, self.total, self.count = turn, total, count

    @property
    def mean(self) -> float:
        return self.total / self.count

    def add(self, reward: float) -> None:
        self.total += reward
        self.count += 1

    def merged(self, later: "_Standing") -> "_Standing":
        """Return both together, as the later one was drawn."""
        return _Standing(later.turn, self.total + later.total, self.count + later.count)

    def state(self) -> Json:
        turn = self.turn
        allowed: Json = None if turn.allowed is None else [list(tokens) for tokens in turn.allowed]
        return {"token_ids": list(turn.token_ids), "allowed": allowed, "total": self.total, "count": self.count}

    @classmethod
    def restored(cls, held: "_HeldReply", place: Place) -> "_Standing":
        turn = Turn(
            seat=place[1],
            reply="",
            is_legal=True,
            player="agent",
            version=0,
            context_ids=place[3],
            token_ids=held.token_ids,
            allowed=held.allowed,
        )
        return cls(turn, held.total, held.count)


class _HeldReply(BaseModel):
    """A standing as a checkpoint holds it."""

    token_ids: tuple[int, ...]
    allowed: tuple[tuple[int, ...], ...] | None
    total: float
    count: int


class _Held(BaseModel):
    """A place as a checkpoint holds it."""

    game: str
    seat: int
    context: tuple[int, ...]
    replies: tuple[_HeldReply, ...]
