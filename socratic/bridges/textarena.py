"""TextArena's games as ours: `textarena:Nim-v0-raw`, `textarena:SecretMafia-v0-raw(players=6)`."""

import difflib
import re
import sys
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from socratic.bridges.textarena_arena import Arena, asks_a_model, registry
from socratic.errors import ConfigError, GameError, IllegalMove, UnknownGame
from socratic.game import Bot, Game, Params, Request, Scores, Table
from socratic.game.failures import GAME_FAILURES
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.seeds import Seed

NAME = re.compile(r"(?P<id>[\w./-]+)(?:\(players=(?P<players>\d{1,2})\))?")
# Two first: a game for two or more starts with one too, and is none then. No game needs more than six.
SEATS_TRIED = (2, 1, 3, 4, 5, 6)
# Where rewards are not between -1 and 1, by TextArena's own source: lights switched off less lights switched on, as a share
# of those that were on (of 25), and sets found in 20 turns.
BOUNDS = {"LightsOut": (-24.0, 1.0), "Set": (0.0, 20.0)}
# Its levels are searched for by trial: measured with 0.7.4, most matches start at once and some after 42 seconds.
SEARCHES_LONG = re.compile(r"Sokoban-")
START_LIMIT_S = 20.0
MIN_LIKENESS = 0.5
FIRST_REPLIES = ("[0]", "[1]", "hello")
SEED_RANGE = range(2**31)
# What TextArena's prompts put their moves in: [check], [0], [a5 b5].
MOVE = re.compile(r"\[[^\[\]\n]{1,40}\]")
# Stands for a number in [Bid: X, Y] and [Bet N].
PLACEHOLDER = re.compile(r"\b[NXYnxy]\b")
# In place of what a prompt names, now and then.
NUMBERS = ("[0]", "[1]", "[2]", "[3]", "[4]", "[0 0]", "[1 2]", "[2 1]", "[3 3]")
NAMED_SHARE = 0.8
MAX_NUMBER = 7


def load(rest: str) -> Game:
    """Return one of TextArena's games, its number of seats after the name or else the smallest that it takes.

    Raises:
        ConfigError: TextArena is not installed, or the game cannot be played here.
        UnknownGame: it has no such game; the message names the nearest.
    """
    asked = NAME.fullmatch(rest)
    if not asked:
        raise ConfigError(
            f"textarena:{rest}: expected the name of a game, for instance textarena:Nim-v0-raw or textarena:Poker-v0-raw(players=3)"
        )
    game_id = _known(asked["id"])
    if SEARCHES_LONG.match(game_id):
        raise ConfigError(f"textarena:{game_id} cannot be played: it searches for a level by trial, up to 42 s before a match starts")
    tried = (int(asked["players"]),) if asked["players"] else SEATS_TRIED
    return TextArenaGame(rest, game_id, _fewest_seats(game_id, tried))


