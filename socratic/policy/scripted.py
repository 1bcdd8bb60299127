"""Players that need no model: random, and optimal where the game's tree says what that is."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from socratic.errors import ConfigError, GameTooLarge
from socratic.game import Game
from socratic.protocols import Player, TurnRequest
from socratic.records import Line, Match, ParameterValue, Turn
from socratic.seeds import Seed

Seen: TypeAlias = tuple[tuple[str, str], ...]


class RandomPlayer:
    """Replies with a uniformly random legal move."""

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw each reply from the match's own draw seed."""
        return [_turn(request, "scripted:random", _random_move(request)) for request in requests]


class TablePlayer:
    """Replies by a strategy: for each information state, the chance of each legal move."""

    def __init__(self, name: str, strategy: Mapping[Seen, Sequence[float]]) -> None:
        """Play `strategy`, keyed by what a seat has seen, under `name`."""
        self._name = name
        self._strategy = strategy

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw each reply from the strategy; a random legal move where it is silent."""
        return [_turn(request, self._name, self._move(request)) for request in requests]

    def _move(self, request: TurnRequest) -> str:
        chances = self._strategy.get(_seen(request.view))
        if chances is None or request.legal is None:
            return _random_move(request)
        return request.legal[_draw_seed(request).weighted(chances)]


class ScriptedPlayers:
    """Finds the player of a `scripted:...` seat; solves each game once."""

    def __init__(self, game_of: Callable[[str], Game]) -> None:
        """Look games up by name with `game_of`."""
        self._game_of = game_of
        self._random = RandomPlayer()
        self._solved: dict[tuple[str, str], TablePlayer] = {}

    def player(self, name: str, match: Match) -> Player:
        """Return the player called `name` for `match`.

        Raises:
            ConfigError: there is no such player, or the game has no known optimum.
        """
        if name == "scripted:random":
            return self._random
        if name != "scripted:optimal":
            raise ConfigError(f"no player is called {name!r}; known: agent, t0, scripted:random, scripted:optimal")
        key = (match.game, repr(sorted(match.params.items())))
        if key not in self._solved:
            self._solved[key] = TablePlayer(name, _optimum(self._game_of(match.game), match.params))
        return self._solved[key]


def _optimum(game: Game, params: Mapping[str, ParameterValue]) -> dict[Seen, Sequence[float]]:
    from socratic.game.tree import enumerate_tree

    try:
        tree = enumerate_tree(game, params)
        strategy, _ = tree.solve()
    except GameTooLarge as error:
        raise ConfigError(f"{game.name} has no scripted:optimal player: {error}") from None
    return {_seen(state.view): [float(p) for p in strategy[state.index]] for state in tree.information_states}


def _seen(view: Sequence[Line]) -> Seen:
    # A reply counts without the space around it, so it is looked up without.
    return tuple((line.speaker, line.text.strip()) for line in view)


def _random_move(request: TurnRequest) -> str:
    if request.legal is None:
        raise ConfigError(
            f"scripted:random cannot play {request.match.game}: seat {request.seat} is asked for free text; seat the agent or t0 there"
        )
    return request.legal[_draw_seed(request).integer(len(request.legal))]


def _draw_seed(request: TurnRequest) -> Seed:
    return Seed(request.match.draw_seed).child(f"seat {request.seat}", request.turn)


def _turn(request: TurnRequest, player: str, reply: str) -> Turn:
    return Turn(seat=request.seat, reply=reply, is_legal=True, player=player, version=0)
