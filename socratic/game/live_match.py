"""A match being played, pull-style: take its requests, submit the replies, until it is done.

No threads and no event loop: thousands of matches in one process batch their requests into one call of a model. The state of
a match is (game, version, parameters, seed, replies, answers); saving, loading and forking replay it.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from socratic.errors import GameError, IllegalMove, ReplayMismatch
from socratic.game.calls import answer_to_json, call_key, check_answer, unsaid
from socratic.game.chance import Chance, Rolls
from socratic.game.contract import Game, Params
from socratic.game.driving import close, last_asked, next_effect, options_of, read_reply
from socratic.game.failures import ANYTHING, PASSING, game_failure
from socratic.game.saved_match import SavedMatch, saved_from_json
from socratic.game.table import SAID, TOLD, Appeal, Dice, Ledger, Question, Request, Secret, StepReward, Table, is_writable
from socratic.records import Answer, Call, Json, Line, ParameterValue, is_unsaid
from socratic.seeds import Seed

NOBODY: frozenset[int] = frozenset()
FINISHED, FORFEIT, TURN_LIMIT = "finished", "forfeit", "turn_limit"
# Far above any built-in game: a stop for games that never end, not a rule.
MAX_TURNS = 1000
# A model's reply may be a page, and an error is a line.
MAX_REPLY_SHOWN = 60


class _Pending:
    """A question that waits for a legal reply."""

    __slots__ = ("attempt", "options", "question")

    def __init__(self, question: Question, options: tuple[str, ...] | None) -> None:
        self.question = question
        self.options = options
        self.attempt = 0


class LiveMatch:
    """A match being played."""

    __slots__ = (
        "_answered", "_answers", "_appeal", "_coroutine", "_is_single", "_ledger", "_pending",
        "_replies", "_requests", "_rolls", "_table", "ending", "forfeiter", "game", "max_turns", "params", "retries", "scores", "seed",
    )  # fmt: skip

    def __init__(
        self, game: Game, params: Params | None, seed: Seed, *, retries: int = 0, max_turns: int = MAX_TURNS, dice: Dice | None = None
    ) -> None:
        """Start the match and run the game up to its first question.

        Args:
            game: What is played.
            params: The game's parameters; defaults fill what is left out.
            seed: The key of the game's chance.
            retries: How often a seat may try again after an illegal reply to one question.
            max_turns: How many replies the game may ask for in all.
            dice: What draws in the seed's place, for those who ask what would have been.

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
        self._rolls = Rolls(seed, dice)
        self._replies: list[str] = []
        self._ledger = Ledger(views=tuple([] for _ in game.seats), said=self._replies)
        self._table = Table(self._ledger, self._rolls.roll, name=game.name, seats=game.seats, zero_sum=game.zero_sum, bounds=game.bounds)
        self._coroutine = game.play(self._table, **self.params)
        self._pending: dict[int, _Pending] = {}
        self._answers: dict[int, object] = {}
        self._is_single = True
        self._requests: tuple[Request, ...] | None = None  # made when they are asked for: a replay needs none
        self._appeal: Appeal[object] | None = None
        self._answered: list[tuple[Call, Answer]] = []
        self._advance(None)

    @property
    def done(self) -> bool:
        """Whether the match has ended."""
        return self.scores is not None

    @property
    def chance(self) -> tuple[Chance, ...]:
        """Every draw so far, with its options and their weights."""
        return self._rolls.record()

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
    def hidden_draws(self) -> Mapping[int, tuple[int, ...]]:
        """The draws, by their place in `chance`, that the game hides, and from which seats."""
        return dict(self._ledger.hidden)

    @property
    def last_asked(self) -> str | None:
        """The name of the seat that was asked last."""
        seat = self._table.last_asked
        return None if seat is None else self.game.seats[seat]

    @property
    def call(self) -> Call | None:
        """What the game waits for from somebody who holds no seat; give it to `answer`."""
        return None if self._appeal is None else self._appeal.call

    @property
    def calls(self) -> tuple[tuple[Call, Answer], ...]:
        """Every call that was answered, with its answer."""
        return tuple(self._answered)

    @property
    def is_undecided(self) -> bool:
        """Whether a critic that the game asked could not say: then the match has no score, and its scores are NaN."""
        return any(is_unsaid(answer) for _, answer in self._answered)

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
            views = self._ledger.views
            first_turn = self._ledger.num_turns - len(self._pending)
            # Positional, and a list: this is done at every turn.
            self._requests = tuple(
                [
                    Request(seat, pending.question.prompt, pending.options, tuple(views[seat]), turn, pending.attempt)
                    for turn, (seat, pending) in enumerate(self._pending.items(), start=first_turn)
                ]
            )
        return self._requests

    def submit(self, replies: Mapping[int, str]) -> frozenset[int]:
        """Give one reply to each request, and run the game up to its next question.

        Returns:
            The seats whose reply was not a move.

        Raises:
            GameError: the match is done, the seats are not those asked, or the game breaks its contract.
        """
        if self.scores is not None:
            raise GameError(f"{self.game.name} is over ({self.ending}); it takes no more replies")
        pending = self._pending
        if replies.keys() != pending.keys() or self._appeal is not None:
            asked, given = sorted(pending), sorted(replies)
            raise GameError(f"{self.game.name} asks seats {asked} and got replies from {given}; submit one to each request")
        if self._is_single and self._takes_option(pending, replies):
            return NOBODY
        # What a player hands over is checked, not believed: half a submission would spoil the match.
        given_replies: Mapping[int, object] = replies
        for seat, reply in given_replies.items():
            if not isinstance(reply, str):
                raise GameError(f"{self.game.name} got {reply!r} from seat {self.game.seats[seat]!r}, expected a text")
        refused = NOBODY
        for seat, waiting in list(pending.items()):
            if not self._accepts(waiting, replies[seat]):
                refused = refused | {seat}
        if refused and self._forfeits(refused):
            return refused
        if pending:
            self._put_questions()
        else:
            answers, self._answers = self._answers, {}
            self._advance(next(iter(answers.values())) if self._is_single else dict(sorted(answers.items())))
        return refused

    def _takes_option(self, pending: dict[int, _Pending], replies: Mapping[int, str]) -> bool:
        """Go on where one seat was asked and replied one of its options to the letter: what most turns are, in fewer steps."""
        [(seat, reply)] = replies.items()
        options = pending[seat].options
        if options is None or reply not in options:
            return False
        self._replies.append(reply)
        self._ledger.views[seat].append(SAID[reply])
        pending.clear()
        self._advance(reply)
        return True

    def answer(self, answer: Answer) -> None:
        """Answer the pending `call`, and run the game up to its next question.

        Raises:
            GameError: nothing was called, or the game breaks its contract.
            PlayError: the answer does not fit the call.
        """
        if self._appeal is None:
            raise GameError(f"{self.game.name} waits for no call; it takes no answer")
        call = self._appeal.call
        check_answer(self.game.name, call, answer)
        if isinstance(answer, tuple) and is_unsaid(answer):
            answer = unsaid(len(answer))
        self._appeal = None
        self._answered.append((call, answer))
        self._advance(answer)

    def save(self) -> dict[str, object]:
        """Return the state as plain JSON: what to replay, and a digest of what must come out."""
        return SavedMatch(
            game=self.game.name,
            game_version=self.game.version,
            params=self.params,
            seed=self.seed.key,
            retries=self.retries,
            max_turns=self.max_turns,
            replies=self._replies,
            answers=[answer for _, answer in self._answered],
            digest=self.digest(),
        ).to_json()

    @classmethod
    def load(cls, game: Game, written: Mapping[str, object]) -> "LiveMatch":
        """Return the match that `save` wrote down.

        Raises:
            ReplayMismatch: the game has changed since, or the replay comes out otherwise.
        """
        saved = saved_from_json(written)
        if (saved.game, saved.game_version) != (game.name, game.version):
            raise ReplayMismatch(
                f"the match was saved with {saved.game} version {saved.game_version} and this is {game.name} version {game.version}; "
                f"play it with the source it was saved with"
            )
        loaded = cls(game, saved.params, Seed(saved.seed), retries=saved.retries, max_turns=saved.max_turns)
        loaded._replay(saved.replies, saved.answers)
        if loaded.digest() != saved.digest:
            raise ReplayMismatch(f"{game.name} came out otherwise on replay: it draws from something besides its table")
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
        fork._replay(self._replies[:upto], [answer for _, answer in self._answered])
        for ours, theirs in zip(self._ledger.views, fork._ledger.views, strict=True):
            if ours[: len(theirs)] != theirs:
                raise ReplayMismatch(f"{self.game.name} came out otherwise on replay: it draws from something besides its table")
        return fork

    def digest(self) -> str:
        """Return a hash of every seat's view, of the chance behind them and of the end."""
        views = [[(line.speaker, line.text) for line in view] for view in self._ledger.views]
        calls: list[Json] = [[call_key(call), answer_to_json(answer)] for call, answer in self._answered]
        text = json.dumps([views, self._rolls.drawn(), self.scores, self.ending, self.forfeiter, calls])
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def _replay(self, replies: Sequence[str], answers: Sequence[Answer]) -> None:
        """Give the replies, and between them the answers to what the game calls for, as long as there are any."""
        given, answered = 0, iter(answers)
        while given < len(replies) or self._appeal is not None:
            if self._appeal is not None:
                answer = next(answered, None)
                if answer is None:
                    break
                self.answer(answer)
                continue
            seats = list(self._pending)
            if not seats or given + len(seats) > len(replies):
                raise GameError(f"{self.game.name} waits for {len(seats)} replies at once after {given} of {len(replies)}")
            self.submit(dict(zip(seats, replies[given : given + len(seats)], strict=True)))
            given += len(seats)

    def _advance(self, answer: object) -> None:
        """Run the game up to its next question or call, or its end."""
        try:
            effect = next_effect(self.game, self._table, self._coroutine, answer, self._told_how)
        except StopIteration as end:
            self._end(FINISHED, self._scores_of(end.value))
            return
        if isinstance(effect, Appeal):
            self._call(effect)
            return
        self._is_single = effect.is_single
        self._pending = {question.seat: _Pending(question, self._options(question)) for question in effect.questions}
        self._put_questions()

    def _call(self, appeal: Appeal[object]) -> None:
        """Wait for an answer; a game that only ever calls has no end either."""
        self._appeal = appeal
        if len(self._answered) >= self.max_turns:
            self._end(TURN_LIMIT, self.game.forfeit_scores(()))

    def _scores_of(self, returned: object) -> tuple[float, ...]:
        try:
            return self.game.checked_scores(returned)
        except GameError as error:
            raise GameError(f"{error}; {last_asked(self.game, self._table)}, {self._told_how()}") from None

    def _options(self, question: Question) -> tuple[str, ...] | None:
        try:
            return options_of(self.game, question)
        except GameError as error:
            raise GameError(f"{error}; {self._told_how()}") from None

    def _told_how(self) -> str:
        """Return how to come here again."""
        return f"played with {self.params}, seed {self.seed.key}, after {len(self._replies)} replies"

    def _put_questions(self) -> None:
        """Show the pending prompts, or end the match at the turn limit."""
        ledger = self._ledger
        turns = ledger.num_turns + len(self._pending)
        if turns > self.max_turns:
            self._end(TURN_LIMIT, self.game.forfeit_scores(()))
            return
        for seat, pending in self._pending.items():
            ledger.views[seat].append(TOLD[pending.question.prompt])
        ledger.num_turns = turns
        self._requests = None

    def _forfeits(self, refused: frozenset[int]) -> bool:
        """Count the refused replies; end the match where a seat has used up its attempts."""
        for seat in refused:
            self._pending[seat].attempt += 1
        forfeiters = sorted(seat for seat in refused if self._pending[seat].attempt > self.retries)
        if forfeiters:
            self.forfeiter = forfeiters[0]
            self._end(FORFEIT, self.game.forfeit_scores(forfeiters))
        return bool(forfeiters)

    def _accepts(self, pending: _Pending, reply: str) -> bool:
        """Write the reply down; keep the answer if it is legal, else say so to its seat."""
        seat = pending.question.seat
        if not is_writable(reply):
            reply = reply.encode(errors="replace").decode()
        self._replies.append(reply)
        view = self._ledger.views[seat]
        view.append(SAID[reply])
        try:
            self._answers[seat] = read_reply(reply, pending.options or pending.question.legal)
        except IllegalMove as refusal:
            text = f"Illegal. {refusal}".strip()
            if self._ledger.secrets:
                self._table.keep_secrets((seat,), text)
            view.append(TOLD[text])
            return False
        except PASSING:
            raise
        except ANYTHING as error:
            failed = f"{self.game.name}'s parser failed on the reply {reply[:MAX_REPLY_SHOWN]!r} of seat {self.game.seats[seat]!r}"
            raise game_failure(failed, error, self._told_how()) from error
        del self._pending[seat]
        return True

    def _end(self, ending: str, scores: tuple[float, ...]) -> None:
        if not close(self._coroutine):
            raise GameError(
                f"{self.game.name} goes on after its end {last_asked(self.game, self._table)}: a bare `except` around what it awaits "
                f"catches that too, name what it is to catch; {self._told_how()}"
            )
        self._pending = {}
        self._appeal = None
        self._requests = None
        self.scores = unsaid(len(scores)) if self.is_undecided else scores
        self.ending = ending
