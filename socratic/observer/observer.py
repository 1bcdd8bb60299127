"""The observer's two halves: the worker that holds the copy, and the driver's side that asks and waits.

Nothing here is imported by the closed system, and nothing it finds is handed to it.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean

from socratic.config import GameSection, ObserverSection
from socratic.errors import GameError, GameTooLarge, SocraticError
from socratic.game import Clerk, Game
from socratic.game.bots import own_player
from socratic.game.random_play import free_text_seat, random_episode
from socratic.game.tree import Strategy, Tree, enumerate_tree
from socratic.observer.exploitability import Reader, exact_metrics
from socratic.observer.payoffs import payoff_metrics
from socratic.observer.probes import drawn_metrics, probe_matches
from socratic.observer.regret import exact_regret, normalized_regret
from socratic.policy.weights import PolicyWeights
from socratic.protocols import AgentCopy, Pending, Workers
from socratic.records import Assessment, Episode, LostAssessment, Match
from socratic.seeds import Seed

logger = logging.getLogger(__name__)

PAST = "past:"  # how a kept version is called, before its number

PlayWith = Callable[[Sequence[Match], Mapping[str, PolicyWeights]], Sequence[Episode]]


class ObserverWorker:
    """Probes copies of the agent's weights on a policy of its own."""

    def __init__(
        self,
        *,
        section: ObserverSection,
        games: Mapping[str, GameSection],
        game_of: Callable[[str], Game],
        reader: Reader,
        play: PlayWith,
        seed: Seed,
        clerk: Clerk,
    ) -> None:
        """Take the parts that `build` chose; `play` plays with the copy that `reader` asks, `clerk` answers what games call for."""
        self._section = section
        self._games = games
        self._game_of = game_of
        self._reader = reader
        self._play = play
        self._seed = seed
        self._clerk = clerk
        self._at_random: dict[str, float] = {}
        self._trees: dict[str, Tree | None] = {}
        self._at_t0: dict[str, Strategy] = {}
        self._kept: dict[str, dict[str, Strategy]] = {}  # of each game, by fingerprint
        self._solved: dict[str, Strategy | None] = {}
        self._refused: dict[str, str] = {}  # of each game that could not be assessed, why

    def assess(self, index: int, weights: Mapping[str, PolicyWeights]) -> Assessment:
        """Return what the weights called "agent" are worth; "t0" is the one to compare with, and "past:12" one that a league keeps."""
        metrics: dict[str, float] = {}
        for name, played in self._games.items():
            section = _as_assessed(played)
            try:
                found = self._assess_game(name, section, weights)
            except GameTooLarge:
                raise
            except GameError as error:
                # The closed system drops such a game, and says so; the others are measured as before.
                if self._refused.get(name) != str(error):
                    logger.warning("%s is not assessed: %s", name, error)
                self._refused[name] = str(error)
                continue
            metrics.update({f"observer/{name}/{metric}": value for metric, value in found.items()})
        if self._section.noise:
            noise = self._seed.child("noise", index)
            metrics = {metric: noise.uniform(place) for place, metric in enumerate(metrics)}
        return Assessment(generation=index, version=weights["agent"].version, metrics=metrics)

    def _assess_game(self, name: str, section: GameSection, weights: Mapping[str, PolicyWeights]) -> dict[str, float]:
        tree = self._tree(name, section)
        if tree and self._is_read(tree):
            return self._exact(name, tree, weights)
        metrics = self._drawn(name, section, weights)
        regret = self._drawn_regret(name, section, metrics.get("score"))
        return metrics if regret is None else {**metrics, "normalized_regret": regret}

    def _drawn_regret(self, name: str, section: GameSection, score: float | None) -> float | None:
        """Return the normalized regret of self-play where the optimum is known; against itself a zero-sum game tells nothing."""
        game = self._game_of(name)
        best = game.best_score(section.params)
        if best is None or score is None or game.zero_sum:
            return None
        if name not in self._at_random:
            episodes = [random_episode(game, section.params, seed, self._clerk) for seed in range(self._section.episodes)]
            scores = [episode.scores[0] for episode in episodes if not episode.is_undecided]
            if not scores:
                return None
            self._at_random[name] = fmean(scores)
        return normalized_regret(score, best, self._at_random[name])

    def _tree(self, name: str, section: GameSection) -> Tree | None:
        if name not in self._trees:
            self._trees[name] = self._enumerated(name, section)
        return self._trees[name]

    def _enumerated(self, name: str, section: GameSection) -> Tree | None:
        game = self._game_of(name)
        try:
            return self._joined(game, section) or enumerate_tree(game, section.params, clerk=self._clerk)
        except GameTooLarge:
            if self._section.method == "exact":
                raise
            return None

    def _joined(self, game: Game, section: GameSection) -> Tree | None:
        """Return the tree with equal positions as one place; None where they are several to the policy, or cannot be joined."""
        if not self._reader.joins_positions(game):
            return None
        try:
            return enumerate_tree(game, section.params, merge=True, clerk=self._clerk)
        except GameTooLarge:
            raise
        except GameError as error:
            logger.info("%s is read path by path: %s", game.name, error)
            return None

    def _is_read(self, tree: Tree) -> bool:
        """Whether the truth is read off the whole strategy, and not drawn."""
        is_small = len(tree.information_states) <= self._section.max_states
        return self._section.method == "exact" or (self._section.method == "auto" and is_small)

    def _exact(self, name: str, tree: Tree, weights: Mapping[str, PolicyWeights]) -> dict[str, float]:
        own = self._reader.read(tree, weights["agent"])
        opponents: dict[str, Callable[[], Strategy]] = {}
        for opponent in self._section.opponents:
            if opponent == "scripted:random":
                opponents[opponent] = tree.uniform
            elif opponent == "scripted:optimal":
                optimum = self._optimum(name, tree)
                if optimum is not None:
                    opponents[opponent] = partial(_given, optimum)
            elif opponent == "t0":
                opponents[opponent] = partial(self._strategy_at_t0, name, tree, weights["t0"])
        metrics = exact_metrics(self._game_of(name), tree, own, opponents)
        metrics.update(self._exact_payoffs(name, tree, own.strategy, weights))
        regret = exact_regret(tree, own.strategy, self._game_of(name).best_score(tree.params))
        return metrics if regret is None else {**metrics, "normalized_regret": regret}

    def _exact_payoffs(self, name: str, tree: Tree, own: Strategy, weights: Mapping[str, PolicyWeights]) -> dict[str, float]:
        """Return how the kept versions fare against each other; nothing of a game that is no contest of two.

        Drawn payoffs would not do: the noise of a few matches looks like a cycle. Nor would joined positions: what an average of
        versions does depends on the path.
        """
        versions = {player.removeprefix(PAST): each for player, each in weights.items() if player.startswith(PAST)}
        if len(versions) < 2 or len(tree.game.seats) != 2 or not tree.game.zero_sum or tree.is_merged:
            return {}
        known = self._kept.get(name, {})
        read = {each.fingerprint: known.get(each.fingerprint) or self._reader.read(tree, each).strategy for each in versions.values()}
        self._kept[name] = read
        return payoff_metrics(tree, {"agent": own, **{version: read[each.fingerprint] for version, each in versions.items()}})

    def _drawn(self, name: str, section: GameSection, weights: Mapping[str, PolicyWeights]) -> dict[str, float]:
        game = self._game_of(name)
        # The same deals at every generation: what changes between two assessments is the policy.
        opponents = [opponent for opponent in self._section.opponents if self._plays(opponent, name, section)]
        matches = probe_matches(name, game, section.params, opponents, self._section.episodes, self._seed.child("probes"))
        played = {opponent: self._play(rows, weights) for opponent, rows in matches.items()}
        return drawn_metrics(game, played)

    def _plays(self, opponent: str, name: str, section: GameSection) -> bool:
        """Whether an opponent can play a game: random needs listed moves, optimal a player of the game's or a tree that is solved."""
        if opponent == "scripted:random":
            game = self._game_of(name)
            return game.bot("random", section.params) is not None or free_text_seat(game, section.params, clerk=self._clerk) is None
        if opponent == "scripted:optimal" and own_player(self._game_of(name), "optimal", section.params) is None:
            tree = self._tree(name, section)
            return tree is not None and self._optimum(name, tree) is not None
        return True

    def _optimum(self, name: str, tree: Tree) -> Strategy | None:
        """Return optimal play, or None where there is none to hold against: no two-seat zero-sum game, or no scipy to solve it."""
        if name not in self._solved:
            self._solved[name] = None
            if len(tree.game.seats) == 2 and tree.game.zero_sum:
                try:
                    self._solved[name], _ = tree.solve()
                except SocraticError as error:
                    logger.warning("%s is measured without scripted:optimal: %s", name, error)
        return self._solved[name]

    def _strategy_at_t0(self, name: str, tree: Tree, weights: PolicyWeights) -> Strategy:
        if name not in self._at_t0:
            self._at_t0[name] = self._reader.read(tree, weights).strategy
        return self._at_t0[name]


