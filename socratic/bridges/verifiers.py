"""verifiers' chat environments as games: `verifiers:my_taskset`, `verifiers:user-sim+my_taskset`.

The part before `+` is the environment's id, the other the taskset's, as verifiers writes them; after `?` stand settings of its
configuration (`agent.max_turns=4&taskset.task.x=1`) and what verifiers does not declare: `low=`, `high=` (the bounds of a
seat's reward) and `zero_sum=true`. Each agent of the environment is a seat; a seat's score is the reward of its trace (the mean,
where it has several conversations; the seat then sees all of them). Which task is played comes from the table's chance.

What needs a container, tools, a judge model or any other program is refused with the reason.
"""

import json
import sys
from hashlib import blake2b
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from socratic.bridges.surroundings import Surroundings
from socratic.errors import BrokenPlugin, ConfigError, GameError, UnknownGame
from socratic.game import Bot, Game, Params, Scores, Table
from socratic.game.contract import TOLERANCE
from socratic.game.failures import GAME_FAILURES
from socratic.records import ParameterValue
from socratic.seeds import Seed

if TYPE_CHECKING:
    from verifiers.v1 import Env, Task

SCHEME = "verifiers"
MISSING = "verifiers is not installed; pip install 'socratic-loop[verifiers]'"
# Of a taskset without end, and of one that takes long to read.
MAX_TASKS = 1000
# Two draws of this many make the seed of what the environment draws itself.
SEED_DIGITS = 10_000
MAX_REASON = 300
# How verifiers says that a module is no taskset.
NO_TASKSET = "exports no Taskset subclass"
OWN_SETTINGS = ("low", "high", "zero_sum")
SOME_WORDS = ("yes", "no", "0", "1", "a", "hello", "done")
SOURCES = ("verifiers.py", "verifiers_seats.py", "still_loop.py", "surroundings.py")


class VerifiersGame(Game):
    """A chat environment of verifiers."""

    def __init__(self, rest: str) -> None:
        """Load the environment and its tasks.

        Raises:
            ConfigError: verifiers is not installed, or a setting is wrong.
            UnknownGame: there is no such environment or taskset.
            BrokenPlugin: it cannot be played here; the message says why.
        """
        self.name = f"{SCHEME}:{rest}"
        ids, _, query = rest.partition("?")
        environment_id, _, taskset_id = ids.rpartition("+")
        settings = {name: _read(value) for name, value in parse_qsl(query, keep_blank_values=True)}
        own = {name: settings.pop(name) for name in OWN_SETTINGS if name in settings}
        self._environment, self._tasks = _loaded(self.name, environment_id, taskset_id, settings)
        self.seats = _seats().seats_of(self._environment)
        self.bounds, self.zero_sum = self._declared(own)
        self.forfeit = max(self.bounds[0], min(0.0, self.bounds[1]))
        self.rules = f"A conversation of verifiers' {ids}: reply to each message. The score is the environment's own reward."
        self.version = _version(rest, self._environment, self._tasks)
        super().__init__()

    async def play(self, t: Table, *, task: int = -1) -> Scores:
        """Play one task: the one of that number, or one by chance where it is negative."""
        if task >= len(self._tasks):
            raise ConfigError(f"{self.name}.task is {task}, expected less than {len(self._tasks)}, or -1 for any")
        chosen = self._tasks[task if task >= 0 else t.choose(range(len(self._tasks)))]
        seed = Seed(t.choose(range(SEED_DIGITS)) * SEED_DIGITS + t.choose(range(SEED_DIGITS)))
        session = _seats().Session(self._environment, chosen, self.seats, seed)
        try:
            while asked := session.questions():
                for seat, question in asked.items():
                    for line in question.lines:
                        t.tell(seat, line)
                session.reply(await t.ask_all({seat: question.prompt for seat, question in asked.items()}))
            t.probe(**session.metrics())
            return self._checked(session.scores())
        finally:
            session.close()

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return `random`, who says anything."""
        del params
        return (lambda request, seed: SOME_WORDS[seed.integer(len(SOME_WORDS))]) if name == "random" else None

    def _declared(self, own: dict[str, ParameterValue]) -> tuple[tuple[float, float], bool]:
        """Return bounds and whether the game is zero-sum: as set, else what the task's rewards come to, each in [0, 1]."""
        weights = [float(getattr(hook, "_vf_weight", 1.0)) for hook in self._tasks[0].hooks("reward")]
        # An environment that scores by itself says nothing of its range.
        low = sum(weight for weight in weights if weight < 0) if weights else -1.0
        high = sum(weight for weight in weights if weight > 0) if weights else 1.0
        try:
            bounds = float(own.get("low", low)), float(own.get("high", high))
        except ValueError:
            raise ConfigError(f"{self.name} has low={own.get('low')!r} and high={own.get('high')!r}, expected numbers") from None
        return bounds, bool(own.get("zero_sum", False))

    def _checked(self, scores: tuple[float, ...]) -> tuple[float, ...]:
        low, high = self.bounds
        if any(not low - TOLERANCE <= score <= high + TOLERANCE for score in scores):
            raise GameError(
                f"{self.name} gave the rewards {scores}, outside [{low:g}, {high:g}]; "
                f"verifiers declares no bounds, so add ?low=...&high=... to the name"
            )
        return scores