class TextArenaGame(Game):
    """One of TextArena's games, with a number of seats.

    TextArena has no list of the moves, so that every question is a free text, and has a rule of its own for moves that are
    none. A reply that it fails on is illegal by ours.
    """

    def __init__(self, rest: str, game_id: str, num_seats: int) -> None:
        """Declare the game."""
        self._id = game_id
        self.name = f"textarena:{rest}"
        self.rules = f"{game_id} of TextArena {version('textarena')}, {num_seats} seats."
        self.seats = tuple(f"player {seat}" for seat in range(num_seats))
        self.bounds = BOUNDS.get(re.split(r"-v\d", game_id)[0], (-1.0, 1.0))
        self.version = _version_of(rest)
        super().__init__()

    async def play(self, t: Table) -> Scores:
        """Let TextArena play, and ask who it says is to move."""
        arena = Arena(self._id, len(self.seats), t.choose(SEED_RANGE))
        is_over = False
        while not is_over:
            seat, lines = arena.turn()
            for line in lines[:-1]:
                t.tell(seat, line)
            is_over = await t.ask(seat, lines[-1] if lines else "Your move:", arena.step)
        for seat, lines in enumerate(arena.left_over()):
            for line in lines:
                t.tell(seat, line)
        rewards = arena.rewards()
        # A seat that TextArena gives nothing has neither won nor lost.
        return tuple(rewards.get(seat, 0.0) for seat in range(len(self.seats)))

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return the random player, which says what the prompts put in brackets; there is no other."""
        del params
        return _random_reply if name == "random" else None


def _known(game_id: str) -> str:
    """Return the name, if it is one of TextArena's that take and give plain text."""
    if game_id in registry():
        return game_id
    if f"{game_id}-raw" in registry():
        raise ConfigError(
            f"textarena:{game_id} formats what players see and say; take textarena:{game_id}-raw, which leaves that to the policy"
        )
    # The ends are alike in all names.
    short = {re.sub(r"-raw$", "", name).lower(): name for name in registry()}
    near = difflib.get_close_matches(re.sub(r"-raw$", "", game_id).lower(), short, n=3, cutoff=MIN_LIKENESS)
    known = " or ".join(f"textarena:{short[name]}" for name in near)
    raise UnknownGame(
        f"TextArena {version('textarena')} has no game {game_id!r}; "
        + (f"did you mean {known}?" if near else f"it has {len(short)} others, for instance textarena:Nim-v0-raw")
    )


def _fewest_seats(game_id: str, tried: Sequence[int]) -> int:
    """Return the first of these numbers of seats with which the game starts."""
    asked, refusal = f"textarena:{game_id}", None
    try:
        is_remote = asks_a_model(game_id)
        for num_seats in () if is_remote else tried:
            try:
                with time_limit(START_LIMIT_S):
                    _try(Arena(game_id, num_seats, 0))
            except (AssertionError, ValueError) as error:
                # How TextArena's games say that they are for another number of players.
                refusal = error
            else:
                return num_seats
    except TimeIsUp:
        raise ConfigError(f"{asked} cannot be played: it takes more than {START_LIMIT_S:g} s to start") from None
    except ImportError as error:
        raise ConfigError(f"{asked} cannot be imported, TextArena {version('textarena')} comes without a part of it: {error}") from error
    except FileNotFoundError as error:
        raise ConfigError(f"{asked} reads a file that TextArena {version('textarena')} comes without: {error}") from error
    except SyntaxError as error:
        python = ".".join(map(str, sys.version_info[:2]))
        raise ConfigError(f"{asked} is not written in Python {python}: {error}; some of TextArena's games need 3.12") from error
    except GAME_FAILURES as error:
        raise ConfigError(f"{asked} cannot be played: {type(error).__name__}: {error}") from error
    if is_remote:
        raise ConfigError(f"{asked} sends what players write to a model over the network: no match of it can be played again")
    raise ConfigError(f"{asked} does not start with {' or '.join(map(str, tried))} players: {refusal}") from refusal


def _try(arena: Arena) -> None:
    """Raise what the game raises on its first turn, whatever is said."""
    arena.turn()
    reason: BaseException | None = None
    for reply in FIRST_REPLIES:
        try:
            arena.step(reply)
        except IllegalMove as failure:
            reason = failure.__cause__
        else:
            return
    raise GameError(f"it fails on every reply: {type(reason).__name__}: {reason}")


def _version_of(rest: str) -> str:
    """Return a hash of the bridge, the library's version and the game's name."""
    ours = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("textarena*.py")))
    return blake2b(ours + f"{version('textarena')} {rest}".encode(), digest_size=8).hexdigest()


def _random_reply(request: Request, seed: Seed) -> str:
    named = MOVE.findall("\n".join(line.text for line in request.view[:1] + request.view[-3:]))
    options: Sequence[str] = named if named and seed.uniform(1) < NAMED_SHARE else NUMBERS
    return PLACEHOLDER.sub(lambda _: str(seed.integer(MAX_NUMBER, 3)), options[seed.integer(len(options), 2)])
