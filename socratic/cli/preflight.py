"""What can be said before anything heavy is loaded: which configuration, which games, and whether they fit."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from socratic.cli.idle import LEAGUE, refuse_idle
from socratic.config import Config, GameSection, load_config
from socratic.critics.names import check_feedback, judge_without_model, openings_of
from socratic.errors import ConfigError, GameError, PlayError, SocraticError
from socratic.game import Clerk, Game
from socratic.game.check import try_out
from socratic.game.random_play import free_text_seat
from socratic.play.clerk import PlayClerk
from socratic.policy.folders import local_model
from socratic.policy.smollm2 import has_smollm2, smollm2_folder
from socratic.records import Json
from socratic.registry import OBJECTIVES, PREFERENCES, file_hash, is_findable, list_plugins, load_game
from socratic.seeds import Seed

QUICKSTART = "quickstart"
RANDOM, OPTIMAL = "scripted:random", "scripted:optimal"
OPPONENTS = ("t0", RANDOM, OPTIMAL)
PLAYERS = ("agent", *OPPONENTS, LEAGUE)


def find_configs(names: Sequence[str]) -> list[Path]:
    """Return the files of `names`: paths as they are, plain names among the built-in ones; the quickstart for none.

    Raises:
        ConfigError: a name is neither a file nor built in.
    """
    return [_find(name) for name in (names or [QUICKSTART])]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A configuration that can run, and the games that were left out of it because they break their contract."""

    config: Config
    left_out: Mapping[str, str]  # game to what it did


def read_config(names: Sequence[str], overrides: Sequence[str], *, may_be_idle: bool = False) -> Checked:
    """Compose the configuration and check it against its games and its policy: all that can be known without torch.

    A game that breaks its contract is left out, if another is there to play. With `may_be_idle` keys may be set that nothing reads.

    Raises:
        ConfigError: it does not fit, a key is set that nothing reads, or a game cannot be played as it says.
        UnknownGame: a game is not installed.
        ModelMissing: the policy's source is not on this machine, and no hub can have it.
        PolicyError: the policy's source has pickled weights.
    """
    paths = find_configs(names)
    config = load_config(paths, overrides)
    for name, section in config.games.items():
        _check_section(name, section, load_game(name))
    for player in config.observer.opponents:
        if player not in OPPONENTS:
            raise ConfigError(f"observer.opponents has {player!r}, which is no opponent; known: {', '.join(OPPONENTS)}")
    _check_league(config)
    _check_objectives(config)
    check_feedback(config.feedback)
    if not may_be_idle:
        refuse_idle(config, paths, overrides)
    clerk = PlayClerk(judge_without_model(config.feedback, Seed(config.seed).child("critics")))
    left_out = _broken_games(config, clerk)
    if left_out:
        kept = {name: section for name, section in config.games.items() if name not in left_out}
        if not kept:
            raise ConfigError(next(iter(left_out.values())))
        config = config.model_copy(update={"games": kept})
    for name, section in config.games.items():
        game = load_game(name)
        _check_play(name, section, game, clerk, is_scratch=config.policy.source == "scratch")
        if config.observer.enabled and config.observer.method == "exact":
            _check_exact(name, section, game, clerk)
    _check_source(config.policy.source)
    return Checked(config=config, left_out=left_out)


def _broken_games(config: Config, clerk: Clerk) -> dict[str, str]:
    """Return the games that do not keep their contract, with what they did."""
    broken = {}
    for name, section in config.games.items():
        game = load_game(name)
        try:
            game.best_score(section.params)
            try_out(game, section.params, clerk, max_turns=config.play.max_turns)
        except (ConfigError, PlayError) as error:
            raise ConfigError(f"games.{name} cannot be played with {game.complete(section.params)}: {error}") from error
        except GameError as error:
            broken[name] = f"games.{name} cannot be played with {game.complete(section.params)}: {error}"
    return broken


def game_facts(config: Config) -> dict[str, dict[str, Json]]:
    """Return what a run's manifest holds of each game, having checked its parameters and line-ups.

    With it the closing table is drawn without loading a game, and what has changed is noticed.

    Raises:
        UnknownGame: no such game.
        ConfigError: a parameter or a line-up does not fit its game.
    """
    facts: dict[str, dict[str, Json]] = {}
    for name, section in config.games.items():
        game = load_game(name)
        _check_section(name, section, game)
        facts[name] = {
            "version": game.version,
            "file_sha256": file_hash(name),
            "seats": list(game.seats),
            "zero_sum": game.zero_sum,
            "bounds": list(game.bounds),
            "optimum": game.best_score(section.params_assessed),
        }
    return facts


