"""Play ahead of learning: an exact number of generations, the same bytes wherever it is played and however it is interrupted."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from socratic.cli.session import Session
from socratic.config import Config, make_config
from socratic.errors import CheckpointError
from socratic.records import Json
from socratic.store.checkpoint import checkpoint_paths
from socratic.store.run_directory import RunDirectory
from socratic.store.toml import to_toml
from tests.system.judged import GAMES as JUDGED
from tests.system.small import SMALL, command, play_run, small_config, weight_digests, without_times
from tests.system.test_broken_games import DECLARED, HEAD, LATE

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

GENERATIONS = 6
LEAGUE: list[Json] = [["agent", "league"], ["league", "agent"]]
# A pool that loses versions while matches with them are in flight, t0 at a table, and more blocks than workers.
GAMES: dict[str, Json] = {
    "kuhn_poker": {"episodes": 12, "group": 2, "lineups": LEAGUE},
    "sticks": {"episodes": 6, "params": {"heap": 5}, "lineups": [["agent", "agent"], ["agent", "t0"]]},
}


def lagged(lag: int = 1, **sections: Json) -> Config:
    """Return a small run in which play is `lag` generations ahead."""
    play = {"lag": lag, **dict(sections.pop("play", {}))}  # type: ignore[arg-type]  # a section is a table
    values: dict[str, Json] = {
        "generations": GENERATIONS,
        "games": GAMES,
        "league": {"opponent": "prioritized", "every": 1, "size": 2},
        "learner": {"lr": 5e-3, "gradient": {"kind": "ppo"}},
        "checkpoint": {"every": 1, "keep": 20},
        **sections,
    }
    return small_config(play=play, **values)


def episodes(run: RunDirectory) -> list[str]:
    return [path.read_text() for path in sorted((run.folder / "episodes").glob("*.jsonl"))]


def assert_same(run: RunDirectory, other: RunDirectory) -> None:
    assert episodes(run) == episodes(other)
    assert without_times(run.read("metrics")) == without_times(other.read("metrics"))
    assert run.read("assessments") == other.read("assessments")
    assert weight_digests(run) == weight_digests(other)


def resumed_after(run: RunDirectory, done: int, folder: Path) -> RunDirectory:
    """Copy a run as a kill would have left it that came in the generation after checkpoint `done`, and resume the copy."""
    shutil.copytree(run.folder, folder / run.name)
    copy = RunDirectory.open(folder, run.name)
    for path in checkpoint_paths(copy.checkpoints):
        if int(path.name) > done:
            shutil.rmtree(path)
    copy.lock()
    Session(copy, copy.config(), is_resumed=True, is_live=False).run()
    return RunDirectory.open(folder, run.name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return play_run(tmp_path_factory.mktemp("whole"), "whole", lagged())


@pytest.mark.parametrize("lag", [1, 2])
def test_every_generation_is_played_by_the_version_that_is_exactly_so_much_older(whole: RunDirectory, tmp_path: Path, lag: int) -> None:
    run = whole if lag == 1 else play_run(tmp_path, "two", lagged(2))
    for index in range(GENERATIONS):
        turns = [turn for each in run.episodes(index) for turn in each.episode.turns if turn.player == "agent"]
        assert {turn.version for turn in turns} == {max(0, index - lag)}
        assert {each.episode.match.version for each in run.episodes(index)} == {max(0, index - lag)}
    rows = run.read("metrics")
    assert [row["offpolicy/staleness_mean"] for row in rows] == [min(index, lag) for index in range(GENERATIONS)]
    # The ratio to what was played is 1 until the weights have moved on, and then no more.
    differences = [float(str(row["offpolicy/logp_diff_max"])) for row in rows]
    assert differences[0] < 1e-5
    assert min(differences[1:]) > 1e-3


def test_some_opponent_has_left_the_league_before_its_matches_are_back(whole: RunDirectory) -> None:
    seated = [{seat for each in whole.episodes(i) for seat in each.episode.match.seats} for i in range(GENERATIONS)]
    rated = [{name.rpartition("/")[2] for name in row if name.startswith("league/rating/")} for row in whole.read("metrics")]
    assert any(
        {seat.removeprefix("past:") for seat in seats if seat.startswith("past:")} - known
        for seats, known in zip(seated, rated, strict=True)
    )


@pytest.mark.parametrize("actors", [1, 2])
def test_ray_plays_ahead_what_this_process_does(whole: RunDirectory, tmp_path: Path, actors: int) -> None:
    assert_same(play_run(tmp_path, "ray", lagged(play={"executor": "ray", "actors": actors})), whole)


def test_the_observer_changes_nothing_of_what_is_played_ahead(whole: RunDirectory, tmp_path: Path) -> None:
    blind = play_run(tmp_path, "blind", lagged(observer={"enabled": False}))
    assert episodes(blind) == episodes(whole)
    assert weight_digests(blind) == weight_digests(whole)


@pytest.mark.parametrize("done", [0, 1, 2, GENERATIONS - 1])
def test_a_run_that_is_resumed_plays_again_what_was_in_flight(whole: RunDirectory, tmp_path: Path, done: int) -> None:
    assert_same(resumed_after(whole, done, tmp_path), whole)


def test_a_longer_lag_is_resumed_with_all_that_was_in_flight(tmp_path: Path) -> None:
    run = play_run(tmp_path, "three", lagged(3))
    assert_same(resumed_after(run, 2, tmp_path / "again"), run)


def test_a_killed_run_of_two_actors_is_resumed_to_the_same_bytes(whole: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "lagged.toml"
    path.write_text(to_toml(lagged(play={"executor": "ray", "actors": 2}, checkpoint={"every": 2, "keep": 20}).model_dump(mode="json")))
    words = ["run", str(path), "--name", "killed", "--runs-dir", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "socratic", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert any(line.startswith("generation 3/") for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert RunDirectory.open(tmp_path, "killed").generations_done() < GENERATIONS
    done = command("resume", "killed", runs_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(RunDirectory.open(tmp_path, "killed"), whole)


def test_a_checkpoint_holds_what_is_in_flight_and_the_weights_that_play_it(whole: RunDirectory, tmp_path: Path) -> None:
    part = whole.checkpoints / "000003" / "rollout"
    state = json.loads((part / "flights.json").read_text())
    (flight,) = state["flights"]
    assert (flight["index"], flight["weights"]["agent"], state["next"]) == (3, 2, 4)
    assert {path.name for path in part.glob("*.safetensors")} == {f"{int(version):06d}.safetensors" for version in state["fingerprints"]}
    plain = play_run(tmp_path, "plain", lagged(0, generations=1))
    assert not (plain.checkpoints / "000001" / "rollout").exists()


def test_a_run_is_not_resumed_at_another_lag(whole: RunDirectory, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "whole")
    copy = RunDirectory.open(tmp_path, "whole")
    copy.lock()
    with pytest.raises(CheckpointError, match="has a part 'rollout' that this run does not"):
        Session(copy, lagged(0), is_resumed=True, is_live=False).run()


def test_matches_in_flight_of_a_game_that_broke_are_left_out_and_said_once(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(f"{HEAD}{DECLARED % ''}async def late(t: Table):\n    'Say.'\n    {LATE}\n")
    config = lagged(games={**GAMES, str(path): {"episodes": 16}}, observer={"enabled": False})
    run = play_run(tmp_path / "runs", "dropped", config)
    assert [record["generation"] for record in run.read("events") if record["kind"] == "game-broken"] == [0]
    games = {each.episode.match.game for index in range(GENERATIONS) for each in run.episodes(index)}
    assert games == {"kuhn_poker", "sticks", "signal"}
    assert not any("late" in name for row in run.read("metrics") for name in row)
    assert_same(resumed_after(run, 1, tmp_path / "again"), run)


def test_a_judge_in_an_actor_judges_what_is_played_ahead(tmp_path: Path) -> None:
    def judged(play: Json) -> Config:
        return lagged(games=JUDGED, generations=3, feedback={"judge": "model"}, observer={"enabled": False}, play=play)

    local = play_run(tmp_path, "local", judged({}))
    assert_same(play_run(tmp_path, "ray", judged({"executor": "ray", "actors": 2})), local)


def test_a_known_optimum_is_learned_from_older_play(tmp_path: Path) -> None:
    learner: Json = {"lr": 3e-3, "gradient": {"kind": "ppo"}, "baseline": "context", "objective": {"kl": 0.1, "entropy": 0.05}}
    own: dict[str, Json] = {
        "generations": 60,
        "games": {"sticks": {"episodes": 48, "params": {"heap": 5}}},
        "policy": {"hidden": 32, "layers": 1, "heads": 2, "warmup": {"steps": 60, "transcripts": 32}},
        "learner": learner,
        "play": {"executor": "local", "lag": 1},
        "observer": {"every": 60},
        "checkpoint": {"every": 60},
    }
    first, last = play_run(tmp_path, "learned", make_config({**SMALL, **own})).read("assessments")
    assert float(str(first["observer/sticks/optimal_share"])) < 0.6
    assert float(str(last["observer/sticks/optimal_share"])) > 0.9
