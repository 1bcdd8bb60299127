"""A game's own scripted players, as everybody but the game calls them: what they get wrong is said in one line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from socratic.errors import GameError
from socratic.game.contract import OURS, Bot, Game, Params
from socratic.game.failures import ANYTHING, game_failure
from socratic.game.table import Request
from socratic.seeds import Seed

T = TypeVar("T")
MAX_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPlayer:
    """A scripted player that a game brought, for one set of parameters."""

    game: Game
    params: Params
    name: str
    bot: Bot

    def reply(self, request: Request, draws: Seed, match_seed: int) -> str:
        """Return its reply; `match_seed` is the match's, for whoever wants to see again what it does.

        Raises:
            GameError: it failed, or gave no text.
        """
        failed = f"{self.game.name}'s bot({self.name!r}) failed in seat {self.game.seats[request.seat]!r}"
        told_how = f"played with {dict(self.params)}, seed {match_seed}, turn {request.turn}"
        reply: object = _guarded(lambda: self.bot(request, draws), failed, told_how)
        if not isinstance(reply, str):
            raise GameError(f"{failed}: it replied {repr(reply)[:MAX_SHOWN]}, expected a text; {told_how}")
        return reply


def own_player(game: Game, name: str, params: Params) -> OwnPlayer | None:
    """Return the game's own player of that name; None where it brings none.

    Raises:
        ConfigError: the parameters do not fit the game.
        GameError: the player could not be made.
    """
    complete = game.complete(params)
    bot = _guarded(lambda: game.bot(name, complete), f"{game.name}'s bot({name!r}) could not be made", f"it was asked with {complete}")
    return None if bot is None else OwnPlayer(game=game, params=complete, name=name, bot=bot)


def _guarded(ask: Callable[[], T], failed: str, told_how: str) -> T:
    try:
        return ask()
    except OURS:
        raise
    except ANYTHING as error:
        raise game_failure(failed, error, told_how) from error
