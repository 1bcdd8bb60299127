"""Advantages: by how much a reward was better than expected, as a choice of baseline, scale and credit.

    baseline   none | seat (running mean of each game's seat) | seat_mean (this generation's mean of each game's seat)
               | context (the other turns of this generation that stood before the same context; alone, seat_mean)
               | group | leave_one_out (over matches that share a deal) | value (a head foretells each turn's return)
    scale      none | group | batch (divide by the rewards' standard deviation in the group, or in the whole generation)
    credit     the reward at the end, discounted once for each later turn of the same seat; with a value head the generalized
               advantage estimate, turn by turn

A group of one has nothing to compare with: its advantage is 0, never the raw reward.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt
from typing import TypeAlias, TypeVar

from socratic.config import LearnerSection
from socratic.errors import CheckpointError
from socratic.learner.objectives.value import credit
from socratic.records import Episode, Feedback, Json, Trajectory, Turn

# Keeps a group whose rewards hardly differ from turning rounding into a large advantage.
SCALE_FLOOR = 1e-4

# Below this share of the reward an advantage is what summing left over.
ROUNDING = 1e-9

K = TypeVar("K")
Foretell: TypeAlias = Callable[[Sequence[Trajectory]], Sequence[Sequence[float]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    trajectory: Trajectory
    seat_key: str
    group_key: tuple[str, int, int]


class Advantages:
    """Turns episodes into trajectories with advantages; remembers the seat baselines."""

    def __init__(self, section: LearnerSection) -> None:
        """Choose baseline, scale and credit by `section`."""
        self._section = section
        self._means: dict[str, float] = {}

    def trajectories(self, episodes: Sequence[Episode], feedback: Sequence[Feedback], foretell: Foretell | None = None) -> list[Trajectory]:
        """Return one trajectory for each agent's seat that moved and whose reward is known.

        `foretell` returns a value for each turn of each given trajectory; the baseline `value` needs it.
        """
        lines = [line for episode, said in zip(episodes, feedback, strict=True) for line in _lines(episode, said)]
        return [_without_rounding(each) for each in self._with_advantages(lines, foretell)]

    def _with_advantages(self, lines: Sequence[_Line], foretell: Foretell | None) -> list[Trajectory]:
        if self._section.baseline == "context":
            return _context_centred(lines, self._section.discount)
        if self._section.baseline == "value" and foretell is not None:
            return self._credited(lines, foretell)
        values = self._scaled(lines, self._centred(lines))
        return [
            replace(line.trajectory, advantages=_credit(value, len(line.trajectory.turns), self._section.discount))
            for line, value in zip(lines, values, strict=True)
        ]

    def traces(self, trajectory: Trajectory, values: Sequence[float]) -> tuple[float, ...]:
        """Return each turn's generalized advantage estimate over foretold `values`."""
        return credit(trajectory.reward, values, discount=self._section.discount, trace=self._section.value.trace)

    def state(self) -> Mapping[str, Json]:
        """Return the seat baselines."""
        return {"means": dict(self._means)}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take the seat baselines back."""
        means = state.get("means")
        if not isinstance(means, dict):
            raise CheckpointError("the checkpoint holds no seat baselines; it was not written by this version")
        self._means = {key: float(str(value)) for key, value in means.items()}

    def _centred(self, lines: Sequence[_Line]) -> list[float]:
        rewards = [line.trajectory.reward for line in lines]
        match self._section.baseline:
            case "none":
                return rewards
            case "seat":
                return self._seat_centred(lines)
            case "seat_mean":
                means = _means((line.seat_key, reward) for line, reward in zip(lines, rewards, strict=True))
                return [reward - means[line.seat_key][0] for line, reward in zip(lines, rewards, strict=True)]
            case _:
                return _group_centred(lines, leaves_one_out=self._section.baseline == "leave_one_out")

    def _credited(self, lines: Sequence[_Line], foretell: Foretell) -> list[Trajectory]:
        bare = [line.trajectory for line in lines]
        credited = [replace(each, advantages=self.traces(each, values)) for each, values in zip(bare, foretell(bare), strict=True)]
        if self._section.scale != "batch":
            return credited
        among = [advantage for each in credited for advantage in each.advantages]
        mean, spread = sum(among) / max(1, len(among)), _deviation(among)
        return [replace(each, advantages=tuple((a - mean) / (spread + SCALE_FLOOR) for a in each.advantages)) for each in credited]

    def _seat_centred(self, lines: Sequence[_Line]) -> list[float]:
        """Subtract each seat's mean over earlier generations; read before it is updated (arXiv:2506.24119)."""
        decay = self._section.baseline_decay
        now = _means((line.seat_key, line.trajectory.reward) for line in lines)
        # The first generation of a seat has no earlier one: its own mean, which is the same for all its rows.
        before = {key: self._means.get(key, mean) for key, (mean, _) in now.items()}
        for key, (mean, _) in now.items():
            self._means[key] = decay * before[key] + (1 - decay) * mean
        return [line.trajectory.reward - before[line.seat_key] for line in lines]

    def _scaled(self, lines: Sequence[_Line], values: Sequence[float]) -> list[float]:
        match self._section.scale:
            case "none":
                return list(values)
            case "batch":
                rewards = [line.trajectory.reward for line in lines]
                return [_over(value, rewards) for value in values]
            case "group":
                members: dict[tuple[str, int, int], list[float]] = defaultdict(list)
                for line in lines:
                    members[line.group_key].append(line.trajectory.reward)
                return [_over(value, members[line.group_key]) for line, value in zip(lines, values, strict=True)]


