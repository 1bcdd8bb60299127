"""Placement: here, in one Ray actor or in two, the same episodes and the same weights."""

from pathlib import Path

import pytest

from socratic.store.run_directory import RunDirectory
from tests.system.small import play_run, small_config, weight_digests, without_times

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def _episodes(run: RunDirectory) -> list[str]:
    return [path.read_text() for path in sorted((run.folder / "episodes").glob("*.jsonl"))]


def test_local_one_actor_and_two_give_the_same_bytes(tmp_path: Path) -> None:
    local = play_run(tmp_path, "local", small_config())
    assert len(_episodes(local)) == 4
    for actors in (1, 2):
        spread = play_run(tmp_path, f"ray-{actors}", small_config(play={"executor": "ray", "actors": actors}))
        assert _episodes(spread) == _episodes(local)
        assert without_times(spread.read("metrics")) == without_times(local.read("metrics"))
        assert spread.read("assessments") == local.read("assessments")
        assert weight_digests(spread) == weight_digests(local)


def test_two_local_workers_play_what_one_does(tmp_path: Path) -> None:
    one = play_run(tmp_path, "one", small_config(generations=2))
    two = play_run(tmp_path, "two", small_config(generations=2, play={"actors": 2}))
    assert _episodes(two) == _episodes(one)
