"""A critic as its scorer is, unmeasured."""

from collections.abc import Sequence

from socratic.protocols import Scorer
from socratic.records import Episode, Feedback, Judged


class PlainCritic:
    """Signs a scorer's rewards."""

    def __init__(self, scorer: Scorer) -> None:
        """Take what `scorer` says as it is."""
        self._scorer = scorer

    def judge(self, index: int, episodes: Sequence[Episode]) -> Judged:
        """Return one feedback for each episode."""
        del index
        rewards = self._scorer.score(episodes)
        return Judged(
            feedback=tuple(
                Feedback(episode_id=episode.match.episode_id, rewards=each, critic=self._scorer.name)
                for episode, each in zip(episodes, rewards, strict=True)
            )
        )