def load(rest: str) -> Game:
    """Return the game of an environment; `rest` is the taskset's id, or `environment+taskset`, and settings after `?`.

    Raises:
        ConfigError: verifiers is not installed, or a setting is wrong.
        UnknownGame: there is no such environment or taskset.
        BrokenPlugin: it cannot be played here; the message says why.
    """
    return VerifiersGame(rest)


def _loaded(name: str, environment_id: str, taskset_id: str, settings: dict[str, ParameterValue]) -> "tuple[Env, list[Task]]":
    from pydantic import ValidationError

    seats = _seats()
    try:
        with Surroundings(Seed(0)):
            environment = seats.made(environment_id, taskset_id, settings)
            tasks = list(islice(environment.taskset, MAX_TASKS))
            reason = next((reason for task in tasks if (reason := seats.why_not(task))), "")
            if tasks and not reason:
                seats.try_out(environment, tasks[0])
    except GameError as error:
        raise BrokenPlugin(f"{name} cannot be played here: {error}") from error
    except ModuleNotFoundError as error:
        raise UnknownGame(f"{name}: {_one_line(error).partition('. ')[0]}") from error
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"{name} has settings that verifiers refuses: {found}") from error
    except TypeError as error:
        if NO_TASKSET not in str(error):
            raise BrokenPlugin(f"{name} cannot be loaded: TypeError: {_one_line(error)}") from error
        raise UnknownGame(f"{name}: the module names no Taskset in its `__all__`; expected verifiers' id of one") from error
    except GAME_FAILURES as error:
        raise BrokenPlugin(f"{name} cannot be loaded: {type(error).__name__}: {_one_line(error)}") from error
    if reason or not tasks:
        raise BrokenPlugin(f"{name} cannot be played here: {f'a task {reason}' if reason else 'its taskset is empty'}")
    return environment, tasks


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:MAX_REASON]


def _read(text: str) -> ParameterValue:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float, str)) else text


def _version(rest: str, environment: "Env", tasks: "list[Task]") -> str:
    folder = Path(__file__).parent
    modules = [sys.modules[type(part).__module__] for part in (environment, environment.taskset, tasks[0])]
    files = [folder / name for name in SOURCES] + [Path(module.__file__) for module in modules if module.__file__]
    texts = [file.read_bytes() for file in files]
    texts += [version("verifiers").encode(), rest.encode(), *(task.hash.encode() for task in tasks)]
    return blake2b(b"\0".join(texts), digest_size=8).hexdigest()


def _seats() -> ModuleType:
    """Return the door to verifiers, opened when it is needed: it takes seconds."""
    try:
        with Surroundings(Seed(0)):
            from socratic.bridges import verifiers_seats
    except ModuleNotFoundError as error:
        if error.name != "verifiers":
            raise
        raise ConfigError(MISSING) from error
    return verifiers_seats
