"""What a game is: a coroutine with seats, bounds and parameters, and the `@game` decorator that declares one."""

import difflib
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from types import FunctionType
from typing import TypeAlias, cast

from socratic.errors import ConfigError, GameError, SocraticError
from socratic.game.failures import ANYTHING, PASSING, game_failure
from socratic.game.table import Request, Scores
from socratic.records import Episode, ParameterValue
from socratic.seeds import Seed

Params: TypeAlias = Mapping[str, ParameterValue]
Play: TypeAlias = Callable[..., Coroutine[object, object, Scores]]
Bot: TypeAlias = Callable[[Request, Seed], str]
MakeBot: TypeAlias = Callable[[Mapping[str, ParameterValue]], Bot]
Optimum: TypeAlias = float | Callable[..., float | None] | None

PARAMETER_TYPES: Mapping[str, type[ParameterValue]] = {"bool": bool, "int": int, "float": float, "str": str}
# What passes through a game's own function as it is.
OURS: tuple[type[BaseException], ...] = (SocraticError, *PASSING)
# Scores are sums of a few floats: what is further from a bound or from 0 than this is not rounding.
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One thing that a configuration may set about a game."""

    name: str
    type: type[ParameterValue]
    default: ParameterValue


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What to hold a score against, for seat 0."""

    optimum: float | None = None  # when every seat plays as well as can be
    random_play: float | None = None  # when every seat plays uniformly at random


