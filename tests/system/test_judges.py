"""Runs that a model judges: wherever it lives and whoever dies, the same episodes; and a replay asks nobody."""

from collections.abc import Callable
from pathlib import Path

import pytest

from socratic.cluster import LocalExecutor, RayExecutor
from socratic.config import JudgeModel
from socratic.critics.judge import RemoteJudge
from socratic.critics.workers import CriticFactory
from socratic.game import LiveMatch, RecordedClerk, Seed, settle
from socratic.play.rollout import BlockRollout
from socratic.policy.weights import make_weights
from socratic.protocols import Executor
from socratic.records import Played
from socratic.registry import load_game
from socratic.store.run_directory import RunDirectory
from tests.system.judged import judged_config
from tests.system.small import play_run, weight_digests, without_times
from tests.unit.judged_play import Struck, matches, random_play
from tests.unit.judges import byte_tokenizer, saved, tiny_llama

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def episodes(run: RunDirectory) -> list[str]:
    return [path.read_text() for path in sorted((run.folder / "episodes").glob("*.jsonl"))]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return play_run(tmp_path_factory.mktemp("local"), "local", judged_config())


@pytest.mark.parametrize("actors", [1, 2])
def test_a_judge_in_an_actor_of_its_own_says_what_it_says_here(local: RunDirectory, tmp_path: Path, actors: int) -> None:
    spread = play_run(tmp_path, "ray", judged_config(play={"executor": "ray", "actors": actors}))
    assert episodes(spread) == episodes(local)
    assert without_times(spread.read("metrics")) == without_times(local.read("metrics"))
    assert weight_digests(spread) == weight_digests(local)


def test_verdicts_are_recorded_so_that_a_replay_asks_nobody(local: RunDirectory) -> None:
    recorded = [each.episode for each in local.episodes(0)]
    assert all(episode.calls for episode in recorded if episode.match.game == "debate")
    for episode in recorded:
        clerk = RecordedClerk(episode.calls)
        replayed = LiveMatch(load_game(episode.match.game), episode.match.params, Seed(episode.match.seed))
        settle([replayed], clerk)
        said = {seat: [turn.reply for turn in episode.turns if turn.seat == seat] for seat in range(2)}
        while not replayed.done:
            replayed.submit({request.seat: said[request.seat].pop(0) for request in replayed.requests()})
            settle([replayed], clerk)
        assert replayed.scores == episode.scores


def test_a_judge_that_is_killed_in_the_middle_of_a_block_changes_no_episode(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    folder = saved(tmp_path / "judge", tiny_llama(len(tokenizer)), tokenizer)
    factory = CriticFactory(section=JudgeModel(source=str(folder)), seed=Seed(1))
    expected = played_by(LocalExecutor(), factory)
    events: list[tuple[str, str]] = []
    flag = tmp_path / "flag"
    flag.touch()
    executor = RayExecutor(object_store_mb=100, on_event=lambda kind, message: events.append((kind, message)))
    found = played_by(executor, Struck(factory, flag))
    executor.close()
    assert not flag.exists()
    assert found == expected
    assert [kind for kind, _ in events] == ["worker-lost"]
    assert events[0][1].startswith("judge: its process died")
    assert events[0][1].endswith("; it was asked by another worker")


def played_by(executor: Executor, factory: Callable[[], object]) -> Played:
    rollout = BlockRollout(executor.spawn("play", random_play, count=2), 3, RemoteJudge(executor.spawn("judge", factory), no_weights))
    rollout.sync({"agent": make_weights(0, {})})
    rollout.start(0, matches(8))
    return rollout.finish(0)


def no_weights() -> None:
    return None
