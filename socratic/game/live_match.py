"""A match being played, pull-style: take its requests, submit the replies, until it is done.

No threads and no event loop: thousands of matches in one process batch their requests into one call of a model. The state of
a match is (game, version, parameters, seed, replies); saving, loading and forking replay it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from socratic.errors import GameError, IllegalMove, ReplayMismatch, SocraticError
from socratic.game.contract import Game, Params
from socratic.game.failures import GAME_FAILURES, game_failure
from socratic.game.table import Ask, Ledger, Legal, Question, Request, Scores, Secret, StepReward, Table
from socratic.records import SELF, Line, ParameterValue
from socratic.seeds import Seed

Saved: TypeAlias = dict[str, object]

FINISHED, FORFEIT, TURN_LIMIT = "finished", "forfeit", "turn_limit"
# Far above any built-in game: a stop for games that never end, not a rule.
MAX_TURNS = 1000
# Enough for a small game's moves; a longer list would drown the prompt.
MAX_OPTIONS_SHOWN = 12
# Each question copies and checks its list: past this, that is all that a game would do. A pattern or a parser costs nothing.
MAX_OPTIONS = 100_000
# A model's reply may be a page, and an error is a line.
MAX_REPLY_SHOWN = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """One draw of a game's chance."""

    options: tuple[str, ...]
    weights: tuple[float, ...]
    chosen: int


@dataclass(slots=True)
class _Pending:
    """A question that waits for a legal reply."""

    question: Question
    options: tuple[str, ...] | None
    attempt: int = 0


