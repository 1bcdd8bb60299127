"""Everything a run can be told, as typed sections; TOML files composed left to right, then `key=value` overrides."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from socratic.errors import ConfigError
from socratic.records import Json

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]
Parameter = bool | int | float | str
# Longer values are cut in messages.
MOST_SHOWN = 80
# As TOML has it: any other key stands in quotes.
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
NO_GAME = "no game is configured; add a [games.NAME] table, e.g. [games.kuhn_poker]; `socratic games list` has the names"


class Section(BaseModel):
    """A part of the configuration; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WarmUp(Section):
    """How a scratch policy is taught the language before the system closes."""

    steps: int = Field(120, ge=0)
    transcripts: Positive = 96  # random games in each step
    lr: float = Field(2e-3, gt=0)


class Lora(Section):
    """Low-rank adapters on every linear layer (arXiv:2106.09685)."""

    r: Positive = 16
    alpha: Positive = 32


class PolicySection(Section):
    """The Transformer under the agent."""

    source: str = "scratch"  # scratch, smollm2, a local path, or a hub name
    dtype: Literal["float32", "bfloat16"] = "float32"
    tune: Literal["auto", "all", "lora"] = "auto"  # auto: all for scratch, lora elsewhere
    lora: Lora = Lora()
    hidden: Positive = 64
    init_std: float = Field(0.1, gt=0)  # of the first weights: near 1 / sqrt(hidden), so that what was dealt is heard early
    layers: Positive = 2
    heads: Positive = 4
    warmup: WarmUp = WarmUp()


class Objective(Section):
    """Coefficients of the loss's components; 0 leaves a component out."""

    pg: float = Field(1.0, ge=0)
    kl: float = Field(0.3, ge=0)
    entropy: float = Field(0.0, ge=0)  # decays with the learning rate


class GameSection(Section):
    """One game of the curriculum."""

    episodes: Positive = 64  # in each generation
    params: dict[str, Parameter] = {}
    group: Positive = 1  # how often each deal is played in a generation
    objective: Objective | None = None  # what the learner's objective is for this game; none: learner.objective
    lineups: tuple[tuple[str, ...], ...] = ()  # who sits where, taken in turn; empty: the agent everywhere


class PlaySection(Section):
    """How matches are played."""

    executor: Literal["ray", "local"] = "ray"
    actors: Positive = 1
    threads: Positive = 1  # torch threads of each engine
    block: Positive = 256  # matches that share forward passes
    masked: Literal["auto", "on", "off"] = "auto"  # auto: on for scratch, off for language models
    temperature: float = Field(1.0, gt=0)
    max_new_tokens: Positive = 32
    retries: int = Field(0, ge=0)
    max_turns: Positive = 200
    pack_tokens: Positive = 2048  # nodes of one forward pass
    lease_s: float = Field(600.0, gt=0)  # how long a block may take before it is asked for again


class FeedbackSection(Section):
    """Who scores."""

    critic: Literal["outcome", "random"] = "outcome"
    judge: Literal["none", "literal"] = "none"  # who answers a game's t.judge; literal: a scripted critic that counts words


class LearnerSection(Section):
    """How the policy is updated."""

    lr: float = Field(5e-4, gt=0)
    schedule: Literal["linear", "constant"] = "linear"
    warmup_generations: int = Field(0, ge=0)
    betas: tuple[Decay, Decay] = (0.9, 0.95)
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0)
    baseline: Literal["none", "seat", "seat_mean", "context", "group", "leave_one_out"] = "seat"
    baseline_decay: Decay = 0.95
    scale: Literal["none", "group", "batch"] = "none"
    discount: float = Field(1.0, gt=0, le=1)
    magnet_every: int = Field(200, ge=0)  # generations between refreshes; 0: fixed at t0
    objective: Objective = Objective()
    pack_tokens: Positive = 1024
    kl_t0_every: Positive = 1  # generations between measurements of the distance to t0
    threads: Positive = 1


class ObserverSection(Section):
    """The outside view."""

    enabled: bool = True
    every: Positive = 50
    method: Literal["auto", "exact", "play"] = "auto"
    episodes: Positive = 200  # for each opponent, where the truth is drawn and not exact
    max_states: Positive = 4000  # information states up to which auto reads the whole strategy
    opponents: tuple[str, ...] = ("scripted:random", "scripted:optimal", "t0")
    threads: Positive = 1  # torch threads of its engine: it works beside the next generation
    lease_s: float = Field(1800.0, gt=0)  # how long an assessment may take
    noise: bool = False  # report random numbers in place of the truth (a closure test)


class RecordSection(Section):
    """What of the play is kept."""

    share: Share = 1.0  # of the episodes of a recorded generation
    every: Positive = 1  # generations between recorded ones


class CheckpointSection(Section):
    """When the run is made safe."""

    every: Positive = 50
    keep: Positive = 2


class TrackerSection(Section):
    """Who mirrors the record."""

    wandb: Literal["auto", "online", "offline", "off"] = "auto"
    project: str = "socratic"


class RaySection(Section):
    """Which cluster."""

    address: str = ""  # empty: a private one on this machine
    object_store_mb: Positive = 200


