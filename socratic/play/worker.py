"""What plays blocks, wherever it lives: one engine, one set of games, whatever weights the call brings."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from socratic.game import Clerk, Game
from socratic.play.block import PlayRules, play_block
from socratic.play.rollout import PlayedBlock
from socratic.protocols import Player, Weights
from socratic.records import Match

SeatWeights = Callable[[str, Weights], Player]


class PlayWorker:
    """Plays blocks with the weights each call brings; keeps nothing that changes an episode."""

    def __init__(
        self,
        *,
        game_of: Callable[[str], Game],
        scripted: Callable[[str, Match], Player],
        install: Callable[[Weights], str],
        seat: Callable[[str, Weights], Player],
        rules: PlayRules,
        clerk: Clerk,
    ) -> None:
        """Take the parts that `build` chose.

        Args:
            game_of: the game of a name.
            scripted: the player of a `scripted:...` seat at a match.
            install: makes weights the engine's own and returns their fingerprint as it is live.
            seat: the player of a name that plays weights.
            rules: the run's policy on illegal replies and endless matches.
            clerk: who answers what games ask of critics and of the sandbox.
        """
        self._game_of = cache(game_of)
        self._scripted = scripted
        self._install = install
        self._seat = seat
        self._rules = rules
        self._clerk = clerk
        self._installed: tuple[str, str] = ("", "")  # fingerprint as sent, fingerprint as live

    def play(self, block: Sequence[Match], weights: Mapping[str, Weights]) -> PlayedBlock:
        """Play one block with `weights`, by player name."""
        agent = weights["agent"]
        if self._installed[0] != agent.fingerprint:
            self._installed = (agent.fingerprint, self._install(agent))
        seated = {name: self._seat(name, each) for name, each in weights.items()}

        def player_of(name: str, match: Match) -> tuple[str, Player]:
            if name in seated:
                return name, seated[name]
            return f"{name} {match.game} {sorted(match.params.items())}", self._scripted(name, match)

        played = play_block(block, self._game_of, player_of, self._rules, self._clerk)
        return PlayedBlock(episodes=played.episodes, breakages=played.breakages, fingerprint=self._installed[1])