def openings(config: Config) -> list[str]:
    """Return what of the configuration brings outside knowledge into the system after t0."""
    seated = {player for section in config.games.values() for lineup in section.lineups for player in lineup}
    return [*(f"line-ups seat {player}" for player in sorted(seated) if player == OPTIMAL), *openings_of(config.feedback)]


def _check_section(name: str, section: GameSection, game: Game) -> None:
    """Refuse parameters and line-ups that the game does not have."""
    game.complete(section.params)
    game.complete(section.params_assessed)
    for lineup in section.lineups:
        if len(lineup) != len(game.seats) or "agent" not in lineup:
            raise ConfigError(f"games.{name}.lineups has {list(lineup)}; expected {len(game.seats)} players, the agent among them")
        unknown = sorted(set(lineup) - set(PLAYERS))
        if unknown and unknown[0].startswith("past:"):
            version = unknown[0].removeprefix("past:")
            raise ConfigError(
                f"games.{name}.lineups has {unknown[0]!r}, which does not exist when the run begins; "
                f"seat 'league', and set league.opponent = 'fixed' and league.fixed = {version}"
            )
        if unknown:
            raise ConfigError(f"games.{name}.lineups has {unknown[0]!r}, which is no player; known: {', '.join(PLAYERS)}")


def _check_league(config: Config) -> None:
    """Refuse a fixed opponent that the run never comes to."""
    league, num_played = config.league, max(1, config.generations - config.play.lag)
    if league.opponent == "fixed" and league.fixed >= num_played:
        raise ConfigError(
            f"league.fixed is {league.fixed}, and of {config.generations} generations version {num_played - 1} is the last that "
            f"plays; set it below {num_played}, or 0 for t0"
        )


def _check_objectives(config: Config) -> None:
    """Refuse components of the loss that nobody brings; nothing is loaded, because they load torch."""
    learner = config.learner
    for key, name, group in (("gradient", learner.gradient.kind, OBJECTIVES), ("preference", learner.preference.kind, PREFERENCES)):
        known = [plugin.name for plugin in list_plugins(group)]
        if name not in known and not is_findable(name):
            near = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)},"
            raise ConfigError(f"learner.{key}.kind is {name!r}, which is no {key}; {remedy} or a package.module:attr that is there")


def _check_play(name: str, section: GameSection, game: Game, clerk: Clerk, *, is_scratch: bool) -> None:
    """Refuse a game that cannot be played as it is configured."""
    seat = free_text_seat(game, section.params, clerk=clerk)
    seated = {player for lineup in section.lineups for player in lineup}
    if seat is not None and RANDOM in seated and game.bot("random", section.params) is None:
        raise ConfigError(
            f"games.{name}.lineups seats {RANDOM}, which picks from listed moves, and seat {game.seats[seat]!r} is asked for free text; "
            "seat the agent or t0 there"
        )
    if seat is not None and is_scratch:
        raise ConfigError(
            f"games.{name} asks seat {game.seats[seat]!r} for free text, and a scratch policy learns its words from listed moves; "
            "set policy.source to a language model, e.g. smollm2"
        )
    if OPTIMAL in seated and game.bot("optimal", section.params) is None:
        from socratic.game.tree import enumerate_tree

        try:
            enumerate_tree(game, section.params, clerk=clerk).optimal_play()
        except SocraticError as error:
            raise ConfigError(f"games.{name}.lineups seats {OPTIMAL}, and {name} has no such player: {error}") from error


def _check_exact(name: str, section: GameSection, game: Game, clerk: Clerk) -> None:
    """Refuse to measure exactly what has no tree; a tree that is too large is found while it is walked, and is an event then."""
    seat = free_text_seat(game, section.params, clerk=clerk)
    if seat is not None:
        raise ConfigError(
            f"observer.method is 'exact', and games.{name} asks seat {game.seats[seat]!r} for free text, so that it has no tree; "
            "set observer.method to 'auto' or 'play'"
        )


def _check_source(source: str) -> None:
    """Refuse a model that is not there, before seconds go into loading torch."""
    if source == "smollm2":
        if not has_smollm2():
            smollm2_folder()  # says what to do; where it is, its files are verified when they are loaded
    elif source != "scratch":
        local_model(source)


def _find(name: str) -> Path:
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    built_in = Path(str(files("socratic_configs"))) / f"{name}.toml"
    if built_in.is_file():
        return built_in
    known = sorted(path.stem for path in built_in.parent.glob("*.toml"))
    raise ConfigError(f"no configuration is called {name!r}; built in: {', '.join(known)}; or give a path to a TOML file")
