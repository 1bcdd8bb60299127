"""What plays blocks, wherever it lives: one engine, one set of games, whatever weights the call brings."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from socratic.errors import DoorLost
from socratic.game import Game
from socratic.play.block import PlayRules, play_block
from socratic.play.clerk import PlayClerk
from socratic.play.rollout import PlayedBlock
from socratic.protocols import Judge, Player, Weights
from socratic.records import Match

SeatWeights = Callable[[Mapping[str, Weights]], Player]


class PlayWorker:
    """Plays blocks with the weights each call brings; keeps nothing that changes an episode."""

    def __init__(
        self,
        *,
        game_of: Callable[[str], Game],
        scripted: Callable[[str, Match], Player],
        install: Callable[[Weights], str],
        seat: SeatWeights,
        rules: PlayRules,
        clerk: PlayClerk,
    ) -> None:
        """Take the parts that `build` chose.

        Args:
            game_of: the game of a name.
            scripted: the player of a `scripted:...` seat at a match.
            install: makes weights the engine's own and returns their fingerprint as it is live.
            seat: the player of all seats that weights play, given them by name.
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

    def play(
        self, block: Sequence[Match], weights: Mapping[str, Weights], past: Mapping[str, Weights] | None = None, judge: Judge | None = None
    ) -> PlayedBlock:
        """Play one block.

        Args:
            block: the matches.
            weights: the agent's, and others that change with every generation, by player name.
            past: the versions that the league keeps, by player name.
            judge: answers what games ask of a critic, in the place of the worker's own.
        """
        agent = weights["agent"]
        if self._installed[0] != agent.fingerprint:
            self._installed = (agent.fingerprint, self._install(agent))
        # Only who sits in this block: every version that is seated costs its part of every pass.
        wanted = {name for match in block for name in match.seats} | {"agent"}
        seated = {name: each for name, each in {**(past or {}), **weights}.items() if name in wanted}
        policy = self._seat(seated)

        def player_of(name: str, match: Match) -> tuple[str, Player]:
            if name in seated:
                return "policy", policy
            return f"{name} {match.game} {sorted(match.params.items())}", self._scripted(name, match)

        clerk = self._clerk if judge is None else self._clerk.asking(judge)
        try:
            played = play_block(block, self._game_of, player_of, self._rules, clerk)
        except DoorLost as lost:
            return PlayedBlock(episodes=(), fingerprint=self._installed[1], lost=lost)
        return PlayedBlock(episodes=played.episodes, breakages=played.breakages, fingerprint=self._installed[1])
