"""A critic that fails is shut out in a whole run, and the run goes on to its end."""

from math import isnan
from pathlib import Path

import pytest

from socratic.config import Config, make_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory
from tests.system.small import SMALL, play_run, weight_digests

pytestmark = pytest.mark.system

PLANTED = "socratic.critics.planted:make_{}"


def of_judge(name: str, generations: int = 5, **measure: Json) -> Config:
    """Return a run that plays nothing but stories, which the planted judge `name` scores."""
    return _run({"story": {"episodes": 32, "params": {"judged": True}}}, {"judge": PLANTED.format(name)}, generations, measure)


def of_scorer(name: str, generations: int = 5, **measure: Json) -> Config:
    """Return a run in which the planted scorer `name` says what games are worth that their rules could score."""
    return _run(
        {"sticks": {"episodes": 24, "params": {"heap": 5}}, "signal": {"episodes": 24}},
        {"critic": PLANTED.format(name)},
        generations,
        measure,
    )


def _run(games: dict[str, Json], feedback: dict[str, Json], generations: int, measure: dict[str, Json]) -> Config:
    sections: dict[str, Json] = {
        "games": games,
        "generations": generations,
        "observer": {"enabled": False},
        "feedback": {**feedback, "measure": measure},
    }
    return make_config({**SMALL, **sections})


def quarantined(run: RunDirectory, name: str) -> list[Json]:
    """Return for each generation whether the critic is not heard."""
    return [row[f"critic/{name}/quarantined"] for row in run.read("metrics")]


def events(run: RunDirectory, kind: str) -> list[dict[str, Json]]:
    """Return the run's events of one kind."""
    return [event for event in run.read("events") if event["kind"] == kind]


@pytest.mark.parametrize("name", ["length", "empty"])
def test_a_planted_judge_is_out_within_3_generations_and_the_run_ends_as_planned(tmp_path: Path, name: str) -> None:
    run = play_run(tmp_path, name, of_judge(name))
    assert len(run.read("metrics")) == 5
    (event,) = events(run, "quarantine")
    assert int(str(event["generation"])) < 3
    assert f"the critic planted_{name} is not heard" in str(event["message"])
    assert quarantined(run, f"planted_{name}")[2:] == [1, 1, 1]
    # The rewards of a generation without feedback are missing, and words say why nothing is learned.
    assert run.read("metrics")[-1].get("reward/mean") is None
    assert events(run, "note")


@pytest.mark.parametrize("name", ["length", "empty"])
def test_a_planted_scorer_is_out_within_3_generations_and_the_run_ends_as_planned(tmp_path: Path, name: str) -> None:
    run = play_run(tmp_path, name, of_scorer(name))
    assert len(run.read("metrics")) == 5
    assert quarantined(run, f"planted_{name}")[2:] == [1, 1, 1]
    assert len(events(run, "quarantine")) == 1


def test_an_honest_critic_is_heard_to_the_end(tmp_path: Path) -> None:
    run = play_run(tmp_path, "honest", of_scorer("honest", generations=8))
    assert not any(quarantined(run, "planted_honest"))
    assert not events(run, "quarantine")
    assert all(row["reward/mean"] is not None for row in run.read("metrics"))


def test_a_quarantined_critic_teaches_nothing(tmp_path: Path) -> None:
    # It is out in its first generation, so that what decides the weights from then on is the magnet alone.
    one = play_run(tmp_path, "one", of_scorer("empty"))
    other = play_run(tmp_path, "other", of_scorer("length"))
    assert quarantined(one, "planted_empty") == quarantined(other, "planted_length") == [1] * 5
    assert weight_digests(one) == weight_digests(other)


def test_a_run_goes_on_over_matches_of_which_its_judge_cannot_say(tmp_path: Path) -> None:
    halting = _run({"debate": {"episodes": 16, "params": {"judged": True}}}, {"judge": "tests.system.judged:make_halting"}, 3, {})
    run = play_run(tmp_path, "halting", halting)
    rows = run.read("metrics")
    assert len(rows) == 3
    assert all(0 < float(str(row["critic/halting/cannot_say"])) < 1 for row in rows)
    assert all(row["game/debate/undecided_rate"] == pytest.approx(row["critic/halting/cannot_say"], abs=0.4) for row in rows)
    for recorded in (each for index in range(3) for each in run.episodes(index)):
        assert recorded.feedback is not None
        is_silent = all(map(isnan, recorded.feedback.rewards))
        assert recorded.episode.is_undecided == is_silent == all(map(isnan, recorded.episode.scores))
    # Null in the file, not NaN.
    text = (run.folder / "episodes" / "000000.jsonl").read_text()
    assert '"answer":[null,null]' in text
    assert "NaN" not in text


def test_quarantine_can_be_lifted(tmp_path: Path) -> None:
    run = play_run(tmp_path, "lifted", of_scorer("empty", generations=3, quarantine=False))
    assert not any(quarantined(run, "planted_empty"))
    assert "heard all the same" in str(events(run, "note")[0]["message"])