class Config(Section):
    """One run, whole."""

    title: str = ""
    seed: int = 0
    generations: Positive = 100
    policy: PolicySection = PolicySection()
    games: dict[str, GameSection]
    play: PlaySection = PlaySection()
    feedback: FeedbackSection = FeedbackSection()
    learner: LearnerSection = LearnerSection()
    observer: ObserverSection = ObserverSection()
    record: RecordSection = RecordSection()
    checkpoint: CheckpointSection = CheckpointSection()
    tracker: TrackerSection = TrackerSection()
    ray: RaySection = RaySection()

    @model_validator(mode="after")
    def _has_a_game(self) -> "Config":
        if not self.games:
            raise ValueError(NO_GAME)
        return self

    @model_validator(mode="after")
    def _heads_fit(self) -> "Config":
        hidden, step = self.policy.hidden, 2 * self.policy.heads
        if self.policy.source == "scratch" and hidden % step:
            fitting = -(-hidden // step) * step
            raise ValueError(f"policy.hidden is {hidden}, expected a multiple of {step} (twice policy.heads); try {fitting}")
        return self

    @model_validator(mode="after")
    def _every_actor_has_a_block(self) -> "Config":
        matches, actors = self.episodes_per_generation, self.play.actors
        if actors > -(-matches // self.play.block):
            raise ValueError(
                f"play.actors is {actors}, and the {matches} matches of a generation are {-(-matches // self.play.block)} block(s) of "
                f"play.block = {self.play.block}; try play.block = {max(1, -(-matches // actors))}"
            )
        return self

    @model_validator(mode="after")
    def _comparisons_have_two_sides(self) -> "Config":
        baseline, scale = self.learner.baseline, self.learner.scale
        if baseline == "context" and scale != "none":
            raise ValueError(f"learner.scale is {scale!r} beside learner.baseline = 'context', which takes none; use scale = 'none'")
        compares_groups = baseline in {"group", "leave_one_out"} or scale == "group"
        alone = [name for name, section in self.games.items() if section.group == 1]
        if compares_groups and alone:
            raise ValueError(
                f"learner compares matches of one deal, and games.{alone[0]}.group is 1: a group of one learns nothing; "
                "set it to 2 or more, or use the baseline 'context', 'seat' or 'seat_mean'"
            )
        return self

    @property
    def is_masked(self) -> bool:
        """Whether replies are decoded under a mask over the legal moves."""
        return self.play.masked == "on" or (self.play.masked == "auto" and self.policy.source == "scratch")

    @property
    def uses_lora(self) -> bool:
        """Whether adapters are trained and not all weights."""
        return self.policy.tune == "lora" or (self.policy.tune == "auto" and self.policy.source != "scratch")

    @property
    def episodes_per_generation(self) -> int:
        """Matches of one generation, all games together."""
        return sum(section.episodes for section in self.games.values())


def load_config(paths: Sequence[Path], overrides: Iterable[str] = ()) -> Config:
    """Compose TOML files left to right, then `key=value` overrides.

    Raises:
        ConfigError: a file is missing or is no TOML, a key is unknown, or a value does not fit.
    """
    merged: dict[str, Json] = {}
    for path in paths:
        _merge(merged, _read(path))
    for override in overrides:
        _merge(merged, _parse_override(override))
    return make_config(merged)


def make_config(values: Mapping[str, Json]) -> Config:
    """Check plain values against the sections.

    Raises:
        ConfigError: one line for the first thing that does not fit, with the nearest known key.
    """
    try:
        return Config.model_validate(_tuples(dict(values)), strict=True)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _read(path: Path) -> dict[str, Json]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}; give a TOML file or the name of a built-in one") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder, expected a TOML file") from None
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def _parse_override(text: str) -> dict[str, Json]:
    key, equals, value = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        lacking = "key before its '='" if equals and not key.strip() else "name between two dots of its key" if equals else "'='"
        raise ConfigError(f"override {text!r} has no {lacking}; write key=value, e.g. learner.lr=1e-4")
    nested = _parse_value(value)
    for part in reversed(parts):
        nested = {part: nested}
    assert isinstance(nested, dict)
    return nested


def _parse_value(text: str) -> Json:
    try:
        parsed: dict[str, Json] = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()  # a bare word is a string: -o play.executor=local
    # Text with a line end in it could hold further keys.
    return parsed["value"] if len(parsed) == 1 else text


def _merge(into: dict[str, Json], values: Mapping[str, Json]) -> None:
    for key, value in values.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        else:
            into[key] = value


def _tuples(value: Json) -> object:
    """Return the value with tuples for lists: types are checked strictly, so that "3" and true are no numbers."""
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _explain(error: ValidationError) -> str:
    # A key that is misspelt may be why another is missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    location = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"did you mean {_dotted([*location[:-1], near[0]])}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown configuration key {_dotted(location)}; {remedy}"
    if first["type"] == "value_error":
        return first["msg"].removeprefix("Value error, ")
    if location == ["games"] and first["type"] == "missing":
        return NO_GAME
    if first["type"] == "missing":
        location.pop()  # a place in a list; the input is the list
    if location[0] == "games" and location[2:3] == ["params"]:
        del location[4:]  # the types that the parameter was tried as
    return f"{_dotted(location)} = {_shown(first['input'])} does not fit: expected {_expected(first, location)}"


def _expected(found: ErrorDetails, location: Sequence[str]) -> str:
    kind = found["type"]
    if location[0] == "games" and location[2:3] == ["params"] and len(location) == 4:
        return "a number, a text, true or false"
    if kind in {"model_type", "dict_type"}:
        return f"a table, [{_dotted(location)}]"
    if kind in {"tuple_type", "missing", "too_long"}:
        return "a list" if kind == "tuple_type" else "a list of another length"
    return found["msg"].removeprefix("Input should be ")


def _dotted(location: Sequence[str]) -> str:
    return ".".join(part if BARE_KEY.fullmatch(part) else json.dumps(part) for part in location)


def _shown(value: object) -> str:
    """Return a value as TOML would write it, cut where it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _known_keys(location: Sequence[str]) -> list[str]:
    section: type[BaseModel] = Config
    for part in location:
        found = section.model_fields.get(part)
        candidates = [] if found is None else [found.annotation, *get_args(found.annotation)]
        inner = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        section = inner[0] if inner else (GameSection if section is Config else section)
    return list(section.model_fields)
