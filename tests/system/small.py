"""A whole run small enough for a test, and what two runs are compared by."""

import json
import os
import subprocess
import sys
from pathlib import Path

from socratic.cli.preflight import game_facts
from socratic.cli.session import Session
from socratic.config import Config, make_config
from socratic.records import Json
from socratic.store.checkpoint import newest_checkpoint
from socratic.store.run_directory import RunDirectory

# What depends on the clock or the machine; everything else is compared to the byte.
TIMES = ("time/", "sync/seconds", "scale/")

SMALL: dict[str, Json] = {
    "generations": 4,
    "policy": {"hidden": 16, "layers": 1, "heads": 2, "warmup": {"steps": 4, "transcripts": 16}},
    "games": {"kuhn_poker": {"episodes": 12}, "sticks": {"episodes": 6, "params": {"heap": 5}}, "signal": {"episodes": 6}},
    "play": {"executor": "local", "block": 8},
    "learner": {"magnet_every": 2, "kl_t0_every": 2},
    "observer": {"every": 2},
    "checkpoint": {"every": 2},
    "tracker": {"wandb": "off"},
}


def small_config(**sections: Json) -> Config:
    """Return the small configuration with whole sections merged over it, a key at a time."""
    values = json.loads(json.dumps(SMALL))
    for name, section in sections.items():
        if isinstance(section, dict) and isinstance(values.get(name), dict):
            values[name].update(section)
        else:
            values[name] = section
    return make_config(values)


def play_run(runs_dir: Path, name: str, config: Config) -> RunDirectory:
    """Run `config` to its end in this process."""
    run = RunDirectory.create(runs_dir, name, config, games=game_facts(config))
    Session(run, config, is_resumed=False, is_live=False).run()
    return RunDirectory.open(runs_dir, name)


def weight_digests(run: RunDirectory) -> dict[str, Json]:
    """Return the sha256 of every file of the newest checkpoint that holds weights or moments."""
    manifest = json.loads((newest_checkpoint(run.checkpoints).path / "manifest.json").read_text())
    return {name: entry for name, entry in manifest["files"].items() if name.endswith(".safetensors")}


def without_times(records: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Return the records without what depends on the clock."""
    return [{name: value for name, value in record.items() if not name.startswith(TIMES)} for record in records]


def command(*words: str, runs_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "socratic", *words, "--runs-dir", str(runs_dir)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **variables},
    )