class LiveMatch:
    """A match being played."""

    def __init__(self, game: Game, params: Params | None, seed: Seed, *, retries: int = 0, max_turns: int = MAX_TURNS) -> None:
        """Start the match and run the game up to its first question.

        Args:
            game: What is played.
            params: The game's parameters; defaults fill what is left out.
            seed: The key of the game's chance.
            retries: How often a seat may try again after an illegal reply to one question.
            max_turns: How many replies the game may ask for in all.

        Raises:
            ConfigError: the parameters do not fit the game.
            GameError: the game breaks its contract.
        """
        self.game = game
        self.params: dict[str, ParameterValue] = game.complete(params)
        self.seed = seed
        self.retries = retries
        self.max_turns = max_turns
        self.scores: tuple[float, ...] | None = None
        self.ending: str | None = None
        self.forfeiter: int | None = None  # the first of them, where several forfeit at once
        self._dice_seed = seed.child("chance")
        self._draws: list[tuple[Sequence[object], Sequence[float] | None, int]] = []
        self._replies: list[str] = []
        self._ledger = Ledger(views=tuple([] for _ in game.seats))
        self._table = Table(self._ledger, self._roll, name=game.name, zero_sum=game.zero_sum, bounds=game.bounds)
        self._coroutine = game.play(self._table, **self.params)
        self._pending: dict[int, _Pending] = {}
        self._answers: dict[int, object] = {}
        self._is_single = True
        self._requests: tuple[Request, ...] | None = None  # made when they are asked for: a replay needs none
        self._advance(None)

    @property
    def done(self) -> bool:
        """Whether the match has ended."""
        return self.scores is not None

    @property
    def chance(self) -> tuple[Chance, ...]:
        """Every draw so far, with its options and their weights."""
        return tuple(
            Chance(options=tuple(map(str, options)), weights=tuple(weights or (1.0,) * len(options)), chosen=chosen)
            for options, weights, chosen in self._draws
        )

    @property
    def probes(self) -> Mapping[str, float]:
        """The numbers that the game found worth watching."""
        return dict(self._ledger.probes)

    @property
    def rewards(self) -> tuple[StepReward, ...]:
        """The rewards that the game gave on the way; they are not part of the scores."""
        return tuple(self._ledger.rewards)

    @property
    def truths(self) -> Mapping[str, object]:
        """What the game recorded as so; never shown to a seat."""
        return dict(self._ledger.truths)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What the game must not show, and to whom."""
        return tuple(self._ledger.secrets)

    @property
    def replies(self) -> tuple[str, ...]:
        """Every reply as it was given, in order of `Request.turn`."""
        return tuple(self._replies)

    def view(self, seat: int) -> tuple[Line, ...]:
        """Return all that a seat has seen, its own replies included."""
        return tuple(self._ledger.views[seat])

    def requests(self) -> tuple[Request, ...]:
        """Return what the game waits for, in order of seat; empty when the match is done."""
        if self._requests is None:
            first_turn = self._ledger.num_turns - len(self._pending)
            self._requests = tuple(
                Request(
                    seat=seat,
                    prompt=pending.question.prompt,
                    legal=pending.options,
                    view=tuple(self._ledger.views[seat]),
                    turn=turn,
                    attempt=pending.attempt,
                )
                for turn, (seat, pending) in enumerate(self._pending.items(), start=first_turn)
            )
        return self._requests

    def submit(self, replies: Mapping[int, str]) -> frozenset[int]:
        """Give one reply to each request, and run the game up to its next question.

        Returns:
            The seats whose reply was not a move.

        Raises:
            GameError: the match is done, the seats are not those asked, or the game breaks its contract.
        """
        if self.done:
            raise GameError(f"{self.game.name} is over ({self.ending}); it takes no more replies")
        if replies.keys() != self._pending.keys():
            asked, given = sorted(self._pending), sorted(replies)
            raise GameError(f"{self.game.name} asks seats {asked} and got replies from {given}; submit one to each request")
        # What a player hands over is checked, not believed: half a submission would spoil the match.
        given_replies: Mapping[int, object] = replies
        for seat, reply in given_replies.items():
            if not isinstance(reply, str):
                raise GameError(f"{self.game.name} got {reply!r} from seat {self.game.seats[seat]!r}, expected a text")
        refused = frozenset([seat for seat, pending in list(self._pending.items()) if not self._accepts(pending, replies[seat])])
        for seat in refused:
            self._pending[seat].attempt += 1
        forfeiters = sorted(seat for seat in refused if self._pending[seat].attempt > self.retries)
        if forfeiters:
            self.forfeiter = forfeiters[0]
            self._end(FORFEIT, self.game.forfeit_scores(forfeiters))
        elif self._pending:
            self._put_questions()
        else:
            answers, self._answers = self._answers, {}
            self._advance(next(iter(answers.values())) if self._is_single else dict(sorted(answers.items())))
        return refused

    def save(self) -> Saved:
        """Return the state as plain JSON: what to replay, and a digest of what must come out."""
        return {
            "game": self.game.name,
            "game_version": self.game.version,
            "params": dict(self.params),
            "seed": self.seed.key,
            "retries": self.retries,
            "max_turns": self.max_turns,
            "replies": list(self._replies),
            "digest": self.digest(),
        }

    @classmethod
    def load(cls, game: Game, saved: Mapping[str, object]) -> "LiveMatch":
        """Return the match that `save` wrote down.

        Raises:
            ReplayMismatch: the game has changed since, or the replay comes out otherwise.
        """
        match saved:
            case {
                "game": str(name),
                "game_version": str(version),
                "params": dict(params),
                "seed": int(seed),
                "retries": int(retries),
                "max_turns": int(max_turns),
                "replies": list(replies),
                "digest": str(digest),
            }:
                pass
            case _:
                raise ReplayMismatch(f"not a saved match: it has {sorted(saved)}, expected what LiveMatch.save writes")
        if (name, version) != (game.name, game.version):
            raise ReplayMismatch(
                f"the match was saved with {name} version {version} and this is {game.name} version {game.version}; "
                f"play it with the source it was saved with"
            )
        loaded = cls(game, params, Seed(seed), retries=retries, max_turns=max_turns)
        loaded._replay([str(reply) for reply in replies])
        if loaded.digest() != digest:
            raise ReplayMismatch(f"{name} came out otherwise on replay: it draws from something besides its table")
        return loaded

    def fork(self, upto: int | None = None) -> "LiveMatch":
        """Return a new match that has had the first `upto` replies of this one (default: all).

        Raises:
            ReplayMismatch: the replay comes out otherwise.
            GameError: `upto` is not a number of replies at which the game waited for the next.
        """
        upto = len(self._replies) if upto is None else upto
        if not 0 <= upto <= len(self._replies):
            raise GameError(f"{self.game.name} has had {len(self._replies)} replies; it cannot be forked at {upto}")
        fork = LiveMatch(self.game, self.params, self.seed, retries=self.retries, max_turns=self.max_turns)
        fork._replay(self._replies[:upto])
        for ours, theirs in zip(self._ledger.views, fork._ledger.views, strict=True):
            if ours[: len(theirs)] != theirs:
                raise ReplayMismatch(f"{self.game.name} came out otherwise on replay: it draws from something besides its table")
        return fork

    def digest(self) -> str:
        """Return a hash of every seat's view, of the chance behind them and of the end."""
        views = [[(line.speaker, line.text) for line in view] for view in self._ledger.views]
        draws = [(len(options), str(options[chosen])) for options, _, chosen in self._draws]
        text = json.dumps([views, draws, self.scores, self.ending, self.forfeiter])
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def _replay(self, replies: Sequence[str]) -> None:
        given = 0
        while given < len(replies):
            seats = list(self._pending)
            if not seats or given + len(seats) > len(replies):
                raise GameError(f"{self.game.name} waits for {len(seats)} replies at once after {given} of {len(replies)}")
            self.submit(dict(zip(seats, replies[given : given + len(seats)], strict=True)))
            given += len(seats)

    def _roll(self, options: Sequence[object], weights: Sequence[float] | None) -> int:
        index = len(self._draws)
        if weights is None:
            chosen = self._dice_seed.integer(len(options), index)
        else:
            chosen = self._dice_seed.weighted(weights, index)
        # A list is the game's to change; a range of ten thousand is not worth a copy.
        self._draws.append((options if isinstance(options, (range, tuple)) else tuple(options), weights, chosen))
        return chosen

    def _advance(self, answer: object) -> None:
        """Run the game up to its next question or its end."""
        try:
            asked = next_ask(self.game, self._table, self._coroutine, answer, self._told_how)
        except StopIteration as end:
            self._end(FINISHED, self.game.checked_scores(end.value))
            return
        self._is_single = asked.is_single
        self._pending = {question.seat: _Pending(question, options_of(self.game, question)) for question in asked.questions}
        self._put_questions()

    def _told_how(self) -> str:
        """Return how to come here again."""
        return f"played with {self.params}, seed {self.seed.key}, after {len(self._replies)} replies"

    def _put_questions(self) -> None:
        """Show the pending prompts, or end the match at the turn limit."""
        turn = self._ledger.num_turns
        if turn + len(self._pending) > self.max_turns:
            self._end(TURN_LIMIT, self.game.forfeit_scores(()))
            return
        for seat, pending in self._pending.items():
            self._ledger.views[seat].append(self._ledger.lines[pending.question.prompt])
        self._ledger.num_turns = turn + len(self._pending)
        self._requests = None

    def _accepts(self, pending: _Pending, reply: str) -> bool:
        """Write the reply down; keep the answer if it is legal, else say so to its seat."""
        seat = pending.question.seat
        self._replies.append(reply)
        view = self._ledger.views[seat]
        view.append(Line(speaker=SELF, text=reply))
        try:
            self._answers[seat] = read_reply(reply, pending.options or pending.question.legal)
        except IllegalMove as refusal:
            view.append(self._ledger.lines[f"Illegal. {refusal}".strip()])
            return False
        except SocraticError:
            raise
        except GAME_FAILURES as error:
            failed = f"{self.game.name}'s parser failed on the reply {reply[:MAX_REPLY_SHOWN]!r} of seat {self.game.seats[seat]!r}"
            raise game_failure(failed, error, self._told_how()) from error
        del self._pending[seat]
        return True

    def _end(self, ending: str, scores: tuple[float, ...]) -> None:
        self._coroutine.close()
        self._pending = {}
        self._requests = None
        self.scores = scores
        self.ending = ending


