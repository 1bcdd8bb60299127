"""Critics that need no model."""

from collections.abc import Sequence

from socratic.records import Episode, Feedback
from socratic.seeds import Seed


class OutcomeCritic:
    """The game's own score is the reward: what rules in code say cannot be talked round."""

    name = "outcome"

    def judge(self, episodes: Sequence[Episode]) -> list[Feedback]:
        """Return each seat's score, in the game's own unit."""
        return [Feedback(episode_id=episode.match.episode_id, rewards=episode.scores, critic=self.name) for episode in episodes]


class RandomCritic:
    """A reward that says nothing: the control of a learning claim."""

    name = "random"

    def __init__(self, seed: Seed) -> None:
        """Draw rewards from `seed`, one for each episode and seat."""
        self._seed = seed

    def judge(self, episodes: Sequence[Episode]) -> list[Feedback]:
        """Return -1 or 1 for each seat whatever happened; opposite signs for two seats."""
        return [self._random(episode) for episode in episodes]

    def _random(self, episode: Episode) -> Feedback:
        first = 1.0 if self._seed.child(episode.match.episode_id).uniform() < 0.5 else -1.0
        rewards = tuple(first if seat % 2 == 0 else -first for seat in range(len(episode.scores)))
        return Feedback(episode_id=episode.match.episode_id, rewards=rewards, critic=self.name)
