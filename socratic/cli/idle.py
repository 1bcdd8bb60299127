"""Keys that are set and that nothing reads: who sets one expects something of it, so it is refused, with who would read it.

A value that is the default asks for nothing and is never refused: a resolved configuration, in which every key is set, can be run
again. Nor is a key that a file sets for something that the file itself uses, and that what is composed over it has put out of use:
`socratic run ppo -o learner.baseline=seat` leaves the value head's settings idle on purpose. A file that several runs share is taken with
`--allow-idle`. What has a switch of its own (the observer, the measuring, trackers, the record, Ray) keeps its settings while it is off.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from socratic.config import Config, load_config
from socratic.critics.endpoint import is_endpoint
from socratic.critics.names import OWN, PANEL, judges_of, scorers_of, uses_model
from socratic.errors import ConfigError
from socratic.records import Json
from socratic.registry import load_game

# Critics that words cannot talk round, which are not measured.
UNREAD = frozenset({"outcome", "random", "format"})
# What says that something is not wanted asks for nothing either.
OFF: dict[str, Json] = {"learner.baseline": "none", "learner.magnet_every": 0}
AGENT, LEAGUE = "agent", "league"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Who reads some keys."""

    keys: tuple[str, ...]  # of one value, or of a section: then all that is in it
    is_there: Callable[[Config], bool]
    name: str


def refuse_idle(config: Config, paths: Sequence[Path], overrides: Sequence[str]) -> None:
    """Refuse the first key of `config`, composed of `paths` and `overrides`, that is set and that nothing reads.

    Raises:
        ConfigError: which one, what it is, who would read it, and its default.
    """
    found = idle_keys(config)
    if found:
        earlier = _prefixes(paths, overrides)
        for key, reader in found.items():
            value = _value(config, key)
            if not any(_value(before, key) == value and key not in idle_keys(before) for before in earlier):
                raise ConfigError(
                    f"{key} is {_shown(value)} and does nothing here: only {reader} reads it; use that, leave {key} out (it is then "
                    f"{_shown(_default(key))}), or pass --allow-idle"
                )
    _refuse_empty_steps(config)


def idle_keys(config: Config) -> dict[str, str]:
    """Return the keys whose value is not the default and that nothing reads, each with who would."""
    found: dict[str, str] = {}
    for reader in READERS:
        if reader.is_there(config):
            continue
        for key in reader.keys:
            for leaf, value in _leaves(key, _value(config, key)):
                if value != _default(leaf) and (leaf not in OFF or value != OFF[leaf]):
                    found.setdefault(leaf, reader.name)
    return found


def _prefixes(paths: Sequence[Path], overrides: Sequence[str]) -> list[Config]:
    """Return what each first part of the composition makes by itself, where it makes a whole configuration."""
    wholes = []
    for count in range(1, len(paths) + bool(overrides)):
        try:
            wholes.append(load_config(paths[:count]))
        except ConfigError:
            continue
    return wholes


def _refuse_empty_steps(config: Config) -> None:
    """Refuse more steps than a generation has trajectories: each learns from one at least."""
    most = sum(section.episodes * max(map(_num_agents, _lineups(name, config))) for name, section in config.games.items())
    if config.learner.minibatches > most:
        raise ConfigError(
            f"learner.minibatches is {config.learner.minibatches}, and a generation has at most {most} trajectories, of which a step takes "
            f"one or more; set it to {most} or less, or raise the games' episodes"
        )


def _lineups(name: str, config: Config) -> Sequence[Sequence[str]]:
    return config.games[name].lineups or ((AGENT,) * len(load_game(name).seats),)


def _num_agents(lineup: Sequence[str]) -> int:
    return sum(player == AGENT for player in lineup)