class Game:
    """Rules in code, players who speak text, one score for each seat at the end.

    Subclass it for a game with hooks: set the attributes, write `async def play(self, t, *, ...)` and make one instance.
    `@game` does the same for a plain coroutine.
    """

    name: str = ""
    seats: tuple[str, ...] = ()
    zero_sum: bool = False
    bounds: tuple[float, float] = (-1.0, 1.0)
    forfeit: float = 0.0  # what the others get after a forfeit, and all at the turn limit; unused in a zero-sum game
    levels: tuple[Params, ...] = ()  # level 0 can be learned from scratch by a small model
    optimum: Optimum = None  # seat 0's expected score under optimal play of all, or a function of the parameters
    version: str = ""
    rules: str = ""
    play: Play

    def __init__(self) -> None:
        """Read the parameters off the coroutine and check the declaration.

        Raises:
            GameError: the declaration does not hold together.
        """
        rules_in_code = self._rules_in_code()
        self.name = self.name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.rules = self.rules or self._rules_in_words(rules_in_code)
        self.source = _source_of(rules_in_code)
        self.version = self.version or _hash_of(self.source, rules_in_code)
        self.module = rules_in_code.__module__
        self.file = rules_in_code.__code__.co_filename
        self.parameters = _parameters_of(rules_in_code, self.name)
        self._check_declaration()

    def __repr__(self) -> str:
        """Return the name, for messages."""
        return f"<game {self.name}>"

    def complete(self, params: Params | None = None) -> dict[str, ParameterValue]:
        """Return `params` with the defaults of what they leave out.

        Raises:
            ConfigError: a parameter that the game does not have, or a value of another type.
        """
        complete = {name: parameter.default for name, parameter in self.parameters.items()}
        for name, value in (params or {}).items():
            if name not in self.parameters:
                nearest = difflib.get_close_matches(name, self.parameters, n=1, cutoff=0.0)
                remedy = f"did you mean {nearest[0]!r}?" if nearest else "it has none"
                raise ConfigError(f"{self.name} has no parameter {name!r}; {remedy}")
            complete[name] = _of_type(value, self.parameters[name], self.name)
        return complete

    def level(self, index: int) -> dict[str, ParameterValue]:
        """Return the parameters of a level; past the last one, those of the last.

        Raises:
            ConfigError: the level is negative.
        """
        if index < 0:
            raise ConfigError(f"{self.name} has no level {index}; levels start at 0")
        return self.complete(self.levels[min(index, len(self.levels) - 1)] if self.levels else {})

    def best_score(self, params: Params | None = None) -> float | None:
        """Return seat 0's expected score under optimal play of all, where the game declares it.

        Raises:
            ConfigError: the parameters do not fit the game.
            GameError: the game's function of the parameters failed.
        """
        if not callable(self.optimum):
            return self.optimum
        complete = self.complete(params)
        try:
            return self.optimum(**complete)
        except OURS:
            raise
        except ANYTHING as error:
            remedy = f"it was asked with {complete}: mend it, or let it raise ConfigError where there is no such game"
            raise game_failure(f"{self.name}'s optimum failed", error, remedy) from error

    def reference(self, params: Params | None = None) -> Reference | None:
        """Return what to hold scores against; None where nothing is known."""
        best = self.best_score(params)
        return None if best is None else Reference(optimum=best)

    def solve(self, params: Params | None = None) -> float | None:
        """Return seat 0's exact value, worked out by the game itself; None where it has no solver."""
        del params
        return None

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return the scripted player of that name; None where the game has none."""
        del name, params
        return None

    def verify(self, record: Episode) -> Scores | None:
        """Return the scores worked out anew from the record; None where the game has no verifier."""
        del record
        return None

    def checked_scores(self, scores: object) -> tuple[float, ...]:
        """Return `scores` as floats, one for each seat.

        Raises:
            GameError: wrong length, not finite, out of bounds, or not zero-sum where that is declared.
        """
        if not isinstance(scores, Sequence) or len(scores) != len(self.seats):
            raise GameError(f"{self.name} returned {scores!r}, expected {len(self.seats)} scores")
        low, high = self.bounds
        for score in scores:
            if not isinstance(score, (int, float)) or not low - TOLERANCE <= score <= high + TOLERANCE:
                raise GameError(f"{self.name} returned {scores!r}, expected finite scores in [{low}, {high}]")
        if self.zero_sum and abs(sum(scores)) > TOLERANCE:
            raise GameError(f"{self.name} is zero-sum and returned {scores!r}, which sum to {sum(scores)}")
        return tuple(map(float, scores))

    def forfeit_scores(self, forfeiters: Sequence[int]) -> tuple[float, ...]:
        """Return the scores when `forfeiters` forfeit: the lower bound to them; nobody, at the turn limit.

        In a zero-sum game the others share what they pay; where all forfeit, or nobody, each gets 0. Elsewhere the others get
        the declared forfeit score.
        """
        others = len(self.seats) - len(forfeiters)
        low = self.bounds[0]
        if not self.zero_sum:
            return tuple(low if seat in forfeiters else self.forfeit for seat in range(len(self.seats)))
        if not others or not forfeiters:
            return (0.0,) * len(self.seats)
        # With several forfeiters the rest can take no more than the upper bound each.
        gain = min(self.bounds[1], -low * len(forfeiters) / others)
        loss = -gain * others / len(forfeiters)
        return tuple(loss if seat in forfeiters else gain for seat in range(len(self.seats)))

    def _rules_in_code(self) -> FunctionType:
        """Return the function whose keyword-only arguments are the parameters."""
        play = inspect.getattr_static(self, "play", None)
        if not inspect.iscoroutinefunction(play):
            raise GameError(f"{type(self).__name__}.play is {play!r}, expected `async def play(self, t, *, ...)`")
        return cast("FunctionType", play)

    def _rules_in_words(self, rules_in_code: FunctionType) -> str:
        """Return the docstring of a class that has one of its own, else that of the function."""
        own = None if isinstance(self, FunctionGame) else type(self).__dict__.get("__doc__")
        return inspect.cleandoc(own) if own else inspect.getdoc(rules_in_code) or ""

    def _check_declaration(self) -> None:
        low, high = self.bounds
        if not self.seats or len(set(self.seats)) != len(self.seats):
            raise GameError(f"{self.name} has seats {self.seats!r}, expected one or more different names")
        if not (isfinite(low) and isfinite(high) and low < high):
            raise GameError(f"{self.name} has bounds {self.bounds!r}, expected a lower and a higher number")
        others = len(self.seats) - 1
        if self.zero_sum and (not others or not low < 0 < high or -low / others > high + TOLERANCE):
            raise GameError(
                f"{self.name} is zero-sum with {others + 1} seats and bounds {self.bounds!r}: "
                f"expected 2 or more seats and room for the others to share what one loses"
            )
        if not self.zero_sum and not low <= self.forfeit <= high:
            raise GameError(f"{self.name} has forfeit score {self.forfeit}, outside its bounds; declare forfeit=")
        for params in self.levels:
            self.complete(params)


class FunctionGame(Game):
    """A game made of a coroutine by `@game`."""

    def __init__(
        self,
        play: Play,
        *,
        seats: tuple[str, ...],
        zero_sum: bool,
        bounds: tuple[float, float],
        forfeit: float,
        levels: tuple[Params, ...],
        optimum: Optimum,
        bots: Mapping[str, MakeBot],
    ) -> None:
        self.play = play
        self.bots = dict(bots)
        self.name = getattr(play, "__name__", "")
        self.seats, self.zero_sum, self.bounds = tuple(seats), zero_sum, bounds
        self.forfeit, self.levels, self.optimum = forfeit, tuple(levels), optimum
        super().__init__()

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return the scripted player of that name; None where the game has none."""
        make = self.bots.get(name)
        return None if make is None else make(self.complete(params))


