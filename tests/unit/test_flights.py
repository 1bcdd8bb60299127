"""What is in flight: which generations are started when, and how a checkpoint keeps them."""

import json
from pathlib import Path

import numpy as np
import pytest

from socratic.cluster import LocalExecutor
from socratic.config import make_config
from socratic.errors import CheckpointError, ConfigError, SyncError
from socratic.learner.learner import load_objectives
from socratic.play.rollout import BlockRollout
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.protocols import Weights
from socratic.records import Json, Match
from tests.unit.judged_play import random_play


def weights_of(version: int) -> PolicyWeights:
    return make_weights(version, {"w": np.full(3, version, np.float32)})


def rollout(lag: int = 1, generations: int = 5) -> BlockRollout:
    made = BlockRollout(LocalExecutor().spawn("play", random_play), 2, lag=lag, generations=generations)
    made.sync({"agent": weights_of(0)})
    return made


def matches(index: int, count: int = 4) -> list[Match]:
    seats = ("scripted:random", "scripted:random")
    return [
        Match(episode_id=f"{index}-{at}", game="sticks", params={"heap": 5}, seed=at, draw_seed=10 * index + at, seats=seats, version=index)
        for at in range(count)
    ]


def saved(made: BlockRollout, folder: Path) -> Path:
    folder.mkdir()
    made.save(folder)
    return folder


def in_flight(folder: Path) -> Path:
    """Write two generations in flight, the second by other weights and with a past version."""
    made = rollout(lag=2)
    made.start(0, matches(0))
    made.sync({"agent": weights_of(1), "t0": weights_of(0)})
    made.sync_past({"past:1": weights_of(1)})
    made.start(1, matches(1))
    return saved(made, folder)


@pytest.mark.parametrize(
    ("lag", "expected"),
    [(0, [[0], [1], [2], [3], [4]]), (1, [[0, 1], [2], [3], [4], []]), (3, [[0, 1, 2, 3], [4], [], [], []])],
)
def test_what_is_started_when_depends_on_the_lag_alone(lag: int, expected: list[list[int]]) -> None:
    made, found = rollout(lag), []
    for index in range(5):
        found.append(list(made.due(index)))
        for due in found[-1]:
            made.start(due, matches(due))
        assert [episode.match for episode in made.finish(index).episodes] == matches(index)
    assert found == expected


def test_a_lag_of_more_than_the_generations_starts_no_more_than_there_are() -> None:
    assert list(rollout(lag=4, generations=2).due(0)) == [0, 1]


def test_what_was_in_flight_is_played_again_to_the_same_episodes(tmp_path: Path) -> None:
    before = rollout(lag=2)
    for index in before.due(0):
        before.start(index, matches(index))
    before.finish(0)
    folder = saved(before, tmp_path / "part")
    again = rollout(lag=2)
    again.load(folder)
    again.play_again()
    assert list(again.due(1)) == [3]
    assert [again.finish(index) for index in (1, 2)] == [before.finish(index) for index in (1, 2)]


def test_weights_and_matches_come_back_as_they_were(tmp_path: Path) -> None:
    folder = in_flight(tmp_path / "part")
    assert sorted(path.name for path in folder.iterdir()) == ["000000.safetensors", "000001.safetensors", "flights.json"]
    again = rollout(lag=2)
    again.load(folder)
    other = saved(again, tmp_path / "other")
    assert all((other / path.name).read_bytes() == path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("name", ["000000.safetensors", "000001.safetensors", "flights.json"])
def test_a_missing_file_is_an_error(tmp_path: Path, name: str) -> None:
    folder = in_flight(tmp_path / "part")
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match="does not hold all that was in flight"):
        rollout(lag=2).load(folder)


@pytest.mark.parametrize("key", ["lag", "next", "broken", "fingerprints", "flights"])
def test_a_missing_key_is_an_error(tmp_path: Path, key: str) -> None:
    folder = in_flight(tmp_path / "part")
    state = json.loads((folder / "flights.json").read_text())
    del state[key]
    (folder / "flights.json").write_text(json.dumps(state))
    with pytest.raises(CheckpointError, match=key):
        rollout(lag=2).load(folder)


