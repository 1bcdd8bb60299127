"""The table as a game from source sees it: what it says is carried out of the sandbox and done by the real one.

What returns nothing is gathered and goes out with the next call that returns something: a round trip costs 0.1 ms. So what the
real table refuses of it ends the match, and what it refuses of the others is raised inside.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from socratic.errors import GameError, GameTooLarge, ReplayMismatch
from socratic.game import Table
from socratic.game.failures import GAME_FAILURES
from socratic.sandbox.door import OUTSIDE, ProgramFailed, Refused
from socratic.sandbox.limits import Limits
from socratic.sandbox.plain import size_of

SAID = frozenset({"tell", "truth", "secret", "reward", "probe", "same"})
ANSWERED = frozenset({"choose", "deal", "shuffle", "win", "draw", "share"})
AWAITED = frozenset({"ask", "ask_all", "judge", "execute"})
REFUSAL = "of the table: "
CONFIG_ERROR = "of the parameters: "
# Over a whole match, as characters, all that every call is given. It is kept outside, where no limit of the worker reaches.
MAX_TOLD = 4_000_000
PER_CALL = 100
# Of one line, prompt or option: players read them, and matches share them.
MAX_LINE = 4000
MAX_DRAWN_FROM = 2_000_000
MAX_NESTED = 8
# What a table may raise; its GameError is the interpreter's RuntimeError.
RAISED_INSIDE = (TypeError, ValueError, IndexError, AttributeError, OverflowError, ZeroDivisionError)
# What whoever drives the table says through it.
FROM_OUTSIDE = (GameTooLarge, ReplayMismatch)
# A larger number has more digits than Python writes.
MAX_BITS = 4096

INSIDE = f'''
class Table:
    def __init__(self):
        self._said = []

    def _say(self, name, args, kwargs):
        for value in args:
            self._check(name, value)
        for value in kwargs.values():
            self._check(name, value)
        self._said.append((name, args, kwargs))

    def _put(self, name, args, kwargs):
        self._say(name, args, kwargs)
        said, self._said = self._said, []
        return {OUTSIDE}(said)

    def _check(self, name, value):
        kind = type(value)
        if kind is list or kind is tuple or kind is set:
            for item in value:
                self._check(name, item)
        elif kind is dict:
            for key, item in value.items():
                self._check(name, key)
                self._check(name, item)
        elif not (value is None or kind is str or kind is int or kind is bool or kind is float):
            raise ValueError("{REFUSAL}t." + name + " was given a " + kind.__name__ + "; expected texts, numbers, lists of them or None")

    def _options(self, options):
        if type(options) is range:
            if len(options) > 1:
                return {{"first": options[0], "step": options[1] - options[0], "num": len(options)}}
        elif not isinstance(options, (list, tuple)):
            raise ValueError("{REFUSAL}options are a " + type(options).__name__ + "; expected a list, a tuple or a range")
        return list(options)

    def tell(self, seats, text): self._say("tell", (seats, text), {{}})
    def truth(self, **facts): self._say("truth", (), facts)
    def secret(self, text, keep_from): self._say("secret", (text, keep_from), {{}})
    def reward(self, seat, delta, why): self._say("reward", (seat, delta, why), {{}})
    def probe(self, **metrics): self._say("probe", (), metrics)
    def same(self, key): self._say("same", (key,), {{}})

    def choose(self, options, weights=None, **more): return self._put("choose", (self._options(options), weights), more)
    def deal(self, options, num, **more): return self._put("deal", (self._options(options), num), more)
    def shuffle(self, options): return self._put("shuffle", (self._options(options),), {{}})
    def win(self, seat, by=None): return self._put("win", (seat, by), {{}})
    def draw(self): return self._put("draw", (), {{}})
    def share(self, score): return self._put("share", (score,), {{}})

    def _check_legal(self, legal):
        if not (legal is None or type(legal) is list or type(legal) is tuple):
            raise ValueError(
                "{REFUSAL}legal is a " + type(legal).__name__ + "; expected a list of options or None: patterns and functions stay inside"
            )

    async def ask(self, seat, prompt, legal=None):
        self._check_legal(legal)
        return self._put("ask", (seat, prompt, legal), {{}})

    async def ask_all(self, asks):
        for asked in asks.values():
            if type(asked) is tuple and len(asked) > 1:
                self._check_legal(asked[1])
        return self._put("ask_all", (asks,), {{}})

    async def judge(self, question, evidence="", options=("yes", "no")):
        return self._put("judge", (question, evidence, options), {{}})

    async def execute(self, source, call, *inputs):
        return Result(self._put("execute", (source, call, *inputs), {{}}))


class Result:
    def __init__(self, came_to):
        self.value, self.error = came_to
        self.ok = not self.error


def ConfigError(message=""):
    return ValueError("{CONFIG_ERROR}" + message)


def GameError(message=""):
    return RuntimeError(message)


def _bit_length(number):
    return len(bin(abs(number))) - 2 if number else 0


Scores = None
_table = Table()
'''


@dataclass(frozen=True, slots=True)
class Awaited:
    """What the game awaits of the real table."""

    effect: Awaitable[object]


@dataclass(slots=True)
class TableOutside:
    """Does at the real table what a game from source said at its own, kind by kind, within limits."""

    table: Table
    game: str
    limits: Limits
    told: int = 0
    drawn_from: int = 0
    calls: int = 0
    refused: Exception | None = None  # the last that was raised inside

    def take(self, args: tuple[object, ...]) -> object:
        """Do what was said and return the answer to the last of it.

        That is an `Awaited` where it has to be awaited, and a `Refused` where the table refuses it.

        Raises:
            GameError: it is no call of the table, or too much.
        """
        said = args[0] if len(args) == 1 else None
        if not isinstance(said, list) or not said:
            raise self._foreign(said)
        self.calls += 1
        if self.calls > self.limits.suspensions:
            raise GameError(f"{self.game} called its table {self.limits.suspensions} times between two questions; it has to ask or to end")
        self.say(said[:-1])
        name, given, named = self._call(said[-1])
        if name in AWAITED:
            self.calls = 0
            return self._asked(name, given)
        if name not in ANSWERED:
            raise self._foreign(name)
        if name in ("choose", "deal", "shuffle") and given:
            options = _options(given[0])
            if options is None:
                raise self._foreign(given[0])
            self._count_options(options, given[1] if name == "deal" and len(given) > 1 else len(options) if name == "shuffle" else 1)
            given = (options, *given[1:])
        try:
            answer: object = getattr(self.table, name)(*given, **named)
        except FROM_OUTSIDE:
            raise
        except GAME_FAILURES as error:
            return self._refused(error)
        return answer

    def refusal(self, failed: ProgramFailed) -> Exception | None:
        """Return what the table had refused, where a source failed of just that."""
        return self.refused if self.refused is not None and str(failed) == str(_as_inside(self.refused)) else None

    def count(self, given: object) -> None:
        """Charge the match for what it gives or gets.

        Raises:
            GameError: it is too much.
        """
        self.told += size_of(given, MAX_TOLD)
        if self.told > MAX_TOLD:
            raise GameError(f"{self.game} gave its table more than {MAX_TOLD} characters in one match")

    def _asked(self, name: str, given: tuple[object, ...]) -> "Awaited | Refused":
        if name in ("ask", "ask_all"):
            self._check_lines(given)
        try:
            # Awaited by the game itself.
            return Awaited(getattr(self.table, name)(*given))
        except FROM_OUTSIDE:
            raise
        except GAME_FAILURES as error:
            return self._refused(error)

    def _refused(self, error: Exception) -> Refused:
        self.refused = error
        failed = _as_inside(error)
        return Refused(kind=failed.kind, message=failed.message)

    def say(self, said: object) -> None:
        """Do what returns nothing.

        Raises:
            GameError: it is no call of the table, or too much.
        """
        for call in said if isinstance(said, list) else [said]:
            name, given, named = self._call(call)
            if name not in SAID:
                raise self._foreign(name)
            if name == "tell":
                self._check_lines(given)
            getattr(self.table, name)(*given, **named)

    def _call(self, call: object) -> tuple[str, tuple[object, ...], Mapping[str, object]]:
        match call:
            case (str(name), tuple(given), dict(named)) if all(isinstance(key, str) for key in named):
                self.told += PER_CALL
                self.count(given)
                self.count(named)
                if not (_is_plain(given) and _is_plain(named)):
                    raise GameError(f"{self.game} gave t.{name[:20]} something else than texts, numbers of some size and lists of them")
                return name, given, named
        raise self._foreign(call)

    def _check_lines(self, given: object) -> None:
        if isinstance(given, (list, tuple)):
            for item in given:
                self._check_lines(item)
        elif isinstance(given, dict):
            self._check_lines(list(given.values()))
        elif isinstance(given, str) and len(given) > MAX_LINE:
            raise GameError(f"{self.game} shows a line of {len(given)} characters ({given[:20]!r}...), expected at most {MAX_LINE}")

    def _count_options(self, options: Sequence[object], num: object) -> None:
        if isinstance(options, range) and num == 1:
            return
        self.drawn_from += len(options) * (num if isinstance(num, int) else 1)
        if self.drawn_from > MAX_DRAWN_FROM:
            raise GameError(f"{self.game} drew from more than {MAX_DRAWN_FROM} options in one match")

    def _foreign(self, found: object) -> GameError:
        shown = found[:20] if isinstance(found, str) else type(found).__name__
        return GameError(f"{self.game} called {shown!r} outside, expected what a table has: {', '.join(sorted(SAID | ANSWERED | AWAITED))}")


def _options(written: object) -> Sequence[object] | None:
    match written:
        case list(options):
            return options
        case {"first": int(first), "step": int(step), "num": int(num)} if step:
            return range(first, first + step * num, step)
    return None


def _as_inside(error: Exception) -> ProgramFailed:
    kind = type(error).__name__ if type(error) in RAISED_INSIDE else "RuntimeError"
    return ProgramFailed(kind, str(error))


def _is_plain(value: object, nested: int = 0) -> bool:
    if isinstance(value, (list, tuple, set)):
        return nested < MAX_NESTED and all(type(item) is str or _is_plain(item, nested + 1) for item in value)
    if isinstance(value, dict):
        return _is_plain(list(value), nested) and _is_plain(list(value.values()), nested)
    if isinstance(value, int):
        return value.bit_length() <= MAX_BITS
    return value is None or isinstance(value, (str, float))
