"""What is asked of a run directory before anything that it names is loaded: it may come from a stranger.

A run directory is read, never run. The code of games, critics and objectives comes from this installation, or a game's from a file
that is where it was and as it was when the run began, and never from among the runs.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from socratic.cli.preflight import game_facts
from socratic.config import Config
from socratic.critics.names import plugins_of
from socratic.errors import RunError
from socratic.records import Json
from socratic.registry import FILE, REFERENCE, file_hash
from socratic.store.provenance import config_hash
from socratic.store.run_directory import RunDirectory

POLICY_FILE = "policy.json"


def refuse_planted(config: Config, runs_dir: Path) -> None:
    """Refuse a game, critic or objective whose code would come from the folder of the runs; nothing is loaded.

    Raises:
        RunError: what it is, and what to do.
    """
    home = runs_dir.resolve()
    objectives = (config.learner.gradient.kind, config.learner.preference.kind)
    named = {"game": config.games, "critic": plugins_of(config.feedback), "objective": objectives}
    for kind, names in named.items():
        for name in names:
            for place in _places(name):
                if place.is_relative_to(home):
                    raise RunError(
                        f"{kind} {name!r} lies among the runs in {runs_dir}, where nothing is ever run; keep the two in folders apart"
                    )


def trusted_config(run: RunDirectory) -> Config:
    """Return the configuration of a run, having checked that it and the files it names are as they were; nothing is loaded.

    Raises:
        ConfigError: config.toml is missing or damaged.
        RunError: it was changed, or a game's file is not the one that the run began with.
    """
    config, manifest = run.config(), run.manifest()
    if config_hash(config) != manifest.get("config_sha256"):
        raise RunError(
            f"{run.folder / 'config.toml'} was changed since run {run.name} began; start a new run with it, or bring config.toml back"
        )
    refuse_planted(config, run.folder.parent)
    refuse_planted(config, run.folder)
    for name in config.games:
        if FILE.fullmatch(name) and file_hash(name) != _fact(manifest, name, "file_sha256"):
            raise RunError(
                f"game {name!r} is not the file that run {run.name} began with, and it is not loaded: its rules would change half-way; "
                "start a new run, or bring the game's file back"
            )
    return config


def check_games(run: RunDirectory, config: Config) -> None:
    """Load the games of a run that `trusted_config` found in order, and compare their versions.

    Raises:
        RunError: a game has changed.
        GameError: a game cannot be loaded.
    """
    manifest = run.manifest()
    for name, facts in game_facts(config).items():
        if facts["version"] != _fact(manifest, name, "version"):
            raise RunError(
                f"a game of run {run.name} has changed since it started: {name}, and its rules would change half-way; "
                "start a new run, or bring the game's file back"
            )


def keep_policy_hash(run: RunDirectory) -> None:
    """Note in the manifest what the policy's file holds.

    Raises:
        RunError: the disk refuses.
    """
    run.amend({"policy_sha256": _hash(run)})


def check_policy(run: RunDirectory) -> None:
    """Compare the policy's file with what was noted of it.

    Raises:
        RunError: it cannot be read, or was changed.
    """
    if _hash(run) != run.manifest().get("policy_sha256"):
        raise RunError(f"{run.folder / POLICY_FILE} was changed since run {run.name} began; bring it back, or start a new run")


def _places(name: str) -> Iterator[Path]:
    """Yield from where a plugin's code would come, as far as a name says it; an installed one's name says nothing."""
    if file := FILE.fullmatch(name):
        yield Path(file["path"]).resolve()
    elif REFERENCE.fullmatch(name):
        parts = name.partition(":")[0].split(".")
        for root in sys.path:
            for count in range(1, len(parts) + 1):
                place = Path(root, *parts[:count])
                yield from (found.resolve() for found in (place, *place.parent.glob(f"{place.name}.*")) if found.exists())


def _fact(manifest: dict[str, Json], game: str, fact: str) -> Json:
    games = manifest.get("games")
    facts = games.get(game) if isinstance(games, dict) else None
    return facts.get(fact) if isinstance(facts, dict) else None


def _hash(run: RunDirectory) -> str:
    path = run.folder / POLICY_FILE
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error}); the run is damaged, start it again") from None
