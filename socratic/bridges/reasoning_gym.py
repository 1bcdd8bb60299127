"""reasoning-gym's tasks as games of one seat: `reasoning_gym:chain_sum`.

An item is a question, a free text as reply, and a score in [0, 1] by the task's own scorer. The seed of the item comes from the
table's chance. The fields of a task's configuration are the game's parameters; level k sets every attribute of its curriculum
to level k. Levels that the task's own configuration refuses are left out.
"""

import difflib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from tokenize import TokenError
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from socratic.bridges.inert import CHECKS, Check, is_bounded, is_inert_arithmetic, is_inert_literal
from socratic.bridges.surroundings import Surroundings
from socratic.errors import BrokenPlugin, ConfigError, UnknownGame
from socratic.game import Bot, Game, Parameter, Params, Request, Scores, Table
from socratic.game.failures import GAME_FAILURES
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.records import ParameterValue
from socratic.seeds import Seed

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEME = "reasoning_gym"
MISSING = "reasoning-gym is not installed; pip install 'socratic-loop[reasoning_gym]'"
# What a scorer may raise on a reply that it did not expect, or that takes too long.
SCORER_FAILURES: tuple[type[BaseException], ...] = (*GAME_FAILURES, StopIteration, SyntaxError, TokenError, TimeIsUp)
# The longest replies that a scorer may see take it a second or two; sympy's simplification has no bound that can be told beforehand.
SCORER_LIMIT_S = 30.0
# Two draws of this many make an item's seed: every draw is recorded with its options, and the tree refuses to walk them.
SEED_DIGITS = 10_000
# Never set from outside: the item's seed is the match's, and one item is made at a time.
NOT_SETTABLE = ("seed", "size")
# Tasks that search for minutes, mostly in vain, for an item of the levels of their own curriculum.
WITHOUT_LEVELS = frozenset({"knight_swap"})
SCALARS = (bool, int, float, str)
SOME_WORDS = ("yes", "no", "0", "1", "42", "a", "unknown")
# More questions than one process has open at a time; an older one loses its place for `scripted:optimal` alone.
MAX_REMEMBERED = 100_000
CONFIG_FAILURES: tuple[type[Exception], ...] = (AssertionError, TypeError, ValueError)
SYMPY_READS = re.compile(r"\b(sympy|sp)\.(parse_expr|sympify)\(")
PYTHON_READS = re.compile(r"(?<![\w.])(eval|exec)\(")

Item: TypeAlias = Mapping[str, object]


class Dataset(Protocol):
    """What is used of reasoning-gym's datasets."""

    def __getitem__(self, index: int) -> Item:
        """Return an item."""
        ...

    def score_answer(self, answer: str, entry: Item) -> float:
        """Return the score of an answer."""
        ...


