"""The table: all that a game may touch, and the requests that it puts to the players.

A game awaits `ask` and `ask_all`; everything else returns at once. The table keeps no clock and draws nothing itself: chance
comes from the `Dice` of whoever drives the game (a live match draws by seed, the tree tries every branch).
"""

import re
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast, overload

from socratic.errors import GameError
from socratic.records import GAME, Line

T = TypeVar("T")
Option = TypeVar("Option", bound=Hashable)

Scores: TypeAlias = Sequence[float]
Choices: TypeAlias = Sequence[str] | re.Pattern[str] | None
Legal: TypeAlias = Choices | Callable[[str], object]
Dice: TypeAlias = Callable[[Sequence[object], Sequence[float] | None], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One question to one seat, as a player gets it."""

    seat: int
    prompt: str
    legal: tuple[str, ...] | None  # the options, where the game gave a list
    view: tuple[Line, ...]  # all that the seat has seen, the prompt last
    turn: int  # replies asked for before this one: unique in a match
    attempt: int  # 0, then one more after each illegal reply


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReward:
    """A reward that the game gave before its end; it is not part of the score."""

    seat: int
    turn: int
    delta: float
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A text that may not appear in what the game shows to `keep_from`."""

    text: str
    keep_from: tuple[int, ...]


class Question(NamedTuple):
    """What an `Ask` puts to one seat; a tuple, because a tree makes one for every move of every replay."""

    seat: int
    prompt: str
    legal: Legal


class Lines(dict[str, Line]):
    """The lines that a game told, each text made once."""

    def __missing__(self, text: str) -> Line:
        """Make the line of a text that was not told before."""
        line = self[text] = Line(speaker=GAME, text=text)
        return line


@dataclass(kw_only=True, slots=True)
class Ledger:
    """What a game has done so far, as its driver reads it."""

    views: tuple[list[Line], ...]
    lines: Lines = field(default_factory=Lines)
    num_turns: int = 0  # replies asked for; kept by the driver
    truths: dict[str, object] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    rewards: list[StepReward] = field(default_factory=list)
    probes: dict[str, float] = field(default_factory=dict)
    on_same: Callable[[Hashable], None] | None = None


class Ask(Generic[T]):
    """What a game awaits; its driver sends the answer back."""

    __slots__ = ("is_single", "questions", "table")

    def __init__(self, table: "Table", questions: tuple[Question, ...], *, is_single: bool) -> None:
        self.table = table
        self.questions = questions
        self.is_single = is_single

    def __await__(self) -> Generator["Ask[T]", object, T]:
        """Hand the questions to the driver and return its answer."""
        answer = yield self
        return cast("T", answer)


class Table:
    """All that a game may touch."""

    __slots__ = ("_bounds", "_dice", "_ledger", "_name", "_views", "_zero_sum", "last_asked")

    def __init__(self, ledger: Ledger, dice: Dice, *, name: str, zero_sum: bool, bounds: tuple[float, float]) -> None:
        self._ledger = ledger
        self._views = ledger.views
        self._dice = dice
        self._name = name
        self._zero_sum = zero_sum
        self._bounds = bounds
        self.last_asked: int | None = None  # whom to name when the game goes wrong

    def tell(self, seats: int | Iterable[int] | None, text: str) -> None:
        """Show `text` to one seat, to some, or to all (None)."""
        if not isinstance(text, str):
            raise GameError(f"{self._name} told {text!r}, expected a text")
        line = self._ledger.lines[text]
        if seats is None:
            for view in self._views:
                view.append(line)
        else:
            for seat in self._checked(seats):
                self._views[seat].append(line)

    @overload
    def ask(self, seat: int, prompt: str, legal: Choices = None) -> Ask[str]: ...
    @overload
    def ask(self, seat: int, prompt: str, legal: Callable[[str], T]) -> Ask[T]: ...
    def ask(self, seat: int, prompt: str, legal: Legal = None) -> Ask[str] | Ask[T]:
        """Ask one seat and return its legal reply; await the result.

        Args:
            seat: Who is asked.
            prompt: What is asked; the seat sees it as a line of the game.
            legal: The options (the reply is one of them), a compiled pattern (the whole reply matches it), a parser that
                returns the move or raises `IllegalMove` or `ValueError`, or None: any text.
        """
        self._checked(seat)
        self._check_shown(seat, prompt)
        self.last_asked = seat
        return Ask(self, (Question(seat, prompt, legal),), is_single=True)

    @overload
    def ask_all(self, asks: Mapping[int, str | tuple[str, Choices]]) -> Ask[dict[int, str]]: ...
    @overload
    def ask_all(self, asks: Mapping[int, tuple[str, Callable[[str], T]]]) -> Ask[dict[int, T]]: ...
    def ask_all(self, asks: Mapping[int, str | tuple[str, Legal]]) -> Ask[dict[int, str]] | Ask[dict[int, T]]:
        """Ask several seats at once and return seat to reply: nobody sees another's reply before all are in."""
        if not asks:
            raise GameError(f"{self._name} asked nobody: ask_all needs at least one seat")
        self._checked(asks)
        questions = tuple(Question(seat, *(asked if isinstance(asked, tuple) else (asked, None))) for seat, asked in sorted(asks.items()))
        for question in questions:
            self._check_shown(question.seat, question.prompt)
        self.last_asked = questions[-1].seat
        return Ask(self, questions, is_single=False)

    def choose(self, options: Sequence[Option], weights: Sequence[float] | None = None) -> Option:
        """Return one of `options` by chance, all alike or in proportion to `weights`."""
        if not options or (weights is not None and len(weights) != len(options)):
            raise GameError(f"{self._name} chose from {len(options)} options with {weights!r} as weights")
        return options[self._dice(options, weights)] if len(options) > 1 else options[0]

    def deal(self, options: Sequence[Option], num: int) -> list[Option]:
        """Return `num` of `options` in the order drawn, none put back; equal options are one option with a higher weight."""
        if not 0 <= num <= len(options):
            raise GameError(f"{self._name} dealt {num} of {len(options)} options")
        pool = list(options)
        all_differ = len(set(pool)) == len(pool)
        dealt = []
        for _ in range(num):
            if all_differ:
                dealt.append(self.choose(pool))
            else:
                distinct = list(dict.fromkeys(pool))
                dealt.append(self.choose(distinct, [float(pool.count(option)) for option in distinct]))
            pool.remove(dealt[-1])
        return dealt

    def shuffle(self, options: Sequence[Option]) -> list[Option]:
        """Return all `options` in random order."""
        return self.deal(options, len(options))

    def truth(self, **facts: object) -> None:
        """Record what is so, for those who check the game; never shown."""
        self._ledger.truths.update(facts)

    def secret(self, text: str, keep_from: int | Iterable[int]) -> None:
        """Declare that the game never shows `text` to `keep_from`; `check_game` holds it to that."""
        self._ledger.secrets.append(Secret(text=text, keep_from=tuple(self._checked(keep_from))))

    def reward(self, seat: int, delta: float, why: str) -> None:
        """Record a reward on the way; the score is what the game returns."""
        self._checked(seat)
        self._ledger.rewards.append(StepReward(seat=seat, turn=self._ledger.num_turns, delta=float(delta), why=why))

    def probe(self, **metrics: float) -> None:
        """Record numbers worth watching; the last of a name counts."""
        self._ledger.probes.update({name: float(value) for name, value in metrics.items()})

    def same(self, key: Hashable) -> None:
        """Declare that what follows depends on `key` alone, so that optimal play may be worked out once for each key."""
        if self._ledger.on_same is not None:
            self._ledger.on_same(key)

    def win(self, seat: int, by: float | None = None) -> tuple[float, ...]:
        """Return the scores of a win: `by` (default: the upper bound) to `seat`.

        In a zero-sum game the others pay it in equal parts; elsewhere they get the lower bound.
        """
        self._checked(seat)
        low, high = self._bounds
        won = high if by is None else float(by)
        others = len(self._views) - 1
        lost = -won / others if self._zero_sum and others else low
        return tuple(won if other == seat else lost for other in range(others + 1))

    def draw(self) -> tuple[float, ...]:
        """Return the scores of a draw: 0 in a zero-sum game, the middle of the bounds elsewhere."""
        return self.share(0.0 if self._zero_sum else sum(self._bounds) / 2)

    def share(self, score: float) -> tuple[float, ...]:
        """Return the same score for every seat."""
        return (float(score),) * len(self._views)

    def _check_shown(self, seat: int, prompt: str) -> None:
        """Refuse a question that is no text, or one to a seat that has been shown nothing at all."""
        if not isinstance(prompt, str):
            raise GameError(f"{self._name} asked seat {seat} {prompt!r}, expected a text")
        if not prompt.strip() and not any(line.text.strip() for line in self._views[seat]):
            raise GameError(
                f"{self._name} asked seat {seat} {prompt!r} and had shown it nothing; give the prompt a text, or t.tell it first"
            )

    def _checked(self, seats: int | Iterable[int]) -> Iterable[int]:
        chosen = (seats,) if isinstance(seats, int) else tuple(seats)
        num_seats = len(self._views)
        for seat in chosen:
            if not 0 <= seat < num_seats:
                raise GameError(f"{self._name} names seat {seat}, expected 0 to {num_seats - 1}")
        return chosen
