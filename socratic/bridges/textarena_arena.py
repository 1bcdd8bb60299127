"""One of TextArena's games being played, apart from every other: the only door to the library.

TextArena draws from the process's two global generators and seeds one of them at every reset: each `Arena` has surroundings of
its own for its calls.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from inspect import getsource
from types import ModuleType
from typing import Protocol, cast

from socratic.bridges.surroundings import Surroundings
from socratic.bridges.textarena_words import InPlaceOfNltk, keep_dictionaries, supply_words
from socratic.errors import ConfigError, IllegalMove
from socratic.game.failures import GAME_FAILURES
from socratic.seeds import Seed

# In the source of every game that asks a model over the network: as juror, or as game master.
REMOTE = "OpenRouter"
# What TextArena gives for one illegal move too many.
LOST = -1.0
# What games hold in the order of a set or of a folder, and choose from.
UNORDERED = ("word_list", "available_roles")


class TheirState(Protocol):
    """What is read of TextArena's `State`."""

    current_player_id: int
    role_mapping: Mapping[object, str]
    observations: Mapping[int, "Sequence[Message]"]
    elimination_order: list[int]
    made_invalid_move: bool
    done: bool
    step: Callable[[bool], object]


class TheirGame(Protocol):
    """What is called of TextArena's `Env`."""

    state: TheirState

    def reset(self, num_players: int, seed: int | None = None) -> None:
        """Start anew."""

    def get_observation(self) -> tuple[int, "Sequence[Message]"]:
        """Return whose turn it is, and what is new to that player."""

    def step(self, action: str) -> tuple[bool, object]:
        """Take the reply of the player whose turn it is."""

    def close(self) -> tuple[Mapping[int, float | str] | None, object]:
        """Return the rewards, where there are any yet."""


class TheirSpec(Protocol):
    """What is read of TextArena's `EnvSpec`."""

    entry_point: str
    kwargs: Mapping[str, object]


Message = tuple[object, object, object]  # speaker (-1, or even a kind: the game), text or number, kind


class Arena:
    """One of TextArena's games being played."""

    def __init__(self, game_id: str, num_seats: int, seed: int) -> None:
        """Make the game and reset it; whatever it raises comes through."""
        self._game_id = game_id
        self._num_seats = num_seats
        self._seed = seed
        self._replies: list[str] = []
        self._start()

    def turn(self) -> tuple[int, list[str]]:
        """Return whose turn it is, and what that seat has not been shown yet."""
        with self._surroundings:
            seat, messages = self._theirs.get_observation()
        return seat, self._lines(seat, messages)

    def step(self, reply: str) -> bool:
        """Return whether the game is over after the reply.

        Raises:
            IllegalMove: the game failed on it, and stands where it stood before.
        """
        try:
            is_over = self._take(reply)
        except GAME_FAILURES as error:
            self._rebuild()
            raise IllegalMove(f"The game fails on this reply ({type(error).__name__}).") from error
        self._replies.append(reply)
        return is_over

    def rewards(self) -> Mapping[int, float]:
        """Return what each seat got; empty where the game does not say."""
        with self._surroundings:
            rewards, _ = self._theirs.close()
        # Three games hand over the reason of a loss in place of its reward.
        return {seat: LOST if isinstance(reward, str) else float(reward) for seat, reward in (rewards or {}).items()}

    def left_over(self) -> list[list[str]]:
        """Return what each seat has not been shown when the game is over."""
        unseen = self._theirs.state.observations
        return [self._lines(seat, unseen.get(seat, ())) for seat in range(self._num_seats)]

    def _start(self) -> None:
        self._surroundings = Surroundings(Seed(self._seed))
        self._last_said: dict[int, str] = {}
        with self._surroundings:
            self._theirs = _made(self._game_id)
            self._theirs.reset(num_players=self._num_seats, seed=self._seed)
        _mend(self._theirs.state, self._num_seats)

    def _take(self, reply: str) -> bool:
        self._last_said[self._theirs.state.current_player_id] = reply
        with self._surroundings:
            is_over, _ = self._theirs.step(reply)
        return bool(is_over)

    def _rebuild(self) -> None:
        """Play again up to the last reply: a game that failed halfway is in no state to go on."""
        self._start()
        for reply in self._replies:
            self.turn()
            self._take(reply)
        self.turn()

    def _lines(self, seat: int, messages: Sequence[Message]) -> list[str]:
        """Return the messages as texts, but for the seat's own reply: its view has that already."""
        names = self._theirs.state.role_mapping
        lines = []
        for speaker, message, *_ in messages:
            text = str(message).strip()
            if text and not (speaker == seat and text == self._last_said.get(seat)):
                is_player = isinstance(speaker, int) and speaker >= 0
                lines.append(f"[{names.get(speaker, f'Player {speaker}')}] {text}" if is_player else text)
        return lines


class Eliminated(list[int]):
    """TextArena's list of eliminated players, without the same one twice: some games work out the rewards by its length."""

    def append(self, seat: int) -> None:
        """Add a player that is not in it."""
        if seat not in self:
            super().append(seat)


@cache
def registry() -> Mapping[str, TheirSpec]:
    """Return TextArena's games by name, those that take and give plain text.

    Raises:
        ConfigError: TextArena is not installed.
    """
    try:
        with Surroundings(Seed(0)), InPlaceOfNltk():
            from textarena.envs.registration import ENV_REGISTRY
            from textarena.envs.utils import word_lists
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; pip install 'socratic-loop[textarena]'") from error
    supply_words(word_lists)
    keep_dictionaries(word_lists.EnglishDictionary)
    return {name: cast("TheirSpec", spec) for name, spec in ENV_REGISTRY.items() if name.endswith("-raw")}


@cache
def module_of(game_id: str) -> ModuleType:
    """Return the module of a game, with our words in it; ImportError where TextArena's wheel lacks it."""
    with Surroundings(Seed(0)), InPlaceOfNltk():
        module = importlib.import_module(registry()[game_id].entry_point.partition(":")[0])
    supply_words(module)
    return module


def asks_a_model(game_id: str) -> bool:
    """Return whether a game sends what players write to a model over the network."""
    return REMOTE in getsource(module_of(game_id))


def _made(game_id: str) -> TheirGame:
    """Return a new game, not reset yet."""
    spec = registry()[game_id]
    kind = getattr(module_of(game_id), spec.entry_point.partition(":")[2])
    # A game may change the lists it is given, and they are the registry's.
    game: TheirGame = kind(**deepcopy(dict(spec.kwargs)))
    for name in UNORDERED:
        match getattr(game, name, None):
            case list(words):
                setattr(game, name, sorted(words))
            case dict(roles):
                setattr(game, name, dict(sorted(roles.items())))
    return game


def _mend(state: TheirState, num_seats: int) -> None:
    """Keep a game from eliminating a player twice, and from looking for the next one for ever when all are eliminated."""
    if not hasattr(state, "elimination_order"):
        return
    eliminated = Eliminated(state.elimination_order)
    theirs = state.step

    # Named as TextArena names it, because its games do.
    def step(rotate_player: bool = True) -> object:
        if rotate_player and not state.made_invalid_move and not state.done and len(eliminated) == num_seats:
            raise RuntimeError("all players are eliminated")
        return theirs(rotate_player)

    state.elimination_order = eliminated
    state.step = step
