"""Ratings of the agent and of the versions that are kept, by the matches in which they meet. The only door to openskill.

Plackett-Luce with Gaussian beliefs: R. C. Weng and C.-J. Lin, "A Bayesian approximation method for online ranking", JMLR 12, 2011. A
player's strength is `mu`, 25 at first; `sigma` is how little is known of it.
"""

from collections.abc import Mapping, Sequence

from openskill.models import PlackettLuce, PlackettLuceRating

from socratic.errors import CheckpointError
from socratic.records import Json


class Ratings:
    """Beliefs about the strength of players, by name."""

    def __init__(self) -> None:
        """Know nobody."""
        self._model = PlackettLuce()
        self._beliefs: dict[str, PlackettLuceRating] = {}

    def rate(self, met: Mapping[str, float]) -> None:
        """Learn from one match: what each player got, more being better; who is new begins like everybody."""
        names = sorted(met)
        teams = [[self._belief(name)] for name in names]
        for name, (belief,) in zip(names, self._model.rate(teams, scores=[met[name] for name in names]), strict=True):
            self._beliefs[name] = belief

    def inherit(self, name: str, parent: str) -> None:
        """Believe of `name` what is believed of `parent`, whose copy it is."""
        known = self._belief(parent)
        self._beliefs[name] = self._model.rating(mu=known.mu, sigma=known.sigma)

    def keep_only(self, names: Sequence[str]) -> None:
        """Forget everybody else."""
        self._beliefs = {name: belief for name, belief in self._beliefs.items() if name in names}

    def strength(self, name: str) -> float:
        """Return `mu` of a player."""
        return float(self._belief(name).mu)

    def state(self) -> dict[str, Json]:
        """Return all beliefs as JSON."""
        return {name: [float(belief.mu), float(belief.sigma)] for name, belief in self._beliefs.items()}

    def restore(self, state: Mapping[str, Json]) -> None:
        """Take back what `state` returned.

        Raises:
            CheckpointError: it is something else.
        """
        beliefs = {}
        for name, pair in state.items():
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(number, float) for number in pair):
                raise CheckpointError(f"the rating of {name} is {pair!r}, expected two numbers")
            mu, sigma = (float(str(number)) for number in pair)
            beliefs[name] = self._model.rating(mu=mu, sigma=sigma)
        self._beliefs = beliefs

    def _belief(self, name: str) -> PlackettLuceRating:
        if name not in self._beliefs:
            self._beliefs[name] = self._model.rating()
        return self._beliefs[name]