def game(
    *,
    seats: tuple[str, ...],
    zero_sum: bool = False,
    bounds: tuple[float, float] = (-1.0, 1.0),
    forfeit: float = 0.0,
    levels: tuple[Params, ...] = (),
    optimum: Optimum = None,
    bots: Mapping[str, MakeBot] | None = None,
) -> Callable[[Play], Game]:
    """Return a decorator that makes a game of `async def name(t: Table, *, parameters) -> Scores`.

    Args:
        seats: One name for each seat.
        zero_sum: Whether the scores always sum to 0.
        bounds: The lowest and the highest score.
        forfeit: What the others get when one forfeits, and all at the turn limit; zero-sum games need none.
        levels: Parameters for each level of difficulty; level 0 can be learned from scratch by a small model.
        optimum: Seat 0's expected score when all play as well as can be, or a function of the parameters that says so.
        bots: Scripted players by name, each a function of the parameters: "random" for a game that takes free text, "optimal" for
            one that knows how to be played well.
    """

    def declare(play: Play) -> Game:
        return FunctionGame(
            play, seats=seats, zero_sum=zero_sum, bounds=bounds, forfeit=forfeit, levels=levels, optimum=optimum, bots=bots or {}
        )

    return declare


def _parameters_of(function: FunctionType, game_name: str) -> Mapping[str, Parameter]:
    parameters = {}
    for argument in inspect.signature(function).parameters.values():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        # A module with `from __future__ import annotations` gives the annotation as text.
        written = argument.annotation if isinstance(argument.annotation, str) else getattr(argument.annotation, "__name__", "")
        if written not in PARAMETER_TYPES or argument.default is argument.empty:
            raise GameError(f"parameter {argument.name!r} of {game_name} needs a type (bool, int, float or str) and a default")
        parameter = Parameter(name=argument.name, type=PARAMETER_TYPES[written], default=argument.default)
        _of_type(argument.default, parameter, game_name)
        parameters[argument.name] = parameter
    return parameters


def _of_type(value: ParameterValue, parameter: Parameter, game_name: str) -> ParameterValue:
    if parameter.type is float and type(value) is int:
        return float(value)
    # `type`, not `isinstance`: True is no number of sticks.
    if type(value) is not parameter.type:
        raise ConfigError(
            f"{game_name}.{parameter.name} is {value!r} ({type(value).__name__}), expected {parameter.type.__name__}, "
            f"for instance {parameter.default!r}"
        )
    return value


def _source_of(function: FunctionType) -> str:
    """Return the text of the whole file, because a game leans on what stands beside it; "" where there is none."""
    linecache.checkcache(function.__code__.co_filename)
    return "".join(linecache.getlines(function.__code__.co_filename, function.__globals__))


def _hash_of(source: str, function: FunctionType) -> str:
    code = function.__code__
    # Without a source (an interactive session) the byte code of this Python stands in for it.
    text = source or f"{sys.version_info[:2]} {code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_consts!r}"
    return blake2b(text.encode(), digest_size=8).hexdigest()