def _lines(episode: Episode, said: Feedback) -> Iterable[_Line]:
    match = episode.match
    for seat, player in enumerate(match.seats):
        turns: tuple[Turn, ...] = tuple(turn for turn in episode.turns if turn.seat == seat)
        if player != "agent" or not turns or isnan(said.rewards[seat]):
            continue
        yield _Line(
            trajectory=Trajectory(
                game=match.game,
                episode_id=match.episode_id,
                seat=seat,
                deal=match.seed,
                turns=turns,
                reward=said.rewards[seat],
                advantages=(),
            ),
            # Against another line-up the same seat expects another reward.
            seat_key=f"{match.game} {seat} {'-'.join(match.seats)}",
            group_key=(match.game, seat, match.seed),
        )


def _group_centred(lines: Sequence[_Line], *, leaves_one_out: bool) -> list[float]:
    means = _means((line.group_key, line.trajectory.reward) for line in lines)
    values = []
    for line in lines:
        mean, count = means[line.group_key]
        if count == 1:
            values.append(0.0)
            continue
        # Leaving one out equals the group mean's difference times n / (n - 1) (arXiv:2402.14740).
        stretch = count / (count - 1) if leaves_one_out else 1.0
        values.append((line.trajectory.reward - mean) * stretch)
    return values


def _context_centred(lines: Sequence[_Line], discount: float) -> list[Trajectory]:
    """Subtract from each turn's reward the mean of the other turns that stood before the same tokens.

    What a seat knows is all in its context, so this is the baseline of an information state, estimated from the generation's own
    play and leaving the turn itself out (as arXiv:2402.14740 does for prompts). A context met once falls back to its seat's mean.
    """
    seats = _means((line.seat_key, line.trajectory.reward) for line in lines)
    contexts = _means(((line.seat_key, turn.context_ids), line.trajectory.reward) for line in lines for turn in line.trajectory.turns)
    trajectories = []
    for line in lines:
        reward, num_turns = line.trajectory.reward, len(line.trajectory.turns)
        advantages = []
        for index, turn in enumerate(line.trajectory.turns):
            mean, count = contexts[line.seat_key, turn.context_ids]
            value = (reward - mean) * count / (count - 1) if count > 1 else reward - seats[line.seat_key][0]
            advantages.append(value * discount ** (num_turns - 1 - index))
        trajectories.append(replace(line.trajectory, advantages=tuple(advantages)))
    return trajectories


def _without_rounding(trajectory: Trajectory) -> Trajectory:
    """Return the trajectory with advantages of exactly 0 where they are rounding: the mean of n equal rewards is not always the reward."""
    least = ROUNDING * max(1.0, abs(trajectory.reward))
    return replace(trajectory, advantages=tuple(value if abs(value) > least else 0.0 for value in trajectory.advantages))


def _means(pairs: Iterable[tuple[K, float]]) -> dict[K, tuple[float, int]]:
    sums: dict[K, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for key, value in pairs:
        sums[key][0] += value
        sums[key][1] += 1
    return {key: (total / count, int(count)) for key, (total, count) in sums.items()}


def _over(value: float, among: Sequence[float]) -> float:
    """Return `value` in standard deviations of `among`; 0 where those do not differ: they say nothing."""
    spread = _deviation(among)
    return value / (spread + SCALE_FLOOR) if spread > 0 else 0.0


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation: n - 1, as GRPO's implementations have it."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _credit(value: float, num_turns: int, discount: float) -> tuple[float, ...]:
    return tuple(value * discount ** (num_turns - 1 - turn) for turn in range(num_turns))
