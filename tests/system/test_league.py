"""A whole run with a league: closed, the same wherever it is played, and the same after a kill."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from socratic.config import Config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory
from socratic.store.toml import to_toml
from tests.system.small import command, play_run, small_config, weight_digests, without_times

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

GENERATIONS = 8
LINEUPS: list[Json] = [["agent", "league"], ["league", "agent"]]


def _config(**sections: Json) -> Config:
    """Return a run whose pool is full, and changes, before its middle."""
    league: Json = {"opponent": "prioritized", "every": 1, "size": 3}
    games: Json = {"kuhn_poker": {"episodes": 12, "group": 2, "lineups": LINEUPS}, "sticks": {"episodes": 6, "params": {"heap": 5}}}
    values: dict[str, Json] = {"generations": GENERATIONS, "league": league, "games": games, "checkpoint": {"every": 3}, **sections}
    return small_config(**values)


def _episodes(run: RunDirectory) -> list[str]:
    return [path.read_text() for path in sorted((run.folder / "episodes").glob("*.jsonl"))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return play_run(tmp_path_factory.mktemp("whole"), "whole", _config())


def _assert_same(run: RunDirectory, other: RunDirectory) -> None:
    assert without_times(run.read("metrics")) == without_times(other.read("metrics"))
    assert _episodes(run) == _episodes(other)
    assert weight_digests(run) == weight_digests(other)


def test_past_versions_are_kept_seated_rated_and_assessed(whole: RunDirectory) -> None:
    last = whole.read("metrics")[-1]
    # The pool as the last generation met it: t0, and the two that were newest.
    assert {name for name in last if name.startswith("league/rating/")} == {f"league/rating/{who}" for who in ("agent", 0, 6, 7)}
    assert last["league/size"] == 3
    assert any(name.startswith("league/success_vs/") for name in last)
    seated = {f"past:{version}" for version in range(GENERATIONS) if f'"past:{version}"' in "".join(_episodes(whole))}
    assert len(seated) > 3
    kept = sorted(name for name in weight_digests(whole) if name.startswith("league/"))
    assert kept == ["league/000000.safetensors", "league/000007.safetensors", "league/000008.safetensors"]
    assessed = whole.read("assessments")[-1]
    for metric in ("cyclic_share", "mixture_exploitability", "alpha_rank/agent", "alpha_rank/0", "alpha_rank/8"):
        assert f"observer/kuhn_poker/{metric}" in assessed


def test_the_observer_changes_no_league(whole: RunDirectory, tmp_path: Path) -> None:
    _assert_same(play_run(tmp_path, "blind", _config(observer={"enabled": False})), whole)


def test_two_ray_actors_play_a_league_as_this_process_does(whole: RunDirectory, tmp_path: Path) -> None:
    spread = play_run(tmp_path, "spread", _config(play={"executor": "ray", "actors": 2}))
    _assert_same(spread, whole)
    assert spread.read("assessments") == whole.read("assessments")


def test_a_killed_run_comes_back_with_its_league(whole: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "league.toml"
    path.write_text(to_toml(_config().model_dump(mode="json")))
    words = ["run", str(path), "--name", "killed", "--runs-dir", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "socratic", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if line.startswith("generation 4/"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert any(line.startswith("generation 4/") for line in printed), "".join(printed)
    killed = RunDirectory.open(tmp_path, "killed")
    assert killed.generations_done() < GENERATIONS
    done = command("resume", "killed", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    _assert_same(RunDirectory.open(tmp_path, "killed"), whole)
