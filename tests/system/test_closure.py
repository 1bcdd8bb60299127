"""The closed system: whoever looks, and whatever they say, the weights come out bit-identical."""

from pathlib import Path

import pytest

from tests.system.small import play_run, small_config, weight_digests, without_times

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], list[dict[str, object]]]:
    run = play_run(tmp_path_factory.mktemp("runs"), "watched", small_config())
    return dict(weight_digests(run)), [dict(record) for record in without_times(run.read("metrics"))]


@pytest.mark.parametrize("observer", [{"enabled": False}, {"noise": True}, {"every": 1}])
def test_the_observer_changes_no_weight(
    watched: tuple[dict[str, object], list[dict[str, object]]], observer: dict[str, bool | int], tmp_path: Path
) -> None:
    run = play_run(tmp_path, "other", small_config(observer={**observer}))
    assert weight_digests(run) == watched[0]
    assert without_times(run.read("metrics")) == watched[1]


def test_the_tracker_changes_no_weight(
    watched: tuple[dict[str, object], list[dict[str, object]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    run = play_run(tmp_path, "tracked", small_config(tracker={"wandb": "offline"}))
    assert weight_digests(run) == watched[0]


def test_noise_reaches_the_assessments_and_nothing_else(tmp_path: Path) -> None:
    truth = play_run(tmp_path, "truth", small_config(generations=2))
    noise = play_run(tmp_path, "noise", small_config(generations=2, observer={"noise": True}))
    assert truth.read("assessments") != noise.read("assessments")
    assert [sorted(row) for row in truth.read("assessments")] == [sorted(row) for row in noise.read("assessments")]


def test_another_seed_gives_other_weights(watched: tuple[dict[str, object], list[dict[str, object]]], tmp_path: Path) -> None:
    assert weight_digests(play_run(tmp_path, "other", small_config(seed=1))) != watched[0]