def _as_assessed(section: GameSection) -> GameSection:
    """Return a game as it is assessed: at parameters of its own, if it has any; one that a critic scores, by its exact twin's score."""
    params = section.params_assessed
    if params.get("judged") is True:
        params = {**params, "judged": False}
    return section.model_copy(update={"params": params})


def _given(strategy: Strategy) -> Strategy:
    return strategy


class TruthObserver:
    """Asks a worker for assessments and hands them out in order."""

    def __init__(self, section: ObserverSection, workers: Workers, last: int) -> None:
        """Probe on `workers` every `section.every` generations, at t0 and at generation `last` - 1."""
        self._section = section
        self._workers = workers
        self._last = last
        self._pending: list[tuple[int, Pending | SocraticError]] = []

    def is_due(self, index: int) -> bool:
        """Say whether generation `index` is one that is probed (-1 is t0)."""
        return index in {-1, self._last - 1} or (index + 1) % self._section.every == 0

    def probe(self, index: int, agent: AgentCopy) -> None:
        """Start probing a copy of the agent's weights."""
        try:
            past = {f"{PAST}{version}": weights for version, weights in agent.past().items()}
            shared = self._workers.share({"agent": agent.weights(), "t0": agent.t0(), **past})
            self._pending.append((index, self._workers.submit("assess", index, shared)))
        except SocraticError as error:
            self._pending.append((index, error))

    def collect(self) -> list[Assessment | LostAssessment]:
        """Wait for what was started."""
        started, self._pending = self._pending, []
        return [_result(index, pending) for index, pending in started]


def _result(index: int, pending: Pending | SocraticError) -> Assessment | LostAssessment:
    if isinstance(pending, SocraticError):
        return LostAssessment(generation=index, message=str(pending))
    try:
        found = pending.result()
    except SocraticError as error:
        return LostAssessment(generation=index, message=str(error))
    assert isinstance(found, Assessment)
    return found


class BlindObserver:
    """Sees nothing: the run without an observer."""

    def is_due(self, index: int) -> bool:
        """Say no."""
        del index
        return False

    def probe(self, index: int, agent: AgentCopy) -> None:
        """Do nothing."""

    def collect(self) -> list[Assessment | LostAssessment]:
        """Return nothing."""
        return []