class ReasoningTask(Game):
    """One of reasoning-gym's tasks."""

    seats = ("solver",)
    bounds = (0.0, 1.0)

    def __init__(self, task: str) -> None:
        """Read the task's configuration and curriculum.

        Raises:
            ConfigError: reasoning-gym is not installed.
            UnknownGame: it has no such task.
            BrokenPlugin: the task cannot be played as it stands.
        """
        self._task = task
        self._inert = _inert_check(task, _entry(task)[0])
        self.name = f"{SCHEME}:{task}"
        self.rules = f"Answer the question: one item of reasoning-gym's {task}, scored from 0 to 1 by the task's own scorer."
        self.version = _version(task)
        super().__init__()
        self._defaults, levels = _defaults_and_levels(task)
        self.parameters = {
            name: Parameter(name=name, type=type(value), default=value)
            for name, value in ((name, _as_parameter(default)) for name, default in self._defaults.items())
        }
        self.levels = tuple(
            MappingProxyType({name: self._fitted(name, _as_parameter(value)) for name, value in level.items()}) for level in levels
        )
        self._answers: dict[str, str] = {}
        self._check_declaration()

    async def play(self, t: Table, **params: ParameterValue) -> Scores:
        """Ask the item's question and score the reply."""
        seed = t.choose(range(SEED_DIGITS)) * SEED_DIGITS + t.choose(range(SEED_DIGITS))
        surroundings = Surroundings(Seed(seed))
        with surroundings:
            dataset = self._dataset(seed, params)
            item = dataset[0]
        question, answer = str(item["question"]), item["answer"]
        t.truth(answer=answer)
        self._remember(question, answer)
        reply = await t.ask(0, question)
        score, probes = 0.0, {"scorer_failed": 0.0, "reply_refused": 0.0}
        with surroundings:
            if reply != answer and not self._may_score(reply, str(answer)):
                probes["reply_refused"] = 1.0
            else:
                try:
                    with time_limit(SCORER_LIMIT_S):
                        score = float(dataset.score_answer(answer=reply, entry=item))
                except SCORER_FAILURES:
                    probes["scorer_failed"] = 1.0
        if not isfinite(score):
            score, probes["scorer_failed"] = 0.0, 1.0
        t.probe(**probes)
        return t.share(min(1.0, max(0.0, score)))

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        """Return `random`, who says anything, or `optimal`, who gives the stored answer; None where the task stores none."""
        if name == "random":
            return lambda request, seed: SOME_WORDS[seed.integer(len(SOME_WORDS))]
        if name == "optimal" and self._stores_answers(self.complete(params)):
            return self._stored_answer
        return None

    def _may_score(self, reply: str, answer: str) -> bool:
        """Whether the task's scorer may see a reply other than the stored answer."""
        return is_bounded(reply, answer) and (self._inert is None or self._inert(reply))

    def _stored_answer(self, request: Request, seed: Seed) -> str:
        del seed
        # The question is the key: whoever plays here was asked it in this process.
        return self._answers.get(request.prompt, SOME_WORDS[-1])

    def _stores_answers(self, params: Params) -> bool:
        with Surroundings(Seed(0)):
            return isinstance(self._dataset(0, params)[0]["answer"], str)

    def _remember(self, question: str, answer: object) -> None:
        if isinstance(answer, str):
            self._answers.pop(question, None)
            self._answers[question] = answer
            if len(self._answers) > MAX_REMEMBERED:
                del self._answers[next(iter(self._answers))]

    def _dataset(self, seed: int, params: Params) -> Dataset:
        """Return the dataset that has the item of this seed.

        Raises:
            ConfigError: the task's own configuration refuses the parameters.
        """
        settings = {name: self._setting(name, value) for name, value in params.items()}
        try:
            dataset: Dataset = _factory().create_dataset(self._task, seed=seed, size=1, **settings)
        except CONFIG_FAILURES as error:
            raise ConfigError(f"{self.name} refuses {settings}: {error}; see its configuration in reasoning-gym") from error
        return dataset

    def _fitted(self, name: str, value: ParameterValue) -> ParameterValue:
        """Return the value in the parameter's type: some curricula set whole numbers where the default is none."""
        return float(value) if self.parameters[name].type is float else value

    def _setting(self, name: str, value: ParameterValue) -> object:
        """Return a parameter as the task's configuration wants it."""
        default = self._defaults[name]
        if not isinstance(default, (list, tuple)):
            return value
        try:
            listed: object = json.loads(str(value))
        except ValueError:
            listed = None
        if not isinstance(listed, list):
            raise ConfigError(f"{self.name}.{name} is {value!r}, expected a list as JSON, for instance {self.parameters[name].default!r}")
        return type(default)(listed)


def load(rest: str) -> Game:
    """Return the game of one task; `rest` is its name in reasoning-gym.

    Raises:
        ConfigError: reasoning-gym is not installed.
        UnknownGame: it has no such task; the message names the nearest.
        BrokenPlugin: the task cannot be played as it stands.
    """
    return ReasoningTask(rest)


def names() -> tuple[str, ...]:
    """Return the names of all tasks.

    Raises:
        ConfigError: reasoning-gym is not installed.
    """
    return tuple(sorted(_factory().DATASETS))