def test_other_weights_than_those_that_were_in_flight_are_an_error(tmp_path: Path) -> None:
    folder = in_flight(tmp_path / "part")
    (folder / "000000.safetensors").write_bytes((folder / "000001.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="version 0 is"):
        rollout(lag=2).load(folder)


def test_a_flight_that_is_missing_or_of_another_lag_is_an_error(tmp_path: Path) -> None:
    folder = in_flight(tmp_path / "part")
    with pytest.raises(CheckpointError, match=r"holds generations \[0, 1\] in flight before 2, at a lag of 2; .* at play.lag = 3"):
        rollout(lag=3).load(folder)
    state = json.loads((folder / "flights.json").read_text())
    state["flights"] = state["flights"][:1]
    (folder / "flights.json").write_text(json.dumps(state))
    with pytest.raises(CheckpointError, match=r"holds generations \[0\] in flight before 2"):
        rollout(lag=2).load(folder)


def test_what_is_in_flight_is_held_against_the_weights_that_it_was_sent_with() -> None:
    class Stale:
        def play(self, block: object, weights: dict[str, Weights], past: object) -> object:
            del weights
            return random_play().play(block, {"agent": weights_of(7)}, {})  # type: ignore[arg-type]  # as it was sent

    made = BlockRollout(LocalExecutor().spawn("play", Stale), 2, lag=1, generations=5)
    made.sync({"agent": weights_of(0)})
    made.start(0, matches(0))
    made.sync({"agent": weights_of(7)})
    with pytest.raises(SyncError, match=f"expected {weights_of(0).fingerprint[:12]}"):
        made.finish(0)


# What is beside play.lag = 1, and what the line says.
REFUSED: list[tuple[dict[str, Json], str]] = [
    ({}, "learner.gradient.kind is 'reinforce', which is right only for the policy that played; set learner.gradient.kind = \"ppo\""),
    (
        {"learner": {"gradient": {"kind": "socratic.learner.objectives.reinforce:Reinforce"}}},
        'set learner.gradient.kind = "ppo"',
    ),
    ({"learner": {"gradient": {"kind": "ppo"}, "kl_form": "k3"}}, 'set learner.kl_form = "full"'),
    (
        {"learner": {"objective": {"pg": 0.0, "pref": 1.0}, "preference": {"pairs": "context", "reference": "last"}}},
        "learner.preference.reference is 'last', the policy that played, which is gone by then",
    ),
    ({"learner": {"gradient": {"kind": "ppo"}}, "feedback": {"judge": "panel"}}, "the judge of play is 'panel', which may change"),
    ({"learner": {"gradient": {"kind": "ppo"}}, "feedback": {"judge": "reward_model"}}, "the judge of play is 'reward_model'"),
    (
        {"learner": {"gradient": {"kind": "ppo"}}, "feedback": {"judge": "model", "model": {"source": "past"}}},
        "the judge of play is 'past'",
    ),
    ({"play": {"lag": 5}}, "play.lag = 5 does not fit: expected less than or equal to 4"),
]


@pytest.mark.parametrize(("beside", "said"), REFUSED)
def test_what_does_not_go_with_a_lag_is_refused_with_what_to_change(beside: dict[str, Json], said: str) -> None:
    games: dict[str, Json] = {"sticks": {"episodes": 8}}
    with pytest.raises(ConfigError) as caught:
        make_config({"games": games, "play": {"lag": 1}, **beside})
    assert said in str(caught.value)
    if "play" not in beside:
        assert "or play.lag = 0" in str(caught.value)
        make_config({"games": games, **beside})


@pytest.mark.parametrize("kind", ["ppo", "cispo"])
def test_what_reads_the_ratio_goes_with_a_lag(kind: str) -> None:
    learner: Json = {"gradient": {"kind": kind}}
    config = make_config({"games": {"sticks": {}}, "play": {"lag": 4}, "learner": learner})
    load_objectives(config.learner, needs_ratio=True)


def test_imitation_goes_with_a_lag() -> None:
    learner: Json = {"objective": {"pg": 0.0, "ce": 1.0}, "imitation": {"keep": "top"}}
    make_config({"games": {"sticks": {}}, "play": {"lag": 1}, "learner": learner})


def test_an_objective_that_does_not_say_that_it_reads_the_ratio_is_refused() -> None:
    learner: Json = {"gradient": {"kind": "reinforce"}}
    section = make_config({"games": {"sticks": {}}, "learner": learner}).learner
    load_objectives(section)
    with pytest.raises(ConfigError, match="the objective 'reinforce' does not say that it corrects for play by older weights"):
        load_objectives(section, needs_ratio=True)