def read_reply(reply: str, legal: Legal) -> object:
    """Return the move that a reply is.

    Raises:
        IllegalMove: it is none.
    """
    text = reply.strip()
    if legal is None:
        return text
    if isinstance(legal, re.Pattern):
        if legal.fullmatch(text):
            return text
        raise IllegalMove
    if callable(legal):
        try:
            return legal(text)
        except ValueError as error:
            raise IllegalMove(str(error)) from error
    if text in legal:
        return text
    shown = ", ".join(legal[:MAX_OPTIONS_SHOWN]) + (", ..." if len(legal) > MAX_OPTIONS_SHOWN else "")
    raise IllegalMove(f"Choose: {shown}.")


def options_of(game: Game, question: Question) -> tuple[str, ...] | None:
    """Return the options where `legal` is a list, None where it is something else.

    Raises:
        GameError: `legal` is not what a question may carry.
    """
    # A game is not held to its types: what it hands over is checked here.
    legal: object = question.legal
    asked = f"{game.name} asked seat {game.seats[question.seat]!r}"
    if legal is None or isinstance(legal, re.Pattern) or callable(legal):
        return None
    if isinstance(legal, str) or not isinstance(legal, Sequence) or not legal:
        raise GameError(f"{asked} with legal={legal!r}, expected a list of options, a compiled pattern, a parser or None")
    if len(legal) > MAX_OPTIONS:
        raise GameError(f"{asked} with {len(legal)} options, expected at most {MAX_OPTIONS}; give a compiled pattern or a parser instead")
    options = []
    for option in legal:
        if not isinstance(option, str) or not option or option != option.strip():
            raise GameError(f"{asked} with the option {option!r}, expected a text without spaces around it")
        options.append(option)
    if len(set(options)) != len(options):
        twice = next(option for option, num in Counter(options).items() if num > 1)
        raise GameError(f"{asked} with the option {twice!r} twice")
    return tuple(options)


def next_ask(
    game: Game, table: Table, coroutine: Coroutine[object, object, Scores], answer: object, told_how: Callable[[], str]
) -> Ask[object]:
    """Run a game up to its next question; `told_how` says how to come here again.

    Raises:
        StopIteration: the game returned its scores.
        GameError: it failed, or awaited something other than its table.
    """
    try:
        asked = coroutine.send(answer)
    except SocraticError:
        raise
    except GAME_FAILURES as error:
        # What asyncio says where no loop runs, and none ever does here.
        if isinstance(error, RuntimeError) and "running event loop" in str(error):
            raise GameError(_foreign_await(game, table, str(error))) from error
        raise game_failure(f"{game.name} failed {_last_asked(game, table)}", error, told_how()) from error
    if isinstance(asked, Ask) and asked.table is table:
        return asked
    coroutine.close()
    raise GameError(_foreign_await(game, table, repr(asked)))


def _foreign_await(game: Game, table: Table, found: str) -> str:
    after = _last_asked(game, table)
    return f"{game.name} awaited something other than its table {after} ({found}); only t.ask and t.ask_all may be awaited"


def _last_asked(game: Game, table: Table) -> str:
    seat = table.last_asked
    return "before its first question" if seat is None else f"after it asked seat {game.seats[seat]!r}"