def _value(config: Config, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _default(key: str) -> object:
    first, *rest = key.split(".")
    value: object = Config.model_fields[first].default
    for part in rest:
        value = getattr(value, part)
    return value


def _leaves(key: str, value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, BaseModel):
        yield key, value
        return
    for name in type(value).model_fields:
        yield from _leaves(f"{key}.{name}", getattr(value, name))


def _shown(value: object) -> str:
    return json.dumps(value) if not isinstance(value, str) else f"'{value}'"


def _has(coefficient: str) -> Callable[[Config], bool]:
    return lambda config: any(getattr(each, coefficient) for each in config.objectives.values())


def _names_critic(name: str) -> Callable[[Config], bool]:
    return lambda config: name in {config.feedback.critic, config.feedback.judge, *scorers_of(config.feedback), *judges_of(config.feedback)}


def _seats_league(config: Config) -> bool:
    return any(LEAGUE in lineup for section in config.games.values() for lineup in section.lineups)


def _is_measured(config: Config) -> bool:
    # What is switched off keeps its settings.
    return not config.feedback.measure.enabled or bool(judges_of(config.feedback) or set(scorers_of(config.feedback)) - UNREAD)


def _asks_endpoint(config: Config) -> bool:
    return uses_model(config.feedback) and is_endpoint(config.feedback.model.source)


def _loads_judge(config: Config) -> bool:
    return uses_model(config.feedback) and not is_endpoint(config.feedback.model.source) and config.feedback.model.source not in OWN


def _moves_magnet(config: Config) -> bool:
    return _has("kl")(config) or (_has("pref")(config) and config.learner.preference.reference == "magnet")


READERS: tuple[Reader, ...] = (
    Reader(
        keys=("policy.hidden", "policy.init_std", "policy.layers", "policy.heads", "policy.warmup"),
        is_there=lambda config: config.policy.source == "scratch",
        name="policy.source = 'scratch'",
    ),
    Reader(
        keys=("policy.warmup.transcripts", "policy.warmup.lr"),
        is_there=lambda config: config.policy.warmup.steps > 0,
        name="a warm-up (policy.warmup.steps above 0)",
    ),
    Reader(keys=("policy.lora",), is_there=lambda config: config.uses_lora, name="policy.tune = 'lora'"),
    Reader(
        keys=("feedback.model",),
        is_there=lambda config: uses_model(config.feedback),
        name="a model as critic (feedback.judge = 'model' or feedback.critic = 'judge')",
    ),
    Reader(keys=("feedback.model.name",), is_there=_asks_endpoint, name="an endpoint (feedback.model.source = 'http://...')"),
    Reader(
        keys=("feedback.model.kind", "feedback.model.dtype"),
        is_there=_loads_judge,
        name="a model of its own (feedback.model.source = 'smollm2', a folder or a hub name)",
    ),
    Reader(
        keys=("feedback.reward_model",),
        is_there=_names_critic("reward_model"),
        name="a reward model (feedback.judge or feedback.critic = 'reward_model')",
    ),
    Reader(keys=("feedback.panel",), is_there=_names_critic(PANEL), name="a panel (feedback.judge or feedback.critic = 'panel')"),
    Reader(
        keys=("feedback.measure",),
        is_there=_is_measured,
        name="the measuring of critics that read text (such as feedback.judge = 'model')",
    ),
    Reader(
        keys=("league.every", "league.size"),
        is_there=lambda config: _seats_league(config) or config.feedback.model.source == "past",
        name="a league, which a line-up seats as 'league',",
    ),
    Reader(
        keys=("league.opponent", "league.power", "league.fixed"),
        is_there=_seats_league,
        name="a league, which a line-up seats as 'league',",
    ),
    Reader(keys=("league.power",), is_there=lambda config: config.league.opponent == "prioritized", name="league.opponent = 'prioritized'"),
    Reader(keys=("league.fixed",), is_there=lambda config: config.league.opponent == "fixed", name="league.opponent = 'fixed'"),
    Reader(keys=("observer.max_states",), is_there=lambda config: config.observer.method == "auto", name="observer.method = 'auto'"),
    Reader(
        keys=("observer.episodes",),
        is_there=lambda config: config.observer.method != "exact",
        name="observer.method = 'auto' or 'play'",
    ),
    Reader(
        keys=("learner.baseline", "learner.scale", "learner.discount", "learner.gradient"),
        is_there=_has("pg"),
        name="the policy gradient (an objective with pg above 0)",
    ),
    Reader(
        keys=("learner.gradient.clip_low", "learner.gradient.clip_high"),
        is_there=lambda config: config.learner.gradient.kind != "reinforce",
        name="learner.gradient.kind = 'ppo', 'cispo' or 'gspo'",
    ),
    Reader(
        keys=("learner.baseline_decay",),
        is_there=lambda config: config.learner.baseline == "seat" and _has("pg")(config),
        name="learner.baseline = 'seat' beside a policy gradient",
    ),
    Reader(
        keys=("learner.normalize",),
        is_there=lambda config: _has("pg")(config) or (_has("kl")(config) and config.learner.kl_form != "full"),
        name="the policy gradient (pg above 0), or an estimated distance to the magnet (learner.kl_form = 'k2' or 'k3'),",
    ),
    Reader(keys=("learner.kl_form",), is_there=_has("kl"), name="the distance to the magnet (an objective with kl above 0)"),
    Reader(
        keys=("learner.magnet_every",),
        is_there=_moves_magnet,
        name="a magnet (an objective with kl above 0, or learner.preference.reference = 'magnet')",
    ),
    Reader(keys=("learner.imitation",), is_there=_has("ce"), name="imitation (an objective with ce above 0)"),
    Reader(
        keys=("learner.imitation.threshold",),
        is_there=lambda config: config.learner.imitation.keep == "above",
        name="learner.imitation.keep = 'above'",
    ),
    Reader(
        keys=("learner.imitation.share",),
        is_there=lambda config: config.learner.imitation.keep == "top",
        name="learner.imitation.keep = 'top'",
    ),
    Reader(keys=("learner.preference",), is_there=_has("pref"), name="a preference (an objective with pref above 0)"),
    Reader(
        keys=("learner.preference.kept",),
        is_there=lambda config: config.learner.preference.kind != "dpo",
        name="learner.preference.kind = 'spin'",
    ),
    Reader(keys=("learner.value",), is_there=lambda config: config.learner.baseline == "value", name="learner.baseline = 'value'"),
)
