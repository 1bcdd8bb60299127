"""A panel: several critics, each with a weight; it cannot say where they disagree too much.

A member that is quarantined is left out from then on, and the others' weights count for the whole. What a panel of judges answered
in the middle of a match cannot be taken back: the matches that a member who failed helped to judge are not learned from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Protocol, TypeAlias, runtime_checkable

from socratic.config import Panel
from socratic.errors import ConfigError, DoorLost
from socratic.game import Game
from socratic.game.calls import unsaid
from socratic.protocols import Judge, JudgeDoor, Scorer
from socratic.records import Episode, Judgement

Shares: TypeAlias = tuple[float, ...]
Rewards: TypeAlias = list[tuple[float, ...]]

# Shares and rewards are sums of a few floats.
TOLERANCE = 1e-9


class PanelScorer:
    """The weighted mean of its members' rewards."""

    name = "panel"

    def __init__(self, members: Sequence[Scorer], section: Panel, game_of: Callable[[str], Game]) -> None:
        """Weigh `members` as `section` says; `game_of` tells the range of a game's scores.

        Raises:
            ConfigError: two members share a name, or the weights do not fit.
        """
        self.members = {member.name: member for member in members}
        self._weights = weights_of([member.name for member in members], section)
        self._most = section.max_disagreement
        self._game_of = game_of

    @property
    def reads_text(self) -> bool:
        """Whether a member does."""
        return any(member.reads_text for member in self.members.values())

    def score(self, episodes: Sequence[Episode]) -> Rewards:
        """Return the weighted mean of those who can say, for each seat of each episode."""
        return self.combine(episodes, {name: member.score(episodes) for name, member in self.members.items()})

    def combine(self, episodes: Sequence[Episode], said: Mapping[str, Sequence[tuple[float, ...]]]) -> Rewards:
        """Return the weighted mean of what members said; NaN where nobody can say, or they are too far apart.

        Too far is more than `max_disagreement` of the game's range between the highest and the lowest.
        """
        combined: Rewards = []
        for place, episode in enumerate(episodes):
            limit = self._most * self._range(episode)
            rewards = []
            for seat in range(len(episode.scores)):
                held = {name: all_said[place][seat] for name, all_said in said.items() if isfinite(all_said[place][seat])}
                is_split = bool(held) and max(held.values()) - min(held.values()) > limit + TOLERANCE
                rewards.append(nan if is_split or not held else _mean(held, self._weights))
            combined.append(tuple(rewards))
        return combined

    def disagreement(self, episodes: Sequence[Episode], said: Mapping[str, Sequence[tuple[float, ...]]]) -> float:
        """Return the mean distance of the highest and the lowest reward, as a share of the game's range; NaN where no two can say."""
        spreads = []
        for place, episode in enumerate(episodes):
            for seat in range(len(episode.scores)):
                held = [all_said[place][seat] for all_said in said.values() if isfinite(all_said[place][seat])]
                if len(held) > 1:
                    spreads.append((max(held) - min(held)) / self._range(episode))
        return sum(spreads) / len(spreads) if spreads else nan

    def _range(self, episode: Episode) -> float:
        low, high = self._game_of(episode.match.game).bounds
        return high - low


class PanelJudge:
    """A panel that answers `t.judge`: the driver's side of it, which knows who is left out."""

    name = "panel"

    def __init__(self, members: Mapping[str, Judge], section: Panel, doors: Mapping[str, Judge | JudgeDoor] | None = None) -> None:
        """Weigh `members` as `section` says.

        Args:
            members: who is asked, by name.
            section: their weights.
            doors: how play reaches each of them, where this panel is what play is handed; without it none can be left out in play.

        Raises:
            ConfigError: the weights do not fit.
        """
        self.members = dict(members)
        self.doors = doors
        self._weights = weights_of(list(members), section)
        self._most = section.max_disagreement
        self._is_out: set[str] = set()

    def leave_out(self, name: str) -> None:
        """Ask the member called `name` no more; the others' weights count for the whole."""
        self._is_out.add(name)

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[Shares]:
        """Return the mean shares of those who are left."""
        return self._panel(self._heard()).judge_calls(judgements)

    def present(self) -> Judge:
        """Return the panel as it is now, to travel with calls of `play`."""
        return self._panel({name: door.present() if isinstance(door, _Door) else door for name, door in self._open()})

    def mend(self, lost: DoorLost) -> None:
        """Have the worker of the member that was lost replaced."""
        for _, door in self._open():
            if isinstance(door, _Door):
                door.mend(lost)

    def _heard(self) -> dict[str, Judge]:
        return {name: member for name, member in self.members.items() if name not in self._is_out}

    def _open(self) -> list[tuple[str, Judge | JudgeDoor]]:
        return [(name, door) for name, door in (self.doors or self.members).items() if name not in self._is_out]

    def _panel(self, members: Mapping[str, Judge]) -> "SentPanel":
        return SentPanel(members=dict(members), weights=self._weights, most=self._most)


@dataclass(frozen=True, kw_only=True, slots=True)
class SentPanel:
    """A panel of judges as it travels."""

    members: Mapping[str, Judge]
    weights: Mapping[str, float]
    most: float  # difference in an option's share beyond which it cannot say

    def judge_calls(self, judgements: Sequence[Judgement]) -> list[Shares]:
        """Return the weighted mean of the members' shares.

        A member that cannot say (NaN) is left out of the mean. The panel cannot say where members are too far apart in some option's
        share, or nobody is left who can.
        """
        said = {name: member.judge_calls(judgements) for name, member in self.members.items()}
        return [
            self._combined({name: shares[place] for name, shares in said.items()}, len(judgement.options))
            for place, judgement in enumerate(judgements)
        ]

    def _combined(self, said: Mapping[str, Sequence[float]], num_options: int) -> Shares:
        able = {name: shares for name, shares in said.items() if all(map(isfinite, shares))}
        columns = [{name: shares[option] for name, shares in able.items()} for option in range(num_options)]
        if not able or any(max(column.values()) - min(column.values()) > self.most + TOLERANCE for column in columns):
            return unsaid(num_options)
        return tuple(_mean(column, self.weights) for column in columns)


@runtime_checkable
class _Door(JudgeDoor, Protocol):
    """A member that lives in a worker of its own."""


def weights_of(names: Sequence[str], section: Panel) -> dict[str, float]:
    """Return each member's weight; all alike where the section gives none.

    Raises:
        ConfigError: there is nobody, two share a name, or the weights do not fit the members.
    """
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"feedback.panel.members are {', '.join(names) or 'none'}; expected one or more, all different")
    weights = section.weights or (1.0,) * len(names)
    if len(weights) != len(names) or not all(isfinite(weight) and weight > 0 for weight in weights):
        raise ConfigError(
            f"feedback.panel.weights are {list(section.weights)} for {len(names)} members; expected as many numbers above 0, or none"
        )
    return dict(zip(names, weights, strict=True))


def _mean(said: Mapping[str, float], weights: Mapping[str, float]) -> float:
    total = sum(weights[name] for name in said)
    return sum(weights[name] * value for name, value in said.items()) / total
