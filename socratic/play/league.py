"""The league: past versions that are kept, which of them sits where a line-up says `league`, and how they fare.

    latest        the newest that is kept
    uniform       any that is kept
    prioritized   the harder for the agent, the more often
    fictitious    any of a sample that stands for the whole history: fictitious play
    fixed         one version

Everything is drawn from the seed, the generation and the group of matches, and so is the same wherever it is played.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from statistics import fmean
from typing import cast

from safetensors.numpy import load_file, save_file

from socratic.config import LeagueSection
from socratic.errors import CheckpointError
from socratic.game import Game
from socratic.play.ratings import Ratings
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.protocols import Weights
from socratic.records import Episode, Feedback, Match, Metrics
from socratic.seeds import Seed

LEAGUE, AGENT = "league", "agent"
# What is left of a generation's counts in the next: the rate of success is that of about the last ten.
DECAY = 0.9
UNKNOWN = 0.5
# Matches that the unknown weighs: counts decay and it does not, so that who was beaten once is met again.
PRIOR = 1.0
# Matches of a generation that change the ratings: at 0.1 ms each, rating all of them would cost more than playing them.
MOST_RATED = 16
STATE_FILE = "league.json"


def player_of(version: int) -> str:
    """Return the name under which a kept version sits at a table."""
    return f"past:{version}"


class NoLeague:
    """Keeps nobody: the run in which no line-up asks for it."""

    def seat(self, index: int, matches: Sequence[Match]) -> list[Match]:
        """Return the matches as they are."""
        del index
        return list(matches)

    def revise(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Metrics:
        """Rate nobody."""
        del index, episodes, feedback
        return {}

    def keep(self, index: int, weights: Weights) -> None:
        """Keep nothing."""

    def pool(self) -> Mapping[int, Weights]:
        """Return nothing."""
        return {}


class KeptLeague:
    """Keeps versions and seats them, a version for each group of matches."""

    def __init__(self, section: LeagueSection, game_of: Callable[[str], Game], seed: Seed) -> None:
        """Keep and seat as `section` says; `game_of` says of a game's name how success in it is told."""
        self._section = section
        self._game_of = game_of
        self._seed = seed
        self._pool: list[PolicyWeights] = []  # oldest first; of a sample, in its own order
        self._num_offered = 0
        self._counts: dict[str, dict[int, tuple[float, float]]] = {}  # of each game and version: successes, matches
        self._ratings = Ratings()

    def seat(self, index: int, matches: Sequence[Match]) -> list[Match]:
        """Return the matches with a kept version wherever the line-up says `league`; those of a group meet the same one."""
        return [self._seated(index, match) if LEAGUE in match.seats else match for match in matches]

    def revise(self, index: int, episodes: Sequence[Episode], feedback: Sequence[Feedback]) -> Metrics:
        """Count successes and rate those who met; return `league/...` metrics.

        What counts is what the critics say, for that is what the agent learns from; a match of which they cannot say does not. Nor does
        one with a version that has left the pool while the match was in flight.
        """
        kept = {player_of(version) for version in self.pool()}
        met = [
            found
            for episode, said in zip(episodes, feedback, strict=True)
            if all(player in kept for player in episode.match.seats if player.startswith("past:")) and (found := _meeting(episode, said))
        ]
        self._count([(game, name, self._success(game, rewards, name)) for game, rewards in met for name in rewards if name != AGENT])
        contests = [rewards for game, rewards in met if self._game_of(game).zero_sum]
        for place in _some(len(contests), MOST_RATED, self._seed.child("rated", index)):
            self._ratings.rate(contests[place])
        return self._metrics()

    def keep(self, index: int, weights: Weights) -> None:
        """Keep the published weights of generation `index`, where that is due; -1 is t0, which always is."""
        fixed = self._section.fixed if self._section.opponent == "fixed" else None
        if index != -1 and (index + 1) % self._section.every and weights.version != fixed:
            return
        self._num_offered += 1
        self._add(cast(PolicyWeights, weights), fixed)
        self._ratings.inherit(player_of(weights.version), AGENT)
        kept = self.pool()
        self._ratings.keep_only([AGENT, *map(player_of, kept)])
        self._counts = {game: {v: found for v, found in rows.items() if v in kept} for game, rows in self._counts.items()}

    def pool(self) -> Mapping[int, PolicyWeights]:
        """Return the kept versions."""
        return {weights.version: weights for weights in self._pool}

    def save(self, folder: Path) -> None:
        """Write the kept weights as safetensors, and the rest as JSON."""
        for weights in self._pool:
            save_file(dict(weights.arrays), folder / f"{weights.version:06d}.safetensors")
        state = {
            "pool": [weights.version for weights in self._pool],
            "num_offered": self._num_offered,
            "counts": {game: {str(v): list(found) for v, found in rows.items()} for game, rows in self._counts.items()},
            "ratings": self._ratings.state(),
        }
        (folder / STATE_FILE).write_text(json.dumps(state, indent=1), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Take back what `save` wrote.

        Raises:
            CheckpointError: a file or key is missing, or is something else.
        """
        try:
            state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
            self._pool = [make_weights(int(v), load_file(folder / f"{int(v):06d}.safetensors")) for v in state["pool"]]
            self._num_offered = int(state["num_offered"])
            self._counts = {
                game: {int(v): (float(won), float(played)) for v, (won, played) in rows.items()} for game, rows in state["counts"].items()
            }
            self._ratings.restore(state["ratings"])
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{folder} does not hold a whole league: {error}") from None

    def _seated(self, index: int, match: Match) -> Match:
        draws = self._seed.child(f"{match.game} {index}", match.group)
        name = player_of(self._drawn(match.game, draws))
        return replace(match, seats=tuple(name if player == LEAGUE else player for player in match.seats))

    def _drawn(self, game: str, draws: Seed) -> int:
        versions = [weights.version for weights in self._pool]
        match self._section.opponent:
            case "latest":
                return max(versions)
            case "fixed":
                # Until the version exists, t0 sits in for it.
                return self._section.fixed if self._section.fixed in versions else min(versions)
            case "prioritized":
                chances = [self._difficulty(game, version) for version in versions]
                if sum(chances) > 0:
                    return versions[draws.weighted(chances)]
        return versions[draws.integer(len(versions))]

    def _difficulty(self, game: str, version: int) -> float:
        """Return (1 - rate of success) ** power.

        Source: f_hard of prioritized fictitious self-play, O. Vinyals et al., "Grandmaster level in StarCraft II using multi-agent
        reinforcement learning", Nature 575, 2019, Methods.
        """
        won, played = self._counts.get(game, {}).get(version, (0.0, 0.0))
        rate = (won + PRIOR * UNKNOWN) / (played + PRIOR)
        return float((1.0 - rate) ** self._section.power)

    def _add(self, weights: PolicyWeights, fixed: int | None) -> None:
        """Put weights into the pool; where it is full, take out those that the opponent's kind can spare.

        Fictitious play keeps a uniform sample of all that were ever offered, so that drawing from it is playing the average policy: J.
        Heinrich and D. Silver, arXiv:1603.01121, section 3; reservoir sampling, J. S. Vitter, 1985, algorithm R. The others keep t0, to
        be measured by, and the newest.
        """
        if self._section.opponent == "fictitious" and self._num_offered > self._section.size:
            place = self._seed.child("reservoir", self._num_offered).integer(self._num_offered)
            if place < self._section.size:
                self._pool[place] = weights
            return
        self._pool = [kept for kept in self._pool if kept.version != weights.version] + [weights]
        if len(self._pool) > self._section.size:
            oldest = next(place for place, kept in enumerate(self._pool) if place and kept.version != fixed)
            del self._pool[oldest]

    def _success(self, game: str, rewards: Mapping[str, float], name: str) -> float:
        """Return how well the agent did against a player, from 0 to 1: won, drew or lost; where all can gain, by the game's bounds."""
        own, rules = rewards[AGENT], self._game_of(game)
        if rules.zero_sum:
            return 0.5 + 0.5 * ((own > rewards[name]) - (own < rewards[name]))
        low, high = rules.bounds
        return min(1.0, max(0.0, (own - low) / (high - low)))

    def _count(self, found: Sequence[tuple[str, str, float]]) -> None:
        for rows in self._counts.values():
            for version, (won, played) in rows.items():
                rows[version] = (won * DECAY, played * DECAY)
        kept = {player_of(version): version for version in self.pool()}
        for game, name, success in found:
            if name in kept:
                won, played = self._counts.setdefault(game, {}).get(kept[name], (0.0, 0.0))
                self._counts[game][kept[name]] = (won + success, played + 1.0)

    def _metrics(self) -> dict[str, float]:
        metrics = {"league/size": float(len(self._pool)), "league/rating/agent": self._ratings.strength(AGENT)}
        for version in sorted(self.pool()):
            metrics[f"league/rating/{version}"] = self._ratings.strength(player_of(version))
            counts = [rows[version] for rows in self._counts.values() if version in rows]
            played = sum(count for _, count in counts)
            if played:
                metrics[f"league/success_vs/{version}"] = sum(won for won, _ in counts) / played
        return metrics


def _meeting(episode: Episode, said: Feedback) -> tuple[str, dict[str, float]] | None:
    """Return the game and each player's mean reward, where the agent met a past version; t0 is version 0 wherever it sits."""
    rewards: dict[str, list[float]] = {}
    for player, reward in zip(episode.match.seats, said.rewards, strict=True):
        rewards.setdefault(player_of(0) if player == "t0" else player, []).append(reward)
    means = {name: fmean(own) for name, own in rewards.items() if name == AGENT or name.startswith("past:")}
    if AGENT not in means or len(means) == 1 or any(map(isnan, means.values())):
        return None
    return episode.match.game, means


def _some(count: int, most: int, draws: Seed) -> list[int]:
    """Return `most` of `count` places, or all where they are fewer, drawn without bias, in order."""
    places = list(range(count))
    if count <= most:
        return places
    for place in range(most):
        other = place + draws.integer(count - place, place)
        places[place], places[other] = places[other], places[place]
    return sorted(places[:most])
