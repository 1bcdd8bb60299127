"""Players that need no model: random, and optimal where the game's tree says what that is."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from socratic.errors import ConfigError, GameError
from socratic.game import NOBODY, Clerk, Game, Request
from socratic.game.bots import OwnPlayer, own_player
from socratic.protocols import Player, TurnRequest
from socratic.records import Line, Match, ParameterValue, Turn
from socratic.seeds import Seed

# A seat and what it has seen: two seats may see the same and mean another thing by it.
Seen: TypeAlias = tuple[int, tuple[tuple[str, str], ...]]


class RandomPlayer:
    """Replies with a uniformly random legal move."""

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw each reply from the match's own draw seed."""
        return [_turn(request, "scripted:random", _random_move(request)) for request in requests]


class BotPlayer:
    """Replies as a game's own scripted player does."""

    def __init__(self, name: str, own: OwnPlayer) -> None:
        """Play `own` under `name`."""
        self._name = name
        self._own = own

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Ask the bot, with the match's own draw seed.

        Raises:
            GameError: the bot failed.
        """
        return [_turn(request, self._name, self._move(request)) for request in requests]

    def _move(self, request: TurnRequest) -> str:
        return self._own.reply(_as_request(request), _draw_seed(request), request.match.seed)


class TablePlayer:
    """Replies by a strategy: for each information state, the chance of each legal move."""

    def __init__(self, name: str, strategy: Mapping[Seen, Sequence[float]]) -> None:
        """Play `strategy`, keyed by a seat and what it has seen, under `name`."""
        self._name = name
        self._strategy = strategy

    def reply(self, requests: Sequence[TurnRequest]) -> list[Turn]:
        """Draw each reply from the strategy; a random legal move where it is silent."""
        return [_turn(request, self._name, self._move(request)) for request in requests]

    def _move(self, request: TurnRequest) -> str:
        chances = self._strategy.get(_seen(request.seat, request.view))
        if chances is None or request.legal is None:
            return _random_move(request)
        return request.legal[_draw_seed(request).weighted(chances)]


class ScriptedPlayers:
    """Finds the player of a `scripted:...` seat; solves each game once."""

    def __init__(self, game_of: Callable[[str], Game], clerk: Clerk = NOBODY) -> None:
        """Look games up by name with `game_of`; `clerk` runs the programs of one that is solved."""
        self._game_of = game_of
        self._clerk = clerk
        self._found: dict[tuple[str, str, str], Player] = {}

    def player(self, name: str, match: Match) -> Player:
        """Return the player called `name` for `match`.

        Raises:
            ConfigError: there is no such player, or the game has no known optimum.
        """
        if name not in {"scripted:random", "scripted:optimal"}:
            raise ConfigError(f"no player is called {name!r}; known: agent, t0, scripted:random, scripted:optimal")
        key = (name, match.game, repr(sorted(match.params.items())))
        if key not in self._found:
            self._found[key] = self._make(name, self._game_of(match.game), match.params)
        return self._found[key]

    def _make(self, name: str, game: Game, params: Mapping[str, ParameterValue]) -> Player:
        own = own_player(game, name.rpartition(":")[2], params)
        if own is not None:
            return BotPlayer(name, own)
        return RandomPlayer() if name == "scripted:random" else TablePlayer(name, _optimum(game, params, self._clerk))


def _optimum(game: Game, params: Mapping[str, ParameterValue], clerk: Clerk) -> dict[Seen, Sequence[float]]:
    from socratic.game.tree import enumerate_tree

    try:
        tree = enumerate_tree(game, params, clerk=clerk)
        strategy = tree.optimal_play()
    except GameError as error:
        raise ConfigError(f"{game.name} has no scripted:optimal player: {error}") from None
    return {_seen(state.seat, state.view): [float(p) for p in strategy[state.index]] for state in tree.information_states}


def _seen(seat: int, view: Sequence[Line]) -> Seen:
    # A reply counts without the space around it, so it is looked up without.
    return seat, tuple((line.speaker, line.text.strip()) for line in view)


def _random_move(request: TurnRequest) -> str:
    if request.legal is None:
        raise ConfigError(
            f"scripted:random cannot play {request.match.game}: seat {request.seat} is asked for free text; seat the agent or t0 there"
        )
    return request.legal[_draw_seed(request).integer(len(request.legal))]


def _as_request(asked: TurnRequest) -> Request:
    # How often the seat tried before is not told to players; a bot needs to try once.
    return Request(asked.seat, asked.view[-1].text if asked.view else "", asked.legal, tuple(asked.view), asked.turn, 0)


def _draw_seed(request: TurnRequest) -> Seed:
    return Seed(request.match.draw_seed).child(f"seat {request.seat}", request.turn)


def _turn(request: TurnRequest, player: str, reply: str) -> Turn:
    return Turn(seat=request.seat, reply=reply, is_legal=True, player=player, version=0)
