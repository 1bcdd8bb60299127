"""Scorers that need no model and read no text."""

from collections.abc import Sequence

from socratic.records import Episode
from socratic.seeds import Seed


class OutcomeScorer:
    """The game's own score is the reward: what rules in code say cannot be talked round."""

    name = "outcome"
    reads_text = False

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return each seat's score, in the game's own unit."""
        return [episode.scores for episode in episodes]


class RandomScorer:
    """A reward that says nothing: the control of a learning claim."""

    name = "random"
    reads_text = False

    def __init__(self, seed: Seed) -> None:
        """Draw rewards from `seed`, one for each episode and seat."""
        self._seed = seed

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return -1 or 1 for each seat whatever happened; opposite signs for two seats."""
        return [self._random(episode) for episode in episodes]

    def _random(self, episode: Episode) -> tuple[float, ...]:
        first = 1.0 if self._seed.child(episode.match.episode_id).uniform() < 0.5 else -1.0
        return tuple(first if seat % 2 == 0 else -first for seat in range(len(episode.scores)))


class FormatScorer:
    """Pays for the form alone: 1 to a seat all of whose replies were moves, else 0. Another control."""

    name = "format"
    reads_text = False

    def score(self, episodes: Sequence[Episode]) -> list[tuple[float, ...]]:
        """Return 1 for each seat without an illegal reply, 0 for the others."""
        return [_form(episode) for episode in episodes]


def _form(episode: Episode) -> tuple[float, ...]:
    wrong = {turn.seat for turn in episode.turns if not turn.is_legal}
    return tuple(float(seat not in wrong) for seat in range(len(episode.scores)))
