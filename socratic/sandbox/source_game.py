"""A whole game from its source: the rules run in the sandbox, the table stands outside.

What loads is one game in function form that needs nothing but the table and the modules of `declaration.MODULES`, and puts lists of
options or free text to its players. Of the built-ins these are elenchus, guess_number, kuhn_poker, proof, secret, signal, sticks and
twenty_questions. The others need what is not here:
- bots (add, deal, debate, story, taboo, triplet, undercover): a question to which random play has no answer is left to the players;
- several games in one file, made by a function (liars_dice, relay);
- modules that the interpreter lacks, such as fractions (maker);
- the class form, `Game` and `StepGame` (tic_tac_toe): the interpreter has no inheritance.

What goes otherwise inside, beside the interpreter's own gaps: patterns and parsers as `legal` are refused; `GameError` and
`ConfigError` can be raised, not caught by name (`except Exception` catches them); what the table refuses is a RuntimeError there, and
of a call that returns nothing (`tell`, `reward`, ...) it ends the match. Uncaught, all of it comes out as outside.
"""

import builtins
import time
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import TypeGuard

from socratic.errors import ConfigError, GameError
from socratic.game import Game, Scores, Table
from socratic.game.failures import GAME_FAILURES
from socratic.records import ParameterValue, Result
from socratic.sandbox.berths import PausedGame
from socratic.sandbox.declaration import Declaration, read_declaration
from socratic.sandbox.door import Called, Ended, ProgramFailed
from socratic.sandbox.sandbox import Sandbox
from socratic.sandbox.table_inside import CONFIG_ERROR, INSIDE, REFUSAL, Awaited, TableOutside

# Their message is not their only argument, or is shown otherwise than it was given.
NOT_MADE_HERE = ("ExceptionGroup", "KeyError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError")
# More seats than that are a mistake, and their names would fill the message.
MAX_SCORES = 100


class SourceGame(Game):
    """A game whose rules nobody vouches for; it plays as the same source does outside, replies and chance alike."""

    def __init__(self, declaration: Declaration, sandbox: Sandbox) -> None:
        """Take the declaration over; `Game` would read it off a coroutine of this process, and there is none.

        Raises:
            GameError: the declaration does not hold together.
        """
        self.declaration = declaration
        self.name = declaration.name
        self.seats, self.zero_sum, self.bounds = declaration.seats, declaration.zero_sum, declaration.bounds
        self.forfeit, self.levels = declaration.forfeit, declaration.levels
        self.optimum = self._work_out_optimum if declaration.optimum_function else declaration.optimum
        self.rules = declaration.rules
        self.source = declaration.source
        # The version of the same text as a file: what was played inside replays outside.
        self.version = blake2b(self.source.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()
        self.module = self.file = ""
        self.parameters = declaration.parameters
        self._sandbox = sandbox
        self._check_declaration()

    async def play(self, t: Table, **params: ParameterValue) -> Scores:
        """Play from the start to the end: run the source up to a call, do it at the table, and take the answer in."""
        outside = TableOutside(table=t, game=self.name, limits=self._sandbox.limits)
        expression = f"_scores = await {self.name}(_table, **_params)\n(_table._said, _scores)"
        paused = self._paused(expression, params)
        step_s = 0.0
        try:
            step, step_s = self._timed(paused.start, 0.0)
            while isinstance(step, Called):
                answer = outside.take(step.args)
                if isinstance(answer, Awaited):
                    answer, step_s = _as_plain(await answer.effect), 0.0
                    if isinstance(answer, tuple):
                        outside.count(answer)
                step, step_s = self._timed(partial(paused.resume, answer), step_s, outside)
        finally:
            paused.close()
        return self._scores(step, outside)

    def _paused(self, expression: str, params: dict[str, ParameterValue]) -> PausedGame:
        return PausedGame(self._sandbox.berths, INSIDE + self.declaration.script, expression, {"_params": params})

    def _timed(self, run: Callable[[], Called | Ended], step_s: float, outside: TableOutside | None = None) -> tuple[Called | Ended, float]:
        """Return how far it ran, and how long it has run since the last question."""
        started = time.monotonic()
        try:
            step = run()
        except ProgramFailed as failed:
            refusal = None if outside is None else outside.refusal(failed)
            raise (refusal or _as_raised_outside(self.name, failed)) from None
        step_s += time.monotonic() - started
        if step_s > self._sandbox.limits.time_s and isinstance(step, Called):
            raise TimeoutError(f"not at its next question within {self._sandbox.limits.time_s:g} s")
        return step, step_s

    def _scores(self, step: Ended, outside: TableOutside) -> Scores:
        match step.value:
            case (said, list() | tuple() as scores) if len(scores) <= MAX_SCORES and all(map(_is_score, scores)):
                outside.say(said)
                return tuple(scores)
        raise GameError(f"{self.name} returned something else than scores, expected {len(self.seats)} numbers")

    def _work_out_optimum(self, **params: ParameterValue) -> float | None:
        paused = self._paused(f"{self.declaration.optimum_function}(**_params)", params)
        try:
            step, _ = self._timed(paused.start, 0.0)
        finally:
            paused.close()
        if isinstance(step, Ended) and (step.value is None or _is_score(step.value)):
            return step.value
        raise TypeError("it is neither a number nor None")


def game_from_source(source: str, sandbox: Sandbox) -> SourceGame:
    """Return the game that `source` declares in function form, played inside `sandbox`.

    Raises:
        GameError: it declares none, or the declaration does not hold together.
    """
    return SourceGame(read_declaration(source), sandbox)


def _as_plain(answer: object) -> object:
    return (answer.value, answer.error) if isinstance(answer, Result) else answer


def _is_score(value: object) -> TypeGuard[float]:
    # What is not finite is for the game's bounds to refuse.
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**64)


def _as_raised_outside(game: str, failed: ProgramFailed) -> Exception:
    """Return the error that the same source would have raised out here."""
    if failed.message.startswith(CONFIG_ERROR):
        return ConfigError(failed.message.removeprefix(CONFIG_ERROR))
    if failed.message.startswith(REFUSAL):
        return GameError(f"{game}: {failed.message.removeprefix(REFUSAL)}")
    kind = getattr(builtins, failed.kind, None)
    if isinstance(kind, type) and issubclass(kind, GAME_FAILURES) and failed.kind not in NOT_MADE_HERE:
        return kind(failed.message)
    return RuntimeError(str(failed))