def _defaults_and_levels(task: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return the settable fields of a task's configuration, and what its curriculum sets at each level."""
    config = _entry(task)[1]()
    defaults = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in NOT_SETTABLE}
    levels = [{name: setting for name in defaults if (setting := getattr(level, name)) != defaults[name]} for level in _level_configs(task)]
    for name, default in list(defaults.items()):
        if default is None and any(name in level for level in levels):
            # It has no plain default: the easiest level's stands in.
            defaults[name] = next(level[name] for level in levels if name in level)
        if not _is_settable(defaults[name]):
            del defaults[name]
    return defaults, [{name: setting for name, setting in level.items() if name in defaults} for level in levels]


def _level_configs(task: str) -> Iterator[object]:
    """Yield the configuration of each level: a range goes from its easiest value, or where that is refused, is the level's own."""
    factory = _factory()
    if task not in factory.CURRICULA or task in WITHOUT_LEVELS:
        return
    from reasoning_gym.coaching.base_curriculum import DefaultCurriculumContext, RangeAttributeMode

    curriculum = factory.create_curriculum(task)
    for level in range(max((len(attribute.levels) for attribute in curriculum.attributes.values()), default=0)):
        curriculum.set_global_level(level)
        for context in (DefaultCurriculumContext(), DefaultCurriculumContext(RangeAttributeMode.LAST_K, k=1)):
            try:
                config = curriculum.generate_configuration(context=context)
                _check(config)
            except CONFIG_FAILURES:
                continue
            yield config
            break


def _check(config: object) -> None:
    """Let a configuration check itself; one task's has no check."""
    getattr(config, "validate", lambda: None)()


def _is_settable(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(type(entry) in SCALARS for entry in value)
    return type(value) in SCALARS


def _as_parameter(value: object) -> ParameterValue:
    """Return a field of a configuration as a parameter: itself, or a list as JSON."""
    if isinstance(value, (bool, int, float, str)):
        return value
    return json.dumps(value)


def _inert_check(task: str, dataset: type) -> Check | None:
    """Return what a reply must pass besides before this scorer may have it; of a task not known here its scorer's own text is read."""
    if task in CHECKS:
        return CHECKS[task]
    scorer = inspect.getattr_static(dataset, "score_answer")
    source = inspect.getsource(scorer)
    bare = scorer.__globals__.get("parse_expr")
    if SYMPY_READS.search(source) or ("parse_expr(" in source and getattr(bare, "__module__", "").startswith("sympy")):
        return is_inert_arithmetic
    return is_inert_literal if PYTHON_READS.search(source) else None


def _entry(task: str) -> tuple[type, "Callable[[], DataclassInstance]"]:
    """Return the dataset class and the configuration class of a task."""
    datasets = _factory().DATASETS
    if task.partition("(")[0] in datasets and "(" in task:
        name, _, given = task.partition("(")
        raise UnknownGame(
            f"reasoning-gym has no task {task!r}; name it {SCHEME}:{name} and give {given.rstrip(')')!r} as parameters: "
            f"`-p name=value` on the command line, `params` elsewhere"
        )
    if task not in datasets:
        nearest = difflib.get_close_matches(task, datasets, n=3, cutoff=0.5)
        known = f"did you mean {' or '.join(f'{SCHEME}:{name}' for name in nearest)}?" if nearest else f"it has {len(datasets)} others"
        raise UnknownGame(f"reasoning-gym has no task {task!r}; {known}")
    dataset, config = datasets[task]
    try:
        _check(config())
    except CONFIG_FAILURES as error:
        raise BrokenPlugin(f"reasoning-gym's {task} cannot be played as it stands: {error}") from error
    return dataset, config


@cache
def _factory() -> ModuleType:
    """Return reasoning-gym's registry."""
    try:
        with Surroundings(Seed(0)):
            import reasoning_gym
    except ModuleNotFoundError as error:
        raise ConfigError(MISSING) from error
    found: ModuleType = reasoning_gym.factory
    return found


@cache
def _version(task: str) -> str:
    folder = Path(__file__).parent
    sources = [(folder / name).read_bytes() for name in ("reasoning_gym.py", "inert.py", "surroundings.py")]
    text = b"\0".join([*sources, version("reasoning-gym").encode(), task.encode()])
    return blake2b(text, digest_size=8).hexdigest()
