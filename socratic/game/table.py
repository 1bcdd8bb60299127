"""The table: all that a game may touch, and the requests that it puts to the players.

A game awaits `ask`, `ask_all`, `judge` and `execute`; everything else returns at once. The table keeps no clock and draws
nothing itself: chance comes from the `Dice` of whoever drives the game (a live match draws by seed, the tree tries every branch).
"""

import re
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast, overload

from socratic.errors import GameError
from socratic.records import GAME, SELF, Answer, Call, Json, Judgement, Line, Program, Result, is_unsaid

T = TypeVar("T")
Option = TypeVar("Option", bound=Hashable)

Scores: TypeAlias = Sequence[float]
Choices: TypeAlias = Sequence[str] | re.Pattern[str] | None
Legal: TypeAlias = Choices | Callable[[str], object]
Dice: TypeAlias = Callable[[Sequence[object], Sequence[float] | None], int]


# Lines that all matches of a process share: most are told again and again, and the rest must not pile up.
MAX_SHARED_LINES = 20_000
MAX_SHARED_LETTERS = 1000


class Request(NamedTuple):
    """One question to one seat, as a player gets it; a tuple, because a turn should cost little."""

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
    """The lines of one speaker, each text made once."""

    def __init__(self, speaker: str = GAME, limit: int | None = None) -> None:
        """Keep the lines of `speaker`; start anew where there are more than `limit`."""
        super().__init__()
        self._speaker = speaker
        self._limit = limit

    def __missing__(self, text: str) -> Line:
        """Make the line of a text that was not told before."""
        if self._limit is not None:
            if len(text) > MAX_SHARED_LETTERS:
                return Line(speaker=self._speaker, text=text)
            if len(self) >= self._limit:
                self.clear()
        line = self[text] = Line(speaker=self._speaker, text=text)
        return line


TOLD = Lines(GAME, MAX_SHARED_LINES)
SAID = Lines(SELF, MAX_SHARED_LINES)


@dataclass(kw_only=True, slots=True)
class Ledger:
    """What a game has done so far, as its driver reads it."""

    views: tuple[list[Line], ...]
    lines: Lines = field(default_factory=lambda: TOLD)
    said: list[str] = field(default_factory=list)  # every reply so far; kept by the driver
    num_turns: int = 0  # replies asked for; kept by the driver
    num_draws: int = 0
    hidden: dict[int, tuple[int, ...]] = field(default_factory=dict)  # draw to the seats that may not tell what it was
    truths: dict[str, object] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    rewards: list[StepReward] = field(default_factory=list)
    probes: dict[str, float] = field(default_factory=dict)
    on_same: Callable[[Hashable], None] | None = None


# Half of a surrogate pair stands for no character.
HALVES = "take halves of surrogate pairs out of it"


