"""What can be said before anything heavy is loaded: which configuration, which games, and whether they fit."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from socratic.config import Config, load_config
from socratic.errors import ConfigError
from socratic.registry import load_game

QUICKSTART = "quickstart"


def find_configs(names: Sequence[str]) -> list[Path]:
    """Return the files of `names`: paths as they are, plain names among the built-in ones; the quickstart for none.

    Raises:
        ConfigError: a name is neither a file nor built in.
    """
    return [_find(name) for name in (names or [QUICKSTART])]


def read_config(names: Sequence[str], overrides: Sequence[str]) -> Config:
    """Compose the configuration and check it against its games.

    Raises:
        ConfigError: it does not fit, or a line-up does not fit its game.
        UnknownGame: a game is not installed.
    """
    config = load_config(find_configs(names), overrides)
    game_versions(config)
    return config


def game_versions(config: Config) -> dict[str, str]:
    """Return the version hash of each game, having checked its parameters and line-ups.

    Raises:
        UnknownGame: no such game.
        ConfigError: a parameter or a line-up does not fit its game.
    """
    versions = {}
    for name, section in config.games.items():
        game = load_game(name)
        game.complete(section.params)
        for lineup in section.lineups:
            if len(lineup) != len(game.seats) or "agent" not in lineup:
                raise ConfigError(f"games.{name}.lineups has {list(lineup)}; expected {len(game.seats)} players, the agent among them")
        versions[name] = game.version
    return versions


def openings(config: Config) -> list[str]:
    """Return what of the configuration brings outside knowledge into the system after t0."""
    seated = {player for section in config.games.values() for lineup in section.lineups for player in lineup}
    return [f"line-ups seat {player}" for player in sorted(seated) if player == "scripted:optimal"]


def _find(name: str) -> Path:
    if name.endswith(".toml") or "/" in name:
        return Path(name)
    built_in = Path(str(files("socratic_configs"))) / f"{name}.toml"
    if built_in.is_file():
        return built_in
    known = sorted(path.stem for path in built_in.parent.glob("*.toml"))
    raise ConfigError(f"no configuration is called {name!r}; built in: {', '.join(known)}; or give a path to a TOML file")