def is_writable(text: str) -> bool:
    """Return whether a text can be written to a file: halves of surrogate pairs cannot."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


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


class Appeal(Generic[T]):
    """What a game awaits of somebody who holds no seat: a critic, or the sandbox."""

    __slots__ = ("_read", "call", "table")

    def __init__(self, table: "Table", call: Call, read: Callable[[Answer], T]) -> None:
        self.table = table
        self.call = call
        self._read = read

    def __await__(self) -> Generator["Appeal[T]", object, T]:
        """Hand the call to the driver and return its answer as the game reads it."""
        answer = yield self
        return self._read(cast("Answer", answer))


class Table:
    """All that a game may touch."""

    __slots__ = ("_bounds", "_dice", "_ledger", "_name", "_seats", "_views", "_zero_sum", "is_begun", "last_asked")

    def __init__(self, ledger: Ledger, dice: Dice, *, name: str, seats: Sequence[str], zero_sum: bool, bounds: tuple[float, float]) -> None:
        self._ledger = ledger
        self._views = ledger.views
        self._dice = dice
        self._name = name
        self._seats = seats  # for messages
        self._zero_sum = zero_sum
        self._bounds = bounds
        self.is_begun = False  # whether it has awaited anything yet; kept by the driver
        self.last_asked: int | None = None  # whom to name when the game goes wrong

    def tell(self, seats: int | Iterable[int] | None, text: str) -> None:
        """Show `text` to one seat, to some, or to all (None)."""
        if not isinstance(text, str):
            raise GameError(f"{self._name} told {text!r}, expected a text")
        if not (text.isascii() or is_writable(text)):
            raise GameError(f"{self._name} told {text!r}, which cannot be written down; {HALVES}")
        line = self._ledger.lines[text]
        chosen = range(len(self._views)) if seats is None else self._checked(seats)
        if self._ledger.secrets:
            self.keep_secrets(chosen, text)
        for seat in chosen:
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

    def judge(self, question: str, evidence: str = "", options: Sequence[str] = ("yes", "no")) -> Appeal[dict[str, float]]:
        """Ask a critic and return its share for each option, in all 1; await the result.

        A game always gets shares: where the critic cannot say, all are alike, and whatever the game then returns the match has no score.

        Args:
            question: What is asked, in the game's own words.
            evidence: The players' words that are judged; apart from the question, so that no player can pass for the game.
            options: The answers between which the critic shares its judgement, two or more.
        """
        if len(set(options)) < max(2, len(options)) or not all(isinstance(text, str) for text in (question, evidence, *options)):
            raise GameError(
                f"{self._name} put {question!r} to a critic with options {options!r}, expected texts, two or more, all different"
            )
        call = Judgement(question=question, evidence=evidence, options=tuple(options))

        def in_all_one(answer: Answer) -> dict[str, float]:
            # A model's shares sum to 1 within rounding; a score made of them is held to the bounds.
            given = (1.0,) * len(call.options) if is_unsaid(answer) else cast("tuple[float, ...]", answer)
            return {option: share / sum(given) for option, share in zip(call.options, given, strict=True)}

        return Appeal(self, call, in_all_one)

    def execute(self, source: str, call: str, *inputs: Json) -> Appeal[Result]:
        """Run Python source in the sandbox and return what `call(*inputs)` comes to; await the result.

        The same program always comes to the same result, unless its time runs out: its clock and its chance are fixed.
        """
        given: tuple[object, ...] = (source, call)
        if not all(isinstance(text, str) for text in given):
            raise GameError(f"{self._name} executes {source!r} and calls {call!r}, expected texts")
        return Appeal(self, Program(source=source, call=call, inputs=inputs), lambda result: cast("Result", result))

    def choose(
        self, options: Sequence[Option], weights: Sequence[float] | None = None, *, hidden_from: int | Iterable[int] | None = None
    ) -> Option:
        """Return one of `options` by chance, all alike or in proportion to `weights`.

        `hidden_from` names seats that cannot tell what was drawn: as long as all reply the same, they have seen the same at every
        question put to them, and are asked as often, whatever it was. `check_game` holds the game to that.
        """
        if not options or (weights is not None and len(weights) != len(options)):
            raise GameError(f"{self._name} chose from {len(options)} options with {weights!r} as weights")
        if len(options) == 1:
            return options[0]
        if hidden_from is not None:
            self._ledger.hidden[self._ledger.num_draws] = tuple(self._checked(hidden_from))
        self._ledger.num_draws += 1
        return options[self._dice(options, weights)]

    def deal(self, options: Sequence[Option], num: int, *, hidden_from: Sequence[int | Iterable[int] | None] | None = None) -> list[Option]:
        """Return `num` of `options` in the order drawn, none put back; equal options are one option with a higher weight.

        `hidden_from` has an entry for each that is dealt: the seats that cannot tell it, as in `choose`.
        """
        if not 0 <= num <= len(options):
            raise GameError(f"{self._name} dealt {num} of {len(options)} options")
        if hidden_from is not None and len(hidden_from) != num:
            raise GameError(f"{self._name} dealt {num} and hides {len(hidden_from)} of them; give hidden_from an entry for each")
        pool = list(options)
        all_differ = len(set(pool)) == len(pool)
        dealt = []
        for hidden in hidden_from or (None,) * num:
            if all_differ:
                dealt.append(self.choose(pool, hidden_from=hidden))
            else:
                distinct = list(dict.fromkeys(pool))
                dealt.append(self.choose(distinct, [float(pool.count(option)) for option in distinct], hidden_from=hidden))
            pool.remove(dealt[-1])
        return dealt

    def shuffle(self, options: Sequence[Option]) -> list[Option]:
        """Return all `options` in random order."""
        return self.deal(options, len(options))

    def truth(self, **facts: object) -> None:
        """Record what is so, for those who check the game; never shown."""
        self._ledger.truths.update(facts)

    def secret(self, text: str, keep_from: int | Iterable[int]) -> None:
        """Declare that the game never shows `text` to `keep_from`; a game that does breaks off.

        A line that says again what a player said is no leak of the game's, and a list of options may hold it among others: what
        only the list gives away, `hidden_from` finds.
        """
        self._ledger.secrets.append(Secret(text=text, keep_from=tuple(self._checked(keep_from))))
        for seat in self._ledger.secrets[-1].keep_from:
            for line in self._views[seat]:
                if line.speaker == GAME and text in line.text:
                    self.keep_secrets((seat,), line.text)

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
        if not (prompt.isascii() or is_writable(prompt)):
            raise GameError(f"{self._name} asked seat {seat} {prompt!r}, which cannot be written down; {HALVES}")
        if self._ledger.secrets:
            self.keep_secrets((seat,), prompt)
        if not prompt.strip() and not any(line.text.strip() for line in self._views[seat]):
            raise GameError(
                f"{self._name} asked seat {seat} {prompt!r} and had shown it nothing; give the prompt a text, or t.tell it first"
            )

    def keep_secrets(self, seats: Iterable[int], text: str) -> None:
        """Refuse a line that shows one of `seats` a secret.

        Raises:
            GameError: it does.
        """
        for secret in self._ledger.secrets:
            if secret.text in text and not any(secret.text in said for said in self._ledger.said):
                for seat in seats:
                    if seat in secret.keep_from:
                        raise GameError(
                            f"{self._name} showed seat {self._seats[seat]!r} the line {text!r}, "
                            f"and keeps {secret.text!r} from it by t.secret"
                        )

    def _checked(self, seats: int | Iterable[int]) -> Sequence[int]:
        chosen = (seats,) if isinstance(seats, int) else tuple(seats)
        for seat in chosen:
            if not 0 <= seat < len(self._views):
                raise GameError(f"{self._name} names seat {seat}, expected 0 to {len(self._views) - 1}")
        return chosen
